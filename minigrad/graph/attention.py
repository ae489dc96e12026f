"""Who attends to whom: queries and keys in two columns, a line as thick as its weight."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.graph import dot
from minigrad.graph.items import View, subscript
from minigrad.graph.model import Graph
from minigrad.graph.scene import Scene
from minigrad.tensor import raw

_WIDE, _LINE = 150.0, 26.0  # points between the columns, and between two tokens
_THICKEST = 7.0
_LEAST = 0.01  # smaller weights are not drawn
_ACROSS = 4  # heads side by side
_MOST = 2500  # lines in one head
SIDES = ("query", "key")
_LETTERS = 12  # of a token that are shown; the tooltip has it whole


def attention(
    what: Any,
    *,
    tokens: Sequence[str] | None = None,
    keys: Sequence[str] | None = None,
    sides: tuple[str, str] = SIDES,
    title: str | None = None,
) -> View:
    """The weights of attention, one panel for each head.

    Args:
        what: a `Graph` with a softmax that a product with values follows, or the weights
            themselves, (queries, keys) or (heads, queries, keys).
        tokens: names of the queries, and of the keys if those are not given; x₀, x₁, … if
            neither is.
        keys: names of the keys.
        sides: what stands over the queries, and over the keys.
        title: heading of the picture.

    Raises:
        ValueError: the graph has no attention, the weights have another shape or are no
            numbers from 0 to 1, or there are more or fewer names than tokens.
    """
    if isinstance(what, Graph):
        heads, title = _recorded(what), title or what.title
    else:
        heads, title = (
            [("", array) for array in _heads(np.asarray(raw(what)))],
            title or "attention",
        )
    panels = []
    for number, (name, weights) in enumerate(heads):
        if weights.size > _MOST:
            raise ValueError(
                f"attention: got weights of shape {weights.shape}, at most {_MOST} can be drawn: "
                "take a part of them"
            )
        rows, columns = (_names(given, count) for given, count in
                         zip((tokens, keys or tokens), weights.shape, strict=True))  # fmt: skip
        heading = name or (f"head {number}" if len(heads) > 1 else "")
        panels.append((heading, rows, columns, tuple(map(tuple, weights.tolist()))))
    return View(title, (), (), (), name="attention", panels=tuple(panels),
                sides=sides, caption=(f"Lines under {_LEAST:g} are left out.",))  # fmt: skip


def _names(given: Sequence[str] | None, count: int) -> tuple[str, ...]:
    if given is None:
        return tuple(f"x{subscript(k)}" for k in range(count))
    if len(given) != count:
        raise ValueError(f"attention: got {len(given)} tokens, expected {count}")
    return tuple(map(str, given))


def _heads(weights: np.ndarray) -> list[np.ndarray]:
    """The first sequence's weights, head by head."""
    if weights.ndim < 2 or weights.dtype.kind not in "fiu" or not weights.size:
        raise ValueError(
            f"attention: got weights of shape {weights.shape} and dtype {weights.dtype}, expected "
            "numbers (queries, keys) or (heads, queries, keys)"
        )
    if not (np.isfinite(weights) & (weights >= 0) & (weights <= 1 + 1e-6)).all():
        raise ValueError("attention: got weights that are not all from 0 to 1")
    return list(weights.reshape(-1, *weights.shape[-2:])) if weights.ndim > 2 else [weights]


def _recorded(graph: Graph) -> list[tuple[str, np.ndarray]]:
    """Softmaxes whose value a matrix product takes as its left operand; of the first sequence."""
    uses = defaultdict(list)
    for edge in graph.edges:
        uses[edge.source].append(edge)
    found = []
    for node in graph.nodes:
        if node.primitive != "softmax" or not isinstance(node.value, np.ndarray):
            continue
        stack, multiplied = [node.id], False
        while stack and not multiplied:
            for edge in uses[stack.pop()]:
                reader = graph.nodes[edge.target]
                multiplied |= reader.primitive == "matmul" and edge.position == 0
                if reader.shape == node.shape and reader.primitive in ("multiply", "where"):
                    stack.append(reader.id)  # dropout, or a mask
        if multiplied and node.value.ndim >= 2:
            first = node.value if node.value.ndim < 3 else node.value[0]
            where = " › ".join(name for kind, name, _ in node.scope[1:] if kind == "module")
            heads = _heads(first)
            found += [
                (" ".join(filter(None, [where, f"head {k}" if len(heads) > 1 else ""])), head)
                for k, head in enumerate(heads)
            ]
    if not found:
        raise ValueError(
            f"attention: nothing attends in {graph.title}: no softmax that a product with values "
            "follows"
        )
    return found


def scene(view: View) -> Scene:
    """The panels, in rows of four."""
    drawing = Scene(view)
    pitch = _WIDE + 2 * 92.0
    top = 0.0
    for start in range(0, len(view.panels), _ACROSS):
        row = view.panels[start : start + _ACROSS]
        for number, panel in enumerate(row):
            _panel(drawing, panel, view.sides, number * pitch, top)
        top -= _LINE * max(max(len(p[1]), len(p[2])) for p in row) + 84
    middle = (min(len(view.panels), _ACROSS) - 1) * pitch / 2 + _WIDE / 2
    for k, weight in enumerate((0.1, 0.5, 1.0)):
        x = middle - 100 + 80 * k
        drawing.line([(x, top + 30), (x + 8, top + 30), (x + 16, top + 30), (x + 24, top + 30)],
                     tip=None, **_look(view, weight))  # fmt: skip
        drawing.text(f"{weight:g}", (x + 30, top + 30), align="l", size=11)
    return drawing


def _panel(drawing: Scene, panel: Any, sides: Sequence[str], left: float, top: float) -> None:
    heading, rows, columns, weights = panel
    if heading:
        drawing.text(heading, (left + _WIDE / 2, top + 46), size=13)
    query, key = sides
    drawing.text(query, (left - 8, top + 24), align="r", size=11)
    drawing.text(key, (left + _WIDE + 8, top + 24), align="l", size=11)
    taller = max(len(rows), len(columns))
    ys = [[top - _LINE * (k + (taller - len(names)) / 2) for k in range(len(names))]
          for names in (rows, columns)]  # fmt: skip
    light_first = sorted(
        (weight, i, j) for i, line in enumerate(weights) for j, weight in enumerate(line)
        if weight >= _LEAST
    )  # fmt: skip
    for weight, i, j in light_first:
        y0, y1 = ys[0][i], ys[1][j]
        third = _WIDE / 3
        drawing.line(
            [(left, y0), (left + third, y0), (left + 2 * third, y1), (left + _WIDE, y1)],
            tip=None, tooltip=f"{rows[i]} → {columns[j]}: {weight:.3f}",
            **_look(drawing.view, weight),
        )  # fmt: skip
    token = dot.look(drawing.view, "input")
    del token["shape"]
    for names, x, places in ((rows, left - 40, ys[0]), (columns, left + _WIDE + 40, ys[1])):
        for name, y in zip(names, places, strict=True):
            short = name if len(name) <= _LETTERS else name[: _LETTERS - 1] + "…"
            drawing.shape((x, y, 78.0, 21.0), "box", (short,), tooltip=name[:1000],
                          **{**token, "fontsize": "11"})  # fmt: skip


def _look(view: View, weight: float) -> dict[str, str]:
    color, least = view.palette.weight
    return {
        "penwidth": f"{max(0.4, _THICKEST * weight):.2f}",
        "color": f"{color}{int(least + (255 - least) * min(weight, 1.0)):02x}",
    }

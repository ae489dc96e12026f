"""A figure as data: what is drawn where, and what the panel says of each node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.compile.traced_array import value_of
from minigrad.graph.drawing import words
from minigrad.graph.explorer.geometry import Box, Geometry, geometry
from minigrad.graph.explorer.live import Live
from minigrad.graph.explorer.mathematics import judged, local_derivatives, verdict
from minigrad.graph.record import Graph, Operation, summary
from minigrad.graph.view import Arrow, Item, View
from minigrad.primitives import PRIMITIVES
from minigrad.primitives.axes import reduced_axes
from minigrad.symbolic.derive.naming import roles_of
from minigrad.symbolic.write.sentences import SENTENCES
from minigrad.verify import Check

_DIGITS = 6  # significant digits of a number in the page, which writes four
_LONGEST = 10_000  # characters of a name that are shown


def payload(
    graph: Graph, checks: Sequence[Check] = (), living: Live | None = None
) -> dict[str, Any]:
    """The figure of a graph; of one that computes, ``living`` has the numbers.

    ==========  ===============================================================================
    title       string
    loss        string: what the gradients are of; null: no backward has been run
    checks      what the judges said of the whole; empty if they were not asked
    verdicts    by primitive: one object per judge, or null: there is nothing to judge it on
    steps       objects of t, x (left side), w (width), template (a place in templates), cells,
                [name, x, y, w, h] of each frame, x from the left side, and items, each
                [lines, node ids] in the template's order
    titles      [name, x, y, w, h] of the frames around modules
    loose       like a step, for what is outside of steps; its template is its own
    templates   objects of y and h (top and height), items [kind, x, y, w, h], x from the step's
                left side, and arrows [source, target, points] into its items: a source is a
                place in items, [steps back, place], or ["loose", place]; the last of the
                points is the arrow's tip
    kinds       what nodes have in common: kind, primitive, label, name, shape, path, keywords,
                constant (no gradient is wanted), axes (of a sum or softmax, or null)
    roles       by the name of a gate, what it is called in English and in Spanish: forget gate
    live        null, or what `Live` has beside its program: leaves, nodes, loss, direct
    nodes       by id: kind (a place in kinds), value, gradient (null, a flat list of entries,
                or min, mean, max, nonfinite and grid), operands (node ids, or [number]) and
                partials (entries of SymPy's ∂y/∂operand, by operand)
    ==========  ===============================================================================
    """
    placed = geometry(graph)
    kinds: dict[tuple[Any, ...], int] = {}
    nodes = [
        _node(node, operands, kinds, None if living else graph)
        for node, operands in _with_operands(graph)
    ]
    primitives = sorted({node.primitive for node in graph.nodes if node.primitive})
    return {
        "title": graph.title[:_LONGEST],
        "loss": graph.loss,
        "checks": judged(checks),
        "verdicts": {name: verdict(name) for name in primitives if name in PRIMITIVES},
        **_drawn(placed),
        "nodes": nodes,
        "roles": _roles(placed.view),
        "live": living and living.to_dict(),
        "kinds": [
            dict(zip(("kind", "primitive", "label", "name", "shape", "path", "keywords",
                      "constant", "axes"), kind, strict=True))
            for kind in kinds
        ],
    }  # fmt: skip


def _roles(view: View) -> dict[str, tuple[str, ...]]:
    """What the gates of a cell with such states are called in words."""
    states = {
        item.label.name for item in view.items if item.kind == "state" and item.step is not None
    }
    gates = {item.label.name for item in view.items if item.kind == "layer"}
    known = roles_of(states)
    return {gate: SENTENCES[known[gate]] for gate in sorted(gates & known.keys())}


def _drawn(placed: Geometry) -> dict[str, Any]:
    """Steps, loose items, and the templates that they share."""
    inside: dict[int | None, list[Item]] = {step: [] for step in (*placed.view.steps, None)}
    for item in placed.view.items:
        inside[item.step].append(item)
    place = {item.key: k for items in inside.values() for k, item in enumerate(items)}
    order = {step: k for k, step in enumerate(placed.view.steps)}
    incoming: dict[int | None, list[Arrow]] = {step: [] for step in inside}
    for a, b in placed.view.arrows:
        incoming[b.step].append((a, b))
    templates: list[dict[str, Any]] = []
    steps = []
    for number, (step, items) in enumerate(inside.items()):
        left, top, right, bottom = placed.frames[step] if step is not None else (0.0,) * 4
        arrows = []
        for a, b in incoming[step]:
            source: Any = place[a]
            if a.step is None and step is not None:
                source = ["loose", place[a]]
            elif (before := a.step) is not None and before != step:
                source = [number - order[before], place[a]]
            points = [round(c - left * (k % 2 == 0), 1) for k, c in enumerate(placed.curves[a, b])]
            arrows.append([source, place[b], points])
        boxes = []
        for item in items:
            x, y, w, h = placed.boxes[item.key]
            boxes.append([item.kind, *(round(c, 1) for c in (x - left, y, w, h))])
        template = {"y": round(top, 1), "h": round(bottom - top, 1), "items": boxes,
                    "arrows": arrows}  # fmt: skip
        same = next((k for k, t in enumerate(templates) if _same(t, template)), len(templates))
        if same == len(templates):
            templates.append(template)
        steps.append({
            "t": step, "x": round(left, 1), "w": round(right - left, 1), "template": same,
            "cells": [] if step is None else [_titled(name, box, left)
                                              for name, box in placed.cells[step]],
            "items": [[[*_lines(item, placed.view), words.note(item, placed.view)],
                       list(item.nodes)] for item in items],
        })  # fmt: skip
    titles = [_titled(name, box) for name, box in placed.titles]
    return {"steps": steps[:-1], "loose": steps[-1], "templates": templates, "titles": titles}


def _titled(name: str, box: Box, left: float = 0.0) -> list[Any]:
    x, y, w, h = box
    return [words.printable(name)[:80], *(round(c, 1) for c in (x - left, y, w, h))]


def _lines(item: Item, view: View) -> list[str]:
    """What is written in an item; the page cuts it where it draws it."""
    return [words.printable(line)[:_LONGEST] for line in words.whole_lines(item, view)]


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two steps look the same, but for the rounding of large positions."""
    return (
        [box[0] for box in one["items"]] == [box[0] for box in other["items"]]
        and [arrow[:2] for arrow in one["arrows"]] == [arrow[:2] for arrow in other["arrows"]]
        and _numbers(one).shape == _numbers(other).shape
        and bool(np.allclose(_numbers(one), _numbers(other), rtol=0, atol=0.35))
    )


def _numbers(template: dict[str, Any]) -> np.ndarray:
    flat = [template["y"], template["h"]]
    flat += [number for box in template["items"] for number in box[1:]]
    flat += [number for arrow in template["arrows"] for number in arrow[2]]
    return np.array(flat)


def _with_operands(graph: Graph) -> list[tuple[Operation, list[Any]]]:
    """Each node with its operands in order: node ids, and plain numbers in a list each."""
    operands: list[dict[int, Any]] = [
        {position: [summary.plain(number)] for position, number in node.numbers}
        for node in graph.nodes
    ]
    for edge in graph.edges:
        operands[edge.target][edge.position] = edge.source
    return [
        (node, [found[k] for k in sorted(found)])
        for node, found in zip(graph.nodes, operands, strict=True)
    ]


def _node(
    node: Operation, operands: list[Any], kinds: dict[tuple[Any, ...], int], graph: Graph | None
) -> dict[str, Any]:
    """A node of a figure; with its numbers, if the graph is given."""
    path = " › ".join(level.name for level in node.scope if level.kind != "step" and level.name)
    kind = (node.kind, node.primitive, node.label[:_LONGEST], (node.name or "")[:_LONGEST],
            node.shape, path, node.keywords[:_LONGEST], not node.requires_grad,
            _axes(node))  # fmt: skip
    found: dict[str, Any] = {"kind": kinds.setdefault(kind, len(kinds))}
    if node.kind == "operation":
        found["operands"] = operands
    if graph is None:
        return found
    found |= {"value": _array(node.value), "gradient": _array(node.gradient)}
    partials = _partials(node, operands, graph) if node.kind == "operation" else None
    if partials is not None:
        found["partials"] = [_array(partial) for partial in partials]
    return found


def _axes(node: Operation) -> tuple[int, ...] | None:
    """The axes along which a sum or a softmax goes, if they are known."""
    if node.call is None or node.primitive not in ("sum", "softmax", "log_softmax"):
        return None
    usual = None if node.primitive == "sum" else -1
    operand = value_of(node.call.operands[0])
    return reduced_axes(node.call.static.get("axis", usual), np.ndim(operand))


def _partials(node: Operation, operands: list[Any], graph: Graph) -> list[np.ndarray] | None:
    """SymPy's local derivatives at the recorded numbers, where they are few enough to be shown."""
    if int(np.prod(node.shape)) > summary.MOST_ENTRIES or node.primitive not in PRIMITIVES:
        return None
    values = [float(x[0]) if isinstance(x, list) else graph.nodes[x].value for x in operands]
    if not all(isinstance(x, float | np.ndarray | np.generic) for x in values):
        return None
    return local_derivatives(PRIMITIVES[node.primitive], values, node.shape)


def _array(array: Any) -> Any:
    """Entries of a small array in one list, the gist of a large one, rounded for the page."""
    if array is None:
        return None
    if _is_small(array):  # most are: as below, but fast
        return [float(f"{x:.{_DIGITS}g}") for x in array.ravel().tolist()]
    given = summary.to_dict(array)
    if "entries" in given:
        return [_rounded(x) for x in summary.flat(given["entries"])]
    gist = {key: _rounded(given[key]) for key in ("min", "mean", "max")}
    grid = [[_rounded(x) for x in row] for row in given["grid"]]
    return {**gist, "nonfinite": given["nonfinite"], "grid": grid}


def _is_small(array: Any) -> bool:
    """Whether it has few entries, each a finite number."""
    known = isinstance(array, np.ndarray) and array.dtype.kind == "f"
    return known and array.size <= summary.MOST_ENTRIES and bool(np.isfinite(array).all())


def _rounded(x: Any) -> Any:
    return float(f"{x:.{_DIGITS}g}") if isinstance(x, float) else x

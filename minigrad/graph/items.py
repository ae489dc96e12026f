"""What a picture is made of: items, arrows between them, and a view of both."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from minigrad.graph.model import Operation
from minigrad.graph.palette import PALETTES, STYLES, Palette

Kind = Literal["input", "layer", "point", "operation", "state", "join", "ellipsis"]
Panel = tuple[str, tuple[str, ...], tuple[str, ...], tuple[tuple[float, ...], ...]]
"""Attention of one head: its name, the queries' and the keys' names, the weights row by row."""
SUBSCRIPTS = "₋₀₁₂₃₄₅₆₇₈₉"


@dataclass(frozen=True)
class Item:
    """One thing that is drawn.

    Attributes:
        id: unique in the view.
        kind: ``"layer"`` for an affine map with its activation, ``"point"`` for an operation
            of a step, ``"operation"`` for one outside of steps, ``"state"`` for h_t or c_t,
            ``"join"`` for a concatenation.
        lines: the label, line by line.
        step: the time step; ``None`` outside of one.
        role: the same for the same thing at every step.
        tooltip: what a pointer over it tells.
        nodes: ids of the graph's nodes that it draws, the value that it stands for last.
        strip: which of several unrolled layers it belongs to, and which direction.

    Example:
        >>> from minigrad.graph import draw
        >>> picture = draw("rnn", steps=1)
        >>> [item.lines for item in picture.items if item.kind == "state"]
        [('h₀', '(1, 4)'), ('h₋₁', '(1, 4)')]
    """

    id: str
    kind: Kind
    lines: tuple[str, ...]
    step: int | None
    role: str
    tooltip: str = ""
    nodes: tuple[int, ...] = ()
    strip: str = ""


@dataclass(frozen=True)
class View:
    """Items and arrows between them, by id.

    Attributes:
        title: what the picture shows.
        items: in order of creation.
        arrows: (source, target), each once.
        steps: the time steps that are drawn, in order; empty without time.
        skipped: how many steps are left out in the middle.
        name: which view it is.
        headings: what stands over a step instead of its number.
        labels: what is written at an arrow.
        heat: log10 of the size of the gradient of an item; ``None`` if it has none.
        series: a name and (step, log10 of the size) for each curve under the time axis.
        caption: lines under the heading, each a sentence.
        panels: of attention, one for each head.
        sides: of attention, what stands over the queries, and over the keys.
        folded: how many steps the one that is drawn stands for.
        style: of its colours: ``"light"``, ``"dark"`` or ``"print"``.

    Raises:
        ValueError: the style is none of these.

    Example:
        >>> from minigrad.graph import trace, unrolled
        >>> view = unrolled(trace(mg.tanh(mg.Tensor(1.0, requires_grad=True, name="x"))))
        >>> [(item.kind, item.lines[0]) for item in view.items]
        [('input', 'x'), ('operation', 'tanh(x)')]
    """

    title: str
    items: tuple[Item, ...]
    arrows: tuple[tuple[str, str], ...]
    steps: tuple[int, ...]
    skipped: int = 0
    name: str = "unrolled"
    headings: Mapping[int, str] = field(default_factory=dict)
    labels: Mapping[tuple[str, str], str] = field(default_factory=dict)
    heat: Mapping[str, float | None] = field(default_factory=dict)
    series: tuple[tuple[str, tuple[tuple[int, float], ...]], ...] = ()
    caption: tuple[str, ...] = ()
    folded: int = 0
    panels: tuple[Panel, ...] = ()
    sides: tuple[str, ...] = ()
    style: str = "light"

    def __post_init__(self) -> None:
        if self.style not in STYLES:
            raise ValueError(f"got style {self.style!r}, expected one of {', '.join(STYLES)}")

    @property
    def palette(self) -> Palette:
        """The colours of its style."""
        return PALETTES[self.style]

    @cached_property
    def prefix(self) -> str:
        """What all its ids start with: from what it shows, so no other picture has them."""
        words = (self.name, self.title, self.caption, self.steps, self.skipped, self.arrows,
                 self.series, self.panels, *self.sides, self.style, self.heat, self.labels,
                 [(item.id, item.lines) for item in self.items])  # fmt: skip
        return "g" + hashlib.sha256(repr(words).encode()).hexdigest()[:8] + "-"


def subscript(step: int) -> str:
    """A step as a Unicode subscript: −1 is ₋₁."""
    return str(step).translate(str.maketrans("-0123456789", SUBSCRIPTS))


def strip_of(node: Operation) -> str:
    """Which unrolled layer and direction a node was recorded in; empty outside of steps."""
    if node.step is None:
        return ""
    last = max(k for k, (kind, _, _) in enumerate(node.scope) if kind == "step")
    return "/".join(f"{kind}:{name}" for kind, name, _ in node.scope[:last])

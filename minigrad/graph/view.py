"""What a picture is made of, as data: items with typed keys, arrows between them, and a view."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, NamedTuple, TypeVar

from minigrad import notation
from minigrad.graph.drawing.palette import PALETTES, STYLES, Palette
from minigrad.graph.record import Graph, Path
from minigrad.graph.terms import Term, names_in

Kind = Literal["input", "parameter", "constant", "layer", "point", "operation", "state", "join",
               "module", "ellipsis"]  # fmt: skip


class Key(NamedTuple):
    """What an item is of: the same, but for the step, for the same thing at every step.

    Attributes:
        kind: ``"layer"``, ``"point"``, ``"leaf"``, ``"state"``, ``"join"``, …
        path: which of its kind, within the step.
        step: the time step; ``None`` outside of one.
        strip: which of several unrolled layers it belongs to, and which direction.
    """

    kind: str
    path: tuple[Any, ...]
    step: int | None = None
    strip: Path = ()

    @property
    def role(self) -> Key:
        """The key without its step."""
        return self._replace(step=None)


Arrow = tuple[Key, Key]
LANGUAGES = ("en", "es")
DIRECTIONS = ("up", "down", "right")
HIDDEN = frozenset({"shapes", "weights"})
PAGES: Mapping[str, tuple[float, float]] = {
    "slide": (960.0, 540.0), "column": (245.0, 648.0), "page": (468.0, 648.0),
}  # fmt: skip
"""Width and height in points of what a picture is made for: a slide of 16:9, a paper's column …"""


class WrongPictureError(ValueError):
    """A view cannot show this graph truly; `draw` names one that can.

    Example:
        >>> from minigrad.graph import WrongPictureError, draw
        >>> try:
        ...     draw("tanh", view="cell")
        ... except WrongPictureError as error:
        ...     print(error)
        cell: tanh has no time steps; use view 'unrolled'
    """


class Say(NamedTuple):
    """A phrase in the reader's language, until it is set as text.

    Attributes:
        phrase: its key in `minigrad.graph.drawing.phrases`.
        parts: what is put into it, texts or numbers.
    """

    phrase: str
    parts: tuple[Any, ...] = ()


class Label(NamedTuple):
    """What is written in an item, until it is set as text.

    Attributes:
        name: what it is called; empty if its formula says it all.
        step: the time step of a name that has one.
        formula: what it computes; a text stands for a formula that has no names in it.
        primes: how many other values of this name come before.
    """

    name: str
    step: int | None = None
    formula: Term | Say | str | None = None
    primes: int = 0


@dataclass(frozen=True)
class Item:
    """One thing that is drawn.

    Attributes:
        key: unique in the view.
        kind: ``"layer"`` for an affine map with its activation, ``"point"`` for an operation
            of a step, ``"operation"`` for one outside of steps, ``"state"`` for h_t or c_t,
            ``"join"`` for a concatenation, ``"module"`` for one whose inside is not shown.
        label: its name, step and formula.
        shape: of its value; ``None`` where the picture does not show it.
        nodes: ids of the graph's nodes that it draws, the value that it stands for last.
        where: the modules around it, outermost first, without its strip's own.
        notes: further lines.

    Example:
        >>> from minigrad.graph import draw
        >>> picture = draw("rnn", steps=1)
        >>> [(item.label.name, item.label.step) for item in picture.items if item.kind == "state"]
        [('h', 0), ('h', -1)]
    """

    key: Key
    kind: Kind
    label: Label
    shape: tuple[int, ...] | None
    nodes: tuple[int, ...] = ()
    where: Path = ()
    notes: tuple[Say | str, ...] = ()

    @property
    def step(self) -> int | None:
        """The time step that it stands in."""
        return self.key.step

    @property
    def strip(self) -> Path:
        """The unrolled layer and direction that it stands in."""
        return self.key.strip


class Repeat(NamedTuple):
    """Equal modules that one stands for.

    Attributes:
        names: of all of them.
        first_shape: what leaves the first.
        last_shape: what leaves the last.
    """

    names: tuple[str, ...]
    first_shape: str
    last_shape: str


@dataclass(frozen=True)
class Panel:
    """Attention of one head.

    Attributes:
        heading: its name.
        queries: names of the rows.
        keys: names of the columns.
        weights: row by row.
        masked: whether a weight is masked out, row by row.
    """

    heading: str
    queries: tuple[str, ...]
    keys: tuple[str, ...]
    weights: tuple[tuple[float, ...], ...]
    masked: tuple[tuple[bool, ...], ...] = ()


@dataclass(frozen=True)
class View:
    """Items and arrows between them, by key.

    Attributes:
        title: what the picture shows.
        items: in order of creation.
        arrows: (source, target), each once.
        name: which view it is.
        steps: the time steps that are drawn, in order; empty without time.
        skipped: how many steps are left out in the middle.
        now: the step that is written as t; ``None`` if steps are written as numbers.
        folded: how many steps the one that is drawn stands for.
        headings: what stands over a step instead of its number.
        labels: what is written at an arrow.
        heat: log10 of the size of an item's gradient, or of what else its colour shows;
            ``None`` if it has none.
        scale: what the heat is of, and the power of ten of its first colour.
        series: a name and (step, log10 of the size) for each curve under the time axis.
        caption: lines under the heading, each a sentence.
        repeats: the equal modules that the one at a path stands for.
        panels: of attention, one for each head.
        sides: of attention, what stands over the queries, and over the keys.
        style: of its colours: ``"light"``, ``"dark"`` or ``"print"``.
        language: of its words: ``"en"`` or ``"es"``.
        hide: what is left out: ``"shapes"``, ``"weights"``.
        wrap: how many layers or steps stand in a row before the next begins; 0: all.
        fit: the page that it is made for: ``"slide"``, ``"column"`` or ``"page"``.
        direction: in which layers follow each other: ``"up"``, ``"down"`` or ``"right"``.
        arrange: lays it out, where it is not laid out as most views are.

    Raises:
        ValueError: the style is none of these.

    Example:
        >>> from minigrad.graph import trace, unrolled
        >>> view = unrolled(trace(mg.tanh(mg.Tensor(1.0, requires_grad=True, name="x"))))
        >>> [item.kind for item in view.items]
        ['input', 'operation']
    """

    title: str
    items: tuple[Item, ...]
    arrows: tuple[Arrow, ...]
    name: str = "unrolled"
    steps: tuple[int, ...] = ()
    skipped: int = 0
    now: int | None = None
    folded: int = 0
    headings: Mapping[int, Say | str] = field(default_factory=dict)
    labels: Mapping[Arrow, Term | Say | str] = field(default_factory=dict)
    heat: Mapping[Key, float | None] = field(default_factory=dict)
    scale: tuple[str, int] = ("gradient", -8)
    series: tuple[tuple[Say | str, tuple[tuple[int, float], ...]], ...] = ()
    caption: tuple[Say | str, ...] = ()
    repeats: Mapping[Path, Repeat] = field(default_factory=dict)
    panels: tuple[Panel, ...] = ()
    sides: tuple[str, ...] = ()
    style: str = "light"
    language: str = "en"
    hide: frozenset[str] = frozenset()
    wrap: int = 0
    fit: str = ""
    direction: str = "up"
    arrange: Callable[[View], Any] | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        for name, known in (("style", STYLES), ("language", LANGUAGES), ("fit", ("", *PAGES)),
                            ("direction", DIRECTIONS)):  # fmt: skip
            if (got := getattr(self, name)) not in known:
                expected = ", ".join(filter(None, known))
                raise ValueError(f"got {name} {got!r}, expected one of {expected}")
        if self.hide - HIDDEN:
            raise ValueError(f"got hide={sorted(self.hide)}, expected some of {sorted(HIDDEN)}")

    @property
    def palette(self) -> Palette:
        """The colours of its style."""
        return PALETTES[self.style]

    @cached_property
    def by_key(self) -> Mapping[Key, Item]:
        """Its items by their keys."""
        return {item.key: item for item in self.items}

    @cached_property
    def written(self) -> dict[Key, tuple[str, ...]]:
        """Lines of items that have been set as text already."""
        return {}

    @cached_property
    def plain(self) -> frozenset[str]:
        """Names that are not written in Greek, for another is: alpha beside α."""
        names = {item.label.name for item in self.items}
        for of in (*(item.label.formula for item in self.items), *self.labels.values()):
            if of is not None and not isinstance(of, str | Say):
                names.update(names_in(of))
        return frozenset(name for name in names if notation.pretty(name) in names - {name})

    @cached_property
    def prefix(self) -> str:
        """What all its ids start with: from what it shows, so no other picture has them."""
        shown = {name: getattr(self, name) for name in self.__dataclass_fields__
                 if name != "arrange"}  # fmt: skip
        return "g" + hashlib.sha256(repr(shown).encode(errors="replace")).hexdigest()[:8] + "-"


Builder = Callable[..., View]
_F = TypeVar("_F", bound=Builder)


class Shown(NamedTuple):
    """A view in the table of views.

    Attributes:
        name: what ``view=`` and ``--view`` call it.
        help: what it shows, as a part of a sentence.
        build: (graph, **options) → the view.
        options: the names of the options that it takes.
    """

    name: str
    help: str
    build: Builder
    options: tuple[str, ...]


VIEWS: dict[str, Shown] = {}
"""Every view there is, by name; each file in `minigrad.graph.views` that has one adds it.

Example:
    >>> from minigrad.graph import VIEWS
    >>> VIEWS["folded"].help
    'one step, with its states as back edges'
"""


def view(name: str, help: str) -> Callable[[_F], _F]:
    """Decorator: the function builds the view of this name.

    Example:
        >>> from minigrad.graph.views import VIEWS
        >>> VIEWS["cell"].help
        'the cell as course notes draw it'
    """

    def enter(build: _F) -> _F:
        code = build.__code__
        options = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
        VIEWS[name] = Shown(name, help, build, options)
        return build

    return enter


__all__ = ["VIEWS", "Arrow", "Graph", "Item", "Key", "Kind", "Label", "Panel", "Shown", "View",
           "WrongPictureError", "view"]  # fmt: skip

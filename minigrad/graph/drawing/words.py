"""Labels set as text: the one place where names, steps and formulas become words."""

from __future__ import annotations

from collections.abc import Callable, Container

from minigrad import notation
from minigrad.graph import terms
from minigrad.graph.drawing.phrases import said
from minigrad.graph.record import Level, Path, shaped
from minigrad.graph.view import Item, Label, Repeat, Say, View

_LONGEST = 44  # characters of a line; a longer one is cut


def printable(text: str) -> str:
    """The text in one line, without what cannot be seen or turns the rest around."""
    if text.isprintable():
        return text
    text = text.replace("\r", " ").replace("\n", " ")
    return "".join(c for c in text if c.isprintable())


def cut(text: str, longest: int = _LONGEST) -> str:
    """The text, or as much of it as a line holds."""
    text = printable(text)
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def name(label: Label, now: int | None = None, plain: Container[str] = ()) -> str:
    """What a label calls its item: hₜ, h′₂, f."""
    written = label.name if label.name in plain else notation.pretty(label.name)
    return written + "′" * label.primes + terms.when(label.step, now)


def formula(of: terms.Term | Say | str | None, view: View, now: int | None = None) -> str:
    """A formula in Unicode; empty without one."""
    if of is None:
        return ""
    if isinstance(of, Say | str):
        return said(of, view.language)
    return terms.text(of, now, 0, view.plain)


def lines(item: Item, view: View) -> tuple[str, ...]:
    """What is written in an item, line by line."""
    if item.key not in view.written:
        view.written[item.key] = tuple(map(cut, whole_lines(item, view)))
    return view.written[item.key]


def whole_lines(
    item: Item,
    view: View,
    said_of: Callable[[Item, View], tuple[str, str]] | None = None,
    plain: Callable[[str], str] = str,
) -> tuple[str, ...]:
    """What is written in an item, however long it is.

    Args:
        item: of the view.
        view: in whose language and time it is written.
        said_of: sets an item's name and formula; in Unicode if not given.
        plain: sets what is neither.
    """
    called, written = (said_of or _said)(item, view)
    hidden = item.shape is None or "shapes" in view.hide
    shape = () if hidden else (plain(shaped(item.shape or ())),)
    if item.kind in ("point", "ellipsis"):
        return (written,)
    if item.kind in ("operation", "state") and called and written:
        head: tuple[str, ...] = (f"{called} = {written}",)
    else:
        head = tuple(filter(None, (called, written)))
    if item.kind == "join":
        shape = ()
    repeat = view.repeats.get(item.key.path) if item.kind == "module" else None
    if repeat is not None:
        head = (plain(repeated(item.key.path[-1], repeat)),)
    notes = (plain(said(note, view.language)) for note in item.notes)
    return (*head, *notes, *shape) or ("",)


def _said(item: Item, view: View) -> tuple[str, str]:
    """An item's name and its formula, with t for the step at hand in what belongs to steps."""
    label = item.label
    now = view.now if item.step is not None else None
    called = name(label, view.now, view.plain) if label.name else ""
    return called, formula(label.formula, view, now)


def note(item: Item, view: View) -> str:
    """What a pointer over an item tells."""
    where = dotted(item.where)
    kind = {"layer": "", "point": "operation"}.get(item.kind, item.kind)
    text = " = ".join(filter(None, _said(item, view)))
    shape = shaped(item.shape) if item.shape is not None else ""
    return printable(" ".join(filter(None, (kind, text, shape, where and f"in {where}"))))[:200]


def repeated(level: Level, repeat: Repeat) -> str:
    """What stands over modules that are drawn once."""
    ends = dict.fromkeys((repeat.first_shape, repeat.last_shape))
    kind = f": {level.label}" if level.label not in ("", level.name) else ""
    return f"{level.name} … {repeat.names[-1]}{kind}   × {len(repeat.names)}   {' → '.join(ends)}"


def dotted(path: Path) -> str:
    """A path of modules as the user would write it: body.layers.3."""
    return ".".join(level.name for level in path if level.kind == "module" and level.name)


def strip_title(path: Path) -> Say | str:
    """What a picture calls a strip: layer 0, reverse; the frame around a module has its name."""
    level = path[-2] if len(path) > 1 else None
    if level is not None and level.kind == "loop":
        return Say("loop", (level.name,))
    if level is None or level.kind != "layer":
        return ""
    number, _, part = level.name.partition(" ")
    return Say(f"layer, {part}" if part else "layer", (number,))

"""The ways in which people call a backward pass: what it is given, and in which order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigrad.verify.pair import Pair, get, required
from minigrad.verify.sources import returned_names

CACHES = frozenset({
    "cache", "caches", "saved", "ctx", "context", "memo", "residuals", "res", "intermediates",
    "tape", "memory", "aux", "store", "stash",
})  # fmt: skip
OUTPUTS = frozenset({"y", "out", "output", "outputs"})

Path = tuple[Any, ...]


@dataclass(frozen=True)
class Convention:
    """One way to call backward.

    Attributes:
        outs: where the outputs are in what forward returned: ``()`` if it is the output.
        taken: the arguments of backward, each a letter and a path: ``g`` the cotangents, ``r``
            what forward returned, ``a`` its arguments.
        says: the call in words.

    Example:
        >>> from minigrad.verify.conventions import Convention
        >>> way = Convention(((0,),), (("g", 0), ("r", 1)), "(g, saved)")
        >>> way.outputs((2.0, "cache")), way.text
        ([2.0], ('[r[0]]', '(g[0], r[1])'))
    """

    outs: tuple[Path, ...]
    taken: tuple[Path, ...]
    says: str

    def outputs(self, returned: Any) -> list[Any]:
        """The outputs in what forward returned."""
        return [get(returned, path) for path in self.outs]

    def call(self, backward: Any, cotangents: Sequence[Any], given: Any, returned: Any) -> Any:
        """What backward returns."""
        roots = {"g": tuple(cotangents), "a": given, "r": returned}
        return backward(*(get(roots[root], path) for root, *path in self.taken))

    @property
    def upstream(self) -> bool:
        """Whether backward is given a cotangent; without one it belongs to a loss, for 1."""
        return any(root == "g" for root, *_ in self.taken)

    @property
    def text(self) -> tuple[str, str]:
        """The outputs and the call as expressions, for a script."""
        outs = ", ".join(_subscripted("r", path) for path in self.outs)
        taken = ", ".join(
            "tuple(g)" if arg == ("g",) else _subscripted(arg[0], arg[1:]) for arg in self.taken
        )
        return f"[{outs}]", f"({taken})"


def conventions(pair: Pair, names: Sequence[str], returned: Any) -> list[Convention]:
    """The ways to call backward that its arguments allow, the likeliest first.

    Args:
        pair: forward and backward.
        names: of forward's arguments.
        returned: what forward returned on the example.
    """
    found = [*_by_names(pair, names, returned), *_by_position(pair, names, returned)]
    return list({(c.outs, c.taken): c for c in found}.values())


def _by_names(pair: Pair, names: Sequence[str], returned: Any) -> Iterator[Convention]:
    """Arguments named as what forward takes or returns; the others are the cotangents.

    What has the name of both is what forward returned, or its argument: two readings.
    """
    most = required(pair.backward, optional=True)
    if not most:
        return
    several = isinstance(returned, tuple | list)
    called = returned_names(pair.forward) if several else []
    inputs: dict[str, Path] = {name: ("a", k) for k, name in enumerate(names)}
    results: dict[str, Path] = {}
    if pair.saves is not False and several and len(called) == len(returned):
        results = {name: ("r", k) for k, name in enumerate(called) if name}
    whole: dict[str, Path] = dict.fromkeys(OUTPUTS, ("r",))
    seen: list[set[Path]] = []
    for known in ({**whole, **inputs, **results}, {**whole, **results, **inputs}):
        unknown = [name for name in most if name not in known]
        taken = {known[name] for name in most if name in known}
        if len(unknown) == len(most) or taken in seen:
            continue
        seen.append(taken)
        if not unknown:
            loss: Path = (0,) if several else ()
            if np.ndim(get(returned, loss)) == 0:
                yield Convention((loss,), tuple(known[n] for n in most), f"({', '.join(most)})")
            continue
        readings: list[tuple[Path, ...]] = [((),)]
        if several:
            every = tuple((k,) for k in range(len(returned)))
            others = tuple((k,) for k, name in enumerate(called) if name not in most)
            readings = [every] if pair.saves is False else [others or every[:1], every, every[:1]]
            if len(unknown) > 1:
                readings = [every[: len(unknown)]]
        for outs in readings:
            if len(unknown) not in (1, len(outs)):
                continue
            together = len(unknown) == 1 < len(outs)
            cotangents: Iterator[Path] = iter([("g",)] if together else
                                              [("g", k) for k in range(len(unknown))])  # fmt: skip
            yield Convention(
                outs, tuple(known[n] if n in known else next(cotangents) for n in most),
                f"({', '.join('g' if n not in known and len(unknown) == 1 else n for n in most)})",
            )  # fmt: skip


def _by_position(pair: Pair, names: Sequence[str], returned: Any) -> Iterator[Convention]:
    """First the cotangents, then what forward saved, or its inputs with the output before them."""
    least, most = required(pair.backward), required(pair.backward, optional=True)
    several = isinstance(returned, tuple | list)
    inputs: tuple[Path, ...] = tuple(("a", k) for k in range(len(names)))

    def fits(taken: Sequence[Path]) -> bool:
        return least is None or most is None or len(least) <= len(taken) <= len(most)

    every: tuple[Path, ...] = tuple((k,) for k in range(len(returned))) if several else ((),)
    listed = ", ".join(names)
    plain = [
        (every, taken, says)
        for taken, says in ((inputs, listed), ((("r",), *inputs), f"y, {listed}"),
                            ((("r",),), "y"), ((), ""))
    ]  # fmt: skip
    saving = [(outs, saved, "saved") for outs, saved in _saving(returned)] if several else []
    named_cache = most is not None and most[-1:] != [] and most[-1].lower() in CACHES
    readings = {True: saving, False: plain}.get(
        pair.saves, saving + plain if named_cache else plain + saving  # type: ignore[arg-type]
    )  # fmt: skip
    for outs, rest, says in readings:
        together: Path = ("g",) if several and (len(outs) > 1 or outs is every) else ("g", 0)
        apart: tuple[Path, ...] = tuple(("g", k) for k in range(len(outs)))
        for cotangents, told in (((together,), "g"), (apart, "*g")):
            if fits((*cotangents, *rest)):
                yield Convention(
                    outs, (*cotangents, *rest), f"({told}, {says})" if says else f"({told})"
                )
    if fits(()) and not fits((("g",),)):
        yield Convention(every[:1], (), "()")


def _saving(returned: Sequence[Any]) -> Iterator[tuple[tuple[Path, ...], tuple[Path, ...]]]:
    """Of what forward returned, the outputs and what it saved."""
    count = len(returned)
    if count == 2:
        first = returned[0]
        inside = tuple((0, k) for k in range(len(first))) if isinstance(first, tuple | list) else ()
        yield inside or ((0,),), (("r", 1),)
    if count > 2:
        yield tuple((k,) for k in range(count - 1)), (("r", count - 1),)
        yield ((0,),), tuple(("r", k) for k in range(1, count))


def _subscripted(root: str, path: Sequence[Any]) -> str:
    return root + "".join(f"[{key!r}]" for key in path)

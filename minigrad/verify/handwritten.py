"""A backward written by hand as a subject: how both sides are called, and what comes back.

People write backward passes in many ways. Which one it is here is found by calling: forward and
backward run on the example under each convention that their arguments allow, until one gives a
gradient of the right shape for every input.
"""

from __future__ import annotations

import copy
import inspect
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice, product
from typing import Any

import numpy as np

from minigrad.arrays.numbers import Number, Numbers
from minigrad.primitives.primitive import Array, Domain
from minigrad.verify.namespace import Complex, Exact, Floats, UsersNumPy, World
from minigrad.verify.report import Witness
from minigrad.verify.script import NoScriptError, script_of, way_to
from minigrad.verify.sources import returned_names
from minigrad.verify.subject import Arrays, Cotangents, Gradients, Subject

CACHES = frozenset({
    "cache", "caches", "saved", "ctx", "context", "memo", "residuals", "res", "intermediates",
    "tape", "memory", "aux", "store", "stash",
})  # fmt: skip
OUTPUTS = frozenset({"y", "out", "output", "outputs"})
_TRIES = 200  # ways to shorten the axes that are tried


class MisfitError(ValueError):
    """Forward, backward and example do not fit together; the message is one line."""


@dataclass(frozen=True)
class Leaf:
    """An array among the arguments.

    Attributes:
        name: what reports call it.
        path: the argument's number, then keys and positions inside it.
        value: the example.
        scalar: whether it is a Python number and no array.
    """

    name: str
    path: tuple[Any, ...]
    value: np.ndarray
    scalar: bool = False


@dataclass(frozen=True)
class Pair:
    """Forward and backward as the user gave them, and the example.

    Attributes:
        name: what reports call it.
        forward: (*inputs) → the outputs, with what it saves for backward or without.
        backward: the gradients.
        inputs: the example: arrays, numbers, containers of them, or shapes of random arrays.
        saves: whether forward returns (outputs, saved); found out if ``None``.
        names: of the inputs; forward's own if not given.
        constants: names of inputs that have no gradient.
        wanted: names of the only inputs that are differentiated; all if not given.
        positive: names of inputs that are positive.
        seed: of random arrays.
    """

    name: str
    forward: Callable[..., Any]
    backward: Callable[..., Any]
    inputs: tuple[Any, ...]
    saves: bool | None = None
    names: tuple[str, ...] = ()
    constants: tuple[str, ...] = ()
    wanted: tuple[str, ...] = ()
    positive: tuple[str, ...] = ()
    seed: int = 0


@dataclass
class Convention:
    """One way to call backward.

    Attributes:
        outputs: from what forward returned to its outputs, a list.
        call: (backward, cotangents, arguments, returned) → what backward returns.
        says: in words.
        text: both as expressions, for a script: of ``r``, what forward returned, and of that,
            the cotangents ``g`` and the arguments ``a``.
    """

    outputs: Callable[[Any], list[Any]]
    call: Callable[..., Any]
    says: str
    text: tuple[str, str]


class HandWritten(Subject):
    """A backward written by hand, beside its forward.

    Raises:
        MisfitError: they do not fit together, or forward fails on the example.
    """

    def __init__(self, pair: Pair) -> None:
        self.pair, self.name = pair, pair.name
        self.numpy = UsersNumPy([pair.forward, pair.backward])
        self.seeded = False
        self.remarks: list[str] = []
        names = _named(pair)
        self.arguments = self._arguments(names)
        self.leaves = {
            leaf.name: leaf
            for k, value in enumerate(self.arguments)
            for leaf in _leaves(value, names[k], (k,))
        }
        self.constants = {}
        self._take(self._convention(names))
        self._assign_roles()
        self._look_for_side_effects()

    # The example

    def _arguments(self, names: Sequence[str]) -> list[Any]:
        """The example, shapes made into arrays: of two readings of a tuple the one that runs."""
        rng = np.random.default_rng(self.pair.seed)
        drawn = [_is_shape(x) for x in self.pair.inputs]
        literal = list(self.pair.inputs)
        shaped = [rng.normal(size=x) if d else x for x, d in zip(literal, drawn, strict=True)]
        arguments = [_listed(x) for x in shaped]
        self.free_arguments = {k for k, d in enumerate(drawn) if d}
        try:
            self.first = self._forward(arguments)
            return arguments
        except Exception as error:
            meant = isinstance(error, TypeError | IndexError)  # as of a float for an index
            for k in [k for k, d in enumerate(drawn) if d and meant][::-1]:
                other = [_listed(x) for x in shaped[:k]] + [literal[k]]
                other += [_listed(x) for x in shaped[k + 1 :]]
                try:
                    self.first = self._forward(other)
                except Exception:
                    continue
                self.free_arguments.discard(k)
                return other
            text = " ".join(str(error).split())
            given = ", ".join(
                f"{n} {np.shape(x)}" if isinstance(x, np.ndarray) else f"{n} {type(x).__name__}"
                for n, x in zip(names, arguments, strict=False)
            )
            raise MisfitError(
                f"{self.name}: forward fails on the example inputs ({given}): "
                f"{type(error).__name__}: {text}"
            ) from error

    def _forward(self, arguments: Sequence[Any], world: World | None = None) -> Any:
        with self._world(world or Floats()), _seeded(self.seeded):
            return self.pair.forward(*_copied(arguments))

    @contextmanager
    def _world(self, world: World) -> Iterator[None]:
        with self.numpy.of(world):
            yield
        if world.narrow:
            self.eps = float(np.finfo(np.float32).eps)

    # How backward is called

    def _convention(self, names: Sequence[str]) -> Convention:
        """The first convention under which backward gives a gradient for each input."""
        self._check_forward()
        faults, fitting = [], []
        for convention in _conventions(self.pair, names, self.first):
            try:
                self._take(convention)
                if not self.kept:
                    raise MisfitError("forward returns no array of floats")
                self._gradients_at_example()
            except Exception as error:
                faults.append((convention, error))
                continue
            fitting.append(convention)
        if not fitting:
            self._refuse(names, faults)
        if len(fitting) > 1:
            fitting.sort(key=lambda c: not self._seems_right(c))
        return fitting[0]

    def _take(self, convention: Convention) -> None:
        """Go by a convention: its outputs, and which of them are real, belong together."""
        outputs = convention.outputs(self.first)
        self.convention = convention
        self.kept = [k for k, y in enumerate(outputs) if _is_real(y)]

    def _check_forward(self) -> None:
        """Whether forward is a function of its inputs: twice the same gives the same."""
        again = self._forward(self.arguments)
        if _same(self.first, again):
            return
        self.seeded = True
        self.first = self._forward(self.arguments)
        if not _same(self.first, self._forward(self.arguments)):
            raise NotDeterministicError(
                f"{self.name}: forward differs from call to call; seed it inside, or hand over "
                "what it draws as an input"
            )
        self.remarks.append("forward draws from np.random, which is seeded before each call")

    def _refuse(self, names: Sequence[str], faults: Sequence[tuple[Convention, Exception]]) -> None:
        if not faults:
            taken = _required(self.pair.backward) or []
            raise MisfitError(
                f"{self.name}: got a backward of the arguments ({', '.join(taken)}), expected "
                f"(g, {', '.join(names)}), (g, y, {', '.join(names)}), or, where forward returns "
                "(output, saved), (g, saved)"
            )
        misfits = [error for _, error in faults if isinstance(error, MisfitError)]
        if misfits:
            raise misfits[0]
        convention, error = faults[0]
        self.raised = (convention, error)
        text = " ".join(str(error).split())
        raise BackwardRaisesError(
            f"backward raises {type(error).__name__}: {text} (called as {convention.says})"
        )

    def _gradients_at_example(self) -> dict[str, Any]:
        _, found = self._pulled(
            {n: leaf.value for n, leaf in self.leaves.items()},
            lambda outputs: [np.ones(np.shape(y)) for y in outputs], Floats(),
        )  # fmt: skip
        for name, g in found.items():
            leaf = self.leaves[name]
            if (
                g is not None
                and np.size(g) != leaf.value.size
                and np.shape(g) != np.shape(leaf.value)
            ):
                found[name] = g  # a wrong shape is judged, not refused
        return found

    def _seems_right(self, convention: Convention) -> bool:
        """Whether the gradient is right along one direction: which of two readings is meant."""
        self._take(convention)
        floats = {n: x for n, x in self.leaves.items() if x.value.dtype.kind == "f"}
        rng = np.random.default_rng(1)
        steps = {n: rng.normal(size=x.value.shape) for n, x in floats.items()}
        try:
            ends = []
            for t in (1e-5, -1e-5):
                moved = {n: x.value + t * steps[n] if n in steps else x.value
                         for n, x in self.leaves.items()}  # fmt: skip
                ends.append(self.outputs_at(moved, Floats()))
            slope = sum(float(np.sum(np.asarray(a) - b)) for a, b in zip(*ends, strict=True)) / 2e-5
            found = self._gradients_at_example()
            mine = sum(
                float(np.sum(np.asarray(g) * steps[n])) for n, g in found.items()
                if g is not None and n in steps
            )  # fmt: skip
        except Exception:
            return False
        return abs(mine - slope) <= 1e-4 * max(abs(mine), abs(slope), 1e-8)

    # Which inputs are judged

    def _assign_roles(self) -> None:
        found = self._gradients_at_example()
        pair = self.pair
        unknown = {*pair.constants, *pair.wanted, *pair.positive} - self.leaves.keys()
        if unknown:
            raise MisfitError(
                f"{self.name}: no input is called {', '.join(sorted(unknown))}; there are "
                f"{', '.join(self.leaves)}"
            )
        self.inputs: dict[str, np.ndarray] = {}
        for name, leaf in self.leaves.items():
            reason = self._reason_of_constant(name, leaf, found)
            if reason:
                self.constants[name] = reason
            else:
                self.inputs[name] = np.asarray(leaf.value, dtype=float)
        if not self.inputs:
            listed = "; ".join(f"{n}: {why}" for n, why in self.constants.items())
            raise MisfitError(f"{self.name}: no input to differentiate by ({listed})")
        self.free = frozenset(
            n for n in self.inputs if self.leaves[n].path in {(k,) for k in self.free_arguments}
        )
        self.assumed = frozenset(
            n
            for n, x in self.inputs.items()
            if n not in self.free and n not in pair.positive and x.size and np.all(x > 0)
        )
        self.domains: dict[str, Domain] = {
            name: "positive" for name in (*self.assumed, *pair.positive) if name in self.inputs
        }

    def _reason_of_constant(self, name: str, leaf: Leaf, found: Mapping[str, Any]) -> str:
        pair = self.pair
        if name in pair.constants:
            return "it is named as a constant"
        if pair.wanted and name not in pair.wanted:
            return "others are named to differentiate by"
        if leaf.value.dtype.kind not in "fiu":
            return "flags have no gradient"
        if name not in found:
            return "backward returns no gradient for it"
        if found[name] is None:
            return "backward returns None for it"
        if leaf.value.dtype.kind == "f" and not leaf.scalar:
            if not np.all(np.isfinite(leaf.value)):
                return "it is not finite"
            return ""
        if leaf.value.dtype.kind in "iu":
            try:
                moved = {n: x.value for n, x in self.leaves.items()}
                self.outputs_at({**moved, name: leaf.value + 0.25}, Floats())
            except Exception:
                return "whole numbers, which forward counts or looks up with"
            self.remarks.append(f"{name} holds whole numbers; it is judged as floats")
        return ""

    # Running it

    def outputs(self, arrays: Arrays) -> list[Array]:
        return self.outputs_at(self._whole(arrays), _world_of(arrays))

    def pull(self, arrays: Arrays, cotangents: Cotangents) -> tuple[list[Array], Gradients]:
        return self._pulled(self._whole(arrays), cotangents, _world_of(arrays))

    def _whole(self, arrays: Arrays) -> dict[str, Any]:
        return {n: arrays.get(n, leaf.value) for n, leaf in self.leaves.items()}

    def outputs_at(self, leaves: Mapping[str, Any], world: World) -> list[Array]:
        """The outputs that are real numbers, in a world."""
        arguments = self._filled(leaves)
        with self._world(world), _seeded(self.seeded):
            returned = self.pair.forward(*arguments)
        return self._real(self.convention.outputs(returned))

    def _pulled(
        self, leaves: Mapping[str, Any], cotangents: Cotangents, world: World
    ) -> tuple[list[Array], dict[str, Any]]:
        arguments = self._filled(leaves)
        with self._world(world), _seeded(self.seeded):
            returned = self.pair.forward(*arguments)
            every = self.convention.outputs(returned)
            outputs = [_copy(y) for y in self._real(every)]
            given = self._cotangents(every, cotangents(outputs))
            raw = self.convention.call(self.pair.backward, given, arguments, returned)
            return outputs, self._gradients(raw)

    def _filled(self, leaves: Mapping[str, Any]) -> list[Any]:
        """The arguments with these arrays in place of the example's."""
        arguments = _copied(self.arguments)
        for name, leaf in self.leaves.items():
            value = leaves[name]
            if leaf.scalar:
                value = value[()] if isinstance(value, np.ndarray) else value
                value = value.item() if isinstance(value, np.generic) else value
            else:
                value = _copy(value)
            _put(arguments, leaf.path, value)
        return arguments

    def _real(self, outputs: Sequence[Any]) -> list[Any]:
        return [outputs[k] for k in self.kept]

    def _cotangents(self, outputs: Sequence[Any], given: Sequence[Any]) -> list[Any]:
        """One for each output; those that are no real numbers get zeros."""
        every: list[Any] = [np.zeros(np.shape(y)) for y in outputs]
        for k, u in zip(self.kept, given, strict=True):
            every[k] = u[()] if isinstance(u, np.ndarray) and not u.ndim else u
        return every

    def _gradients(self, raw: Any) -> dict[str, Any]:
        return assigned(raw, self.arguments, _named(self.pair), self.leaves, self.pair.backward)

    def with_script(
        self, witness: Witness, name: str, index: tuple[int, ...], point: Arrays,
        cotangents: Sequence[Array],
    ) -> Witness:  # fmt: skip
        leaf, arguments = self.leaves[name], self._filled(self._whole(point))
        with self._world(Floats()), _seeded(self.seeded):
            returned = self.pair.forward(*_copied(arguments))
            given = self._cotangents(self.convention.outputs(returned), _copied([*cotangents]))
            raw = self.convention.call(self.pair.backward, given, _copied(arguments), returned)
        gradient = self._gradients(raw).get(name)
        way = way_to(gradient, raw) if gradient is not None else None
        try:
            if way is None:
                raise NoScriptError("backward returns no array for it")
            path = f"{way}[{', '.join(map(str, index))}]" if index else way
            script = script_of(
                f"∂L/∂{witness.entry} of {self.name}",
                {"forward": self.pair.forward, "backward": self.pair.backward},
                self.convention.text, arguments, cotangents, self.kept,
                [*leaf.path, *([index] if index else [])], path, seeded=self.seeded,
            )  # fmt: skip
        except NoScriptError as error:
            return replace(witness, alone=str(error))
        return replace(witness, script=script)

    # What a gradient that looks right may hide

    def _look_for_side_effects(self) -> None:
        """Whether forward or backward writes into what is the caller's."""
        leaves = {n: leaf.value for n, leaf in self.leaves.items()}
        rng = np.random.default_rng(2)
        arguments = self._filled(leaves)
        self.spoils = ""
        with self._world(Floats()), _seeded(self.seeded), np.errstate(all="ignore"):
            returned = self.pair.forward(*arguments)
            if not _same(arguments, self._filled(leaves)):
                self.remarks.append(f"forward writes into {self._changed(arguments, leaves)}")
                arguments = self._filled(leaves)
                returned = self.pair.forward(*arguments)
                before = _copied(arguments)
            else:
                before = self._filled(leaves)
            outputs = self.convention.outputs(returned)
            u = [rng.normal(size=np.shape(y)) for y in outputs]
            given = [np.array(x)[()] if not np.ndim(x) else np.array(x) for x in u]
            first = copy.deepcopy(
                self.convention.call(self.pair.backward, given, arguments, returned)
            )
            if not all(np.array_equal(a, b) for a, b in zip(u, given, strict=True)):
                self.remarks.append("backward writes into the cotangent that it is given")
            if not _same(arguments, before):
                self.remarks.append(f"backward writes into {self._changed(arguments, leaves)}")
            try:
                given = [np.array(x)[()] if not np.ndim(x) else np.array(x) for x in u]
                second = self.convention.call(self.pair.backward, given, arguments, returned)
            except Exception as error:
                text = " ".join(str(error).split())
                self.spoils = f"a second call of backward raises {type(error).__name__}: {text}"
                return
            if not _same(first, second):
                self.spoils = (
                    "a second call of backward gives another gradient: it writes into what "
                    "forward saved or into its inputs"
                )

    def _changed(self, arguments: Sequence[Any], leaves: Mapping[str, Any]) -> str:
        changed = [
            name for name, leaf in self.leaves.items()
            if not _same(_get(arguments, leaf.path), leaves[name])
        ]  # fmt: skip
        return "its argument " + ", ".join(changed) if changed else "its arguments"

    # Shorter axes

    def smaller(self) -> Iterator[HandWritten]:
        """Cut down to short axes, equal ones equal: as small as the code runs on.

        Once with lengths of 2 and once with different ones; a length that is a multiple of
        another may have to stay so (four gates in one matrix).
        """
        lengths = sorted({n for x in self.inputs.values() for n in x.shape if n > 1})
        if not lengths:
            return
        whole = self._shapes_at({n: leaf.value for n, leaf in self.leaves.items()})
        seen: list[Any] = []
        for shortest in (
            dict.fromkeys(lengths, 2), {n: min(n, 2 + j) for j, n in enumerate(lengths)}
        ):  # fmt: skip
            options = [
                sorted({
                    shortest[n],
                    *(shortest[d] * (n // d) for d in lengths if d < n and n % d == 0), n,
                })
                for n in lengths
            ]  # fmt: skip
            for chosen in islice(sorted(product(*options), key=sum), _TRIES):
                short = dict(zip(lengths, chosen, strict=True))
                if chosen == tuple(lengths):
                    break
                cut = self._cut(short)
                if cut is None:
                    continue
                wanted = whole and [tuple(short.get(n, n) for n in shape) for shape in whole]
                if wanted is None or cut._shapes_at(
                    {n: leaf.value for n, leaf in cut.leaves.items()}
                ) != wanted:  # fmt: skip
                    continue
                if cut.shapes not in seen:
                    seen.append(cut.shapes)
                    yield cut
                break

    def _cut(self, short: Mapping[int, int]) -> HandWritten | None:
        """With these lengths instead; labels keep what they say, so only their rows go."""
        cut = copy.copy(self)
        leaves = {}
        for name, leaf in self.leaves.items():
            x = leaf.value
            index = tuple(slice(short.get(n, n)) for n in x.shape)
            value = x[index]
            if name in self.constants and not _keeps_its_rows(x, value):
                return None
            leaves[name] = Leaf(name, leaf.path, value, leaf.scalar)
        cut.leaves = leaves
        cut.inputs = {name: np.asarray(leaves[name].value, dtype=float) for name in self.inputs}
        return cut

    def _shapes_at(self, leaves: Mapping[str, Any]) -> list[tuple[int, ...]] | None:
        """Shapes of outputs and gradients; ``None`` where the code fails."""
        try:
            with np.errstate(all="ignore"):
                outputs, found = self._pulled(
                    leaves, lambda outputs: [np.ones(np.shape(y)) for y in outputs], Floats()
                )
        except Exception:
            return None
        return [*map(np.shape, outputs), *(np.shape(found.get(name, ())) for name in self.inputs)]


class NotDeterministicError(ValueError):
    """Forward gives something else each time."""


class BackwardRaisesError(ValueError):
    """Backward raises an error on the example under every convention."""


def _keeps_its_rows(x: np.ndarray, cut: np.ndarray) -> bool:
    """Whether a constant that is cut still says what it said: rows of one 1 have theirs."""
    one_hot = x.ndim == 2 and np.all((x == 0) | (x == 1)) and np.all(x.sum(axis=-1) == 1)
    return not one_hot or bool(np.all(cut.sum(axis=-1) == 1))


# Arguments


def _is_shape(x: Any) -> bool:
    return isinstance(x, tuple) and all(type(n) is int for n in x)


def _listed(x: Any) -> Any:
    """A list of numbers as an array; anything else as it is."""
    if isinstance(x, list) and x:
        try:
            array = np.array(x)
        except ValueError:
            return x
        if array.dtype.kind in "fiub" and not any(isinstance(v, np.ndarray) for v in x):
            return array
    return x


def _leaves(value: Any, name: str, path: tuple[Any, ...]) -> Iterator[Leaf]:
    """The arrays in an argument, with names that say where they are."""
    if isinstance(value, np.ndarray):
        if value.dtype.kind in "fiub":
            yield Leaf(name, path, value)
    elif isinstance(value, float | np.floating):
        yield Leaf(name, path, np.asarray(float(value)), scalar=True)
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from _leaves(part, f"{name}[{key!r}]", (*path, key))
    elif isinstance(value, list | tuple):
        for k, part in enumerate(value):
            yield from _leaves(part, f"{name}[{k}]", (*path, k))


def _get(arguments: Any, path: Sequence[Any]) -> Any:
    for key in path:
        arguments = arguments[key]
    return arguments


def _put(arguments: list[Any], path: Sequence[Any], value: Any) -> None:
    *outer, last = path
    place = _get(arguments, outer)
    if isinstance(place, tuple):  # which cannot be changed: a new one takes its place
        parts = list(place)
        parts[last] = value
        made = type(place)(*parts) if hasattr(place, "_fields") else tuple(parts)
        _put(arguments, outer, made)
    else:
        place[last] = value


def _copied(arguments: Any) -> Any:
    """A copy of arrays and containers; other objects are the same."""
    if isinstance(arguments, np.ndarray):
        return arguments.copy()
    if isinstance(arguments, Mapping):
        return type(arguments)({k: _copied(v) for k, v in arguments.items()})  # type: ignore[call-arg]
    if isinstance(arguments, list):
        return [_copied(v) for v in arguments]
    if isinstance(arguments, tuple):
        parts = [_copied(v) for v in arguments]
        return type(arguments)(*parts) if hasattr(arguments, "_fields") else tuple(parts)
    return arguments


def _copy(x: Any) -> Any:
    return x.copy() if isinstance(x, np.ndarray) else x


def _named(pair: Pair) -> tuple[str, ...]:
    """The inputs' names: those given, or forward's own."""
    count = len(pair.inputs)
    names = list(pair.names or _required(pair.forward, optional=True) or ())
    return (*names[:count], *(f"x{k}" for k in range(len(names), count)))


def _required(function: Any, *, optional: bool = False) -> list[str] | None:
    """Names of the arguments that can be given by position; ``None`` if any number may."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return None
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [
        p.name for p in parameters if p.kind in positional and (optional or p.default is p.empty)
    ]


# Conventions


def _conventions(pair: Pair, names: Sequence[str], returned: Any) -> Iterator[Convention]:
    """The ways to call backward that its arguments allow, the likeliest first."""
    least = _required(pair.backward)
    most = _required(pair.backward, optional=True)
    count = len(names)
    several = isinstance(returned, tuple | list)
    parts = len(returned) if several else 1

    def fits(n: int) -> bool:
        return least is None or most is None or len(least) <= n <= len(most)

    saves = pair.saves
    if saves is None and several and most and parts >= 2:
        named_for_inputs = len(most) >= 2 and set(most[1:]) <= {*names, *OUTPUTS}
        saves = bool(most and most[-1].lower() in CACHES) or None
        if named_for_inputs:
            saves = False
    with_saved = list(_saving(parts, returned[0], fits)) if several and saves is not False else []
    without = list(_from_inputs(count, parts, several, most, names, fits))
    if saves:
        yield from with_saved
        if pair.saves is None:
            yield from without
    else:
        yield from without
        yield from with_saved


def _saving(parts: int, first: Any, fits: Callable[[int], bool]) -> Iterator[Convention]:
    """Forward returns its outputs, and last what backward needs."""
    several = isinstance(first, tuple | list)
    if parts == 2 and fits(2):
        yield Convention(
            lambda r: list(r[0]) if several else [r[0]],
            lambda backward, g, a, r: backward(tuple(g) if several else g[0], r[1]),
            "(g, saved)",
            ("list(r[0])", "(tuple(g), r[1])") if several else ("[r[0]]", "(g[0], r[1])"),
        )
    if parts == 2 and not fits(2):  # (y1, y2), saved → (g1, g2, saved)
        yield Convention(
            lambda r: list(r[0]),
            lambda backward, g, a, r: backward(*g, r[1]),
            "(*g, saved)", ("list(r[0])", "(*g, r[1])"),
        )  # fmt: skip
    if parts > 2 and fits(parts):
        yield Convention(
            lambda r: list(r[:-1]),
            lambda backward, g, a, r: backward(*g, r[-1]),
            "(*g, saved)", ("list(r[:-1])", "(*g, r[-1])"),
        )  # fmt: skip
    if parts > 2 and fits(2):
        yield Convention(
            lambda r: list(r[:-1]),
            lambda backward, g, a, r: backward(tuple(g), r[-1]),
            "(g, saved)", ("list(r[:-1])", "(tuple(g), r[-1])"),
        )  # fmt: skip
    if parts > 2 and fits(parts):
        yield Convention(
            lambda r: [r[0]],
            lambda backward, g, a, r: backward(g[0], *r[1:]),
            "(g, *saved)", ("[r[0]]", "(g[0], *r[1:])"),
        )  # fmt: skip


def _from_inputs(
    count: int, parts: int, several: bool, most: Sequence[str] | None, names: Sequence[str],
    fits: Callable[[int], bool],
) -> Iterator[Convention]:  # fmt: skip
    """Backward takes the cotangents and the inputs, with the output before them or without."""

    def outputs(r: Any) -> list[Any]:
        return list(r) if several else [r]

    def together(g: Sequence[Any]) -> Any:
        return tuple(g) if several else g[0]

    every, g_ = ("list(r)", "tuple(g)") if several else ("[r]", "g[0]")
    listed = ", ".join(names)
    plain = Convention(
        outputs, lambda backward, g, a, r: backward(together(g), *a), f"(g, {listed})",
        (every, f"({g_}, *a)"),
    )  # fmt: skip
    by_output = Convention(
        outputs, lambda backward, g, a, r: backward(together(g), r), "(g, y)",
        (every, f"({g_}, r)"),
    )  # fmt: skip
    if count == 1 and most and len(most) == 2 and most[1] in OUTPUTS - set(names):
        yield by_output
    if fits(count + 1):
        yield plain
    if fits(count + 2):
        yield Convention(
            outputs, lambda backward, g, a, r: backward(together(g), r, *a),
            f"(g, y, {listed})", (every, f"({g_}, r, *a)"),
        )  # fmt: skip
    if several and fits(count + parts):
        yield Convention(
            outputs, lambda backward, g, a, r: backward(*g, *a), f"(*g, {listed})",
            (every, "(*g, *a)"),
        )  # fmt: skip
    chosen = [names.index(n) for n in (most or [])[1:] if n in names]
    if most and len(chosen) == len(most) - 1 and len(chosen) < count:
        yield Convention(
            outputs, lambda backward, g, a, r: backward(together(g), *[a[k] for k in chosen]),
            f"(g, {', '.join(most[1:])})", (every, f"({g_}, *[a[k] for k in {chosen}])"),
        )  # fmt: skip
    if fits(2) and count != 1 and most and most[-1] in OUTPUTS:
        yield by_output
    if fits(1) and not fits(count + 1):
        yield Convention(
            outputs, lambda backward, g, a, r: backward(together(g)), "(g)", (every, f"({g_})")
        )
    if fits(0) and not fits(1):
        yield Convention(outputs, lambda backward, g, a, r: backward(), "()", (every, "()"))


# Gradients


def assigned(
    raw: Any, arguments: Sequence[Any], names: Sequence[str], leaves: Mapping[str, Leaf],
    backward: Any = None,
) -> dict[str, Any]:  # fmt: skip
    """What backward returned, by the leaves of forward's arguments.

    Raises:
        MisfitError: it does not fit them; the message lists both.
    """
    if isinstance(raw, Mapping):
        return _by_key(raw, arguments, names, leaves)
    gradients = list(raw) if isinstance(raw, tuple | list) else [raw]
    floats = [k for k, a in enumerate(arguments) if _has_floats(a)]
    if len(gradients) == len(arguments):
        places = list(range(len(arguments)))
    elif len(gradients) == len(floats):
        places = floats
    elif len(arguments) == 1 and isinstance(arguments[0], list | tuple):
        gradients, places = [gradients], [0]
    else:
        by_name = returned_names(backward)
        places = [_place_of(n, names) for n in by_name]  # type: ignore[misc]
        if len(places) != len(gradients) or None in places:
            if len(gradients) < len(floats) and len(gradients) < len(arguments):
                places = floats[: len(gradients)]
            else:
                raise MisfitError(
                    f"backward returns {len(gradients)} gradients, expected {len(arguments)}: one "
                    f"for each of {', '.join(names)} (None where there is none)"
                )
    found: dict[str, Any] = {}
    for k, g in zip(places, gradients, strict=True):
        found |= _inside(g, arguments[k], (k,), leaves)
    return found


def _has_floats(argument: Any) -> bool:
    return any(leaf.value.dtype.kind == "f" and not leaf.scalar
               for leaf in _leaves(argument, "", ()))  # fmt: skip


def _inside(
    g: Any, argument: Any, path: tuple[Any, ...], leaves: Mapping[str, Leaf]
) -> dict[str, Any]:
    """The gradient of one argument, by its leaves."""
    own = {leaf.path: name for name, leaf in leaves.items() if leaf.path[: len(path)] == path}
    if path in own:
        return {own[path]: g}
    if g is None:
        return dict.fromkeys(own.values())
    found: dict[str, Any] = {}
    if isinstance(argument, Mapping) and isinstance(g, Mapping):
        for key, part in argument.items():
            match = next((form for form in _forms(str(key)) if form in g), None)
            if key in g or match is not None:
                value = g[key] if key in g else g[match]
                found |= _inside(value, part, (*path, key), leaves)
        if not found and own:
            raise MisfitError(
                f"backward returns a dict with {', '.join(map(str, g))}, expected the keys "
                f"{', '.join(map(str, argument))}, or these with a d in front"
            )
        return found
    if isinstance(argument, list | tuple) and isinstance(g, list | tuple):
        if len(argument) != len(g):
            raise MisfitError(
                f"backward returns {len(g)} gradients for a {type(argument).__name__} of "
                f"{len(argument)}"
            )
        for k, (part, value) in enumerate(zip(argument, g, strict=True)):
            found |= _inside(value, part, (*path, k), leaves)
        return found
    if own:
        raise MisfitError(
            f"backward returns {type(g).__name__} for an argument that is a "
            f"{type(argument).__name__} of {', '.join(own.values())}"
        )
    return {}


def _by_key(
    raw: Mapping[Any, Any], arguments: Sequence[Any], names: Sequence[str],
    leaves: Mapping[str, Leaf],
) -> dict[str, Any]:  # fmt: skip
    """Gradients in a dict, by names: of arguments, or of what is in a dict among them."""
    found: dict[str, Any] = {}
    left = dict(raw)
    for k, name in enumerate(names):
        key = next((form for form in _forms(name) if form in left), None)
        if key is not None:
            found |= _inside(left.pop(key), arguments[k], (k,), leaves)
    for leaf_name, leaf in leaves.items():
        if leaf_name in found or len(leaf.path) < 2:
            continue
        key = next((form for form in _forms(str(leaf.path[-1])) if form in left), None)
        if key is not None:
            found[leaf_name] = left.pop(key)
    if not found:
        raise MisfitError(
            f"backward returns a dict with {', '.join(map(str, raw))}; the inputs are "
            f"{', '.join(leaves)}: name each gradient for its input, as in d{names[0]}"
        )
    return found


def _forms(name: str) -> list[str]:
    """Names that a gradient by ``name`` has in a dict."""
    forms = [f"d{name}", name, f"d_{name}", f"{name}_grad", f"grad_{name}", f"g{name}"]
    forms += [f"d{name}t", f"d{name}_t"]
    base = name.removesuffix("t").removesuffix("_")
    if base and base != name:
        forms += [f"d{base}", base]
    short = name.removesuffix("_prev").removesuffix("0").removesuffix("_init")
    if short and short != name:
        forms += [f"d{short}_prev", f"d{short}0", f"d{short}"]
    return forms


def _place_of(name: str, names: Sequence[str]) -> int | None:
    return next((k for k, n in enumerate(names) if name in _forms(n)), None)


# Worlds and comparisons


def _world_of(arrays: Arrays) -> World:
    for x in arrays.values():
        if isinstance(x, Numbers):
            return Exact()
        if np.iscomplexobj(x):
            return Complex()
    return Floats()


def _is_real(y: Any) -> bool:
    return isinstance(y, float | np.floating | Number) or (
        isinstance(y, np.ndarray) and y.dtype.kind in "fO"
    )


def _same(a: Any, b: Any) -> bool:
    """Whether two results are equal, NaN to NaN."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(_same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, np.ndarray | np.generic | float) and isinstance(
        b, np.ndarray | np.generic | float
    ):
        x, y = np.asarray(a), np.asarray(b)
        return np.array_equal(x, y, equal_nan=x.dtype.kind == "f" and y.dtype.kind == "f")
    return True  # other objects: not compared


@contextmanager
def _seeded(wanted: bool) -> Iterator[None]:
    """The global random numbers begin anew inside, and go on as before after it."""
    if not wanted:
        yield
        return
    numpy_state, python_state = np.random.get_state(), random.getstate()
    np.random.seed(0)
    random.seed(0)
    try:
        yield
    finally:
        np.random.set_state(numpy_state)
        random.setstate(python_state)

"""A backward written by hand as a subject: how both sides are called, and what comes back.

People write backward passes in many ways. Which one it is here is found by calling: forward and
backward run on the example under each convention that their arguments allow, and the one counts
under which the gradient fits best.
"""

from __future__ import annotations

import copy
import random
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice, product
from typing import Any

import numpy as np

from minigrad.arrays.numbers import Number, Numbers
from minigrad.primitives.primitive import Array, Domain
from minigrad.targets.problem import repeated
from minigrad.verify.claims import assigned
from minigrad.verify.conventions import Convention, conventions
from minigrad.verify.effects import State
from minigrad.verify.namespace import Complex, Exact, Floats, UsersNumPy, World
from minigrad.verify.pair import (
    Leaf,
    MisfitError,
    Pair,
    as_floats,
    copied,
    drawn,
    get,
    is_shape,
    leaves_of,
    listed,
    names_of,
    put,
    required,
    same,
)
from minigrad.verify.report import Witness
from minigrad.verify.script import NoScriptError, script_of, way_to
from minigrad.verify.slopes import LADDERS, by_differences, one_ladder
from minigrad.verify.sources import returned_names
from minigrad.verify.subject import Arrays, Cotangents, Gradients, Subject

_SLOW = 0.01  # seconds of a forward that is not run often to find out how backward is called
_TRIES = 200  # ways to shorten the axes that are tried


class HandWritten(Subject):
    """A backward written by hand, beside its forward.

    Args:
        pair: forward, backward and the example.
        dtype: of arrays of floats; that of the example if not given.

    Raises:
        MisfitError: they do not fit together, or forward fails on the example.
    """

    def __init__(self, pair: Pair, dtype: str = "") -> None:
        self.pair, self.name, self.dtype = pair, pair.name, dtype
        self.numpy = UsersNumPy([pair.forward, pair.backward])
        self.state = State({"forward": pair.forward, "backward": pair.backward})
        self.seeded = False
        self.remarks: list[str] = []
        names = names_of(pair)
        self.arguments = self._arguments(names)
        self.leaves = {
            leaf.name: leaf
            for k, value in enumerate(self.arguments)
            for leaf in leaves_of(value, names[k], (k,))
        }
        if any(_is_narrow(leaf.value) for leaf in self.leaves.values()):
            self.eps = float(np.finfo(np.float32).eps)
        self.constants = {}
        self._take(self._convention(names))
        self._assign_roles()
        self._look_for_side_effects()

    # The example

    def _arguments(self, names: Sequence[str]) -> list[Any]:
        """The example, shapes made into arrays: of two readings of a tuple the one that runs."""
        rng = np.random.default_rng(self.pair.seed)
        shapes = {k for k, x in enumerate(self.pair.inputs) if is_shape(x)}
        positive = self.pair.roles.positive
        literal = list(self.pair.inputs)
        shaped = [
            drawn(x, rng, positive=names[k] in positive) if k in shapes else x
            for k, x in enumerate(literal)
        ]
        arguments = [listed(x) for x in shaped]
        if self.dtype:
            arguments = as_floats(arguments, self.dtype)
        self.free_arguments = shapes
        try:
            self.first = self._forward(arguments)
            return arguments
        except Exception as error:
            meant = isinstance(error, TypeError | IndexError)  # as of a float for an index
            for k in sorted(shapes, reverse=True) if meant else ():
                other = [listed(x) for x in shaped[:k]] + [literal[k]]
                other += [listed(x) for x in shaped[k + 1 :]]
                try:
                    self.first = self._forward(other)
                except Exception:
                    continue
                self.free_arguments = shapes - {k}
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
        with self._world(world or Floats()):
            return self.pair.forward(*copied(arguments))

    @contextmanager
    def _world(self, world: World) -> Iterator[None]:
        quiet = np.errstate(all="ignore"), warnings.catch_warnings()
        with quiet[0], quiet[1], self.numpy.of(world), self.state.held(world):
            warnings.simplefilter("ignore")
            with _seeded(self.seeded):
                yield
        if world.narrow:
            self.eps = float(np.finfo(np.float32).eps)

    # How backward is called

    def _convention(self, names: Sequence[str]) -> Convention:
        """The convention under which the gradient fits best: of equals the likeliest."""
        self._check_forward()
        faults: list[tuple[Convention, Exception]] = []
        fits: dict[Convention, int] = {}
        for convention in conventions(self.pair, names, self.first):
            try:
                self._take(convention)
                fits[convention] = self._misfit()
            except Exception as error:
                faults.append((convention, error))
                continue
            if fits[convention] == 0:
                break
        if not fits:
            self._refuse(names, faults)
        best = min(fits, key=lambda c: fits[c])
        if ignored := [k for k, y in enumerate(self.first if best.outs != ((),) else ())
                       if isinstance(y, np.ndarray) and y.dtype.kind == "f"
                       and not {k} & {path[0] for path in best.outs}
                       and ("r", k) not in best.taken]:  # fmt: skip
            listed = ", ".join(map(str, ignored))
            self.remarks.append(f"result {listed} of forward is not taken as an output")
        return best

    def _take(self, convention: Convention) -> None:
        """Go by a convention: its outputs, and which of them are real, belong together."""
        outputs = convention.outputs(self.first)
        self.convention = convention
        self.kept = [k for k, y in enumerate(outputs) if _is_real(y)]

    def _check_forward(self) -> None:
        """Whether forward is a function of its inputs: twice the same gives the same."""
        again = repeated(lambda: self._forward(self.arguments))
        if all(same(self.first, other) for other in again):
            return
        self.seeded = True
        self.first = self._forward(self.arguments)
        again = repeated(lambda: self._forward(self.arguments))
        if not all(same(self.first, other) for other in again):
            raise NotDeterministicError(
                f"{self.name}: forward differs from call to call; seed it inside, or hand over "
                "what it draws as an input"
            )
        self.remarks.append("forward draws from np.random, which is seeded before each call")

    def _refuse(self, names: Sequence[str], faults: Sequence[tuple[Convention, Exception]]) -> None:
        if not faults:
            taken = required(self.pair.backward) or []
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

    def _at_example(self) -> dict[str, Any]:
        return {name: leaf.value for name, leaf in self.leaves.items()}

    def _gradients_at_example(self) -> dict[str, Any]:
        return self._pulled(self._at_example(), _random_like, Floats())[1]

    def _misfit(self) -> int:
        """How badly the gradient fits what forward computes: which of two readings is meant.

        Returns:
            0 if it is right along one direction, 1 if it is not, 2 if a shape is wrong.
        """
        if not self.kept:
            raise MisfitError(self._no_floats())
        found = self._gradients_at_example()
        values = {n: leaf.value for n, leaf in self.leaves.items()
                  if found.get(n) is not None and leaf.value.dtype.kind == "f"}  # fmt: skip
        if any(np.shape(found[n]) != x.shape for n, x in values.items()):
            return 2
        rng = np.random.default_rng(1)
        steps = {n: rng.normal(size=x.shape) for n, x in values.items()}

        def along(t: float) -> float:
            moved = {n: x + t * steps[n] for n, x in values.items()}
            outputs = self.outputs_at({**self._at_example(), **moved}, Floats())
            return sum(
                float(np.sum(u * y)) for u, y in zip(_random_like(outputs), outputs, strict=True)
            )

        start = time.thread_time()
        size = abs(along(0.0))
        slow = time.thread_time() - start > _SLOW
        ladders = one_ladder(self.eps) if slow else LADDERS
        slope = by_differences(along, 4 * self.eps * size, ladders)
        mine = sum(float(np.sum(np.asarray(found[n]) * step)) for n, step in steps.items())
        off = slope.distance(mine) - 10 * slope.error
        return int(off > max(1e-5, 1e3 * self.eps) * max(abs(mine), slope.size))

    def _no_floats(self) -> str:
        """Why there is no output to differentiate, and what to do."""
        got = [
            f"{y.dtype} {y.shape}" if isinstance(y, np.ndarray) else type(y).__name__
            for y in self.convention.outputs(self.first)
        ]
        whole = any(np.asarray(y).dtype.kind in "iub" for y in self.convention.outputs(self.first))
        told = f"{self.name}: forward returns {', '.join(got)}, expected an array of floats"
        return (
            f"{told}; whole numbers have no gradient: return y.astype(float), or judge a "
            "function that depends on its input smoothly"
        ) if whole else f"{told}: return the output first, as y or (y, cache)"  # fmt: skip

    # Which inputs are judged

    def _assign_roles(self) -> None:
        found = self._gradients_at_example()
        positive = self.pair.roles.positive
        self.pair.roles.check(self.name, self.leaves)
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
            if n not in self.free and n not in positive and x.size and np.all(x > 0)
        )
        self.domains: dict[str, Domain] = {
            name: "positive" for name in (*self.assumed, *positive) if name in self.inputs
        }

    def _reason_of_constant(self, name: str, leaf: Leaf, found: Mapping[str, Any]) -> str:
        if self.pair.roles.reason(name):
            return self.pair.roles.reason(name)
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
                self.outputs_at({**self._at_example(), name: leaf.value + 0.25}, Floats())
            except Exception:
                self._refuse_gradient_of_whole(name, found[name])
                return "whole numbers, which forward counts or looks up with"
            self.remarks.append(f"{name} holds whole numbers; it is judged as floats")
        return ""

    def _refuse_gradient_of_whole(self, name: str, gradient: Any) -> None:
        """What has no gradient may get zeros; else the gradients may be out of order."""
        if np.any(np.asarray(gradient, dtype=float)):
            raise MisfitError(
                f"{self.name}: backward returns a gradient of shape {np.shape(gradient)} for "
                f"{name}, whole numbers that forward counts or looks up with, expected None: "
                "return the gradients in the order of forward's inputs"
            )

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
        with self._world(world):
            returned = self.pair.forward(*arguments)
        return self._real(self.convention.outputs(returned))

    def _pulled(
        self, leaves: Mapping[str, Any], cotangents: Cotangents, world: World
    ) -> tuple[list[Array], dict[str, Any]]:
        arguments = self._filled(leaves)
        with self._world(world):
            returned = self.pair.forward(*arguments)
            every = self.convention.outputs(returned)
            outputs = copied(self._real(every))
            given = self._cotangents(every, cotangents(outputs))
            return outputs, copied(self._called_back(given, arguments, returned))

    def _filled(self, leaves: Mapping[str, Any]) -> list[Any]:
        """The arguments with these arrays in place of the example's."""
        arguments = copied(self.arguments)
        for name, leaf in self.leaves.items():
            value = leaves[name]
            if leaf.scalar:
                value = value[()] if isinstance(value, np.ndarray) else value
                value = value.item() if isinstance(value, np.generic) else value
            else:
                value = copied(_as_wide_as(leaf.value, value))
            put(arguments, leaf.path, value)
        return arguments

    def _real(self, outputs: Sequence[Any]) -> list[Any]:
        return [outputs[k] for k in self.kept]

    def _cotangents(self, outputs: Sequence[Any], given: Sequence[Any]) -> list[Any]:
        """One for each output; those that are no real numbers get zeros."""
        every: list[Any] = [np.zeros(np.shape(y)) for y in outputs]
        for k, u in zip(self.kept, given, strict=True):
            u = _as_wide_as(outputs[k], u)
            every[k] = u[()] if isinstance(u, np.ndarray) and not u.ndim else u
        return every

    def _gradients(self, raw: Any) -> dict[str, Any]:
        return assigned(raw, self.arguments, names_of(self.pair), self.leaves, self.pair.backward)

    def _called_back(
        self, cotangents: Sequence[Any], arguments: Sequence[Any], returned: Any
    ) -> dict[str, Any]:
        """The gradients by input; a backward without a cotangent is that of a loss, for 1."""
        found = self._gradients(
            self.convention.call(self.pair.backward, cotangents, arguments, returned)
        )
        if self.convention.upstream:
            return found
        (cotangent,) = cotangents
        return {name: None if g is None else g * cotangent for name, g in found.items()}

    def with_script(
        self, witness: Witness, name: str, index: tuple[int, ...], point: Arrays,
        cotangents: Sequence[Array],
    ) -> Witness:  # fmt: skip
        leaf, arguments = self.leaves[name], self._filled(self._whole(point))
        with self._world(Floats()):
            returned = self.pair.forward(*copied(arguments))
            given = self._cotangents(self.convention.outputs(returned), copied([*cotangents]))
            raw = self.convention.call(self.pair.backward, given, copied(arguments), returned)
        gradient = self._gradients(raw).get(name)
        way = way_to(gradient, raw) if gradient is not None else None
        try:
            if not self.convention.upstream:
                raise NoScriptError("backward takes no cotangent")
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
        leaves, rng = self._at_example(), np.random.default_rng(2)
        arguments = self._filled(leaves)
        self.spoils: dict[str, str] = {}
        with self._world(Floats()):
            returned = self.pair.forward(*arguments)
            if not same(arguments, self._filled(leaves)):
                self.remarks.append(f"forward writes into {self._changed(arguments, leaves)}")
                arguments = self._filled(leaves)
                returned = self.pair.forward(*arguments)
            before = copied(arguments)
            outputs = self.convention.outputs(returned)
            one, other = (
                [_as_wide_as(y, rng.normal(size=np.shape(y))) for y in outputs] for _ in range(2)
            )
            given = _cotangents(one)
            first = copy.deepcopy(self._called_back(given, arguments, returned))
            if not all(np.array_equal(a, b) for a, b in zip(one, given, strict=True)):
                self.remarks.append("backward writes into the cotangent that it is given")
            if not same(arguments, before):
                self.remarks.append(f"backward writes into {self._changed(arguments, leaves)}")
            try:
                second = copy.deepcopy(self._called_back(_cotangents(other), arguments, returned))
            except Exception as error:
                text = " ".join(str(error).split())
                self.remarks.append(
                    f"a second call of backward raises {type(error).__name__}: {text}; forward "
                    "has to run before each"
                )
                return
            called = returned_names(self.pair.forward)
            if isinstance(returned, tuple) and len(called) == len(returned):
                results = {n or f"result {k}": returned[k] for k, n in enumerate(called)}
            else:
                results = {"the result": returned}
            held = State({**results, "backward": self.pair.backward})
        alone = self._pulled(leaves, lambda _: [other[k] for k in self.kept], Floats())[1]
        self._compare_calls(first, second, alone, held)

    def _compare_calls(
        self, first: Mapping[str, Any], second: Mapping[str, Any], alone: Mapping[str, Any],
        held: State,
    ) -> None:  # fmt: skip
        """What a second call gives, beside what it gives where it is the first."""
        for name in self.inputs:
            a, b, c = (found.get(name) for found in (first, second, alone))
            if a is None or b is None or c is None or same(b, c):
                continue
            total = np.asarray(a) + np.asarray(c)
            if np.shape(b) == total.shape and np.allclose(b, total, rtol=1e-9, atol=1e-12):
                where = held.holder_of(b)
                self.remarks.append(
                    f"∂L/∂{name} accumulates{f' in {where}' if where else ''}: a second call of "
                    "backward adds to the first; set it to zero before the next"
                )
            elif not np.allclose(b, c, rtol=1e3 * self.eps, atol=0):
                self.spoils[name] = (
                    f"∂L/∂{name} is right in the first call of backward after forward; a second "
                    "call of backward gives another gradient, since it writes into what forward "
                    "saved or into its inputs: copy it before, or call forward again each time"
                )

    def _changed(self, arguments: Sequence[Any], leaves: Mapping[str, Any]) -> str:
        changed = [
            name for name, leaf in self.leaves.items()
            if not same(get(arguments, leaf.path), leaves[name])
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
        whole = self._shapes_at()
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
                if wanted is None or cut._shapes_at() != wanted:
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

    def _shapes_at(self) -> list[tuple[int, ...]] | None:
        """Shapes of outputs and gradients at the example; ``None`` where the code fails."""
        try:
            outputs, found = self._pulled(self._at_example(), _random_like, Floats())
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


def _is_narrow(y: Any) -> bool:
    """Whether it is an array of floats of less than double precision."""
    return isinstance(y, np.ndarray) and y.dtype.kind == "f" and y.dtype.itemsize < 8


def _as_wide_as(like: Any, value: Any) -> Any:
    """Floats of the type that another array has, if that is narrower than double precision."""
    return as_floats(value, like.dtype) if _is_narrow(like) else value


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


def _random_like(outputs: Sequence[Any]) -> list[np.ndarray]:
    """Cotangents, the same each time."""
    rng = np.random.default_rng(7)
    return [rng.normal(size=np.shape(y)) for y in outputs]


def _cotangents(drawn: Sequence[np.ndarray]) -> list[Any]:
    return [np.array(x)[()] if not np.ndim(x) else np.array(x) for x in drawn]

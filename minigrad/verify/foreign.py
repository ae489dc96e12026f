"""Functions of other frameworks as subjects: numbers go through their arrays, no other world can.

Nothing is imported here: whoever hands over such a function has the framework loaded.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np

from minigrad.primitives.primitive import Array
from minigrad.targets.inputs import NO_ROLES, Roles
from minigrad.verify.finding import STANDARD, Settings
from minigrad.verify.handwritten import HandWritten
from minigrad.verify.pair import MisfitError, Pair, as_floats, drawn, is_shape
from minigrad.verify.subject import Arrays, Cotangents, Gradients, Subject


class Foreign(Subject):
    """A function whose own framework differentiates it.

    Args:
        name: what reports call it.
        names: of the inputs.
        examples: arrays, shapes of random ones, or the framework's arrays.
        framework: what its arrays are called.
        run: NumPy arrays → the outputs as NumPy arrays, and their pullback.
        roles: which inputs are differentiated.
        settings: seed of random arrays, and the type of floats.

    Raises:
        MisfitError: it fails on the example, or nothing can be differentiated.
    """

    def __init__(
        self, name: str, names: Sequence[str], examples: Sequence[Any], framework: str,
        run: Callable[[list[Any]], tuple[list[Any], Callable[[Sequence[Any]], list[Any]]]],
        roles: Roles = NO_ROLES, settings: Settings = STANDARD,
    ) -> None:  # fmt: skip
        self.name, self.run = name, run
        self.numbers_only = f"only numbers go through {framework}'s arrays"
        rng = np.random.default_rng(settings.seed)
        self.every = {
            n: drawn(x, rng, positive=n in roles.positive) if is_shape(x) else _to_numpy(x)
            for n, x in zip(names, examples, strict=True)
        }
        if settings.dtype:
            self.every = as_floats(self.every, settings.dtype)
        floats = {
            n: x for n, x in self.every.items()
            if isinstance(x, np.ndarray) and x.dtype.kind == "f"
        }  # fmt: skip
        roles.check(name, self.every)
        self.constants = {
            n: roles.reason(n) or "it holds no floats" for n in self.every
            if n not in floats or roles.reason(n)
        }  # fmt: skip
        self.inputs = {
            n: np.asarray(x, dtype=float) for n, x in floats.items() if n not in self.constants
        }
        self.floats = floats
        self.free = frozenset(n for n, x in zip(names, examples, strict=True) if is_shape(x))
        self.domains = {
            n: "positive"
            for n, x in self.inputs.items()
            if n in roles.positive or (n not in self.free and np.all(x > 0))
        }
        if not self.inputs:
            raise MisfitError(f"{name}: none of the example inputs is an array of floats")
        try:
            outputs, _ = self._run(self.inputs)
        except Exception as error:
            text = " ".join(str(error).split())
            raise MisfitError(
                f"{name}: it fails on the example inputs: {type(error).__name__}: {text}"
            ) from error
        if any(y.dtype.itemsize < 8 for y in outputs):
            self.eps = float(np.finfo(np.float32).eps)

    def _run(self, arrays: Arrays) -> tuple[list[Any], Callable[[Sequence[Any]], list[Any]]]:
        return self.run([
            as_floats(arrays.get(n, x), self.floats[n].dtype) if n in self.floats else x
            for n, x in self.every.items()
        ])  # fmt: skip

    def outputs(self, arrays: Arrays) -> list[Array]:
        outputs, _ = self._run(arrays)
        return outputs

    def pull(self, arrays: Arrays, cotangents: Cotangents) -> tuple[list[Array], Gradients]:
        outputs, pullback = self._run(arrays)
        return outputs, dict(zip(self.floats, pullback(cotangents(outputs)), strict=True))


def foreign(
    function: Any, examples: Sequence[Any], roles: Roles = NO_ROLES, settings: Settings = STANDARD
) -> Subject:
    """A function of PyTorch or JAX, judged by the gradient that its framework gives.

    Raises:
        MisfitError: it is neither.
    """
    owner: Any = getattr(function, "__self__", function)  # Function.apply will do as well
    if isinstance(owner, type) and _comes_from(owner, "torch.autograd"):
        owner = cast(Any, owner)
        setup = owner.setup_context is not _torch().autograd.Function.setup_context
        names = _names_of(owner.forward, 0 if setup else 1, len(examples))
        return Foreign(owner.__name__, names, examples, "PyTorch", _by_torch(owner.apply),
                       roles, settings)  # fmt: skip
    name = getattr(function, "__name__", type(function).__name__)
    names = _names_of(function, 0, len(examples))
    if _comes_from(type(function), "jax") or any(_comes_from(type(x), "jax") for x in examples):
        return Foreign(name, names, examples, "JAX", _by_jax(function), roles, settings)
    if any(_comes_from(type(x), "torch") for x in examples) or (
        "torch" in sys.modules and _uses(function, "torch")
    ):
        return Foreign(name, names, examples, "PyTorch", _by_torch(function), roles, settings)
    raise MisfitError(
        f"check_vjp: got {type(function).__name__} without a backward, expected a NumPy forward "
        "and backward, a subclass of torch.autograd.Function, or a function of PyTorch or JAX"
    )


def torch_pair(pair: Pair, dtype: str = "") -> HandWritten:
    """A forward and a backward on PyTorch's tensors, called through NumPy's arrays."""
    subject = HandWritten(
        Pair(
            pair.name, _on_tensors(pair.forward), _on_tensors(pair.backward),
            tuple(map(_to_numpy, pair.inputs)), pair.saves, pair.names, pair.roles, pair.seed,
        ),
        dtype,
    )  # fmt: skip
    subject.numbers_only = "only numbers go through PyTorch's arrays"
    return subject


def is_torch_pair(pair: Pair) -> bool:
    """Whether forward and backward take tensors."""
    return any(_comes_from(type(x), "torch") for x in pair.inputs) or (
        "torch" in sys.modules and _uses(pair.forward, "torch") and not _uses(pair.forward, "numpy")
    )


def _torch() -> Any:
    return sys.modules["torch"]


def _comes_from(cls: type, package: str) -> bool:
    return any(
        base.__module__ == package or base.__module__.startswith((f"{package}.", f"{package}lib"))
        for base in cls.__mro__
    )


def _uses(function: Any, package: str) -> bool:
    """Whether a function's code names a module, as by ``torch.tanh``."""
    function = inspect.unwrap(getattr(function, "__func__", function))
    code = getattr(function, "__code__", None)
    if code is None:
        return False
    module = sys.modules.get(package, None)
    known = {name for name, value in function.__globals__.items() if value is module}
    return bool(known & set(code.co_names))


def _names_of(function: Any, skip: int, count: int) -> list[str]:
    try:
        names = list(inspect.signature(function).parameters)[skip:]
    except (TypeError, ValueError):
        names = []
    return [*names[:count], *(f"x{k}" for k in range(len(names), count))]


def _by_torch(function: Callable[..., Any]) -> Any:
    torch = _torch()

    def run(arrays: list[Any]) -> tuple[list[Any], Callable[[Sequence[Any]], list[Any]]]:
        tensors = [
            torch.tensor(x, requires_grad=x.dtype.kind == "f") if isinstance(x, np.ndarray) else x
            for x in arrays
        ]
        returned = function(*tensors)
        every = returned if isinstance(returned, tuple | list) else (returned,)
        outputs = [y for y in every if isinstance(y, torch.Tensor) and y.requires_grad]
        wanted = [t for t in tensors if isinstance(t, torch.Tensor) and t.requires_grad]
        if not outputs:
            raise MisfitError("no output requires a gradient")

        def pullback(cotangents: Sequence[Any]) -> list[Any]:
            given = [
                torch.as_tensor(u, dtype=y.dtype) for u, y in zip(cotangents, outputs, strict=True)
            ]
            found = torch.autograd.grad(outputs, wanted, given, allow_unused=True)
            return [None if g is None else g.detach().numpy() for g in found]

        return [y.detach().numpy() for y in outputs], pullback

    return run


def _by_jax(function: Callable[..., Any]) -> Any:
    jax = sys.modules["jax"]
    doubles = jax.enable_x64 if hasattr(jax, "enable_x64") else jax.experimental.enable_x64

    def run(arrays: list[Any]) -> tuple[list[Any], Callable[[Sequence[Any]], list[Any]]]:
        floats = [k for k, x in enumerate(arrays) if getattr(x, "dtype", None) == np.float64]

        def of_floats(*moved: Any) -> Any:
            given = dict(zip(floats, moved, strict=True))
            return function(*(given.get(k, x) for k, x in enumerate(arrays)))

        with doubles(True):
            returned, pull = jax.vjp(of_floats, *(jax.numpy.asarray(arrays[k]) for k in floats))
            outputs = [np.asarray(y) for y in jax.tree_util.tree_leaves(returned)]
            structure = jax.tree_util.tree_structure(returned)

        def pullback(cotangents: Sequence[Any]) -> list[Any]:
            with doubles(True):
                given = [jax.numpy.asarray(u) for u in cotangents]
                return [np.asarray(g) for g in pull(jax.tree_util.tree_unflatten(structure, given))]

        return outputs, pullback

    return run


def _on_tensors(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with NumPy's arrays for tensors, in and out."""
    torch = _torch()

    def inward(x: Any) -> Any:
        if isinstance(x, np.ndarray | np.floating):
            return torch.tensor(x)
        if isinstance(x, dict):
            return {k: inward(v) for k, v in x.items()}
        return type(x)(map(inward, x)) if isinstance(x, tuple | list) else x

    def outward(x: Any) -> Any:
        if isinstance(x, torch.Tensor):
            return x.detach().numpy().copy()
        if isinstance(x, dict):
            return {k: outward(v) for k, v in x.items()}
        return type(x)(map(outward, x)) if isinstance(x, tuple | list) else x

    @functools.wraps(function)
    def wrapped(*args: Any) -> Any:
        return outward(function(*map(inward, args)))

    return wrapped


def _to_numpy(x: Any) -> Any:
    if hasattr(x, "detach"):
        return x.detach().numpy()
    if hasattr(x, "__array__") or isinstance(x, list):
        return np.asarray(x)
    return x

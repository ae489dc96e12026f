"""NumPy's ufuncs called with keywords, and their methods reduce, accumulate and outer."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from minigrad.primitives.activations import logsumexp
from minigrad.primitives.calls import Constant, Refused, constant, path_of, refuse_out
from minigrad.primitives.exponentials import logaddexp
from minigrad.primitives.indexing import where
from minigrad.primitives.primitive import BY_NUMPY, Array, Primitive
from minigrad.primitives.reductions import scan
from minigrad.primitives.shaping import astype, reshape
from minigrad.primitives.sorting import cummax, cummin
from minigrad.primitives.special import SCIPY

REDUCTIONS: Mapping[np.ufunc, Callable[..., Array]] = MappingProxyType({
    np.add: np.sum, np.multiply: np.prod, np.maximum: np.max, np.minimum: np.min,
    np.fmax: np.nanmax, np.fmin: np.nanmin, np.logaddexp: logsumexp,
})  # fmt: skip
"""What ``ufunc.reduce`` is."""

ACCUMULATIONS: Mapping[np.ufunc, Callable[..., Array]] = MappingProxyType({
    np.add: np.cumsum, np.multiply: np.cumprod, np.maximum: cummax, np.minimum: cummin,
    np.logaddexp: lambda x, axis: scan(logaddexp, x, axis),
})  # fmt: skip
"""What ``ufunc.accumulate`` is."""

_DEFAULTS = {"casting": "same_kind", "order": "K", "subok": True, "signature": None}


def call_ufunc(
    ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], given: Mapping[str, Any]
) -> Any:
    """Answer a call of a ufunc, or of one of its methods, on a Tensor or an exact array.

    Entries where the keyword ``where`` is False are 0: NumPy leaves them undefined.

    Raises:
        TypeError: there is no answer; the message says what to do.
    """
    kwargs = dict(given)
    rule = rule_of(ufunc)
    if isinstance(rule, Constant | Refused):
        return (
            rule(*inputs, **kwargs)
            if method == "__call__"
            else _plainly(rule, method, inputs, kwargs)
        )
    refuse_out(ufunc, kwargs.pop("out", None))
    if method == "__call__" and rule is not None:
        return _called(ufunc, rule, inputs, kwargs)
    if method == "outer" and rule is not None:
        a, b = inputs
        lines = reshape(a, shape=np.shape(a) + (1,) * np.ndim(b)) if np.ndim(a) else a
        return _called(ufunc, rule, (lines, b), kwargs)
    table = {"reduce": REDUCTIONS, "accumulate": ACCUMULATIONS}.get(method, {})
    if ufunc in table:
        return table[ufunc](*inputs, **{"axis": 0, **kwargs})
    raise no_answer(ufunc, "" if method == "__call__" else f".{method}")


def rule_of(ufunc: np.ufunc) -> Callable[..., Any] | None:
    """What answers to a ufunc of NumPy or, by its name, of ``scipy.special``."""
    rule = BY_NUMPY.get(ufunc)
    module = sys.modules.get("scipy.special")
    if rule is None and module is not None and getattr(module, ufunc.__name__, None) is ufunc:
        return SCIPY.get(ufunc.__name__)
    return rule


def _plainly(
    rule: Constant | Refused, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    if isinstance(rule, Refused):
        return rule()
    return getattr(rule.function, method)(*constant(inputs), **constant(kwargs))


def _called(
    ufunc: np.ufunc, rule: Callable[..., Any], inputs: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    chosen, dtype = kwargs.pop("where", True), kwargs.pop("dtype", None)
    takes = () if isinstance(rule, Primitive) else inspect.signature(rule).parameters
    kept = {name: value for name, value in kwargs.items() if name in takes}
    for name in kwargs.keys() - kept.keys():
        if kwargs[name] != _DEFAULTS.get(name):
            raise no_answer(ufunc, f"({name}=…)")
    if dtype is not None:
        inputs = tuple(astype(x, dtype=dtype) if hasattr(x, "dtype") else x for x in inputs)
    if chosen is True:
        return rule(*inputs, **kept)
    inside = 1.5 if ufunc is np.arccosh else 0.5
    return where(chosen, rule(*(_guarded(x, chosen, inside) for x in inputs), **kept), 0)


def _guarded(x: Any, chosen: Any, inside: float) -> Any:
    """``x``, and a number inside the ufunc's domain where the entry is left out.

    There the cotangent is 0, and 0 times an infinite derivative would not be a number.
    """
    if not hasattr(x, "dtype") or x.dtype == object:
        return x
    return where(chosen, x, np.array(inside if x.dtype.kind in "fc" else 1, x.dtype))


def no_answer(function: Callable[..., Any], how: str = "") -> TypeError:
    """What to do about a function of NumPy, called in some way, that nothing answers to."""
    name, path = getattr(function, "__name__", str(function)), path_of(function)
    ways = ["Compose it of those in minigrad.primitives"]
    if isinstance(function, np.ufunc):
        operands = "x" if function.nin == 1 else ", ".join("abcdefgh"[: function.nin])
        partials = f"lambda y, {operands}: …, " * function.nin
        add = f"elementwise({name!r}, np.{name}, partials=({partials.rstrip()}), symbol=…)"
    else:
        add = f"fused({name!r}, {path.replace('numpy', 'np', 1)}, vjps=…, reference=…)"
        add += ", or minigrad.linear"
    if not how:
        ways.append(f"add one with minigrad.{add}")
    return TypeError(
        f"{path}{how} on a Tensor: no primitive of minigrad answers to it. {', '.join(ways)}, or "
        "use .detach() or .numpy() to make it a constant"
    )

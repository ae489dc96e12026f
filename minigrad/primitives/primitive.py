"""What a primitive is: one frozen record per rule, in one table.

Three kinds, named for what a derivative rule of theirs states:

- ``elementwise``: the partial derivative by each operand, as in any table of derivatives;
- ``linear`` and ``bilinear``: the adjoint of each operand, ⟨A v, u⟩ = ⟨v, Aᵀ u⟩;
- ``fused``: the vector-Jacobian product of several operations in one, beside the plain
  composition that it stands for.

Arrays are positional, everything static is a keyword. ``g`` is the cotangent of the output,
``y`` the output, then come the operands. Rules are plain NumPy, so NumPy's dispatch decides
whether they compute with numbers, symbols, integers modulo a prime, or record themselves.

A primitive of one's own takes three lines and needs no registration beyond the call::

    import numpy as np
    import minigrad as mg

    softsign = mg.fused(
        "softsign", lambda x: x / (1 + np.abs(x)),
        vjps=(lambda g, y, x: g / (1 + np.abs(x)) ** 2,),
        reference=lambda x: x / (1 + np.abs(x)),
    )
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from minigrad.primitives.calls import answering

Array = Any  # an ndarray, a Tensor, a SymbolicArray, a FieldArray, …
Rule = Callable[..., Array]
Kind = Literal["elementwise", "linear", "bilinear", "fused"]
Domain = Literal["real", "positive", "integer", "unit", "above one", "hyperbola", "definite"]


@dataclass(frozen=True)
class Sample:
    """Inputs that a primitive is judged on. Made by `sample`.

    Attributes:
        operands: per operand the shape to draw, or an array to take as it is.
        static: the keywords.
    """

    operands: tuple[tuple[int, ...] | np.ndarray, ...]
    static: Mapping[str, Any]


def sample(*operands: tuple[int, ...] | np.ndarray, **static: Any) -> Sample:
    """A `Sample` written as the call it stands for: shapes, then keywords.

    Example:
        >>> mg.sample((2, 3), axis=0)
        Sample(operands=((2, 3),), static={'axis': 0})
    """
    return Sample(operands, static)


@dataclass(frozen=True, eq=False)
class Primitive:
    """One differentiable operation. Made by `elementwise`, `linear`, `bilinear` or `fused`.

    Attributes:
        name: unique name, the key in `PRIMITIVES`.
        forward: the operation on plain arrays.
        kind: what the rules state: see the module's docstring.
        rules: per operand, as declared: a partial derivative, an adjoint or a VJP;
            ``None`` where an operand has no derivative (indices, masks).
        vjps: per operand, (g, y, *operands, **static) → the operand's cotangent, before
            broadcasting is undone. With ``variadic``, one rule with the keyword ``position``.
        symbol: SymPy's function of the same meaning (elementwise primitives only): its name,
            looked up on first use so that importing minigrad imports no SymPy, or a function
            of expressions.
        label: how pictures write it.
        reference: the plain composition that a fused primitive stands for.
        saving: the forward pass that also hands what ``backward`` needs to the walk.
        backward: the cotangents of all operands at once, (g, y, saved, *operands, **static).
        accumulate: (buffer, g, **static) adds a linear map's cotangent into the operand's own,
            where most of it is 0.
        variadic: whether the operands come as one sequence, as for ``np.concatenate``.
        static: names of the keywords the rules understand, in order.
        numpy: the NumPy functions this primitive answers to.
        nonsmooth: where it is not differentiable, and which convention holds there.
        domain: what real numbers each operand may be: ``"real"``, ``"positive"``,
            ``"integer"`` (an exponent, which a finite field only knows as a whole number),
            ``"unit"`` (between −1 and 1), ``"above one"``, ``"hyperbola"`` (any, but
            x² + 1 is a square in a finite field), or ``"definite"`` (symmetric positive
            definite matrices).
        analytic: whether it takes complex numbers and is analytic there, so that the complex
            step applies; central differences otherwise.
        samples: inputs that it is judged on.
        doc: what it computes, with an example: what ``help`` shows of it.
        reads: whether its rules need the operands' values, and not only their shapes.
        stamped: whether they need some operand's: a linear one may read a condition.
        arity: number of array operands (1 for a variadic primitive: the sequence).

    Example:
        >>> mg.softmax
        <fused primitive softmax>
        >>> mg.softmax.kind, mg.softmax.static
        ('fused', ('axis', 'where'))
    """

    name: str
    forward: Callable[..., Array]
    kind: Kind
    rules: tuple[Rule | float | None, ...]
    vjps: tuple[Rule | None, ...]
    symbol: str | Callable[..., Any] | None = None
    label: str = ""
    reference: Callable[..., Array] | None = None
    saving: Callable[..., tuple[Array, Any]] | None = None
    backward: Callable[..., tuple[Array | None, ...]] | None = None
    accumulate: Callable[..., None] | None = None
    variadic: bool = False
    static: tuple[str, ...] = ()
    numpy: tuple[Callable[..., Any], ...] = ()
    nonsmooth: str = ""
    domain: tuple[Domain, ...] = ()
    reads: bool = field(init=False)
    stamped: bool = field(init=False)
    arity: int = field(init=False)
    analytic: bool = True
    samples: tuple[Sample, ...] = ()
    doc: str = ""

    def __post_init__(self) -> None:
        """Note whether a rule reads the operands' values: a linear one needs their shapes only."""
        if self.doc:
            object.__setattr__(self, "__doc__", inspect.cleandoc(self.doc))
        reads = self.kind != "linear" and any(map(callable, self.rules))
        object.__setattr__(self, "reads", reads)
        object.__setattr__(self, "stamped", reads or None in self.rules)
        object.__setattr__(self, "arity", len(self.rules))

    def vjp(self, position: int) -> Rule | None:
        """Rule for the cotangent of operand number ``position``."""
        if self.variadic:
            return _at(self.vjps[0], position)
        return self.vjps[position]

    def __call__(self, *args: Array, **static: Any) -> Array:
        """Apply to arrays of any world; NumPy's own argument order for the static part."""
        interpret = getattr(args[0], "__primitive__", None) if len(args) == 1 else None
        if interpret is not None and not self.variadic and self.arity == 1:
            return interpret(self, args, static)
        if self.variadic or len(args) != self.arity:
            args, static = self._split(args, static)
        return self.apply(args, static)

    def apply(self, operands: Sequence[Array], static: Mapping[str, Any]) -> Array:
        """Apply to operands that are already apart from the static keywords."""
        for operand in operands:
            if type(operand) is np.ndarray:
                continue
            interpret = getattr(operand, "__primitive__", None)
            if interpret is not None:
                result = interpret(self, tuple(operands), static)
                if result is not NotImplemented:
                    return result
        if self.variadic:
            return self.forward(operands, **static)
        return self.forward(*operands, **static)

    def run(self, operands: Sequence[Array], static: Mapping[str, Any]) -> Array:
        """`forward` on plain arrays, as a sequence where it is variadic."""
        if self.variadic:
            return self.forward(operands, **static)
        return self.forward(*operands, **static)

    def _split(
        self, args: tuple[Array, ...], static: dict[str, Any]
    ) -> tuple[tuple[Array, ...], dict[str, Any]]:
        """Operands and static keywords of a call in which they came positionally."""
        operands, extra = args[: self.arity], args[self.arity :]
        if len(operands) < self.arity or len(extra) > len(self.static):
            raise TypeError(
                f"{self.name}: got {len(args)} positional arguments, expected {self.arity} "
                f"arrays, then {', '.join(self.static) or 'nothing'}"
            )
        return (
            tuple(operands[0]) if self.variadic else operands,
            {**dict(zip(self.static, extra, strict=False)), **static},
        )

    def bind(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[tuple[Array, ...], dict[str, Any]]:
        """Operands and static keywords of a call of the NumPy function ``function``.

        Raises:
            TypeError: the call uses an argument for which there is no derivative rule.
        """
        signature = _signature(function)
        arguments = signature.bind(*args, **kwargs).arguments
        names = list(signature.parameters)[: self.arity]
        operands = tuple(arguments.pop(name) for name in names)
        unknown = [name for name in arguments if name not in self.static]
        if unknown:
            raise TypeError(
                f"numpy.{function.__name__}({', '.join(unknown)}=…) on a Tensor: the primitive "
                f"{self.name} has no derivative rule for {', '.join(unknown)}; it knows "
                f"{', '.join(self.static) or 'no keyword'}"
            )
        return tuple(operands[0]) if self.variadic else operands, arguments

    def __repr__(self) -> str:
        return f"<{self.kind} primitive {self.name}>"


_primitives: dict[str, Primitive] = {}
_by_numpy: dict[Callable[..., Any], Callable[..., Array]] = {}

PRIMITIVES: Mapping[str, Primitive] = MappingProxyType(_primitives)
"""Every primitive there is, by name.

Example:
    >>> mg.PRIMITIVES["tanh"] is mg.tanh
    True
"""

BY_NUMPY: Mapping[Callable[..., Any], Callable[..., Array]] = MappingProxyType(_by_numpy)
"""What answers to a NumPy function on a Tensor: a primitive, or a composition of some.

Example:
    >>> mg.BY_NUMPY[np.tanh] is mg.tanh
    True
"""


def elementwise(
    name: str,
    forward: Callable[..., Array],
    *,
    partials: tuple[Rule | float | None, ...],
    symbol: str | Callable[..., Any],
    label: str = "",
    nonsmooth: str = "",
    domain: tuple[Domain, ...] | None = None,
    analytic: bool = True,
    samples: tuple[Sample, ...] | None = None,
    numpy: Iterable[Callable[..., Any]] = (),
    doc: str = "",
) -> Primitive:
    """A primitive that acts on each entry by itself; operands broadcast.

    Args:
        name: unique name.
        forward: the operation on arrays, NumPy only.
        partials: ∂y/∂x of each operand: a function (y, *operands, **static), or the number
            itself where it is constant; ``None`` for operands without a derivative.
        symbol: SymPy's function of the same meaning: its name, or a function of expressions.
        label: what pictures write; the name if not given.
        nonsmooth: where the derivative jumps, and the convention there.
        domain: per operand what it may be, all real numbers if not given: see `Primitive`.
        analytic: whether it takes complex numbers too, and is analytic there.
        samples: inputs to judge it on; some with and without broadcasting if not given.
        numpy: NumPy functions that it answers to, beside ``forward`` if no other does.
        doc: what it computes, with an example: what ``help`` shows of it.

    Example:
        >>> cube = mg.elementwise(
        ...     "cube", lambda x: x * x * x,
        ...     partials=(lambda y, x: 3 * x * x,), symbol=lambda x: x**3,
        ... )
        >>> print(cube(2.0), mg.grad(cube)(2.0), mg.grad(mg.grad(cube))(2.0))
        8.0 12.0 12.0
    """
    vjps = tuple(_times(partial) for partial in partials)
    arity = len(partials)
    return _declare(
        name, forward, "elementwise", partials, vjps, numpy,
        symbol=symbol, label=label, nonsmooth=nonsmooth,
        domain=domain or ("real",) * arity, samples=samples or _broadcasting(arity),
        analytic=analytic, doc=doc,
    )  # fmt: skip


def linear(
    name: str,
    forward: Callable[..., Array],
    *,
    adjoints: tuple[Rule | None, ...],
    samples: tuple[Sample, ...] = (),
    label: str = "",
    variadic: bool = False,
    analytic: bool = True,
    accumulate: Callable[..., None] | None = None,
    numpy: Iterable[Callable[..., Any]] = (),
    doc: str = "",
) -> Primitive:
    """A primitive that is linear in all its differentiable operands together.

    Args:
        name: unique name.
        forward: the operation on arrays, NumPy only.
        adjoints: per operand (g, *operands, **static) → its cotangent; ``None`` for operands
            without a derivative, such as indices.
        samples: inputs to judge it on.
        label: what pictures write; the name if not given.
        variadic: the operands come as one sequence; the single rule has a keyword ``position``.
        analytic: whether it is linear over complex numbers too.
        accumulate: adds the first operand's cotangent into a buffer: see `Primitive`.
        numpy: NumPy functions that it answers to, beside ``forward``.
        doc: what it computes, with an example: what ``help`` shows of it.

    Example:
        >>> halve = mg.linear("halve", lambda x: x / 2, adjoints=(lambda g, x: g / 2,))
        >>> print(halve(3.0), mg.grad(halve)(3.0))
        1.5 0.5
    """
    vjps = tuple(_without_output(adjoint) for adjoint in adjoints)
    return _declare(
        name, forward, "linear", adjoints, vjps, numpy,
        samples=samples, label=label, variadic=variadic, analytic=analytic,
        accumulate=accumulate, doc=doc,
    )  # fmt: skip


def bilinear(
    name: str,
    forward: Callable[..., Array],
    *,
    adjoints: tuple[Rule, ...],
    samples: tuple[Sample, ...] = (),
    label: str = "",
    variadic: bool = False,
    numpy: Iterable[Callable[..., Any]] = (),
    doc: str = "",
) -> Primitive:
    """A primitive that is linear in each operand while the others are held.

    Arguments as for `linear`.

    Example:
        >>> cross = mg.bilinear(
        ...     "cross", np.cross,
        ...     adjoints=(lambda g, a, b: np.cross(b, g), lambda g, a, b: np.cross(g, a)),
        ...     samples=(mg.sample((3,), (3,)),),
        ... )
        >>> print(cross(np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])))
        [0. 0. 1.]
    """
    vjps = tuple(_without_output(adjoint) for adjoint in adjoints)
    return _declare(
        name, forward, "bilinear", adjoints, vjps, numpy,
        samples=samples, label=label, variadic=variadic, doc=doc,
    )  # fmt: skip


def fused(
    name: str,
    forward: Callable[..., Array] | None = None,
    *,
    vjps: tuple[Rule | None, ...] | None = None,
    saving: Callable[..., tuple[Array, Any]] | None = None,
    backward: Callable[..., tuple[Array | None, ...]] | None = None,
    reference: Callable[..., Array],
    analytic: bool = True,
    samples: tuple[Sample, ...] = (),
    label: str = "",
    nonsmooth: str = "",
    domain: tuple[Domain, ...] = (),
    numpy: Iterable[Callable[..., Any]] = (),
    doc: str = "",
) -> Primitive:
    """Several operations in one, for speed or stability.

    Its derivatives are stated in one of two ways. ``forward`` and ``vjps`` give a rule for each
    operand. ``saving`` and ``backward`` give them all at once, from what the forward pass kept;
    these two may write into arrays of their own and call compiled code, for whatever else is
    asked of them (derivatives of derivatives) is taken from ``reference``.

    Args:
        name: unique name.
        forward: the operation on arrays, NumPy only.
        vjps: per operand (g, y, *operands, **static) → its cotangent.
        saving: (*operands, **static) → the output, and anything that ``backward`` needs.
        backward: (g, y, saved, *operands, **static) → the cotangent of each operand, ``None``
            for one without a derivative.
        reference: the plain composition it stands for, made of other primitives; value and
            derivatives are held against it.
        analytic: whether it takes complex numbers too, and is analytic there.
        samples: inputs to judge it on.
        label: what pictures write; the name if not given.
        nonsmooth: where the derivative jumps, and the convention there.
        domain: per operand what it may be, all real numbers if not given: see `Primitive`.
        numpy: NumPy functions that it answers to, beside ``forward``.
        doc: what it computes, with an example: what ``help`` shows of it.

    Raises:
        TypeError: neither of the two ways, or both.

    Example:
        >>> half_square = mg.fused(
        ...     "half_square", lambda x: x * x / 2, vjps=(lambda g, y, x: g * x,),
        ...     reference=lambda x: mg.square(x) / 2,
        ... )
        >>> print(half_square(3.0), mg.grad(half_square)(3.0))
        4.5 3.0
    """
    keywords: tuple[str, ...] | None
    if saving is not None and backward is not None and forward is None and vjps is None:
        arity = len(_positional(saving))
        vjps = tuple(_alone(saving, backward, k) for k in range(arity))
        keywords = _keywords(saving)

        def forward(*operands: Array, **static: Any) -> Array:
            return saving(*operands, **static)[0]

    elif forward is not None and vjps is not None and saving is None and backward is None:
        keywords = None
    else:
        raise TypeError(f"{name}: expected forward and vjps, or saving and backward")
    return _declare(
        name, forward, "fused", vjps, vjps, numpy, keywords,
        reference=reference, samples=samples, label=label, nonsmooth=nonsmooth,
        analytic=analytic, domain=domain, saving=saving, backward=backward, doc=doc,
    )  # fmt: skip


def implements(*functions: Callable[..., Any]) -> Callable[[Rule], Rule]:
    """Decorator: a composition of primitives that answers to these NumPy functions.

    Example:
        >>> @mg.implements(np.ptp)
        ... def spread(x):
        ...     return mg.max(x) - mg.min(x)
        >>> print(mg.grad(np.ptp)(np.array([1.0, 2.0, 5.0])))
        [-1.  0.  1.]
    """

    def register(composition: Rule) -> Rule:
        _by_numpy.update({function: answering(function, composition) for function in functions})
        return composition

    return register


def overflow_guard(x: Array, axis: Any, where: np.ndarray | bool = True) -> Array:
    """The maximum of ``x`` along ``axis`` (kept), as a constant to subtract before ``exp``.

    Only entries ``where`` a mask is True count. It cancels in the result, so it has no
    derivative, and worlds that cannot overflow (symbols, a finite field) need none: they get 0.
    """
    if hasattr(x, "parents"):  # a Tensor: the shift is a constant, so its data will do
        x = x.data
    if x.dtype == object or x.size == 0:
        return 0
    chosen = x.real if where is True else np.where(where, x.real, -np.inf)
    highest = np.amax(chosen, axis=axis, keepdims=True)
    return np.where(np.isfinite(highest), highest, 0)


def _declare(
    name: str,
    forward: Callable[..., Array],
    kind: Kind,
    rules: tuple[Rule | float | None, ...],
    vjps: tuple[Rule | None, ...],
    numpy: Iterable[Callable[..., Any]],
    keywords: Iterable[str] | None = None,
    **rest: Any,
) -> Primitive:
    static = dict.fromkeys(
        keywords
        if keywords is not None
        else (keyword for rule in rules if callable(rule) for keyword in _keywords(rule))
    )
    static.pop("position", None)
    free = _by_numpy.get(forward) in (None, _primitives.get(name))  # or np.tanh would change hands
    own = (forward,) if _is_numpy(forward) and free else ()
    rest["label"] = rest.get("label") or name
    primitive = Primitive(
        name, forward, kind, rules, vjps, static=tuple(static), numpy=(*own, *numpy), **rest
    )
    _primitives[name] = primitive
    _by_numpy.update(dict.fromkeys(primitive.numpy, primitive))
    return primitive


def _broadcasting(arity: int) -> tuple[Sample, ...]:
    """Shapes for an elementwise primitive: alike, then each operand broadcast."""
    if arity == 1:
        return (sample((2, 3)),)
    stretched = [
        sample(*[(3,) if k == j else (2, 1) if arity > 2 else (2, 3) for j in range(arity)])
        for k in range(arity)
    ]
    return sample(*[(2, 3)] * arity), *stretched


def _times(partial: Rule | float | None) -> Rule | None:
    """The VJP of an elementwise operand: g · ∂y/∂x."""
    if partial is None:
        return None
    if callable(partial):
        if not _keywords(partial):  # the usual cases, spelled out: they are called most of all
            if partial.__code__.co_argcount == 2:
                return lambda g, y, x: g * partial(y, x)
            if partial.__code__.co_argcount == 3:
                return lambda g, y, a, b: g * partial(y, a, b)
        return lambda g, y, *operands, **static: g * partial(y, *operands, **static)
    if partial == 1:
        return lambda g, *_: g
    return lambda g, *_: g * partial


def _without_output(adjoint: Rule | None) -> Rule | None:
    if adjoint is None:
        return None
    return lambda g, y, *operands, **static: adjoint(g, *operands, **static)


def _alone(saving: Rule, backward: Rule, position: int) -> Rule:
    """The cotangent of one operand, where nothing was saved."""
    return lambda g, y, *operands, **static: backward(
        g, y, saving(*operands, **static)[1], *operands, **static
    )[position]


def _at(rule: Rule | None, position: int) -> Rule | None:
    if rule is None:
        return None
    return lambda *arrays, **static: rule(*arrays, position=position, **static)


def _keywords(rule: Rule) -> tuple[str, ...]:
    code = rule.__code__
    first = code.co_argcount
    return code.co_varnames[first : first + code.co_kwonlyargcount]


def _positional(function: Callable[..., Any]) -> tuple[str, ...]:
    code = function.__code__
    return code.co_varnames[: code.co_argcount]


def _is_numpy(function: Callable[..., Any]) -> bool:
    return isinstance(function, np.ufunc) or getattr(function, "__module__", "") == "numpy"


@cache
def _signature(function: Callable[..., Any]) -> inspect.Signature:
    """Of a NumPy function, with the names that its arguments have today."""
    try:
        found = inspect.signature(function)
    except ValueError:  # before NumPy 2.4 functions written in C did not tell
        return inspect.signature(_IN_C[function.__name__])
    return found.replace(parameters=[
        p.replace(name="shape") if p.name == "newshape" and "shape" not in found.parameters else p
        for p in found.parameters.values()  # np.reshape before NumPy 2.1
    ])  # fmt: skip


_IN_C: Mapping[str, Callable[..., Any]] = MappingProxyType({
    "concatenate": lambda arrays, axis=0, out=None, *, dtype=None, casting="same_kind": None,
    "where": lambda condition, x, y: None,
})  # fmt: skip

"""What a primitive is: one frozen record per rule, in one table.

Three kinds, named for what a derivative rule of theirs states:

- ``elementwise``: the partial derivative for each operand, as in any table of derivatives;
- ``linear`` and ``bilinear``: the adjoint of each operand, ⟨A v, u⟩ = ⟨v, Aᵀ u⟩;
- ``fused``: the vector-Jacobian product of several operations in one, together with the
  plain composition that it stands for.

Arrays are positional, everything static is a keyword. ``g`` is the cotangent of the output,
``y`` the output, then come the operands. Rules are plain NumPy, so NumPy's dispatch decides
whether they compute with numbers, symbols, integers modulo a prime, or record themselves.

Your own primitive takes three lines; the call itself registers it::

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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from minigrad.primitives.calls import (
    Constant,
    Refused,
    answering,
    constant,
    joined,
    joining,
    widened,
)
from minigrad.primitives.signatures import keywords_of, required, signature, takes

Array = Any  # an ndarray, a Tensor, a SymbolicArray, a FieldArray, …
Rule = Callable[..., Array]
Kind = Literal["elementwise", "linear", "bilinear", "fused"]
Domain = Literal[
    "real", "positive", "integer", "unit", "share", "above one", "hyperbola", "definite"
]


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
        forward: the operation on plain arrays, (*operands, **static).
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
        choice: what of the result is a choice, such as the signs of eigenvectors, so that the
            reference may come out otherwise.
        saving: the forward pass that also hands what ``backward`` needs to the walk.
        backward: the cotangents of all operands at once, (g, y, saved, *operands, **static).
        variadic: whether it takes any number of operands, in one sequence, as ``np.concatenate``.
        static: names of the keywords the rules understand, in order.
        numpy: the NumPy functions this primitive answers to.
        nonsmooth: where it is not differentiable, and which convention holds there.
        domain: what real numbers each operand may be: ``"real"``, ``"positive"``,
            ``"integer"`` (an exponent, which a finite field only knows as a whole number),
            ``"unit"`` (between −1 and 1), ``"share"`` (between 0 and 1), ``"above one"``,
            ``"hyperbola"`` (any, but x² + 1 is a square in a finite field), or ``"definite"``
            (symmetric positive definite matrices).
        analytic: whether it takes complex numbers and is analytic there, so that the complex
            step applies; central differences otherwise.
        samples: inputs that it is judged on.
        doc: what it computes, with an example: what ``help`` shows of it.
        place: the file and line where it was declared.
        reads: whether its rules need the operands' values, and not only their shapes.
        stamped: whether they need some operand's: a linear one may read a condition.
        arity: number of array operands (1 for a variadic primitive: the sequence).
        separate: whether each operand has a rule of its own.

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
    choice: str = ""
    saving: Callable[..., tuple[Array, Any]] | None = None
    backward: Callable[..., Sequence[Array | None]] | None = None
    variadic: bool = False
    static: tuple[str, ...] = ()
    numpy: tuple[Callable[..., Any], ...] = ()
    nonsmooth: str = ""
    domain: tuple[Domain, ...] = ()
    reads: bool = field(init=False)
    stamped: bool = field(init=False)
    arity: int = field(init=False)
    separate: bool = field(init=False)
    analytic: bool = True
    samples: tuple[Sample, ...] = ()
    doc: str = ""
    place: str = ""

    def __post_init__(self) -> None:
        """Note whether a rule reads the operands' values: a linear one needs their shapes only."""
        if self.doc:
            object.__setattr__(self, "__doc__", inspect.cleandoc(self.doc))
        reads = self.kind != "linear" and any(map(callable, self.rules))
        object.__setattr__(self, "reads", reads)
        object.__setattr__(self, "stamped", reads or None in self.rules)
        object.__setattr__(self, "arity", len(self.rules))
        object.__setattr__(self, "separate", self.backward is None and not self.variadic)

    def vjp(self, position: int) -> Rule | None:
        """Rule for the cotangent of operand number ``position``."""
        if self.variadic:
            return _at(self.vjps[0], position)
        return self.vjps[position]

    def __call__(self, *args: Array, **static: Any) -> Array:
        """Apply to arrays of any world; NumPy's own argument order for the static part."""
        if self.variadic or len(args) != self.arity:
            args, static = self._split(args, static)
        for x in args:
            if type(x) in _LISTS:
                args = tuple(map(joined, args))
                break
        try:
            return self.bind(args, static)
        except TypeError:
            if unknown := [name for name in static if name not in self.static]:
                raise TypeError(
                    f"{self.name}: got the keyword {', '.join(unknown)}, expected "
                    f"{' or '.join(self.static) or 'none'}"
                ) from None
            raise

    def bind(self, operands: Sequence[Array], static: Mapping[str, Any]) -> Array:
        """Apply to operands of any world: the first that interprets primitives does so.

        The one door: a Tensor records, symbols and a finite field compute in their own way, and
        what is left runs ``forward``.
        """
        for operand in operands:
            if type(operand) is np.ndarray:
                continue
            interpret = getattr(operand, "__primitive__", None)
            if interpret is not None:
                result = interpret(self, operands, static)
                if result is not NotImplemented:
                    return result
        if self.kind != "linear":
            operands = widened(operands)
        return self.forward(*operands, **static)

    def pull(
        self,
        g: Array,
        y: Array,
        saved: Any,
        operands: Sequence[Array],
        static: Mapping[str, Any],
        wanted: Sequence[Any],
    ) -> list[Array | None]:
        """The cotangents of the operands, given the output's: the one way back.

        Args:
            g: the output's cotangent.
            y: the output.
            saved: what ``saving`` kept, or ``None``.
            operands: the operands.
            static: the keywords.
            wanted: per operand, ``None`` where no cotangent is wanted; its rule is not run.

        Returns:
            Per operand its cotangent, in its shape and dtype, or ``None``.

        Raises:
            ValueError: a rule's result cannot be brought to the operand's shape.
        """
        rules = self.vjps if self.separate else self._rules(g, y, saved, operands, static)
        parts: list[Array | None] = []
        for k, parent in enumerate(wanted):
            if parent is None or (rule := rules[k]) is None:
                parts.append(None)
                continue
            part = rule(g, y, *operands, **static) if static else rule(g, y, *operands)
            like = operands[k]
            if part.shape != like.shape:
                part = unbroadcast(part, like.shape, f"{self.name}: the rule for operand {k}")
            if part.dtype is not like.dtype and part.dtype != like.dtype:
                if part.dtype.kind == "c" and like.dtype.kind == "f":
                    part = np.real(part)  # what is real moves by real steps
                part = part.astype(like.dtype)
            parts.append(part)
        return parts

    def _rules(
        self, g: Array, y: Array, saved: Any, operands: Sequence[Array], static: Mapping[str, Any]
    ) -> Sequence[Rule | None]:
        """One rule for each operand, where the primitive states one for all."""
        if self.variadic:
            return [self.vjp(k) for k in range(len(operands))]
        if saved is None or self.backward is None:  # in a world of exact scalars, say
            return self.vjps
        if hasattr(saved, "__pull__"):  # a world's own
            parts = saved.__pull__(g, y)
        else:
            parts = self.backward(g, y, saved, *operands, **static)
        return [None if part is None else lambda *_, part=part, **__: part for part in parts]

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

    def arguments(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[tuple[Array, ...], dict[str, Any]]:
        """Operands and static keywords of a call of the NumPy function ``function``.

        Raises:
            TypeError: the call uses an argument for which there is no derivative rule.
        """
        parameters = signature(function).parameters
        given = signature(function).bind(*args, **kwargs).arguments
        names = list(parameters)[: self.arity]
        operands = tuple(given.pop(name) for name in names)
        static = {k: v for k, v in given.items() if v is not parameters[k].default}
        unknown = [name for name in static if name not in self.static]
        if unknown:
            raise TypeError(
                f"numpy.{function.__name__}({', '.join(unknown)}=…) on a Tensor: the primitive "
                f"{self.name} has no derivative rule for {', '.join(unknown)}; it knows "
                f"{', '.join(self.static) or 'no keyword'}"
            )
        return tuple(operands[0]) if self.variadic else operands, static

    def __repr__(self) -> str:
        return f"<{self.kind} primitive {self.name}>"


_LISTS = frozenset({list, tuple})
_primitives: dict[str, Primitive] = {}
_by_numpy: dict[Callable[..., Any], Callable[..., Array]] = {}
_replacing: ContextVar[bool] = ContextVar("minigrad.replacing", default=False)

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
        partials: ∂y/∂x of each operand: a function (y, *operands, **static), one of the operands
            alone such as ``np.cos``, or the number itself where it is constant; ``None`` for an
            operand without a derivative.
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
    arity = len(partials)
    vjps = tuple(_times(partial, arity, name) for partial in partials)
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
        numpy: NumPy functions that it answers to, beside ``forward``.
        doc: what it computes, with an example: what ``help`` shows of it.

    Example:
        >>> halve = mg.linear("halve", lambda x: x / 2, adjoints=(lambda g, x: g / 2,))
        >>> print(halve(3.0), mg.grad(halve)(3.0))
        1.5 0.5
    """
    vjps = tuple(_without_output(adjoint, len(adjoints), name) for adjoint in adjoints)
    return _declare(
        name, forward, "linear", adjoints, vjps, numpy,
        samples=samples, label=label, variadic=variadic, analytic=analytic, doc=doc,
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
    vjps = tuple(_without_output(adjoint, len(adjoints), name) for adjoint in adjoints)
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
    choice: str = "",
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
        choice: what of the result is a choice, such as the signs of eigenvectors, so that the
            reference may come out otherwise; only the derivatives are held against it then.
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
        arity = required(saving)
        assert arity is not None, f"{name}: saving names its operands"
        vjps = tuple(_alone(saving, backward, k) for k in range(arity))
        keywords = keywords_of(saving)

        def forward(*operands: Array, **static: Any) -> Array:
            return saving(*operands, **static)[0]

    elif forward is not None and vjps is not None and saving is None and backward is None:
        keywords = None
        for rule in vjps:
            if rule is not None:
                takes(rule, name, len(vjps) + 2)
    else:
        raise TypeError(f"{name}: expected forward and vjps, or saving and backward")
    return _declare(
        name, forward, "fused", vjps, vjps, numpy, keywords,
        reference=reference, choice=choice, samples=samples, label=label, nonsmooth=nonsmooth,
        analytic=analytic, domain=domain, saving=saving, backward=backward, doc=doc,
    )  # fmt: skip


def implements(*functions: Callable[..., Any]) -> Callable[[Rule], Rule]:
    """Decorator: a composition of primitives that answers to these NumPy functions.

    Raises:
        ValueError: something else answers to one of them.

    Example:
        >>> with mg.primitives.primitive.on_trial():  # what is declared inside is forgotten
        ...     @mg.implements(np.ptp)
        ...     def spread(x):
        ...         return mg.max(x) - mg.min(x)
        ...     print(mg.grad(np.ptp)(np.array([1.0, 2.0, 5.0])))
        [-1.  0.  1.]
    """

    def register(composition: Rule) -> Rule:
        composition = joining(composition)
        _answer({function: answering(function, composition) for function in functions})
        return composition

    return register


@contextmanager
def on_trial(replacing: bool = True) -> Iterator[None]:
    """Context manager: what is declared inside is forgotten at its end.

    Args:
        replacing: whether it may take the place of what was declared before.

    Example:
        >>> with mg.primitives.primitive.on_trial():
        ...     _ = mg.linear("tanh", lambda x: 2 * x, adjoints=(lambda g, x: 2 * g,))
        ...     print(mg.PRIMITIVES["tanh"].kind)
        linear
        >>> mg.PRIMITIVES["tanh"].kind
        'elementwise'
    """
    tables: tuple[dict[Any, Any], ...] = (_primitives, _by_numpy)
    before, token = [dict(table) for table in tables], _replacing.set(replacing)
    try:
        yield
    finally:
        _replacing.reset(token)
        for table, kept in zip(tables, before, strict=True):
            table.clear()
            table.update(kept)


def overflow_guard(x: Array, axis: Any, where: np.ndarray | bool = True) -> Array:
    """The maximum of ``x`` along ``axis`` (kept), as a constant to subtract before ``exp``.

    Only entries ``where`` a mask is True count. It cancels in the result, so it has no
    derivative, and worlds that cannot overflow (symbols, a finite field) need none: they get 0.
    """
    x = constant(x)
    exact = x.dtype == object
    if x.size == 0 or (exact and not hasattr(x, "reals")):
        return 0
    values = x.reals() if exact else x.real
    chosen = values if where is True else np.where(where, values, -np.inf)
    highest = np.amax(chosen, axis=axis, keepdims=True)
    if exact:  # exact numbers: formulas stay short where no float would overflow
        highest = np.where(np.abs(highest) > 600, highest, 0)
    return np.where(np.isfinite(highest), highest, 0)


def unbroadcast(g: Array, shape: tuple[int, ...], what: str) -> Array:
    """Sum ``g`` over the axes along which an operand of ``shape`` was broadcast.

    Raises:
        ValueError: no broadcasting makes this shape of that.
    """
    lead = g.ndim - len(shape)
    tail = g.shape[lead:] if lead >= 0 else ()
    if lead < 0 or any(n != m and n != 1 for n, m in zip(shape, tail, strict=True)):
        raise ValueError(
            f"{what} gave shape {g.shape}, expected {shape} or a shape it broadcasts to"
        )
    stretched = tuple(lead + a for a, (n, m) in enumerate(zip(shape, tail, strict=True)) if n != m)
    along = (*range(lead), *stretched)
    return PRIMITIVES["sum"](g, axis=along, keepdims=True).reshape(shape)


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
        else (keyword for rule in rules if callable(rule) for keyword in keywords_of(rule))
    )
    static.pop("position", None)
    rest["label"] = rest.get("label") or name
    known, place = _primitives.get(name), _caller()
    if known is not None and known.place != place and not _replacing.get():
        raise ValueError(
            f"{name}: a primitive of this name is declared already, in {known.place}; choose "
            "another name"
        )
    free = not _has_rule(forward) or _place(_by_numpy[forward]) == place
    own = (forward,) if _is_numpy(forward) and free else ()
    if rest.get("variadic"):
        forward = _in_sequence(forward)
    primitive = Primitive(
        name, forward, kind, rules, vjps, static=tuple(static), numpy=(*own, *numpy),
        place=place, **rest,
    )  # fmt: skip
    _answer(dict.fromkeys(primitive.numpy, primitive))
    _primitives[name] = primitive
    return primitive


def _answer(answers: Mapping[Callable[..., Any], Callable[..., Array]]) -> None:
    """Let these answer to NumPy functions."""
    for function, rule in answers.items():
        if not _has_rule(function) or _replacing.get():
            continue
        known = _by_numpy[function]
        if not _place(rule) or _place(known) != _place(rule):
            raise ValueError(
                f"numpy.{function.__name__} is answered already, by {known!r}: call what you "
                "declare by its own name"
            )
    _by_numpy.update(answers)


def _place(rule: Callable[..., Any]) -> str:
    """The file and line of a rule; code that is run again, as in a notebook, declares it again."""
    if isinstance(rule, Primitive):
        return rule.place
    function = inspect.unwrap(rule)
    code = getattr(function, "__code__", None)
    return _written(function.__globals__, code.co_filename, code.co_firstlineno) if code else ""


def _has_rule(function: Callable[..., Any]) -> bool:
    """Whether a NumPy function is answered with a derivative, which nothing else may replace."""
    return not isinstance(_by_numpy.get(function), Constant | Refused | None)


def _caller() -> str:
    """The file and line that called this module; of a notebook only that it is one."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_globals is globals():
        frame = frame.f_back
    assert frame is not None
    return _written(frame.f_globals, frame.f_code.co_filename, frame.f_lineno)


def _written(names: Mapping[str, Any], file: str, line: int) -> str:
    if "__file__" not in names:
        return "an interactive session"  # where a cell is edited and run again
    return f"{file}:{line}"


def _in_sequence(forward: Callable[..., Array]) -> Callable[..., Array]:
    return lambda *operands, **static: forward(operands, **static)


def _broadcasting(arity: int) -> tuple[Sample, ...]:
    """Shapes for an elementwise primitive: alike, then each operand broadcast."""
    if arity == 1:
        return (sample((2, 3)),)
    stretched = [
        sample(*[(3,) if k == j else (2, 1) if arity > 2 else (2, 3) for j in range(arity)])
        for k in range(arity)
    ]
    return sample(*[(2, 3)] * arity), *stretched


def _times(partial: Rule | float | None, arity: int, name: str) -> Rule | None:
    """The VJP of an elementwise operand: g · ∂y/∂x."""
    if partial is None:
        return None
    if callable(partial):
        if takes(partial, name, arity, arity + 1) == arity:  # the operands alone, as np.cos
            return lambda g, y, *operands, **static: g * partial(*operands, **static)
        if not keywords_of(partial) and arity < 3:  # the usual cases, spelled out for speed
            if arity == 1:
                return lambda g, y, x: g * partial(y, x)
            return lambda g, y, a, b: g * partial(y, a, b)
        return lambda g, y, *operands, **static: g * partial(y, *operands, **static)
    if partial == 1:
        return lambda g, *_: g
    return lambda g, *_: g * partial


def _without_output(adjoint: Rule | None, arity: int, name: str) -> Rule | None:
    """The VJP of a linear operand, whose rule has no need of the output."""
    if adjoint is None:
        return None
    if takes(adjoint, name, 1, arity + 1) == 1:  # the cotangent alone
        return lambda g, y, *operands, **static: adjoint(g, **static)
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


def _is_numpy(function: Callable[..., Any]) -> bool:
    return isinstance(function, np.ufunc) or getattr(function, "__module__", "") == "numpy"

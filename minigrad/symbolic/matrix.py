"""Matrices by name: a rule that runs on them writes itself down.

The engine's rules are NumPy expressions. Run on a `MatrixArray`, which computes nothing, they
leave the formula: ``g @ np.swapaxes(b, -1, -2)`` becomes δC Bᵀ. So no rule is typed twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import sympy
from numpy.lib.mixins import NDArrayOperatorsMixin

from minigrad.symbolic.formula import Formula, Name, Operation, Scalar, hadamard, op, plus


class MatrixArray(NDArrayOperatorsMixin):
    """A matrix of which only the formula and the shape are known.

    Args:
        formula: what it is.
        shape: of the array that it stands for.
    """

    __array_priority__ = 600.0

    def __init__(self, formula: Formula, shape: tuple[int, ...]) -> None:
        self.formula, self.shape = formula, shape

    ndim = property(lambda self: len(self.shape), doc="Number of axes.")

    def sum(self, axis: Any = None, *, keepdims: bool = False) -> MatrixArray:
        """Sum of each row."""
        if axis not in (-1, len(self.shape) - 1) or not keepdims:
            raise NotationError(f"a sum over axis {axis}")
        return MatrixArray(op("row_sum", self.formula), (*self.shape[:-1], 1))

    def __getitem__(self, index: Any) -> MatrixArray:
        raise NotationError(f"the entries [{index}]")

    def swapaxes(self, axis1: int, axis2: int) -> MatrixArray:
        """The transpose."""
        return _transposed(self, axis1, axis2)

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any
    ) -> MatrixArray:
        write = _UFUNCS.get(ufunc.__name__)
        if write is None or method != "__call__" or kwargs:
            raise NotationError(f"numpy.{ufunc.__name__}")
        if ufunc is np.matmul:
            shape = (*inputs[0].shape[:-1], inputs[1].shape[-1])
        else:
            shape = np.broadcast_shapes(*(getattr(x, "shape", ()) for x in inputs))
        return MatrixArray(write(*map(_formula, inputs)), shape)

    def __array_function__(
        self, function: Any, types: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> MatrixArray:
        if function is np.swapaxes:
            return _transposed(*args, **kwargs)
        if function is np.transpose and args[0].ndim == 2:
            return _transposed(args[0], 0, 1)
        raise NotationError(f"numpy.{function.__name__}")

    def __primitive__(
        self, primitive: Any, operands: tuple[Any, ...], static: Mapping[str, Any]
    ) -> MatrixArray:
        if primitive.name == "softmax":
            return MatrixArray(op("softmax", operands[0].formula), operands[0].shape)
        if primitive.kind == "fused":
            raise NotationError(primitive.name)
        return primitive.forward(*operands, **static)


class NotationError(ValueError):
    """A rule does something for which there is no notation here."""

    def __init__(self, what: str) -> None:
        super().__init__(f"derive: no notation for {what}; verify and graph know it")


def _formula(x: Any) -> Formula:
    if isinstance(x, MatrixArray):
        return x.formula
    if isinstance(x, Operation | Name | Scalar):
        return x
    value = sympy.nsimplify(x) if isinstance(x, int) else root(x)
    return Scalar(value)


def root(x: float) -> sympy.Expr:
    """A constant as √n where it is one: what a width of n leaves in attention."""
    square = round(x * x)
    if square and abs(x * x - square) < 1e-9 * square:
        return sympy.sqrt(square)
    inverse = round(1 / (x * x)) if x else 0
    if inverse and abs(1 / (x * x) - inverse) < 1e-9 * inverse:
        return 1 / sympy.sqrt(inverse)
    return sympy.Rational(str(x))


def _transposed(x: MatrixArray, axis1: int, axis2: int) -> MatrixArray:
    if {axis1 % x.ndim, axis2 % x.ndim} != {x.ndim - 1, x.ndim - 2}:
        raise NotationError(f"axes {axis1} and {axis2} exchanged")
    return MatrixArray(_flipped(x.formula), (*x.shape[:-2], x.shape[-1], x.shape[-2]))


def _flipped(formula: Formula) -> Formula:
    """The transpose: (Aᵀ)ᵀ = A, (A B)ᵀ = Bᵀ Aᵀ."""
    if isinstance(formula, Operation):
        if formula.kind == "transpose":
            return formula.parts[0]
        if formula.kind == "matmul":
            return op("matmul", *(_flipped(part) for part in reversed(formula.parts)))
        if formula.kind == "over":
            return op("over", _flipped(formula.parts[0]), formula.parts[1])
    return op("transpose", formula)


def _product(a: Formula, b: Formula) -> Formula:
    """A matrix product; a number that divides a factor divides the whole."""
    for k, part in enumerate((a, b)):
        if isinstance(part, Operation) and part.kind == "over":
            above, below = part.parts
            return op("over", _product(above, b) if k == 0 else _product(a, above), below)
    return op("matmul", a, b)


def _times(a: Formula, b: Formula) -> Formula:
    """A product entry by entry; a number goes in front, or below."""
    if isinstance(a, Scalar) and not isinstance(b, Scalar):
        a, b = b, a
    if isinstance(b, Scalar) and b.expression.is_number:
        inverse = sympy.radsimp(1 / b.expression)
        if b.expression != 1 and (inverse**2).is_Integer:
            return op("over", a, Scalar(inverse))
    return hadamard(a, b)


def _minus(a: Formula, b: Formula) -> Formula:
    return plus([a, op("minus", b)])


_UFUNCS: dict[str, Callable[..., Formula]] = {
    "matmul": _product,
    "multiply": _times,
    "add": lambda a, b: plus([a, b]),
    "subtract": _minus,
    "negative": lambda a: op("minus", a),
    "divide": lambda a, b: op("over", a, b),
}

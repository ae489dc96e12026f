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
        shape: of the array that it stands for; leading axes of length 1 do not matter.
        width: its last axis before it was broadcast.
    """

    __array_priority__ = 600.0

    def __init__(self, formula: Formula, shape: tuple[int, ...], width: int | None = None) -> None:
        self.formula, self.shape = formula, shape
        self.width = matrix_shape(shape)[1] if width is None else width

    ndim = property(lambda self: len(self.shape), doc="Number of axes.")

    def sum(self, axis: Any = None, *, keepdims: bool = False) -> MatrixArray:
        """Sum of each row."""
        if axis not in (-1, len(self.shape) - 1, (-1,)) or not keepdims:
            raise NotationError(f"a sum over axis {axis}")
        if self.width != self.shape[-1]:
            raise NotationError("the sum of what was repeated")
        return MatrixArray(op("row_sum", self.formula), (*self.shape[:-1], 1))

    def __getitem__(self, index: Any) -> MatrixArray:
        return self.moved(np.empty(self.shape)[index].shape)

    def swapaxes(self, axis1: int, axis2: int) -> MatrixArray:
        """The transpose."""
        return _transposed(self, axis1, axis2)

    def reshape(self, *shape: Any) -> MatrixArray:
        """Another shape of the same matrix, or a column as a row."""
        wanted = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple) else shape
        return self.moved(np.empty(self.shape).reshape(wanted).shape)

    def moved(self, shape: tuple[int, ...]) -> MatrixArray:
        """The same entries under another shape.

        Raises:
            NotationError: it is neither the same matrix nor its transpose.
        """
        old, new = matrix_shape(self.shape), matrix_shape(shape)
        if old == new:
            return MatrixArray(self.formula, shape, self.width)
        if old == new[::-1] and 1 in old:
            return MatrixArray(_flipped(self.formula), shape)
        raise NotationError(f"an array of shape {self.shape} as one of shape {shape}")

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any
    ) -> MatrixArray:
        write = _UFUNCS.get(ufunc.__name__)
        if write is None or method != "__call__" or kwargs:
            raise NotationError(f"numpy.{ufunc.__name__}")
        if ufunc is np.matmul:
            shape = (*inputs[0].shape[:-1], inputs[1].shape[-1])
            matrix_shape(shape)
            return MatrixArray(write(*map(_formula, inputs)), shape)
        shapes = [getattr(x, "shape", ()) for x in inputs]
        try:
            shape = np.broadcast_shapes(*shapes)
        except ValueError as error:
            told = " and ".join(map(str, shapes))
            raise NotationError(f"{ufunc.__name__} of shapes {told}") from error
        width = max(getattr(x, "width", 1) for x in inputs)
        return MatrixArray(write(*map(_formula, inputs)), shape, width)

    def __array_function__(
        self, function: Any, types: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> MatrixArray:
        if function is np.swapaxes:
            return _transposed(*args, **kwargs)
        if function is np.transpose and args[0].ndim == 2:
            return _transposed(args[0], 0, 1)
        if function is np.reshape:
            return args[0].reshape(*args[1:], **kwargs)
        if function is np.sum:
            return args[0].sum(*args[1:], **kwargs)
        if function is np.broadcast_to:
            return MatrixArray(args[0].formula, args[1], args[0].width)
        raise NotationError(f"numpy.{function.__name__}")

    def __primitive__(
        self, primitive: Any, operands: tuple[Any, ...], static: Mapping[str, Any]
    ) -> MatrixArray:
        x = operands[0]
        if primitive.name == "softmax":
            return MatrixArray(op("softmax", x.formula), x.shape)
        if primitive.kind == "elementwise" and primitive.arity == 1:
            return MatrixArray(_applied(primitive.name, x.formula), x.shape, x.width)
        if primitive.kind == "fused" and primitive.name != "affine":
            raise NotationError(primitive.name)
        return primitive.forward(*operands, **static)


def matrix_shape(shape: tuple[int, ...]) -> tuple[int, int]:
    """Rows and columns; a vector is a row.

    Raises:
        NotationError: it has more than two axes that are longer than 1.
    """
    if any(n != 1 for n in shape[:-2]):
        raise NotationError(f"an array of shape {shape}, which is no matrix")
    rows, columns = (1, 1, *shape)[-2:]
    return rows, columns


def _applied(name: str, x: Formula) -> Formula:
    """A function of each entry, with those signs out of it that books take out."""
    if name in _UFUNCS and name not in _FUNCTIONS:
        return _UFUNCS[name](x)
    inner = x.parts[0] if isinstance(x, Operation) and x.kind == "minus" else None
    if name == "sigmoid" and inner is not None:  # σ(−z) = 1 − σ(z)
        return plus([Scalar(sympy.Integer(1)), op("minus", op("apply", Name(name), inner))])
    return op("apply", Name(name), x)


def unbroadcast(part: MatrixArray, shape: tuple[int, ...]) -> MatrixArray:
    """A rule's result in the shape of its operand: what was broadcast is summed."""
    rows, columns = matrix_shape(shape)
    if matrix_shape(part.shape)[1] != columns:
        part = part.sum(-1, keepdims=True)
    if matrix_shape(part.shape)[0] != rows:
        part = MatrixArray(op("sum_rows", part.formula), (1, columns), part.width)
    return MatrixArray(part.formula, shape, part.width)


class NotationError(ValueError):
    """A rule does something for which there is no notation here."""

    def __init__(self, what: str) -> None:
        super().__init__(f"derive: no notation for {what}; verify and graph know it")


def _formula(x: Any) -> Formula:
    if isinstance(x, MatrixArray):
        return x.formula
    array = np.unique(np.asarray(x))
    if array.size != 1:
        raise NotationError(f"a constant array of shape {np.shape(x)}")
    number = array.item()
    return Scalar(sympy.Integer(number) if isinstance(number, int | bool) else root(number))


def root(x: float) -> sympy.Expr:
    """A constant as √n where it is one: what a width of n leaves in attention."""
    square = round(x * x)
    if square and abs(x * x - square) < 1e-9 * square:
        return sympy.sqrt(square)
    inverse = round(1 / (x * x)) if x and abs(x) > 1e-2 else 0
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
    if isinstance(b, Scalar) and b.expression in (1, -1):
        return a if b.expression == 1 else op("minus", a)
    if isinstance(b, Scalar) and b.expression.is_number:
        if isinstance(a, Scalar):
            return Scalar(a.expression * b.expression)
        inverse = sympy.radsimp(1 / b.expression)
        if b.expression != 1 and (inverse**2).is_Integer:
            return op("over", a, Scalar(inverse))
        return op("scaled", b, a)
    return hadamard(a, b)


def _over(a: Formula, b: Formula) -> Formula:
    """A quotient; a factor of a product is put over it."""
    if isinstance(a, Operation) and a.kind == "minus":
        return op("minus", _over(a.parts[0], b))
    return op("over", a, b)


def _minus(a: Formula, b: Formula) -> Formula:
    return plus([a, op("minus", b)])


_FUNCTIONS = ("tanh", "exp", "log", "sin", "cos", "expm1", "log1p", "absolute", "sign")
_UFUNCS: dict[str, Callable[..., Formula]] = {
    "matmul": _product,
    "multiply": _times,
    "add": lambda a, b: plus([a, b]),
    "subtract": _minus,
    "negative": lambda a: op("minus", a),
    "divide": _over,
    "square": lambda a: _times(a, a),
    "reciprocal": lambda a: _over(Scalar(sympy.Integer(1)), a),
    "sqrt": lambda a: op("root", a),
    "greater": lambda a, b: op("positive", _minus(a, b) if b != Scalar(sympy.Integer(0)) else a),
    **{name: (lambda a, name=name: _applied(name, a)) for name in _FUNCTIONS},
}

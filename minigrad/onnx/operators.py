"""Arithmetic, reductions and products in ONNX's operators."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from minigrad.compile.program import Literal, Variable
from minigrad.onnx.writer import Call, Rule
from minigrad.primitives.axes import axes_of

_SAME = {
    "add": "Add", "subtract": "Sub", "multiply": "Mul", "divide": "Div", "power": "Pow",
    "negative": "Neg", "sqrt": "Sqrt", "reciprocal": "Reciprocal", "log": "Log", "exp": "Exp",
    "sign": "Sign", "absolute": "Abs", "maximum": "Max", "minimum": "Min", "tanh": "Tanh",
    "sigmoid": "Sigmoid", "softplus": "Softplus", "relu": "Relu", "erf": "Erf", "sin": "Sin",
    "cos": "Cos", "tan": "Tan", "arcsin": "Asin", "arccos": "Acos", "arctan": "Atan",
    "sinh": "Sinh", "cosh": "Cosh", "arcsinh": "Asinh", "arccosh": "Acosh", "arctanh": "Atanh",
    "floor": "Floor", "ceil": "Ceil", "rint": "Round",
}  # fmt: skip
_OF_BOOLEANS = {
    "add": "Or", "multiply": "And", "maximum": "Or", "minimum": "And", "bitwise_and": "And",
    "bitwise_or": "Or", "bitwise_xor": "Xor", "logical_and": "And", "logical_or": "Or",
    "logical_xor": "Xor", "invert": "Not", "logical_not": "Not",
}  # fmt: skip
_COMPARISONS = {
    "less": "Less", "less_equal": "LessOrEqual", "greater": "Greater",
    "greater_equal": "GreaterOrEqual", "equal": "Equal",
}  # fmt: skip
_LOGARITHMS = {"log2": math.log(2), "log10": math.log(10)}
_BOOL = np.dtype(bool)


def _result(c: Call) -> np.dtype:
    found = c.output.dtype
    assert found is not None
    return found


def _common(c: Call) -> np.dtype:
    """The type in which NumPy compares the operands."""
    parts = [x[0] for x in c.operands]
    kinds = [getattr(x, "value", None) if x.weak else x.dtype for x in parts]
    return np.result_type(*[k for k in kinds if k is not None])


def elementwise(c: Call) -> str:
    """An operator that ONNX has."""
    kind, dtype = c.operation.name, _result(c)
    if dtype.kind == "b":
        return c.graph.op(_OF_BOOLEANS[kind], c.names(_BOOL))
    if kind in _OF_BOOLEANS and kind not in _SAME:
        return c.refuse(f"{kind} of whole numbers", "use booleans")
    return c.graph.op(_SAME[kind], c.names(dtype))


def _divide(c: Call) -> str:
    """A quotient; a sum over the number of its terms as a mean."""
    total, count = c.operands
    of = c.writer.made.get(total[0]) if isinstance(total[0], Variable) else None
    if of is None or of.operation.name != "sum" or _result(c) != _result(of):
        return elementwise(c)
    axes = axes_of(of.static.get("axis"), len(of.shape(0)))
    for summed, n in zip(of.operands[0], count, strict=True):
        if not isinstance(n, Literal) or n.value != math.prod(summed.shape[a] for a in axes):
            return elementwise(c)
    keep = int(bool(of.static.get("keepdims")))
    x = of.name(0, _result(c))
    return c.graph.op("ReduceMean", [x, c.graph.ints(axes)], keepdims=keep)


def comparison(c: Call) -> str:
    """Booleans."""
    dtype = _common(c)
    if dtype.kind == "b" and c.operation.name not in ("equal", "not_equal"):
        dtype = np.dtype(np.int32)
    if c.operation.name == "not_equal":
        return c.graph.op("Not", [c.graph.op("Equal", c.names(dtype))])
    return c.graph.op(_COMPARISONS[c.operation.name], c.names(dtype))


def _square(c: Call) -> str:
    x = c.name(0, _result(c))
    return c.graph.op("Mul", [x, x])


def _around_one(c: Call) -> str:
    one, x = c.graph.constant(1, _result(c)), c.name(0, _result(c))
    if c.operation.name == "log1p":
        return c.graph.op("Log", [c.graph.op("Add", [x, one])])
    return c.graph.op("Sub", [c.graph.op("Exp", [x]), one])


def _logarithm(c: Call) -> str:
    base = c.graph.constant(_LOGARITHMS[c.operation.name], _result(c))
    return c.graph.op("Div", [c.graph.op("Log", [c.name(0, _result(c))]), base])


def _remainder(c: Call) -> str:
    dtype = _result(c)
    x, y = c.names(dtype)
    if dtype.kind in "iu":
        return c.graph.op("Mod", [x, y])
    floor = c.graph.op("Floor", [c.graph.op("Div", [x, y])])
    return c.graph.op("Sub", [x, c.graph.op("Mul", [floor, y])])


def _floor_divide(c: Call) -> str:
    dtype = _result(c)
    x, y = c.names(dtype)
    if dtype.kind in "iu":  # ONNX's division cuts towards 0
        rest = c.graph.op("Mod", [x, y])
        return c.graph.op("Div", [c.graph.op("Sub", [x, rest]), y])
    return c.graph.op("Floor", [c.graph.op("Div", [x, y])])


def _about_infinity(c: Call) -> str:
    x, kind = c.name(0), c.operation.name
    if kind in ("isneginf", "isposinf"):
        other = "detect_positive" if kind == "isneginf" else "detect_negative"
        return c.graph.op("IsInf", [x], **{other: 0})
    found = [c.graph.op(op, [x]) for op, of in (("IsInf", "inf"), ("IsNaN", "nan"))
             if of in kind or kind == "isfinite"]  # fmt: skip
    if kind != "isfinite":
        return found[0]
    return c.graph.op("Not", [c.graph.op("Or", found)])


def _where(c: Call) -> str:
    condition = c.name(0, _BOOL)
    return c.graph.op("Where", [condition, c.name(1, _result(c)), c.name(2, _result(c))])


def _astype(c: Call) -> str:
    return c.name(0, _result(c))


def _clip(c: Call) -> str:
    low, high = c.name(1, _result(c)), c.name(2, _result(c))
    return c.graph.op("Min", [c.graph.op("Max", [c.name(0, _result(c)), low]), high])


# Along axes


def _reduction(c: Call) -> str:
    kind = {"sum": "ReduceSum", "max": "ReduceMax", "min": "ReduceMin", "prod": "ReduceProd",
            "any": "ReduceMax", "all": "ReduceMin"}[c.operation.name]  # fmt: skip
    extra = set(c.static) - {"axis", "keepdims"}
    if extra:
        return c.refuse(f"{c.operation.name} with {', '.join(sorted(extra))}", "leave it out")
    dtype = np.dtype(np.int32) if _result(c).kind == "b" else _result(c)
    axes = c.graph.ints(axes_of(c.static.get("axis"), len(c.shape(0))))
    found = c.graph.op(kind, [c.name(0, dtype), axes], keepdims=int(bool(c.static.get("keepdims"))))
    return c.graph.cast(found, dtype, _result(c))


def _place(c: Call) -> str:
    axis = c.static.get("axis")
    x = c.name(0)
    kind = {"argmax": "ArgMax", "argmin": "ArgMin"}[c.operation.name]
    if axis is None:
        x, axis = c.graph.op("Reshape", [x, c.graph.ints([-1])]), 0
    keep = int(bool(c.static.get("keepdims")))
    return c.graph.op(kind, [x], axis=int(axis), keepdims=keep)


def _cumsum(c: Call) -> str:
    axis, x = c.static.get("axis"), c.name(0, _result(c))
    if axis is None:
        x, axis = c.graph.op("Reshape", [x, c.graph.ints([-1])]), 0
    return c.graph.op("CumSum", [x, c.graph.constant(axis, np.int64)])


def _softmax(c: Call) -> str:
    dtype, axis = _result(c), int(c.static.get("axis", -1))
    x = c.name(0, dtype)
    if c.operation.name == "log_softmax":
        return c.graph.op("LogSoftmax", [x], axis=axis)
    if c.static.get("where") is None:
        return c.graph.op("Softmax", [x], axis=axis)
    return _masked_softmax(c, x, c.name(1, _BOOL), axis)


def _masked_softmax(c: Call, x: str, mask: str, axis: int) -> str:
    """Softmax over what the mask lets through; zeros where it lets nothing through."""
    low, zero = c.graph.constant(-np.inf, _result(c)), c.graph.constant(0, _result(c))
    shares = c.graph.op("Softmax", [c.graph.op("Where", [mask, x, low])], axis=axis)
    return c.graph.op("Where", [mask, shares, zero])


def _attention(c: Call) -> str:
    dtype = _result(c)
    q, k, v = (c.name(n, dtype) for n in range(3))
    order = [*range(len(c.shape(1)) - 2), len(c.shape(1)) - 1, len(c.shape(1)) - 2]
    turned = c.graph.op("Transpose", [k], perm=order)
    scale = c.graph.constant(c.static["scale"], dtype)
    scores = c.graph.op("Mul", [c.graph.op("MatMul", [q, turned]), scale])
    if c.static.get("mask") is None:
        shares = c.graph.op("Softmax", [scores], axis=-1)
    else:
        shares = _masked_softmax(c, scores, c.name(3, _BOOL), -1)
    return c.graph.op("MatMul", [shares, v])


def _layer_norm(c: Call) -> str:
    names = c.names(_result(c))
    axis = -len(c.shape(1))
    return c.graph.op("LayerNormalization", names, axis=axis, epsilon=float(c.static["eps"]))


def _matmul(c: Call) -> str:
    return c.graph.op("MatMul", c.names(_result(c)))


def _einsum(c: Call) -> str:
    return c.graph.op("Einsum", c.names(_result(c)), equation=str(c.static["subscripts"]))


def _linear_algebra(c: Call) -> Any:
    if c.operation.name == "det":
        return c.graph.op("Det", [c.name(0)])
    return c.refuse(f"ONNX has no operator for {c.operation.name}", "compute it outside")


RULES: Mapping[str, Rule] = {
    **dict.fromkeys({*_SAME, *_OF_BOOLEANS}, elementwise),
    **dict.fromkeys({*_COMPARISONS, "not_equal"}, comparison),
    **dict.fromkeys(("log1p", "expm1"), _around_one),
    **dict.fromkeys(_LOGARITHMS, _logarithm),
    **dict.fromkeys(("isfinite", "isinf", "isnan", "isneginf", "isposinf"), _about_infinity),
    **dict.fromkeys(("sum", "max", "min", "prod", "any", "all"), _reduction),
    **dict.fromkeys(("argmax", "argmin"), _place),
    **dict.fromkeys(("softmax", "log_softmax"), _softmax),
    "astype": _astype, "clip": _clip, "cumsum": _cumsum, "det": _linear_algebra,
    "divide": _divide, "einsum": _einsum, "flash_attention": _attention,
    "floor_divide": _floor_divide, "layer_norm": _layer_norm, "matmul": _matmul,
    "remainder": _remainder, "square": _square, "where": _where,
}  # fmt: skip

"""Operations on single numbers, and the numbers themselves, in JavaScript."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

ELEMENTWISE: Mapping[str, str] = {
    "add": "{0}+{1}", "subtract": "{0}-{1}", "multiply": "{0}*{1}", "divide": "{0}/{1}",
    "negative": "-{0}", "positive": "{0}", "conj": "{0}", "square": "{0}*{0}",
    "reciprocal": "1/{0}", "absolute": "Math.abs({0})", "fabs": "Math.abs({0})",
    "sign": "Math.sign({0})", "power": "power({0},{1})", "float_power": "power({0},{1})",
    "remainder": "modulo({0},{1})", "fmod": "{0}%{1}", "floor_divide": "quotient({0},{1})",
    "maximum": "Math.max({0},{1})", "minimum": "Math.min({0},{1})",
    "sqrt": "Math.sqrt({0})", "cbrt": "Math.cbrt({0})", "hypot": "Math.hypot({0},{1})",
    "exp": "Math.exp({0})", "expm1": "Math.expm1({0})", "exp2": "2**{0}",
    "log": "Math.log({0})", "log1p": "Math.log1p({0})", "log2": "Math.log2({0})",
    "log10": "Math.log10({0})", "logaddexp": "logaddexp({0},{1})",
    "sin": "Math.sin({0})", "cos": "Math.cos({0})", "tan": "Math.tan({0})",
    "arcsin": "Math.asin({0})", "arccos": "Math.acos({0})", "arctan": "Math.atan({0})",
    "arctan2": "Math.atan2({0},{1})", "sinh": "Math.sinh({0})", "cosh": "Math.cosh({0})",
    "tanh": "Math.tanh({0})", "arcsinh": "Math.asinh({0})", "arccosh": "Math.acosh({0})",
    "arctanh": "Math.atanh({0})", "floor": "Math.floor({0})", "ceil": "Math.ceil({0})",
    "trunc": "Math.trunc({0})", "rint": "rounded({0})", "sigmoid": "sigmoid({0})",
    "softplus": "softplus({0})", "erf": "erf({0})", "where": "{0}?{1}:{2}",
    "less": "+({0}<{1})", "less_equal": "+({0}<={1})", "greater": "+({0}>{1})",
    "greater_equal": "+({0}>={1})", "equal": "+({0}==={1})", "not_equal": "+({0}!=={1})",
    "isfinite": "+Number.isFinite({0})", "isnan": "+({0}!=={0})",
    "isinf": "+(Math.abs({0})===Infinity)", "isposinf": "+({0}===Infinity)",
    "isneginf": "+({0}===-Infinity)", "copysign": "copysign({0},{1})",
    "xlogy": "{0}===0&&{1}==={1}?0:{0}*Math.log({1})",
    "xlog1py": "{0}===0&&{1}==={1}?0:{0}*Math.log1p({1})",
    "erfc": "erfc({0})", "erfcx": "erfcx({0})", "ndtr": "0.5*erfc(-{0}*Math.SQRT1_2)",
    "log_ndtr": "logNdtr({0})", "logit": "Math.log({0})-Math.log1p(-{0})",
    "logaddexp2": "logaddexp({0}*Math.LN2,{1}*Math.LN2)*Math.LOG2E",
    "entr": "{0}===0?0:{0}<0?-Infinity:-{0}*Math.log({0})",
    "gammaln": "gammaln({0})", "gamma": "gamma({0})", "polygamma": "polygamma({0},{1})",
    "zeta": "zeta({0},{1})", "betaln": "gammaln({0})+gammaln({1})-gammaln({0}+{1})",
    "erfinv": "erfinv({0})", "erfcinv": "-ndtri(0.5*{0})*Math.SQRT1_2", "ndtri": "ndtri({0})",
    "logical_and": "+({0}!==0&&{1}!==0)", "logical_or": "+({0}!==0||{1}!==0)",
    "logical_not": "+({0}===0)", "logical_xor": "+(({0}!==0)!==({1}!==0))",
}  # fmt: skip
FLAGS: Mapping[str, str] = {  # of booleans alone: those of whole numbers have 64 bits
    "bitwise_and": "+({0}!==0&&{1}!==0)", "bitwise_or": "+({0}!==0||{1}!==0)",
    "bitwise_xor": "+({0}!=={1})", "invert": "+({0}===0)",
    "add": "+({0}!==0||{1}!==0)", "multiply": "+({0}!==0&&{1}!==0)",
    "maximum": "Math.max({0},{1})", "minimum": "Math.min({0},{1})", "where": "{0}?{1}:{2}",
    "astype": "+({0}!==0)", "positive": "{0}",
}  # fmt: skip
EXACT = frozenset({"add", "subtract", "negative", "positive", "absolute", "sign", "where",
                    "maximum", "minimum", "astype", "remainder", "floor_divide"})  # fmt: skip
"""What stays exact for whole numbers in the 53 bits that a double has."""
CHECKED = frozenset({"multiply", "square", "power"})
"""What stays exact for whole numbers as long as the result has 53 bits; then it is NaN."""
REDUCTIONS: Mapping[str, tuple[str, str]] = {
    "sum": ("0", "s+={0}"), "max": ("-Infinity", "s=Math.max(s,{0})"),
    "min": ("Infinity", "s=Math.min(s,{0})"), "prod": ("1", "s*={0}"),
    "any": ("0", "s=s||+({0}!==0)"), "all": ("1", "s=s&&+({0}!==0)"),
    "count_nonzero": ("0", "s+=+({0}!==0)"),
}  # fmt: skip


def number_text(value: Any) -> str:
    """A number in JavaScript."""
    number = float(value)
    if math.isnan(number):
        return "NaN"
    text = "Infinity" if math.isinf(number) else repr(abs(number)).removesuffix(".0")
    return f"(-{text})" if math.copysign(1, number) < 0 else text

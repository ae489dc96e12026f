"""What generated Numba code calls. float32 only: other types run on NumPy.

Products are the BLAS's that NumPy brings, or where it cannot be found SciPy's, through Numba's
own door to it. Unlike np.dot inside Numba they can add to what is there.
"""

from __future__ import annotations

import ctypes
import itertools
import math
from functools import partial
from pathlib import Path

import llvmlite.binding
import numpy as np
from numba import float32, njit, types

F = float32

__all__ = [
    "F", "add", "add_product", "add_total", "block", "clear", "cos", "divert", "erf", "exp",
    "heaviside", "hold", "log", "outer", "over_time", "product", "sigmoid", "sin", "softplus",
    "sqrt", "tanh", "total", "zero",
]  # fmt: skip

# No reassociation and no assumption that there is no NaN: a loss that is lost must be seen
block = njit(
    error_model="numpy",
    fastmath={"contract", "nsz", "arcp"},
    no_cpython_wrapper=True,
    no_cfunc_wrapper=True,
)
over_time = njit(cache=True, error_model="numpy", nogil=True)
_helper = partial(njit, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
_inline = _helper(fastmath={"contract", "nsz", "arcp"}, forceinline=True)

_AXES = {
    "joint": 2, "states": 3, "affine": 2, "d_affine": 3, "d_joint": 2, "d_after": 2,
    "d_before": 2, "d_shared": 2, "aside": 2, "room": 1, "rows": 2,
}  # fmt: skip


def signature(arguments: tuple[str, ...]) -> tuple[types.Type, ...]:
    """The types of a generated function's arguments, which their names tell."""
    return tuple(map(_type_of, arguments))


def _type_of(argument: str) -> types.Type:
    if argument in ("n", "batch"):
        return types.int64
    if argument == "going":
        return types.boolean[:, ::1]
    axes = _AXES.get(argument) or (2 if argument.startswith(("kept_", "W_", "d_W_")) else 1)
    return types.Array(types.float32, axes, "C")


def _numpys_sgemm() -> int | None:
    """The address of the product in the OpenBLAS that NumPy's wheel brings."""
    package = Path(np.__file__).parent
    beside = package.parent.glob("numpy.libs/*openblas*"), package.glob(".dylibs/*openblas*")
    for library in itertools.chain(*beside):
        try:
            function = ctypes.CDLL(str(library)).scipy_cblas_sgemm64_
        except (AttributeError, OSError):
            continue
        return ctypes.cast(function, ctypes.c_void_p).value
    return None


_pointer = types.CPointer(types.float32)
_address = _numpys_sgemm()
BLAS = "SciPy" if _address is None else "NumPy"
"""Whose it is. Two would have threads of their own each, that get in each other's way."""

if _address is not None:
    _ORDER, _AS_IT_IS, _TURNED = 101, 111, 112  # cblas's numbers: rows first
    llvmlite.binding.add_symbol("minigrad_sgemm", _address)
    _sgemm = types.ExternalFunction(
        "minigrad_sgemm",
        types.void(
            types.intc, types.intc, types.intc, types.int64, types.int64, types.int64,
            types.float32, _pointer, types.int64, _pointer, types.int64, types.float32, _pointer,
            types.int64,
        ),
    )  # fmt: skip

    @_helper()
    def _gemm(a, b, turned, rows, inner, columns, keep, out):  # type: ignore[no-untyped-def]
        """Out = a b, or a bᵀ; added to what is there if it is to be kept."""
        _sgemm(
            _ORDER, _AS_IT_IS, _TURNED if turned else _AS_IT_IS, rows, columns, inner, F(1),
            a.ctypes, inner, b.ctypes, inner if turned else columns, F(1) if keep else F(0),
            out.ctypes, columns,
        )  # fmt: skip

else:
    _xxgemm = types.ExternalFunction(
        "numba_xxgemm",
        types.intc(
            types.char, types.char, types.char, types.intp, types.intp, types.intp, _pointer,
            _pointer, types.intp, _pointer, types.intp, _pointer, _pointer, types.intp,
        ),
    )  # fmt: skip
    _S, _N, _T = np.uint8(ord("s")), np.uint8(ord("n")), np.uint8(ord("t"))
    _FACTORS = np.array([0, 1], np.float32)

    @_helper()
    def _gemm(a, b, turned, rows, inner, columns, keep, out):  # type: ignore[no-untyped-def]
        """As above; here columns come first: outᵀ = bᵀ aᵀ."""
        beta = _FACTORS[1:] if keep else _FACTORS[:1]
        _xxgemm(
            _S, _T if turned else _N, _N, columns, rows, inner, _FACTORS[1:].ctypes, b.ctypes,
            inner if turned else columns, a.ctypes, inner, beta.ctypes, out.ctypes, columns,
        )  # fmt: skip


_SMALL = 2048  # multiplications: below, calling the BLAS costs more than the product


@_helper(fastmath=True)
def _small_product(W, u, out, add):  # type: ignore[no-untyped-def]
    rows, width = W.shape
    batch = u.size // width
    u, out = u.reshape(u.size), out.reshape(out.size)
    for r in range(rows):
        for b in range(batch):
            total = F(0)
            if batch == 1:  # side by side: several at once
                for k in range(width):
                    total += W[r, k] * u[k]
            else:
                for k in range(width):
                    total += W[r, k] * u[k * batch + b]
            if add:
                out[r * batch + b] += total
            else:
                out[r * batch + b] = total


@_helper()
def product(W, u, out, room):  # type: ignore[no-untyped-def]
    """Out = W u, for W (rows, width), u of width · batch entries, out of rows · batch."""
    rows, width = W.shape
    batch = u.size // width
    if rows * u.size <= _SMALL:
        _small_product(W, u, out, False)
    else:
        _gemm(W, u, False, rows, width, batch, False, out)


@_helper()
def add_product(W, u, out, room):  # type: ignore[no-untyped-def]
    """Out += W u."""
    rows, width = W.shape
    batch = u.size // width
    if rows * u.size <= _SMALL:
        _small_product(W, u, out, True)
    else:
        _gemm(W, u, False, rows, width, batch, True, out)


@_helper()
def outer(D, first, last, u, out, room):  # type: ignore[no-untyped-def]
    """Out += Σ_t D_t u_tᵀ, for D (time, gates, n), u (time, width · batch), out (rows, width)."""
    rows, width = out.shape
    batch = u.shape[1] // width
    for t in range(len(u)):
        d, v = D[t, first:last], u[t]
        if batch == 1 and rows * v.size <= _SMALL:
            flat = d.reshape(d.size)
            for r in range(rows):
                for k in range(width):
                    out[r, k] += flat[r] * v[k]
        elif rows * v.size <= _SMALL:
            flat = d.reshape(d.size)
            for r in range(rows):
                for k in range(width):
                    total = F(0)
                    for b in range(batch):
                        total += flat[r * batch + b] * v[k * batch + b]
                    out[r, k] += total
        else:
            _gemm(d, v, True, rows, batch, width, True, out)


@_helper()
def _sums(x, batch, above, below):  # type: ignore[no-untyped-def]
    found = np.zeros(batch, np.float32)
    for start in range(0, len(x), batch):
        for b in range(batch):
            found[b] += x[start + b]
    for b in range(batch):
        found[b] *= F(above / below)
    return found


@_helper()
def total(x, out, batch, above, below):  # type: ignore[no-untyped-def]
    """Out = Σ x over the units, times above / below, the same for each unit."""
    found = _sums(x, batch, above, below)
    for start in range(0, len(x), batch):
        for b in range(batch):
            out[start + b] = found[b]


@_helper()
def add_total(x, out, batch, above, below):  # type: ignore[no-untyped-def]
    """Out += Σ x over the units, times above / below."""
    found = _sums(x, batch, above, below)
    for start in range(0, len(x), batch):
        for b in range(batch):
            out[start + b] += found[b]


@_helper()
def add(x, out):  # type: ignore[no-untyped-def]
    """Out += x."""
    for k in range(len(out)):
        out[k] += x[k]


@_helper()
def zero(out):  # type: ignore[no-untyped-def]
    """Out = 0."""
    for k in range(len(out)):
        out[k] = F(0)


@_helper()
def hold(before, after, going):  # type: ignore[no-untyped-def]
    """After = before where a sequence has ended."""
    batch = len(going)
    for start in range(0, len(after), batch):
        for b in range(batch):
            if not going[b]:
                after[start + b] = before[start + b]


@_helper()
def divert(cotangent, aside, going):  # type: ignore[no-untyped-def]
    """What belongs to ended sequences, moved aside."""
    batch = len(going)
    for start in range(0, len(cotangent), batch):
        for b in range(batch):
            if going[b]:
                aside[start + b] = F(0)
            else:
                aside[start + b] = cotangent[start + b]
                cotangent[start + b] = F(0)


@_helper()
def clear(cotangents, going):  # type: ignore[no-untyped-def]
    """0 for ended sequences: what was computed of them may be 0 times infinity."""
    batch = len(going)
    flat = cotangents.reshape(cotangents.size)
    for start in range(0, len(flat), batch):
        for b in range(batch):
            if not going[b]:
                flat[start + b] = F(0)


@_inline
def tanh(x):  # type: ignore[no-untyped-def]
    """A rational function with an error below 3.1e-7; NaN stays NaN."""
    x = F(7.905) if x > F(7.905) else (F(-7.905) if x < F(-7.905) else x)
    s = x * x
    p = F(-2.76076847742355e-16)
    p = p * s + F(2.00018790482477e-13)
    p = p * s + F(-8.60467152213735e-11)
    p = p * s + F(5.12229709037114e-08)
    p = p * s + F(1.48572235717979e-05)
    p = p * s + F(6.37261928875436e-04)
    p = p * s + F(4.89352455891786e-03)
    q = F(1.19825839466702e-06)
    q = q * s + F(1.18534705686654e-04)
    q = q * s + F(2.26843463243900e-03)
    q = q * s + F(4.89352518554385e-03)
    return x * p / q


@_inline
def sigmoid(x):  # type: ignore[no-untyped-def]
    """½ + ½ tanh(x / 2)."""
    return F(0.5) + F(0.5) * tanh(F(0.5) * x)


@_inline
def exp(x):  # type: ignore[no-untyped-def]
    """The exponential function."""
    return F(math.exp(x))


@_inline
def log(x):  # type: ignore[no-untyped-def]
    """The natural logarithm."""
    return F(np.log(x))


@_inline
def sin(x):  # type: ignore[no-untyped-def]
    """The sine."""
    return F(math.sin(x))


@_inline
def cos(x):  # type: ignore[no-untyped-def]
    """The cosine."""
    return F(math.cos(x))


@_inline
def erf(x):  # type: ignore[no-untyped-def]
    """The error function."""
    return F(math.erf(x))


@_inline
def sqrt(x):  # type: ignore[no-untyped-def]
    """The square root."""
    return F(np.sqrt(x))


@_inline
def heaviside(x):  # type: ignore[no-untyped-def]
    """1 where x > 0, else 0."""
    return F(1) if x > F(0) else F(0)


@_inline
def softplus(x):  # type: ignore[no-untyped-def]
    """log(1 + eˣ)."""
    return F(max(x, F(0)) + math.log1p(math.exp(-abs(x))))

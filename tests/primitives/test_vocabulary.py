"""Every function of NumPy that has a rule: its values are NumPy's, its gradient is right."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import minigrad as mg
from minigrad.primitives.special import Special

A = np.array([[0.3, -1.2, 0.7], [1.5, 0.4, -0.6]])
B = np.array([[1.1, 0.2], [-0.4, 0.9], [0.5, -1.3]])
P = np.abs(A) + 0.5
MASK = np.array([[True, False, True], [False, True, False]])
PAIRS = np.array([[2, 0], [1, 1]])


def numpys(name):
    return getattr(np, name)


CALLS = {
    **{
        name: (lambda x, f=name: numpys(f)(x), A)
        for name in ("exp", "expm1", "sin", "cos", "tan", "sinh", "cosh", "tanh", "arctan",
                     "arcsinh", "square", "absolute", "sign", "negative", "ravel")
    },
    **{name: (lambda x, f=name: numpys(f)(x), P)
       for name in ("log", "log1p", "sqrt", "reciprocal")},
    **{name: (lambda x, f=name: numpys(f)(x * 0.5), A)
       for name in ("arcsin", "arccos", "arctanh")},
    "arccosh": (lambda x: np.arccosh(x + 1), P),
    "power": (lambda x: np.power(x, 2.5), P),
    "rpow": (lambda x: 2.0**x, A),
    "maximum": (lambda x: np.maximum(x, 0.35), A),
    "minimum": (lambda x: np.minimum(0.35, x), A),
    "clip": (lambda x: np.clip(x, -0.5, 0.5), A),
    "where": (lambda x: np.where(MASK, x, x * x), A),
    **{
        f"{name} {options}": (lambda x, f=name, o=options: numpys(f)(x, **o), A)
        for name in ("sum", "mean", "var", "std", "max", "min", "prod")
        for options in ({}, {"axis": 0}, {"axis": -1, "keepdims": True}, {"axis": (0, 1)})
    },
    **{
        f"{name} {axis}": (lambda x, f=name, a=axis: numpys(f)(x, axis=a), A)
        for name in ("cumsum", "cumprod", "flip", "sort") for axis in (0, -1)
    },
    "cumsum of all": (lambda x: np.cumsum(x), A),
    "norm": (lambda x: np.linalg.norm(x), A),
    "norm along": (lambda x: np.linalg.norm(x, axis=-1), A),
    "inv": (lambda x: np.linalg.inv(x @ B), A),
    "det": (lambda x: np.linalg.det(x @ B), A),
    "slogdet": (lambda x: np.linalg.slogdet(x @ B)[1], A),
    "solve": (lambda x: np.linalg.solve(x @ B, A), A),
    "solve for a vector": (lambda x: np.linalg.solve(x @ B, A[:, 0]), A),
    "solve in a batch": (lambda x: np.linalg.solve(np.stack([x @ B, B.T @ B]), x), A),
    "cholesky": (lambda x: np.linalg.cholesky(x @ x.T), A),
    "matmul": (lambda x: x @ B, A),
    "dot": (lambda x: np.dot(B, x), A),
    "tensordot": (lambda x: np.tensordot(x, B, axes=([1], [0])), A),
    "tensordot 2": (lambda x: np.tensordot(x, B.T, axes=2), A),
    "outer": (lambda x: np.outer(x, B), A),
    "einsum": (lambda x: np.einsum("ij,jk->ik", x, B), A),
    "einsum implied": (lambda x: np.einsum("ij, kj", x, B.T), A),
    "einsum numbered": (lambda x: np.einsum(x, [0, 30], B, [30, 3], [3, 0]), A),
    "einsum numbered, implied": (lambda x: np.einsum(x, [30, 3], B, [3, 1]), A),
    "einsum numbered ellipsis": (lambda x: np.einsum(x, [..., 1], B, (1, 2), [2, ...]), A),
    "einsum diagonal": (lambda x: np.einsum("ii->i", x @ B), A),
    "einsum trace": (lambda x: np.einsum("ii", x @ B), A),
    "einsum ellipsis": (lambda x: np.einsum("...i,...i->...", x, x), A),
    "einsum self": (lambda x: np.einsum("ij,ij,ik->jk", x, x, x), A),
    "reshape": (lambda x: np.reshape(x, (3, 2)), A),
    "transpose": (lambda x: np.transpose(x), A),
    "transpose from the end": (lambda x: np.transpose((x @ B).reshape(2, 2, 1), (1, -3, -1)), A),
    "transpose of a cube": (lambda x: np.transpose(np.stack([x @ B] * 2), (1, -1, 0)), A),
    "reshape by columns": (lambda x: np.reshape(x, (3, -1), order="F"), A),
    "ravel by columns": (lambda x: np.ravel(x, order="F"), A),
    "swapaxes": (lambda x: np.swapaxes(x, 0, 1), A),
    "moveaxis": (lambda x: np.moveaxis(x.reshape(1, 2, 3), 0, -1), A),
    "moveaxis 2": (lambda x: np.moveaxis(x.reshape(1, 2, 3), (0, 1), (2, 0)), A),
    "expand_dims": (lambda x: np.expand_dims(x, 1), A),
    "squeeze": (lambda x: np.squeeze(x.reshape(2, 1, 3)), A),
    "broadcast_to": (lambda x: np.broadcast_to(x, (4, 2, 3)), A),
    "concatenate": (lambda x: np.concatenate([x, x * x], axis=1), A),
    "concatenate all": (lambda x: np.concatenate([x, x[0] * x[1]], axis=None), A),
    "array_split": (lambda x: np.array_split(x, 2, axis=1)[0], A),
    "stack": (lambda x: np.stack([x, x * x], axis=-1), A),
    "split": (lambda x: np.split(x, 3, axis=1)[1] * np.split(x, [1], axis=1)[0], A),
    "pad": (lambda x: np.pad(x, ((1, 0), (2, 1))), A),
    "pad constant": (lambda x: np.pad(x, 1, constant_values=7.0), A),
    "pad reflect": (lambda x: np.pad(x, 1, mode="reflect"), A),
    "roll": (lambda x: np.roll(x, 2, axis=1), A),
    "roll all": (lambda x: np.roll(x, -1), A),
    "repeat": (lambda x: np.repeat(x, 2, axis=0), A),
    "repeat uneven": (lambda x: np.repeat(x, [1, 0, 2], axis=1), A),
    "tile": (lambda x: np.tile(x, (2, 1, 2)), A),
    "take": (lambda x: np.take(x, PAIRS, axis=1), A),
    "take of all": (lambda x: np.take(x, [5, 0, 0]), A),
    "take_along_axis": (lambda x: np.take_along_axis(x, PAIRS, axis=1), A),
    "diag of matrix": (lambda x: np.diag(x @ B), A),
    "diag of vector": (lambda x: np.diag(x[0], k=1), A),
    "diagonal": (lambda x: np.diagonal(x, 1), A),
    "trace": (lambda x: np.trace(x @ B), A),
    "tril": (lambda x: np.tril(x), A),
    "triu": (lambda x: np.triu(x, 1), A),
    "slice": (lambda x: x[:, ::2], A),
    "boolean index": (lambda x: x[MASK], A),
    "repeated index": (lambda x: x[[0, 1, 0], [2, 2, 2]], A),
    "new axis": (lambda x: x[None, ..., 1], A),
    "abs": (lambda x: abs(x), A),
    **{
        name: (lambda x, f=name: numpys(f)(x), A)
        for name in ("cbrt", "exp2", "fabs", "positive", "degrees", "deg2rad", "sinc", "median",
                     "average", "ptp", "nansum", "nanmean", "nanvar", "nanstd", "nanmax", "nanmin",
                     "nanprod", "nanmedian", "nan_to_num", "real", "conj", "fliplr", "flipud",
                     "rot90", "diff", "trapezoid", "cov", "corrcoef", "diagflat",
                     "unwrap", "ediff1d", "matrix_transpose", "atleast_3d",
                     "floor", "ceil", "trunc", "imag", "unique")
    },
    "rint": (lambda x: np.rint(x + 0.03) * x, A),
    "gradient": (lambda x: np.gradient(x, axis=0), A),
    "gradient along both": (lambda x: np.gradient(x, 0.5, 2.0)[1], A),
    **{name: (lambda x, f=name: numpys(f)(x), P) for name in ("log2", "log10")},
    **{
        name: (lambda x, f=name: numpys(f)(x, x[::-1] + 0.1), A)
        for name in ("logaddexp", "logaddexp2", "hypot", "arctan2", "copysign", "fmax", "fmin",
                     "heaviside", "inner", "vdot", "vecdot", "kron", "cross", "floor_divide",
                     "remainder", "fmod", "append")
    },
    "power by both": (lambda x: np.power(x, x * x), P),
    "float_power": (lambda x: np.float_power(x, 2.5), P),
    "divmod": (lambda x: np.divmod(x, 0.65)[1], A),
    "modf": (lambda x: np.modf(x)[0], A),
    "frexp": (lambda x: np.frexp(x)[0], A),
    "ldexp": (lambda x: np.ldexp(x, [1, -2, 3]), A),
    "round to a decimal": (lambda x: np.round(x + 0.03, 1) * x, A),
    "hstack": (lambda x: np.hstack([x, x * x]), A),
    "vstack": (lambda x: np.vstack([x, x[0]]), A),
    "dstack": (lambda x: np.dstack([x, x * x]), A),
    "column_stack": (lambda x: np.column_stack([x, x[:, 0]]), A),
    "block": (lambda x: np.block([[x, x @ B], [x @ B, x]]), A),
    "insert": (lambda x: np.insert(x, [1, 1, 2], x[0, 1], axis=1), A),
    "delete": (lambda x: np.delete(x, 1, axis=1), A),
    "hsplit": (lambda x: np.hsplit(x, 3)[1], A),
    "vsplit": (lambda x: np.vsplit(x, [1])[1], A),
    "unstack": (lambda x: np.unstack(x, axis=1)[2], A),
    "meshgrid": (lambda x: np.meshgrid(x[0], x[1])[1], A),
    "broadcast_arrays": (lambda x: np.broadcast_arrays(x, np.ones((2, 2, 3)))[0], A),
    "select": (lambda x: np.select([A > 1, A < 0], [x * x, 3 * x], 1.0), A),
    "choose": (lambda x: np.choose(PAIRS[:, :1] % 2, [x, x * x]), A),
    "piecewise": (lambda x: np.piecewise(x, [x < 0, x > 1], [np.sin, lambda t: t * t, 2.0]), A),
    "compress": (lambda x: np.compress([True, False, True], x, axis=1), A),
    "extract": (lambda x: np.extract(MASK, x), A),
    "take clipped": (lambda x: np.take(x, [0, 9], axis=1, mode="clip"), A),
    "partition": (lambda x: np.partition(x, 1, axis=1)[:, 1], A),
    "resize": (lambda x: np.resize(x, (4, 2)), A),
    "trim_zeros": (lambda x: np.trim_zeros(x[0] * np.array([0.0, 1.0, 1.0])), A),
    "quantile": (lambda x: np.quantile(x, [0.3, 0.75], axis=1), A),
    "quantile of all": (lambda x: np.quantile(x, 0.4, method="hazen", keepdims=True), A),
    **{f"quantile by its share, {m}": (
        lambda x, m=m: np.quantile(x[0], np.abs(x[1]) / 2 + 0.04, method=m), A)
       for m in ("linear", "lower", "midpoint", "hazen", "weibull", "median_unbiased",
                 "normal_unbiased", "interpolated_inverted_cdf", "averaged_inverted_cdf")},
    "quantile beyond the last place": (lambda x: np.quantile(x[0], 0.97 + 0.01 * x[1],
                                                             method="hazen"), A),
    "pad with its entries": (lambda x: np.pad(x, 1, constant_values=x[0, 1]), A),
    "pad each side": (lambda x: np.pad(x, 1, constant_values=(x[0, 0], 2.0)), A),
    "pad each side of each axis": (
        lambda x: np.pad(x, ((1, 0), (2, 1)), constant_values=((x[0, 0], 2.0), (x[1, 1], x[1, 2]))),
        A),
    "pad to its entries": (lambda x: np.pad(x, 3, "linear_ramp", end_values=x[1, 0] * 2), A),
    "windows": (lambda x: np.lib.stride_tricks.sliding_window_view(x, (2, 2)), A),
    "windows along an axis": (lambda x: np.lib.stride_tricks.sliding_window_view(x, 2, -1), A),
    "windows of windows": (
        lambda x: np.lib.stride_tricks.sliding_window_view(x, (2, 2), (1, 1)), A),
    "nanmean of a number": (lambda x: np.nanmean(x[0, 0], axis=0, keepdims=True), A),
    "percentile": (lambda x: np.percentile(x, 30.0, axis=0), A),
    "nanquantile": (lambda x: np.nanquantile(np.where(MASK, x, np.nan), 0.4, axis=1), A),
    "average weighted": (lambda x: np.average(x, axis=1, weights=x[0] ** 2), A),
    "var of some": (lambda x: np.var(x, axis=1, where=MASK, correction=0.5), A),
    "sum of some": (lambda x: np.sum(x * x, axis=0, where=MASK, initial=2.0), A),
    "max of some": (lambda x: np.max(x, axis=0, where=MASK, initial=0.1), A),
    "prod of some": (lambda x: np.prod(x, axis=0, where=MASK, initial=2.0), A),
    "diff twice": (lambda x: np.diff(x, 2, axis=1, prepend=x[:, :1] ** 2), A),
    "gradient uneven": (lambda x: np.gradient(x * x, [0.0, 1.0, 3.0], axis=1, edge_order=2), A),
    "gradient by coordinates": (lambda x: np.gradient(A[1], np.cumsum(x[0] ** 2)), A),
    "trapezoid at": (lambda x: np.trapezoid(x, x[0] * 2, axis=1), A),
    "interp": (lambda x: np.interp(np.sin(x), [-1.0, 0.1, 2.0], [1.0, 5.0, -2.0]), A),
    "interp by points": (lambda x: np.interp([0.2, 0.9], np.cumsum(x[0] ** 2), x[1]), A),
    "interp periodic": (lambda x: np.interp(x, [0.1, 0.55, 0.9], [1.0, 3.0, 2.0], period=1), A),
    "convolve": (lambda x: np.convolve(x[0], x[1, :2]), A),
    "convolve same": (lambda x: np.convolve(x[0], x[1, :2], "same"), A),
    "correlate": (lambda x: np.correlate(x[0], x[1, :2]), A),
    "cumulative_sum": (lambda x: np.cumulative_sum(x, axis=1, include_initial=True), A),
    "maximum.accumulate": (lambda x: np.maximum.accumulate(x, axis=1), A),
    "logaddexp.accumulate": (lambda x: np.logaddexp.accumulate(x, axis=1), A),
    "logaddexp.reduce": (lambda x: np.logaddexp.reduce(x, axis=1), A),
    "multiply.reduce": (lambda x: np.multiply.reduce(x), A),
    "multiply.outer": (lambda x: np.multiply.outer(x, x[0]), A),
    "einsum by numbers": (lambda x: np.einsum(x, [0, 1], x, [2, 1], [0, 2]), A),
    "einsum optimised": (lambda x: np.einsum("ij,jk,kl->il", x, B, x, optimize=True), A),
    "pad ramp": (lambda x: np.pad(x, ((1, 0), (2, 1)), "linear_ramp", end_values=2.0), A),
    "pad mean": (lambda x: np.pad(x, 1, "mean"), A),
    "pad by maxima": (lambda x: np.pad(x, ((1, 2), (0, 1)), "maximum", stat_length=2), A),
    "matvec": (lambda x: np.matvec(x, x[0]), A),
    "vecmat": (lambda x: np.vecmat(x[:, 0], x), A),
    "linalg.cross": (lambda x: np.linalg.cross(x, x[::-1]), A),
    "norm 1": (lambda x: np.linalg.norm(x[0], 1), A),
    "norm inf": (lambda x: np.linalg.norm(x, np.inf, axis=1), A),
    "norm 3": (lambda x: np.linalg.norm(x, 3, axis=1), A),
    **{f"norm {o} of a matrix": (lambda x, o=o: np.linalg.norm(x, o), A)
       for o in ("fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf)},
    "vector_norm": (lambda x: np.linalg.vector_norm(x, ord=1.5, keepdims=True), A),
    "matrix_norm": (lambda x: np.linalg.matrix_norm(np.stack([x, 2 * x]), ord=2), A),
    "cond": (lambda x: np.linalg.cond(x @ B), A),
    "cond 1": (lambda x: np.linalg.cond(x @ B, 1), A),
    "matrix_power": (lambda x: np.linalg.matrix_power(x @ B, 5), A),
    "matrix_power inverse": (lambda x: np.linalg.matrix_power(x @ B, -2), A),
    "multi_dot": (lambda x: np.linalg.multi_dot([x, B, x, B]), A),
    "pinv": (lambda x: np.linalg.pinv(x), A),
    "lstsq": (lambda x: np.linalg.lstsq(x.T, A[0] * x[1])[0], A),
    "lstsq residuals": (lambda x: np.linalg.lstsq(x.T, A[0] * x[1])[1], A),
    "tensorsolve": (lambda x: np.linalg.tensorsolve((x @ B).reshape(2, 1, 2), x[:, :1]), A),
    "tensorinv": (lambda x: np.linalg.tensorinv((x @ B).reshape(2, 1, 2), 2), A),
    "cholesky upper": (lambda x: np.linalg.cholesky(x @ x.T, upper=True), A),
    "eigvalsh": (lambda x: np.linalg.eigvalsh(x @ x.T), A),
    "eigh": (lambda x: np.linalg.eigh(x @ x.T, "U")[1], A),
    "eig": (lambda x: np.abs(np.linalg.eig(x @ x.T + x[:, :2])[1]), A),
    "eigvals": (lambda x: np.real(np.linalg.eigvals(x @ B)), A),
    "svd": (lambda x: np.linalg.svd(x, full_matrices=False)[0] ** 2, A),
    "svd in full": (lambda x: np.linalg.svd(x)[2] ** 2, A),
    "svd Hermitian": (lambda x: np.linalg.svd(x @ x.T, hermitian=True)[0] ** 2, A),
    "svdvals": (lambda x: np.linalg.svdvals(x), A),
    "qr": (lambda x: np.linalg.qr(x.T)[0] ** 2, A),
    "qr of a wide one": (lambda x: np.linalg.qr(x)[1] ** 2, A),
    "qr complete": (lambda x: np.linalg.qr(x.T, "complete")[0] ** 2, A),
    "fft": (lambda x: np.real(np.fft.fft(x, 4)), A),
    "ifft": (lambda x: np.imag(np.fft.ifft(x, 2, axis=0)), A),
    "rfft": (lambda x: np.abs(np.fft.rfft(x)), A),
    "irfft": (lambda x: np.fft.irfft(x + 1j * x * x, 5), A),
    "hfft": (lambda x: np.fft.hfft(x + 1j * x * x, norm="ortho"), A),
    "ihfft": (lambda x: np.imag(np.fft.ihfft(x)), A),
    "fft2": (lambda x: np.imag(np.fft.fft2(x)), A),
    "ifftn": (lambda x: np.real(np.fft.ifftn(x, (3, 3), (0, 1), norm="forward")), A),
    "rfftn": (lambda x: np.abs(np.fft.rfftn(x)), A),
    "irfftn": (lambda x: np.fft.irfftn(x + 1j * x, (2, 4), (0, 1)), A),
    "fftshift": (lambda x: np.fft.fftshift(x), A),
    "ifftshift": (lambda x: np.fft.ifftshift(x, axes=1), A),
    "angle": (lambda x: np.angle(np.exp(1j * x), deg=True), A),
    "abs of complex": (lambda x: np.abs(np.exp(1j * x) + x), A),
    "sign of complex": (lambda x: np.real(np.sign(x + 1j * x * x)), A),
    "norm of complex": (lambda x: np.linalg.norm(np.exp(1j * x) * x), A),
    "norm 3 of complex": (lambda x: np.linalg.norm(np.exp(1j * x) * x[0], 3, axis=0), A),
    "std of complex": (lambda x: np.std(np.exp(1j * x) * x, axis=1), A),
    "slogdet of complex": (lambda x: np.imag(np.linalg.slogdet(x @ (B + 1j * B**2))[0]), A),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_values_are_numpy_s_and_the_gradient_is_that_of_central_differences(name):
    function, x = CALLS[name]
    expected = function(x)
    leaf = mg.Tensor(x, requires_grad=True)
    result = function(leaf)
    assert isinstance(result, mg.Tensor)
    np.testing.assert_allclose(result.data, expected, rtol=1e-13, atol=1e-15)
    assert result.shape == np.shape(expected)
    weights = np.random.default_rng(3).normal(size=result.shape)
    (gradient,) = mg.gradients(result, [leaf], weights)
    assert gradient.shape == x.shape
    numeric = np.zeros_like(x)
    for index in np.ndindex(*x.shape):
        step = np.zeros_like(x)
        step[index] = 1e-5
        numeric[index] = np.sum((function(x + step) - function(x - step)) * weights) / 2e-5
    np.testing.assert_allclose(gradient, numeric, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("name", CALLS)
def test_the_second_derivative_is_that_of_the_first(name):
    function, x = CALLS[name]
    rng = np.random.default_rng(4)
    weights = rng.normal(size=np.shape(function(x)))
    direction = rng.normal(size=x.shape)

    def first(values):
        leaf = mg.Tensor(values, requires_grad=True)
        return mg.gradients(function(leaf), [leaf], weights)[0]

    leaf = mg.Tensor(x, requires_grad=True)
    (gradient,) = mg.gradients(function(leaf), [leaf], weights, create_graph=True)
    slope = (gradient * direction).sum()
    second = mg.gradients(slope, [leaf])[0] if slope.requires_grad else np.zeros_like(x)
    along = (first(x + 1e-5 * direction) - first(x - 1e-5 * direction)) / 2e-5
    np.testing.assert_allclose(second, along, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", CALLS)
def test_float32_stays_float32(name):
    function, x = CALLS[name]
    leaf = mg.Tensor(x.astype(np.float32), requires_grad=True)
    result = function(leaf)
    if result.dtype == np.float64:  # a float64 constant in the call, as with NumPy
        assert function(x.astype(np.float32)).dtype == np.float64
    result.sum().backward()
    assert leaf.grad.dtype == np.float32


@pytest.mark.parametrize(
    ("ours", "reference"),
    [
        (mg.relu, lambda x: np.maximum(x, 0)),
        (mg.leaky_relu, lambda x: np.where(x > 0, x, 0.01 * x)),
        (mg.elu, lambda x: np.where(x > 0, x, np.exp(np.minimum(x, 0)) - 1)),
        (mg.softplus, lambda x: np.log(1 + np.exp(x))),
        (mg.silu, lambda x: x / (1 + np.exp(-x))),
        (mg.sigmoid, lambda x: 1 / (1 + np.exp(-x))),
        (mg.logsumexp, lambda x: np.log(np.exp(x).sum())),
        (mg.log_softmax, lambda x: x - np.log(np.exp(x).sum(axis=-1, keepdims=True))),
        (lambda x: mg.gelu(x, approximate=True),
         lambda x: x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))),
    ],
)  # fmt: skip
def test_activations_are_their_formulas(ours, reference):
    leaf = mg.Tensor(A, requires_grad=True)
    np.testing.assert_allclose(ours(leaf).data, reference(A), rtol=1e-13)
    ours(leaf).sum().backward()
    numeric = [(reference(A + e).sum() - reference(A - e).sum()) / 2e-5
               for e in np.eye(6).reshape(6, 2, 3) * 1e-5]  # fmt: skip
    np.testing.assert_allclose(leaf.grad.ravel(), numeric, rtol=1e-7, atol=1e-9)


def test_erf_and_gelu_at_known_values():
    known = [0.0, 0.8427007929497149, -0.9953222650189527]
    np.testing.assert_allclose(mg.erf(np.array([0.0, 1.0, -2.0])), known, rtol=1e-15)
    np.testing.assert_allclose(mg.gelu(np.array([1.0])), [0.8413447460685429], rtol=1e-14)


def test_erf_in_float32_is_as_accurate_as_float32_everywhere():
    """Also where it is nearly linear, where it reaches 1, and at the ends of the numbers."""
    small = np.logspace(-30, 0, 5001)
    x = np.concatenate([np.linspace(-6, 6, 100_001), small, -small, [0.0, 1e30]])
    x = x.astype(np.float32)
    exact = mg.erf(x.astype(np.float64))
    unit = np.spacing(np.abs(exact).astype(np.float32)).astype(np.float64)
    assert np.max(np.abs(mg.erf(x) - exact) / unit) <= 4
    assert mg.erf(x).dtype == np.float32
    odd = mg.erf(np.float32([np.inf, -np.inf, np.nan]))
    np.testing.assert_array_equal(odd, np.float32([1, -1, np.nan]))


ELEMENTWISE = [p for p in mg.PRIMITIVES.values() if p.kind == "elementwise"]


OWN = [
    p for p in ELEMENTWISE
    if not isinstance(p.forward, np.ufunc | Special) and None not in p.rules
]  # fmt: skip


@pytest.mark.parametrize("primitive", OWN, ids=lambda p: p.name)
def test_float32_values_are_within_four_units_of_the_last_place(primitive, rng):
    """Against float64, over small, usual and large numbers of the operand's domain."""
    numbers = np.concatenate([s * rng.normal(size=2000) for s in (1e-3, 1.0, 10.0, 60.0)])
    moved = {
        "real": numbers, "hyperbola": numbers, "positive": np.abs(numbers) + 1e-6,
        "unit": 0.999 * np.tanh(numbers), "above one": 1 + np.abs(numbers),
        "integer": np.full_like(numbers, 3.0),
    }  # fmt: skip
    single = [rng.permutation(moved[domain]).astype(np.float32) for domain in primitive.domain]
    with np.errstate(over="ignore", under="ignore"):
        got = primitive(*single).astype(np.float64)
        exact = primitive(*(x.astype(np.float64) for x in single))
    normal = (np.abs(exact) > 1e-37) & (np.abs(exact) < 1e38)
    unit = np.spacing(np.abs(exact[normal]).astype(np.float32)).astype(np.float64)
    assert np.all(np.abs(got - exact)[normal] <= 4 * unit)


@pytest.mark.parametrize("primitive", ELEMENTWISE, ids=lambda p: p.name)
def test_arrays_without_entries_go_forward_and_back(primitive):
    sample = primitive.samples[0].operands
    operands = [
        x if rule is None else mg.Tensor(np.ones((0, 3)), requires_grad=True)
        for x, rule in zip(sample, primitive.rules, strict=True)
    ]
    result = primitive(*operands)
    result.sum().backward()
    assert result.shape == (0, 3)
    assert all(x.grad.shape == (0, 3) for x in operands if isinstance(x, mg.Tensor))


@pytest.mark.parametrize(
    ("call", "shape"),
    [
        (lambda x: x @ np.ones((3, 2)), (0, 2)),
        (lambda x: x.T @ np.ones((0, 2)), (3, 2)),
        (lambda x: x.sum(axis=0), (3,)),
        (lambda x: mg.softmax(x, axis=-1), (0, 3)),
        (lambda x: np.concatenate([x, x]), (0, 3)),
        (lambda x: np.transpose(x), (3, 0)),
        (lambda x: x[:, 1:], (0, 2)),
        (lambda x: np.einsum("ij,ij->j", x, x), (3,)),
        (lambda x: np.where(np.ones((0, 3), bool), x, 0), (0, 3)),
    ],
)
def test_structure_without_entries_goes_forward_and_back(call, shape):
    leaf = mg.Tensor(np.ones((0, 3)), requires_grad=True)
    result = call(leaf)
    result.sum().backward()
    assert result.shape == shape
    assert leaf.grad.shape == (0, 3)


@pytest.mark.parametrize("call", [np.prod, np.mean, np.var, np.std, np.sum])
@pytest.mark.filterwarnings("ignore:.*(encountered|Mean of|Degrees):RuntimeWarning")
def test_reductions_of_nothing_are_numpy_s_and_their_gradient_is_empty(call):
    leaf = mg.Tensor(np.ones((2, 0)), requires_grad=True)
    for axis in (None, 1):
        np.testing.assert_array_equal(call(leaf, axis=axis).data, call(leaf.data, axis=axis))
    call(leaf).backward()
    assert leaf.grad.shape == (2, 0)


def test_the_deviation_of_one_number_is_0_to_any_order():
    x = np.array([[1.0], [2.0]])
    of_rows = lambda x: np.std(x, axis=1).sum()  # noqa: E731
    np.testing.assert_array_equal(mg.grad(of_rows)(x), 0)
    np.testing.assert_array_equal(mg.hessian(of_rows)(x), 0)


@pytest.mark.parametrize("call", [np.var, np.std])
@pytest.mark.filterwarnings("ignore:.*(encountered|Degrees):RuntimeWarning")
def test_the_spread_of_too_few_entries_is_not_a_number(call):
    for ddof in (1, 2):
        assert np.isnan(call(mg.Tensor([3.0]), ddof=ddof).data)


def test_elu_keeps_its_slope_at_the_kink_and_its_limits_at_infinity():
    x = np.array([0.0, np.inf, -np.inf, np.nan])
    np.testing.assert_array_equal(mg.elu(x, 0.5), [0.0, np.inf, -0.5, np.nan])
    slopes = mg.grad(lambda x: mg.elu(x, 0.5).sum())(x)
    np.testing.assert_array_equal(slopes[:3], [0.5, 1.0, 0.0])


@pytest.mark.parametrize("approximate", ["None", "", "erf", None, 2])
def test_gelu_takes_no_form_that_it_does_not_know(approximate):
    assert mg.gelu(1.0, approximate="none") == mg.gelu(1.0) != mg.gelu(1.0, approximate="tanh")
    with pytest.raises(ValueError, match="got approximate="):
        mg.gelu(1.0, approximate=approximate)


LARGE = np.array([-1e4, -800.0, -5e-324, 0.0, 5e-324, 800.0, 1e4])


@pytest.mark.parametrize("name", ["sigmoid", "softplus", "tanh", "silu", "elu", "relu"])
def test_no_overflow_and_no_nan_where_the_result_is_finite(name):
    for dtype in (np.float64, np.float32):
        leaf = mg.Tensor(LARGE.astype(dtype), requires_grad=True)
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            result = getattr(mg, name)(leaf)
            result.sum().backward()
        assert np.isfinite(result.data).all()
        assert np.isfinite(leaf.grad).all()


def test_gradients_at_the_edge_are_finite():
    zero = np.zeros(3)
    for function in (np.linalg.norm, np.std, np.var, lambda x: (x**2).sum(), lambda x: (x**0).sum(),
                     lambda x: np.abs(x).sum(), lambda x: np.prod(x)):  # fmt: skip
        with np.errstate(all="raise"):
            np.testing.assert_array_equal(mg.grad(function)(zero), zero)


def test_ties_share_the_cotangent():
    np.testing.assert_array_equal(mg.grad(np.max)(np.array([2.0, 1.0, 2.0])), [0.5, 0, 0.5])
    half = mg.grad(lambda a, b: np.maximum(a, b).sum(), argnums=(0, 1))(np.ones(2), np.ones(2))
    np.testing.assert_array_equal(half, [[0.5, 0.5], [0.5, 0.5]])


def test_a_product_with_zeros_has_the_right_gradient():
    np.testing.assert_array_equal(mg.grad(np.prod)(np.array([2.0, 0.0, 3.0])), [0.0, 6.0, 0.0])


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda x: np.einsum("ij,jk->ik", x, x), "label j of .* is 3 and 2 long"),
        (lambda x: np.einsum("ijk->i", x), r"'ijk->i' does not fit the shapes \(2, 3\)"),
        (lambda x: np.tensordot(x, x, axes=1), r"axis 1 of \(2, 3\) and axis 0 of \(2, 3\) differ"),
        (lambda x: np.pad(x, 1, mode="reflect", reflect_type="odd"), "no derivative rule for mode"),
        (lambda x: np.linalg.norm(x, ord=3), "got ord=3 for matrices"),
        (lambda x: np.sum(x, out=np.ones(())), "numpy.sum: got a Tensor to write into"),
        (lambda x: np.add(x, 1, out=np.ones((2, 3))), "numpy.add: got a Tensor to write into"),
        (lambda x: np.ravel(x, order="A"), "reshape: got order='A', expected 'C' or 'F'"),
        (lambda x: np.sort(x, order="a"), r"numpy.sort\(order=…\) on a Tensor: got order='a', for"),
        (lambda x: np.subtract.reduce(x), "numpy.subtract.reduce on a Tensor: no primitive"),
        (lambda x: np.nan_to_num(x, nan=x[0, 0]), "nan_to_num: no derivative rule for nan"),
        (lambda x: np.unwrap(x, period=x[1, 0]), "unwrap: no derivative rule for period"),
        (lambda x: np.histogram(x, range=(x[0, 1], 2)), "histogram: no derivative rule for range"),
        (lambda x: np.insert(mg.Tensor([1, 2]), 0, x[0, 0]), "insert into whole numbers: no deriv"),
    ],
)
def test_what_cannot_be_is_refused(call, said):
    with pytest.raises((TypeError, ValueError), match=said):
        call(mg.Tensor(A, requires_grad=True))


@pytest.mark.parametrize("shape", [(3000, 5), (5, 3000), (40, 7, 30), (3, 40, 30, 20)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sums_of_many_entries_are_numpys_along_all_axes(shape, dtype, rng):
    """Some are products with ones: as exact as NumPy's own, also where entries are not finite."""
    x = (rng.normal(size=shape) + 1).astype(dtype)
    spoilt = x.copy()
    spoilt.flat[[0, 1, -1]] = np.nan, np.inf, -np.inf
    axes = [None, *(a for n in range(len(shape)) for a in (n, n - len(shape), tuple(range(n + 1))))]
    for axis, keepdims in itertools.product(axes, (False, True)):
        for given in (x, np.asfortranarray(x), x[::-1]):
            found = mg.sum(given, axis, keepdims=keepdims)
            exact = np.sum(given.astype(float), axis=axis, keepdims=keepdims)
            assert found.dtype == dtype
            assert found.shape == exact.shape
            size = np.sum(np.abs(given.astype(float)), axis=axis, keepdims=keepdims)
            assert np.all(np.abs(found - exact) <= 100 * np.finfo(dtype).eps * size)
        np.testing.assert_array_equal(
            np.isnan(mg.sum(spoilt, axis)), np.isnan(np.sum(spoilt, axis=axis))
        )


KINKS = {
    "norm": lambda x: np.linalg.norm(x) ** 2,
    "square of a norm": lambda x: np.square(np.linalg.norm(x)),
    "a norm times itself": lambda x: (lambda n: n * n)(np.linalg.norm(x)),
    "norms of rows": lambda x: (np.linalg.norm(x[:, None], axis=1) ** 2.0).sum(),
    "absolute": lambda x: (np.abs(x) ** 2).sum(),
    "absolute of complex": lambda x: np.sum(np.abs(x * (0.6 + 0.8j)) ** 2),
}


@pytest.mark.parametrize("name", KINKS)
def test_the_square_of_a_norm_has_the_hessian_of_the_sum_of_squares(name):
    for x in (np.zeros(3), np.array([0.0, -2.0, 0.5])):
        np.testing.assert_allclose(mg.hessian(KINKS[name])(x), 2 * np.eye(3), atol=1e-12)
        assert KINKS[name](mg.Tensor(x, requires_grad=True)).item() == KINKS[name](x)


@pytest.mark.parametrize("power", [3, 4, 5])
def test_higher_powers_of_a_norm_have_no_curvature_at_0(power):
    def function(x):
        return np.linalg.norm(x) ** power

    assert not mg.hessian(function)(np.zeros(2)).any()
    x = np.array([0.5, -1.0])
    n = np.linalg.norm(x)
    expected = power * n ** (power - 2) * (np.eye(2) + (power - 2) * np.outer(x, x) / n**2)
    np.testing.assert_allclose(mg.hessian(function)(x), expected)


V, M, N = np.array([0.5, -1.0]), np.array([[1.0, 2.0], [3.0, 4.0]]), np.array(7.0)
BRACKETS = [
    (V,), V, (V, V), (M, M), (1.5, V, 2), ("0,2", V, V), ("1,2,0", V, V), ("-1", M, M),
    (slice(3), V), (slice(0, 1, 3j), V), (V.astype(np.float32), 1.0), (N, V), (3, [1.0, 2.0], V),
    (np.zeros(0), V), (V, M),
]  # fmt: skip


@pytest.mark.parametrize("key", BRACKETS)
@pytest.mark.parametrize(("numpy_s", "ours"), [(np.r_, mg.r_), (np.c_, mg.c_)])
def test_brackets_join_as_numpy_s(numpy_s, ours, key):
    leaf = mg.Tensor(V, requires_grad=True)
    on_tape = tuple(leaf if x is V else x for x in key) if isinstance(key, tuple) else leaf
    try:
        expected = numpy_s[key]
    except ValueError:
        with pytest.raises(ValueError):
            ours[on_tape]
        return
    result = ours[on_tape]
    np.testing.assert_array_equal(mg.tensor.raw(result), expected)
    assert result.dtype == expected.dtype
    if any(x is V for x in (key if isinstance(key, tuple) else (key,))):
        result.sum().backward()
        times = sum(x is V for x in key) if isinstance(key, tuple) else 1
        np.testing.assert_array_equal(leaf.grad, [times, times])


def test_brackets_make_no_matrix():
    with pytest.raises(TypeError, match=r"numpy\.matrix; leave it out"):
        mg.r_["c", V]

"""Discrete Fourier transforms: linear maps, so a rule is an adjoint.

X_k = Σ_j x_j w^(jk) with w = exp(−2πi / n) has a symmetric matrix, so the transform of one line is
its own adjoint. All others are made of it by truncating lines and padding them with zeros.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence

import numpy as np

from minigrad.primitives.arranging import roll
from minigrad.primitives.axes import Axes, axis_of
from minigrad.primitives.calls import plain_dtype
from minigrad.primitives.complexes import conj, real
from minigrad.primitives.indexing import along, scatter
from minigrad.primitives.primitive import Array, Primitive, implements, linear, sample

Sizes = Sequence[int] | None
Transform = Callable[[Array, int | None, int, str | None], Array]

_OPPOSITE = {None: "forward", "backward": "forward", "forward": "backward", "ortho": "ortho"}


def _transform(x: Array, *, axis: int, inverse: bool, norm: str | None) -> Array:
    if x.dtype == object:
        return _of_exact_scalars(x, axis, inverse)
    return (np.fft.ifft if inverse else np.fft.fft)(x, axis=axis, norm=norm)  # type: ignore[arg-type]


def _of_exact_scalars(x: np.ndarray, axis: int, inverse: bool) -> np.ndarray:
    """The product with a matrix whose entry (j, k) depends on jk modulo n alone.

    Exact scalars have no roots of unity. Whole numbers stand for the powers of w, which is enough
    to see whether a rule is the adjoint.
    """
    n = x.shape[axis]
    powers = np.random.default_rng(n).integers(1, 1000, n)
    places = np.outer(np.arange(n), np.arange(n)) * (-1 if inverse else 1) % n
    return np.moveaxis(np.moveaxis(x, axis, -1) @ np.take(powers, places).astype(object), -1, axis)


dft: Primitive = linear(
    "dft", _transform, label="DFT",
    adjoints=(lambda g, x, *, axis, inverse, norm:
              dft(g, axis=axis, inverse=inverse, norm=norm),),
    samples=(sample((3,), axis=0, inverse=False, norm=None),
             sample((2, 3), axis=0, inverse=True, norm="ortho"),
             sample((4, 2), axis=-2, inverse=False, norm="forward")),
    doc="""The discrete Fourier transform along one axis; its inverse with ``inverse=True``.

    Example:
        >>> print(mg.dft(np.array([1.0, 0.0]), axis=0, inverse=False, norm=None))
        [1.+0.j 1.+0.j]
    """,
)  # fmt: skip


def _resized(x: Array, n: int | None, axis: int) -> Array:
    """The lines cut to ``n`` entries, or with zeros behind."""
    axis = axis_of(axis, x.ndim)
    length = x.shape[axis]
    n = length if n is None else n
    if n < 1:
        raise ValueError(f"fft: got {n} points, expected one or more")
    if n < length:
        return x[along(axis, slice(0, n), x.ndim)]
    if n == length:
        return x
    shape = (*x.shape[:axis], n, *x.shape[axis + 1 :])
    return scatter(x, index=along(axis, slice(0, length), x.ndim), shape=shape)


def _checked(norm: str | None) -> str | None:
    if norm not in _OPPOSITE:
        raise ValueError(f"fft: got norm={norm!r}, expected 'backward', 'ortho' or 'forward'")
    return norm


@implements(np.fft.fft)
def fft(x: Array, n: int | None = None, axis: int = -1, norm: str | None = None) -> Array:
    """The discrete Fourier transform of lines, truncated or zero-padded to ``n`` entries.

    Args:
        x: any array.
        n: the number of points; as many as there are if ``None``.
        axis: along which.
        norm: what divides by n: ``"backward"``, the inverse; ``"forward"``, this one; ``"ortho"``,
            both by √n.

    Returns:
        Complex numbers.

    Example:
        >>> print(mg.fft(np.array([1.0, 2.0])))
        [ 3.+0.j -1.+0.j]
    """
    return dft(_resized(x, n, axis), axis=axis, inverse=False, norm=_checked(norm))


@implements(np.fft.ifft)
def ifft(x: Array, n: int | None = None, axis: int = -1, norm: str | None = None) -> Array:
    """The inverse of `fft`; arguments as there.

    Example:
        >>> print(mg.ifft(np.array([3.0, -1.0])))
        [1.+0.j 2.+0.j]
    """
    return dft(_resized(x, n, axis), axis=axis, inverse=True, norm=_checked(norm))


@implements(np.fft.rfft)
def rfft(x: Array, n: int | None = None, axis: int = -1, norm: str | None = None) -> Array:
    """The first n // 2 + 1 entries of `fft` of real numbers: the others are their conjugates.

    Raises:
        TypeError: complex numbers.

    Example:
        >>> print(mg.rfft(np.array([1.0, 2.0, 3.0])).shape)
        (2,)
    """
    if np.iscomplexobj(x):
        raise TypeError(f"rfft: got dtype {x.dtype}, expected real numbers")
    y = fft(x, n, axis, norm)
    return y[along(axis, slice(0, y.shape[axis] // 2 + 1), y.ndim)]


@implements(np.fft.irfft)
def irfft(x: Array, n: int | None = None, axis: int = -1, norm: str | None = None) -> Array:
    """The inverse of `rfft`: real numbers, 2 (m − 1) of m unless ``n`` says how many.

    Example:
        >>> print(mg.irfft(mg.rfft(np.array([1.0, 2.0, 3.0])), n=3).round(6))
        [1. 2. 3.]
    """
    axis = axis_of(axis, x.ndim)
    n = 2 * (x.shape[axis] - 1) if n is None else n
    if n < 1:
        raise ValueError(f"irfft: got {n} points, expected one or more")
    half = _resized(x, n // 2 + 1, axis)
    k = np.arange(half.shape[axis])  # all but the first and the middle one stand for two
    twice = np.where((k > 0) & (2 * k < n), 2, 1).reshape((-1,) + (1,) * (x.ndim - axis - 1))
    twice = twice.astype(plain_dtype(half))
    return real(ifft(half * twice, n, axis, norm))


@implements(np.fft.hfft)
def hfft(x: Array, n: int | None = None, axis: int = -1, norm: str | None = None) -> Array:
    """`fft` of lines whose second half is the conjugate of the first: real numbers.

    Example:
        >>> print(mg.hfft(np.array([1.0, 1j, 0.0])))
        [ 1.  3.  1. -1.]
    """
    return irfft(conj(x), n, axis, _OPPOSITE[_checked(norm)])


@implements(np.fft.ihfft)
def ihfft(x: Array, n: int | None = None, axis: int = -1, norm: str | None = None) -> Array:
    """The inverse of `hfft`.

    Example:
        >>> print(mg.hfft(mg.ihfft(np.array([1.0, 3.0, 1.0, -1.0]))))
        [ 1.  3.  1. -1.]
    """
    return conj(rfft(x, n, axis, _OPPOSITE[_checked(norm)]))


def _sizes_and_axes(x: Array, s: Sizes, axes: Axes, *, half: bool = False) -> list[tuple[int, int]]:
    """Size and axis of each transform of several, the first one last: as NumPy takes them.

    With ``half``, the last axis holds one half of each line.
    """
    if axes is None:
        axes = range(-(x.ndim if s is None else len(s)), 0)
    if s is None:
        np.take(x.shape, axes)  # NumPy's own error
    axes = [operator.index(axis) for axis in axes]  # type: ignore[union-attr]
    sizes = [-1] * len(axes) if s is None else list(s)
    if len(sizes) != len(axes):
        raise ValueError(f"fft: got sizes {s} for axes {axes}, expected as many")
    lengths = [x.shape[axis_of(axis, x.ndim)] for axis in axes]
    if half:
        lengths[-1] = 2 * (lengths[-1] - 1)
    given = [length if n in (-1, None) else n for n, length in zip(sizes, lengths, strict=True)]
    return list(zip(given, axes, strict=True))[::-1]


@implements(np.fft.fftn)
def fftn(x: Array, s: Sizes = None, axes: Axes = None, norm: str | None = None) -> Array:
    """`fft` along several axes, all unless they are named.

    Args:
        x: any array.
        s: the number of points along each.
        axes: along which; the last ones if only ``s`` is given.
        norm: as for `fft`.

    Example:
        >>> print(mg.fftn(np.eye(2)).real)
        [[2. 0.]
         [0. 2.]]
    """
    for n, axis in _sizes_and_axes(x, s, axes):
        x = fft(x, n, axis, norm)
    return x


@implements(np.fft.ifftn)
def ifftn(x: Array, s: Sizes = None, axes: Axes = None, norm: str | None = None) -> Array:
    """The inverse of `fftn`.

    Example:
        >>> print(mg.ifftn(2 * np.eye(2)).real)
        [[1. 0.]
         [0. 1.]]
    """
    for n, axis in _sizes_and_axes(x, s, axes):
        x = ifft(x, n, axis, norm)
    return x


@implements(np.fft.rfftn)
def rfftn(x: Array, s: Sizes = None, axes: Axes = None, norm: str | None = None) -> Array:
    """`rfft` along the last of several axes, then `fft` along the others.

    Example:
        >>> mg.rfftn(np.ones((4, 4))).shape
        (4, 3)
    """
    each = _sizes_and_axes(x, s, axes)
    n, axis = each[0]
    x = rfft(x, n, axis, norm)
    for n, axis in each[:0:-1]:
        x = fft(x, n, axis, norm)
    return x


@implements(np.fft.irfftn)
def irfftn(x: Array, s: Sizes = None, axes: Axes = None, norm: str | None = None) -> Array:
    """The inverse of `rfftn`.

    Example:
        >>> print(mg.irfftn(mg.rfftn(np.eye(2))).round(6))
        [[1. 0.]
         [0. 1.]]
    """
    each = _sizes_and_axes(x, s, axes, half=True)
    for n, axis in each[:0:-1]:
        x = ifft(x, n, axis, norm)
    n, axis = each[0]
    return irfft(x, n, axis, norm)


@implements(np.fft.fft2)
def fft2(x: Array, s: Sizes = None, axes: Axes = (-2, -1), norm: str | None = None) -> Array:
    """As `fftn`, along the last two axes unless others are named.

    Example:
        >>> print(mg.fft2(np.eye(2)).real)
        [[2. 0.]
         [0. 2.]]
    """
    return fftn(x, s, axes, norm)


@implements(np.fft.ifft2)
def ifft2(x: Array, s: Sizes = None, axes: Axes = (-2, -1), norm: str | None = None) -> Array:
    """As `ifftn`, along the last two axes unless others are named.

    Example:
        >>> print(mg.ifft2(2 * np.eye(2)).real)
        [[1. 0.]
         [0. 1.]]
    """
    return ifftn(x, s, axes, norm)


@implements(np.fft.rfft2)
def rfft2(x: Array, s: Sizes = None, axes: Axes = (-2, -1), norm: str | None = None) -> Array:
    """As `rfftn`, along the last two axes unless others are named.

    Example:
        >>> mg.rfft2(np.ones((4, 4))).shape
        (4, 3)
    """
    return rfftn(x, s, axes, norm)


@implements(np.fft.irfft2)
def irfft2(x: Array, s: Sizes = None, axes: Axes = (-2, -1), norm: str | None = None) -> Array:
    """As `irfftn`, along the last two axes unless others are named.

    Example:
        >>> mg.irfft2(np.ones((4, 3))).shape
        (4, 4)
    """
    return irfftn(x, s, axes, norm)


@implements(np.fft.fftshift)
def fftshift(x: Array, axes: Axes = None) -> Array:
    """The second half of each line in front of the first: frequency 0 in the middle.

    Example:
        >>> print(mg.fftshift(np.array([0.0, 1.0, -1.0])))
        [-1.  0.  1.]
    """
    chosen = _shifted(axes, x.ndim)
    return roll(x, tuple(x.shape[a] // 2 for a in chosen), chosen)


@implements(np.fft.ifftshift)
def ifftshift(x: Array, axes: Axes = None) -> Array:
    """The inverse of `fftshift`.

    Example:
        >>> print(mg.ifftshift(np.array([-1.0, 0.0, 1.0])))
        [ 0.  1. -1.]
    """
    chosen = _shifted(axes, x.ndim)
    return roll(x, tuple(-(x.shape[a] // 2) for a in chosen), chosen)


def _shifted(axes: Axes, ndim: int) -> tuple[int, ...]:
    """The axes to shift along, one perhaps several times."""
    if axes is None:
        return tuple(range(ndim))
    return tuple(axis_of(a, ndim) for a in (axes if isinstance(axes, list | tuple) else [axes]))  # type: ignore[arg-type]

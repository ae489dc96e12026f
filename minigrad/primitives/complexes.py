"""The parts of complex numbers.

The gradient of a real L by a complex z = x + iy is the g with dL = Re(g dz), ∂L/∂x − i ∂L/∂y. So
an analytic function has the same rule as for real numbers; the functions here are not analytic.
"""

from __future__ import annotations

import numpy as np

from minigrad.primitives.calls import constant
from minigrad.primitives.indexing import where
from minigrad.primitives.primitive import Array, implements, linear, sample
from minigrad.primitives.trigonometry import arctan2

conj = linear(
    "conj", lambda z: z if z.dtype == object else np.conjugate(z), numpy=(np.conjugate,),
    label="z̄", analytic=False, samples=(sample((2, 3)),),
    adjoints=(lambda g, z: np.conjugate(g),),
    doc="""Complex conjugates; real numbers as they are.

    Example:
        >>> print(mg.conj(np.array([1.0 + 2.0j])))
        [1.-2.j]
    """,
)  # fmt: skip
_real = linear(
    "real", lambda z: z if z.dtype == object else z.real, label="Re", analytic=False,
    samples=(sample((2, 3)),),
    adjoints=(lambda g, z: g,),
)  # fmt: skip


@implements(np.real)
def real(z: Array) -> Array:
    """The real part; real numbers as they are.

    Example:
        >>> print(mg.real(np.array([1.0 + 2.0j])), mg.grad(lambda x: mg.real(x * 1j * x))(2.0))
        [1.] 0.0
    """
    return _real(z) if np.iscomplexobj(z) else z


@implements(np.imag)
def imag(z: Array) -> Array:
    """The imaginary part.

    Example:
        >>> print(mg.imag(np.array([1.0 + 2.0j])), mg.grad(lambda x: mg.imag(x * 1j * x))(2.0))
        [2.] 4.0
    """
    return _real(z * -1j) if np.iscomplexobj(z) else where(True, 0, z)


@implements(np.angle)
def angle(z: Array, deg: bool = False) -> Array:
    """The angle of a complex number, between −π and π, or in degrees.

    Example:
        >>> print(mg.angle(np.array([1j, -1.0])).round(4))
        [1.5708 3.1416]
    """
    turn = arctan2(imag(z), real(z))
    return turn * (180 / np.pi) if deg else turn


@implements(np.real_if_close)
def real_if_close(z: Array, tol: float = 100) -> Array:
    """The real part, if all imaginary parts are rounding errors; else the array itself.

    Example:
        >>> print(mg.real_if_close(np.array([1.0 + 1e-15j])))
        [1.]
    """
    return z if np.iscomplexobj(np.real_if_close(constant(z), tol)) else real(z)

"""Activations as modules, with the arguments of PyTorch's modules of these names.

Nothing is ever changed in place: ``inplace=True`` gives the same values and saves no memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np

from minigrad.nn.activations import (
    celu,
    glu,
    hardshrink,
    hardsigmoid,
    hardswish,
    hardtanh,
    logsigmoid,
    mish,
    prelu,
    relu6,
    selu,
    softmin,
    softshrink,
    softsign,
    tanhshrink,
    threshold,
)
from minigrad.nn.formats import layout
from minigrad.nn.module import Module, check_size
from minigrad.primitives import (
    elu,
    gelu,
    leaky_relu,
    log_softmax,
    relu,
    sigmoid,
    silu,
    softmax,
    softplus,
    tanh,
    where,
)
from minigrad.primitives.primitive import Array
from minigrad.tensor import Parameter


class _Activation(Module):
    """A function of one array, with settings."""

    function: ClassVar[Callable[..., Array]]
    settings: Mapping[str, Any] = {}

    def forward(self, x: Array) -> Array:
        """The function of ``x``."""
        return type(self).function(x, **self.settings)

    def extra_repr(self) -> str:
        """The settings."""
        return ", ".join(f"{name}={value!r}" for name, value in self.settings.items())


class _InPlace(_Activation):
    """One that PyTorch can compute in place, without settings."""

    def __init__(self, inplace: bool = False) -> None:
        """``inplace`` changes nothing."""


class ReLU(_InPlace):
    """The larger of x and 0: `minigrad.relu`.

    Example:
        >>> print(nn.ReLU()(np.array([-1.0, 2.0])))
        [0. 2.]
    """

    function = staticmethod(relu)


class ReLU6(_InPlace):
    """x clipped to [0, 6]: `relu6`.

    Example:
        >>> print(nn.ReLU6()(np.array([-1.0, 7.0])))
        [0. 6.]
    """

    function = staticmethod(relu6)


class Sigmoid(_Activation):
    """1 / (1 + e⁻ˣ): `minigrad.sigmoid`.

    Example:
        >>> print(nn.Sigmoid()(np.zeros(2)))
        [0.5 0.5]
    """

    function = staticmethod(sigmoid)


class Tanh(_Activation):
    """Hyperbolic tangent: `minigrad.tanh`.

    Example:
        >>> print(nn.Tanh()(np.zeros(2)))
        [0. 0.]
    """

    function = staticmethod(tanh)


class SiLU(_InPlace):
    """The product x σ(x): `minigrad.silu`.

    Example:
        >>> print(nn.SiLU()(np.array([0.0, 100.0])))
        [  0. 100.]
    """

    function = staticmethod(silu)


class Mish(_InPlace):
    """The product x tanh(softplus(x)): `mish`.

    Example:
        >>> print(nn.Mish()(np.array([0.0, 100.0])))
        [  0. 100.]
    """

    function = staticmethod(mish)


class SELU(_InPlace):
    """The scaled exponential unit, which keeps mean and variance: `selu`.

    Example:
        >>> print(nn.SELU()(np.array([0.0, 1.0]).round(4)))
        [0.         1.05070099]
    """

    function = staticmethod(selu)


class Hardswish(_InPlace):
    """The product x · hardsigmoid(x): `hardswish`.

    Example:
        >>> print(nn.Hardswish()(np.array([0.0, 3.0])))
        [0. 3.]
    """

    function = staticmethod(hardswish)


class Hardsigmoid(_InPlace):
    """(x + 3) / 6, clipped to [0, 1]: `hardsigmoid`.

    Example:
        >>> print(nn.Hardsigmoid()(np.array([0.0, 3.0])))
        [0.5 1. ]
    """

    function = staticmethod(hardsigmoid)


class LogSigmoid(_Activation):
    """``log σ(x)``: `logsigmoid`.

    Example:
        >>> print(nn.LogSigmoid()(np.array([-1000.0])))
        [-1000.]
    """

    function = staticmethod(logsigmoid)


class Softsign(_Activation):
    """x / (1 + |x|): `softsign`.

    Example:
        >>> print(nn.Softsign()(np.array([-1.0, 3.0])))
        [-0.5   0.75]
    """

    function = staticmethod(softsign)


class Tanhshrink(_Activation):
    """x − tanh(x): `tanhshrink`.

    Example:
        >>> print(nn.Tanhshrink()(np.array([0.0, -100.0])))
        [  0. -99.]
    """

    function = staticmethod(tanhshrink)


class LeakyReLU(_Activation):
    """x where it is positive, a multiple of it elsewhere: `minigrad.leaky_relu`.

    Example:
        >>> print(nn.LeakyReLU(0.1)(np.array([-1.0, 2.0])))
        [-0.1  2. ]
    """

    function = staticmethod(leaky_relu)

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        self.settings = {"slope": negative_slope}


class ELU(_Activation):
    """x where it is positive, α (eˣ − 1) elsewhere: `minigrad.elu`.

    Example:
        >>> print(nn.ELU(2.0)(np.array([-1.0, 2.0])).round(4))
        [-1.2642  2.    ]
    """

    function = staticmethod(elu)

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        self.settings = {"alpha": alpha}


class CELU(_Activation):
    """x where it is positive, α (e^(x/α) − 1) elsewhere: `celu`.

    Example:
        >>> print(nn.CELU(0.5)(np.array([-1.0, 2.0])).round(4))
        [-0.4323  2.    ]
    """

    function = staticmethod(celu)

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        self.settings = {"alpha": alpha}


class Hardtanh(_Activation):
    """x clipped to a range: `hardtanh`.

    Example:
        >>> print(nn.Hardtanh()(np.array([-1.0, 2.0])))
        [-1.  1.]
    """

    function = staticmethod(hardtanh)

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        self.settings = {"min_val": min_val, "max_val": max_val}


class Softshrink(_Activation):
    """x brought nearer to 0 by λ: `softshrink`.

    Example:
        >>> print(nn.Softshrink()(np.array([-1.0, 2.0])))
        [-0.5  1.5]
    """

    function = staticmethod(softshrink)

    def __init__(self, lambd: float = 0.5) -> None:
        self.settings = {"lambd": lambd}


class Hardshrink(_Activation):
    """x, but 0 within ±λ: `hardshrink`.

    Example:
        >>> print(nn.Hardshrink(1.5)(np.array([-1.0, 2.0])))
        [0. 2.]
    """

    function = staticmethod(hardshrink)

    def __init__(self, lambd: float = 0.5) -> None:
        self.settings = {"lambd": lambd}


class Threshold(_Activation):
    """x above a threshold, a value elsewhere: `threshold`.

    Example:
        >>> print(nn.Threshold(0, 9)(np.array([-1.0, 2.0])))
        [9. 2.]
    """

    function = staticmethod(threshold)

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        self.settings = {"threshold": threshold, "value": value}


class GLU(_Activation):
    """One half of x, gated by the other: `glu`.

    Example:
        >>> print(nn.GLU()(np.array([1.0, 2.0, 0.0, 100.0])))
        [0.5 2. ]
    """

    function = staticmethod(glu)

    def __init__(self, dim: int = -1) -> None:
        self.settings = {"axis": dim}


class GELU(_Activation):
    """The product x Φ(x), Φ the normal distribution: `minigrad.gelu`.

    Args:
        approximate: ``"none"``, or ``"tanh"`` for the form with tanh.

    Example:
        >>> print(nn.GELU()(np.array([0.0, 1.0])).round(4))
        [0.     0.8413]
    """

    function = staticmethod(gelu)

    def __init__(self, approximate: str = "none") -> None:
        if approximate not in ("none", "tanh"):
            raise ValueError(f"GELU: got approximate={approximate!r}, expected 'none' or 'tanh'")
        self.settings = {"approximate": approximate == "tanh"}


class Softplus(_Activation):
    """softplus(β x) / β: `minigrad.softplus`, which is exact for large x too.

    Args:
        beta: β.
        threshold: from which β x on the result is x itself; from 20 up that is so anyway, to nine
            digits.

    Example:
        >>> print(nn.Softplus(beta=2.0)(np.array([0.0, 100.0])).round(4))
        [  0.3466 100.    ]
    """

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        self.settings = {"beta": beta, "threshold": threshold}

    def forward(self, x: Array) -> Array:
        """The function of ``x``."""
        beta, threshold = self.settings["beta"], self.settings["threshold"]
        y = softplus(beta * x) / beta
        return y if threshold >= 20 else where(beta * x > threshold, x, y)


class PReLU(Module):
    """x where it is positive, a learned multiple of it elsewhere: `prelu`.

    Args:
        num_parameters: 1, or the number of channels for a slope of each.
        init: what the slopes start as.
        dtype: of the slopes.

    Example:
        >>> print(nn.PReLU()(np.array([-1.0, 2.0])))
        Tensor([-0.25  2.  ], made by where)
    """

    keras_layout = layout("weight")

    def __init__(
        self, num_parameters: int = 1, init: float = 0.25, *, dtype: Any = np.float32
    ) -> None:
        check_size(self, num_parameters=num_parameters)
        self.weight = Parameter(np.full(num_parameters, init, dtype))

    def forward(self, x: Array) -> Array:
        """The function of ``x``."""
        return prelu(x, self.weight)


class Softmax(_Activation):
    """eˣ / Σ eˣ along an axis: `minigrad.softmax`.

    Args:
        dim: the axis. There is no default, because PyTorch's depends on the number of axes.

    Raises:
        ValueError: no axis is given.

    Example:
        >>> print(nn.Softmax(dim=-1)(np.log([1.0, 3.0])).round(4))
        [0.25 0.75]
    """

    function = staticmethod(softmax)

    def __init__(self, dim: int | None = None) -> None:
        if dim is None:
            name = type(self).__name__
            raise ValueError(f"{name}: got no axis, expected dim: {name}(dim=-1) for the last one")
        self.settings = {"axis": dim}


class LogSoftmax(Softmax):
    """Log of the softmax: `minigrad.log_softmax`.

    Example:
        >>> print(nn.LogSoftmax(dim=-1)(np.array([0.0, 1000.0])))
        [-1000.     0.]
    """

    function = staticmethod(log_softmax)


class Softmin(Softmax):
    """softmax(−x): `softmin`.

    Example:
        >>> print(nn.Softmin(dim=-1)(np.log([1.0, 3.0])).round(4))
        [0.75 0.25]
    """

    function = staticmethod(softmin)


class Softmax2d(_Activation):
    """Softmax over the channels of an image, (batch, channels, height, width).

    Example:
        >>> print(nn.Softmax2d()(np.zeros((1, 2, 1, 2)))[0, :, 0, 0])
        [0.5 0.5]
    """

    def forward(self, x: Array) -> Array:
        """Shares of the channels at each place."""
        if x.ndim not in (3, 4):
            raise ValueError(
                f"Softmax2d: got an input of shape {x.shape}, expected (batch, channels, height, "
                "width), or without the batch"
            )
        return softmax(x, axis=-3)

"""How weights start.

The first functions take a weight's shape (outputs, inputs, *kernel) and give an array. A layer's
weights are set with ``layer.weight.data = init.orthogonal(layer.weight.shape, rng=0)``. Those whose
name ends in ``_`` are PyTorch's: they fill a parameter, and return it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.nn.module import Module, Seed
from minigrad.tensor import Tensor

Shape = tuple[int, ...]
"""The shape of a weight: outputs, inputs, then the places of a kernel.

Example:
    >>> nn.init.glorot_uniform((8, 3)).shape
    (8, 3)
"""


def glorot_uniform(shape: Shape, *, rng: Seed = None, dtype: Any = np.float32) -> np.ndarray:
    """Uniform in ±√(6 / (inputs + outputs)) (Glorot & Bengio 2010, eq. 16).

    Example:
        >>> weight = nn.init.glorot_uniform((8, 4), rng=0)
        >>> bool(abs(weight).max() <= np.sqrt(6 / (4 + 8)))
        True
    """
    bound = math.sqrt(6 / sum(_fans(shape)))
    return np.random.default_rng(rng).uniform(-bound, bound, shape).astype(dtype)


def glorot_normal(shape: Shape, *, rng: Seed = None, dtype: Any = np.float32) -> np.ndarray:
    """Normal with variance 2 / (inputs + outputs) (Glorot & Bengio 2010, eq. 12).

    Example:
        >>> nn.init.glorot_normal((8, 4), rng=0).shape
        (8, 4)
    """
    scale = math.sqrt(2 / sum(_fans(shape)))
    return np.random.default_rng(rng).normal(0, scale, shape).astype(dtype)


def he_uniform(shape: Shape, *, rng: Seed = None, dtype: Any = np.float32) -> np.ndarray:
    """Uniform in ±√(6 / inputs), of `he_normal`'s variance.

    Example:
        >>> weight = nn.init.he_uniform((8, 6), rng=0)
        >>> bool(abs(weight).max() <= np.sqrt(6 / 6))
        True
    """
    bound = math.sqrt(6 / _fans(shape)[0])
    return np.random.default_rng(rng).uniform(-bound, bound, shape).astype(dtype)


def he_normal(shape: Shape, *, rng: Seed = None, dtype: Any = np.float32) -> np.ndarray:
    """Normal with variance 2 / inputs, for layers before a ReLU (He et al. 2015, eq. 10).

    Example:
        >>> nn.init.he_normal((8, 4), rng=0).shape
        (8, 4)
    """
    scale = math.sqrt(2 / _fans(shape)[0])
    return np.random.default_rng(rng).normal(0, scale, shape).astype(dtype)


def orthogonal(
    shape: Shape, *, gain: float = 1.0, rng: Seed = None, dtype: Any = np.float32
) -> np.ndarray:
    """Rows, or columns if those are fewer, at right angles and of length ``gain``.

    All such matrices are equally likely: Saxe et al. 2014, section 3; drawn as in Mezzadri 2007,
    section 5, where the signs of R's diagonal make the QR decomposition unique.

    Example:
        >>> q = nn.init.orthogonal((3, 3), rng=0, dtype=np.float64)
        >>> bool(np.allclose(q @ q.T, np.eye(3)))
        True
    """
    _fans(shape)
    outputs, inputs = shape[0], math.prod(shape[1:])
    tall = np.random.default_rng(rng).normal(size=(max(inputs, outputs), min(inputs, outputs)))
    q, r = np.linalg.qr(tall)
    q = q * np.sign(np.diagonal(r))
    flat = q if outputs >= inputs else q.T
    return (gain * flat).reshape(shape).astype(dtype)


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, *, rng: Seed = None) -> Tensor:
    """Fill with numbers from a to b.

    Example:
        >>> weight = nn.init.uniform_(nn.Linear(3, 2).weight, -0.1, 0.1)
        >>> bool(abs(weight.data).max() <= 0.1)
        True
    """
    return _fill(tensor, np.random.default_rng(rng).uniform(a, b, tensor.shape))


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, *, rng: Seed = None) -> Tensor:
    """Fill with normal numbers of this mean and standard deviation.

    Example:
        >>> nn.init.normal_(nn.Linear(3, 2).weight, std=0.02).shape
        (2, 3)
    """
    return _fill(tensor, np.random.default_rng(rng).normal(mean, std, tensor.shape))


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    *,
    rng: Seed = None,
) -> Tensor:
    """Fill with normal numbers that lie between a and b: others are drawn again.

    Raises:
        ValueError: the range is empty, or farther than 4 standard deviations from the mean.

    Example:
        >>> weight = nn.init.trunc_normal_(nn.Linear(3, 2).weight, std=0.02, a=-0.04, b=0.04)
        >>> bool(abs(weight.data).max() <= 0.04)
        True
    """
    if not (a < b and a < mean + 4 * std and b > mean - 4 * std):
        raise ValueError(
            f"trunc_normal_: got the range from {a} to {b} for mean {mean} and std {std}, expected "
            "one that reaches within 4 standard deviations of the mean"
        )
    generator = np.random.default_rng(rng)
    array = generator.normal(mean, std, tensor.shape)
    while (outside := (array < a) | (array > b)).any():
        array[outside] = generator.normal(mean, std, outside.sum())
    return _fill(tensor, array)


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with one number.

    Example:
        >>> print(nn.init.constant_(nn.Linear(3, 2).bias, 0.5).data)
        [0.5 0.5]
    """
    return _fill(tensor, np.full(tensor.shape, val))


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with 0.

    Example:
        >>> print(nn.init.zeros_(nn.Linear(3, 2).bias).data)
        [0. 0.]
    """
    return constant_(tensor, 0.0)


def ones_(tensor: Tensor) -> Tensor:
    """Fill with 1.

    Example:
        >>> print(nn.init.ones_(nn.LayerNorm(2).weight).data)
        [1. 1.]
    """
    return constant_(tensor, 1.0)


def eye_(tensor: Tensor) -> Tensor:
    """Fill a matrix with 1 on its diagonal and 0 elsewhere.

    Raises:
        ValueError: it is not a matrix.

    Example:
        >>> print(nn.init.eye_(nn.Linear(2, 2).weight).data)
        [[1. 0.]
         [0. 1.]]
    """
    if tensor.ndim != 2:
        raise ValueError(f"eye_: got shape {tensor.shape}, expected a matrix")
    return _fill(tensor, np.eye(*tensor.shape))


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, *, rng: Seed = None) -> Tensor:
    """Fill as `glorot_uniform`, times ``gain``.

    Example:
        >>> weight = nn.init.xavier_uniform_(nn.Linear(4, 8).weight)
        >>> bool(abs(weight.data).max() <= np.sqrt(6 / (4 + 8)))
        True
    """
    return _fill(tensor, gain * glorot_uniform(tensor.shape, rng=rng, dtype=float))


def xavier_normal_(tensor: Tensor, gain: float = 1.0, *, rng: Seed = None) -> Tensor:
    """Fill as `glorot_normal`, times ``gain``.

    Example:
        >>> nn.init.xavier_normal_(nn.Linear(4, 8).weight, gain=2).shape
        (8, 4)
    """
    return _fill(tensor, gain * glorot_normal(tensor.shape, rng=rng, dtype=float))


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    *,
    rng: Seed = None,
) -> Tensor:
    """Fill with numbers in ±gain · √(3 / fan) (He et al. 2015, section 2.2).

    Args:
        tensor: the parameter.
        a: the slope below 0 of a leaky ReLU.
        mode: ``"fan_in"`` to keep the size of what goes forward, ``"fan_out"`` of gradients.
        nonlinearity: what comes after: see `calculate_gain`.
        rng: seed or generator.

    Example:
        >>> weight = nn.init.kaiming_uniform_(nn.Linear(6, 2).weight, nonlinearity="relu")
        >>> bool(abs(weight.data).max() <= np.sqrt(6 / 6))
        True
    """
    bound = math.sqrt(3) * _kaiming(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, rng=rng)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    *,
    rng: Seed = None,
) -> Tensor:
    """Fill with normal numbers of standard deviation gain / √fan; as `kaiming_uniform_`.

    Example:
        >>> nn.init.kaiming_normal_(nn.Conv2d(3, 4, 3).weight, mode="fan_out").shape
        (4, 3, 3, 3)
    """
    return normal_(tensor, 0.0, _kaiming(tensor, a, mode, nonlinearity), rng=rng)


def orthogonal_(tensor: Tensor, gain: float = 1.0, *, rng: Seed = None) -> Tensor:
    """Fill as `orthogonal`.

    Example:
        >>> q = nn.init.orthogonal_(nn.Linear(3, 3).weight).data
        >>> bool(np.allclose(q @ q.T, np.eye(3), atol=1e-5))
        True
    """
    return _fill(tensor, orthogonal(tensor.shape, gain=gain, rng=rng, dtype=float))


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """By how much weights should be larger because of what comes after them.

    1 for linear maps, convolutions and the sigmoid, 5/3 for tanh, √2 for ReLU, √(2 / (1 + a²)) for
    leaky ReLU with the slope a, ¾ for SELU.

    Args:
        nonlinearity: ``"linear"``, ``"conv2d"`` and the like, ``"sigmoid"``, ``"tanh"``,
            ``"relu"``, ``"leaky_relu"`` or ``"selu"``.
        param: the slope a, 0.01 if not given.

    Raises:
        ValueError: another name.

    Example:
        >>> print(round(nn.init.calculate_gain("relu") ** 2, 4))
        2.0
    """
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + (0.01 if param is None else param) ** 2))
    if nonlinearity in _GAINS or nonlinearity.startswith(("linear", "conv")):
        return _GAINS.get(nonlinearity, 1.0)
    raise ValueError(
        f"calculate_gain: got {nonlinearity!r}, expected linear, conv2d, leaky_relu or one of "
        f"{', '.join(_GAINS)}"
    )


_GAINS = {"sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 0.75}


def set_forget_bias(model: Module, value: float = 1.0) -> None:
    """Set the bias of every forget gate, a gate named ``f``: 1 lets memories last at first.

    Gers et al. 2000, section 4; Jozefowicz et al. 2015, section 3.2.

    Raises:
        ValueError: the model has no such gate.

    Example:
        >>> lstm = nn.LSTM(3, 4)
        >>> nn.init.set_forget_bias(lstm)
        >>> print(lstm.cell.f.bias.data)
        [1. 1. 1. 1.]
    """
    biases = [p for name, p in model.named_parameters() if f".{name}".endswith(".f.bias")]
    if not biases:
        raise ValueError(f"set_forget_bias: {type(model).__name__} has no gate named f")
    for bias in biases:
        bias.data = np.full_like(bias.data, value)


def _fill(tensor: Tensor, array: np.ndarray) -> Tensor:
    tensor.data = array.astype(tensor.dtype)
    return tensor


def _kaiming(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    """A standard deviation: gain / √fan."""
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"kaiming: got mode={mode!r}, expected 'fan_in' or 'fan_out'")
    fan = _fans(tensor.shape)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


def _fans(shape: Shape) -> tuple[int, int]:
    """Numbers of inputs and outputs of one entry of the result; a kernel's places count each."""
    if len(shape) < 2:
        raise ValueError(f"init: got shape {shape}, expected (outputs, inputs, *kernel)")
    places = math.prod(shape[2:])
    return shape[1] * places, shape[0] * places

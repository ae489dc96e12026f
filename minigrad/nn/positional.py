"""Where in a sequence a vector stands, which attention by itself does not see."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.nn.module import Module, Seed, check_size
from minigrad.primitives import concatenate
from minigrad.primitives.primitive import Array
from minigrad.tensor import Parameter


def sinusoidal_encoding(length: int, width: int, *, dtype: Any = np.float32) -> np.ndarray:
    """Sine and cosine of t / 10000^(2i / width), in turn (Vaswani et al. 2017, section 3.5).

    Returns:
        (length, width).

    Raises:
        ValueError: an odd width.

    Example:
        >>> print(nn.sinusoidal_encoding(2, 4).round(4))
        [[0.     1.     0.     1.    ]
         [0.8415 0.5403 0.01   1.    ]]
    """
    angles = _angles(length, width)
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(length, width).astype(dtype)


def rotary_encoding(x: Array, *, start: int = 0, interleaved: bool = True) -> Array:
    """Queries or keys (…, time, width) turned by their positions (Su et al. 2021, eq. 34).

    Each pair of neighbouring entries 2i, 2i + 1 is turned by the angle t / 10000^(2i / width),
    so that the product of a query and a key depends on the distance between them only.

    Args:
        x: queries or keys of one head.
        start: the position of the first of them.
        interleaved: whether the pairs are neighbours; ``False`` for entries i and i + width / 2,
            as in LLaMA's weights.

    Raises:
        ValueError: an odd width, or x has no time axis.

    Example:
        >>> print(nn.rotary_encoding(np.array([[1.0, 0.0], [1.0, 0.0]])).round(4))
        [[1.     0.    ]
         [0.5403 0.8415]]
    """
    if x.ndim < 2:
        raise ValueError(f"rotary_encoding: got shape {x.shape}, expected (…, time, width)")
    angles = _angles(x.shape[-2], x.shape[-1], start)
    kind = x.dtype if x.dtype.kind == "f" else np.dtype(float)
    cos, sin = np.cos(angles).astype(kind)[..., None], np.sin(angles).astype(kind)[..., None]
    if not interleaved:
        cos, sin, half = cos[..., 0], sin[..., 0], x.shape[-1] // 2
        first, second = x[..., :half], x[..., half:]
        return concatenate([first * cos - second * sin, first * sin + second * cos], axis=-1)
    pairs = x.reshape((*x.shape[:-1], x.shape[-1] // 2, 2))
    even, odd = pairs[..., :1], pairs[..., 1:]
    turned = concatenate([even * cos - odd * sin, even * sin + odd * cos], axis=-1)
    return turned.reshape(x.shape)


def alibi_bias(
    heads: int, queries: int, keys: int | None = None, offset: int = 0, *, dtype: Any = np.float32
) -> np.ndarray:
    """What ALiBi adds to the scores: −slope · distance, for each head (Press et al. 2022, sec. 3).

    Args:
        heads: their number h; head k has the slope 2^(−8 k / h), between which those of the next
            power of 2 are taken where h is none.
        queries: how many.
        keys: how many; as many as queries and those before them if not given.
        offset: how many keys came before the first query.
        dtype: of the result.

    Returns:
        (heads, queries, keys), a mask of floats for `scaled_dot_product_attention` or, repeated
        for every sequence of the batch, for `MultiheadAttention`.

    Example:
        >>> print(nn.alibi_bias(2, 2)[0])
        [[ 0.     -0.0625]
         [-0.0625  0.    ]]
    """
    power = 2 ** math.floor(math.log2(heads))
    slopes = [2 ** (-8 * k / power) for k in range(1, power + 1)]
    slopes += [2 ** (-4 * k / power) for k in range(1, 2 * (heads - power), 2)]
    keys = queries + offset if keys is None else keys
    distance = np.abs(np.arange(keys) - (np.arange(queries)[:, None] + offset))
    return (np.array(slopes)[:, None, None] * -distance).astype(dtype)


class PositionalEncoding(Module):
    """x plus the sinusoidal encoding of each step's position.

    Args:
        width: of x, even.

    Shapes:
        x (…, time, width) → the same.

    Example:
        >>> nn.PositionalEncoding(8)(np.zeros((2, 5, 8))).shape
        (2, 5, 8)
    """

    def __init__(self, width: int) -> None:
        check_size(self, width=width)
        self.width = width

    def forward(self, x: Array) -> Array:
        """Add the encoding of each step's position."""
        _check(self, x, self.width)
        kind = x.dtype if x.dtype.kind == "f" else np.dtype(float)
        return x + sinusoidal_encoding(x.shape[-2], self.width, dtype=kind)


class LearnedPositionalEncoding(Module):
    """x plus a learned vector for each position.

    Args:
        length: the longest sequence.
        width: of x.
        rng: seed or generator of the initial vectors, normal with deviation 0.02 (Radford et
            al. 2018, section 4.1).
        dtype: of the parameters.

    Shapes:
        x (…, time ≤ length, width) → the same; weight (length, width).

    Example:
        >>> nn.LearnedPositionalEncoding(100, 8)(np.zeros((2, 5, 8))).shape
        (2, 5, 8)
    """

    def __init__(
        self, length: int, width: int, *, rng: Seed = None, dtype: Any = np.float32
    ) -> None:
        check_size(self, length=length, width=width)
        vectors = np.random.default_rng(rng).normal(0, 0.02, (length, width))
        self.weight = Parameter(vectors.astype(dtype))

    def forward(self, x: Array) -> Array:
        """Add the vector of each step's position.

        Raises:
            ValueError: x has another width, or more steps than there are vectors.
        """
        length, width = self.weight.shape
        _check(self, x, width)
        if x.shape[-2] > length:
            raise ValueError(
                f"LearnedPositionalEncoding: got an input of shape {x.shape}, expected at most "
                f"{length} steps"
            )
        return x + self.weight[: x.shape[-2]]


def _angles(length: int, width: int, start: int = 0) -> np.ndarray:
    """Angles t / 10000^(2i / width) for positions t and pairs i, (length, width / 2)."""
    if width % 2:
        raise ValueError(f"got width {width}, expected an even one: sine and cosine go in pairs")
    pairs = np.arange(0, width, 2) / width
    return np.arange(start, start + length)[:, None] / 10000**pairs


def _check(owner: Module, x: Array, width: int) -> None:
    if x.ndim < 2 or x.shape[-1] != width:
        raise ValueError(
            f"{type(owner).__name__}: got an input of shape {x.shape}, expected (…, time, {width})"
        )

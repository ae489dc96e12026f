"""Embedding: a vector for every index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from minigrad.nn.formats import layout
from minigrad.nn.module import Module, Seed, check_size
from minigrad.primitives import max, sum, where
from minigrad.primitives.checks import as_array, every
from minigrad.primitives.primitive import Array
from minigrad.tensor import Parameter, raw


class Embedding(Module):
    """Rows of a matrix by index: what one-hot vectors times the matrix give.

    Args:
        num_embeddings: number of rows.
        embedding_dim: width of a row.
        padding_idx: index of a row that starts as zeros and is never learned.
        rng: seed or generator of the initial weights, normal with variance 1.
        dtype: of the parameters.

    PyTorch's ``max_norm``, ``scale_grad_by_freq`` and ``sparse`` are not here.

    Shapes:
        indices (…) of integers → (…, embedding_dim); weight (num_embeddings, embedding_dim).

    Example:
        >>> words = nn.Embedding(1000, 16, padding_idx=0)
        >>> words(np.array([[5, 7, 0]])).shape
        (1, 3, 16)
    """

    keras_layout = layout("weight")

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        *,
        rng: Seed = None,
        dtype: Any = np.float32,
    ) -> None:
        check_size(self, num_embeddings=num_embeddings, embedding_dim=embedding_dim)
        matrix = np.random.default_rng(rng).normal(size=(num_embeddings, embedding_dim))
        if padding_idx is not None:
            padding_idx = padding_row(type(self).__name__, padding_idx, num_embeddings)
            matrix[padding_idx] = 0
        self.weight = Parameter(matrix.astype(dtype))
        self.padding_idx = padding_idx

    @classmethod
    def from_pretrained(
        cls, embeddings: Any, freeze: bool = True, padding_idx: int | None = None
    ) -> Self:
        """An embedding with a copy of these rows, (num_embeddings, embedding_dim).

        Args:
            embeddings: the rows.
            freeze: whether they are not learned.
            padding_idx: index of a row that is never learned.

        Raises:
            ValueError: it is not a matrix of floats.
        """
        matrix = np.array(raw(embeddings))
        if matrix.ndim != 2 or matrix.dtype.kind != "f":
            raise ValueError(
                f"{cls.__name__}.from_pretrained: got shape {matrix.shape} of {matrix.dtype}, "
                "expected (num_embeddings, embedding_dim) of floats"
            )
        made = cls(len(matrix), matrix.shape[1], padding_idx, dtype=matrix.dtype)
        made.weight.data = matrix
        return made.requires_grad_(not freeze)

    @classmethod
    def from_keras_weights(cls, weights: Sequence[Any]) -> Self:
        """An embedding with what ``get_weights()`` of Keras's Embedding gives: the matrix.

        Raises:
            ValueError: not one matrix.
        """
        if len(weights) != 1:
            raise ValueError(f"{cls.__name__}: got {len(weights)} arrays, expected one")
        return cls.from_pretrained(weights[0], freeze=False)

    def forward(self, indices: Any) -> Array:
        """The rows at ``indices``.

        Raises:
            TypeError: the indices are not integers.
            ValueError: an index is negative or too large.
        """
        indices = as_array(indices)
        check_indices(type(self).__name__, indices, self.weight.shape[0])
        rows = self.weight[indices]
        if self.padding_idx is None:
            return rows
        padding = (indices == self.padding_idx)[..., None]
        return where(padding, raw(self.weight)[self.padding_idx], rows)


class EmbeddingBag(Module):
    """The sum, the mean or the maximum of the rows of each bag of indices.

    Args:
        num_embeddings: number of rows.
        embedding_dim: width of a row.
        mode: ``"sum"``, ``"mean"`` or ``"max"``.
        padding_idx: an index that does not count.
        rng: seed or generator of the initial weights, normal with variance 1.
        dtype: of the parameters.

    Shapes:
        indices (bags, size), or all bags one after another (total,) with offsets (bags,): where
        each begins → (bags, embedding_dim); zeros for an empty bag.

    Example:
        >>> bag = nn.EmbeddingBag(10, 3, mode="sum")
        >>> bag.weight.data = np.arange(30.0).reshape(10, 3)
        >>> print(bag([1, 2, 4], offsets=[0, 2]).data)
        [[ 9. 11. 13.]
         [12. 13. 14.]]
    """

    keras_layout = layout("weight")

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        mode: str = "mean",
        padding_idx: int | None = None,
        *,
        rng: Seed = None,
        dtype: Any = np.float32,
    ) -> None:
        check_size(self, num_embeddings=num_embeddings, embedding_dim=embedding_dim)
        if mode not in ("sum", "mean", "max"):
            raise ValueError(f"EmbeddingBag: got mode={mode!r}, expected 'sum', 'mean' or 'max'")
        if padding_idx is not None:
            padding_idx = padding_row("EmbeddingBag", padding_idx, num_embeddings)
        matrix = np.random.default_rng(rng).normal(size=(num_embeddings, embedding_dim))
        self.weight = Parameter(matrix.astype(dtype))
        self.mode, self.padding_idx = mode, padding_idx

    def forward(
        self, indices: Any, offsets: Any = None, per_sample_weights: Array | None = None
    ) -> Array:
        """One row for each bag.

        Args:
            indices: see the class.
            offsets: see the class.
            per_sample_weights: shaped as the indices, the weight of each row in a sum.

        Raises:
            TypeError: the indices or offsets are not integers.
            ValueError: an index is out of range, or the offsets do not rise from 0; or there are
                weights of rows without ``mode="sum"``.
        """
        indices = as_array(indices)
        check_indices("EmbeddingBag", indices, self.weight.shape[0])
        if per_sample_weights is not None and (
            self.mode != "sum" or per_sample_weights.shape != indices.shape
        ):
            raise ValueError(
                f"EmbeddingBag: got per_sample_weights {per_sample_weights.shape} for indices "
                f"{indices.shape} and mode={self.mode!r}, expected as many and mode='sum'"
            )
        if (indices.ndim == 2) != (offsets is None) or indices.ndim not in (1, 2):
            raise ValueError(
                f"EmbeddingBag: got indices of shape {indices.shape}"
                f"{' and offsets' if offsets is not None else ''}, expected (bags, size), or "
                "(total,) with offsets"
            )
        places, counted = _bags(indices, offsets)
        flat = indices.ravel()
        chosen = flat[places] if flat.size else places
        if self.padding_idx is not None:
            counted &= chosen != self.padding_idx
        rows = self.weight[chosen]
        if per_sample_weights is not None:
            rows = rows * np.expand_dims(per_sample_weights.reshape((-1,))[places], -1)
        there = counted[..., None]
        if self.mode == "max":
            least = as_array(raw(self.weight).min(initial=0.0)).astype(rows.dtype)
            return where(there.any(axis=1), max(where(there, rows, least), axis=1), 0)
        total = sum(where(there, rows, 0), axis=1)
        if self.mode == "sum":
            return total
        count = np.maximum(counted.sum(axis=1), 1)[:, None]
        return total / (count.astype(rows.dtype) if rows.dtype.kind == "f" else count)


def _bags(indices: np.ndarray, offsets: Any) -> tuple[np.ndarray, np.ndarray]:
    """The positions of each bag's entries, (bags, longest), and which of them count."""
    if offsets is None:
        return np.arange(indices.size).reshape(indices.shape), np.ones(indices.shape, bool)
    offsets = np.asarray(raw(offsets))
    if offsets.dtype.kind not in "iu":
        raise TypeError(f"EmbeddingBag: got offsets of dtype {offsets.dtype}, expected integers")
    ends = np.append(offsets[1:], indices.size)
    if offsets.ndim != 1 or not offsets.size or offsets[0] != 0 or (ends < offsets).any():
        raise ValueError(
            f"EmbeddingBag: got offsets {offsets.tolist()}, expected numbers that rise from 0 to "
            f"at most {indices.size}"
        )
    places = offsets[:, None] + np.arange(int((ends - offsets).max(initial=0)))
    counted = places < ends[:, None]
    return np.where(counted, places, 0), counted


def check_indices(name: str, indices: np.ndarray, size: int) -> None:
    """Refuse what are not indices of an array with ``size`` rows."""
    if indices.dtype.kind not in "iu":
        raise TypeError(f"{name}: got indices of dtype {indices.dtype}, expected integers")

    def error(indices: np.ndarray) -> Exception:
        wrong = indices[(indices < 0) | (indices >= size)]
        return ValueError(
            f"{name}: got index {wrong.flat[0]}, expected 0 to {size - 1}: it has {size} rows"
        )

    every((indices >= 0) & (indices < size), error, indices)


def padding_row(name: str, padding_idx: int, size: int) -> int:
    """A row's index, counted from the end where it is negative."""
    row = padding_idx + size if -size <= padding_idx < 0 else padding_idx
    check_indices(name, np.asarray(row), size)
    return int(row)

"""Embedding: a vector for every index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from minigrad.nn.formats import layout
from minigrad.nn.module import Module, Seed, check_size
from minigrad.primitives import where
from minigrad.primitives.primitive import Array
from minigrad.tensor import Parameter, raw


class Embedding(Module):
    """Rows of a matrix by index: what one-hot vectors times the matrix give.

    Args:
        num_embeddings: number of rows.
        embedding_dim: width of a row.
        padding_idx: index of a row that starts as zeros and is never learned.
        trainable: whether the matrix is learned.
        rng: seed or generator of the initial weights, normal with variance 1.
        dtype: of the parameters.

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
        trainable: bool = True,
        rng: Seed = None,
        dtype: Any = np.float32,
    ) -> None:
        check_size(self, num_embeddings=num_embeddings, embedding_dim=embedding_dim)
        matrix = np.random.default_rng(rng).normal(size=(num_embeddings, embedding_dim))
        if padding_idx is not None:
            self._check(np.asarray(padding_idx), num_embeddings)
            matrix[padding_idx] = 0
        self.weight = Parameter(matrix.astype(dtype))
        self.weight.requires_grad = trainable
        self.padding_idx = padding_idx

    @classmethod
    def from_matrix(
        cls, matrix: Any, padding_idx: int | None = None, *, trainable: bool = True
    ) -> Self:
        """An embedding with a copy of these rows, (num_embeddings, embedding_dim).

        Raises:
            ValueError: it is no matrix.
        """
        matrix = np.array(matrix)
        if matrix.ndim != 2 or matrix.dtype.kind != "f":
            raise ValueError(
                f"Embedding.from_matrix: got shape {matrix.shape} of {matrix.dtype}, expected "
                "(num_embeddings, embedding_dim) of floats"
            )
        rows, width = matrix.shape
        made = cls(rows, width, padding_idx, trainable=trainable, dtype=matrix.dtype)
        made.weight.data = matrix
        return made

    @classmethod
    def from_keras_weights(cls, weights: Sequence[Any], *, trainable: bool = True) -> Self:
        """An embedding with what ``get_weights()`` of Keras's Embedding gives: the matrix.

        Raises:
            ValueError: not one matrix.
        """
        if len(weights) != 1:
            raise ValueError(f"{cls.__name__}: got {len(weights)} arrays, expected one")
        return cls.from_matrix(weights[0], trainable=trainable)

    def forward(self, indices: Any) -> Array:
        """The rows at ``indices``.

        Raises:
            TypeError: the indices are no integers.
            ValueError: an index is negative or too large.
        """
        indices = np.asarray(raw(indices))
        self._check(indices, self.weight.shape[0])
        rows = self.weight[indices]
        if self.padding_idx is None:
            return rows
        padding = (indices == self.padding_idx)[..., None]
        return where(padding, raw(self.weight)[self.padding_idx], rows)

    def _check(self, indices: np.ndarray, size: int) -> None:
        if indices.dtype.kind not in "iu":
            raise TypeError(f"Embedding: got indices of dtype {indices.dtype}, expected integers")
        wrong = indices[(indices < 0) | (indices >= size)]
        if wrong.size:
            raise ValueError(
                f"Embedding: got index {wrong.flat[0]}, expected 0 to {size - 1}, for it has "
                f"{size} rows"
            )

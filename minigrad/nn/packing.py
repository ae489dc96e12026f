"""Sequences of different lengths in one array without padding, as in ``torch.nn.utils.rnn``.

A recurrent layer takes padded sequences with ``lengths=`` or ``mask=`` as well, which is the
shorter way. As everywhere in minigrad the batch comes first unless ``batch_first=False``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigrad.primitives import pad, scatter, stack, where
from minigrad.primitives.primitive import Array
from minigrad.tensor import raw


@dataclass(frozen=True)
class PackedSequence:
    """All steps of all sequences, step after step, the longest sequence first in each.

    Attributes:
        data: (Σ lengths, …).
        batch_sizes: (time,), how many sequences have each step.
        sorted_indices: (batch,), the sequences in order of falling length.
        unsorted_indices: (batch,), where each sequence stands in that order.

    Example:
        >>> x = np.arange(6.0).reshape(2, 3)
        >>> packed = nn.pack_padded_sequence(x, [1, 3])
        >>> print(packed.data, packed.batch_sizes)
        [3. 0. 4. 5.] [2 1 1]
    """

    data: Array
    batch_sizes: np.ndarray
    sorted_indices: np.ndarray | None = None
    unsorted_indices: np.ndarray | None = None

    @property
    def lengths(self) -> np.ndarray:
        """(batch,), of the sequences in their own order."""
        by_size = (np.arange(self.batch_sizes[0]) < self.batch_sizes[:, None]).sum(axis=0)
        return by_size if self.unsorted_indices is None else by_size[self.unsorted_indices]

    @property
    def places(self) -> tuple[np.ndarray, np.ndarray]:
        """(sequence, step) of each row of the data."""
        step = np.repeat(np.arange(len(self.batch_sizes)), self.batch_sizes)
        rank = np.concatenate([np.arange(n) for n in self.batch_sizes])
        order = self.sorted_indices
        return (rank if order is None else order[rank]), step

    def padded(self) -> Array:
        """(batch, time, …), zeros behind the ends."""
        shape = (int(self.batch_sizes[0]), len(self.batch_sizes), *self.data.shape[1:])
        return scatter(self.data, index=self.places, shape=shape)

    def like(self, padded: Array) -> PackedSequence:
        """Other numbers (batch, time, …) of the same lengths, packed alike."""
        return PackedSequence(
            padded[self.places], self.batch_sizes, self.sorted_indices, self.unsorted_indices
        )


def pack_padded_sequence(
    input: Array, lengths: Any, batch_first: bool = True, enforce_sorted: bool = False
) -> PackedSequence:
    """Leave the padding out.

    Args:
        input: (batch, time, …); (time, batch, …) with ``batch_first=False``.
        lengths: (batch,), how many steps of each sequence count, at least 1.
        batch_first: see ``input``.
        enforce_sorted: whether lengths that do not fall are refused.

    Raises:
        ValueError: the lengths do not fit, or do not fall though they should.

    Example:
        >>> packed = nn.pack_padded_sequence(np.ones((2, 5, 3)), [5, 2])
        >>> packed.data.shape
        (7, 3)
    """
    x = input if hasattr(input, "__array_ufunc__") else np.asarray(input)
    if x.ndim < 2:
        raise ValueError(
            f"pack_padded_sequence: got an input of shape {x.shape}, expected (batch, time, …)"
        )
    x = x if batch_first else np.swapaxes(x, 0, 1)
    sizes = np.asarray(raw(lengths))
    batch, time = x.shape[:2]
    if sizes.shape != (batch,) or sizes.dtype.kind not in "iu" or not (
        (sizes >= 1) & (sizes <= time)
    ).all():  # fmt: skip
        raise ValueError(
            f"pack_padded_sequence: got lengths {sizes.tolist()} for an input of shape "
            f"{input.shape}, expected {batch} integers from 1 to {time}"
        )
    if enforce_sorted and (np.diff(sizes) > 0).any():
        raise ValueError(
            f"pack_padded_sequence: got lengths {sizes.tolist()}, expected them to fall; write "
            "enforce_sorted=False"
        )
    order = np.argsort(-sizes, kind="stable")
    batch_sizes = (np.arange(sizes.max())[:, None] < sizes).sum(axis=1)
    packed = PackedSequence(x, batch_sizes, order, np.argsort(order))
    return packed.like(x)


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = True,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Array, np.ndarray]:
    """The opposite of `pack_padded_sequence`.

    Args:
        sequence: packed.
        batch_first: whether the result is (batch, time, …).
        padding_value: what stands behind the ends.
        total_length: the number of steps; that of the longest sequence if not given.

    Returns:
        The padded sequences, and their lengths.

    Raises:
        ValueError: there are longer sequences.

    Example:
        >>> packed = nn.pack_padded_sequence(np.ones((2, 3)), [3, 1])
        >>> padded, lengths = nn.pad_packed_sequence(packed)
        >>> print(padded, lengths)
        [[1. 1. 1.]
         [1. 0. 0.]] [3 1]
    """
    x, lengths = sequence.padded(), sequence.lengths
    time = x.shape[1]
    if total_length is not None:
        if total_length < time:
            raise ValueError(
                f"pad_packed_sequence: got total_length={total_length}, expected at least {time}"
            )
        x = pad(x, [(0, 0), (0, total_length - time)] + [(0, 0)] * (x.ndim - 2))
    if padding_value:
        there = np.arange(x.shape[1]) < lengths[:, None]
        x = where(there.reshape(there.shape + (1,) * (x.ndim - 2)), x, padding_value)
    return (x if batch_first else np.swapaxes(x, 0, 1)), lengths


def pad_sequence(
    sequences: Sequence[Array], batch_first: bool = True, padding_value: float = 0.0
) -> Array:
    """Sequences (time, …) of different lengths, one beside the other, padded at their ends.

    Example:
        >>> print(nn.pad_sequence([np.ones(2), np.ones(3)]))
        [[1. 1. 0.]
         [1. 1. 1.]]
    """
    longest = max(len(x) for x in sequences)
    padded = [
        pad(x, [(0, longest - len(x))] + [(0, 0)] * (x.ndim - 1), constant_values=padding_value)
        for x in sequences
    ]
    return stack(padded, axis=0 if batch_first else 1)


def pack_sequence(sequences: Sequence[Array], enforce_sorted: bool = False) -> PackedSequence:
    """Sequences (time, …) of different lengths, packed.

    Example:
        >>> nn.pack_sequence([np.ones((2, 3)), np.ones((4, 3))]).data.shape
        (6, 3)
    """
    lengths = [len(x) for x in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)

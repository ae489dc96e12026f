"""NumPy functions without a derivative, and those that are refused, with the reason.

The results of the first kind are flags, positions, counts, shapes or text: plain arrays, by which
a loss does not change. Rounding (`floor`, `rint` …) is a primitive with the derivative 0 instead,
so that the backward pass can still go through it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.primitives.calls import Constant, Refused
from minigrad.primitives.primitive import implements


def _constant(*functions: Callable[..., Any], of_shape: bool = False) -> None:
    for function in functions:
        implements(function)(Constant(function, of_shape))


def _refused(reason: str, *functions: Callable[..., Any]) -> None:
    for function in functions:
        implements(function)(Refused(function, reason))


_constant(  # shapes and types: in any world
    np.shape, np.ndim, np.size, np.zeros_like, np.ones_like, np.iscomplexobj, np.isrealobj,
    of_shape=True,
)  # fmt: skip
_constant(  # flags
    np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal,
    np.isfinite, np.isnan, np.isinf, np.isposinf, np.isneginf, np.isnat, np.signbit,
    np.iscomplex, np.isreal, np.isclose, np.allclose, np.array_equal, np.array_equiv,
    np.any, np.all, np.logical_and, np.logical_or, np.logical_xor, np.logical_not,
    np.isin, np.shares_memory, np.may_share_memory, np.can_cast,
)  # fmt: skip
_constant(  # positions and counts
    np.argmax, np.argmin, np.nanargmax, np.nanargmin, np.argsort, np.argpartition, np.lexsort,
    np.argwhere, np.nonzero, np.flatnonzero, np.count_nonzero, np.searchsorted, np.digitize,
    np.diag_indices_from, np.tril_indices_from, np.triu_indices_from, np.ix_,
    np.ravel_multi_index, np.unravel_index, np.linalg.matrix_rank, np.einsum_path,
)  # fmt: skip
_constant(  # whole numbers
    np.gcd, np.lcm, np.invert, np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.bitwise_count,
    np.left_shift, np.right_shift, np.packbits, np.unpackbits,
)  # fmt: skip
_constant(  # others that change in jumps, or not with the values
    np.spacing, np.empty_like, np.full_like, np.result_type, np.min_scalar_type, np.common_type,
    np.array_repr, np.array_str, np.array2string,
)  # fmt: skip

_refused(
    "it writes into its first argument, which is recorded; make the new array with np.where, "
    "np.concatenate or np.stack",
    np.copyto, np.fill_diagonal, np.place, np.put, np.put_along_axis, np.putmask,
)  # fmt: skip
_refused(
    "it writes a file, which holds numbers and no gradients; give it x.numpy()",
    np.save, np.savetxt, np.savez, np.savez_compressed,
)  # fmt: skip
_refused(
    "it computes with dates, of which a Tensor holds none",
    np.busday_count, np.busday_offset, np.is_busday, np.datetime_as_string,
)  # fmt: skip

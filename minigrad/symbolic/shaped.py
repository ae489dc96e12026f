"""What arrays without entries share: NumPy's face and protocols, each call a primitive's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from minigrad import primitives as p
from minigrad.primitives import BY_NUMPY, Primitive


class NotationError(ValueError):
    """Code does something for which there is no notation here."""

    def __init__(self, what: str) -> None:
        super().__init__(f"no notation for {what}; verify and graph take it")


class ShapedArray(NDArrayOperatorsMixin):
    """An array whose shape is known, and something else in place of its entries.

    Subclasses say what a primitive makes of them, in ``__primitive__``.

    Attributes:
        shape: lengths of the axes.
        dtype: type of the entries.
    """

    __array_priority__ = 600.0
    shape: tuple[int, ...]
    dtype = np.dtype(float)

    ndim = property(lambda self: len(self.shape), doc="Number of axes.")
    size = property(lambda self: int(np.prod(self.shape)), doc="Number of entries.")
    T = property(lambda self: p.transpose(self), doc="The axes reversed.")

    def __primitive__(
        self, primitive: Primitive, operands: tuple[Any, ...], static: Mapping[str, Any]
    ) -> Any:
        raise NotImplementedError

    def compared(self, name: str, a: Any, b: Any) -> Any:
        """What NumPy's comparison of this name gives."""
        self.refuse_value()

    def refuse_value(self) -> NoReturn:
        """Refuse to be a number.

        Raises:
            TypeError: always; the message says what to write instead.
        """
        raise TypeError(
            "it branches on values, or makes an array a number, so its formula would hold for "
            "these values only: use where, maximum, relu or abs for a choice, and NumPy's "
            "functions for those of math"
        )

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if any(hasattr(x, "parents") for x in inputs):
            return NotImplemented  # a Tensor among them: it records
        if method == "__call__" and not kwargs:
            primitive = BY_NUMPY.get(ufunc)
            if isinstance(primitive, Primitive):
                return self.__primitive__(primitive, inputs, {})
            if ufunc in _COMPARISONS:
                return self.compared(ufunc.__name__, *inputs)
        raise NotationError(f"numpy.{ufunc.__name__}")

    def __array_function__(
        self, function: Any, types: Iterable[type], args: Any, kwargs: Mapping[str, Any]
    ) -> Any:
        if function in (np.zeros_like, np.ones_like):
            fill = 0.0 if function is np.zeros_like else 1.0
            return np.full(args[0].shape, fill)
        if function in (np.shape, np.ndim, np.size):
            return function(np.broadcast_to(0.0, args[0].shape), *args[1:], **kwargs)
        if function in (np.iscomplexobj, np.isrealobj):
            return function is np.isrealobj
        primitive = BY_NUMPY.get(function)
        if isinstance(primitive, Primitive):
            return self.__primitive__(primitive, *primitive.arguments(function, args, kwargs))
        if primitive is None:
            raise NotationError(f"numpy.{function.__name__}")
        return primitive(*args, **kwargs)

    def __bool__(self) -> bool:
        self.refuse_value()

    __float__ = __int__ = __index__ = __complex__ = __array__ = __bool__
    item = tolist = any = all = __bool__

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> Any:
        return p.getitem(self, index=index)

    def sum(self, axis: Any = None, *, keepdims: bool = False) -> Any:
        """Sum along ``axis``."""
        return p.sum(self, axis=axis, keepdims=keepdims)

    def reshape(self, *shape: Any) -> Any:
        """Another shape."""
        return p.reshape(self, shape=shape[0] if len(shape) == 1 else shape)

    def swapaxes(self, axis1: int, axis2: int) -> Any:
        """Two axes exchanged."""
        return p.swapaxes(self, axis1=axis1, axis2=axis2)

    def transpose(self, *axes: Any) -> Any:
        """Axes in another order."""
        order = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes
        return p.transpose(self, axes=order or None)

    def ravel(self) -> Any:
        """All entries along one axis."""
        return self.reshape((-1,))

    def astype(self, dtype: Any, **_: Any) -> ShapedArray:
        """Itself: there are no entries to round."""
        return self

    def copy(self) -> ShapedArray:
        """Itself: it is never changed in place."""
        return self


_COMPARISONS = frozenset({
    np.greater, np.less, np.greater_equal, np.less_equal, np.equal, np.not_equal,
})  # fmt: skip


def columns_taken(shape: tuple[int, ...], index: Any) -> tuple[int, int] | None:
    """The entries of the last axis that an index takes, all others being whole."""
    index = index if isinstance(index, tuple) else (index,)
    if Ellipsis in [i for i in index if not isinstance(i, np.ndarray)]:
        k = index.index(Ellipsis)
        index = (*index[:k], *[slice(None)] * (len(shape) - len(index) + 1), *index[k + 1 :])
    index += (slice(None),) * (len(shape) - len(index))
    if len(index) != len(shape) or not all(isinstance(i, slice) for i in index):
        return None
    *lead, last = (i.indices(n) for i, n in zip(index, shape, strict=True))
    if last[2] != 1 or any(i != (0, n, 1) for i, n in zip(lead, shape, strict=False)):
        return None
    return last[0], max(last[:2])

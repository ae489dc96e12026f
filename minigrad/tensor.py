"""Tensor: one node of the tape that behaves as a NumPy array, through NumPy's two protocols.

Example:
    >>> x = mg.Tensor([1.0, 2.0], requires_grad=True)
    >>> np.concatenate([x, 2 * x])
    Tensor([1. 2. 2. 4.], made by concatenate)
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from minigrad import primitives as p
from minigrad.primitives import BY_NUMPY, Primitive
from minigrad.primitives.primitive import Array
from minigrad.primitives.ufuncs import call_ufunc, no_answer
from minigrad.tape import Node, record, walk

_STORE = dis.opmap["STORE_SUBSCR"]  # a[i] = …


class Tensor(Node):
    """An array that remembers how it was made.

    Args:
        data: an array of any world (``ndarray``, ``SymbolicArray``, ``FieldArray``, …), which
            is shared and not copied, or anything that ``np.asarray`` takes.
        requires_grad: whether gradients with respect to it are wanted.
        name: what pictures and reports call it.

    Attributes:
        grad: the gradient that `backward` has accumulated, an array like ``data``; ``None``
            before. Only leaves get one.

    Raises:
        TypeError: ``requires_grad`` for integers or booleans; or no data.

    What is made of the Python number that ``float(x)`` or ``math.exp(x)`` gives has no gradient.

    Example:
        >>> x = mg.Tensor([1.0, 2.0], requires_grad=True)
        >>> loss = np.tanh(x * x).sum()  # NumPy's names record, and minigrad's
        >>> loss.backward()
        >>> print(x.grad.round(4))
        [0.8399 0.0054]
    """

    __array_priority__ = 1000.0

    grad: Array | None = None

    def __init__(self, data: Any, *, requires_grad: bool = False, name: str | None = None) -> None:
        if isinstance(data, Tensor):
            data = data.data
        if data is None:
            raise TypeError("Tensor: got None, expected an array or what numpy.asarray takes")
        if not hasattr(data, "__array_ufunc__"):
            data = np.asarray(data)
        if requires_grad and data.dtype.kind not in "fcO":
            raise TypeError(
                f"requires_grad=True for dtype {data.dtype}: only floating-point and complex "
                "arrays have gradients; write 1.0 for 1, or convert with .astype(float)"
            )
        super().__init__(data, requires_grad=requires_grad)
        if name is not None:
            self.name = name

    # What it is

    shape = property(lambda self: self.data.shape, doc="Lengths of the axes.")
    dtype = property(lambda self: self.data.dtype, doc="Type of the entries.")
    ndim = property(lambda self: self.data.ndim, doc="Number of axes.")
    size = property(lambda self: self.data.size, doc="Number of entries.")

    def __repr__(self) -> str:
        made = f", made by {self.primitive.name}" if self.primitive else ""
        wants = ", requires_grad=True" if self.requires_grad and not made else ""
        plain = isinstance(self.data, np.ndarray | np.generic)
        text = np.array2string(np.asarray(self.data), prefix="Tensor(") if plain else self.data
        return f"Tensor({text}{made}{wants})"

    def __len__(self) -> int:
        return len(self.data)

    def __iter__(self) -> Iterator[Tensor]:
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d Tensor")
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        return bool(self.data)

    def __float__(self) -> float:
        if self.requires_grad:  # a[0] = x asks for a float just as float(x) does
            caller = sys._getframe(1)
            if caller.f_code.co_code[caller.f_lasti] == _STORE:
                raise TypeError(
                    "assignment of a Tensor that requires a gradient into a plain array, which "
                    "would lose it: collect the parts in a list and join them with np.stack, or "
                    "assign .item() for the number alone"
                )
        return float(self.data)

    def item(self) -> float:
        """The one entry, as a Python number."""
        return self.data.item()

    def numpy(self) -> Array:
        """The data, without the record of how it was made."""
        return self.data

    def detach(self) -> Tensor:
        """The same data as a constant."""
        return Tensor(self.data)

    # Differentiation

    def backward(
        self,
        cotangent: Array | None = None,
        *,
        retain_graph: bool = False,
        create_graph: bool = False,
    ) -> None:
        """Add the gradient of this tensor to ``.grad`` of every leaf that requires one.

        Args:
            cotangent: ∂L/∂self, an array of this shape; 1 if this is a single number.
            retain_graph: keep the graph for another backward.
            create_graph: record the walk itself, for higher derivatives; ``.grad`` is then
                a `Tensor`.

        Raises:
            RuntimeError: nothing here requires a gradient; or it is not a single number and
                no cotangent is given; or an earlier backward has freed the graph.
            ValueError: the cotangent has another shape.
        """
        seed = own(self.seed(cotangent), as_tensor=create_graph)
        found = walk([(self, seed)], retain_graph=retain_graph or create_graph,
                     create_graph=create_graph)  # fmt: skip
        for leaf, g in found.items():
            assert isinstance(leaf, Tensor)
            g = own(g, as_tensor=create_graph)
            leaf.grad = g if leaf.grad is None else leaf.grad + g

    def register_hook(self, hook: Callable[[Array], Array | None]) -> None:
        """Call ``hook`` with this tensor's gradient in every backward that reaches it.

        What it returns, unless ``None``, takes the gradient's place.
        """
        self.hooks = (*self.hooks, hook)

    def retain_grad(self) -> None:
        """Let `backward` set ``.grad`` of this tensor too, though it is no leaf."""

        def keep(g: Array) -> None:
            mine = own(g, as_tensor=isinstance(g, Tensor))
            self.grad = mine if self.grad is None else self.grad + mine

        if self.primitive is not None:
            self.register_hook(keep)

    def seed(self, cotangent: Array | None = None) -> Array:
        """The cotangent to start a walk from here: checked, or 1 for a single number."""
        if not self.requires_grad:
            raise RuntimeError(
                "backward: nothing that this tensor was made of requires a gradient; "
                "make a leaf with requires_grad=True"
            )
        if cotangent is None:
            if self.size != 1:
                raise RuntimeError(
                    f"backward: got a tensor of shape {self.shape}, expected a single number; "
                    "sum it, or pass its cotangent"
                )
            return np.ones_like(self.data)
        if not hasattr(cotangent, "__array_ufunc__"):
            cotangent = np.asarray(cotangent, dtype=self.dtype)
        if cotangent.shape != self.shape:
            raise ValueError(
                f"backward: got a cotangent of shape {cotangent.shape}, "
                f"expected the tensor's {self.shape}"
            )
        return cotangent

    # NumPy's protocols

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "__call__" and not kwargs:
            rule = BY_NUMPY.get(ufunc)
            if isinstance(rule, Primitive):
                return record(Tensor, rule, inputs)
        return call_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(
        self, function: Any, types: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        rule = BY_NUMPY.get(function)
        if isinstance(rule, Primitive):
            operands, static = rule.arguments(function, args, kwargs)
            return record(Tensor, rule, operands, static)
        if rule is None:
            raise no_answer(function)
        return rule(*args, **kwargs)

    def __primitive__(
        self, primitive: Primitive, operands: tuple[Any, ...], static: Mapping[str, Any]
    ) -> Tensor:
        return record(Tensor, primitive, operands, static)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if self.requires_grad:
            raise TypeError(
                "a Tensor that requires a gradient cannot become a plain array without losing "
                "it: use .numpy() for its values, or np.stack to join Tensors"
            )
        return np.array(self.data, dtype=dtype) if copy else np.asarray(self.data, dtype=dtype)

    # Operators

    def __add__(self, other: Any) -> Tensor:
        return record(Tensor, p.add, (self, other))

    def __radd__(self, other: Any) -> Tensor:
        return record(Tensor, p.add, (other, self))

    def __sub__(self, other: Any) -> Tensor:
        return record(Tensor, p.subtract, (self, other))

    def __rsub__(self, other: Any) -> Tensor:
        return record(Tensor, p.subtract, (other, self))

    def __mul__(self, other: Any) -> Tensor:
        return record(Tensor, p.multiply, (self, other))

    def __rmul__(self, other: Any) -> Tensor:
        return record(Tensor, p.multiply, (other, self))

    def __truediv__(self, other: Any) -> Tensor:
        return record(Tensor, p.divide, (self, other))

    def __rtruediv__(self, other: Any) -> Tensor:
        return record(Tensor, p.divide, (other, self))

    def __pow__(self, other: Any) -> Tensor:
        return record(Tensor, p.power, (self, other))

    def __rpow__(self, other: Any) -> Tensor:
        return record(Tensor, p.power, (other, self))

    def __matmul__(self, other: Any) -> Tensor:
        return record(Tensor, p.matmul, (self, other))

    def __rmatmul__(self, other: Any) -> Tensor:
        return record(Tensor, p.matmul, (other, self))

    def __abs__(self) -> Tensor:
        return record(Tensor, p.absolute, (self,))

    def __neg__(self) -> Tensor:
        return record(Tensor, p.negative, (self,))

    def __pos__(self) -> Tensor:
        return self

    def __eq__(self, other: Any) -> Any:
        return self.data == raw(other)

    def __ne__(self, other: Any) -> Any:
        return self.data != raw(other)

    def __lt__(self, other: Any) -> Any:
        return self.data < raw(other)

    def __le__(self, other: Any) -> Any:
        return self.data <= raw(other)

    def __gt__(self, other: Any) -> Any:
        return self.data > raw(other)

    def __ge__(self, other: Any) -> Any:
        return self.data >= raw(other)

    __hash__ = object.__hash__

    def __getitem__(self, index: Any) -> Tensor:
        return record(Tensor, p.getitem, (self,), {"index": index})

    def __setitem__(self, index: Any, value: Any) -> None:
        raise TypeError(
            "assignment into a Tensor: an array that is recorded cannot change; build the new "
            "one with np.concatenate, np.stack or np.where, or change .data of a leaf"
        )

    # NumPy's methods

    @property
    def T(self) -> Tensor:  # noqa: N802 (NumPy's name)
        """The array with its axes reversed."""
        return record(Tensor, p.transpose, (self,))

    def sum(self, axis: Any = None, *, keepdims: bool = False) -> Tensor:
        """Sum along ``axis``, as ``np.sum``."""
        return record(Tensor, p.sum, (self,), {"axis": axis, "keepdims": keepdims})

    def mean(self, axis: Any = None, *, keepdims: bool = False) -> Tensor:
        """Mean along ``axis``, as ``np.mean``."""
        return p.mean(self, axis, keepdims=keepdims)

    def var(self, axis: Any = None, *, ddof: int = 0, keepdims: bool = False) -> Tensor:
        """Variance along ``axis``, as ``np.var``."""
        return p.var(self, axis, ddof=ddof, keepdims=keepdims)

    def std(self, axis: Any = None, *, ddof: int = 0, keepdims: bool = False) -> Tensor:
        """Standard deviation along ``axis``, as ``np.std``."""
        return p.std(self, axis, ddof=ddof, keepdims=keepdims)

    def prod(self, axis: Any = None, *, keepdims: bool = False) -> Tensor:
        """Product along ``axis``, as ``np.prod``."""
        return p.prod(self, axis, keepdims=keepdims)

    def max(self, axis: Any = None, *, keepdims: bool = False) -> Tensor:
        """Largest entry along ``axis``, as ``np.max``."""
        return record(Tensor, p.max, (self,), {"axis": axis, "keepdims": keepdims})

    def min(self, axis: Any = None, *, keepdims: bool = False) -> Tensor:
        """Smallest entry along ``axis``, as ``np.min``."""
        return record(Tensor, p.min, (self,), {"axis": axis, "keepdims": keepdims})

    def cumsum(self, axis: int | None = None) -> Tensor:
        """Sums of the first entries along ``axis``, as ``np.cumsum``."""
        x = self if axis is not None else p.ravel(self)
        return record(Tensor, p.cumsum, (x,), {"axis": axis or 0})

    def cumprod(self, axis: int | None = None) -> Tensor:
        """Products of the first entries along ``axis``, as ``np.cumprod``."""
        return p.cumprod(self, axis)

    def clip(self, a_min: Any = None, a_max: Any = None) -> Tensor:
        """Limited to a range, as ``np.clip``."""
        return p.clip(self, a_min, a_max)

    def dot(self, other: Any) -> Tensor:
        """Product of matrices, as ``np.dot``."""
        return p.dot(self, other)

    def ravel(self) -> Tensor:
        """All entries along one axis."""
        return p.ravel(self)

    def flatten(self) -> Tensor:
        """All entries along one axis."""
        return p.ravel(self)

    def squeeze(self, axis: Any = None) -> Tensor:
        """Without axes of length 1, as ``np.squeeze``."""
        return p.squeeze(self, axis)

    def repeat(self, repeats: Any, axis: int | None = None) -> Tensor:
        """Each entry several times, as ``np.repeat``."""
        return p.repeat(self, repeats, axis)

    def take(self, indices: Any, axis: int | None = None) -> Tensor:
        """Entries by index, as ``np.take``."""
        return p.take(self, indices, axis)

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
        """Entries with equal index along two axes, as ``np.diagonal``."""
        return p.diagonal(self, offset, axis1, axis2)

    def trace(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
        """Sum of a diagonal, as ``np.trace``."""
        return p.trace(self, offset, axis1, axis2)

    def reshape(self, *shape: Any) -> Tensor:
        """The same entries in another shape, as ``ndarray.reshape``."""
        shape = shape[0] if len(shape) == 1 else shape
        return record(Tensor, p.reshape, (self,), {"shape": shape})

    def transpose(self, *axes: Any) -> Tensor:
        """Axes in another order, as ``ndarray.transpose``."""
        order = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes
        return record(Tensor, p.transpose, (self,), {"axes": order or None})

    def swapaxes(self, axis1: int, axis2: int) -> Tensor:
        """Two axes exchanged, as ``ndarray.swapaxes``."""
        return record(Tensor, p.swapaxes, (self,), {"axis1": axis1, "axis2": axis2})

    def round(self, decimals: int = 0) -> Array:
        """The rounded values, as ``ndarray.round``: constants, whose derivative is 0."""
        return np.round(self.data, decimals)

    def astype(self, dtype: Any) -> Tensor:
        """The same values as another floating-point type."""
        return record(Tensor, p.astype, (self,), {"dtype": np.dtype(dtype)})


class Parameter(Tensor):
    """A tensor that is learned: a leaf that requires a gradient.

    Example:
        >>> weight = mg.Parameter([1.0, 2.0], name="weight")
        >>> weight.requires_grad
        True
    """

    def __init__(self, data: Any, *, name: str | None = None) -> None:
        super().__init__(data, requires_grad=True, name=name)


def raw(x: Any) -> Any:
    """The array in a Tensor; anything else as it is."""
    return x.data if isinstance(x, Tensor) else x


def own(g: Array, *, as_tensor: bool = False) -> Array:
    """A gradient as callers get it: it shares memory with nobody."""
    if as_tensor:
        return g if isinstance(g, Tensor) else Tensor(g)
    g = raw(g)
    return g.copy() if isinstance(g, np.ndarray) else g

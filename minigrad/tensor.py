"""Tensor: one node of the tape that behaves as a NumPy array, through NumPy's two protocols.

Example:
    >>> x = mg.Tensor([1.0, 2.0], requires_grad=True)
    >>> np.concatenate([x, 2 * x])
    Tensor([1. 2. 2. 4.], made by concatenate)
"""

from __future__ import annotations

import html
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from minigrad import primitives as p
from minigrad.boundary import as_array
from minigrad.hooks import bundle
from minigrad.methods import ArrayMethods
from minigrad.primitives import BY_NUMPY, Primitive
from minigrad.primitives.primitive import Array
from minigrad.primitives.ufuncs import call_ufunc, no_answer
from minigrad.scope import current
from minigrad.tape import Node, record, walk


class Tensor(ArrayMethods, Node):
    """An array that remembers how it was made.

    Args:
        data: an array of any world (``ndarray``, ``SymbolicArray``, ``FieldArray``, …), which
            is shared and not copied, or what holds numbers: a list, a table, an array of another
            library (see `minigrad.boundary`).
        requires_grad: whether gradients with respect to it are wanted.
        name: what pictures and reports call it.

    Attributes:
        grad: the gradient that `backward` has accumulated, an array like ``data``; ``None``
            before. Only leaves get one.

    Raises:
        TypeError: ``requires_grad`` for integers or booleans; no data, or no numbers; a list of
            Tensors, which `minigrad.array` joins.

    Constants, whose derivative is 0: comparisons, `argmax` and other positions, flags, rounding,
    ``astype(int)``; and what leaves the tape on purpose: `item`, `tolist`, `numpy`, ``int(x)``,
    ``f"{x:.3f}"``. ``float(x)`` is refused where a derivative is being taken, and in a module's
    forward pass; elsewhere it warns, for what is computed from the number has no gradient.

    Complex numbers follow JAX's convention: the gradient of a real L at z = x + iy is
    ∂L/∂x − i ∂L/∂y, so that a rule is the plain derivative, as in any table. Steepest descent goes
    along its conjugate, which is PyTorch's gradient. The gradient of a real array is real.

    Example:
        >>> x = mg.Tensor([1.0, 2.0], requires_grad=True)
        >>> loss = np.tanh(x * x).sum()  # NumPy's names record, and minigrad's
        >>> loss.backward()
        >>> print(x.grad.round(4), f"{loss:.3f}")
        [0.8399 0.0054] 1.761
    """

    __array_priority__ = 1000.0
    __pandas_priority__ = 10_000  # so that table + Tensor comes here

    grad: Array | None = None

    def __init__(self, data: Any, *, requires_grad: bool = False, name: str | None = None) -> None:
        if isinstance(data, Tensor):
            data = data.data
        elif type(data) is not np.ndarray or data.dtype.kind not in "biufc":
            data = as_array(data, "Tensor")
            if isinstance(data, Tensor):
                raise TypeError(
                    "Tensor: got a list of Tensors, which would lose how they were made; join them "
                    "with minigrad.array or np.stack"
                )
            if not hasattr(data, "dtype"):
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

    @property
    def dtype(self) -> Any:
        """Type of the entries; for NumPy's own code, a number on the tape is an object.

        The last step of ``np.mean([x, y])`` converts the result to its dtype, which would take it
        off the tape.
        """
        data = self.data
        if data.shape or not self.requires_grad or not _inside_numpy(2):
            return data.dtype
        return np.dtype(object)

    def __repr__(self) -> str:
        made = f", made by {self.primitive.name}" if self.primitive else ""
        wants = ", requires_grad=True" if self.requires_grad and not made else ""
        return f"Tensor({self._text()}{made}{wants})"

    def _repr_html_(self) -> str:
        made = f", made by {self.primitive.name}" if self.primitive else ""
        with np.printoptions(threshold=20, edgeitems=2, precision=4):
            text = html.escape(self._text())
        return f"<pre>Tensor {self.shape} {self.dtype}{html.escape(made)}\n{text}</pre>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """What a notebook shows: the entries, and how they came about, if that is a small graph."""
        return bundle(self, self._repr_html_())

    def _text(self) -> str:
        if isinstance(self.data, np.ndarray | np.generic):
            return np.array2string(np.asarray(self.data), prefix="Tensor(")
        return str(self.data)

    def __iter__(self) -> Iterator[Tensor]:
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d Tensor")
        return (self[i] for i in range(len(self)))

    def __float__(self) -> float:
        self._leaves_the_tape("float(x)")
        return float(self.data)

    def __complex__(self) -> complex:
        self._leaves_the_tape("complex(x)")
        return complex(self.data)

    def _leaves_the_tape(self, how: str) -> None:
        """Refuse, or warn, where a number taken from this Tensor would lose the gradient.

        NumPy calls ``float`` for ``a[0] = x``, as ``math.exp(x)`` does, and neither can be told
        apart from a ``float(loss)`` that is only printed. Functions inside NumPy are recognised by
        their module.
        """
        state = current()
        if not (self.requires_grad and state.recording and isinstance(self.data, _NUMPY)):
            return
        message = (
            f"{how} of a Tensor that requires a gradient: what is computed from the number has "
            f"none. Write x.item() for the value alone, np.exp(x) in place of math.exp(x); {_FILL}"
        )
        if state.differentiating or state.scope is not None or _inside_numpy(3):
            raise TypeError(message)
        warnings.warn(message, UserWarning, stacklevel=3)

    def numpy(self) -> Array:
        """The data, without the record of how it was made."""
        return self.data

    def detach(self) -> Tensor:
        """The same data as a constant."""
        return Tensor(self.data)

    def copy(self, order: str = "C") -> Tensor:
        """A copy that is still on the tape, and that can be assigned to."""
        return MAKERS[np.copy](self, order)

    def __getstate__(self) -> dict[str, Any]:
        if self.primitive is not None:
            raise TypeError(
                f"a Tensor made by {self.primitive.name} cannot be pickled or deep-copied together "
                "with all that it was made of; take x.detach(), or x.copy() to stay on the tape"
            )
        kept = ("data", "requires_grad", "name", "grad")
        return {name: getattr(self, name) for name in kept}

    def __setstate__(self, state: dict[str, Any]) -> None:
        Node.__init__(self, state["data"], requires_grad=state["requires_grad"])
        self.name, self.grad = state["name"], state["grad"]

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
        found = walk([(self, seed)], retain_graph=retain_graph, create_graph=create_graph)
        for leaf, g in found.items():
            assert isinstance(leaf, Tensor)
            leaf._receive(g, create_graph)

    def _receive(self, g: Array, as_tensor: bool) -> None:
        g = own(g, as_tensor=as_tensor)
        self.grad = g if self.grad is None else self.grad + g

    def register_hook(self, hook: Callable[[Array], Array | None]) -> None:
        """Call ``hook`` with this tensor's gradient in every backward that reaches it.

        If it returns an array, that array replaces the gradient.
        """
        self.hooks = (*self.hooks, hook)

    def retain_grad(self) -> None:
        """Let `backward` set ``.grad`` of this tensor too, though it is no leaf."""
        if self.primitive is not None:
            self.register_hook(lambda g: self._receive(g, isinstance(g, Tensor)))

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
            if self.dtype.kind == "c":
                raise RuntimeError(
                    "backward: got a complex number, expected a real one: take np.real, np.imag or "
                    "np.abs of it, or pass its cotangent"
                )
            return np.ones_like(self.data)
        return fitting(self, cotangent, "backward")

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
        rule = MAKERS.get(function) or BY_NUMPY.get(function)
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
        """A plain array; of a Tensor that requires a gradient, its entries as objects.

        So ``np.asarray(x)`` in a library's code loses no gradient: each entry stays on the tape,
        and NumPy computes with them one by one. That is slow, so it is refused for many. Integers
        and booleans are constants, as by `astype`.
        """
        whole = dtype is not None and np.dtype(dtype).kind in "biu"
        if whole or not (self.requires_grad and current().recording):
            array = np.asarray(self.data, dtype=dtype)
            return array.copy() if copy else array
        if _is_for_strides():
            raise TypeError(
                "numpy.lib.stride_tricks.as_strided of a Tensor, whose memory it would read by "
                "itself: use sliding_window_view, np.broadcast_to or an index; or x.numpy()"
            )
        if dtype is not None and np.dtype(dtype) != object:
            raise TypeError(
                f"a Tensor that requires a gradient cannot become an array of {np.dtype(dtype)} "
                f"without losing it. Use .numpy() for its values alone; {_FILL}"
            )
        if self.size > _MOST_ENTRIES:
            raise TypeError(
                f"a Tensor of shape {self.shape} that requires a gradient cannot become a plain "
                f"array: its entries would be computed with one by one, and there are more than "
                f"{_MOST_ENTRIES}. Use .numpy() for its values, np.stack or minigrad.array to join "
                "Tensors"
            )
        entries = np.empty(self.shape, object)
        for index in np.ndindex(self.shape):
            entries[index] = self[index]
        return entries

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

    # What is recorded does not change: x += 1 gives the name x to another Tensor. A leaf whose
    # gradient is wanted does change outside of recording, as loops write that train by hand.

    def __iadd__(self, other: Any) -> Tensor:
        return self._moved("+=", self + other)

    def __isub__(self, other: Any) -> Tensor:
        return self._moved("-=", self - other)

    def __imul__(self, other: Any) -> Tensor:
        return self._moved("*=", self * other)

    def __itruediv__(self, other: Any) -> Tensor:
        return self._moved("/=", self / other)

    def __ipow__(self, other: Any) -> Tensor:
        return self._moved("**=", self**other)

    def _moved(self, sign: str, to: Tensor) -> Tensor:
        """This leaf with new numbers; or the other Tensor, where this one cannot change."""
        if not self.requires_grad or self.primitive is not None:
            return to
        if current().recording:
            if isinstance(self, Parameter):
                raise RuntimeError(
                    f"p {sign} x for a Parameter, where it is recorded: to move it, write it under "
                    "minigrad.no_grad(), or with p.data; else give the result another name"
                )
            return to
        if to.shape != self.shape:
            raise ValueError(f"x {sign} y: got a result of shape {to.shape} for {self.shape}")
        self.data = to.data.astype(self.dtype, copy=False)
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
            "assignment into a Tensor: what is recorded cannot change. Assign into a copy, "
            "y = x.copy(), or into an array made by minigrad.zeros or np.zeros_like; or build the "
            "new one with np.concatenate, np.stack or np.where"
        )

    # Methods that are called often; `ArrayMethods` has the others

    @property
    def T(self) -> Tensor:  # noqa: N802 (NumPy's name)
        """The array with its axes reversed."""
        return record(Tensor, p.transpose, (self,))

    def sum(self, axis: Any = None, *args: Any, keepdims: bool = False, **kwargs: Any) -> Tensor:
        """Sum along ``axis``, as ``np.sum``."""
        if args or kwargs:
            return np.sum(self, axis, *args, keepdims=keepdims, **kwargs)
        return record(Tensor, p.sum, (self,), {"axis": axis, "keepdims": keepdims})

    def mean(self, axis: Any = None, *args: Any, keepdims: bool = False, **kwargs: Any) -> Tensor:
        """Mean along ``axis``, as ``np.mean``."""
        if args or kwargs:
            return np.mean(self, axis, *args, keepdims=keepdims, **kwargs)
        return p.mean(self, axis, keepdims=keepdims)

    def max(self, axis: Any = None, *args: Any, keepdims: bool = False, **kwargs: Any) -> Tensor:
        """Largest entry along ``axis``, as ``np.max``."""
        if args or kwargs:
            return np.max(self, axis, *args, keepdims=keepdims, **kwargs)
        return record(Tensor, p.max, (self,), {"axis": axis, "keepdims": keepdims})

    def min(self, axis: Any = None, *args: Any, keepdims: bool = False, **kwargs: Any) -> Tensor:
        """Smallest entry along ``axis``, as ``np.min``."""
        if args or kwargs:
            return np.min(self, axis, *args, keepdims=keepdims, **kwargs)
        return record(Tensor, p.min, (self,), {"axis": axis, "keepdims": keepdims})

    def reshape(self, *shape: Any, order: str = "C") -> Tensor:
        """The same entries in another shape, as ``ndarray.reshape``."""
        shape = shape[0] if len(shape) == 1 else shape
        if order != "C":
            return np.reshape(self, shape, order=order)  # type: ignore[call-overload]
        return record(Tensor, p.reshape, (self,), {"shape": shape})

    def transpose(self, *axes: Any) -> Tensor:
        """Axes in another order, as ``ndarray.transpose``."""
        order = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes
        return record(Tensor, p.transpose, (self,), {"axes": order or None})

    def swapaxes(self, axis1: int, axis2: int) -> Tensor:
        """Two axes exchanged, as ``ndarray.swapaxes``."""
        return record(Tensor, p.swapaxes, (self,), {"axis1": axis1, "axis2": axis2})

    def astype(self, dtype: Any, **_: Any) -> Tensor:
        """The same values as another type; as integers or booleans they are constants."""
        kind = np.dtype(dtype)
        if kind.kind not in "fc" and isinstance(self.data, _NUMPY):
            return Tensor(self.data.astype(kind))
        return record(Tensor, p.astype, (self,), {"dtype": kind})


class Parameter(Tensor):
    """A tensor that is learned: a leaf that requires a gradient.

    Args:
        data: as for a `Tensor`.
        requires_grad: whether it is learned now; see `minigrad.nn.Module.freeze`.
        name: what pictures and reports call it.

    Example:
        >>> weight = mg.Parameter([1.0, 2.0], name="weight")
        >>> weight.requires_grad
        True
    """

    def __init__(self, data: Any, requires_grad: bool = True, *, name: str | None = None) -> None:
        super().__init__(data, requires_grad=requires_grad, name=name)


MAKERS: dict[Callable[..., Any], Callable[..., Any]] = {}
"""What answers to NumPy's functions that make an array to be filled: `minigrad.makers` says."""
_NUMPY = np.ndarray | np.generic
_FILL = (
    "to fill an array, make it with minigrad.zeros or np.zeros_like(x), or join its parts with "
    "np.stack"
)
_MOST_ENTRIES = 4096  # of a Tensor that becomes an array of objects


def raw(x: Any) -> Any:
    """The array in a Tensor; anything else as it is."""
    return x.data if isinstance(x, Tensor) else x


def fitting(x: Any, u: Any, where: str) -> Array:
    """A cotangent or tangent of ``x`` as an array.

    Raises:
        ValueError: it has another shape than ``x``.
    """
    u, like = as_array(u, where), raw(x)
    if not hasattr(u, "shape"):
        u = np.asarray(u, dtype=getattr(like, "dtype", None))
    if u.shape != np.shape(like):
        raise ValueError(
            f"{where}: got an array of shape {u.shape}, expected the tensor's {np.shape(like)}"
        )
    return u


def _inside_numpy(depth: int) -> bool:
    """Whether the function that is so many calls up is one of NumPy's own."""
    return sys._getframe(depth).f_globals.get("__name__", "").startswith("numpy.")


def _is_for_strides() -> bool:
    """Whether ``as_strided`` has called for an array, of objects whose size it does not know."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_name == "__array__":
        frame = frame.f_back
    return frame.f_code.co_name == "as_strided"


def own(g: Array, *, as_tensor: bool = False) -> Array:
    """A gradient as callers get it: it shares memory with nobody."""
    if as_tensor:
        return g if isinstance(g, Tensor) else Tensor(g)
    g = raw(g)
    return g.copy() if isinstance(g, np.ndarray) else g

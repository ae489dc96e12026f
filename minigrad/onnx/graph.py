"""The nodes and stored arrays of an ONNX graph, and the names of its tensors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from minigrad.extras import require
from minigrad.onnx.sizes import Size


class Store:
    """Names and stored arrays, which a graph shares with the graphs in its nodes."""

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray] = {}
        self._taken: set[str] = set()
        self._known: dict[Any, str] = {}

    def fresh(self, hint: str) -> str:
        """A name that nothing has yet."""
        name, k = hint, 0
        while name in self._taken:
            k += 1
            name = f"{hint}_{k}"
        self._taken.add(name)
        return name

    def array(self, array: np.ndarray, hint: str = "constant") -> str:
        """The name of a stored array; equal arrays are stored once."""
        array = np.ascontiguousarray(array).reshape(np.shape(array))
        key = array.shape, array.dtype, array.tobytes()
        if key not in self._known:
            name = self.fresh(hint)
            self.arrays[name], self._known[key] = array, name
        return self._known[key]


class Graph:
    """Nodes in order.

    Args:
        store: of names and arrays.
        lengths: what each open length is read from: an input's name and an axis.
    """

    def __init__(self, store: Store, lengths: Mapping[str, tuple[str, int]]) -> None:
        self.onnx = require("onnx", extra="onnx")
        self.store, self.lengths = store, lengths
        self.nodes: list[Any] = []
        self.ranks: dict[str, int] = {}
        self._sizes: dict[Any, str] = {}
        self.scope = ""

    def op(
        self, kind: str, inputs: Sequence[str], outputs: int | Sequence[str] = 1, **attributes: Any
    ) -> Any:
        """Add a node.

        Args:
            kind: ONNX's name of the operator.
            inputs: names of tensors, "" for one that is left out.
            outputs: how many, or their names.
            attributes: of the operator; those that are ``None`` are left out.

        Returns:
            The name of the output, or several.
        """
        if isinstance(outputs, int):
            outputs = [self.store.fresh(f"{self.scope}{kind.lower()}") for _ in range(outputs)]
        given = {k: v for k, v in attributes.items() if v is not None}
        name = self.store.fresh(f"{self.scope}{kind}")
        node = self.onnx.helper.make_node(kind, list(inputs), list(outputs), name=name, **given)
        self.nodes.append(node)
        return outputs[0] if len(outputs) == 1 else tuple(outputs)

    def constant(self, value: Any, dtype: Any = None) -> str:
        """A stored array or number."""
        return self.store.array(np.asarray(value, dtype))

    def ints(self, numbers: Iterable[int | Size]) -> str:
        """A tensor (n,) of whole numbers, some of which depend on lengths."""
        numbers = tuple(numbers)
        if not any(isinstance(n, Size) for n in numbers):
            return self.store.array(np.array(numbers, np.int64), "ints")
        if numbers not in self._sizes:
            parts = [self._size(n) for n in numbers]
            self._sizes[numbers] = parts[0] if len(parts) == 1 else self.op("Concat", parts, axis=0)
        return self._sizes[numbers]

    def scalar(self, size: Size, dtype: Any) -> str:
        """A number that depends on lengths, without axes."""
        whole = self.op("Squeeze", [self._size(size), self.ints([0])])
        return self.cast(whole, np.dtype(np.int64), np.dtype(dtype))

    def cast(self, name: str, found: np.dtype, wanted: np.dtype) -> str:
        """A tensor as another type."""
        if found == wanted:
            return name
        return self.op("Cast", [name], to=self.type_of(wanted))

    def type_of(self, dtype: np.dtype | None) -> int:
        """ONNX's number of a type."""
        return int(self.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def _size(self, size: int | Size) -> str:
        """(1,), a number."""
        if not isinstance(size, Size):
            return self.ints([size])
        if size not in self._sizes:
            parts = []
            for factor, names in size.terms:
                part = self._length(names[0])
                for name in names[1:]:
                    part = self.op("Mul", [part, self._length(name)])
                parts.append(part if factor == 1 else self.op("Mul", [part, self.ints([factor])]))
            total = parts[0]
            for part in (*parts[1:], *([self.ints([size.constant])] if size.constant else ())):
                total = self.op("Add", [total, part])
            self._sizes[size] = total
        return self._sizes[size]

    def _length(self, name: str) -> str:
        if name not in self._sizes:
            of, axis = self.lengths[name]
            self._sizes[name] = self.op("Shape", [of], start=axis, end=axis + 1)
        return self._sizes[name]

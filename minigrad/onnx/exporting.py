"""A model to an ONNX file."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from minigrad import __version__
from minigrad.compile.closure import closure_of
from minigrad.compile.program import Program
from minigrad.compile.trace import TraceError
from minigrad.compile.tracing import Output, Source
from minigrad.extras import require
from minigrad.nn.module import Module
from minigrad.nn.recurrent import Recurrent
from minigrad.onnx import operators, recurrent, shapes, windows
from minigrad.onnx.graph import Graph, Store
from minigrad.onnx.sizes import Runs, Size
from minigrad.onnx.tidying import reads, tidy
from minigrad.onnx.tracing import Written, at_rest, written
from minigrad.onnx.writer import ExportError, Rule, Writer
from minigrad.tensor import Parameter, Tensor, raw
from minigrad.tree import tree_leaves

_OPSET, _IR = 18, 9
_RULES: Mapping[str, Rule] = {
    **operators.RULES, **shapes.RULES, **windows.RULES, **recurrent.RULES,
}  # fmt: skip
Axes = Mapping[str, Mapping[int, str] | Sequence[int]]


def export(
    model: Callable[..., Any],
    args: Any,
    path: str | Path | None = None,
    *,
    kwargs: Mapping[str, Any] | None = None,
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    dynamic_axes: Axes | None = None,
    longest: int = 1024,
) -> Any:
    """Write a model as an ONNX file, as ``torch.onnx.export`` does; needs the extra ``onnx``.

    The model runs on the example in the mode of use (`Module.eval`), and what it computes is
    written down with ONNX's operators of opset 18: convolutions, pooling, LSTM, GRU and RNN by
    name, any other cell as a loop over its equations.

    Args:
        model: a module, or a function of arrays.
        args: an example of its arguments: an array, or a tuple of them. Floats are taken in the
            type of the model's parameters.
        path: of the file; none is written without it.
        kwargs: further arguments by name.
        input_names: of the tensors that go in, in the order of the arrays; the arguments' names
            if not given.
        output_names: of those that come out, in order; ``y``, or ``y_0`` and so on, if not given.
        dynamic_axes: lengths that may change: {input: {axis: name of the length}}, or {input:
            [axes]}. Axes of the same name have the same length. All others are those of the
            example.
        longest: how long they may become, for a model that adds positions or masks.

    Returns:
        The ``onnx.ModelProto``.

    Raises:
        ExportError: the model does what ONNX has no operator for, or another thing for other
            lengths; the message names the line.
        TraceError: it branches on values, prints, or changes something.
        ValueError: names or axes that do not fit.

    Example:
        >>> from minigrad import onnx
        >>> model = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 2))
        >>> file = onnx.export(model, np.ones((5, 3)), dynamic_axes={"x": {0: "batch"}})
        >>> [node.op_type for node in file.graph.node]
        ['Gemm', 'Relu', 'Gemm']
    """
    onnx = require("onnx", extra="onnx")
    made = _Export(model, args, kwargs or {}, dynamic_axes or {}, input_names, longest)
    proto = made.proto(onnx, output_names)
    onnx.checker.check_model(proto)
    if path is not None:
        onnx.save(proto, str(path))
    return proto


class _Export:
    def __init__(
        self,
        model: Callable[..., Any],
        args: Any,
        kwargs: Mapping[str, Any],
        dynamic_axes: Axes,
        input_names: Sequence[str] | None,
        longest: int,
    ) -> None:
        self.model, self.kwargs, self.longest = model, dict(kwargs), longest
        self.args = args if isinstance(args, tuple) else (args,)
        self.title = getattr(model, "__name__", type(model).__name__)
        self.closure = closure_of(model)
        self.paths = self._paths()
        self.inputs = _names(model, self.args, self.kwargs, input_names)
        self.examples = [self._typed(x) for x in _arrays((self.args, self.kwargs))]
        self.open = self._axes(dynamic_axes)
        self.runs = Runs(self._lengths(), longest)
        self.longer: dict[tuple[str, ...], Program] = {}

    # What it is given

    def _paths(self) -> dict[int, str]:
        """The names of parameters and buffers, by their identity."""
        found = {id(p): name for p, name in self.closure.tensors.items()}
        if isinstance(self.model, Module):
            found |= {id(p): name for name, p in self.model.named_parameters()}
            found |= {id(b): name for name, b in self.model.named_buffers()}
        return found

    def _typed(self, x: Any) -> np.ndarray:
        """An example, floats as the parameters are."""
        array = np.asarray(raw(x))
        kinds = {p.dtype for p in self.closure.tensors if p.requires_grad}
        if array.dtype.kind == "f" and len(kinds) == 1:
            return array.astype(next(iter(kinds)))
        return array

    def _axes(self, given: Axes) -> dict[tuple[int, int], str]:
        """The name of each open length, by the number of the input and the axis."""
        found: dict[tuple[int, int], str] = {}
        for name, axes in given.items():
            if name not in self.inputs:
                if any(name in str(k) for k in ("y", "output")) or isinstance(axes, Mapping):
                    continue  # an output's follow from the inputs'
                raise ValueError(
                    f"onnx.export: dynamic_axes names {name}, expected of {', '.join(self.inputs)}"
                )
            number = self.inputs.index(name)
            named = axes if isinstance(axes, Mapping) else {k: f"{name}_{k}" for k in axes}
            rank = self.examples[number].ndim
            for axis, length in named.items():
                if not -rank <= axis < rank:
                    raise ValueError(
                        f"onnx.export: dynamic_axes: got axis {axis} of {name}, which has {rank}"
                    )
                found[number, axis % rank] = length
        return found

    def _lengths(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for (number, axis), name in self.open.items():
            n = self.examples[number].shape[axis]
            if found.setdefault(name, n) != n:
                raise ValueError(
                    f"onnx.export: the example has {found[name]} and {n} for the length {name}"
                )
        return found

    # What the model computes

    def written(self, lengths: Mapping[str, int]) -> Written:
        """The model for these lengths."""
        arrays = iter([self._resized(k, lengths) for k in range(len(self.examples))])
        args, kwargs = _replaced((self.args, self.kwargs), arrays)
        modules = self.closure.modules
        try:
            with at_rest(modules):
                return written(self.model, self.title, args, kwargs, lambda: _in_operators(modules))
        except TraceError as error:
            raise TraceError(str(error).replace("jit(", "onnx.export(", 1)) from error

    def _resized(self, number: int, lengths: Mapping[str, int]) -> np.ndarray:
        array = self.examples[number]
        for axis in range(array.ndim):
            name = self.open.get((number, axis))
            if name is not None:
                array = np.take(array, np.arange(lengths[name]) % array.shape[axis], axis)
        return array

    def _longer(self, names: Sequence[str]) -> Program:
        key = tuple(names)
        if key not in self.longer:
            lengths = self.runs.lengths[0]
            more = {n: max(self.longest, max(run[n] for run in self.runs.lengths)) for n in names}
            try:
                self.longer[key] = self.written(lengths | more).program
            except (ValueError, IndexError) as error:
                raise ValueError(
                    f"onnx.export: for {', '.join(f'{n} = {k}' for n, k in more.items())}: "
                    f"{error}; give the greatest length that the model can have as longest="
                ) from error
        return self.longer[key]

    # What is written

    def proto(self, onnx: Any, output_names: Sequence[str] | None) -> Any:
        """The model as ONNX has it."""
        runs = [self.written(lengths) for lengths in self.runs.lengths]
        first, store = runs[0], Store()
        for name in self.inputs:
            store.fresh(name)
        where = {n: (self.inputs[k], axis) for (k, axis), n in reversed(self.open.items())}
        graph = Graph(store, where)
        stored: dict[int, str] = {}

        def seen(source: Source) -> str:
            array = source.read(())
            key = id(source.where if isinstance(source.where, Tensor) else array)
            if key not in stored:
                stored[key] = store.fresh(self.paths.get(key, source.name.rpartition(".")[2]))
                store.arrays[stored[key]] = np.asarray(array)
            return stored[key]

        writer = Writer(runs, self.runs, graph, _RULES, self.inputs, seen, self._longer)
        outputs = self._named_outputs(first, output_names, store)
        results = writer.write()
        nodes = tidy(graph, results, outputs)
        infos = [
            onnx.helper.make_tensor_value_info(
                name, graph.type_of(array.dtype),
                [self.open.get((k, axis), n) for axis, n in enumerate(array.shape)],
            )
            for k, (name, array) in enumerate(zip(self.inputs, self.examples, strict=True))
        ]  # fmt: skip
        shapes = [
            [_dimension(n) for n in writer.dims(versions)]
            for versions in zip(*(r.program.outputs for r in runs), strict=True)
        ]
        ends = [
            onnx.helper.make_tensor_value_info(name, graph.type_of(x.dtype), shape)
            for name, x, shape in zip(outputs, first.program.outputs, shapes, strict=True)
        ]
        kept = set(reads(nodes))
        arrays = [
            onnx.numpy_helper.from_array(array, name)
            for name, array in store.arrays.items()
            if name in kept
        ]
        made = onnx.helper.make_graph(nodes, self.title, infos, ends, arrays)
        return onnx.helper.make_model(
            made, producer_name="minigrad", producer_version=__version__, ir_version=_IR,
            opset_imports=[onnx.helper.make_opsetid("", _OPSET)],
        )  # fmt: skip

    def _named_outputs(self, run: Written, given: Sequence[str] | None, store: Store) -> list[str]:
        leaves = [x for x in tree_leaves(run.result) if x is not None]
        count = sum(isinstance(x, Output) for x in leaves)
        if count != len(leaves) or not count:
            raise ExportError(
                f"onnx.export: {self.title} returns {len(leaves)} values, of which {count} are "
                "computed from its arguments; return those only"
            )
        names = given or (["y"] if count == 1 else [f"y_{k}" for k in range(count)])
        if len(names) != count:
            raise ValueError(f"onnx.export: got {len(names)} output_names for {count} arrays")
        if given and len({*self.inputs, *given}) < len(self.inputs) + count:
            raise ValueError("onnx.export: a name is given twice")
        return [store.fresh(name) for name in names]


def _dimension(n: int | Size | None) -> int | str | None:
    """A length as ONNX has it: a number, the name of an open one, or nothing."""
    if isinstance(n, Size):
        return n.terms[0][1][0] if n == Size(0, ((1, n.terms[0][1][:1]),)) else None
    return n


@contextlib.contextmanager
def _in_operators(modules: Sequence[Module]) -> Iterator[None]:
    """Layers that ONNX has, each as one operation."""
    changed: list[tuple[Module, str]] = []
    try:
        for module in modules:
            make = windows.WHOLE.get(type(module))
            if isinstance(module, Recurrent):
                make = recurrent.whole
            for name, method in (make(module) if make else {}).items():
                vars(module)[name] = method
                changed.append((module, name))
        yield
    finally:
        for module, name in changed:
            del vars(module)[name]


# Nests of examples


def _arrays(nest: Any) -> list[Any]:
    """The arrays of a nest in order."""
    return [x for x in tree_leaves(nest) if _is_array(x)]


def _is_array(x: Any) -> bool:
    return isinstance(x, np.ndarray | np.generic | Tensor) and not isinstance(x, Parameter)


def _replaced(nest: Any, arrays: Iterator[np.ndarray]) -> Any:
    if _is_array(nest):
        return next(arrays)
    if isinstance(nest, tuple | list):
        parts = [_replaced(part, arrays) for part in nest]
        return type(nest)(*parts) if hasattr(nest, "_fields") else type(nest)(parts)
    if isinstance(nest, Mapping):
        return {k: _replaced(part, arrays) for k, part in nest.items()}
    return nest


def _names(
    model: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], given: Sequence[str] | None
) -> list[str]:
    """A name for every array that goes in."""
    count = len(_arrays((args, kwargs)))
    if given is not None:
        if len(given) != count:
            raise ValueError(f"onnx.export: got {len(given)} input_names for {count} arrays")
        return list(given)
    function = model.forward if isinstance(model, Module) else model
    try:
        bound = inspect.signature(function).bind(*args, **kwargs).arguments
    except ValueError:  # of a function without a signature
        bound = {f"x_{k}": x for k, x in enumerate(args)} | dict(kwargs)
    names: list[str] = []
    for name, value in bound.items():
        found = len(_arrays(value))
        names += [name] if found == 1 else [f"{name}_{k}" for k in range(found)]
    return names

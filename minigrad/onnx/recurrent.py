"""Recurrent layers in ONNX's operators: LSTM, GRU and RNN by name, any other cell as a loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from minigrad.compile.operations import Operation
from minigrad.compile.traced_array import TracedArray
from minigrad.nn.cell import Cell
from minigrad.nn.cells import GRUCell, LSTMCell, ResetAfterGRUCell, RNNCell
from minigrad.nn.formats import keras_of_cell
from minigrad.nn.recurrent import Recurrent
from minigrad.onnx.tracing import written
from minigrad.onnx.writer import Call, Rule, Writer
from minigrad.primitives import relu, tanh, where
from minigrad.tensor import raw

# While the layer is written down


def _refused(*operands: Any, **static: Any) -> Any:
    raise NotImplementedError("a sequence is not computed while it is written down")


_SEQUENCE = Operation("sequence", "other", _refused, lambda operands, static: "")


def whole(layer: Recurrent) -> Mapping[str, Callable[..., Any]]:
    """What stands in place of a layer's methods while it is written down."""
    own = layer._kernels

    def kernels(x: Any, states: Any) -> list[Any] | None:
        if not isinstance(raw(x), TracedArray):
            return own(x, states)
        return [partial(_sequence, layer, cell) for cell in layer.cells]

    return {"_kernels": kernels}


def _sequence(
    layer: Recurrent,
    cell: Cell,
    x: Any,
    before: Sequence[Any],
    counts: Any = None,
    *,
    reverse: bool = False,
    segment: int = 0,
) -> tuple[Any, tuple[Any, ...]]:
    """One cell over (batch, time, features), as one operation."""
    operands = [raw(x), *map(raw, before), *(() if counts is None else (raw(counts),))]
    batch, time = np.shape(operands[0])[:2]
    kinds = [operand.dtype for operand in operands[: 1 + len(before)]]
    dtype = np.result_type(*kinds, *(p.dtype for p in cell.parameters()))
    widths = [cell.size_of(name) for name in cell.state]
    results = [np.zeros((time, batch, widths[0]), dtype)]
    results += [np.zeros((batch, width), dtype) for width in widths]
    static = {
        "cell": cell, "reverse": reverse, "zoneout": layer.zoneout, "masked": counts is not None,
    }  # fmt: skip
    outputs, *after = operands[0].trace.several(_SEQUENCE, operands, static, results)
    return outputs, tuple(after)


# In the graph


def _sequence_rule(c: Call) -> Sequence[str]:
    cell: Cell = c.static["cell"]
    named = _named(cell) if not (c.static["masked"] or c.static["zoneout"]) else None
    return _loop(c, cell) if named is None else _operator(c, cell, *named)


def _named(cell: Cell) -> tuple[str, tuple[int, ...], dict[str, Any]] | None:
    """ONNX's operator, the order of its gates in Keras's, and its attributes."""
    if cell.activation not in (tanh, relu) or (
        cell.activation is relu and type(cell) is not RNNCell
    ):
        return None
    if any(p.dtype != np.float32 for p in cell.parameters()):
        return None  # onnxruntime has them for float32
    if type(cell) is LSTMCell:
        return "LSTM", (0, 3, 1, 2), {}
    if type(cell) in (GRUCell, ResetAfterGRUCell):
        return "GRU", (0, 1, 2), {"linear_before_reset": int(type(cell) is ResetAfterGRUCell)}
    if type(cell) is RNNCell:
        return "RNN", (0,), {"activations": ["Relu" if cell.activation is relu else "Tanh"]}
    return None


def _operator(
    c: Call, cell: Cell, kind: str, order: Sequence[int], attributes: dict[str, Any]
) -> Sequence[str]:
    graph, dtype = c.graph, c.output.dtype
    kernel, recurrent, *rest = keras_of_cell(cell)
    bias = rest[0] if rest else np.zeros(kernel.shape[1])
    inner, outer = bias if bias.ndim == 2 else (bias, np.zeros_like(bias))
    x = graph.op("Transpose", [c.name(0, dtype)], perm=[1, 0, 2])
    inputs = [
        x,
        graph.constant(_ordered(kernel.T, order)[None], dtype),
        graph.constant(_ordered(recurrent.T, order)[None], dtype),
        graph.constant(
            np.concatenate([_ordered(inner, order), _ordered(outer, order)])[None], dtype
        ),
        "",
    ]
    if not all(_is_zero(c, k) for k in range(1, len(c.operands))):
        inputs += [
            graph.op("Unsqueeze", [c.name(k, dtype), graph.ints([0])])
            for k in range(1, len(c.operands))
        ]
    direction = "reverse" if c.static["reverse"] else "forward"
    found = graph.op(
        kind, inputs, 1 + len(cell.state), hidden_size=cell.hidden_size, direction=direction,
        **attributes,
    )  # fmt: skip
    axes = [1, *[0] * len(cell.state)]  # where the directions are
    return [graph.op("Squeeze", [y, graph.ints([k])]) for y, k in zip(found, axes, strict=True)]


def _ordered(array: Any, order: Sequence[int]) -> np.ndarray:
    parts = np.split(array, len(order))
    return np.concatenate([parts[k] for k in order])


def _is_zero(c: Call, number: int) -> bool:
    """Whether an operand is zeros, which the operators start from by themselves."""
    value = getattr(c.operands[number][0], "value", None)
    return value is not None and not np.any(value)


def _loop(c: Call, cell: Cell) -> Sequence[str]:
    """ONNX's Scan: the step's equations as a graph in a node."""
    graph, onnx, states = c.graph, c.graph.onnx, len(cell.state)
    zoneout, masked = c.static["zoneout"], c.static["masked"]

    def step(x: Any, *rest: Any) -> Any:
        before, counted = rest[:states], rest[states:]
        after = cell(x, before)
        after = after if isinstance(after, tuple) else (after,)
        if zoneout:
            after = tuple(
                zoneout * b + (1 - zoneout) * a for a, b in zip(after, before, strict=True)
            )
        y = after[0]
        if counted:
            (valid,) = counted
            y = where(valid, y, 0)
            after = tuple(where(valid, a, b) for a, b in zip(after, before, strict=True))
        return y, *after

    runs = []
    for k in range(len(c.writer.programs)):
        (batch, _, width), kind = c.operands[0][k].shape, c.output.dtype
        given = [np.ones((batch, width), kind)]
        given += [np.ones((batch, cell.size_of(name)), kind) for name in cell.state]
        given += [np.ones((batch, 1), bool)] if masked else []
        runs.append(written(step, type(cell).__name__, given, {}, sees=(cell,)))
    inputs = [graph.store.fresh(name) for name in ("x_t", *cell.state, *["valid"] * masked)]
    body = type(graph)(graph.store, graph.lengths)
    writer = Writer(runs, c.writer.runs, body, c.writer.rules, inputs, c.writer.seen)
    results = [body.op("Identity", [name]) for name in writer.write()]
    types = [graph.type_of(v.dtype) for v in runs[0].arguments()]
    dtype = graph.type_of(c.output.dtype)

    def info(name: str, kind: int) -> Any:
        return onnx.helper.make_tensor_value_info(name, kind, None)

    y, *after = results
    first, *middle = zip(inputs, types, strict=True)
    body_inputs = [*middle[:states], first, *middle[states:]]
    made = onnx.helper.make_graph(
        body.nodes, graph.store.fresh(f"{type(cell).__name__}_step"),
        [info(*pair) for pair in body_inputs], [info(name, dtype) for name in (*after, y)],
    )  # fmt: skip
    sequences = [c.name(0, c.output.dtype)]
    if masked:
        valid = c.name(1 + states)
        sequences.append(graph.op("Unsqueeze", [valid, graph.ints([2])]))
    before = [c.name(1 + k, c.output.dtype) for k in range(states)]
    back = int(bool(c.static["reverse"]))
    *final, outputs = graph.op(
        "Scan", [*before, *sequences], states + 1, body=made, num_scan_inputs=len(sequences),
        scan_input_axes=[1] * len(sequences), scan_input_directions=[back] * len(sequences),
        scan_output_directions=[back],
    )  # fmt: skip
    return [outputs, *final]


RULES: Mapping[str, Rule] = {"sequence": _sequence_rule}

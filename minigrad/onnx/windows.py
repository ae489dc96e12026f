"""Convolution and pooling in ONNX's operators: layers whole, and windows by themselves."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from minigrad.compile.operations import Operation
from minigrad.compile.traced_array import TracedArray
from minigrad.nn import convolution, pooling
from minigrad.onnx.sizes import Size
from minigrad.onnx.writer import Call, Rule
from minigrad.primitives.convolution import each, extent
from minigrad.tensor import raw

Forward = Callable[..., Any]


def _unwritten(operands: Any, static: Any) -> str:
    return ""


# Layers: run as they are, written down as one operation

_CONVOLUTIONS = convolution.Conv1d, convolution.Conv2d, convolution.Conv3d
_TRANSPOSED = (
    convolution.ConvTranspose1d, convolution.ConvTranspose2d, convolution.ConvTranspose3d,
)  # fmt: skip
_MEANS = pooling.AvgPool1d, pooling.AvgPool2d, pooling.AvgPool3d
_MAXIMA = pooling.MaxPool1d, pooling.MaxPool2d, pooling.MaxPool3d
_GLOBAL_MEANS = (
    pooling.AdaptiveAvgPool1d, pooling.AdaptiveAvgPool2d, pooling.AdaptiveAvgPool3d,
)  # fmt: skip


def _operation(name: str, kinds: Sequence[Any]) -> Operation:
    """ONNX's operator for what the functions of these layers compute."""
    functions = {kind.axes: kind.function for kind in kinds}
    return Operation(
        name, "other", lambda *x, axes, arguments, **_: functions[axes](*x, *arguments), _unwritten
    )


_CONV, _CONV_TRANSPOSE = _operation("Conv", _CONVOLUTIONS), _operation("ConvTranspose", _TRANSPOSED)
_MEAN, _MAX = _operation("AveragePool", _MEANS), _operation("MaxPool", _MAXIMA)
_GLOBAL = Operation(
    "GlobalAveragePool", "other",
    lambda x: x.mean(axis=tuple(range(2, x.ndim)), keepdims=True), _unwritten,
)  # fmt: skip


def _written(x: Any, axes: int) -> TracedArray | None:
    """The array of a batch that is traced."""
    found = raw(x)
    return found if isinstance(found, TracedArray) and found.ndim == axes + 2 else None


def _sides(layer: Any) -> tuple[list[int], list[int]]:
    """Zeros before and after along each axis."""
    n = layer.axes
    if layer.padding == "valid":
        return [0] * n, [0] * n
    if layer.padding == "same":
        apart = each("", "dilation", n, layer.dilation, 1)
        more = [extent(k, d) - 1 for k, d in zip(layer.kernel_size, apart, strict=True)]
        return [m // 2 for m in more], [m - m // 2 for m in more]
    found = list(each("", "padding", n, layer.padding, 0))
    return found, found


def _attributes(layer: Any) -> dict[str, Any]:
    n = layer.axes
    before, after = _sides(layer)
    return {
        "kernel_shape": tuple(each("", "kernel_size", n, layer.kernel_size, 1)),
        "strides": tuple(each("", "stride", n, layer.stride or layer.kernel_size, 1)),
        "pads": (*before, *after),
    }


def _whole_convolution(layer: Any) -> Mapping[str, Forward]:
    """A convolution's forward that writes one operation down."""
    own = layer.forward

    def forward(x: Any) -> Any:
        data = _written(x, layer.axes)
        if data is None or layer.padding_mode != "zeros":
            return own(x)
        operands = [data, raw(layer.weight)]
        operands.append(np.zeros(len(layer.weight), data.dtype) if layer.bias is None
                        else raw(layer.bias))  # fmt: skip
        arguments = layer.stride, layer.padding, layer.dilation, layer.groups
        return data.trace.apply(_CONV, operands, {
            "axes": layer.axes, "arguments": _plain(arguments), **_attributes(layer),
            "dilations": each("", "dilation", layer.axes, layer.dilation, 1),
            "group": layer.groups,
        })  # fmt: skip

    return {"forward": forward}


def _whole_transposed(layer: Any) -> Mapping[str, Forward]:
    own = layer.forward

    def forward(x: Any, output_size: Any = None) -> Any:
        data = _written(x, layer.axes)
        if data is None or output_size is not None:
            return own(x, output_size)
        operands = [data, raw(layer.weight)]
        operands.append(np.zeros(layer.weight.shape[1] * layer.groups, data.dtype)
                        if layer.bias is None else raw(layer.bias))  # fmt: skip
        arguments = (layer.stride, layer.padding, layer.output_padding, layer.groups,
                     layer.dilation)  # fmt: skip
        return data.trace.apply(_CONV_TRANSPOSE, operands, {
            "axes": layer.axes, "arguments": _plain(arguments), **_attributes(layer),
            "dilations": each("", "dilation", layer.axes, layer.dilation, 1),
            "output_padding": each("", "output_padding", layer.axes, layer.output_padding, 0),
            "group": layer.groups,
        })  # fmt: skip

    return {"forward": forward}


def _whole_means(layer: Any) -> Mapping[str, Forward]:
    own = layer.forward

    def forward(x: Any) -> Any:
        data = _written(x, layer.axes)
        if data is None or layer.settings["ceil_mode"] or "divisor_override" in layer.settings:
            return own(x)  # whose windows at the end others count in another way
        counted = layer.settings["count_include_pad"]
        arguments = layer.kernel_size, layer.stride, layer.padding, False, counted
        return data.trace.apply(_MEAN, [data], {
            "axes": layer.axes, "arguments": _plain(arguments), **_attributes(layer),
            "count_include_pad": int(counted),
        })  # fmt: skip

    return {"forward": forward}


def _whole_maxima(layer: Any) -> Mapping[str, Forward]:
    own = layer.forward

    def forward(x: Any) -> Any:
        data = _written(x, layer.axes)
        if data is None or layer.ceil_mode or layer.return_indices:
            return own(x)
        arguments = layer.kernel_size, layer.stride, layer.padding, layer.dilation
        return data.trace.apply(_MAX, [data], {
            "axes": layer.axes, "arguments": _plain(arguments), **_attributes(layer),
            "dilations": each("", "dilation", layer.axes, layer.dilation, 1),
        })  # fmt: skip

    return {"forward": forward}


def _whole_global(layer: Any) -> Mapping[str, Forward]:
    own = layer.forward

    def forward(x: Any) -> Any:
        data = _written(x, layer.axes)
        if data is None or set(layer.output_size) != {1}:
            return own(x)
        return data.trace.apply(_GLOBAL, [data], {})

    return {"forward": forward}


def _plain(arguments: Any) -> tuple[Any, ...]:
    """Arguments that can be compared."""
    return tuple(tuple(a) if isinstance(a, list) else a for a in arguments)


WHOLE: Mapping[type, Callable[[Any], Mapping[str, Forward]]] = {
    **dict.fromkeys(_CONVOLUTIONS, _whole_convolution),
    **dict.fromkeys(_TRANSPOSED, _whole_transposed),
    **dict.fromkeys(_MEANS, _whole_means),
    **dict.fromkeys(_MAXIMA, _whole_maxima),
    **dict.fromkeys(_GLOBAL_MEANS, _whole_global),
}
"""By class, what stands in place of a layer's methods while it is written down."""


def _layer(c: Call) -> str:
    attributes = {k: _list(v) for k, v in c.static.items() if k not in ("axes", "arguments")}
    return c.graph.op(c.operation.name, c.names(c.output.dtype), **attributes)


def _list(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


# Windows by themselves: a convolution with a kernel of ones and zeros


def _spread(c: Call, n: int) -> tuple[str, list[int | Size]]:
    """The tensor as (all leading axes, 1, *the last n), and its leading axes."""
    dims = c.dims(0)
    lead, last = dims[:-n], dims[-n:]
    first: int | Size = -1
    if any(isinstance(d, Size) for d in last):
        first = _product(c, lead)
    return c.graph.op("Reshape", [c.name(0), c.graph.ints([first, 1, *last])]), lead


def _product(c: Call, numbers: list[int | Size]) -> int | Size:
    sizes = [n for n in numbers if isinstance(n, Size)]
    factor = math.prod(n for n in numbers if not isinstance(n, Size))
    if not sizes:
        return factor
    if len(sizes) > 1:
        c.refuse("too many lengths are open", "leave some axes out of dynamic_axes")
    terms = tuple((factor * k, names) for k, names in sizes[0].terms)
    return Size(factor * sizes[0].constant, terms)


def _kernel(c: Call, size: tuple[int, ...]) -> str:
    """For each entry of a window a kernel that picks it."""
    count = math.prod(size)
    return c.graph.constant(np.eye(count).reshape(count, 1, *size), c.output.dtype)


def _windows(c: Call) -> str:
    size, stride = tuple(c.static["size"]), list(c.static["stride"])
    x, _ = _spread(c, len(size))
    dilation = list(c.static.get("dilation") or [1] * len(size))
    y = c.graph.op("Conv", [x, _kernel(c, size)], strides=stride, dilations=dilation)
    return c.graph.op("Reshape", [y, c.graph.ints(c.open_shape())])


def _overlap_add(c: Call) -> str:
    stride = list(c.static["stride"])
    n = len(stride)
    size, positions = c.shape(0)[-2 * n : -n], c.dims(0)[-n:]
    dilation = list(c.static.get("dilation") or [1] * n)
    if any(isinstance(p, Size) for p in positions):
        c.refuse("a length that windows move along is open", "leave it out of dynamic_axes")
    more = [
        length - ((p - 1) * s + extent(k, d))
        for length, p, s, k, d in zip(
            c.output.shape[-n:], c.shape(0)[-n:], stride, size, dilation, strict=True
        )
    ]
    x = c.graph.op("Reshape", [c.name(0), c.graph.ints([-1, math.prod(size), *positions])])
    y = c.graph.op("ConvTranspose", [x, _kernel(c, size)], strides=stride, dilations=dilation,
                   output_padding=more)  # fmt: skip
    return c.graph.op("Reshape", [y, c.graph.ints(c.open_shape())])


def _max_pool(c: Call) -> str:
    size, stride = tuple(c.static["size"]), list(c.static["stride"])
    n = len(size)
    dilation = list(c.static.get("dilation") or [1] * n)
    flat = len(c.shape(0)) != n + 2
    x = _spread(c, n)[0] if flat else c.name(0)
    y = c.graph.op("MaxPool", [x], kernel_shape=list(size), strides=stride, dilations=dilation)
    return c.graph.op("Reshape", [y, c.graph.ints(c.open_shape())]) if flat else y


RULES: Mapping[str, Rule] = {
    **dict.fromkeys(
        ("Conv", "ConvTranspose", "AveragePool", "MaxPool", "GlobalAveragePool"), _layer
    ),
    "windows": _windows,
    "overlap_add": _overlap_add, "max_pool": _max_pool,
}  # fmt: skip

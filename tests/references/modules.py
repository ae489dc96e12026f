"""Modules that PyTorch and minigrad both have, with the same arguments: read by both sides.

``make_torch.py`` makes each with ``torch.nn``, ``tests/nn/test_references.py`` with `minigrad.nn`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Draw = Callable[[np.random.Generator], tuple[np.ndarray, ...]]


def normal(*shapes: tuple[int, ...]) -> Draw:
    """Float arrays of these shapes."""
    return lambda rng: tuple(rng.normal(size=shape).astype(np.float32) for shape in shapes)


def between(low: float, high: float, *shapes: tuple[int, ...]) -> Draw:
    """Float arrays within a range."""
    return lambda rng: tuple(rng.uniform(low, high, shape).astype(np.float32) for shape in shapes)


def and_then(draw: Draw, *arrays: Any) -> Draw:
    """Drawn arrays, then these: classes, signs, lengths."""
    return lambda rng: (*draw(rng), *map(np.asarray, arrays))


@dataclass(frozen=True)
class Case:
    """A module and what it is called with.

    Attributes:
        kind: name of the class in both libraries.
        args: of its constructor.
        options: likewise.
        inputs: draws the arrays that it is called with, in order.
        training: whether it runs as in training, and its buffers are compared too.
        constants: positions of floats that PyTorch has no derivative by: signs.
    """

    kind: str
    args: tuple[Any, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    inputs: Draw = normal((2, 4))  # noqa: RUF009 (a function, which is never changed)
    training: bool = False
    constants: tuple[int, ...] = ()


_SIGNS = np.array([1.0, -1.0, -1.0], np.float32)
_POSITIVE = between(0.1, 0.9, (3, 4), (3, 4))
_CLASSES = np.array([2, 0, 3])
_WEIGHTS = np.array([0.5, 2.0, 1.0, 1.5], np.float32)
_PAIR = normal((3, 4), (3, 4))

CASES: dict[str, Case] = {
    # Activations
    **{name.lower(): Case(name) for name in (
        "ReLU", "ReLU6", "Sigmoid", "Tanh", "SiLU", "Mish", "SELU", "Hardswish",
        "LogSigmoid", "Softsign", "Tanhshrink", "Softplus", "ELU", "Hardtanh", "Hardshrink",
    )},
    "leakyrelu": Case("LeakyReLU", (0.2,)),
    "elu-alpha": Case("ELU", (0.7,)),
    "celu": Case("CELU", (0.5,)),
    "softshrink": Case("Softshrink", (0.3,)),
    "threshold": Case("Threshold", (0.2, 5.0)),
    "softplus-beta": Case("Softplus", (3.0,)),
    "gelu": Case("GELU"),
    "gelu-tanh": Case("GELU", ("tanh",)),
    "glu": Case("GLU", (0,)),
    "prelu": Case("PReLU"),
    "prelu-channels": Case("PReLU", (3,), inputs=normal((2, 3, 2))),
    "softmax": Case("Softmax", (0,)),
    "logsoftmax": Case("LogSoftmax", (1,)),
    "softmin": Case("Softmin", (-1,)),
    "softmax2d": Case("Softmax2d", inputs=normal((1, 3, 2, 2))),
    # Convolution
    "conv1d-dilated": Case("Conv1d", (4, 2, 2), {"dilation": 2, "groups": 2, "padding": 1},
                           normal((1, 4, 6))),
    "conv1d-reflect": Case("Conv1d", (1, 2, 3, 2, 2), {"padding_mode": "reflect"},
                           normal((1, 1, 5))),
    "conv2d-same": Case("Conv2d", (2, 2, (2, 3)), {"padding": "same", "bias": False},
                        normal((1, 2, 3, 4))),
    "conv2d-circular": Case("Conv2d", (1, 1, 3, 1, 1), {"padding_mode": "circular"},
                            normal((1, 1, 3, 4))),
    "conv3d": Case("Conv3d", (2, 2, 2, (1, 2, 1)), {"groups": 2}, normal((2, 3, 3, 2))),
    "convtranspose1d": Case("ConvTranspose1d", (2, 4, 3, 2, 1, 1, 2), {"dilation": 2},
                            normal((1, 2, 3))),
    "convtranspose2d": Case("ConvTranspose2d", (2, 1, 2, (2, 1)), {"output_padding": (1, 0)},
                            normal((1, 2, 2, 3))),
    "convtranspose3d": Case("ConvTranspose3d", (1, 2, 2, 2, 1), {}, normal((1, 2, 2, 3))),
    # Pooling
    "maxpool1d": Case("MaxPool1d", (2, 2, 1, 2), {"ceil_mode": True}, normal((1, 2, 6))),
    "maxpool2d": Case("MaxPool2d", (3, 2, 1), {}, normal((1, 1, 5, 4))),
    "maxpool3d": Case("MaxPool3d", (2,), {"ceil_mode": True}, normal((1, 3, 2, 3))),
    "avgpool1d": Case("AvgPool1d", (3, 2, 1, True, False), {}, normal((1, 2, 6))),
    "avgpool2d": Case("AvgPool2d", (2, 2, 1), {"ceil_mode": True}, normal((1, 1, 4, 3))),
    "avgpool3d": Case("AvgPool3d", (2,), {"divisor_override": 3}, normal((1, 2, 3, 2))),
    "lppool2d": Case("LPPool2d", (2, 2), {}, between(0.5, 2, (1, 1, 4, 4))),
    "adaptiveavgpool2d": Case("AdaptiveAvgPool2d", ((3, None),), {}, normal((1, 1, 5, 2))),
    "adaptivemaxpool1d": Case("AdaptiveMaxPool1d", (3,), {}, normal((1, 2, 7))),
    # Norms
    "layernorm-plain": Case("LayerNorm", (4, 1e-3, False)),
    "layernorm-unbiased": Case("LayerNorm", (4,), {"bias": False}),
    "batchnorm1d": Case("BatchNorm1d", (3,), {"momentum": 0.3}, normal((4, 3)), training=True),
    "batchnorm1d-mean": Case("BatchNorm1d", (3,), {"momentum": None}, normal((2, 3, 2)), True),
    "batchnorm2d-eval": Case("BatchNorm2d", (2,), {}, normal((2, 2, 2, 2))),
    "batchnorm3d": Case("BatchNorm3d", (2, 1e-3, 0.1, False, False), {}, normal((2, 2, 1, 2, 2))),
    "groupnorm": Case("GroupNorm", (2, 4), {}, normal((2, 4, 3))),
    "instancenorm1d": Case("InstanceNorm1d", (2,), {"affine": True}, normal((2, 2, 3))),
    "instancenorm2d": Case("InstanceNorm2d", (2,), {"track_running_stats": True},
                           normal((2, 2, 2, 2)), True),
    "localresponsenorm": Case("LocalResponseNorm", (3, 0.5, 0.75, 2.0), {}, normal((1, 4, 2))),
    # Padding, sizes
    "reflectionpad1d": Case("ReflectionPad1d", ((1, 2),), {}, normal((1, 1, 4))),
    "replicationpad2d": Case("ReplicationPad2d", (1,), {}, normal((1, 1, 2, 3))),
    "circularpad1d": Case("CircularPad1d", ((2, 1),), {}, normal((1, 1, 3))),
    "constantpad2d": Case("ConstantPad2d", ((1, -1, 0, 2), 3.0), {}, normal((1, 1, 2, 3))),
    "zeropad3d": Case("ZeroPad3d", (1,), {}, normal((1, 1, 1, 2, 1))),
    "pixelshuffle": Case("PixelShuffle", (2,), {}, normal((1, 4, 2, 1))),
    "pixelunshuffle": Case("PixelUnshuffle", (2,), {}, normal((1, 1, 4, 2))),
    "upsample-nearest": Case("Upsample", (), {"scale_factor": 1.7}, normal((1, 1, 3, 2))),
    "upsample-linear": Case("Upsample", (5,), {"mode": "linear"}, normal((1, 1, 3))),
    "upsample-bilinear": Case("Upsample", ((5, 2),), {"mode": "bilinear", "align_corners": True},
                              normal((1, 1, 3, 4))),
    "upsample-bicubic": Case("Upsample", (), {"scale_factor": 2.0, "mode": "bicubic"},
                             normal((1, 1, 3, 2))),
    "upsample-trilinear": Case("Upsample", ((2, 3, 2),), {"mode": "trilinear"},
                               normal((1, 1, 3, 2, 1))),
    "bilinear": Case("Bilinear", (2, 3, 2), {}, normal((4, 2), (4, 3))),
    # Losses
    "mseloss": Case("MSELoss", inputs=_PAIR),
    "l1loss": Case("L1Loss", (), {"reduction": "sum"}, _PAIR),
    "huberloss": Case("HuberLoss", (), {"delta": 0.7}, _PAIR),
    "smoothl1loss": Case("SmoothL1Loss", (), {"beta": 0.7}, _PAIR),
    "poissonnllloss": Case("PoissonNLLLoss", (), {}, between(0.2, 3, (3, 4), (3, 4))),
    "poissonnllloss-full": Case("PoissonNLLLoss", (False, True), {},
                                between(0.2, 3, (3, 4), (3, 4))),
    "gaussiannllloss": Case("GaussianNLLLoss", (), {"full": True},
                            between(0.2, 3, (3, 4), (3, 4), (3, 1))),
    "crossentropyloss-weighted": Case(
        "CrossEntropyLoss", (_WEIGHTS,), {"label_smoothing": 0.1},
        and_then(normal((4, 4)), np.array([2, 0, -100, 3])),
    ),
    "crossentropyloss-places": Case(
        "CrossEntropyLoss", (_WEIGHTS,), {},
        and_then(normal((2, 4, 3)), np.array([[2, 0, 1], [3, 3, 0]])),
    ),
    "crossentropyloss-shares": Case(
        "CrossEntropyLoss", (_WEIGHTS,), {"label_smoothing": 0.2},
        lambda rng: (*normal((3, 4))(rng), rng.dirichlet(np.ones(4), 3).astype(np.float32)),
    ),
    "nllloss": Case("NLLLoss", (_WEIGHTS,), {}, and_then(normal((3, 4)), _CLASSES)),
    "bceloss": Case("BCELoss", (_WEIGHTS,), {}, _POSITIVE),
    "bcewithlogitsloss": Case("BCEWithLogitsLoss", (), {"pos_weight": _WEIGHTS}, _POSITIVE),
    "kldivloss": Case("KLDivLoss", (), {"reduction": "batchmean", "log_target": True}, _PAIR),
    "softmarginloss": Case("SoftMarginLoss", inputs=and_then(normal((3,)), _SIGNS), constants=(1,)),
    "multimarginloss": Case("MultiMarginLoss", (2, 0.8, _WEIGHTS), {},
                            and_then(normal((3, 4)), _CLASSES)),
    "multilabelmarginloss": Case(
        "MultiLabelMarginLoss", (), {},
        and_then(normal((2, 4)), np.array([[3, 0, -1, 1], [2, -1, 2, 2]])),
    ),
    "multilabelsoftmarginloss": Case("MultiLabelSoftMarginLoss", (_WEIGHTS,), {}, _POSITIVE),
    "marginrankingloss": Case("MarginRankingLoss", (0.3,), {},
                              and_then(normal((3,), (3,)), _SIGNS), constants=(2,)),
    "hingeembeddingloss": Case("HingeEmbeddingLoss", (0.7,), {},
                               and_then(normal((3,)), _SIGNS), constants=(1,)),
    "cosineembeddingloss": Case("CosineEmbeddingLoss", (0.1,), {},
                                and_then(normal((3, 4), (3, 4)), _SIGNS), constants=(2,)),
    "tripletmarginloss": Case("TripletMarginLoss", (1.0, 3.0), {"swap": True},
                              normal((3, 4), (3, 4), (3, 4))),
    # Attention
    "heads-extra": Case(
        "MultiheadAttention", (4, 2),
        {"add_bias_kv": True, "add_zero_attn": True, "batch_first": True},
        normal((2, 2, 4), (2, 3, 4), (2, 3, 4)),
    ),
    "heads-widths": Case("MultiheadAttention", (4, 2), {"kdim": 3, "vdim": 2, "batch_first": True},
                         normal((1, 2, 4), (1, 3, 3), (1, 3, 2))),
    "transformer": Case(
        "Transformer", (4, 2, 1, 1, 3, 0.0, "gelu"), {"batch_first": True, "norm_first": True},
        normal((1, 3, 4), (1, 2, 4)),
    ),
}  # fmt: skip
"""By name; all arrays that a module is made with are exact in float32."""

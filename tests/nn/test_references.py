"""Claims that layers and losses agree with PyTorch and Keras, outputs and gradients."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from tests.references import Reference, assert_agrees, references
from tests.references.modules import CASES

DTYPES = ["float64", "float32"]
MODULES = references("modules")


def _run(reference: Reference, dtype, function, module=None):
    """Outputs and all gradients of ``function(module, **inputs)``, as the reference has them."""
    leaves = {
        name: mg.Tensor(array, requires_grad=True) if array.dtype.kind == "f" else array
        for name, array in reference.inputs.items()
    }
    if module is not None:
        module.load_state_dict(reference.weights)
        leaves_of_module = dict(module.named_parameters())
    else:
        leaves_of_module = {}
    outputs = function(**leaves) if module is None else function(module, **leaves)
    total = sum((y * reference.cotangents[name]).sum() for name, y in outputs.items())
    total.backward()
    assert_agrees({n: y.data for n, y in outputs.items()}, reference.outputs, dtype)
    wanted = {**leaves_of_module, **leaves}
    gradients = {n: wanted[n].grad for n in reference.gradients}
    assert_agrees(gradients, reference.gradients, dtype)


def _cases(file):
    return pytest.mark.parametrize(
        ("dtype", "reference"),
        [
            pytest.param(dtype, reference, id=f"{name}-{dtype}")
            for dtype in DTYPES
            for name, reference in references(file, dtype).items()
        ],
    )


LAYERS = {
    "linear": lambda **o: nn.Linear(3, 4, **o),
    "linear-unbiased": lambda **o: nn.Linear(3, 4, bias=False, **o),
    "embedding": lambda **o: nn.Embedding(6, 3, **o),
    "embedding-padded": lambda **o: nn.Embedding(6, 3, padding_idx=2, **o),
    "layernorm": lambda **o: nn.LayerNorm(5, **o),
    "layernorm-two_axes": lambda **o: nn.LayerNorm((3, 5), **o),
    "rmsnorm": lambda **o: nn.RMSNorm(5, 1e-6, **o),
    "conv1d": lambda **o: nn.Conv1d(2, 3, 3, **o),
    "conv1d-strided": lambda **o: nn.Conv1d(2, 3, 3, stride=2, padding=1, **o),
    "conv2d": lambda **o: nn.Conv2d(2, 3, (3, 2), **o),
    "conv2d-strided": lambda **o: nn.Conv2d(2, 3, 3, stride=(2, 1), padding=(1, 0), **o),
}


@_cases("layers")
def test_layers_agree_with_pytorch(dtype, reference):
    layer = LAYERS[reference.name](dtype=dtype)
    _run(reference, dtype, lambda layer, x: {"y": layer(x)}, layer)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CASES)
def test_modules_that_both_have_agree_with_pytorch(name, dtype):
    case, reference = CASES[name], MODULES[name]
    module = getattr(nn, case.kind)(*case.args, **case.options).train(case.training).astype(dtype)
    module.load_state_dict(reference.weights, strict=False)  # buffers stay as they start

    def run(module, **inputs):
        found = module(*inputs.values())
        return dict(zip("yw", found, strict=True)) if isinstance(found, tuple) else {"y": found}

    leaves = {
        name: mg.Tensor(array.astype(dtype), requires_grad=True)
        if name in reference.gradients
        else array.astype(dtype)
        if array.dtype.kind == "f"
        else array
        for name, array in reference.inputs.items()
    }
    outputs = run(module, **leaves)
    sum((y * reference.cotangents[name]).sum() for name, y in outputs.items()).backward()
    assert_agrees({n: y.data for n, y in outputs.items()}, reference.outputs, dtype)
    wanted = {**dict(module.named_parameters()), **leaves}
    assert_agrees({n: wanted[n].grad for n in reference.gradients}, reference.gradients, dtype)
    buffers = {n: b for n, b in module.named_buffers() if n in reference.buffers}
    for found, array in zip(buffers.values(), reference.buffers.values(), strict=True):
        np.testing.assert_allclose(found, array, rtol=1e-6)


@_cases("attention")
def test_attention_agrees_with_pytorch(dtype, reference):
    kind, *words = reference.name.split("-")
    if kind == "dot":

        def run(q, k, v, mask=None):
            y, _ = nn.scaled_dot_product_attention(q, k, v, mask, is_causal="causal" in words)
            return {"y": y}

        _run(reference, dtype, run)
        return

    def run(layer, x=None, query=None, key=None, value=None, **masks):
        each = "per_head" in words
        y, weights = layer(
            x if query is None else query, key, value, average_attn_weights=not each, **masks
        )
        return {"y": y, "attention": weights}

    layer = nn.MultiheadAttention(8, 2, bias="unbiased" not in words, dtype=dtype)
    _run(reference, dtype, run, layer)


@_cases("transformer")
def test_transformers_agree_with_pytorch(dtype, reference):
    kind, *words = reference.name.split("-")
    options = {
        "dim_feedforward": 6, "dropout": 0.0, "norm_first": "pre" in words,
        "activation": "gelu" if "gelu" in words else "relu", "dtype": dtype,
    }  # fmt: skip
    layer = {
        "encoder": lambda: nn.TransformerEncoderLayer(8, 2, **options),
        "decoder": lambda: nn.TransformerDecoderLayer(8, 2, **options),
        "encoder_stack": lambda: nn.TransformerEncoder(8, 2, 2, **options),
        "decoder_stack": lambda: nn.TransformerDecoder(8, 2, 2, **options),
    }[kind]()
    if kind.startswith("encoder"):
        run = lambda layer, x, padding: {"y": layer(x, src_key_padding_mask=padding)}  # noqa: E731
    else:
        run = lambda layer, x, memory, future, padding: {  # noqa: E731
            "y": layer(x, memory, tgt_mask=future, memory_key_padding_mask=padding)
        }
    _run(reference, dtype, run, layer)


@_cases("losses")
def test_losses_agree_with_pytorch(dtype, reference):
    name, *options, reduction = reference.name.split("-")

    def run(x, target=None, **rest):
        match name:
            case "ctc":
                loss = nn.ctc_loss(mg.log_softmax(x), reduction=reduction, **rest)
            case "kl_div":
                loss = nn.kl_div(mg.log_softmax(x), target, reduction)
            case "cross_entropy":
                smoothing = 0.1 if options else 0.0
                loss = nn.cross_entropy(x, target, reduction, label_smoothing=smoothing)
            case "huber":
                loss = nn.huber_loss(x, target, reduction, delta=0.7)
            case "binary_cross_entropy_with_logits":
                loss = nn.binary_cross_entropy_with_logits(x, target, reduction)
            case _:
                loss = getattr(nn, f"{name}_loss")(x, target, reduction)
        return {"loss": loss}

    _run(reference, dtype, run)

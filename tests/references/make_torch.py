"""Makes the .npz files with PyTorch: ``python tests/references/make_torch.py``.

Needs PyTorch (2.13 made the stored ones), which neither the package nor its tests do; those
named on the command line alone are made: ``python tests/references/make_torch.py modules``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

if __package__ is None:
    sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.references.functions import CASES as FUNCTIONS
from tests.references.modules import CASES

Arrays = dict[str, np.ndarray]
Run = Callable[..., dict[str, torch.Tensor]]


class File:
    """The cases of one .npz file."""

    def __init__(self, name: str, seed: int) -> None:
        self.path = Path(__file__).with_name(f"{name}.npz")
        self.rng = np.random.default_rng(seed)
        self.arrays: Arrays = {}

    def normal(self, *shape: int) -> np.ndarray:
        return self.rng.normal(size=shape).astype(np.float32)

    def case(self, name: str, run: Run, module: nn.Module | None = None, **inputs: Any) -> None:
        """Record a case: ``run(call, **inputs)``, where ``call`` is the module with its weights."""
        weights = {
            key: (0.5 * self.normal(*parameter.shape)).astype(np.float32)
            for key, parameter in (module.named_parameters() if module else ())
        }
        cotangents: Arrays = {}
        for dtype in (torch.float64, torch.float32):
            as_tensor = lambda array: (  # noqa: E731
                torch.tensor(array, dtype=dtype, requires_grad=True)  # noqa: B023
                if array.dtype.kind == "f"
                else torch.tensor(array)
            )
            leaves = {key: as_tensor(array) for key, array in weights.items()}
            given = {key: as_tensor(np.asarray(array)) for key, array in inputs.items()}
            call = lambda *a, **k: torch.func.functional_call(  # noqa: E731
                module, leaves, a, k  # noqa: B023
            )  # fmt: skip
            outputs = run(call, **given)
            for key, output in outputs.items():
                cotangents.setdefault(key, self.normal(*output.shape))
            total = sum(
                (output * torch.tensor(cotangents[key], dtype=dtype)).sum()
                for key, output in outputs.items()
            )
            wanted = {k: t for k, t in {**leaves, **given}.items() if t.requires_grad}
            found = torch.autograd.grad(total, list(wanted.values()))
            precision = str(dtype).removeprefix("torch.")
            for key, output in outputs.items():
                self._store(f"{name}/{precision}/outputs/{key}", output.detach().numpy())
            for key, gradient in zip(wanted, found, strict=True):
                self._store(f"{name}/{precision}/gradients/{key}", gradient.numpy())
        for group, arrays in (("weights", weights), ("inputs", inputs), ("cotangents", cotangents)):
            for key, array in arrays.items():
                self._store(f"{name}/{group}/{key}", np.asarray(array))

    def _store(self, path: str, array: np.ndarray) -> None:
        self.arrays[path] = array

    def write(self) -> None:
        np.savez_compressed(self.path, **self.arrays)
        print(f"{self.path.name}: {len(self.arrays)} arrays, {self.path.stat().st_size} bytes")


def recurrent(name: str, seed: int) -> None:
    """``rnn``, ``lstm``, ``gru``: layers, directions, lengths; states (layers · directions, …)."""
    file = File(name, seed)
    kind = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[name]
    states = ("h", "c") if name == "lstm" else ("h",)

    def run(call: Any, x: Any, lengths: Any = None, **given: Any) -> dict[str, torch.Tensor]:
        initial = tuple(given[f"{s}0"] for s in states)
        packed = x if lengths is None else nn.utils.rnn.pack_padded_sequence(
            x, lengths, batch_first=True, enforce_sorted=False)  # fmt: skip
        y, final = call(packed, initial if len(states) > 1 else initial[0])
        if lengths is not None:
            y, _ = nn.utils.rnn.pad_packed_sequence(y, batch_first=True)
        final = final if isinstance(final, tuple) else (final,)
        return {"y": y, **dict(zip(states, final, strict=True))}

    for layers in (1, 2):
        for bidirectional in (False, True):
            for lengths in (None, np.array([3, 5, 1])):
                words = [f"layers{layers}"]
                words += ["bidirectional"] * bidirectional + ["lengths"] * (lengths is not None)
                module = kind(3, 4, layers, bidirectional=bidirectional, batch_first=True)
                initial = {f"{s}0": file.normal(layers * (1 + bidirectional), 3, 4) for s in states}
                extra = {} if lengths is None else {"lengths": lengths}
                file.case("-".join(words), run, module, x=file.normal(3, 5, 3), **initial, **extra)
    if name == "rnn":
        file.case("layers1-relu", run, nn.RNN(3, 4, nonlinearity="relu", batch_first=True),
                  x=file.normal(3, 5, 3), h0=file.normal(1, 3, 4))  # fmt: skip
    if name == "lstm":
        projected = nn.LSTM(3, 4, proj_size=2, batch_first=True)
        initial = {"h0": file.normal(1, 3, 2), "c0": file.normal(1, 3, 4)}
        file.case("layers1-projected", run, projected, x=file.normal(3, 5, 3), **initial)
    file.write()


def layers() -> None:
    """Linear, Embedding, LayerNorm, RMSNorm, Conv1d, Conv2d."""
    file = File("layers", 3)
    apply = lambda call, x: {"y": call(x)}  # noqa: E731
    file.case("linear", apply, nn.Linear(3, 4), x=file.normal(2, 5, 3))
    file.case("linear-unbiased", apply, nn.Linear(3, 4, bias=False), x=file.normal(3))
    indices = np.array([[0, 4, 2, 2], [5, 0, 2, 1]])
    file.case("embedding", apply, nn.Embedding(6, 3), x=indices)
    file.case("embedding-padded", apply, nn.Embedding(6, 3, padding_idx=2), x=indices)
    file.case("layernorm", apply, nn.LayerNorm(5), x=file.normal(2, 3, 5))
    file.case("layernorm-two_axes", apply, nn.LayerNorm((3, 5)), x=file.normal(2, 3, 5))
    file.case("rmsnorm", apply, nn.RMSNorm(5, eps=1e-6), x=file.normal(2, 3, 5))
    file.case("conv1d", apply, nn.Conv1d(2, 3, 3), x=file.normal(2, 2, 7))
    file.case("conv1d-strided", apply, nn.Conv1d(2, 3, 3, stride=2, padding=1),
              x=file.normal(2, 2, 7))  # fmt: skip
    file.case("conv2d", apply, nn.Conv2d(2, 3, (3, 2)), x=file.normal(2, 2, 5, 4))
    file.case("conv2d-strided", apply, nn.Conv2d(2, 3, 3, stride=(2, 1), padding=(1, 0)),
              x=file.normal(2, 2, 5, 4))  # fmt: skip
    file.write()


def attention() -> None:
    """scaled_dot_product_attention and MultiheadAttention; True masks out in the latter."""
    file = File("attention", 4)
    sdpa = lambda call, q, k, v, mask=None: {  # noqa: E731
        "y": functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    }
    causal = lambda call, q, k, v: {  # noqa: E731
        "y": functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    }
    q, k, v = file.normal(2, 3, 4), file.normal(2, 5, 4), file.normal(2, 5, 6)
    file.case("dot", sdpa, q=q, k=k, v=v)
    allowed = file.rng.random((2, 3, 5)) < 0.6
    allowed[..., 0] = True
    file.case("dot-masked", sdpa, q=q, k=k, v=v, mask=allowed)
    file.case("dot-causal", causal, q=file.normal(2, 5, 4), k=k, v=v)

    padding = np.array([[False] * 5, [False, False, False, True, True]])
    future = np.triu(np.ones((5, 5), bool), 1)
    heads = lambda: nn.MultiheadAttention(8, 2, batch_first=True)  # noqa: E731

    def run(call: Any, *, average: bool = True, x: Any = None, **given: Any) -> Any:
        query, key, value = (given.get(n, x) for n in ("query", "key", "value"))
        options = {n: m for n, m in given.items() if n in ("key_padding_mask", "attn_mask")}
        y, weights = call(query, key, value, average_attn_weights=average, **options)
        return {"y": y, "attention": weights}

    x = file.normal(2, 5, 8)
    file.case("self", run, heads(), x=x)
    file.case("self-per_head", lambda call, **g: run(call, average=False, **g), heads(), x=x)
    file.case("self-padded", run, heads(), x=x, key_padding_mask=padding)
    file.case("self-causal", run, heads(), x=x, attn_mask=future)
    file.case("self-causal-padded", run, heads(), x=x, attn_mask=future, key_padding_mask=padding)
    file.case("cross", run, heads(), query=file.normal(2, 3, 8), key=file.normal(2, 5, 8),
              value=file.normal(2, 5, 8), key_padding_mask=padding)  # fmt: skip
    file.case("self-unbiased", run, nn.MultiheadAttention(8, 2, bias=False, batch_first=True), x=x)
    file.write()


def transformer() -> None:
    """Encoder and decoder layers, post- and pre-norm, and stacks of two."""
    file = File("transformer", 5)
    padding = np.array([[False] * 5, [False, False, False, True, True]])
    future = np.triu(np.ones((4, 4), bool), 1)
    options = {"d_model": 8, "nhead": 2, "dim_feedforward": 6, "dropout": 0.0, "batch_first": True}
    encode = lambda call, x, padding: {"y": call(x, src_key_padding_mask=padding)}  # noqa: E731
    decode = lambda call, x, memory, future, padding: {  # noqa: E731
        "y": call(x, memory, tgt_mask=future, memory_key_padding_mask=padding)
    }
    x, y = file.normal(2, 5, 8), file.normal(2, 4, 8)
    for name, more in (
        ("post", {}), ("pre", {"norm_first": True}), ("post-gelu", {"activation": "gelu"}),
    ):  # fmt: skip
        encoder = nn.TransformerEncoderLayer(**options, **more)
        decoder = nn.TransformerDecoderLayer(**options, **more)
        file.case(f"encoder-{name}", encode, encoder, x=x, padding=padding)
        file.case(f"decoder-{name}", decode, decoder, x=y, memory=x, future=future, padding=padding)
    encoder = nn.TransformerEncoderLayer(**options, norm_first=True)
    stack = nn.TransformerEncoder(encoder, 2, norm=nn.LayerNorm(8), enable_nested_tensor=False)
    file.case("encoder_stack-pre", encode, stack, x=x, padding=padding)
    decoders = nn.TransformerDecoder(nn.TransformerDecoderLayer(**options), 2)
    file.case("decoder_stack-post", decode, decoders, x=y, memory=x, future=future, padding=padding)
    file.write()


def losses() -> None:
    """Every loss with each reduction."""
    file = File("losses", 6)
    prediction, target = 2 * file.normal(3, 4), file.normal(3, 4)
    probabilities = file.rng.uniform(0.05, 0.95, (3, 4)).astype(np.float32)
    classes = np.array([1, 0, 3])
    shares = (probabilities / probabilities.sum(axis=1, keepdims=True)).astype(np.float32)
    for reduction in ("mean", "sum", "none"):

        def loss(function: Any, **options: Any) -> Run:
            return lambda call, x, target: {
                "loss": function(x, target, reduction=reduction, **options)  # noqa: B023
            }

        for name, function, options in (
            ("mse", functional.mse_loss, {}),
            ("l1", functional.l1_loss, {}),
            ("huber", functional.huber_loss, {"delta": 0.7}),
        ):
            file.case(f"{name}-{reduction}", loss(function, **options), x=prediction, target=target)
        file.case(
            f"binary_cross_entropy_with_logits-{reduction}",
            loss(functional.binary_cross_entropy_with_logits),
            x=prediction, target=probabilities,
        )  # fmt: skip
        divergence = lambda x, target, **o: (  # noqa: E731
            functional.kl_div(functional.log_softmax(x, -1), target, **o)
        )
        file.case(f"kl_div-{reduction}", loss(divergence), x=prediction, target=shares)
        plain = loss(functional.cross_entropy)
        smoothed = loss(functional.cross_entropy, label_smoothing=0.1)
        ignored = np.array([1, -100, 3])
        name = "cross_entropy"
        file.case(f"{name}-{reduction}", plain, x=prediction, target=classes)
        file.case(f"{name}-smoothed-{reduction}", smoothed, x=prediction, target=classes)
        file.case(f"{name}-ignored-{reduction}", smoothed, x=prediction, target=ignored)
        file.case(
            f"ctc-{reduction}",
            lambda call, x, targets, input_lengths, target_lengths: {
                "loss": functional.ctc_loss(
                    functional.log_softmax(x, -1), targets, input_lengths, target_lengths,
                    reduction=reduction,  # noqa: B023
                )
            },
            x=file.normal(8, 3, 5), targets=np.array([[1, 2, 2, 3], [4, 1, 0, 0], [3, 3, 3, 0]]),
            input_lengths=np.array([8, 6, 7]), target_lengths=np.array([4, 2, 3]),
        )  # fmt: skip
    file.write()


def functions() -> None:
    """Everything in functions.py, called alike in both libraries."""
    file = File("functions", 9)
    for name, case in FUNCTIONS.items():
        given = case.inputs(file.rng)
        leaves = [
            torch.tensor(a, dtype=torch.float64, requires_grad=k not in case.constants)
            if a.dtype.kind == "f"
            else torch.tensor(a)
            for k, a in enumerate(given)
        ]
        args = [
            torch.tensor(a, dtype=torch.float64) if isinstance(a, np.ndarray) else a
            for a in case.args
        ]
        y = getattr(functional, case.kind)(*leaves, *args, **case.options)
        cotangent = file.normal(*y.shape)
        wanted = {f"x{k}": x for k, x in enumerate(leaves) if x.requires_grad}
        found = torch.autograd.grad((y * torch.tensor(cotangent)).sum(), list(wanted.values()))
        file._store(f"{name}/float64/outputs/y", y.detach().numpy())
        for key, gradient in zip(wanted, found, strict=True):
            file._store(f"{name}/float64/gradients/{key}", gradient.numpy())
        for k, array in enumerate(given):
            file._store(f"{name}/inputs/x{k}", np.asarray(array))
        file._store(f"{name}/cotangents/y", np.asarray(cotangent))
    file.write()


def modules() -> None:
    """Everything in modules.py, made and called alike in both libraries."""
    file = File("modules", 8)
    for name, case in CASES.items():
        weights: Arrays = {}
        given = case.inputs(file.rng)
        inputs = {f"x{k}": array for k, array in enumerate(given)}
        cotangents: Arrays = {}
        for dtype in (torch.float64,):
            precision = str(dtype).removeprefix("torch.")
            convert = lambda a: torch.tensor(a) if isinstance(a, np.ndarray) else a  # noqa: E731
            args = [convert(a) for a in case.args]
            options = {key: convert(value) for key, value in case.options.items()}
            module = getattr(nn, case.kind)(*args, **options).train(case.training).to(dtype)
            for key, parameter in module.named_parameters():
                weights.setdefault(key, (0.5 * file.normal(*parameter.shape)).astype(np.float32))
                parameter.data = torch.tensor(weights[key], dtype=dtype)
            leaves = [
                torch.tensor(a, dtype=dtype, requires_grad=k not in case.constants)
                if a.dtype.kind == "f"
                else torch.tensor(a)
                for k, a in enumerate(given)
            ]
            found = module(*leaves)
            outputs = (
                {"y": found} if torch.is_tensor(found) else dict(zip("yw", found, strict=True))
            )
            for key, output in outputs.items():
                cotangents.setdefault(key, file.normal(*output.shape))
                file._store(f"{name}/{precision}/outputs/{key}", output.detach().numpy())
            total = sum(
                (output * torch.tensor(cotangents[key], dtype=dtype)).sum()
                for key, output in outputs.items()
            )
            wanted = dict(module.named_parameters())
            wanted |= {k: x for k, x in zip(inputs, leaves, strict=True) if x.requires_grad}
            gradients = torch.autograd.grad(total, list(wanted.values()))
            for key, gradient in zip(wanted, gradients, strict=True):
                file._store(f"{name}/{precision}/gradients/{key}", gradient.numpy())
            if case.training:
                for key, buffer in module.named_buffers():
                    file._store(f"{name}/{precision}/buffers/{key}", buffer.numpy())
        for group, arrays in (("weights", weights), ("inputs", inputs), ("cotangents", cotangents)):
            for key, array in arrays.items():
                file._store(f"{name}/{group}/{key}", np.asarray(array))
    file.write()


if __name__ == "__main__":
    torch.manual_seed(0)
    torch.set_num_threads(1)
    makers: dict[str, Callable[[], None]] = {
        **{n: partial(recurrent, n, seed) for seed, n in enumerate(("rnn", "lstm", "gru"))},
        "layers": layers, "attention": attention, "transformer": transformer, "losses": losses,
        "modules": modules, "functions": functions,
    }  # fmt: skip
    for wanted in sys.argv[1:] or makers:
        makers[wanted]()

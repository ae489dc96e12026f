"""Parts of `minigrad.nn` that no time runs through: norms, heads, blocks, losses.

Each is written here as one small call, with masks and repetitions where it has them, so that
`verify` can judge it. What is made with (input_size, hidden_size) and called on a sequence needs
no such entry: see `minigrad.targets.layers`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from minigrad import nn
from minigrad.primitives import log_softmax, sigmoid
from minigrad.primitives.primitive import Domain
from minigrad.scope import unfused
from minigrad.targets.layers import LayerTarget
from minigrad.targets.problem import JUDGES, Judge, Problem, holding
from minigrad.targets.target import Recording, Target
from minigrad.tensor import Tensor


@dataclass(frozen=True)
class Part:
    """A module or a function of `minigrad.nn`, and a call of it.

    Attributes:
        make: (rng, dtype) → the module; ``None`` for a function.
        inputs: shapes of the inputs by name.
        call: the module, if there is one, and the inputs by name → the outputs.
        domains: what numbers an input may be, where that is not every real number.
        judges: who can judge it; a proof over symbols takes too long for the large ones.
    """

    make: Callable[..., nn.Module] | None
    inputs: Mapping[str, tuple[int, ...]]
    call: Callable[..., Any]
    domains: Mapping[str, Domain] = field(default_factory=dict)
    judges: tuple[Judge, ...] = JUDGES

    def module(self, seed: int = 0) -> nn.Module | None:
        """The module in float64, as in evaluation; ``None`` for a function."""
        return None if self.make is None else self.make(rng=seed, dtype=np.float64).eval()

    def example(self, seed: int = 0) -> Any:
        """The outputs of the call on random inputs, as pictures show it."""
        rng = np.random.default_rng(seed)
        inputs = {
            name: Tensor(np.abs(rng.normal(size=shape)) + 1, requires_grad=True, name=name)
            for name, shape in self.inputs.items()
        }
        module = self.module(seed)
        return self.call(**inputs) if module is None else self.call(module, **inputs)


@dataclass(frozen=True)
class PartTarget(Target):
    """A part of the library, in the call that is written for it here."""

    noun = "part"

    @property
    def title(self) -> str:
        return self.name

    def derivable(self) -> Target:
        module = self.subject.module()
        return self if module is None else LayerTarget(self.name, type(module))

    def record(self, steps: int) -> Recording:
        with unfused():
            return Recording(self.subject.example())

    def problems(self, seed: int = 0) -> Iterator[Problem]:
        part: Part = self.subject
        module = part.module(seed)
        parameters = dict(module.named_parameters()) if module else {}
        shapes: dict[str, tuple[int, ...]] = {n: p.shape for n, p in parameters.items()}
        shapes |= part.inputs

        def run(leaves: Mapping[str, Tensor]) -> Any:
            inputs = {name: leaves[name] for name in part.inputs}
            if module is None:
                return part.call(**inputs)
            with holding(module, leaves):
                return part.call(module, **inputs)

        problem = Problem(self.name, shapes, run, part.domains, judges=part.judges)
        yield problem
        yield replace(problem, order=2, judges=("exact",))


def _module(make: Callable[..., nn.Module], *shape: int) -> Part:
    """A module that is called with one array x."""
    return Part(make, {"x": shape}, lambda module, x: module(x))


def _plain(make: Callable[[], nn.Module], *shape: int) -> Part:
    """A module without parameters."""
    return Part(lambda rng, dtype: make(), {"x": shape}, lambda module, x: module(x))


def _function(function: Callable[..., Any], *shape: int) -> Part:
    """A function of one array x."""
    return Part(None, {"x": shape}, lambda x: function(x))


def _loss(function: Callable[..., Any], **options: Any) -> Part:
    """A function of a prediction x and a target t of the same shape."""
    return Part(None, {"x": (2, 3), "t": (2, 3)}, lambda x, t: function(x, t, **options))


_INDICES = np.array([[0, 3, 1], [3, 3, 2]])
_PADDING = np.array([[False, False, True], [False, True, True]])  # True: nobody attends to it
_LONG_PADDING = np.arange(6) >= np.array([[4], [6]])
_NOTHING = np.array([[False, False, True], [True, True, True]])  # the second row: to nothing
_LARGE = JUDGES[1:]
_WEIGHTS = np.array([0.5, 2.0, 1.5])  # of three classes
_SIGNS = np.array([1.0, -1.0, 1.0])
_BLOCK: dict[str, Any] = {"dim_feedforward": 5, "activation": "gelu"}

PARTS: Mapping[str, Part] = MappingProxyType({
    "linear": _module(lambda **o: nn.Linear(3, 2, **o), 2, 3),
    "embedding": Part(
        lambda **o: nn.Embedding(4, 2, **o), {}, lambda module: module(_INDICES)
    ),
    "layer-norm": _module(lambda rng, dtype: nn.LayerNorm(3, dtype=dtype), 2, 3),
    "rms-norm": _module(lambda rng, dtype: nn.RMSNorm(3, dtype=dtype), 2, 3),
    "conv1d": _module(lambda **o: nn.Conv1d(2, 2, 2, stride=2, padding=1, **o), 1, 2, 4),
    "conv2d": _module(lambda **o: nn.Conv2d(1, 2, 2, padding=(1, 0), **o), 1, 1, 2, 3),
    "positions": _module(lambda **o: nn.LearnedPositionalEncoding(4, 2, **o), 2, 3, 2),
    "rotary": Part(None, {"x": (3, 4)}, nn.rotary_encoding),
    "cosine": Part(None, {"x": (2, 3), "y": (2, 3)}, nn.cosine_similarity),
    "dot-attention": Part(
        None, {"q": (2, 2), "k": (3, 2), "v": (3, 2)},
        lambda q, k, v: nn.dot_product_attention(q, k, v, ~_NOTHING),
    ),
    "additive-attention": Part(
        lambda **o: nn.AdditiveAttention(2, 3, 2, **o), {"q": (2, 2), "k": (3, 3)},
        lambda module, q, k: module(q, k, mask=~_NOTHING),
    ),
    "multi-head": Part(
        lambda **o: nn.MultiheadAttention(8, 4, **o), {"x": (2, 6, 8)},
        lambda module, x: module(x, key_padding_mask=_LONG_PADDING, is_causal=True), judges=_LARGE,
    ),
    "cross-attention": Part(
        lambda **o: nn.MultiheadAttention(4, 2, **o), {"x": (2, 2, 4), "memory": (2, 3, 4)},
        lambda module, x, memory: module(x, memory, key_padding_mask=_NOTHING), judges=_LARGE,
    ),
    "encoder": Part(  # two blocks
        lambda **o: nn.TransformerEncoder(8, 2, 2, norm_first=True, **_BLOCK, **o),
        {"x": (2, 6, 8)},
        lambda module, x: module(x, src_key_padding_mask=_LONG_PADDING, is_causal=True),
        judges=_LARGE,
    ),
    "decoder": Part(
        lambda **o: nn.TransformerDecoder(4, 2, 2, **_BLOCK, **o),
        {"x": (2, 2, 4), "memory": (2, 3, 4)},
        lambda module, x, memory: module(
            x, memory, tgt_is_causal=True, memory_key_padding_mask=_PADDING
        ),
        judges=_LARGE,
    ),
    "mse-loss": _loss(nn.mse_loss),
    "l1-loss": _loss(nn.l1_loss),
    "huber-loss": _loss(nn.huber_loss, delta=0.7),
    "binary-cross-entropy": _loss(nn.binary_cross_entropy_with_logits),
    "cross-entropy": Part(
        None, {"x": (3, 3)},
        lambda x: nn.cross_entropy(x, np.array([1, -100, 2]), label_smoothing=0.1),
    ),
    "kl-divergence": Part(
        None, {"x": (2, 3), "t": (2, 3)}, lambda x, t: nn.kl_div(log_softmax(x), t),
        domains={"t": "positive"},
    ),
    "ctc-loss": Part(
        None, {"x": (4, 2, 3)},
        lambda x: nn.ctc_loss(log_softmax(x), np.array([[1, 1], [2, 0]]), [4, 3], [2, 1]),
        judges=_LARGE,
    ),
    # Activations
    **{
        name: _function(getattr(nn, name), 2, 3)
        for name in (
            "celu", "selu", "relu6", "hardtanh", "hardsigmoid", "hardswish", "mish", "softsign",
            "logsigmoid", "tanhshrink", "softshrink", "hardshrink", "softmin",
        )
    },
    "glu": _function(nn.glu, 2, 4),
    "prelu": Part(None, {"x": (2, 3, 2), "w": (3,)}, lambda x, w: nn.prelu(x, w)),
    # Layers over places
    "conv3d": _module(lambda **o: nn.Conv3d(1, 1, 2, padding=(0, 1, 0), **o), 1, 1, 2, 2, 2),
    "conv-groups": _module(
        lambda **o: nn.Conv1d(4, 2, 2, dilation=2, groups=2, **o), 1, 4, 4
    ),
    "conv-reflect": _module(
        lambda **o: nn.Conv1d(1, 2, 3, 1, 2, padding_mode="reflect", **o), 1, 1, 3
    ),
    "conv-transpose1d": _module(
        lambda **o: nn.ConvTranspose1d(2, 2, 2, 2, 1, 1, 2, **o), 1, 2, 3
    ),
    "conv-transpose2d": _module(lambda **o: nn.ConvTranspose2d(1, 1, 2, 2, **o), 1, 1, 2, 2),
    "conv-transpose3d": _module(lambda **o: nn.ConvTranspose3d(1, 1, 2, **o), 1, 1, 2, 1, 1),
    "max-pool": _plain(lambda: nn.MaxPool2d(2, 1, 1, 2), 1, 1, 3, 3),
    "avg-pool": _plain(lambda: nn.AvgPool2d(2, 2, 1, True, False), 1, 1, 3, 3),
    "lp-pool": _plain(lambda: nn.LPPool1d(2, 2), 1, 1, 4),
    "adaptive-avg-pool": _plain(lambda: nn.AdaptiveAvgPool2d((2, 1)), 1, 1, 3, 2),
    "adaptive-max-pool": _plain(lambda: nn.AdaptiveMaxPool1d(2), 1, 1, 5),
    "interpolate-linear": _plain(lambda: nn.Upsample(3, mode="linear"), 1, 1, 2),
    "interpolate-cubic": _plain(lambda: nn.Upsample(3, mode="bicubic"), 1, 1, 2, 1),
    "interpolate-nearest": _plain(lambda: nn.Upsample(scale_factor=2), 1, 1, 2),
    "pixel-shuffle": _plain(lambda: nn.PixelShuffle(2), 1, 4, 1, 2),
    "pixel-unshuffle": _plain(lambda: nn.PixelUnshuffle(2), 1, 1, 2, 2),
    "circular-pad": _plain(lambda: nn.CircularPad1d((2, 1)), 1, 1, 3),
    "constant-pad": _plain(lambda: nn.ConstantPad1d((1, -1), 2.0), 1, 1, 3),
    # Norms, embeddings, affine maps
    "batch-norm": _module(lambda rng, dtype: nn.BatchNorm1d(2, dtype=dtype).train(), 3, 2),
    "batch-norm-eval": _module(lambda rng, dtype: nn.BatchNorm2d(2, dtype=dtype), 1, 2, 1, 2),
    "group-norm": _module(lambda rng, dtype: nn.GroupNorm(2, 4, dtype=dtype), 1, 4, 2),
    "instance-norm": _module(
        lambda rng, dtype: nn.InstanceNorm1d(2, affine=True, dtype=dtype), 1, 2, 3
    ),
    "local-response-norm": _plain(lambda: nn.LocalResponseNorm(3, 0.5, 1.0, 2.0), 1, 3, 2),
    "bilinear": Part(
        lambda **o: nn.Bilinear(2, 3, 2, **o), {"x": (2, 2), "y": (2, 3)},
        lambda module, x, y: module(x, y),
    ),
    "embedding-bag": Part(
        lambda **o: nn.EmbeddingBag(4, 2, **o), {},
        lambda module: module(np.array([0, 3, 1, 3]), offsets=np.array([0, 1, 1])),
    ),
    # Attention
    "added-mask": Part(
        None, {"q": (2, 2), "k": (3, 2), "v": (3, 1), "m": (2, 3)},
        lambda q, k, v, m: nn.scaled_dot_product_attention(q, k, v, m)[0],
    ),
    "grouped-heads": Part(
        lambda **o: nn.MultiheadAttention(8, 4, kv_heads=2, rotary=True, **o), {"x": (1, 3, 8)},
        lambda module, x: module(x, is_causal=True), judges=_LARGE,
    ),
    "transformer": Part(
        lambda **o: nn.Transformer(2, 1, 1, 1, 2, **o), {"src": (1, 2, 2), "tgt": (1, 2, 2)},
        lambda module, src, tgt: module(src, tgt, tgt_is_causal=True), judges=_LARGE,
    ),
    # Losses
    "smooth-l1-loss": _loss(nn.smooth_l1_loss, beta=0.7),
    "poisson-loss": _loss(nn.poisson_nll_loss),
    "gaussian-loss": Part(
        None, {"x": (2, 3), "t": (2, 3), "v": (2, 3)},
        lambda x, t, v: nn.gaussian_nll_loss(x, t, v), domains={"v": "positive"},
    ),
    "cross-entropy-weighted": Part(
        None, {"x": (2, 3, 2)},
        lambda x: nn.cross_entropy(x, np.array([[1, 0], [2, -100]]), weight=_WEIGHTS,
                                   label_smoothing=0.1, axis=1),
    ),
    "cross-entropy-shares": Part(
        None, {"x": (2, 3), "t": (2, 3)}, lambda x, t: nn.cross_entropy(x, t, weight=_WEIGHTS)
    ),
    "nll-loss": Part(
        None, {"x": (2, 3)},
        lambda x: nn.nll_loss(log_softmax(x), np.array([1, 0]), weight=_WEIGHTS),
    ),
    "binary-cross-entropy-of-shares": Part(
        None, {"x": (2, 3), "t": (2, 3)},
        lambda x, t: nn.binary_cross_entropy(sigmoid(x), sigmoid(t), weight=_WEIGHTS),
        judges=_LARGE,
    ),
    "binary-cross-entropy-weighted": _loss(
        nn.binary_cross_entropy_with_logits, weight=np.array([1.0, 2.0, 0.5]),
        pos_weight=np.array([2.0, 1.0, 3.0]),
    ),
    "focal-loss": _loss(nn.sigmoid_focal_loss),
    "kl-divergence-of-logs": _loss(nn.kl_div, log_target=True),
    "soft-margin-loss": _loss(nn.soft_margin_loss),
    "multi-margin-loss": Part(
        None, {"x": (2, 3)},
        lambda x: nn.multi_margin_loss(x, np.array([1, 0]), p=2, weight=_WEIGHTS),
    ),
    "multilabel-margin-loss": Part(
        None, {"x": (2, 3)},
        lambda x: nn.multilabel_margin_loss(x, np.array([[1, -1, 0], [2, 0, -1]])),
    ),
    "multilabel-soft-margin-loss": _loss(nn.multilabel_soft_margin_loss),
    "margin-ranking-loss": Part(
        None, {"x": (3,), "y": (3,)},
        lambda x, y: nn.margin_ranking_loss(x, y, _SIGNS, margin=0.3),
    ),
    "hinge-embedding-loss": Part(
        None, {"x": (3,)}, lambda x: nn.hinge_embedding_loss(x, _SIGNS, margin=0.7)
    ),
    "cosine-embedding-loss": Part(
        None, {"x": (3, 2), "y": (3, 2)},
        lambda x, y: nn.cosine_embedding_loss(x, y, _SIGNS, margin=0.1), judges=_LARGE,
    ),
    "triplet-loss": Part(
        None, {"a": (2, 3), "p": (2, 3), "n": (2, 3)},
        lambda a, p, n: nn.triplet_margin_loss(a, p, n, swap=True), judges=_LARGE,
    ),
})  # fmt: skip
"""The parts, by the names that the command line knows."""

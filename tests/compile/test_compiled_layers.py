"""Compiled layers and losses give what they give otherwise, values, gradients and running means."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.compile import backend
from minigrad.compile.trace import TraceError
from minigrad.tree import tree_leaves

rng = np.random.default_rng(0)
F64 = {"rng": 0, "dtype": np.float64}
PADDING = np.array([[False] * 6, [False] * 4 + [True] * 2])


def normal(*shape):
    return rng.normal(size=shape)


def probabilities(*shape):
    return rng.dirichlet(np.ones(shape[-1]), shape[:-1])


def signs(*shape):
    return np.where(normal(*shape) > 0, 1, -1)


def classes(number, *shape):
    return rng.integers(number, size=shape)


LOSSES = {
    "cross entropy": (nn.CrossEntropyLoss(), normal(4, 5), classes(5, 4)),
    "ignored": (nn.CrossEntropyLoss(ignore_index=2), normal(4, 5), np.array([0, 2, 1, 2])),
    "all ignored": (nn.CrossEntropyLoss(ignore_index=2), normal(2, 5), np.array([2, 2])),
    "smooth": (nn.CrossEntropyLoss(label_smoothing=0.1), normal(4, 5), classes(5, 4)),
    "weights": (nn.CrossEntropyLoss(weight=np.arange(5.0)), normal(4, 5), classes(5, 4)),
    "of probabilities": (nn.CrossEntropyLoss(), normal(4, 5), probabilities(4, 5)),
    "nll": (nn.NLLLoss(), np.log(probabilities(4, 5)), classes(5, 4)),
    "bce": (nn.BCELoss(), rng.random((3, 4)), rng.random((3, 4))),
    "bce of logits": (nn.BCEWithLogitsLoss(pos_weight=np.array(2.0)), normal(3, 4),
                      rng.random((3, 4))),
    "cosine": (nn.CosineEmbeddingLoss(), normal(3, 4), normal(3, 4), signs(3)),
    "gaussian": (nn.GaussianNLLLoss(), normal(3, 4), normal(3, 4), rng.random((3, 4)) + 0.5),
    "hinge": (nn.HingeEmbeddingLoss(), normal(3, 4), signs(3, 4)),
    "huber": (nn.HuberLoss(), normal(3, 4), normal(3, 4)),
    "kl": (nn.KLDivLoss(reduction="batchmean"), np.log(probabilities(4, 5)), probabilities(4, 5)),
    "ranking": (nn.MarginRankingLoss(), normal(4), normal(4), signs(4)),
    "labels": (nn.MultiLabelMarginLoss(), normal(2, 4), np.array([[1, 2, -1, 0], [3, -1, 0, 0]])),
    "margin": (nn.MultiMarginLoss(), normal(4, 5), classes(5, 4)),
    "poisson": (nn.PoissonNLLLoss(), normal(3, 4), rng.random((3, 4))),
    "triplet": (nn.TripletMarginLoss(), normal(3, 4), normal(3, 4), normal(3, 4)),
    "ctc": (nn.CTCLoss(), np.log(probabilities(6, 2, 5)), np.array([[1, 2, 2], [3, 4, 1]]),
            np.array([6, 5]), np.array([3, 2])),
}  # fmt: skip

attention = nn.MultiheadAttention(8, 2, **F64)
encoder = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, **F64)
decoder = nn.TransformerDecoderLayer(8, 2, 16, dropout=0.0, **F64)
lstm = nn.LSTM(3, 4, 2, bidirectional=True, **F64)
LAYERS = {
    "batch norm": (nn.BatchNorm1d(4, dtype=np.float64), normal(6, 4)),
    "all batches": (nn.BatchNorm2d(3, momentum=None, dtype=np.float64), normal(2, 3, 4, 4)),
    "instance norm": (nn.InstanceNorm1d(4, track_running_stats=True, dtype=np.float64),
                      normal(2, 4, 5)),
    "evaluation": (nn.BatchNorm1d(4, dtype=np.float64).eval(), normal(6, 4)),
    "dropout": (nn.Dropout(0.5, rng=0), normal(3, 4)),
    "dropout of channels": (nn.Dropout2d(0.5, rng=0), normal(3, 4, 2, 2)),
    "bag": (nn.EmbeddingBag(7, 3, mode="max", **F64), classes(7, 2, 4)),
    "padded rows": (nn.Embedding(7, 3, padding_idx=0, **F64), classes(7, 2, 4)),
    "masked": (lambda q, k, mask: attention(q, k, k, key_padding_mask=mask), normal(2, 5, 8),
               normal(2, 6, 8), PADDING),
    "masked by blocks": (
        lambda q, k, mask: attention(q, k, k, key_padding_mask=mask, need_weights=False),
        normal(2, 5, 8), normal(2, 6, 8), PADDING,
    ),
    "mask of floats": (nn.scaled_dot_product_attention, normal(2, 5, 4), normal(2, 5, 4),
                       normal(2, 5, 4), np.where(normal(5, 5) > 1, -np.inf, 0.0)),
    "encoder": (lambda x, mask: encoder(x, src_key_padding_mask=mask), normal(2, 6, 8), PADDING),
    "decoder": (
        lambda x, m, mask: decoder(x, m, memory_key_padding_mask=mask, tgt_is_causal=True,
                                   tgt_mask=~nn.causal_mask(5)),
        normal(2, 5, 8), normal(2, 6, 8), PADDING,
    ),
    "lengths": (lambda x, n: lstm(x, lengths=n), normal(3, 5, 3), np.array([5, 2, 3])),
    "dropout between": (nn.GRU(3, 4, 2, dropout=0.5, **F64), normal(2, 5, 3)),
    "checkpoints": (nn.Recurrent(3, 4, cell=nn.LSTMCell, checkpoint_every=2, **F64),
                    normal(2, 5, 3)),
    "states of two kinds": (nn.Recurrent(3, 4, cell=nn.SLSTMCell, **F64), normal(2, 5, 3)),
}  # fmt: skip


def results(function, module, arrays):
    """Values, and gradients of the arrays and of the module's parameters."""
    leaves = [mg.Tensor(x, requires_grad=x.dtype.kind == "f") for x in arrays]
    given = [t if t.requires_grad else x for t, x in zip(leaves, arrays, strict=True)]
    outputs = tree_leaves(function(*given))
    parameters = list(module.parameters()) if isinstance(module, nn.Module) else []
    for parameter in parameters:
        parameter.grad = None
    sum((y * np.cos(np.arange(y.size)).reshape(y.shape)).sum() for y in outputs
        if isinstance(y, mg.Tensor) and y.requires_grad).backward()  # fmt: skip
    found = [mg.tensor.raw(y) for y in outputs] + [t.grad for t in (*leaves, *parameters)]
    state = module.state_dict() if isinstance(module, nn.Module) else {}
    return [x if x is None else np.array(x) for x in (*found, *state.values())]


@pytest.mark.parametrize("name", [*LOSSES, *LAYERS])
def test_compiled_layers_and_losses(name):
    module, *arrays = (LOSSES | LAYERS)[name]
    ours = copy.deepcopy(module) if isinstance(module, nn.Module) else module
    with backend("numpy"):
        compiled = mg.jit(ours)
        for _ in range(2):  # running means and random numbers go on
            expected, got = results(module, module, arrays), results(compiled, ours, arrays)
            for a, b in zip(got, expected, strict=True):
                if a is None or b is None:
                    assert not np.any(a) and not np.any(b)
                else:
                    np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize(
    ("loss", "arrays", "message"),
    [
        (nn.cross_entropy, (normal(2, 3), np.array([0, 3])), "got target 3, expected 0 to 2"),
        (nn.binary_cross_entropy, (np.array([2.0, 0.5]), np.array([1.0, 0.0])),
         "got probabilities from"),
        (nn.ctc_loss, (normal(4, 1, 3), np.array([[0]]), np.array([4]), np.array([1])),
         "got label 0, expected"),
    ],
)  # fmt: skip
def test_what_a_loss_refuses_is_refused_by_the_compiled_one(loss, arrays, message):
    compiled = mg.jit(loss)
    for function in (loss, compiled, compiled):
        with pytest.raises(ValueError, match=message):
            function(*arrays)


def test_shapes_that_depend_on_values_are_refused():
    def packed(x, lengths):
        return nn.pack_padded_sequence(x, lengths, batch_first=True).data

    with pytest.raises(TraceError, match=r"test_compiled_layers\.py, line .*pack_padded_sequence"):
        mg.jit(packed)(normal(2, 3, 1), np.array([3, 2]))


def test_a_layer_may_be_compiled_before_it_ever_ran_otherwise():
    class Leaky(nn.Cell):
        """A cell that nothing has seen before."""

        state = ("h",)
        gates = ("r",)

        def step(self, x, h):
            return 0.25 * h + 0.75 * mg.tanh(self.r(h, x))

    layer = nn.Recurrent(3, 4, cell=Leaky, rng=0)
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)
    with backend("numpy"):
        first = mg.jit(lambda x: layer(x)[0])(x)
        np.testing.assert_allclose(first.data, layer(x)[0].data, rtol=1e-6)

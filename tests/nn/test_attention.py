"""Claims about attention: what masks let through, and what they do not."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn


def _tensors(*arrays):
    return [mg.Tensor(a, requires_grad=True) for a in arrays]


FUNCTIONS = [nn.scaled_dot_product_attention, nn.dot_product_attention]


@pytest.mark.parametrize(("function", "scale"), [*zip(FUNCTIONS, [0.5, 1.0], strict=True)])
def test_rows_are_means_of_the_values(function, scale, rng):
    query, key, value = (rng.normal(size=(2, n, 4)) for n in (3, 5, 5))
    output, weights = function(query, key, value)
    e = np.exp(scale * np.einsum("bqd,bkd->bqk", query, key))
    expected = e / e.sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(weights, expected, rtol=1e-13)
    np.testing.assert_allclose(output, np.einsum("bqk,bkv->bqv", expected, value), rtol=1e-12)


def test_additive_attention_is_bahdanau_s_equation(rng):
    layer = nn.AdditiveAttention(3, 4, 5, rng=0, dtype=np.float64)
    query, key = rng.normal(size=(2, 3)), rng.normal(size=(6, 4))
    output, weights = layer(query, key)
    W, U, v = (part.weight.data for part in (layer.query, layer.key, layer.score))
    for i in range(2):
        scores = np.array([v[0] @ np.tanh(W @ query[i] + U @ key[j]) for j in range(6)])
        a = np.exp(scores) / np.exp(scores).sum()
        np.testing.assert_allclose(weights.data[i], a, rtol=1e-12)
        np.testing.assert_allclose(output.data[i], a @ key, rtol=1e-12)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_is_masked_out_might_as_well_not_be_there(function, rng):
    query, key, value = (rng.normal(size=(n, 4)) for n in (3, 5, 5))
    mask = np.array([True, False, True, True, False])
    output, weights = function(query, key, value, mask)
    short, _ = function(query, key[mask], value[mask])
    np.testing.assert_allclose(output, short, rtol=1e-13)
    np.testing.assert_array_equal(weights[:, ~mask], 0)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_masks_leak_neither_values_nor_gradients(function, rng):
    query, key, value = _tensors(*(rng.normal(size=(2, n, 4)) for n in (3, 5, 5)))
    mask = np.array([True, False, True, True, False])
    cotangent = rng.normal(size=(2, 3, 4))
    output, _ = function(query, key, value, mask)
    output.backward(cotangent)
    np.testing.assert_array_equal(key.grad[:, ~mask], 0)
    np.testing.assert_array_equal(value.grad[:, ~mask], 0)
    changed = [mg.Tensor(x.data.copy(), requires_grad=True) for x in (query, key, value)]
    changed[1].data[:, ~mask] = 1e6  # nor by way of the softmax's shift
    changed[2].data[:, ~mask] = -1e6
    again, _ = function(*changed, mask)
    again.backward(cotangent)
    np.testing.assert_array_equal(again.data, output.data)
    for a, b in zip((query, key, value), changed, strict=True):
        np.testing.assert_array_equal(a.grad, b.grad)


def test_rows_that_may_attend_to_nothing_give_zeros_and_no_gradient(rng):
    query, key, value = _tensors(*(rng.normal(size=(n, 4)) for n in (2, 3, 3)))
    mask = np.array([[False] * 3, [True, False, True]])
    output, weights = nn.scaled_dot_product_attention(query, key, value, mask)
    np.testing.assert_array_equal(output.data[0], 0)
    np.testing.assert_array_equal(weights.data[0], 0)
    output.sum().backward()
    np.testing.assert_array_equal(query.grad[0], 0)
    assert all(np.all(np.isfinite(t.grad)) for t in (query, key, value))
    output, _ = nn.scaled_dot_product_attention(query, key, value, np.zeros(3, bool))
    for t in (query, key, value):
        t.grad = None
    output.sum().backward()
    assert not any(np.any(t.grad) for t in (query, key, value))


def test_causal_is_the_triangular_mask_and_goes_with_others(rng):
    x = rng.normal(size=(5, 4))
    causal, _ = nn.scaled_dot_product_attention(x, x, x, is_causal=True)
    masked, _ = nn.scaled_dot_product_attention(x, x, x, np.tril(np.ones((5, 5), bool)))
    np.testing.assert_array_equal(causal, masked)
    padding = np.array([True, True, False, True, True])
    _, weights = nn.scaled_dot_product_attention(x, x, x, padding, is_causal=True)
    assert not np.any(weights[:, 2])
    assert not np.any(np.triu(weights, 1))


MODELS = {
    "attention": (lambda: nn.Attention(4, 4, rng=0, dtype=float),
                  lambda m, x: m(x, is_causal=True)[0]),
    "multi-head": (lambda: nn.MultiheadAttention(4, 2, rng=0, dtype=float),
                   lambda m, x: m(x, is_causal=True)[0]),
    "encoder": (lambda: nn.TransformerEncoder(4, 2, 2, dim_feedforward=6, rng=0, dtype=float),
                lambda m, x: m.eval()(x, is_causal=True)),
    "decoder": (lambda: nn.TransformerDecoder(4, 2, 2, dim_feedforward=6, rng=0, dtype=float),
                lambda m, x: m.eval()(x, np.ones((*x.shape[:-2], 3, 4)), tgt_is_causal=True)),
}  # fmt: skip
CAUSAL = pytest.mark.parametrize(("make", "run"), MODELS.values(), ids=MODELS)


@CAUSAL
def test_a_changed_future_changes_nothing_before_it(make, run, rng):
    model, x = make(), rng.normal(size=(2, 6, 4))
    other = x.copy()
    other[:, 4:] = rng.normal(size=(2, 2, 4))
    one, two = _tensors(x, other)
    a, b = run(model, one), run(model, two)
    np.testing.assert_array_equal(a.data[:, :4], b.data[:, :4])
    assert np.any(a.data[:, 4:] != b.data[:, 4:])
    a[:, :4].sum().backward()
    b[:, :4].sum().backward()
    np.testing.assert_array_equal(one.grad, two.grad)
    np.testing.assert_array_equal(one.grad[:, 4:], 0)


@CAUSAL
def test_a_sequence_in_a_batch_is_as_it_is_alone(make, run, rng):
    model, x = make(), rng.normal(size=(2, 5, 4))
    together = run(model, x).data
    for k in range(2):
        np.testing.assert_allclose(together[k], run(model, x[k]).data, rtol=1e-12, atol=1e-14)


@CAUSAL
@pytest.mark.parametrize(("batch", "time"), [(0, 3), (1, 1)])
def test_empty_and_single_batches(make, run, batch, time):
    model = make()
    y = run(model, np.ones((batch, time, 4)))
    assert y.shape == (batch, time, 4)
    y.sum().backward()
    assert all(np.all(np.isfinite(p.grad)) for p in model.parameters() if p.grad is not None)


@CAUSAL
def test_non_contiguous_inputs_give_the_same(make, run, rng):
    model, view = make(), rng.normal(size=(5, 2, 4)).transpose(1, 0, 2)
    np.testing.assert_allclose(
        run(model, view).data, run(model, view.copy()).data, rtol=1e-13, atol=1e-15
    )


@CAUSAL
def test_wrong_widths_are_refused_with_both_shapes(make, run):
    with pytest.raises(ValueError, match=r"got an input of shape \(2, 5, 3\), expected \(…, 4\)"):
        run(make(), np.ones((2, 5, 3)))


def test_padded_keys_leak_nothing_through_a_whole_encoder(rng):
    model = nn.TransformerEncoder(4, 2, 2, dim_feedforward=6, rng=0, dtype=float).eval()
    x, padding = rng.normal(size=(2, 5, 4)), np.zeros((2, 5), bool)
    padding[1, 3:] = True
    y = model(x, src_key_padding_mask=padding).data
    np.testing.assert_allclose(y[1, :3], model(x[1, :3]).data, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(y[0], model(x[0]).data, rtol=1e-12, atol=1e-14)


def test_padding_alone_gives_zeros_before_the_output_bias(rng):
    layer, x = nn.MultiheadAttention(4, 2, rng=0, dtype=float), rng.normal(size=(2, 3, 4))
    layer.out_proj.bias.data = rng.normal(size=4)
    (given,) = _tensors(x)
    y, weights = layer(given, key_padding_mask=np.array([[True] * 3, [False] * 3]))
    np.testing.assert_array_equal(weights.data[0], 0)
    np.testing.assert_array_equal(y.data[0], np.broadcast_to(layer.out_proj.bias.data, (3, 4)))
    y.sum().backward()
    np.testing.assert_array_equal(given.grad[0], 0)
    assert np.all(np.isfinite(given.grad))


@pytest.mark.parametrize("options", [{}, {"need_weights": False}, {"is_causal": True}])
def test_queries_keys_and_values_of_one_product_are_those_of_three(options, rng):
    """What is fused for self-attention, against the operations that pictures and proofs see."""
    layer = nn.MultiheadAttention(6, 3, rng=0, dtype=float)
    layer.in_proj_bias.data = rng.normal(size=18)
    x, found = rng.normal(size=(2, 4, 6)), []
    for fusing in (nullcontext(), mg.unfused()):
        (given,) = _tensors(x)
        with fusing:
            y, _ = layer(given, **options)
        names = [node.primitive.name for node in mg.tape.ancestors([y]) if node.primitive]
        assert names.count("affine") == (4 if found else 2)
        leaves = [given, *layer.parameters()]
        found.append([y.data, *mg.gradients((y * y).sum(), leaves)])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)


def test_a_mask_for_each_head_and_sequence(rng):
    layer, x = nn.MultiheadAttention(4, 2, rng=0, dtype=float), rng.normal(size=(3, 5, 4))
    blocked = rng.random((6, 5, 5)) < 0.5
    _, weights = layer(x, attn_mask=blocked, average_attn_weights=False)
    np.testing.assert_array_equal(weights.data.reshape(6, 5, 5)[blocked], 0)
    assert layer(x, need_weights=False)[1] is None


def test_masks_that_are_none_or_of_other_shapes_are_refused():
    x, layer = np.ones((2, 3, 4)), nn.MultiheadAttention(4, 2)
    with pytest.raises(ValueError, match="dtype int64, expected booleans, or floats to add"):
        nn.scaled_dot_product_attention(x, x, x, np.ones((3, 3), int))
    with pytest.raises(ValueError, match=r"shape \(2, 2\).*the scores \(2, 3, 3\)"):
        nn.scaled_dot_product_attention(x, x, x, np.ones((2, 2), bool))
    with pytest.raises(ValueError, match=r"the floats 0 and 1, .* with \.astype\(bool\)"):
        layer(x, attn_mask=np.tril(np.ones((3, 3))))
    with pytest.raises(ValueError, match=r"attn_mask \(3, 3\) of int64.*\(3, 3\) or \(4, 3, 3\)"):
        layer(x, attn_mask=np.ones((3, 3), int))
    with pytest.raises(ValueError, match=r"key_padding_mask \(3, 2\) of bool.*\(2, 3\)"):
        layer(x, key_padding_mask=np.ones((3, 2), bool))


def test_floats_are_added_to_the_scores_and_minus_infinity_forbids(rng):
    q, k, v = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 5, 4)), rng.normal(size=(2, 5, 2))
    bias = rng.normal(size=(3, 5))
    forbidden = rng.random((3, 5)) < 0.4
    forbidden[1] = True
    mixed = np.where(forbidden, -np.inf, bias)
    y, weights = nn.scaled_dot_product_attention(q, k, v, mixed)
    scores = q @ k.swapaxes(-1, -2) / 2 + bias
    expected = np.where(forbidden, 0, np.exp(scores))
    total = expected.sum(-1, keepdims=True)
    np.testing.assert_allclose(weights, expected / np.where(total == 0, 1, total), rtol=1e-12)
    assert not y[:, 1].any()  # a query that may attend to nothing
    only = np.where(forbidden, -np.inf, 0.0)
    by_booleans = nn.scaled_dot_product_attention(q, k, v, ~forbidden)
    for one, other in zip(nn.scaled_dot_product_attention(q, k, v, only), by_booleans, strict=True):
        np.testing.assert_array_equal(one, other)
    x = q.astype(np.float32)
    assert nn.scaled_dot_product_attention(x, x, x, np.zeros((3, 3)))[0].dtype == np.float32


def test_a_bias_that_is_learned_gets_its_gradient(rng):
    x, bias = rng.normal(size=(2, 3, 4)), mg.Tensor(rng.normal(size=(3, 3)), requires_grad=True)
    layer = nn.MultiheadAttention(4, 2, rng=0, dtype=float)
    y, _ = layer(x, attn_mask=bias, is_causal=True, need_weights=False)
    (y * y).sum().backward()
    slope = np.zeros((3, 3))
    for at in np.ndindex(3, 3):
        for sign in (1, -1):
            moved = bias.data.copy()
            moved[at] += sign * 1e-5
            z, _ = layer(x, attn_mask=moved, is_causal=True, need_weights=False)
            slope[at] += sign * float((z.data * z.data).sum()) / 2e-5
    np.testing.assert_allclose(bias.grad, slope, atol=1e-8)
    assert not np.triu(bias.grad, 1).any()


def test_heads_that_share_keys_are_those_that_have_them_each_by_itself(rng):
    q, k = rng.normal(size=(2, 6, 3, 4)), rng.normal(size=(2, 2, 5, 4))
    v = rng.normal(size=(2, 2, 5, 2))
    got = nn.scaled_dot_product_attention(q, k, v, enable_gqa=True, scale=0.3)
    own = (np.repeat(x, 3, axis=1) for x in (k, v))
    for one, other in zip(got, nn.scaled_dot_product_attention(q, *own, scale=0.3), strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(ValueError, match=r"query \(2, 6, 3, 4\) and \(2, 4, 5, 4\), expected"):
        nn.scaled_dot_product_attention(q, rng.normal(size=(2, 4, 5, 4)), v, enable_gqa=True)
    layer = nn.MultiheadAttention(12, 6, kv_heads=2, rng=0, dtype=float)
    assert layer.in_proj_weight.shape == (12 + 2 * 2 * 2, 12)
    whole = nn.MultiheadAttention(12, 6, rng=0, dtype=float)
    rows = [layer.in_proj_weight.data[:12]]
    for start in (12, 16):
        part = layer.in_proj_weight.data[start : start + 4].reshape(2, 2, 12)
        rows.append(np.repeat(part, 3, axis=0).reshape(12, 12))
    whole.in_proj_weight.data = np.concatenate(rows)
    whole.out_proj.weight.data = layer.out_proj.weight.data
    x = rng.normal(size=(2, 4, 12))
    np.testing.assert_allclose(layer(x)[0].data, whole(x)[0].data, rtol=1e-12)


@pytest.mark.parametrize("options", [{}, {"rotary": True}, {"kv_heads": 1}], ids=str)
def test_a_cache_gives_step_by_step_what_all_steps_give(options, rng):
    layer = nn.MultiheadAttention(8, 2, rng=0, dtype=float, **options)
    x, cache = rng.normal(size=(2, 6, 8)), nn.KeyValueCache()
    whole, _ = layer(x, is_causal=True)
    parts = [layer(x[:, a:b], is_causal=True, cache=cache)[0].data
             for a, b in ((0, 1), (1, 4), (4, 6))]  # fmt: skip
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole.data, rtol=1e-12, atol=1e-14)
    assert cache.length == 6


def test_a_stack_generates_with_a_cache_for_each_layer(rng):
    model = nn.TransformerEncoder(8, 2, 2, dim_feedforward=6, rng=0, dtype=float).eval()
    x, caches = rng.normal(size=(1, 5, 8)), [nn.KeyValueCache() for _ in range(2)]
    steps = [model(x[:, t : t + 1], is_causal=True, cache=caches).data for t in range(5)]
    np.testing.assert_allclose(np.concatenate(steps, axis=1), model(x, is_causal=True).data,
                               rtol=1e-10, atol=1e-12)  # fmt: skip
    with pytest.raises(ValueError, match="got 1 caches, expected 2"):
        model(x, cache=caches[:1])


def test_alibi_lowers_scores_with_distance_and_fits_every_number_of_heads():
    bias = nn.alibi_bias(8, 3, dtype=float)
    np.testing.assert_allclose(bias[:, 2, 0] / -2, [2.0**-k for k in range(1, 9)])
    np.testing.assert_array_equal(bias[:, 2, 2], 0)
    slopes = -nn.alibi_bias(12, 2, dtype=float)[:, 1, 0]  # as published for 12: 8, then every other
    np.testing.assert_allclose(slopes[:8], [2.0**-k for k in range(1, 9)])
    np.testing.assert_allclose(slopes[8:], [2.0 ** -(k + 0.5) for k in range(4)])
    later = nn.alibi_bias(4, 2, offset=3)
    np.testing.assert_array_equal(later, nn.alibi_bias(4, 5)[:, 3:])


def test_rotations_of_halves_are_those_of_neighbours_in_another_order(rng):
    x, order = rng.normal(size=(3, 6)), [0, 2, 4, 1, 3, 5]
    neighbours = nn.rotary_encoding(x, start=2)
    halves = nn.rotary_encoding(x[:, order], start=2, interleaved=False)
    np.testing.assert_allclose(halves, neighbours[:, order], rtol=1e-14)


def test_a_stack_of_copies_starts_alike_and_learns_apart(rng):
    layer = nn.TransformerEncoderLayer(4, 2, 6, rng=0, dtype=float)
    copies = nn.TransformerEncoder(layer, 2, norm=nn.LayerNorm(4, dtype=float))
    first, second = copies.layers
    assert first is not second and layer not in copies.layers
    np.testing.assert_array_equal(first.linear1.weight.data, second.linear1.weight.data)
    copies.eval()(rng.normal(size=(2, 3, 4))).sum().backward()
    drawn = nn.TransformerEncoder(4, 2, 2, dim_feedforward=6, rng=0)
    weights = [part.linear1.weight.data for part in drawn.layers]
    assert not np.array_equal(*weights)
    assert drawn.state_dict().keys() < copies.state_dict().keys()  # which has a norm behind


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"query \(2, 3\), key \(2, 4\)"):
        nn.dot_product_attention(np.ones((2, 3)), np.ones((2, 4)), np.ones((2, 4)))
    with pytest.raises(ValueError, match=r"query \(2, 3, 4\), key \(1, 5, 4\)"):
        nn.MultiheadAttention(4, 2)(np.ones((2, 3, 4)), np.ones((1, 5, 4)))
    with pytest.raises(ValueError, match="embed_dim=4 and num_heads=3"):
        nn.MultiheadAttention(4, 3)
    with pytest.raises(ValueError, match="got activation='tanh', expected 'relu' or 'gelu'"):
        nn.TransformerEncoderLayer(4, 2, activation="tanh")


def test_dropout_in_a_transformer_is_off_in_evaluation(rng):
    model = nn.TransformerEncoderLayer(4, 2, 6, dropout=0.5, rng=0)
    x = rng.normal(size=(2, 3, 4)).astype(np.float32)
    assert np.any(model(x).data != model(x).data)
    model.eval()
    np.testing.assert_array_equal(model(x).data, model(x).data)


def test_layers_of_a_stack_start_differently():
    model = nn.TransformerEncoder(4, 2, 2, rng=0)
    a, b = (layer.self_attn.in_proj_weight.data for layer in model.layers)
    assert np.all(a != b)


def test_cosine_similarity_is_the_angle_s_cosine(rng):
    angle = 0.3
    x = np.array([[2.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    y = np.array([[5 * np.cos(angle), 5 * np.sin(angle)], [-3.0, -3.0], [1.0, 2.0]])
    a, b = _tensors(x, y)
    similarity = nn.cosine_similarity(a, b)
    np.testing.assert_allclose(similarity.data, [np.cos(angle), -1, 0], rtol=1e-14)
    similarity.sum().backward()
    np.testing.assert_allclose((a.grad * x).sum(-1), 0, atol=1e-15)  # length plays no part
    np.testing.assert_array_equal(a.grad[2], 0)
    with pytest.raises(ValueError, match=r"\(3, 2\) and \(3,\)"):
        nn.cosine_similarity(x, np.ones(3))


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("kind", ["attention", "encoder", "decoder", "additive", "compiled"])
def test_padding_reaches_nothing_even_if_it_is_no_number(kind, batch_first):
    padding = np.array([[False, False, False, True, True], [False] * 5])
    mask = np.where(padding, -np.inf, 0.0) if kind == "additive" else padding
    options = {"dropout": 0.0, "batch_first": batch_first, "rng": 0, "dtype": np.float64}
    encoder = nn.TransformerEncoderLayer(8, 2, 12, **options)
    decoder = nn.TransformerDecoderLayer(8, 2, 12, **options)
    attention = nn.MultiheadAttention(8, 2, **options)
    module = {"encoder": encoder, "decoder": decoder, "compiled": encoder}.get(kind, attention)

    def run(x):
        if kind == "decoder":
            return decoder(x, x, tgt_key_padding_mask=mask, memory_key_padding_mask=mask)
        if kind in ("encoder", "compiled"):
            return encoder(x, src_key_padding_mask=mask)
        return attention(x, x, x, key_padding_mask=mask)[0]

    run = mg.jit(run) if kind == "compiled" else run
    clean = np.random.default_rng(0).normal(size=(2, 5, 8))
    clean[padding] = 0
    found = []
    for filling in (0.0, np.nan, np.inf):
        array = clean.copy()
        array[padding] = filling
        x = mg.Tensor(array if batch_first else array.swapaxes(0, 1), requires_grad=True)
        y = run(x)
        y = y if batch_first else np.swapaxes(y, 0, 1)
        module.zero_grad()
        (y[~padding] ** 2).sum().backward()
        grad = x.grad if batch_first else x.grad.swapaxes(0, 1)
        found.append([y.data[~padding], grad[~padding], *(p.grad for p in module.parameters()
                                                         if p.grad is not None)])  # fmt: skip
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)

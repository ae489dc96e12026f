"""Forward passes, their right backward, and backwards that are wrong in realistic ways."""

from __future__ import annotations

import numpy as np
from corpus.source import with_slip


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_cell(x, h, c, W, U, b):
    z = x @ W + h @ U + b
    zf, zi, zg, zo = np.split(z, 4, axis=-1)
    f, i, g, o = sigmoid(zf), sigmoid(zi), np.tanh(zg), sigmoid(zo)
    c_next = f * c + i * g
    return o * np.tanh(c_next), c_next


def lstm_backward(cotangents, x, h, c, W, U, b):
    dh_next, dc_next = cotangents
    z = x @ W + h @ U + b
    zf, zi, zg, zo = np.split(z, 4, axis=-1)
    f, i, g, o = sigmoid(zf), sigmoid(zi), np.tanh(zg), sigmoid(zo)
    c_next = f * c + i * g
    do = dh_next * np.tanh(c_next)
    dc_next = dc_next + dh_next * o * (1 - np.tanh(c_next) ** 2)
    df = dc_next * c
    dzf = df * f * (1 - f)
    dzi = dc_next * g * i * (1 - i)
    dzg = dc_next * i * (1 - g**2)
    dzo = do * o * (1 - o)
    dz = np.concatenate([dzf, dzi, dzg, dzo], axis=-1)
    return dz @ W.T, dz @ U.T, dc_next * f, x.T @ dz, h.T @ dz, dz.sum(axis=0)


lstm_without_one_minus_f = with_slip(lstm_backward, "df * f * (1 - f)", "df * f")
lstm_without_the_path_through_tanh = with_slip(
    lstm_backward, "    dc_next = dc_next + dh_next * o * (1 - np.tanh(c_next) ** 2)\n", ""
)
lstm_with_a_flipped_sign = with_slip(lstm_backward, "(1 - g**2)", "(1 + g**2)")


def layer_norm(x, gamma, beta):
    mu = x.mean(axis=-1, keepdims=True)
    std = np.sqrt(((x - mu) ** 2).mean(axis=-1, keepdims=True) + 1e-5)
    xhat = (x - mu) / std
    return gamma * xhat + beta


def layer_norm_backward(g, x, gamma, beta):
    mu = x.mean(axis=-1, keepdims=True)
    std = np.sqrt(((x - mu) ** 2).mean(axis=-1, keepdims=True) + 1e-5)
    xhat = (x - mu) / std
    dxhat = g * gamma
    projected = xhat * (dxhat * xhat).mean(axis=-1, keepdims=True)
    dx = dxhat - dxhat.mean(axis=-1, keepdims=True)
    dx = dx - projected
    return dx / std, (g * xhat).sum(axis=0), g.sum(axis=0)


layer_norm_with_a_flipped_sign = with_slip(layer_norm_backward, "dx - projected", "dx + projected")
layer_norm_without_the_variance = with_slip(layer_norm_backward, "    dx = dx - projected\n", "")


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_backward(g, y, x):
    return y * (g - (g * y).sum(axis=-1, keepdims=True))


softmax_without_the_sum = with_slip(
    softmax_backward, "y * (g - (g * y).sum(axis=-1, keepdims=True))", "y * g"
)


def attention(q, k, v):
    s = q @ k.T / np.sqrt(q.shape[-1])
    return softmax(s) @ v


def attention_backward(g, q, k, v):
    scale = 1 / np.sqrt(q.shape[-1])
    p = softmax(q @ k.T * scale)
    dp = g @ v.T
    ds = p * (dp - (dp * p).sum(axis=-1, keepdims=True))
    dq = ds @ k * scale
    dk = ds.T @ q * scale
    return dq, dk, p.T @ g


attention_without_the_scale = with_slip(attention_backward, "ds @ k * scale", "ds @ k")
attention_without_a_transpose = with_slip(attention_backward, "ds.T @ q", "ds @ q")


def linear(x, W, b):
    return x @ W + b


def linear_backward(g, x, W, b):
    return g @ W.T, x.T @ g, g.sum(axis=0)


linear_without_the_sum = with_slip(linear_backward, "g.sum(axis=0)", "g")

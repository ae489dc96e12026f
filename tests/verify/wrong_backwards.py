"""Forward passes, their right backward, and backwards that are wrong in realistic ways."""

from __future__ import annotations

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_cell(x, h, c, W, U, b):
    z = x @ W + h @ U + b
    zf, zi, zg, zo = np.split(z, 4, axis=-1)
    f, i, g, o = sigmoid(zf), sigmoid(zi), np.tanh(zg), sigmoid(zo)
    c_next = f * c + i * g
    return o * np.tanh(c_next), c_next


def _lstm_backward(slip):
    def lstm_backward(cotangents, x, h, c, W, U, b):
        dh_next, dc_next = cotangents
        z = x @ W + h @ U + b
        zf, zi, zg, zo = np.split(z, 4, axis=-1)
        f, i, g, o = sigmoid(zf), sigmoid(zi), np.tanh(zg), sigmoid(zo)
        c_next = f * c + i * g
        do = dh_next * np.tanh(c_next)
        if slip != "no path through tanh(c)":
            dc_next = dc_next + dh_next * o * (1 - np.tanh(c_next) ** 2)
        df = dc_next * c
        dzf = df * f if slip == "no (1 - f)" else df * f * (1 - f)
        dzi = dc_next * g * i * (1 - i)
        dzg = dc_next * i * (1 + g**2 if slip == "sign in tanh" else 1 - g**2)
        dzo = do * o * (1 - o)
        dz = np.concatenate([dzf, dzi, dzg, dzo], axis=-1)
        return dz @ W.T, dz @ U.T, dc_next * f, x.T @ dz, h.T @ dz, dz.sum(axis=0)

    return lstm_backward


lstm_backward = _lstm_backward("")
lstm_without_one_minus_f = _lstm_backward("no (1 - f)")
lstm_without_the_path_through_tanh = _lstm_backward("no path through tanh(c)")
lstm_with_a_flipped_sign = _lstm_backward("sign in tanh")


def layer_norm(x, gamma, beta):
    mu = x.mean(axis=-1, keepdims=True)
    std = np.sqrt(((x - mu) ** 2).mean(axis=-1, keepdims=True) + 1e-5)
    xhat = (x - mu) / std
    return gamma * xhat + beta


def _layer_norm_backward(slip):
    def layer_norm_backward(g, x, gamma, beta):
        mu = x.mean(axis=-1, keepdims=True)
        std = np.sqrt(((x - mu) ** 2).mean(axis=-1, keepdims=True) + 1e-5)
        xhat = (x - mu) / std
        dxhat = g * gamma
        dx = dxhat - dxhat.mean(axis=-1, keepdims=True)
        if slip != "no term of the variance":
            projected = xhat * (dxhat * xhat).mean(axis=-1, keepdims=True)
            dx = dx + projected if slip == "sign" else dx - projected
        return dx / std, (g * xhat).sum(axis=0), g.sum(axis=0)

    return layer_norm_backward


layer_norm_backward = _layer_norm_backward("")
layer_norm_with_a_flipped_sign = _layer_norm_backward("sign")
layer_norm_without_the_variance = _layer_norm_backward("no term of the variance")


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_backward(g, y, x):
    return y * (g - (g * y).sum(axis=-1, keepdims=True))


def softmax_without_the_sum(g, y, x):
    return y * g


def attention(q, k, v):
    s = q @ k.T / np.sqrt(q.shape[-1])
    return softmax(s) @ v


def _attention_backward(slip):
    def attention_backward(g, q, k, v):
        scale = 1 / np.sqrt(q.shape[-1])
        p = softmax(q @ k.T * scale)
        dp = g @ v.T
        ds = p * (dp - (dp * p).sum(axis=-1, keepdims=True))
        dq = ds @ k if slip == "no scale" else ds @ k * scale
        dk = (ds @ q if slip == "no transpose" else ds.T @ q) * scale
        return dq, dk, p.T @ g

    return attention_backward


attention_backward = _attention_backward("")
attention_without_the_scale = _attention_backward("no scale")
attention_without_a_transpose = _attention_backward("no transpose")


def linear(x, W, b):
    return x @ W + b


def linear_backward(g, x, W, b):
    return g @ W.T, x.T @ g, g.sum(axis=0)


def linear_without_the_sum(g, x, W, b):
    return g @ W.T, x.T @ g, g

"""Activations, gates, dropout and pooling."""

# ruff: noqa: RUF059 (shapes are unpacked whole, as people do)

from __future__ import annotations

import numpy as np

from .pair import Pair, reals


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def sigmoid_backward(dout, z):
    s = sigmoid(z)
    return dout * s * (1 - s)


def tanh_cached(x):
    out = np.tanh(x)
    return out, out


def tanh_cached_backward(dout, out):
    return dout * (1 - out**2)


def relu(x):
    return np.maximum(0, x), x


def relu_backward(dout, cache):
    dx = dout.copy()
    dx[cache <= 0] = 0
    return dx


def leaky_relu(x):
    return np.where(x > 0, x, 0.1 * x)


def leaky_relu_backward(dout, x):
    slope = np.where(x > 0, 1.0, 0.1)
    return dout * slope


def elu(x):
    return np.where(x > 0, x, 0.7 * (np.exp(x) - 1))


def elu_backward(dout, x):
    return np.where(x > 0, dout, dout * 0.7 * np.exp(x))


def softplus(x):
    return np.log(1 + np.exp(x))


def softplus_backward(dout, x):
    return dout / (1 + np.exp(-x))


def swish(x, beta):
    return x / (1 + np.exp(-beta * x))


def swish_backward(dout, x, beta):
    s = 1 / (1 + np.exp(-beta * x))
    dx = dout * (s + beta * x * s * (1 - s))
    dbeta = np.sum(dout * x * x * s * (1 - s))
    return dx, dbeta


def gelu_tanh(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def gelu_tanh_backward(dout, x):
    c = np.sqrt(2 / np.pi)
    t = np.tanh(c * (x + 0.044715 * x**3))
    dt = (1 - t**2) * c * (1 + 3 * 0.044715 * x**2)
    return dout * (0.5 * (1 + t) + 0.5 * x * dt)


def gelu_fast(x):
    s = 1 / (1 + np.exp(-1.702 * x))
    return x * s, (x, s)


def gelu_fast_backward(dout, cache):
    x, s = cache
    return dout * (s + 1.702 * x * s * (1 - s))


def mish(x):
    sp = np.log(1 + np.exp(x))
    return x * np.tanh(sp)


def mish_backward(dout, x):
    t = np.tanh(np.log(1 + np.exp(x)))
    return dout * (t + x * (1 - t * t) / (1 + np.exp(-x)))


def glu(x):
    a, b = np.split(x, 2, axis=1)
    return a * sigmoid(b)


def glu_backward(dout, x):
    a, b = np.split(x, 2, axis=1)
    s = sigmoid(b)
    return np.concatenate([dout * s, dout * a * s * (1 - s)], axis=1)


def swiglu(x, W, V):
    u, v = x @ W, x @ V
    s = sigmoid(u)
    return u * s * v, (x, W, V, u, v, s)


def swiglu_backward(dout, cache):
    x, W, V, u, v, s = cache
    du = dout * v * (s + u * s * (1 - s))
    dv = dout * u * s
    dx = du @ W.T + dv @ V.T
    return dx, x.T @ du, x.T @ dv


def dropout(x, mask):
    return x * mask / 0.8


def dropout_backward(dout, x, mask):
    dx = dout * mask / 0.8
    return dx, None


def prelu(x, a):
    return np.where(x > 0, x, a * x)


def prelu_backward(dout, x, a):
    dx = dout * np.where(x > 0, 1, a)
    da = (dout * np.where(x > 0, 0, x)).sum(axis=0)
    return dx, da


def max_pool(x):
    N, H, W = x.shape
    out = np.zeros((N, H // 2, W // 2))
    for i in range(H // 2):
        for j in range(W // 2):
            out[:, i, j] = x[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].max(axis=(1, 2))
    return out


def max_pool_backward(dout, x):
    dx = np.zeros_like(x)
    N, H, W = dout.shape
    for n in range(N):
        for i in range(H):
            for j in range(W):
                window = x[n, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
                hit = window == np.max(window)
                dx[n, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2] += hit * dout[n, i, j]
    return dx


def max_pool_reshape(x):
    N, H, W = x.shape
    return x.reshape(N, H // 2, 2, W // 2, 2).max(axis=(2, 4))


def max_pool_reshape_backward(dout, x):
    N, H, W = x.shape
    windows = x.reshape(N, H // 2, 2, W // 2, 2)
    hit = windows == windows.max(axis=(2, 4), keepdims=True)
    return (hit * dout[:, :, None, :, None]).reshape(N, H, W)


def average_pool(x):
    N, H, W = x.shape
    return x.reshape(N, H // 2, 2, W // 2, 2).mean(axis=(2, 4))


def average_pool_backward(dout, x):
    return np.repeat(np.repeat(dout, 2, axis=1), 2, axis=2) / 4


def global_pool(x):
    return x.mean(axis=(2, 3))


def global_pool_backward(dout, x):
    N, C, H, W = x.shape
    return np.ones_like(x) * dout[:, :, None, None] / (H * W)


MASK = (np.random.default_rng(3).random((3, 4)) < 0.7).astype(float)
PAIRS = [
    Pair(sigmoid, sigmoid_backward, reals((3, 4))),
    Pair(tanh_cached, tanh_cached_backward, reals((3, 4)), saves=True),
    Pair(relu, relu_backward, reals((3, 4)), saves=True),
    Pair(leaky_relu, leaky_relu_backward, reals((3, 4))),
    Pair(elu, elu_backward, reals((3, 4))),
    Pair(softplus, softplus_backward, reals((3, 4))),
    Pair(swish, swish_backward, reals((3, 4), ())),
    Pair(gelu_tanh, gelu_tanh_backward, reals((2, 3))),
    Pair(gelu_fast, gelu_fast_backward, reals((2, 3)), saves=True),
    Pair(mish, mish_backward, reals((2, 3))),
    Pair(glu, glu_backward, reals((3, 4))),
    Pair(swiglu, swiglu_backward, reals((2, 3), (3, 2), (3, 2)), saves=True),
    Pair(dropout, dropout_backward, (*reals((3, 4)), MASK)),
    Pair(prelu, prelu_backward, reals((3, 4), (4,))),
    Pair(max_pool, max_pool_backward, reals((1, 4, 4))),
    Pair(max_pool_reshape, max_pool_reshape_backward, reals((2, 4, 2))),
    Pair(average_pool, average_pool_backward, reals((2, 4, 2))),
    Pair(global_pool, global_pool_backward, reals((2, 3, 2, 2))),
]

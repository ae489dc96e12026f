"""Normalisations, linear layers, embeddings and losses."""

# ruff: noqa: RUF059, E501 (shapes are unpacked whole, as people do; a pair is a row)

from __future__ import annotations

import numpy as np

from .pair import Pair, reals


def affine(x, w, b):
    return x.reshape(x.shape[0], -1) @ w + b, (x, w, b)


def affine_backward(dout, cache):
    x, w, b = cache
    dx = (dout @ w.T).reshape(x.shape)
    dw = x.reshape(x.shape[0], -1).T @ dout
    db = dout.sum(axis=0)
    return dx, dw, db


def bilinear(x, W, y):
    return np.einsum("ni,ij,nj->n", x, W, y)


def bilinear_backward(g, x, W, y):
    dx = g[:, None] * (y @ W.T)
    dy = g[:, None] * (x @ W)
    dW = np.einsum("n,ni,nj->ij", g, x, y)
    return dx, dW, dy


def batch_norm_steps(x, gamma, beta):
    mu = np.mean(x, axis=0)
    xmu = x - mu
    var = np.mean(xmu**2, axis=0)
    sqrtvar = np.sqrt(var + 1e-5)
    ivar = 1.0 / sqrtvar
    xhat = xmu * ivar
    return gamma * xhat + beta, (xhat, gamma, xmu, ivar, sqrtvar, var)


def batch_norm_steps_backward(dout, cache):
    xhat, gamma, xmu, ivar, sqrtvar, var = cache
    N, D = dout.shape
    dbeta = np.sum(dout, axis=0)
    dgamma = np.sum(dout * xhat, axis=0)
    dxhat = dout * gamma
    divar = np.sum(dxhat * xmu, axis=0)
    dxmu1 = dxhat * ivar
    dsqrtvar = -1.0 / (sqrtvar**2) * divar
    dvar = 0.5 * dsqrtvar / np.sqrt(var + 1e-5)
    dsq = np.ones((N, D)) / N * dvar
    dxmu2 = 2 * xmu * dsq
    dx1 = dxmu1 + dxmu2
    dmu = -1 * np.sum(dxmu1 + dxmu2, axis=0)
    dx2 = np.ones((N, D)) / N * dmu
    dx = dx1 + dx2
    return dx, dgamma, dbeta


def batch_norm_short(x, gamma, beta):
    mean, var = x.mean(0), x.var(0)
    std = np.sqrt(var + 1e-5)
    xn = (x - mean) / std
    return gamma * xn + beta, (xn, std, gamma)


def batch_norm_short_backward(dout, cache):
    xn, std, gamma = cache
    N = len(dout)
    dbeta = dout.sum(0)
    dgamma = (dout * xn).sum(0)
    dx = gamma / (N * std) * (N * dout - dbeta - xn * dgamma)
    return dx, dgamma, dbeta


def batch_norm_images(x, gamma, beta):
    mean = x.mean(axis=(0, 2, 3), keepdims=True)
    inv = 1 / np.sqrt(x.var(axis=(0, 2, 3), keepdims=True) + 1e-5)
    xhat = (x - mean) * inv
    return gamma[None, :, None, None] * xhat + beta[None, :, None, None], (xhat, inv, gamma)


def batch_norm_images_backward(dout, cache):
    xhat, inv, gamma = cache
    axes = (0, 2, 3)
    dgamma = np.sum(dout * xhat, axis=axes)
    dbeta = np.sum(dout, axis=axes)
    d = dout * gamma[None, :, None, None]
    mean = np.mean(d, axis=axes, keepdims=True)
    dx = inv * (d - mean - xhat * np.mean(d * xhat, axis=axes, keepdims=True))
    return dx, dgamma, dbeta


def layer_norm_rows(x, w, b):
    B, C = x.shape
    out = np.zeros((B, C))
    for i in range(B):
        m = x[i].sum() / C
        v = ((x[i] - m) ** 2).sum() / C
        out[i] = (x[i] - m) / np.sqrt(v + 1e-5) * w + b
    return out


def layer_norm_rows_backward(dout, x, w, b):
    B, C = x.shape
    dx, dw, db = np.zeros_like(x), np.zeros_like(w), np.zeros_like(b)
    for i in range(B):
        m = x[i].sum() / C
        v = ((x[i] - m) ** 2).sum() / C
        rstd = 1 / np.sqrt(v + 1e-5)
        norm = (x[i] - m) * rstd
        dnorm = w * dout[i]
        dw += norm * dout[i]
        db += dout[i]
        dx[i] = (dnorm - dnorm.mean() - norm * (dnorm * norm).mean()) * rstd
    return dx, dw, db


def layer_norm_transposed(x, gamma, beta):
    x = x.T
    mu = x.mean(axis=0)
    std = np.sqrt(x.var(axis=0) + 1e-5)
    xn = (x - mu) / std
    return gamma * xn.T + beta, (xn, std, gamma)


def layer_norm_transposed_backward(dout, cache):
    xn, std, gamma = cache
    dbeta = dout.sum(axis=0)
    dgamma = (dout * xn.T).sum(axis=0)
    dxn = (dout * gamma).T
    D = dxn.shape[0]
    dx = (D * dxn - dxn.sum(axis=0) - xn * (dxn * xn).sum(axis=0)) / (D * std)
    return dx.T, dgamma, dbeta


def group_norm(x, gamma, beta):
    N, C, L = x.shape
    xg = x.reshape(N, 2, C // 2 * L)
    mu = xg.mean(axis=2, keepdims=True)
    inv = 1 / np.sqrt(xg.var(axis=2, keepdims=True) + 1e-5)
    xhat = ((xg - mu) * inv).reshape(x.shape)
    return gamma[:, None] * xhat + beta[:, None], (xhat, inv, gamma)


def group_norm_backward(dout, cache):
    xhat, inv, gamma = cache
    N, C, L = dout.shape
    dgamma = (dout * xhat).sum(axis=(0, 2))
    dbeta = dout.sum(axis=(0, 2))
    d = (dout * gamma[:, None]).reshape(N, 2, -1)
    xg = xhat.reshape(N, 2, -1)
    M = d.shape[2]
    inner = d.sum(axis=2, keepdims=True) + xg * (d * xg).sum(axis=2, keepdims=True)
    return (inv * (d - inner / M)).reshape(N, C, L), dgamma, dbeta


def rms_norm(x, g):
    rms = np.sqrt((x**2).mean(-1, keepdims=True) + 1e-6)
    return x / rms * g


def rms_norm_backward(dy, x, g):
    rms = np.sqrt((x**2).mean(-1, keepdims=True) + 1e-6)
    n = x.shape[-1]
    dxn = dy * g
    dx = dxn / rms - x * (dxn * x).sum(-1, keepdims=True) / (n * rms**3)
    dg = (dy * x / rms).sum(0)
    return dx, dg


def l2_normalise(x):
    return x / np.sqrt((x * x).sum(axis=1, keepdims=True))


def l2_normalise_backward(g, x):
    n = np.sqrt((x * x).sum(axis=1, keepdims=True))
    y = x / n
    return (g - y * (g * y).sum(axis=1, keepdims=True)) / n


def embedding(W, idx):
    return W[idx]


def embedding_backward(dout, W, idx):
    dW = np.zeros_like(W)
    np.add.at(dW, idx, dout)
    return dW, None


def embedding_loop(W, idx):
    return W[idx], (W.shape, idx)


def embedding_loop_backward(dout, cache):
    shape, idx = cache
    dW = np.zeros(shape)
    for i, word in enumerate(idx):
        dW[word] += dout[i]
    return dW, None


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_backward(dout, x):
    y = softmax(x)
    dx = y * dout
    dx -= y * dx.sum(axis=-1, keepdims=True)
    return dx


def softmax_jacobian(x):
    e = np.exp(x)
    return e / e.sum()


def softmax_jacobian_backward(dout, x):
    y = softmax_jacobian(x)
    jacobian = np.diag(y) - np.outer(y, y)
    return jacobian @ dout


def log_softmax(x):
    z = x - x.max(axis=1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


def log_softmax_backward(g, x):
    p = np.exp(log_softmax(x))
    return g - p * g.sum(axis=1, keepdims=True)


def cross_entropy(x, t):
    p = softmax(x)
    n = x.shape[0]
    loss = -np.sum(np.log(p[np.arange(n), t])) / n
    return loss, (p, t)


def cross_entropy_backward(dout, cache):
    p, t = cache
    n = p.shape[0]
    dx = p.copy()
    dx[np.arange(n), t] -= 1
    return dx * dout / n, None


def cross_entropy_one_hot(x, t):
    p = softmax(x)
    return -np.sum(t * np.log(p)) / len(x)


def cross_entropy_one_hot_backward(dout, x, t):
    return dout * (softmax(x) - t) / len(x), None


def cross_entropy_log_sum(x, t):
    logits = np.log(np.sum(np.exp(x), axis=1))
    return np.mean(logits - x[np.arange(len(t)), t])


def cross_entropy_log_sum_backward(g, x, t):
    e = np.exp(x)
    dx = e / np.sum(e, axis=1, keepdims=True)
    for i in range(len(t)):
        dx[i, t[i]] -= 1.0
    dx *= g / len(t)
    return dx, None


def cross_entropy_masked(x, t, mask):
    p = softmax(x)
    return -np.sum(mask * np.log(p[np.arange(len(t)), t])) / mask.sum()


def cross_entropy_masked_backward(g, x, t, mask):
    dx = softmax(x)
    dx[np.arange(len(t)), t] -= 1
    dx *= mask[:, None]
    return g * dx / mask.sum(), None, None


def binary_cross_entropy(z, t):
    p = 1 / (1 + np.exp(-z))
    return -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p))


def binary_cross_entropy_backward(g, z, t):
    p = 1 / (1 + np.exp(-z))
    return g * (p - t) / z.size, None


def smoothed_cross_entropy(x, t):
    K = x.shape[1]
    q = np.eye(K)[t] * 0.9 + 0.1 / K
    z = x - np.log(np.exp(x).sum(axis=1, keepdims=True))
    return -(q * z).sum(axis=1).mean()


def smoothed_cross_entropy_backward(g, x, t):
    n, K = x.shape
    q = np.eye(K)[t] * 0.9 + 0.1 / K
    return g * (softmax(x) - q) / n, None


def hinge(x, t):
    n = len(t)
    margins = np.maximum(0, x - x[np.arange(n), t][:, None] + 1.0)
    margins[np.arange(n), t] = 0
    return margins.sum() / n


def hinge_backward(g, x, t):
    n = len(t)
    active = (x - x[np.arange(n), t][:, None] + 1.0 > 0).astype(float)
    active[np.arange(n), t] = 0
    active[np.arange(n), t] -= active.sum(axis=1)
    return g * active / n, None


def squared_error(y, t):
    return 0.5 * np.sum((y - t) ** 2) / y.shape[0]


def squared_error_backward(g, y, t):
    d = g * (y - t) / y.shape[0]
    return d, -d


def negative_sampling(h, W, target, negative):
    pos = 1 / (1 + np.exp(-(W[target] @ h)))
    neg = 1 / (1 + np.exp(W[negative] @ h))
    return -np.log(pos) - np.sum(np.log(neg))


def negative_sampling_backward(g, h, W, target, negative):
    dh, dW = np.zeros_like(h), np.zeros_like(W)
    d = 1 / (1 + np.exp(-(W[target] @ h))) - 1
    dh += d * W[target]
    dW[target] += d * h
    for k in negative:
        d = 1 / (1 + np.exp(-(W[k] @ h)))
        dh += d * W[k]
        dW[k] += d * h
    return g * dh, g * dW, None, None


LABELS = np.array([1, 0, 3])
ROW = np.array([1.0, 0.0, 1.0])
PAIRS = [
    Pair(affine, affine_backward, reals((2, 2, 2), (4, 3), (3,)), saves=True),
    Pair(bilinear, bilinear_backward, reals((2, 3), (3, 2), (2, 2))),
    Pair(batch_norm_steps, batch_norm_steps_backward, reals((4, 2), (2,), (2,)), saves=True),
    Pair(batch_norm_short, batch_norm_short_backward, reals((4, 2), (2,), (2,)), saves=True),
    Pair(batch_norm_images, batch_norm_images_backward, reals((2, 2, 2, 1), (2,), (2,)), saves=True),
    Pair(layer_norm_rows, layer_norm_rows_backward, reals((2, 3), (3,), (3,))),
    Pair(layer_norm_transposed, layer_norm_transposed_backward, reals((2, 3), (3,), (3,)), saves=True),
    Pair(group_norm, group_norm_backward, reals((1, 4, 2), (4,), (4,)), saves=True),
    Pair(rms_norm, rms_norm_backward, reals((2, 4), (4,))),
    Pair(l2_normalise, l2_normalise_backward, reals((2, 3))),
    Pair(embedding, embedding_backward, (*reals((5, 2)), np.array([1, 3, 1]))),
    Pair(embedding_loop, embedding_loop_backward, (*reals((5, 2)), np.array([1, 3, 1])), saves=True),
    Pair(softmax, softmax_backward, reals((2, 4))),
    Pair(softmax_jacobian, softmax_jacobian_backward, reals((4,))),
    Pair(log_softmax, log_softmax_backward, reals((3, 4))),
    Pair(cross_entropy, cross_entropy_backward, (*reals((3, 4)), LABELS), saves=True),
    Pair(cross_entropy_one_hot, cross_entropy_one_hot_backward, (*reals((3, 4)), np.eye(4)[LABELS])),
    Pair(cross_entropy_log_sum, cross_entropy_log_sum_backward, (*reals((3, 4)), LABELS)),
    Pair(cross_entropy_masked, cross_entropy_masked_backward, (*reals((3, 4)), LABELS, ROW)),
    Pair(binary_cross_entropy, binary_cross_entropy_backward, (*reals((3,)), ROW)),
    Pair(smoothed_cross_entropy, smoothed_cross_entropy_backward, (*reals((3, 4)), LABELS)),
    Pair(hinge, hinge_backward, (*reals((3, 4)), LABELS)),
    Pair(squared_error, squared_error_backward, reals((3, 4), (3, 4))),
    Pair(
        negative_sampling, negative_sampling_backward,
        (*reals((3,), (6, 3)), np.array(2), np.array([0, 5])),
    ),
]  # fmt: skip

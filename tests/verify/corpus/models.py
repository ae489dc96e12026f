"""Convolution, recurrence, attention and small whole models."""

# ruff: noqa: RUF059 (shapes are unpacked whole, as people do)

from __future__ import annotations

import numpy as np

from .norms import softmax
from .pair import Pair, reals
from .pointwise import sigmoid


def conv_loops(x, w, b):
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    out = np.zeros((N, F, H - HH + 1, W - WW + 1))
    for n in range(N):
        for f in range(F):
            for i in range(out.shape[2]):
                for j in range(out.shape[3]):
                    out[n, f, i, j] = np.sum(x[n, :, i : i + HH, j : j + WW] * w[f]) + b[f]
    return out, (x, w, b)


def conv_loops_backward(dout, cache):
    x, w, b = cache
    dx, dw, db = np.zeros_like(x), np.zeros_like(w), np.zeros_like(b)
    N, F, OH, OW = dout.shape
    HH, WW = w.shape[2:]
    for n in range(N):
        for f in range(F):
            db[f] += dout[n, f].sum()
            for i in range(OH):
                for j in range(OW):
                    dw[f] += x[n, :, i : i + HH, j : j + WW] * dout[n, f, i, j]
                    dx[n, :, i : i + HH, j : j + WW] += w[f] * dout[n, f, i, j]
    return dx, dw, db


def im2col(x, k):
    N, C, H, W = x.shape
    col = np.zeros((N, C, k, k, H - k + 1, W - k + 1))
    for i in range(k):
        for j in range(k):
            col[:, :, i, j] = x[:, :, i : i + H - k + 1, j : j + W - k + 1]
    return col.transpose(0, 4, 5, 1, 2, 3).reshape(-1, C * k * k)


def conv_im2col(x, w):
    N, C, H, W = x.shape
    F, _, k, _ = w.shape
    col = im2col(x, k)
    out = col @ w.reshape(F, -1).T
    return out.reshape(N, H - k + 1, W - k + 1, F).transpose(0, 3, 1, 2), (x, w, col)


def conv_im2col_backward(dout, cache):
    x, w, col = cache
    N, C, H, W = x.shape
    F, _, k, _ = w.shape
    d = dout.transpose(0, 2, 3, 1).reshape(-1, F)
    dw = (d.T @ col).reshape(w.shape)
    dcol = (d @ w.reshape(F, -1)).reshape(N, H - k + 1, W - k + 1, C, k, k)
    dcol = dcol.transpose(0, 3, 4, 5, 1, 2)
    dx = np.zeros_like(x)
    for i in range(k):
        for j in range(k):
            dx[:, :, i : i + H - k + 1, j : j + W - k + 1] += dcol[:, :, i, j]
    return dx, dw


def conv_1d_padded(x, w):
    L, K = len(x), len(w)
    xp = np.pad(x, (K // 2, K // 2))
    return np.array([np.sum(xp[i : i + K] * w) for i in range(L)])


def conv_1d_padded_backward(g, x, w):
    L, K = len(x), len(w)
    p = K // 2
    xp = np.pad(x, (p, p))
    dxp, dw = np.zeros(L + 2 * p), np.zeros(K)
    for i in range(L):
        dxp[i : i + K] += g[i] * w
        dw += g[i] * xp[i : i + K]
    return dxp[p : p + L], dw


def depthwise(x, w):
    T, C = x.shape
    out = np.zeros((T - 1, C))
    for t in range(T - 1):
        out[t] = x[t] * w[0] + x[t + 1] * w[1]
    return out


def depthwise_backward(g, x, w):
    dx = np.zeros_like(x)
    dx[:-1] += g * w[0]
    dx[1:] += g * w[1]
    dw = np.stack([(g * x[:-1]).sum(axis=0), (g * x[1:]).sum(axis=0)])
    return dx, dw


def rnn_step(x, h, Wx, Wh, b):
    h_next = np.tanh(x @ Wx + h @ Wh + b)
    return h_next, (x, h, Wx, Wh, h_next)


def rnn_step_backward(dh_next, cache):
    x, h, Wx, Wh, h_next = cache
    dz = dh_next * (1 - h_next**2)
    return dz @ Wx.T, dz @ Wh.T, x.T @ dz, h.T @ dz, dz.sum(axis=0)


def rnn_sequence(x, h0, Wx, Wh, b):
    N, T, D = x.shape
    hs, h = np.zeros((N, T, len(b))), h0
    for t in range(T):
        h = np.tanh(x[:, t] @ Wx + h @ Wh + b)
        hs[:, t] = h
    return hs, (x, h0, Wx, Wh, hs)


def rnn_sequence_backward(dhs, cache):
    x, h0, Wx, Wh, hs = cache
    N, T, D = x.shape
    dx = np.zeros_like(x)
    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros(Wh.shape[1])
    dh = np.zeros_like(h0)
    for t in reversed(range(T)):
        dz = (dhs[:, t] + dh) * (1 - hs[:, t] ** 2)
        prev = hs[:, t - 1] if t > 0 else h0
        dx[:, t] = dz @ Wx.T
        dWx += x[:, t].T @ dz
        dWh += prev.T @ dz
        db += dz.sum(axis=0)
        dh = dz @ Wh.T
    return dx, dh, dWx, dWh, db


def lstm_step(x, h, c, Wx, Wh, b):
    H = h.shape[1]
    a = x @ Wx + h @ Wh + b
    i, f, o = sigmoid(a[:, :H]), sigmoid(a[:, H : 2 * H]), sigmoid(a[:, 2 * H : 3 * H])
    g = np.tanh(a[:, 3 * H :])
    c_next = f * c + i * g
    h_next = o * np.tanh(c_next)
    return (h_next, c_next), (x, h, c, Wx, Wh, i, f, o, g, c_next)


def lstm_step_backward(cotangents, cache):
    dh_next, dc_next = cotangents
    x, h, c, Wx, Wh, i, f, o, g, c_next = cache
    tc = np.tanh(c_next)
    dc = dc_next + dh_next * o * (1 - tc**2)
    da = np.hstack(
        [
            dc * g * i * (1 - i),
            dc * c * f * (1 - f),
            dh_next * tc * o * (1 - o),
            dc * i * (1 - g**2),
        ]
    )
    return da @ Wx.T, da @ Wh.T, dc * f, x.T @ da, h.T @ da, da.sum(axis=0)


def lstm_sequence(x, W, U, b):
    T, H = len(x), len(U)
    h, c = np.zeros(H), np.zeros(H)
    hs, caches = [], []
    for t in range(T):
        a = x[t] @ W + h @ U + b
        i, f = sigmoid(a[:H]), sigmoid(a[H : 2 * H])
        o, g = sigmoid(a[2 * H : 3 * H]), np.tanh(a[3 * H :])
        caches.append((h, c, i, f, o, g))
        c = f * c + i * g
        h = o * np.tanh(c)
        hs.append(h)
    return np.array(hs), (x, W, U, caches)


def lstm_sequence_backward(dhs, cache):
    x, W, U, caches = cache
    dx, dW, dU = np.zeros_like(x), np.zeros_like(W), np.zeros_like(U)
    db = np.zeros(W.shape[1])
    dh_next, dc_next = np.zeros(len(U)), np.zeros(len(U))
    for t in range(len(x) - 1, -1, -1):
        h, c, i, f, o, g = caches[t]
        tc = np.tanh(f * c + i * g)
        dh = dhs[t] + dh_next
        dc = dc_next + dh * o * (1 - tc * tc)
        di, df, do, dg = dc * g, dc * c, dh * tc, dc * i
        da = np.concatenate(
            [di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g * g)]
        )
        dx[t] = W @ da
        dW += np.outer(x[t], da)
        dU += np.outer(h, da)
        db += da
        dh_next = U @ da
        dc_next = dc * f
    return dx, dW, dU, db


def gru_step(x, h, Wz, Wr, Wn, Uz, Ur, Un):
    z = sigmoid(x @ Wz + h @ Uz)
    r = sigmoid(x @ Wr + h @ Ur)
    n = np.tanh(x @ Wn + (r * h) @ Un)
    return (1 - z) * n + z * h, (x, h, Wz, Wr, Wn, Uz, Ur, Un, z, r, n)


def gru_step_backward(dh_next, cache):
    x, h, Wz, Wr, Wn, Uz, Ur, Un, z, r, n = cache
    dz = dh_next * (h - n) * z * (1 - z)
    dn = dh_next * (1 - z) * (1 - n**2)
    drh = dn @ Un.T
    dr = drh * h * r * (1 - r)
    dx = dz @ Wz.T + dr @ Wr.T + dn @ Wn.T
    dh = dh_next * z + dz @ Uz.T + dr @ Ur.T + drh * r
    return dx, dh, x.T @ dz, x.T @ dr, x.T @ dn, h.T @ dz, h.T @ dr, (r * h).T @ dn


def gru_reset_after(x, h, W, U):
    H = h.shape[1]
    a, u = x @ W, h @ U
    r = sigmoid(a[:, :H] + u[:, :H])
    z = sigmoid(a[:, H : 2 * H] + u[:, H : 2 * H])
    n = np.tanh(a[:, 2 * H :] + r * u[:, 2 * H :])
    return n + z * (h - n), (x, h, W, U, u, r, z, n)


def gru_reset_after_backward(dout, cache):
    x, h, W, U, u, r, z, n = cache
    H = h.shape[1]
    dn = dout * (1 - z) * (1 - n * n)
    dz = dout * (h - n) * z * (1 - z)
    dr = dn * u[:, 2 * H :] * r * (1 - r)
    da = np.concatenate([dr, dz, dn], axis=1)
    du = np.concatenate([dr, dz, dn * r], axis=1)
    return da @ W.T, dout * z + du @ U.T, x.T @ da, h.T @ du


def peephole_step(a, c, p):
    f = sigmoid(a + p * c)
    return f * c + (1 - f) * np.tanh(a)


def peephole_step_backward(g, a, c, p):
    f = sigmoid(a + p * c)
    t = np.tanh(a)
    ds = g * (c - t) * f * (1 - f)
    da = ds + g * (1 - f) * (1 - t**2)
    dc = g * f + ds * p
    dp = (ds * c).sum(axis=0)
    return da, dc, dp


def minimal_gated_unit(x, h, w, u):
    f = sigmoid(x * w + h * u)
    n = np.tanh(x + f * h)
    return f * n + (1 - f) * h


def minimal_gated_unit_backward(g, x, h, w, u):
    f = sigmoid(x * w + h * u)
    n = np.tanh(x + f * h)
    ds = g * f * (1 - n**2)
    df = (g * (n - h) + ds * h) * f * (1 - f)
    dx = ds + df * w
    dh = g * (1 - f) + ds * f + df * u
    return dx, dh, (df * x).sum(0), (df * h).sum(0)


def linear_scan(x, a):
    h, out = np.zeros(x.shape[1]), []
    for row in x:
        h = a * h + row
        out.append(h)
    return np.stack(out)


def linear_scan_backward(g, x, a):
    hs = linear_scan(x, a)
    dx, da, carry = np.zeros_like(x), np.zeros_like(a), np.zeros_like(a)
    for t in reversed(range(len(x))):
        carry = g[t] + carry
        dx[t] = carry
        if t > 0:
            da += carry * hs[t - 1]
        carry = carry * a
    return dx, da


def attention(q, k, v):
    s = q @ k.T / np.sqrt(q.shape[-1])
    p = softmax(s)
    return p @ v, (q, k, v, p)


def attention_backward(dout, cache):
    q, k, v, p = cache
    dv = p.T @ dout
    dp = dout @ v.T
    ds = p * (dp - (dp * p).sum(axis=-1, keepdims=True))
    ds /= np.sqrt(q.shape[-1])
    return ds @ k, ds.T @ q, dv


def causal_attention(q, k, v):
    T, d = q.shape
    s = np.where(np.tril(np.ones((T, T))) > 0, q @ k.T / d, -1e9)
    p = softmax(s)
    return p @ v, (q, k, v, p)


def causal_attention_backward(dout, cache):
    q, k, v, p = cache
    T, d = q.shape
    dq, dk, dv = np.zeros_like(q), np.zeros_like(k), np.zeros_like(v)
    for t in range(T):
        dp = v @ dout[t]
        ds = p[t] * (dp - p[t] @ dp)
        dq[t] += ds @ k / d
        dk += np.outer(ds, q[t]) / d
        dv += np.outer(p[t], dout[t])
    return dq, dk, dv


def multi_head(x, W):
    T, C = x.shape
    q, k, v = np.split(x @ W, 3, axis=1)
    q, k, v = (z.reshape(T, 2, C // 2).transpose(1, 0, 2) for z in (q, k, v))
    p = softmax(q @ k.transpose(0, 2, 1))
    return (p @ v).transpose(1, 0, 2).reshape(T, C), (x, W, q, k, v, p)


def multi_head_backward(dout, cache):
    x, W, q, k, v, p = cache
    T, C = x.shape
    d = dout.reshape(T, 2, C // 2).transpose(1, 0, 2)
    dv = p.transpose(0, 2, 1) @ d
    dp = d @ v.transpose(0, 2, 1)
    ds = p * (dp - np.sum(dp * p, axis=2, keepdims=True))
    dq = ds @ k
    dk = ds.transpose(0, 2, 1) @ q
    flat = [z.transpose(1, 0, 2).reshape(T, C) for z in (dq, dk, dv)]
    dqkv = np.concatenate(flat, axis=1)
    return dqkv @ W.T, x.T @ dqkv


def additive_attention(s, H, v):
    e = np.tanh(H + s) @ v
    a = softmax(e)
    return a @ H


def additive_attention_backward(g, s, H, v):
    t = np.tanh(H + s)
    a = softmax(t @ v)
    da = H @ g
    de = a * (da - a @ da)
    dt = np.outer(de, v) * (1 - t**2)
    dH = np.outer(a, g) + dt
    return dt.sum(axis=0), dH, t.T @ de


def linear_attention(q, k, v):
    S = np.zeros((k.shape[1], v.shape[1]))
    out = np.zeros((len(q), v.shape[1]))
    for t in range(len(q)):
        S = S + np.outer(k[t], v[t])
        out[t] = q[t] @ S
    return out


def linear_attention_backward(g, q, k, v):
    dq, dk, dv = np.zeros_like(q), np.zeros_like(k), np.zeros_like(v)
    S = np.zeros((k.shape[1], v.shape[1]))
    for t in range(len(q)):
        S += np.outer(k[t], v[t])
        dq[t] = S @ g[t]
    dS = np.zeros_like(S)
    for t in reversed(range(len(q))):
        dS += np.outer(q[t], g[t])
        dk[t] = dS @ v[t]
        dv[t] = k[t] @ dS
    return dq, dk, dv


def rope(x):
    T, D = x.shape
    angle = np.arange(T)[:, None] * 0.5 ** np.arange(D // 2)[None, :]
    c, s = np.cos(angle), np.sin(angle)
    x1, x2 = x[:, ::2], x[:, 1::2]
    out = np.empty_like(x)
    out[:, ::2] = x1 * c - x2 * s
    out[:, 1::2] = x1 * s + x2 * c
    return out


def rope_backward(dout, x):
    T, D = x.shape
    angle = np.arange(T)[:, None] * 0.5 ** np.arange(D // 2)[None, :]
    c, s = np.cos(angle), np.sin(angle)
    d1, d2 = dout[:, ::2], dout[:, 1::2]
    dx = np.zeros_like(x)
    dx[:, ::2] = d1 * c + d2 * s
    dx[:, 1::2] = d2 * c - d1 * s
    return dx


def rope_halves(x, cos, sin):
    a, b = np.split(x, 2, axis=-1)
    return x * cos + np.concatenate([-b, a], axis=-1) * sin


def rope_halves_backward(g, x, cos, sin):
    a, b = np.split(g * sin, 2, axis=-1)
    return g * cos + np.concatenate([b, -a], axis=-1), None, None


def two_layer_net(X, y, W1, b1, W2, b2):
    hidden = np.maximum(0, X @ W1 + b1)
    p = softmax(hidden @ W2 + b2)
    loss = -np.log(p[np.arange(len(y)), y]).mean() + 0.05 * (np.sum(W1 * W1) + np.sum(W2 * W2))
    return loss, (X, y, W1, W2, hidden, p)


def two_layer_net_backward(dout, cache):
    X, y, W1, W2, hidden, p = cache
    dscores = p.copy()
    dscores[np.arange(len(y)), y] -= 1
    dscores /= len(y)
    dW2 = hidden.T @ dscores + 0.1 * W2
    db2 = dscores.sum(axis=0)
    dhidden = dscores @ W2.T
    dhidden[hidden <= 0] = 0
    dW1 = X.T @ dhidden + 0.1 * W1
    db1 = np.sum(dhidden, axis=0)
    dX = dhidden @ W1.T
    return dout * dX, None, dout * dW1, dout * db1, dout * dW2, dout * db2


def character_rnn(inputs, targets, Wxh, Whh, Why, bh, by):
    xs, hs, ps = {}, {-1: np.zeros((len(Whh), 1))}, {}
    loss = 0
    for t in range(len(inputs)):
        xs[t] = np.zeros((Wxh.shape[1], 1))
        xs[t][inputs[t]] = 1
        hs[t] = np.tanh(Wxh @ xs[t] + Whh @ hs[t - 1] + bh)
        y = Why @ hs[t] + by
        ps[t] = np.exp(y) / np.sum(np.exp(y))
        loss += -np.log(ps[t][targets[t], 0])
    return loss, (xs, hs, ps, targets, Wxh, Whh, Why, bh, by)


def character_rnn_backward(dloss, cache):
    xs, hs, ps, targets, Wxh, Whh, Why, bh, by = cache
    dWxh, dWhh, dWhy = np.zeros_like(Wxh), np.zeros_like(Whh), np.zeros_like(Why)
    dbh, dby = np.zeros_like(bh), np.zeros_like(by)
    dhnext = np.zeros_like(hs[0])
    for t in reversed(range(len(targets))):
        dy = np.copy(ps[t])
        dy[targets[t]] -= 1
        dy *= dloss
        dWhy += np.dot(dy, hs[t].T)
        dby += dy
        dh = np.dot(Why.T, dy) + dhnext
        dhraw = (1 - hs[t] * hs[t]) * dh
        dbh += dhraw
        dWxh += np.dot(dhraw, xs[t].T)
        dWhh += np.dot(dhraw, hs[t - 1].T)
        dhnext = np.dot(Whh.T, dhraw)
    return None, None, dWxh, dWhh, dWhy, dbh, dby


def continuous_bag(context, target, W, V):
    h = W[context].mean(axis=0)
    s = V @ h
    return np.log(np.exp(s).sum()) - s[target]


def continuous_bag_backward(g, context, target, W, V):
    h = W[context].mean(axis=0)
    d = softmax(V @ h)
    d[target] -= 1
    d *= g
    dW = np.zeros_like(W)
    dh = V.T @ d
    for word in context:
        dW[word] += dh / len(context)
    return None, None, dW, np.outer(d, h)


def logistic_regression(w, b, X, y):
    a = sigmoid(X @ w + b)
    return -np.mean(y * np.log(a) + (1 - y) * np.log(1 - a)) + 0.05 * w @ w


def logistic_regression_backward(g, w, b, X, y):
    a = sigmoid(X @ w + b)
    dw = X.T @ (a - y) / len(y) + 0.1 * w
    db = np.mean(a - y)
    return g * dw, g * db, None, None


def residual_block(x, W1, W2):
    h = np.tanh(x @ W1)
    return x + h @ W2


def residual_block_backward(dout, x, W1, W2):
    h = np.tanh(x @ W1)
    dh = dout @ W2.T * (1 - h**2)
    dx = dout + dh @ W1.T
    return dx, x.T @ dh, h.T @ dout


def highway(x, W, V):
    t = sigmoid(x @ W)
    h = np.tanh(x @ V)
    return t * h + (1 - t) * x


def highway_backward(g, x, W, V):
    t = sigmoid(x @ W)
    h = np.tanh(x @ V)
    dt = g * (h - x) * t * (1 - t)
    dh = g * t * (1 - h**2)
    dx = g * (1 - t)
    dx += dt @ W.T
    dx += dh @ V.T
    return dx, x.T @ dt, x.T @ dh


def _angles():
    a = np.arange(3)[:, None] * np.array([1.0, 0.3, 1.0, 0.3])
    return np.cos(a), np.sin(a)


WORDS = np.array([1, 0, 2])
PAIRS = [
    Pair(conv_loops, conv_loops_backward, reals((1, 2, 3, 3), (2, 2, 2, 2), (2,)), saves=True),
    Pair(conv_im2col, conv_im2col_backward, reals((1, 2, 3, 3), (2, 2, 2, 2)), saves=True),
    Pair(conv_1d_padded, conv_1d_padded_backward, reals((5,), (3,))),
    Pair(depthwise, depthwise_backward, reals((4, 2), (2, 2))),
    Pair(rnn_step, rnn_step_backward, reals((2, 3), (2, 2), (3, 2), (2, 2), (2,)), saves=True),
    Pair(rnn_sequence, rnn_sequence_backward,
         reals((2, 3, 2), (2, 2), (2, 2), (2, 2), (2,)), saves=True),
    Pair(lstm_step, lstm_step_backward,
         reals((2, 3), (2, 2), (2, 2), (3, 8), (2, 8), (8,)), saves=True),
    Pair(lstm_sequence, lstm_sequence_backward, reals((2, 2), (2, 8), (2, 8), (8,)), saves=True),
    Pair(gru_step, gru_step_backward, reals((2, 3), (2, 2), *[(3, 2)] * 3, *[(2, 2)] * 3),
         saves=True),
    Pair(gru_reset_after, gru_reset_after_backward, reals((2, 3), (2, 2), (3, 6), (2, 6)),
         saves=True),
    Pair(peephole_step, peephole_step_backward, reals((2, 3), (2, 3), (3,))),
    Pair(minimal_gated_unit, minimal_gated_unit_backward, reals((2, 3), (2, 3), (3,), (3,))),
    Pair(linear_scan, linear_scan_backward, reals((4, 2), (2,))),
    Pair(attention, attention_backward, reals((3, 2), (4, 2), (4, 3)), saves=True),
    Pair(causal_attention, causal_attention_backward, reals((3, 2), (3, 2), (3, 2)), saves=True),
    Pair(multi_head, multi_head_backward, reals((2, 4), (4, 12)), saves=True),
    Pair(additive_attention, additive_attention_backward, reals((2,), (3, 2), (2,))),
    Pair(linear_attention, linear_attention_backward, reals((3, 2), (3, 2), (3, 2))),
    Pair(rope, rope_backward, reals((3, 4))),
    Pair(rope_halves, rope_halves_backward, (*reals((3, 4)), *_angles())),
    Pair(two_layer_net, two_layer_net_backward,
         (*reals((3, 2)), WORDS, *reals((2, 3), (3,), (3, 3), (3,), seed=1)), saves=True),
    Pair(character_rnn, character_rnn_backward,
         (WORDS, np.array([0, 2, 1]), *reals((2, 3), (2, 2), (3, 2), (2, 1), (3, 1))), saves=True),
    Pair(continuous_bag, continuous_bag_backward,
         (np.array([0, 2]), np.array(1), *reals((4, 2), (4, 2)))),
    Pair(logistic_regression, logistic_regression_backward,
         (*reals((3,), (), (4, 3)), np.array([0.0, 1.0, 1.0, 0.0]))),
    Pair(residual_block, residual_block_backward, reals((2, 3), (3, 2), (2, 3))),
    Pair(highway, highway_backward, reals((2, 2), (2, 2), (2, 2))),
]  # fmt: skip

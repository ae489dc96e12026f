"""Sums over paths, attention by blocks, whole sequences, and more styles of normalisation."""

# ruff: noqa: RUF059, E741 (shapes are unpacked whole, and letters are the papers')

from __future__ import annotations

import numpy as np

from .norms import softmax
from .pair import Pair, reals
from .pointwise import sigmoid


def ctc(logits, labels):
    T, K = logits.shape
    p = softmax(logits)
    ext = [0]
    for label in labels:
        ext += [label, 0]
    S = len(ext)
    alpha = np.zeros((T, S))
    alpha[0, 0] = p[0, 0]
    alpha[0, 1] = p[0, ext[1]]
    for t in range(1, T):
        for s in range(S):
            a = alpha[t - 1, s]
            if s > 0:
                a = a + alpha[t - 1, s - 1]
            if s > 1 and ext[s] != 0 and ext[s] != ext[s - 2]:
                a = a + alpha[t - 1, s - 2]
            alpha[t, s] = a * p[t, ext[s]]
    total = alpha[T - 1, S - 1] + alpha[T - 1, S - 2]
    return -np.log(total), (p, ext, alpha, total)


def ctc_backward(dloss, cache):
    p, ext, alpha, total = cache
    T, S = alpha.shape
    beta = np.zeros((T, S))
    beta[T - 1, S - 1] = 1
    beta[T - 1, S - 2] = 1
    for t in range(T - 2, -1, -1):
        for s in range(S):
            b = beta[t + 1, s] * p[t + 1, ext[s]]
            if s + 1 < S:
                b = b + beta[t + 1, s + 1] * p[t + 1, ext[s + 1]]
            if s + 2 < S and ext[s] != 0 and ext[s] != ext[s + 2]:
                b = b + beta[t + 1, s + 2] * p[t + 1, ext[s + 2]]
            beta[t, s] = b
    dlogits = p.copy()
    for s in range(S):
        dlogits[:, ext[s]] -= alpha[:, s] * beta[:, s] / total
    return dloss * dlogits, None


def crf(emissions, transitions, tags):
    T, K = emissions.shape
    score = emissions[0, tags[0]]
    for t in range(1, T):
        score = score + transitions[tags[t - 1], tags[t]] + emissions[t, tags[t]]
    alpha = np.zeros((T, K))
    alpha[0] = emissions[0]
    for t in range(1, T):
        inner = alpha[t - 1][:, None] + transitions
        alpha[t] = np.log(np.sum(np.exp(inner), axis=0)) + emissions[t]
    log_z = np.log(np.sum(np.exp(alpha[T - 1])))
    return log_z - score, (emissions, transitions, tags, alpha, log_z)


def crf_backward(g, cache):
    emissions, transitions, tags, alpha, log_z = cache
    T, K = emissions.shape
    beta = np.zeros((T, K))
    for t in range(T - 2, -1, -1):
        inner = transitions + emissions[t + 1] + beta[t + 1]
        beta[t] = np.log(np.sum(np.exp(inner), axis=1))
    de = np.exp(alpha + beta - log_z)
    dtr = np.zeros_like(transitions)
    for t in range(1, T):
        dtr += np.exp(alpha[t - 1][:, None] + transitions + emissions[t] + beta[t] - log_z)
        dtr[tags[t - 1], tags[t]] -= 1
    for t in range(T):
        de[t, tags[t]] -= 1
    return g * de, g * dtr, None


def hidden_markov(start, A, B, seen):
    f = start * B[:, seen[0]]
    fs = [f]
    for o in seen[1:]:
        f = (f @ A) * B[:, o]
        fs.append(f)
    return np.log(f.sum()), (start, A, B, seen, fs)


def hidden_markov_backward(g, cache):
    start, A, B, seen, fs = cache
    dA, dB = np.zeros_like(A), np.zeros_like(B)
    b = g * np.ones(len(A)) / fs[-1].sum()
    for t in range(len(seen) - 1, 0, -1):
        pre = fs[t - 1] @ A
        dB[:, seen[t]] += b * pre
        b = b * B[:, seen[t]]
        dA += np.outer(fs[t - 1], b)
        b = A @ b
    dB[:, seen[0]] += b * start
    return b * B[:, seen[0]], dA, dB, None


def flash_attention(Q, K, V):
    N, d = Q.shape
    O, L = np.zeros((N, V.shape[1])), np.zeros(N)
    for i in range(0, N, 2):
        q = Q[i : i + 2]
        s = q @ K[:2].T / np.sqrt(d)
        m = s.max(axis=1)
        p = np.exp(s - m[:, None])
        total = p.sum(axis=1)
        o = p @ V[:2]
        for j in range(2, len(K), 2):
            s = q @ K[j : j + 2].T / np.sqrt(d)
            m_new = np.maximum(m, s.max(axis=1))
            p = np.exp(s - m_new[:, None])
            old = np.exp(m - m_new)
            total = old * total + p.sum(axis=1)
            o = old[:, None] * o + p @ V[j : j + 2]
            m = m_new
        O[i : i + 2] = o / total[:, None]
        L[i : i + 2] = m + np.log(total)
    return O, (Q, K, V, O, L)


def flash_attention_backward(dO, cache):
    Q, K, V, O, L = cache
    N, d = Q.shape
    dQ, dK, dV = np.zeros_like(Q), np.zeros_like(K), np.zeros_like(V)
    D = np.sum(dO * O, axis=1)
    for j in range(0, len(K), 2):
        k, v = K[j : j + 2], V[j : j + 2]
        for i in range(0, N, 2):
            q, do = Q[i : i + 2], dO[i : i + 2]
            p = np.exp(q @ k.T / np.sqrt(d) - L[i : i + 2, None])
            dV[j : j + 2] += p.T @ do
            dp = do @ v.T
            ds = p * (dp - D[i : i + 2, None]) / np.sqrt(d)
            dQ[i : i + 2] += ds @ k
            dK[j : j + 2] += ds.T @ q
    return dQ, dK, dV


def gru_sequence(xs, W, U):
    H = len(U)
    h, hs, gates = np.zeros(H), [], []
    for x in xs:
        zr = sigmoid(x @ W[:, : 2 * H] + h @ U[:, : 2 * H])
        z, r = zr[:H], zr[H:]
        n = np.tanh(x @ W[:, 2 * H :] + (r * h) @ U[:, 2 * H :])
        gates.append((h, z, r, n))
        h = (1 - z) * h + z * n
        hs.append(h)
    return np.array(hs), (xs, W, U, gates)


def gru_sequence_backward(dhs, cache):
    xs, W, U, gates = cache
    H = len(U)
    dxs, dW, dU, carry = np.zeros_like(xs), np.zeros_like(W), np.zeros_like(U), np.zeros(H)
    for t in reversed(range(len(xs))):
        h, z, r, n = gates[t]
        dh = dhs[t] + carry
        dn = dh * z * (1 - n**2)
        drh = U[:, 2 * H :] @ dn
        dz = dh * (n - h) * z * (1 - z)
        dr = drh * h * r * (1 - r)
        dzr = np.concatenate([dz, dr])
        dxs[t] = W[:, : 2 * H] @ dzr + W[:, 2 * H :] @ dn
        dW[:, : 2 * H] += np.outer(xs[t], dzr)
        dW[:, 2 * H :] += np.outer(xs[t], dn)
        dU[:, : 2 * H] += np.outer(h, dzr)
        dU[:, 2 * H :] += np.outer(r * h, dn)
        carry = dh * (1 - z) + drh * r + U[:, : 2 * H] @ dzr
    return dxs, dW, dU


def bidirectional(x, W, V):
    T = len(x)
    fs, bs = np.zeros((T, len(W))), np.zeros((T, len(V)))
    f, b = np.zeros(len(W)), np.zeros(len(V))
    for t in range(T):
        f = np.tanh(x[t] + f @ W)
        fs[t] = f
        b = np.tanh(x[T - 1 - t] + b @ V)
        bs[T - 1 - t] = b
    return np.hstack([fs, bs]), (x, W, V, fs, bs)


def bidirectional_backward(dout, cache):
    x, W, V, fs, bs = cache
    T, H = fs.shape
    dx, dW, dV = np.zeros_like(x), np.zeros_like(W), np.zeros_like(V)
    df, db = np.zeros(H), np.zeros(H)
    for t in range(T):
        s = T - 1 - t
        da = (dout[s, :H] + df) * (1 - fs[s] ** 2)
        dx[s] += da
        if s > 0:
            dW += np.outer(fs[s - 1], da)
        df = da @ W.T
        da = (dout[t, H:] + db) * (1 - bs[t] ** 2)
        dx[t] += da
        if t + 1 < T:
            dV += np.outer(bs[t + 1], da)
        db = da @ V.T
    return dx, dW, dV


def rnn_of_class(xs, Wx, Wh):
    h = np.zeros((xs.shape[0], Wh.shape[0]))
    layers, out = [], np.empty((*xs.shape[:2], Wh.shape[0]))
    for t in range(xs.shape[1]):
        before = h
        h = np.tanh(np.dot(before, Wh) + np.dot(xs[:, t, :], Wx))
        out[:, t, :] = h
        layers.append({"x": xs[:, t, :], "before": before, "h": h})
    return out, {"layers": layers, "params": [Wx, Wh]}


def rnn_of_class_backward(dhs, cache):
    Wx, Wh = cache["params"]
    N, T, H = dhs.shape
    dxs = np.empty((N, T, Wx.shape[0]))
    grads, dh = [0, 0], 0
    for t in reversed(range(T)):
        layer = cache["layers"][t]
        dt = (dhs[:, t, :] + dh) * (1 - layer["h"] ** 2)
        grads[0] = grads[0] + np.dot(layer["x"].T, dt)
        grads[1] = grads[1] + np.dot(layer["before"].T, dt)
        dxs[:, t, :] = np.dot(dt, Wx.T)
        dh = np.dot(dt, Wh.T)
    return dxs, grads[0], grads[1]


def layer_norm_keepdims(x, gamma, beta):
    mean = np.mean(x, axis=-1, keepdims=True)
    var = np.var(x, axis=-1, keepdims=True)
    inv = (var + 1e-5) ** -0.5
    return (x - mean) * inv * gamma + beta, {"x": x, "mean": mean, "inv": inv, "gamma": gamma}


def layer_norm_keepdims_backward(dy, cache):
    x, mean, inv, gamma = cache["x"], cache["mean"], cache["inv"], cache["gamma"]
    n = x.shape[-1]
    dxhat = dy * gamma
    dvar = np.sum(dxhat * (x - mean), axis=-1, keepdims=True) * -0.5 * inv**3
    dmean = -np.sum(dxhat * inv, axis=-1, keepdims=True)
    dx = dxhat * inv + dvar * 2 * (x - mean) / n + dmean / n
    return dx, np.sum(dy * (x - mean) * inv, axis=0), np.sum(dy, axis=0)


def group_norm_loops(x, gamma, beta):
    C, L = x.shape
    out, stats = np.zeros_like(x), []
    for start in range(0, C, 2):
        part = x[start : start + 2]
        mean, std = part.mean(), np.sqrt(part.var() + 1e-5)
        stats.append((mean, std))
        out[start : start + 2] = (part - mean) / std
    return out * gamma[:, None] + beta[:, None], (x, gamma, stats)


def group_norm_loops_backward(dout, cache):
    x, gamma, stats = cache
    dx = np.zeros_like(x)
    dgamma = np.zeros_like(gamma)
    for k, (mean, std) in enumerate(stats):
        rows = slice(2 * k, 2 * k + 2)
        xhat = (x[rows] - mean) / std
        dgamma[rows] = (dout[rows] * xhat).sum(axis=1)
        d = dout[rows] * gamma[rows, None]
        dx[rows] = (d - d.mean() - xhat * (d * xhat).mean()) / std
    return dx, dgamma, dout.sum(axis=1)


def group_norm_steps(x, w):
    N, C = x.shape
    xg = x.reshape(N, 2, -1)
    centred = xg - xg.mean(axis=-1, keepdims=True)
    var = (centred**2).mean(axis=-1, keepdims=True)
    std = np.sqrt(var + 1e-5)
    return (centred / std).reshape(N, C) * w, (centred, std, w)


def group_norm_steps_backward(dout, cache):
    centred, std, w = cache
    N, C = dout.shape
    dw = np.sum(dout * (centred / std).reshape(N, C), axis=0)
    dn = (dout * w).reshape(centred.shape)
    dcentred = dn / std
    dstd = -(dn * centred).sum(axis=-1, keepdims=True) / std**2
    dvar = dstd / (2 * std)
    dcentred += dvar * 2 * centred / centred.shape[-1]
    dxg = dcentred - dcentred.mean(axis=-1, keepdims=True)
    return dxg.reshape(N, C), dw


def rms_norm_rows(x, w):
    T, C = x.shape
    out = np.zeros_like(x)
    for t in range(T):
        scale = 0.0
        for c in range(C):
            scale += x[t, c] * x[t, c]
        scale = 1.0 / np.sqrt(scale / C + 1e-5)
        for c in range(C):
            out[t, c] = x[t, c] * scale * w[c]
    return out


def rms_norm_rows_backward(dout, x, w):
    T, C = x.shape
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for t in range(T):
        scale = 1.0 / np.sqrt(np.sum(x[t] * x[t]) / C + 1e-5)
        dot = 0.0
        for c in range(C):
            dw[c] += dout[t, c] * x[t, c] * scale
            dot += dout[t, c] * w[c] * x[t, c]
        for c in range(C):
            dx[t, c] = scale * dout[t, c] * w[c] - scale**3 * x[t, c] * dot / C
    return dx, dw


def rms_norm_einsum(x, w):
    r = np.sqrt(np.einsum("td,td->t", x, x) / x.shape[1] + 1e-6)
    n = x / r[:, None]
    return n * w, (n, r, w)


def rms_norm_einsum_backward(dy, cache):
    n, r, w = cache
    dn = dy * w
    inner = np.einsum("td,td->t", dn, n) / n.shape[1]
    return (dn - n * inner[:, None]) / r[:, None], np.einsum("td,td->d", dy, n)


def cosine_similarity(a, b):
    na, nb = np.linalg.norm(a), np.linalg.norm(b)
    return a @ b / (na * nb)


def cosine_similarity_backward(g, a, b):
    na, nb = np.linalg.norm(a), np.linalg.norm(b)
    cos = a @ b / (na * nb)
    da = g * (b / (na * nb) - cos * a / na**2)
    db = g * (a / (na * nb) - cos * b / nb**2)
    return da, db


def triplet_loss(a, p, n):
    near, far = ((a - p) ** 2).sum(axis=1), ((a - n) ** 2).sum(axis=1)
    return np.maximum(near - far + 1.0, 0).sum()


def triplet_loss_backward(g, a, p, n):
    near, far = ((a - p) ** 2).sum(axis=1), ((a - n) ** 2).sum(axis=1)
    active = (near - far + 1.0 > 0)[:, None] * g
    return active * 2 * (n - p), active * -2 * (a - p), active * 2 * (a - n)


def variational(mu, logvar, eps):
    z = mu + np.exp(0.5 * logvar) * eps
    kl = -0.5 * np.sum(1 + logvar - mu**2 - np.exp(logvar))
    return z, kl


def variational_backward(cotangents, mu, logvar, eps):
    dz, dkl = cotangents
    dmu = dz + dkl * mu
    dlogvar = dz * eps * 0.5 * np.exp(0.5 * logvar) + dkl * 0.5 * (np.exp(logvar) - 1)
    return dmu, dlogvar, None


def huber(y, t):
    e = y - t
    return np.where(np.abs(e) <= 1.0, 0.5 * e**2, np.abs(e) - 0.5).mean()


def huber_backward(g, y, t):
    e = y - t
    d = g * np.clip(e, -1.0, 1.0) / e.size
    return d, -d


def focal_loss(z, t):
    p = sigmoid(z)
    pt = t * p + (1 - t) * (1 - p)
    return -np.mean((1 - pt) ** 2 * np.log(pt))


def focal_loss_backward(g, z, t):
    p = sigmoid(z)
    pt = t * p + (1 - t) * (1 - p)
    dpt = 2 * (1 - pt) * np.log(pt) - (1 - pt) ** 2 / pt
    dp = dpt * (2 * t - 1)
    return g * dp * p * (1 - p) / z.size, None


def upsample(x):
    return x.repeat(2, axis=1).repeat(2, axis=2)


def upsample_backward(dout, x):
    N, H, W = x.shape
    return dout.reshape(N, H, 2, W, 2).sum(axis=(2, 4))


def transposed_conv(x, w):
    out = np.zeros(2 * (len(x) - 1) + len(w))
    for i in range(len(x)):
        out[2 * i : 2 * i + len(w)] += x[i] * w
    return out


def transposed_conv_backward(g, x, w):
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for i in range(len(x)):
        window = g[2 * i : 2 * i + len(w)]
        dx[i] = np.dot(window, w)
        dw += x[i] * window
    return dx, dw


def grouped_query(q, k, v):
    H, T, D = q.shape
    G = len(k)
    scores = np.einsum("gnqd,gkd->gnqk", q.reshape(G, H // G, T, D), k)
    p = softmax(scores)
    return np.einsum("gnqk,gkd->gnqd", p, v).reshape(H, T, D), (q, k, v, p)


def grouped_query_backward(dout, cache):
    q, k, v, p = cache
    G, n, T, S = p.shape
    d = dout.reshape(G, n, T, -1)
    dv = np.einsum("gnqk,gnqd->gkd", p, d)
    dp = np.einsum("gnqd,gkd->gnqk", d, v)
    ds = p * (dp - np.einsum("gnqk,gnqk->gnq", dp, p)[..., None])
    dq = np.einsum("gnqk,gkd->gnqd", ds, k).reshape(q.shape)
    dk = np.einsum("gnqk,gnqd->gkd", ds, q.reshape(G, n, T, -1))
    return dq, dk, dv


PAIRS = [
    Pair(ctc, ctc_backward, (*reals((5, 3)), np.array([1, 2])), saves=True),
    Pair(crf, crf_backward, (*reals((3, 2), (2, 2)), np.array([0, 1, 1])), saves=True),
    Pair(hidden_markov, hidden_markov_backward,
         (*[np.abs(x) + 0.1 for x in reals((2,), (2, 2), (2, 3))], np.array([0, 2, 1])),
         saves=True),
    Pair(flash_attention, flash_attention_backward, reals((4, 3), (6, 3), (6, 2)), saves=True),
    Pair(gru_sequence, gru_sequence_backward, reals((3, 3), (3, 6), (2, 6)), saves=True),
    Pair(bidirectional, bidirectional_backward, reals((3, 2), (2, 2), (2, 2)), saves=True),
    Pair(rnn_of_class, rnn_of_class_backward, reals((2, 3, 3), (3, 2), (2, 2)), saves=True),
    Pair(layer_norm_keepdims, layer_norm_keepdims_backward, reals((2, 3), (3,), (3,)), saves=True),
    Pair(group_norm_loops, group_norm_loops_backward, reals((4, 3), (4,), (4,)), saves=True),
    Pair(group_norm_steps, group_norm_steps_backward, reals((2, 6), (6,)), saves=True),
    Pair(rms_norm_rows, rms_norm_rows_backward, reals((2, 3), (3,))),
    Pair(rms_norm_einsum, rms_norm_einsum_backward, reals((2, 3), (3,)), saves=True),
    Pair(cosine_similarity, cosine_similarity_backward, reals((3,), (3,))),
    Pair(triplet_loss, triplet_loss_backward, reals((3, 2), (3, 2), (3, 2))),
    Pair(variational, variational_backward, reals((3,), (3,), (3,))),
    Pair(huber, huber_backward, tuple(2 * x for x in reals((3, 2), (3, 2)))),
    Pair(focal_loss, focal_loss_backward, (*reals((4,)), np.array([1.0, 0.0, 0.0, 1.0]))),
    Pair(upsample, upsample_backward, reals((1, 2, 3))),
    Pair(transposed_conv, transposed_conv_backward, reals((4,), (3,))),
    Pair(grouped_query, grouped_query_backward, reals((4, 2, 2), (2, 3, 2), (2, 3, 2)), saves=True),
]  # fmt: skip

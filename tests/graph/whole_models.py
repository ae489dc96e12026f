"""Whole models, as a user would name them in a file: what a function returns is drawn."""

import numpy as np

import minigrad as mg
from minigrad import nn

text = np.array([[3, 1, 4, 1, 5]])
words, drop = nn.Embedding(6, 5, rng=0), nn.Dropout(0.5, rng=0)
reader, writer = nn.LSTM(5, 4, num_layers=2, dropout=0.5, rng=0), nn.GRU(5, 4, rng=0)
scores, label = nn.Linear(8, 6, rng=0), nn.Linear(4, 2, rng=0)
listener, speaker = nn.GRU(5, 4, rng=0), nn.GRUCell(9, 4, rng=0)
small = nn.Linear(4, 6, rng=0)
hearer, teller = nn.GRU(5, 4, bidirectional=True, rng=0), nn.GRUCell(13, 4, rng=0)
begin, look = nn.Linear(4, 4, rng=0), nn.AdditiveAttention(4, 8, 4, rng=0)


def translation():
    """A decoder that attends to an encoder; words and dropout are used more than once."""
    notes, (h, _) = reader(drop(words(text)))
    states, _ = writer(drop(words(text)), h[-1:])
    found, _ = nn.scaled_dot_product_attention(states, notes, notes)
    return nn.cross_entropy(scores(drop(np.concatenate([states, found], axis=-1))), text)


def looking_back():
    """A decoder whose every step, told by hand, attends to all of the encoder's."""
    notes, h = listener(words(text))
    h, out = h[0], []
    for t in range(text.shape[1]):
        with mg.scope.scope("step", t):
            found, _ = nn.scaled_dot_product_attention(h[:, None], notes, notes)
            h = speaker(np.concatenate([words(text[:, t]), found[:, 0]], axis=-1), h)
            out.append(small(h))
    return nn.cross_entropy(np.stack(out, axis=1), text)


def bahdanau():
    """As above, with an encoder of two directions: Bahdanau et al. 2015."""
    notes, _ = hearer(words(text))
    h, out = mg.tanh(begin(notes[:, 0, 4:])), []
    for t in range(3):
        with mg.scope.scope("step", t):
            found, _ = look(h[:, None], notes)
            h = teller(np.concatenate([words(text[:, t]), found[:, 0]], axis=-1), h)
            out.append(small(h))
    return nn.cross_entropy(np.stack(out, axis=1), text[:, :3])


def two_sources():
    """A decoder whose every step attends to two encoders."""
    (one, _), (other, h) = writer(words(text)), listener(words(text))
    h, out = h[0], []
    for t in range(3):
        with mg.scope.scope("step", t):
            first, _ = nn.scaled_dot_product_attention(h[:, None], one, one)
            second, _ = nn.scaled_dot_product_attention(h[:, None], other, other)
            h = teller(np.concatenate([words(text[:, t]), first[:, 0], second[:, 0]], axis=-1), h)
            out.append(small(h))
    return nn.cross_entropy(np.stack(out, axis=1), text[:, :3])


def classification():
    """The last state alone is read."""
    notes, _ = reader(words(text))
    return nn.cross_entropy(label(notes[:, -1]), np.array([1]))

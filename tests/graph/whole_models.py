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
        with mg.step(t):
            found, _ = nn.scaled_dot_product_attention(h[:, None], notes, notes)
            h = speaker(np.concatenate([words(text[:, t]), found[:, 0]], axis=-1), h)
            out.append(small(h))
    return nn.cross_entropy(np.stack(out, axis=1), text)


def bahdanau():
    """As above, with an encoder of two directions: Bahdanau et al. 2015."""
    notes, _ = hearer(words(text))
    h, out = mg.tanh(begin(notes[:, 0, 4:])), []
    for t in range(3):
        with mg.step(t):
            found, _ = look(h[:, None], notes)
            h = teller(np.concatenate([words(text[:, t]), found[:, 0]], axis=-1), h)
            out.append(small(h))
    return nn.cross_entropy(np.stack(out, axis=1), text[:, :3])


def two_sources():
    """A decoder whose every step attends to two encoders."""
    (one, _), (other, h) = writer(words(text)), listener(words(text))
    h, out = h[0], []
    for t in range(3):
        with mg.step(t):
            first, _ = nn.scaled_dot_product_attention(h[:, None], one, one)
            second, _ = nn.scaled_dot_product_attention(h[:, None], other, other)
            h = teller(np.concatenate([words(text[:, t]), first[:, 0], second[:, 0]], axis=-1), h)
            out.append(small(h))
    return nn.cross_entropy(np.stack(out, axis=1), text[:, :3])


def classification():
    """The last state alone is read."""
    notes, _ = reader(words(text))
    return nn.cross_entropy(label(notes[:, -1]), np.array([1]))


class Translator(nn.Module):
    """A loop of its own over a cell, with masks, attention and a loss at each step."""

    def __init__(self):
        self.encoder = nn.GRU(5, 4, bidirectional=True, rng=0)
        self.bridge, self.vocabulary = nn.Linear(4, 4, rng=0), nn.Linear(4, 6, rng=0)
        self.attention = nn.AdditiveAttention(4, 8, 4, rng=0)
        self.cell = nn.GRUCell(13, 4, rng=0)

    def forward(self, source, target, lengths):
        notes, _ = self.encoder(words(source), lengths=lengths)
        going = np.arange(source.shape[1]) < np.array(lengths)[:, None]
        state, losses = mg.tanh(self.bridge(notes[:, 0, 4:])), 0.0
        for t in range(target.shape[1] - 1):
            context, _ = self.attention(state[:, None], notes, mask=going[:, None])
            previous = words(target[:, t])
            state = self.cell(np.concatenate([previous, context[:, 0]], -1), state)
            losses = losses + nn.cross_entropy(self.vocabulary(state), target[:, t + 1])
        return losses


def translator():
    """Two sentences of different lengths."""
    source = np.array([[3, 1, 4, 1, 5], [2, 1, 0, 0, 0]])
    return Translator()(source, np.array([[1, 2, 3, 4], [1, 5, 3, 2]]), [5, 2])


class ConvolutionalMemory(nn.Module):
    """An LSTM whose gates are convolutions (Shi et al. 2015), as a loop of its own."""

    def __init__(self):
        for gate in "figo":
            setattr(self, f"to_{gate}", nn.Conv2d(3, 2, 3, padding=1, rng=0))

    def forward(self, frames):
        memory = hidden = np.zeros((1, 2, 4, 4), np.float32)
        for t in range(frames.shape[1]):
            both = np.concatenate([frames[:, t], hidden], axis=1)
            f, i, o = (mg.sigmoid(gate(both)) for gate in (self.to_f, self.to_i, self.to_o))
            memory = f * memory + i * mg.tanh(self.to_g(both))
            hidden = o * mg.tanh(memory)
        return hidden


def convolutional_memory():
    """Three frames."""
    frames = np.random.default_rng(0).normal(size=(1, 3, 1, 4, 4)).astype(np.float32)
    return ConvolutionalMemory()(mg.Tensor(frames, name="frames"))


rng = np.random.default_rng(0)
W_xh, W_hh, b_h = (mg.Parameter(rng.normal(size=shape)) for shape in ((3, 4), (4, 4), (4,)))
W_hq, b_q = mg.Parameter(rng.normal(size=(4, 2))), mg.Parameter(np.zeros(2))


def from_scratch():
    """A recurrent network in matrices, with an output at each step."""
    H, outputs = np.zeros((2, 4)), []
    for x in rng.normal(size=(3, 2, 3)):
        H = mg.tanh(x @ W_xh + H @ W_hh + b_h)
        outputs.append(H @ W_hq + b_q)
    return nn.cross_entropy(np.concatenate(outputs), np.array([0, 1, 0, 1, 0, 1]))


class Residual(nn.Module):
    """A block that adds to what it gets."""

    def __init__(self, width):
        self.norm = nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, 2 * width, rng=0), nn.Linear(2 * width, width, rng=1)

    def forward(self, x):
        return x + self.down(mg.relu(self.up(self.norm(x))))


class ResidualNet(nn.Module):
    """Three such blocks."""

    def __init__(self):
        self.stem, self.out = nn.Linear(4, 6, rng=0), nn.Linear(6, 1, rng=0)
        self.blocks = [Residual(6) for _ in range(3)]

    def forward(self, features):
        x = self.stem(features)
        for block in self.blocks:
            x = block(x)
        return self.out(x)


def residual():
    """Features that need no gradient, and targets."""
    features = mg.Tensor(rng.normal(size=(5, 4)).astype(np.float32), name="features")
    return nn.mse_loss(ResidualNet()(features), rng.normal(size=(5, 1)).astype(np.float32))


encoder = nn.TransformerEncoder(4, 2, 3, dim_feedforward=8, norm_first=True, rng=0).eval()
table, predict = nn.Embedding(6, 4, rng=0), nn.Linear(4, 6, rng=0)


def gpt():
    """Three blocks that see only the past."""
    return nn.cross_entropy(predict(encoder(table(text), is_causal=True)), text)

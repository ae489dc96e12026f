"""Every view of every kind of layer on one page, and live ones: ``python -m tutorials.gallery``.

The page is build/gallery/index.html by default, with pictures and live pages beside it; it needs no
network.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track

import minigrad as mg
from minigrad import nn
from minigrad.files import write_text
from minigrad.graph import VIEWS, draw, trace
from minigrad.verify import with_examples


class OneGate(nn.Cell):
    """A cell of one's own: h' = z ∘ h + (1 − z) ∘ tanh(W x)."""

    state = ("h",)
    gates = ("z", "new")

    def step(self, x: mg.Tensor, h: mg.Tensor) -> mg.Tensor:
        """One step."""
        z = mg.sigmoid(self.z(h, x))
        return z * h + (1 - z) * np.tanh(self.new(h, x))


def recorded(layer: nn.Module, *, steps: int = 3) -> Any:
    """What a layer makes of a sequence of three features, step by step."""
    x = np.random.default_rng(0).normal(size=(1, steps, 3))
    x = mg.Tensor(x, requires_grad=True, name="x")
    with mg.unfused():
        y = layer(x)[0]
        return trace(y, gradients_of=(y * y).sum())


words = nn.Embedding(5, 3, rng=0, dtype=np.float64)
lstm = nn.LSTM(3, 4, output_size=5, rng=0, dtype=np.float64)


@with_examples(tokens=np.array([[1, 2, 3]]))
def model(tokens: np.ndarray) -> mg.Tensor:
    """A whole one: words, an LSTM, a loss."""
    scores, _ = lstm(words(tokens))
    loss: mg.Tensor = nn.cross_entropy(scores, np.array([[2, 3, 4]]))
    return loss


TURNED, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(4, 4)))


@with_examples(radius=np.array(0.9))
def fading(radius: mg.Tensor) -> mg.Tensor:
    """A memory of 50 steps; the radius is the spectral radius of its weight."""
    weight = radius * TURNED
    h = mg.Tensor(np.full(4, 0.5), requires_grad=True, name="h")
    for t in range(50):
        with mg.step(t):
            h = np.tanh(weight @ h)
    return np.square(h).sum()


@with_examples(query=np.array([[1.0, 0.0]]), keys=np.array([[0.0, 1], [-1, 0], [0, -1]]))
def asked(query: mg.Tensor, keys: mg.Tensor) -> mg.Tensor:
    """A query among three keys; whichever it is turned to, its value is the answer."""
    weights = mg.softmax(query @ keys.T * 2, axis=-1)
    return (weights @ np.array([10.0, 20.0, 30.0])).sum()


kind: dict[str, Any] = {"rng": 0, "dtype": np.float64}
LAYERS: dict[str, Callable[[], Any]] = {
    "RNN": lambda: "rnn",
    "LSTM": lambda: "lstm",
    "GRU": lambda: "gru",
    "LSTM with peepholes": lambda: "peephole",
    "bidirectional LSTM": lambda: recorded(nn.LSTM(3, 4, bidirectional=True, **kind)),
    "two GRUs, one above the other": lambda: recorded(nn.GRU(3, 4, num_layers=2, **kind)),
    "a cell of one's own": lambda: OneGate,
    "attention": lambda: "attention",
    "several heads": lambda: "multi-head",
    "transformer block": lambda: "encoder",
    "a whole model": lambda: model,
}

ALIVE = {
    "LSTM": "hold the forget gate f at 0.9, at every step, and watch c",
    "GRU": "change an input, hold a gate, train",
    "a cell of one's own": "change an input, hold a gate, train",
    "attention": "watch A, and change x",
    "transformer block": "change an input or a weight, train",
    "a whole model": "change the tokens, train",
}
"""Those of which there is a page whose numbers can be changed, and what to try on it."""

TRIED: dict[str, tuple[Callable[..., Any], str]] = {
    "a gradient over 50 steps": (fading, "watch h₀, and take the radius through 1"),
    "a query and its keys": (asked, "watch the softmax, and turn a key towards the query"),
}
"""Pages that are only alive, likewise."""

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>minigrad: gallery</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 80rem;
  padding: 0 1rem; }}
figure {{ margin: 1rem 0 2rem; }}
.picture {{ background: white; border: 1px solid #8888; overflow-x: auto; padding: .5rem; }}
nav a {{ margin-right: 1rem; }}
</style></head><body>
<h1>Every view of every layer</h1>
<nav>{links}</nav>
<h2 id="alive">Live pages</h2>
<ul>
{alive}
</ul>
{sections}
</body></html>
"""


def _file(name: str) -> str:
    return re.sub("[^A-Za-z]+", "-", name)


def build(folder: Path) -> Path:
    """Draw everything; return the page."""
    folder.mkdir(parents=True, exist_ok=True)
    sections = []
    alive = [(name, LAYERS[name](), what) for name, what in ALIVE.items()]
    alive += [(name, function, what) for name, (function, what) in TRIED.items()]
    pages = []
    for name, subject, tried in track(alive, "live pages"):
        file = f"{_file(name)}-live.html"
        draw(subject, folder / file, title=name, live=True)
        pages.append(f'<li><a href="{file}">{escape(name)}</a>: {escape(tried)}</li>')
    for name, make in track(LAYERS.items(), "gallery"):
        what = make()
        figures = []
        for view, shown in VIEWS.items():
            file = f"{_file(name)}-{view}.svg"
            try:
                draw(what, folder / file, view=view, title=f"{name}: {view}")
            except ValueError as error:  # a view that this layer does not have
                body = f"<p>{escape(str(error))}</p>"
            else:
                body = f'<div class="picture"><img src="{escape(file)}" alt="{name}: {view}"></div>'
            figures.append(f"<figure><h3>{view}</h3><figcaption>{escape(shown.help)}</figcaption>"
                           f"{body}</figure>")  # fmt: skip
        heading = f'<h2 id="{escape(name)}">{escape(name)}</h2>'
        sections.append(heading + "".join(figures))
    links = "".join(f'<a href="#{escape(name)}">{escape(name)}</a>' for name in LAYERS)
    page = folder / "index.html"
    write_text(page, PAGE.format(links=links, alive="\n".join(pages), sections="\n".join(sections)))
    return page


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tutorials.gallery", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("build/gallery"))
    print(build(parser.parse_args().folder))


if __name__ == "__main__":
    main()

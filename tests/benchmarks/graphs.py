"""Pictures of an unrolled LSTM beside those of torchviz, torchview and `dot` alone.

Measured is what makes an SVG file of a loss that is there: walking the tape, layout, drawing and
writing, not the forward pass; but torchview records a pass of its own. All sides draw with the same
Graphviz. minigrad's unrolled view folds a gate into one box; "every operation" is its tape view,
which has as many as the peers' pictures.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import graphviz
import numpy as np

from tests.benchmarks.measuring import Line, Target, processes, set_threads

NAME = "graphs"
STEPS = (5, 20, 100, 1000)
WIDTH, HIDDEN = 3, 4
PATIENCE = 60.0
"""Seconds that a picture may take."""

Drawing = Callable[[], int]
"""Draws the picture, and returns the file's size in bytes."""


def inputs(time: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(1, time, WIDTH))


def weights() -> dict[str, np.ndarray]:
    """W_k over [h, x] and b_k for each gate."""
    rng = np.random.default_rng(1)
    shapes = {"W": (HIDDEN, HIDDEN + WIDTH), "b": (HIDDEN,)}
    return {f"{n}_{k}": rng.uniform(-0.5, 0.5, s) for k in "figo" for n, s in shapes.items()}


def written(path: Path, draw: Callable[[Path], Any]) -> int:
    draw(path)
    return path.stat().st_size


def in_minigrad(time: int, view: str, folder: Path) -> Drawing:
    import minigrad as mg
    from minigrad import nn
    from minigrad.graph import draw

    layer = nn.LSTM(WIDTH, HIDDEN, rng=0, dtype=np.float64)
    with mg.unfused():
        loss = layer(inputs(time))[0].sum()
    draw(loss, folder / "warm.svg")  # what is loaded once is no part of it
    return lambda: written(
        folder / f"{view}.svg", lambda path: draw(loss, path, view=view, all_steps=True)
    )


def by_dot(time: int, folder: Path) -> Drawing:
    """`dot` by itself, on what minigrad draws, as clusters without positions."""
    import minigrad as mg
    from minigrad import nn
    from minigrad.graph import trace, unrolled

    layer = nn.LSTM(WIDTH, HIDDEN, rng=0, dtype=np.float64)
    with mg.unfused():
        loss = layer(inputs(time))[0].sum()

    def draw(path: Path) -> None:
        path.write_bytes(_drawn(_clustered(unrolled(trace(loss), all_steps=True))))

    return partial(written, folder / "dot.svg", draw)


def torch_model() -> Any:
    """The same cell over all steps, written from PyTorch's primitives."""
    import torch

    class LSTM(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            for name, array in weights().items():
                self.register_parameter(name, torch.nn.Parameter(torch.from_numpy(array)))

        def gate(self, k: str, u: Any) -> Any:
            return u @ getattr(self, f"W_{k}").T + getattr(self, f"b_{k}")

        def forward(self, x: Any) -> Any:
            h = c = torch.zeros(1, HIDDEN, dtype=x.dtype)
            outputs = []
            for x_t in x.unbind(1):
                u = torch.cat([h, x_t], -1)
                f, i, o = (torch.sigmoid(self.gate(k, u)) for k in "fio")
                c = f * c + i * torch.tanh(self.gate("g", u))
                h = o * torch.tanh(c)
                outputs.append(h)
            return torch.stack(outputs, 1).sum()

    return LSTM()


def by_torchviz(time: int, folder: Path) -> Drawing:
    import torch
    import torchviz

    model = torch_model()
    loss, named = model(torch.from_numpy(inputs(time))), dict(model.named_parameters())

    def draw(path: Path) -> None:
        path.write_bytes(_drawn(torchviz.make_dot(loss, named).source))

    return partial(written, folder / "torchviz.svg", draw)


def by_torchview(time: int, folder: Path) -> Drawing:
    import torch
    import torchview

    model, x = torch_model(), torch.from_numpy(inputs(time))

    def draw(path: Path) -> None:
        # else it shows the whole cell as one box
        found = torchview.draw_graph(
            model, input_data=x, mode="train", device="cpu", hide_module_functions=False
        )
        path.write_bytes(_drawn(found.visual_graph.source))

    return partial(written, folder / "torchview.svg", draw)


def _clustered(view: Any) -> str:
    """A view as DOT text: a cluster for each step."""
    from minigrad.graph.drawing.words import lines

    names = {item.key: f"n{k}" for k, item in enumerate(view.items)}
    text = ["digraph {", "rankdir=LR"]
    for step in (None, *view.steps):
        text += [] if step is None else [f"subgraph cluster_{step} {{"]
        text += [f'{names[item.key]} [shape=box, label="{" ".join(lines(item, view))}"]'
                 for item in view.items if item.step == step]  # fmt: skip
        text += [] if step is None else ["}"]
    return "\n".join([*text, *(f"{names[a]} -> {names[b]}" for a, b in view.arrows), "}"])


def _drawn(text: str) -> bytes:
    """DOT text laid out and drawn: by the program `dot`, else by the same library in a wheel."""
    if shutil.which("dot"):
        return graphviz.pipe("dot", "svg", text.encode())
    import pygraphviz

    return pygraphviz.AGraph(string=text).draw(format="svg", prog="dot")


PEERS: Mapping[str, Callable[[int, Path], Drawing]] = {
    "torchviz": by_torchviz,
    "torchview": by_torchview,
    "dot": by_dot,
}


def lines(rounds: int) -> Iterator[Line]:
    for time in STEPS:
        with tempfile.TemporaryDirectory() as name:
            yield _line(time, Path(name), rounds)


def _line(time: int, folder: Path, rounds: int) -> Line:
    """All sides in turn, each until its patience is spent."""
    sides: dict[str, Callable[[], Drawing]] = {
        "minigrad": partial(in_minigrad, time, "unrolled", folder),
        "every operation": partial(in_minigrad, time, "tape", folder),
        **{name: partial(side, time, folder) for name, side in PEERS.items()},
    }
    seconds: dict[str, list[float]] = defaultdict(list)
    said: dict[str, str] = {}
    with processes(sides, set_threads) as (ready, notes):
        running = dict(ready)
        for _ in range(rounds + 1):
            for side, process in list(running.items()):
                left = PATIENCE - sum(seconds[side])
                try:
                    taken, size = process.ask("timed", within=left)
                except TimeoutError:
                    running.pop(side).close()  # or it would go on, beside those that are timed
                    said.setdefault(side, f"> {PATIENCE:.0f} s")
                except RuntimeError as problem:
                    if side == "minigrad":
                        raise
                    del running[side]
                    said[side] = f"fails ({problem})"
                else:
                    seconds[side].append(taken)
                    said[side] = f"{size / 1e3:,.0f} kB"
    # The first round loads what is loaded once, and does not count where there is another.
    counted = {side: taken[1:] or taken for side, taken in seconds.items() if taken}
    medians = {side: statistics.median(taken) for side, taken in counted.items()}
    words = [f"{side} " + (f"{medians[side]:.3g} s, " if side in medians else "") + said[side]
             for side in said]  # fmt: skip
    line = Line(f"{NAME}: LSTM, T = {time}", counted)
    line.notes = [f"{line.name}: {'; '.join(words)}", *notes]
    mine = medians["minigrad"]
    if time == 20:
        # Of a peer that is not done, at least its patience is known.
        theirs = medians.get("torchviz", PATIENCE if "torchviz" in said else None)
        line.targets = [Target("÷ torchviz", 0.05, mine / theirs if theirs else None)]
    elif time == 1000:
        line.targets = [Target("seconds", 5.0, mine)]
    return line

"""Whole trainings: an LSTM and a GPT of ``models`` learn the characters of a text.

The text is Python's documentation. PyTorch starts from the same weights and sees the same windows
with the same learning rates. A round is a whole run with its validations, and with what a library
loads or compiles while it runs; the losses on held-out text must be the same within 1 %.
"""

from __future__ import annotations

import functools
import math
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.benchmarks.measuring import THREADS, Line, Target, Work, processes, set_threads

NAME = "training"
ROUNDS = 3
LSTM = {"cell": "lstm", "hidden": 128, "layers": 1, "width": 32, "dropout": 0.0, "window": 32,
        "batch": 32, "epochs": 4, "lr": 6e-3, "seed": 0}  # fmt: skip
GPT = {"context": 64, "width": 128, "heads": 4, "layers": 4, "dropout": 0.0, "batch": 12,
       "steps": 300, "lr": 2e-3, "seed": 0}  # fmt: skip


@functools.cache
def text() -> tuple[np.ndarray, np.ndarray, list[str]]:
    """What is learned from, what is held out, and the vocabulary."""
    from models.language_model import split
    from models.text import Vocabulary, characters, documentation

    known, held = split(characters(documentation()))
    vocabulary = Vocabulary.of(known, least=2)
    return vocabulary.encode(known), vocabulary.encode(held), list(vocabulary.tokens)


def lstm_here(*, compiled: bool = False) -> Work:
    from models.language_model import fit, perplexity
    from models.training import compiled_steps

    known, held, vocabulary = text()

    def work() -> float:
        with compiled_steps(compiled):
            model, _ = fit(known, held, {**LSTM, "vocabulary": vocabulary})
        return math.log(perplexity(model, held))

    return work


def lstm_in_torch() -> Work:
    import torch
    from torch import nn
    from torch.nn import functional

    from minigrad import optim
    from models.language_model import LanguageModel, streams

    torch.set_num_threads(THREADS)
    known, held, vocabulary = text()
    size, lr, window = len(vocabulary), LSTM["lr"], LSTM["window"]
    shape = {key: LSTM[key] for key in ("cell", "width", "hidden", "layers", "dropout")}
    start = LanguageModel(size, **shape, rng=LSTM["seed"]).state_dict()
    x, y = (torch.from_numpy(a.copy()) for a in streams(known, LSTM["batch"]))
    x_held, y_held = (torch.from_numpy(a.copy()) for a in streams(held, 16))
    windows = -(-x.shape[1] // window)
    steps = LSTM["epochs"] * windows
    warm = max(1, min(50, steps // 10))
    schedule = optim.warm_up(warm, optim.cosine(lr, max(1, steps - warm)))

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(size, LSTM["width"])
            self.memory = nn.LSTM(LSTM["width"], LSTM["hidden"], batch_first=True)
            self.memory.output = nn.Linear(LSTM["hidden"], size)

        def forward(self, x: torch.Tensor, state: Any = None) -> tuple[torch.Tensor, Any]:
            h, state = self.memory(self.embedding(x), state)
            return self.memory.output(h), state

    def loss_on_held(model: nn.Module) -> float:
        state, total = None, 0.0
        with torch.no_grad():
            for k in range(0, x_held.shape[1], 64):
                logits, state = model(x_held[:, k : k + 64], state)
                total += entropy(logits, y_held[:, k : k + 64], "sum").item()
        return total / x_held.numel()

    def entropy(logits: torch.Tensor, target: torch.Tensor, reduction: str) -> torch.Tensor:
        return functional.cross_entropy(
            logits.reshape(-1, size), target.reshape(-1), reduction=reduction
        )

    def work() -> float:
        model = Model()
        model.load_state_dict({name: torch.from_numpy(a) for name, a in start.items()})
        model.memory.bias_hh_l0.requires_grad_(False)  # minigrad has one bias, not two
        learned = [p for p in model.parameters() if p.requires_grad]
        optimizer = torch.optim.Adam(learned, lr)
        state = None
        for step in range(steps):
            optimizer.param_groups[0]["lr"] = schedule(step)
            k = step % windows * window
            optimizer.zero_grad()
            logits, state = model(x[:, k : k + window], state if k else None)
            state = tuple(a.detach() for a in state)
            entropy(logits, y[:, k : k + window], "mean").backward()
            nn.utils.clip_grad_norm_(learned, 1.0)
            optimizer.step()
            if (step + 1) % windows == 0:
                loss_on_held(model)
        return loss_on_held(model)

    return work


def gpt_here(*, compiled: bool = False) -> Work:
    from models.gpt import fit, loss_on
    from models.training import compiled_steps

    known, held, vocabulary = text()

    def work() -> float:
        with compiled_steps(compiled):
            model, _ = fit(known, held, {**GPT, "vocabulary": vocabulary})
        return loss_on(model, held)

    return work


def gpt_in_torch() -> Work:
    import torch
    from torch import nn
    from torch.nn import functional

    from minigrad import optim
    from models.gpt import made
    from tests.benchmarks.gpt_step import torch_gpt

    torch.set_num_threads(THREADS)
    known, held, vocabulary = text()
    size, context, steps, lr = len(vocabulary), GPT["context"], GPT["steps"], GPT["lr"]
    start = made({**GPT, "vocabulary": vocabulary}).state_dict()
    warm = min(100, max(1, steps // 10))
    schedule = optim.warm_up(warm, optim.cosine(lr, max(1, steps - warm), lr / 10))

    def window(indices: np.ndarray, starts: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(indices[starts[:, None] + np.arange(context + 1)])

    def entropy(model: nn.Module, window: torch.Tensor, reduction: str) -> torch.Tensor:
        logits = model(window[:, :-1]).reshape(-1, size)
        return functional.cross_entropy(logits, window[:, 1:].reshape(-1), reduction=reduction)

    def loss_on_held(model: nn.Module, most: int | None = None) -> float:
        starts = np.arange(0, len(held) - context, context)
        if most is not None:
            starts = starts[np.linspace(0, len(starts) - 1, most).astype(int)]
        with torch.no_grad():
            total = sum(
                entropy(model, window(held, some), "sum").item()
                for some in np.array_split(starts, -(-len(starts) // 32))
            )
        return total / (len(starts) * context)

    def work() -> float:
        model = torch_gpt(size, context, GPT["width"], GPT["heads"], GPT["layers"])
        model.load_state_dict({name: torch.from_numpy(a) for name, a in start.items()})
        optimizer = torch.optim.AdamW(model.parameters(), lr, (0.9, 0.99), weight_decay=0.01)
        for step in range(steps):
            optimizer.param_groups[0]["lr"] = schedule(step)
            starts = np.random.default_rng([GPT["seed"], step]).integers(
                0, len(known) - context, GPT["batch"]
            )
            optimizer.zero_grad()
            entropy(model, window(known, starts), "mean").backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            if (step + 1) % (steps // 8) == 0:
                loss_on_held(model, 64)
        return loss_on_held(model)

    return work


def lines(rounds: int) -> Iterator[Line]:
    """Each round trains anew; so there are few."""
    for name, mine, theirs, limit in (
        ("LSTM", lstm_here, lstm_in_torch, 1.0),
        ("LSTM, jit", functools.partial(lstm_here, compiled=True), lstm_in_torch, 0.8),
        ("GPT", gpt_here, gpt_in_torch, 1.0),
        ("GPT, jit", functools.partial(gpt_here, compiled=True), gpt_in_torch, 0.8),
    ):
        line = Line(f"{NAME}: {name}")
        seconds: dict[str, list[float]] = defaultdict(list)
        losses: dict[str, float] = {}
        with processes({"minigrad": mine, "PyTorch": theirs}, set_threads) as (ready, notes):
            for _ in range(min(rounds, ROUNDS)):
                for side, process in ready.items():
                    taken, loss = process.ask("timed")
                    seconds[side].append(taken)
                    losses[side] = float(loss)
        line.seconds = seconds
        said = ", ".join(f"{side} {loss:.4f}" for side, loss in losses.items())
        line.notes = [f"{line.name}: loss on held-out text {said} nats per character", *notes]
        ratio = losses["minigrad"] / losses["PyTorch"] if "PyTorch" in losses else None
        line.targets = [
            Target("÷ PyTorch", limit, line.ratios.get("PyTorch")),
            Target("loss ÷ PyTorch's", 1.01, ratio),
        ]
        yield line

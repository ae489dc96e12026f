"""Checkpoints: a whole run in one safetensors file; the last one is the trained model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from minigrad.nn import Module, load_state, save_state
from minigrad.optim import Optimizer
from models.training import History

Arrays = dict[str, np.ndarray]


class Stateful(Protocol):
    """Anything that gives its state as arrays and takes it back."""

    def state_dict(self) -> Arrays: ...

    def load_state_dict(self, state: Mapping[str, Any], /) -> object: ...


class Random:
    """The state of every generator that a model's parts draw from, for dropout and the like."""

    def __init__(self, model: Module) -> None:
        values = (value for module in model.modules() for value in vars(module).values())
        found = (value for value in values if isinstance(value, np.random.Generator))
        self.generators = list(dict.fromkeys(found))

    def state_dict(self) -> Arrays:
        """The generators' states, as JSON in bytes."""
        return {str(k): _packed(g.bit_generator.state) for k, g in enumerate(self.generators)}

    def load_state_dict(self, state: Mapping[str, Any], /) -> None:
        """Let the generators go on from there."""
        for k, generator in enumerate(self.generators):
            generator.bit_generator.state = _unpacked(state[str(k)])


class Checkpoint:
    """Where a run is saved: model, optimiser, random state, history, and what it was made with.

    Args:
        path: ends in ``.safetensors``.
        name: the model's, so that no other model takes the file for its own.
        settings: what makes the run what it is, as JSON takes it; a run goes on with the same.
        model: what is trained.
        optimizer: what trains it.
        resume: go on from the file, if it is there.
        more: other things with a state, by name.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        settings: Mapping[str, Any],
        model: Module,
        optimizer: Optimizer,
        *,
        resume: bool = False,
        **more: Stateful,
    ) -> None:
        self.path, self.name, self.settings = path, name, dict(settings)
        self.wants_resume = resume
        self.parts: dict[str, Stateful] = {
            "model": model, "optimizer": optimizer, "random": Random(model), **more,
        }  # fmt: skip

    def save(self, history: History) -> None:
        """Write the file, whole or not at all.

        Raises:
            OSError: it cannot be written.
        """
        state = {"about": _packed({"model": self.name, "settings": self.settings})}
        for name, part in {**self.parts, "history": history}.items():
            state |= {f"{name}/{key}": array for key, array in part.state_dict().items()}
        save_state(self.path, state)

    def resume(self) -> History:
        """The history so far: that of the file if the run goes on, else an empty one.

        Raises:
            ValueError: the file is damaged, of another model, or of other settings or shapes.
        """
        history = History()
        if not (self.wants_resume and self.path.exists()):
            return history
        settings, state = read_checkpoint(self.path, self.name)
        own = json.loads(json.dumps(self.settings))
        differences = [
            f"{key}={_brief(settings.get(key))}, got {key}={_brief(own.get(key))}"
            for key in {**settings, **own} if settings.get(key) != own.get(key)
        ]  # fmt: skip
        if differences:
            raise ValueError(f"{self.path}: was made with {'; '.join(differences)}")
        for name, part in {**self.parts, "history": history}.items():
            load_part(self.path, state, name, part)
        return history


def read_checkpoint(path: Path, name: str) -> tuple[dict[str, Any], Arrays]:
    """The settings and arrays of a checkpoint of the model ``name``.

    Raises:
        ValueError: the file is damaged, or no checkpoint of that model.
        OSError: it cannot be read.
    """
    state = load_state(path)
    try:
        about = _unpacked(state.pop("about"))
        found, settings = about["model"], dict(about["settings"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: not a checkpoint of one of these models") from error
    if found != name:
        raise ValueError(f"{path}: a checkpoint of the model {found}, expected one of {name}")
    return settings, state


def load_part(path: Path, state: Arrays, name: str, part: Stateful) -> None:
    """Give a part of a run its arrays.

    Raises:
        ValueError: they do not fit; the message names the file.
    """
    own = {k.removeprefix(f"{name}/"): a for k, a in state.items() if k.startswith(f"{name}/")}
    try:
        part.load_state_dict(own)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: {name}: {error}") from error


def _packed(value: Any) -> np.ndarray:
    return np.frombuffer(json.dumps(value).encode(), np.uint8)


def _unpacked(array: np.ndarray) -> Any:
    return json.loads(array.tobytes())


def _brief(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:37]}…"

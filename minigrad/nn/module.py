"""Module: a part of a model, with named parameters and parts of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Self

import numpy as np

from minigrad import tape
from minigrad.tensor import Parameter

Seed = int | np.random.Generator | None


class Module:
    """Base of layers and models: attributes that are parameters or modules are found by it.

    Subclasses write ``forward``; calling the module runs it under a scope of the module's
    name, which pictures and reports show.
    """

    name: str = ""
    training: bool = True

    def __setattr__(self, attribute: str, value: Any) -> None:
        if isinstance(value, Module | Parameter) and not value.name:
            value.name = attribute
        super().__setattr__(attribute, value)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run `forward`."""
        label = type(self).__name__
        with tape.scope("module", self.name or label, label):
            return self.forward(*args, **kwargs)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes."""
        raise NotImplementedError(f"{type(self).__name__} has no forward method")

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """This module and all its parts, with dotted paths."""
        yield prefix, self
        for name, part in _parts(self):
            if isinstance(part, Module):
                yield from part.named_modules(f"{prefix}.{name}" if prefix else name)

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """All parameters with dotted paths, each once."""
        seen: set[Parameter] = set()
        for path, module in self.named_modules():
            for name, part in _parts(module):
                if isinstance(part, Parameter) and part not in seen:
                    seen.add(part)
                    yield f"{path}.{name}" if path else name, part

    def parameters(self) -> Iterator[Parameter]:
        """All parameters, each once."""
        return (parameter for _, parameter in self.named_parameters())

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for parameter in self.parameters():
            parameter.grad = None

    def freeze(self) -> Self:
        """Record no gradient for any parameter; returns the module."""
        return self._require(False)

    def unfreeze(self) -> Self:
        """Undo `freeze`; returns the module."""
        return self._require(True)

    def _require(self, gradient: bool) -> Self:
        for parameter in self.parameters():
            parameter.requires_grad = gradient
        return self

    def train(self, mode: bool = True) -> Self:
        """Set this module and its parts to training, where dropout acts; returns the module."""
        for _, module in self.named_modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Set this module and its parts to evaluation; returns the module."""
        return self.train(False)

    def state_dict(self) -> dict[str, np.ndarray]:
        """A copy of every parameter's array, by dotted path; PyTorch's names where it has any."""
        state: dict[str, np.ndarray] = {}
        for name, part in _parts(self):
            if isinstance(part, Parameter):
                state[name] = part.data.copy()
            elif isinstance(part, Module):
                state |= {f"{name}.{key}": array for key, array in part.state_dict().items()}
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Set every parameter from ``state``, named as `state_dict` names them; all or nothing.

        Raises:
            ValueError: names are missing or unknown, or shapes differ: all of them, listed.
        """
        own = self.state_dict()
        arrays = {name: np.asarray(value) for name, value in state.items()}
        faults = [f"missing {name}" for name in own if name not in arrays]
        faults += [f"unknown {name}" for name in arrays if name not in own]
        faults += [
            f"{name}: got shape {arrays[name].shape}, expected {array.shape}"
            for name, array in own.items()
            if name in arrays and arrays[name].shape != array.shape
        ]
        if faults:
            raise ValueError(f"{type(self).__name__}.load_state_dict: {'; '.join(faults)}")
        self._load(arrays)

    def _load(self, state: Mapping[str, np.ndarray]) -> None:
        """Take the arrays of a checked ``state``: what `state_dict` gave out."""
        for name, part in _parts(self):
            if isinstance(part, Parameter):
                part.data = state[name].astype(part.dtype)
            elif isinstance(part, Module):
                start = f"{name}."
                part._load({k[len(start) :]: v for k, v in state.items() if k.startswith(start)})

    def __repr__(self) -> str:
        sizes = ", ".join(f"{n}: {p.shape}" for n, p in self.named_parameters())
        return f"{type(self).__name__}({sizes})"


def _parts(module: Module) -> Iterator[tuple[str, Any]]:
    for name, value in vars(module).items():
        if isinstance(value, list | tuple):
            yield from ((f"{name}.{k}", part) for k, part in enumerate(value))
        else:
            yield name, value


def check_size(owner: object, **sizes: Any) -> None:
    """Refuse sizes that are not positive integers."""
    for name, size in sizes.items():
        if not isinstance(size, int | np.integer) or isinstance(size, bool) or size < 1:
            raise ValueError(
                f"{type(owner).__name__}: got {name}={size!r}, expected a positive integer"
            )

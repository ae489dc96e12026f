"""Module: a part of a model, with named parameters and parts of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

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

    def state_dict(self) -> dict[str, np.ndarray]:
        """A copy of every parameter's array, by dotted path."""
        return {name: parameter.data.copy() for name, parameter in self.named_parameters()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Set every parameter from ``state``; all or nothing.

        Raises:
            ValueError: names are missing or unknown, or shapes differ: all of them, listed.
        """
        own = dict(self.named_parameters())
        arrays = {name: np.asarray(value) for name, value in state.items()}
        faults = [f"missing {name}" for name in own if name not in arrays]
        faults += [f"unknown {name}" for name in arrays if name not in own]
        faults += [
            f"{name}: got shape {arrays[name].shape}, expected {parameter.shape}"
            for name, parameter in own.items()
            if name in arrays and arrays[name].shape != parameter.shape
        ]
        if faults:
            raise ValueError(f"{type(self).__name__}.load_state_dict: {'; '.join(faults)}")
        for name, parameter in own.items():
            parameter.data = arrays[name].astype(parameter.dtype)

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

"""Module: a part of a model, with named parameters and parts of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self

import numpy as np

from minigrad.primitives.primitive import Array
from minigrad.scope import scope
from minigrad.tensor import Parameter

Seed = int | np.random.Generator | None
"""What weights and masks are drawn from: a seed, a generator, or chance for ``None``.

Example:
    >>> one, other = nn.Linear(3, 2, rng=0), nn.Linear(3, 2, rng=np.random.default_rng(0))
    >>> bool((one.weight.data == other.weight.data).all())
    True
"""
State = dict[str, np.ndarray]


class Module:
    """Base of layers and models: attributes that are parameters or modules are found by it.

    So are those in lists and tuples. Subclasses write ``forward``; calling the module runs it
    under a scope of the module's name, which pictures and reports show. A subclass whose
    parameters have other names or another packing in files overrides `state_dict` and
    `assign_state`.

    Attributes:
        training: whether dropout and the like are at work; see `train` and `eval`.

    Example:
        >>> class Model(nn.Module):
        ...     def __init__(self):
        ...         self.hidden = nn.Linear(3, 8)
        ...         self.output = nn.Linear(8, 1)
        ...     def forward(self, x):
        ...         return self.output(mg.tanh(self.hidden(x)))
        >>> model = Model()
        >>> model(np.ones((5, 3))).shape
        (5, 1)
        >>> [name for name, _ in model.named_parameters()]
        ['hidden.weight', 'hidden.bias', 'output.weight', 'output.bias']
    """

    name: str = ""
    training: bool = True

    def __setattr__(self, attribute: str, value: Any) -> None:
        super().__setattr__(attribute, value)
        for name, part in _parts_in(attribute, value):
            if not part.name:
                part.name = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run `forward`."""
        label = type(self).__name__
        with scope("module", self.name or label, label):
            return self.forward(*args, **kwargs)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes."""
        raise NotImplementedError(f"{type(self).__name__} has no forward method")

    # Its parts

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """This module and all its parts, with dotted paths."""
        yield prefix, self
        for name, part in _parts(self):
            if isinstance(part, Module):
                yield from part.named_modules(f"{prefix}.{name}" if prefix else name)

    def modules(self) -> Iterator[Module]:
        """This module and all its parts, each once."""
        return iter(dict.fromkeys(module for _, module in self.named_modules()))

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

    # What is done to all of them

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for parameter in self.parameters():
            parameter.grad = None

    def freeze(self) -> Self:
        """Make every parameter a constant: no gradient reaches it, no optimiser moves it."""
        return self._require_grad(False)

    def unfreeze(self) -> Self:
        """Let every parameter be learned again."""
        return self._require_grad(True)

    def _require_grad(self, wanted: bool) -> Self:
        for parameter in self.parameters():
            parameter.requires_grad = wanted
            parameter.grad = None
        return self

    def train(self, mode: bool = True) -> Self:
        """Set ``training`` of this module and all its parts."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Stop what only training does: `train` with ``False``."""
        return self.train(False)

    # State: copies of all arrays, by name

    def state_dict(self) -> State:
        """A copy of every parameter's array, by dotted path."""
        state: State = {}
        for name, part in _parts(self):
            if isinstance(part, Parameter):
                state[name] = np.array(part.data)
            elif isinstance(part, Module):
                state.update({f"{name}.{inner}": a for inner, a in part.state_dict().items()})
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Set every parameter from ``state``; all or nothing. Each keeps its own dtype.

        Raises:
            ValueError: names are missing or unknown, shapes differ, or an entry is no array of
                real numbers: all of them, listed.
        """
        own = self.state_dict()
        arrays = {name: np.asarray(value) for name, value in state.items()}
        faults = [f"missing {name}" for name in own if name not in arrays]
        faults += [f"unknown {name}" for name in arrays if name not in own]
        for name, array in arrays.items():
            if name in own and array.shape != own[name].shape:
                faults.append(f"{name}: got shape {array.shape}, expected {own[name].shape}")
            if name in own and array.dtype.kind not in "fiu":
                faults.append(f"{name}: got dtype {array.dtype}, expected real numbers")
        if faults:
            raise ValueError(f"{type(self).__name__}.load_state_dict: {'; '.join(faults)}")
        self.assign_state(arrays)

    def assign_state(self, state: State) -> None:
        """Take over the arrays that `load_state_dict` has checked."""
        for name, part in _parts(self):
            if isinstance(part, Parameter):
                part.data = state[name].astype(part.dtype)
            elif isinstance(part, Module):
                start = f"{name}."
                part.assign_state({
                    path.removeprefix(start): array
                    for path, array in state.items() if path.startswith(start)
                })  # fmt: skip

    def __repr__(self) -> str:
        sizes = ", ".join(f"{n}: {p.shape}" for n, p in self.named_parameters())
        return f"{type(self).__name__}({sizes})"


_CARRIERS = (Module, Parameter, list, tuple)


class Sequential(Module):
    """Modules and functions, each applied to what the one before it returns.

    Args:
        layers: modules, or functions of one array such as ``mg.relu``.

    Example:
        >>> model = nn.Sequential(nn.Linear(3, 8), mg.relu, nn.Linear(8, 1))
        >>> [name for name, _ in model.named_parameters()]
        ['0.weight', '0.bias', '2.weight', '2.bias']
    """

    def __init__(self, *layers: Callable[[Array], Array]) -> None:
        for k, layer in enumerate(layers):
            setattr(self, str(k), layer)
        self.length = len(layers)

    def forward(self, x: Array) -> Array:
        """The last layer's output."""
        for k in range(self.length):
            x = getattr(self, str(k))(x)
        return x


def _parts(module: Module) -> Iterator[tuple[str, Module | Parameter]]:
    """The parameters and modules that are attributes, or in lists and tuples that are."""
    for attribute, value in vars(module).items():
        if isinstance(value, _CARRIERS):  # most attributes are plain numbers
            yield from _parts_in(attribute, value)


def _parts_in(attribute: str, value: Any) -> Iterator[tuple[str, Module | Parameter]]:
    """An attribute's value, or, with a number behind the name, each value that is in it."""
    if isinstance(value, Module | Parameter):
        yield attribute, value
    elif isinstance(value, list | tuple):
        for k, part in enumerate(value):
            if isinstance(part, Module | Parameter):
                yield f"{attribute}.{k}", part


def check_size(owner: object, **sizes: Any) -> None:
    """Refuse sizes that are not positive integers."""
    for name, size in sizes.items():
        if not isinstance(size, int | np.integer) or isinstance(size, bool) or size < 1:
            raise ValueError(
                f"{type(owner).__name__}: got {name}={size!r}, expected a positive integer"
            )

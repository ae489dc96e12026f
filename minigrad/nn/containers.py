"""Modules that hold other modules: one after another, by number, or by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, overload

from minigrad.nn.module import Module
from minigrad.primitives.primitive import Array
from minigrad.tensor import Parameter

Layer = Callable[[Array], Array]


class Sequential(Module):
    """Modules and functions, each applied to what the one before it returns.

    Args:
        layers: modules, or functions of one array such as ``mg.relu``; or one dict of them by
            name.

    Example:
        >>> model = nn.Sequential(nn.Linear(3, 8), mg.relu, nn.Linear(8, 1))
        >>> [name for name, _ in model.named_parameters()]
        ['0.weight', '0.bias', '2.weight', '2.bias']
        >>> model[0].weight.shape, len(model[:2])
        ((8, 3), 2)
    """

    def __init__(self, *layers: Layer | Mapping[str, Layer]) -> None:
        named: dict[str, Any] = {str(k): layer for k, layer in enumerate(layers)}
        if len(layers) == 1 and isinstance(layers[0], Mapping):
            named = dict(layers[0])
        for name, layer in named.items():
            _check_name(self, name)
            if not callable(layer):
                several = "; write Sequential(*layers)" if isinstance(layer, list | tuple) else ""
                raise TypeError(
                    f"Sequential: got {type(layer).__name__} as layer {name}, expected a module or "
                    f"a function{several}"
                )
            setattr(self, name, layer)
        self._order = tuple(named)

    def forward(self, x: Array) -> Array:
        """The last layer's output."""
        for layer in self:
            x = layer(x)
        return x

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[Layer]:
        return (getattr(self, name) for name in self._order)

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> Sequential: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return Sequential({name: getattr(self, name) for name in self._order[index]})
        return getattr(self, self._order[index])

    def __setitem__(self, index: int, layer: Layer) -> None:
        setattr(self, self._order[index], layer)

    def append(self, layer: Layer) -> Sequential:
        """Add a layer at the end."""
        name = str(len(self))
        setattr(self, name, layer)
        self._order = (*self._order, name)
        return self


class ModuleList(Module):
    """A list of modules, as a module: a plain list as an attribute does as well.

    Args:
        modules: the first of them.

    Example:
        >>> layers = nn.ModuleList(nn.Linear(4, 4) for _ in range(3))
        >>> layers.append(nn.Linear(4, 1))[-1].weight.shape, len(layers)
        ((1, 4), 4)
        >>> [name for name, _ in layers.named_parameters()][:2]
        ['0.weight', '0.bias']
    """

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        self._length = 0
        self.extend(modules)

    def append(self, module: Module) -> ModuleList:
        """Add a module at the end."""
        setattr(self, str(self._length), module)
        self._length += 1
        return self

    def extend(self, modules: Iterable[Module]) -> ModuleList:
        """Add modules at the end."""
        for module in modules:
            self.append(module)
        return self

    def insert(self, index: int, module: Module) -> None:
        """Put a module before the one at ``index``."""
        modules = list(self)
        modules.insert(index, module)
        self._hold(modules)

    def pop(self, index: int = -1) -> Any:
        """Take a module out."""
        modules = list(self)
        taken = modules.pop(index)
        self._hold(modules)
        return taken

    def __delitem__(self, index: int | slice) -> None:
        modules = list(self)
        del modules[index]
        self._hold(modules)

    def __iadd__(self, modules: Iterable[Module]) -> ModuleList:
        return self.extend(modules)

    def _hold(self, modules: Iterable[Module]) -> None:
        """Hold these instead."""
        for k in range(self._length):
            delattr(self, str(k))
        self._length = 0
        self.extend(modules)

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Any]:
        return (getattr(self, str(k)) for k in range(self._length))

    def __getitem__(self, index: int | slice) -> Any:
        places = range(self._length)[index]
        if isinstance(places, range):
            return ModuleList(getattr(self, str(k)) for k in places)
        return getattr(self, str(places))

    def __setitem__(self, index: int, module: Module) -> None:
        setattr(self, str(range(self._length)[index]), module)


class ParameterList(ModuleList):
    """A list of parameters, as a module; arrays become parameters.

    Example:
        >>> scales = nn.ParameterList([np.ones(3), np.zeros(3)])
        >>> [name for name, _ in scales.named_parameters()]
        ['0', '1']
    """

    def append(self, module: Any) -> ModuleList:
        """Add a parameter at the end."""
        return super().append(module if isinstance(module, Parameter) else Parameter(module))  # type: ignore[arg-type]


class ModuleDict(Module):
    """Modules by name, as a module; a plain dict as an attribute works as well.

    Args:
        modules: by name, or pairs.

    Raises:
        ValueError: a name with a dot, or one of a module's own attributes.

    Example:
        >>> heads = nn.ModuleDict({"left": nn.Linear(4, 1), "right": nn.Linear(4, 2)})
        >>> heads["right"](np.ones(4)).shape, list(heads)
        ((2,), ['left', 'right'])
        >>> [name for name, _ in heads.named_parameters()][:2]
        ['left.weight', 'left.bias']
    """

    def __init__(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]] = ()) -> None:
        self._names: tuple[str, ...] = ()
        self.update(modules)

    def update(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]]) -> None:
        """Add modules, or put others in their place."""
        for name, module in dict(modules).items():
            self[name] = module

    def __setitem__(self, name: str, module: Module) -> None:
        if name not in self._names:
            _check_name(self, name)
        setattr(self, name, module)
        if name not in self._names:
            self._names = (*self._names, name)

    def __getitem__(self, name: str) -> Any:
        if name not in self._names:
            raise KeyError(f"ModuleDict: got {name!r}, expected {', '.join(self._names)}")
        return getattr(self, name)

    def __delitem__(self, name: str) -> None:
        self[name]
        delattr(self, name)
        self._names = tuple(n for n in self._names if n != name)

    def pop(self, name: str) -> Any:
        """Take a module out."""
        module = self[name]
        del self[name]
        return module

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def keys(self) -> tuple[str, ...]:
        """The names."""
        return self._names

    def values(self) -> tuple[Any, ...]:
        """The modules."""
        return tuple(getattr(self, name) for name in self._names)

    def items(self) -> tuple[tuple[str, Any], ...]:
        """The modules with their names."""
        return tuple(zip(self._names, self.values(), strict=True))


def _check_name(owner: Module, name: Any) -> None:
    """Refuse a name that no attribute can have, or that one has already."""
    if not isinstance(name, str) or not name or "." in name or hasattr(owner, name):
        raise ValueError(
            f"{type(owner).__name__}: got the name {name!r}, expected a string without a dot that "
            "is no attribute of a module"
        )

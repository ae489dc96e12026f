"""Module: a part of a model, with named parameters, buffers and parts of its own."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set, ValuesView
from contextlib import contextmanager
from copy import copy
from dataclasses import is_dataclass
from functools import lru_cache
from html import escape
from types import FunctionType, SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

import numpy as np

from minigrad.elsewhere import advice
from minigrad.hooks import bundle
from minigrad.nn.elsewhere import ATTRIBUTES
from minigrad.nn.formats import Layout, as_arrays, keras_hint
from minigrad.nn.summary import tree
from minigrad.scope import scope
from minigrad.tensor import Parameter, Tensor, raw

Seed = int | np.random.Generator | None
"""What weights and masks are drawn from: a seed, a generator, or chance for ``None``.

Example:
    >>> one, other = nn.Linear(3, 2, rng=0), nn.Linear(3, 2, rng=np.random.default_rng(0))
    >>> bool((one.weight.data == other.weight.data).all())
    True
"""
State = dict[str, np.ndarray]


class Incompatible(NamedTuple):
    """What `Module.load_state_dict` found no use for, or did not find."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class Module:
    """Base of layers and models: finds the parameters and modules among its attributes.

    Those in lists, tuples and dicts count too, however deeply they are nested. Subclasses write
    ``forward``; calling the module runs it under a scope of the module's name, which pictures and
    reports show. A subclass whose parameters have other names or another packing in files
    overrides `state_dict` and `assign_state`.

    Attributes:
        training: whether dropout and the like are at work; see `train` and `eval`.
        changing: attributes with numbers that change from call to call; a compiled function
            (`minigrad.jit`) reads them anew in every call and writes them back.
        keras_layout: the parameters in the order in which Keras's ``get_weights()`` gives them,
            and how its axes are permuted here.

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
        >>> print(model)
        Model: 41 parameters
          hidden: Linear(weight: (8, 3), bias: (8,)): 32
          output: Linear(weight: (1, 8), bias: (1,)): 9
    """

    name: str = ""
    training: bool = True
    changing: ClassVar[tuple[str, ...]] = ()
    keras_layout: ClassVar[Layout | None] = None
    _buffers: Mapping[str, bool] = {}  # by name, whether it goes into the state

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name, value in vars(cls).items():
            if isinstance(value, Module | Parameter):
                raise TypeError(
                    f"{cls.__name__}: got a {type(value).__name__} as {name} of the class, which "
                    f"all its modules would share; assign it in __init__: self.{name} = …"
                )
        if vars(cls).get("__slots__"):
            raise TypeError(f"{cls.__name__}: got __slots__, in which no part is found; leave them")
        if "__init__" not in vars(cls) and isinstance(cls.__init__, FunctionType):
            # Python's own complaints about arguments then name the class that was called
            setattr(cls, "__init__", _renamed(cls.__init__, f"{cls.__name__}.__init__"))  # noqa: B010

    def __setattr__(self, attribute: str, value: Any) -> None:
        was = vars(self).get(attribute)
        if (
            isinstance(was, Parameter)
            and not isinstance(value, Parameter)
            and hasattr(value, "dtype")
        ):
            raise TypeError(
                f"{type(self).__name__}: got a {type(value).__name__} as {attribute}, which is a "
                f"Parameter; write {attribute}.data = array, or assign an nn.Parameter"
            )
        super().__setattr__(attribute, value)
        for name, part in _parts_in(self, attribute, value):
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

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules that are parts of this one, by name, without their own parts."""
        return ((name, part) for name, part in _parts(self) if isinstance(part, Module))

    def children(self) -> Iterator[Module]:
        """The modules that are parts of this one, without their own parts."""
        return (part for _, part in self.named_children())

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """This module and all its parts, with dotted paths.

        Raises:
            ValueError: a module is a part of itself.
        """
        yield from self._named_modules(prefix, ())

    def _named_modules(
        self, prefix: str, around: tuple[Module, ...]
    ) -> Iterator[tuple[str, Module]]:
        if any(self is module for module in around):
            raise ValueError(
                f"{type(around[0]).__name__}: {prefix} is a part of itself; keep a reference to a "
                "module around this one in a function or in a weakref.ref"
            )
        yield prefix, self
        for name, part in self.named_children():
            yield from part._named_modules(f"{prefix}.{name}" if prefix else name, (*around, self))

    def modules(self) -> Iterator[Module]:
        """This module and all its parts, each once."""
        return iter(dict.fromkeys(module for _, module in self.named_modules()))

    def named_parameters(
        self, prefix: str = "", recurse: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """All parameters with dotted paths, each once.

        Args:
            prefix: what the paths start with.
            recurse: whether those of parts count, or only the module's own.
        """
        own = ((name, part) for name, part in _parts(self) if isinstance(part, Parameter))
        seen: set[Parameter] = set()
        for name, parameter in self._all_named(Parameter) if recurse else own:
            if parameter not in seen:
                seen.add(parameter)
                yield f"{prefix}.{name}" if prefix else name, parameter

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """All parameters, each once; without ``recurse`` only the module's own."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def _all_named(self, kind: type) -> Iterator[tuple[str, Any]]:
        """The parts of this kind under every path that leads to them."""
        for path, module in self.named_modules():
            for name, part in _parts(module):
                if isinstance(part, kind):
                    yield f"{path}.{name}" if path else name, part

    def register_buffer(self, name: str, array: Any, persistent: bool = True) -> None:
        """Make ``array`` an attribute that is saved with the parameters and never learned.

        Args:
            name: of the attribute.
            array: an array, a Tensor, or ``None`` for one that comes later.
            persistent: whether `state_dict` has it.

        Raises:
            ValueError: the name is not plain, or that of another attribute.

        Example:
            >>> module = nn.Module()
            >>> module.register_buffer("mask", np.tril(np.ones((2, 2))))
            >>> list(module.state_dict())
            ['mask']
        """
        if not name.isidentifier():
            raise ValueError(f"{type(self).__name__}: got a buffer {name!r}, expected a plain name")
        if name in vars(self) and name not in self._buffers:
            raise ValueError(
                f"{type(self).__name__}: got a buffer {name}, which is an attribute already"
            )
        self._buffers = {**self._buffers, name: persistent}
        setattr(self, name, array)

    def named_buffers(self) -> Iterator[tuple[str, Any]]:
        """The buffers of this module and all its parts, with dotted paths."""
        for path, module in self.named_modules():
            for name in module._buffers:
                if getattr(module, name) is not None:
                    yield f"{path}.{name}" if path else name, getattr(module, name)

    def buffers(self) -> Iterator[Any]:
        """The buffers of this module and all its parts."""
        return (buffer for _, buffer in self.named_buffers())

    # What is done to all of them

    def apply(self, function: Callable[[Module], Any]) -> Self:
        """Call ``function`` with every part, then with this module.

        Example:
            >>> def ones(module):
            ...     if isinstance(module, nn.Linear):
            ...         module.weight.data = np.ones_like(module.weight.data)
            >>> model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1)).apply(ones)
            >>> print(model[1].weight.data)
            [[1. 1.]]
        """
        for part in self.children():
            part.apply(function)
        function(self)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters; or make them 0."""
        for parameter in self.parameters():
            keep = parameter.grad is not None and not set_to_none
            parameter.grad = np.zeros_like(raw(parameter.grad)) if keep else None

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Say whether the parameters are learned; their gradients so far are forgotten."""
        for parameter in self.parameters():
            parameter.requires_grad = requires_grad
            parameter.grad = None
        return self

    def freeze(self) -> Self:
        """Make every parameter a constant: no gradient reaches it, no optimiser moves it."""
        return self.requires_grad_(False)

    def unfreeze(self) -> Self:
        """Let every parameter be learned again."""
        return self.requires_grad_(True)

    def train(self, mode: bool = True) -> Self:
        """Set ``training`` of this module and all its parts."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Switch off what only training does: `train` with ``False``."""
        return self.train(False)

    def astype(self, dtype: Any) -> Self:
        """Convert all floating-point parameters and buffers; their gradients are discarded.

        Raises:
            ValueError: a dtype that is not one of real floating-point numbers.

        Example:
            >>> nn.Linear(3, 2).astype(np.float64).weight.dtype
            dtype('float64')
        """
        dtype = np.dtype(dtype)
        if dtype.kind != "f":
            raise ValueError(f"{type(self).__name__}.astype: got {dtype}, expected a float dtype")
        for parameter in self.parameters():
            parameter.data = parameter.data.astype(dtype)
            parameter.grad = None
        for module in self.modules():
            for name in module._buffers:
                buffer = getattr(module, name)
                if buffer is not None and buffer.dtype.kind == "f":
                    setattr(module, name, buffer.astype(dtype))
        return self

    @contextmanager
    def holding(self, arrays: Mapping[str, Any]) -> Iterator[Self]:
        """Context manager: these arrays or Tensors stand in place of parameters.

        A parameter that several parts share is replaced in all of them.

        Args:
            arrays: by the parameters' dotted paths.

        Raises:
            ValueError: there is no parameter of such a name.

        Example:
            >>> layer = nn.Linear(2, 1, bias=False)
            >>> with layer.holding({"weight": np.array([[1.0, 10.0]])}):
            ...     print(layer(np.array([2.0, 3.0])))
            [32.]
        """
        named = dict(self._all_named(Parameter))
        unknown = [name for name in arrays if name not in named]
        if unknown:
            raise ValueError(
                f"{type(self).__name__}.holding: got {', '.join(unknown)}, expected names of "
                f"parameters: {', '.join(named)}"
            )
        new = {named[name]: array for name, array in arrays.items()}
        before: list[tuple[Module, str, Any]] = []
        for module in self.modules():
            for attribute, value in vars(module).items():
                if _has_any(value, new):
                    before.append((module, attribute, value))
        try:
            for module, attribute, value in before:
                vars(module)[attribute] = _replaced(value, new)
            yield self
        finally:
            for module, attribute, value in before:
                vars(module)[attribute] = value

    # State: copies of all arrays, by name

    def state_dict(self) -> State:
        """A copy of every parameter's and buffer's array, by dotted path."""
        own = [(name, part) for name, part in _parts(self) if isinstance(part, Parameter)]
        own += [(name, getattr(self, name)) for name in self._saved_buffers()]
        state = {name: np.array(raw(part)) for name, part in own}
        for name, part in self.named_children():
            state |= {f"{name}.{inner}": a for inner, a in part.state_dict().items()}
        return state

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> Incompatible | None:
        """Set every parameter and buffer from ``state``; all or nothing. Each keeps its dtype.

        Args:
            state: arrays by name, as `state_dict` gives them, or PyTorch's.
            strict: whether names that are missing or unknown are refused.

        Returns:
            The missing and the unknown names, if not ``strict``.

        Raises:
            ValueError: names are missing or unknown, shapes differ, or an entry is no array of
                real numbers: all of them, listed.

        Warns:
            UserWarning: numbers were rounded because they came in a wider dtype.
        """
        own = self.state_dict()
        arrays = as_arrays(state)
        missing = [name for name in own if name not in arrays]
        unknown = [name for name in arrays if name not in own]
        faults = [f"missing {name}" for name in missing] if strict else []
        faults += [f"unknown {name}" for name in unknown] if strict else []
        rounded = []
        for name, array in arrays.items():
            if name not in own:
                continue
            if array.shape != own[name].shape:
                faults.append(f"{name}: got shape {array.shape}, expected {own[name].shape}")
            elif array.dtype.kind not in "fiub":
                faults.append(f"{name}: got dtype {array.dtype}, expected real numbers")
            elif _loses(array, own[name].dtype):
                rounded.append(name)
        faults += [] if faults else self._split_ties(arrays)
        if faults:
            hints = [
                hint
                for path, module in self.named_modules()
                if (hint := module.state_hint(_under(arrays, path)))
            ]
            raise ValueError(
                f"{type(self).__name__}.load_state_dict: {'; '.join(dict.fromkeys(hints + faults))}"
            )
        self.assign_state({**own, **{n: a for n, a in arrays.items() if n in own}})
        if rounded:
            dtypes = sorted({str(arrays[name].dtype) for name in rounded})
            warnings.warn(
                f"{type(self).__name__}.load_state_dict: {', '.join(rounded)} came as "
                f"{' and '.join(dtypes)} and were rounded to {own[rounded[0]].dtype}; to keep "
                "them, call .astype(np.float64) before",
                stacklevel=2,
            )
        return None if strict else Incompatible(missing, unknown)

    def assign_state(self, state: State) -> None:
        """Take over the arrays that `load_state_dict` has checked."""
        for name, part in _parts(self):
            if isinstance(part, Module):
                part.assign_state(_under(state, name))
            else:
                part.data = state[name].astype(part.dtype)
        for name in self._saved_buffers():
            now = getattr(self, name)
            array = state[name].astype(now.dtype)
            setattr(self, name, Tensor(array) if isinstance(now, Tensor) else array)

    def state_hint(self, state: Mapping[str, np.ndarray]) -> str:
        """What to do about a state that does not fit, where its names tell; else nothing."""
        return ""

    def _saved_buffers(self) -> list[str]:
        return [n for n, saved in self._buffers.items() if saved and getattr(self, n) is not None]

    def _split_ties(self, arrays: Mapping[str, np.ndarray]) -> list[str]:
        """Names that share a parameter here and have different arrays there."""
        first: dict[Parameter, str] = {}
        faults = []
        for name, parameter in self._all_named(Parameter):
            if name in arrays:
                other = first.setdefault(parameter, name)
                if not np.array_equal(arrays[name], arrays[other], equal_nan=True):
                    faults.append(f"{other} and {name} are one parameter, got different arrays")
        return faults

    # Keras

    def keras_weights(self) -> list[np.ndarray]:
        """Copies of all arrays, in the order and with the axes of Keras's ``set_weights``.

        Raises:
            ValueError: Keras has no such layer.

        Example:
            >>> [array.shape for array in nn.Linear(3, 2).keras_weights()]  # kernel, bias
            [(3, 2), (2,)]
        """
        if self.keras_layout is not None:
            return self.keras_layout.read(self)
        own = [name for name, part in _parts(self) if isinstance(part, Parameter)]
        if own:
            raise ValueError(f"{type(self).__name__}: Keras has no layer with {', '.join(own)}")
        return [array for part in self.children() for array in part.keras_weights()]

    def load_keras_weights(self, weights: Iterable[Any]) -> None:
        """Take what ``get_weights()`` of the same layer in Keras gives; all or nothing.

        A model takes those of its parts one after another, in the order of its attributes.

        Args:
            weights: the arrays, in Keras's order and with its axes.

        Raises:
            ValueError: not these shapes, or a layer that Keras does not have.
        """
        arrays = [np.asarray(raw(w)) for w in weights]
        expected = [array.shape for array in self.keras_weights()]
        if (got := [array.shape for array in arrays]) != expected:
            raise ValueError(
                f"{type(self).__name__}.load_keras_weights: got shapes {got}, expected {expected}"
                f"{keras_hint(got, expected)}"
            )
        self.assign_keras_weights(iter(arrays))

    def assign_keras_weights(self, arrays: Iterator[np.ndarray]) -> None:
        """Take over the arrays, one for each of its own; `load_keras_weights` has checked them."""
        if self.keras_layout is not None:
            self.keras_layout.write(self, arrays)
            return
        for part in self.children():
            part.assign_keras_weights(arrays)

    # What it looks like

    def extra_repr(self) -> str:
        """What is printed of a module beside its parameters; subclasses may override it."""
        return ""

    def __repr__(self) -> str:
        return tree(self)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """What a notebook shows: the modules in it, and a picture if it knows its own input."""
        return bundle(self, f"<pre>{escape(repr(self))}</pre>")

    if not TYPE_CHECKING:  # else every misspelt attribute would have a type

        def __getattr__(self, name: str) -> Any:
            raise AttributeError(
                f"{type(self).__name__} has no attribute {name!r}{advice(ATTRIBUTES, name)}"
            )


def _parts(module: Module) -> Iterator[tuple[str, Module | Parameter]]:
    """The parameters and modules that are attributes, or are in those."""
    seen: dict[str, object] = {}
    for attribute, value in vars(module).items():
        if _is_bare(value.__class__):
            continue
        for name, part in _parts_in(module, attribute, value):
            if name in seen:
                raise ValueError(
                    f"{type(module).__name__}: two of its parts are called {name}; rename an "
                    "attribute or a key"
                )
            seen[name] = part
            yield name, part


def _parts_in(owner: Module, name: str, value: Any) -> Iterator[tuple[str, Module | Parameter]]:
    """An attribute's value, or what is in it, with keys and numbers behind the name."""
    if isinstance(value, _PARTS):
        yield name, value
    elif isinstance(value, _LISTS):
        for k, part in enumerate(value):
            yield from _parts_in(owner, f"{name}.{k}", part)
    elif isinstance(value, dict):
        for key, part in value.items():
            if isinstance(key, _PARTS):
                raise TypeError(
                    f"{type(owner).__name__}: got a {type(key).__name__} as a key of {name}, "
                    "expected modules and parameters as values"
                )
            yield from _parts_in(owner, f"{name}.{key}", part)
    elif any(isinstance(part, _PARTS) for part in _hidden(value)):
        raise TypeError(
            f"{type(owner).__name__}: got a {type(value).__name__} of modules or parameters as "
            f"{name}, expected a list, a tuple or a dict"
        )


def _hidden(value: Any) -> Iterable[Any]:
    """What is in containers whose modules would have no names, or none that last."""
    if _is_bare(value.__class__):
        return ()
    if isinstance(value, Mapping):
        return value.values()
    if isinstance(value, np.ndarray):
        return value.flat if value.dtype == object else ()
    if isinstance(value, _CONTAINERS):
        return value
    return vars(value).values() if hasattr(value, "__dict__") else ()


_LISTS = (list, tuple, deque)
_PARTS = (Module, Parameter)
_CONTAINERS = (Set, Sequence, ValuesView)


@lru_cache
def _is_bare(kind: type) -> bool:
    """Whether values of this type are no part and hold none: numbers, text, functions, classes."""
    holding = (*_PARTS, *_LISTS, *_CONTAINERS, Mapping, np.ndarray, SimpleNamespace)
    return issubclass(kind, str | bytes | type) or not (
        issubclass(kind, holding) or is_dataclass(kind)
    )


def _renamed(function: FunctionType, name: str) -> Any:
    """The same function under another name."""
    same = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__,
        function.__closure__,
    )  # fmt: skip
    same.__kwdefaults__, same.__doc__ = function.__kwdefaults__, function.__doc__
    same.__module__, same.__annotations__ = function.__module__, function.__annotations__
    same.__qualname__ = name
    return same


def _has_any(value: Any, parameters: Mapping[Parameter, Any]) -> bool:
    if isinstance(value, Parameter):
        return value in parameters
    if isinstance(value, _LISTS):
        return any(_has_any(part, parameters) for part in value)
    return isinstance(value, dict) and any(_has_any(p, parameters) for p in value.values())


def _replaced(value: Any, new: Mapping[Parameter, Any]) -> Any:
    """The same nest with other arrays in place of some parameters."""
    if isinstance(value, Parameter):
        return new.get(value, value)
    if isinstance(value, _LISTS):
        parts = [_replaced(part, new) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    if isinstance(value, dict):
        changed = copy(value)
        changed.update({key: _replaced(part, new) for key, part in value.items()})
        return changed
    return value


def _under(state: Mapping[str, np.ndarray], path: str) -> State:
    """The part of a state below a path, by the names there."""
    start = f"{path}." if path else ""
    return {n.removeprefix(start): a for n, a in state.items() if n.startswith(start)}


def _loses(array: np.ndarray, dtype: np.dtype) -> bool:
    """Whether numbers change in a dtype."""
    if array.dtype == dtype or array.dtype.kind != "f" or np.can_cast(array.dtype, dtype):
        return False
    with np.errstate(over="ignore"):
        return not np.array_equal(array.astype(dtype).astype(array.dtype), array, equal_nan=True)


def check_size(owner: object, **sizes: Any) -> None:
    """Refuse sizes that are not positive integers."""
    for name, size in sizes.items():
        if not isinstance(size, int | np.integer) or isinstance(size, bool) or size < 1:
            raise ValueError(
                f"{type(owner).__name__}: got {name}={size!r}, expected a positive integer"
            )

"""Targets: what `verify`, `derive` and `graph` are pointed at, by name or in a user's file."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, Literal

import numpy as np

from minigrad import nn
from minigrad.parts import PARTS, Part
from minigrad.primitives import PRIMITIVES, Primitive
from minigrad.tensor import Tensor
from minigrad.tree import tree_leaves

Kind = Literal["cell", "layer", "part", "primitive", "backward", "function", "tensor"]

LAYERS: Mapping[str, type[nn.Module]] = MappingProxyType({
    "rnn": nn.RNNCell,
    "lstm": nn.LSTMCell,
    "gru": nn.GRUCell,
    "jordan": nn.JordanCell,
    "peephole": nn.PeepholeLSTMCell,
    "peephole-diagonal": nn.DiagonalPeepholeLSTMCell,
    "coupled": nn.CoupledLSTMCell,
    "lstm-1997": nn.NoForgetLSTMCell,
    "lstm-projected": nn.ProjectedLSTMCell,
    "lstm-layernorm": nn.LayerNormLSTMCell,
    "gru-reset-after": nn.ResetAfterGRUCell,
    "mgu": nn.MGUCell,
    "min-gru": nn.MinGRUCell,
    "min-lstm": nn.MinLSTMCell,
    "slstm": nn.SLSTMCell,
    "attention": nn.Attention,
})  # fmt: skip
"""The built-in layers, by the names that the command line knows."""


class TargetError(ValueError):
    """A target that cannot be found or used; the message is one line."""


@dataclass(frozen=True)
class Target:
    """Something to verify, derive or draw.

    Attributes:
        name: as the user gave it.
        subject: a `nn.Cell` subclass, another `nn.Module` subclass that is made with
            (input_size, hidden_size), a `Part`, a `Primitive`, the `HandWritten` of a function
            decorated with `minigrad.verify.backward_of`; or, only to be drawn, a function
            without required arguments that returns Tensors, or a Tensor.
        named: whether `resolve` finds it by its name, in another process too.
        made: the module, where the name is of one and not of its class; it is drawn as it is.
    """

    name: str
    subject: Any
    named: bool = False
    made: nn.Module | None = field(default=None, compare=False, repr=False)

    @property
    def kind(self) -> Kind:
        """What the subject is; each command says which kinds it takes."""
        if isinstance(self.subject, Primitive):
            return "primitive"
        if isinstance(self.subject, Part):
            return "part"
        if isinstance(self.subject, Tensor):
            return "tensor"
        if isinstance(self.subject, type):
            return "cell" if issubclass(self.subject, nn.Cell) else "layer"
        return "function" if callable(self.subject) else "backward"

    @property
    def title(self) -> str:
        """What reports and pictures call it: the name of the class, the primitive, the function."""
        if self.kind in ("part", "function", "tensor"):
            return self.name.rpartition(":")[2]
        return self.subject.__name__ if isinstance(self.subject, type) else self.subject.name

    def layer(
        self,
        input_size: int,
        hidden_size: int,
        *,
        rng: nn.Seed = None,
        dtype: Any = np.float64,
        **options: Any,
    ) -> nn.Module:
        """A module over sequences (batch, time, input_size): a cell is unrolled.

        Args:
            input_size: width of x.
            hidden_size: width of the states.
            rng: seed or generator of the weights.
            dtype: of the weights.
            options: of `nn.Recurrent`, for a cell.

        Raises:
            TargetError: neither a cell nor a layer, or a class that cannot be made with these
                two sizes.
        """
        if self.kind not in ("cell", "layer"):
            raise TargetError(f"{self.name}: a {self.kind}, expected a cell or a layer")
        try:
            if self.kind == "cell":
                options["cell"] = self.subject
                return nn.Recurrent(input_size, hidden_size, rng=rng, dtype=dtype, **options)
            return self.subject(input_size, hidden_size, rng=rng, dtype=dtype, **options)
        except Exception as error:
            hint = "; to draw it as it is, name a function that calls it" if self.made else ""
            raise TargetError(
                f"{self.name}: {self.title}({input_size}, {hidden_size}, rng=…, dtype=…) failed: "
                f"{type(error).__name__}: {error}{hint}"
            ) from error

    def outputs(self) -> Any:
        """What a function returns, called here, or the Tensor itself.

        Raises:
            TargetError: neither of the two; or the function fails, or returns something else than
                Tensors; or no operation was recorded on the way to them.
        """
        if self.kind not in ("function", "tensor"):
            raise TargetError(f"{self.name}: a {self.kind}, expected a function or a Tensor")
        found = self.subject
        if self.kind == "function":
            try:
                found = found()
            except Exception as error:
                raise TargetError(f"{self.name}: calling it failed: {_one_line(error)}") from error
        leaves = tree_leaves(found)
        if not leaves or not all(isinstance(leaf, Tensor) for leaf in leaves):
            got = (
                ", ".join(sorted({type(leaf).__name__ for leaf in leaves})) or type(found).__name__
            )
            raise TargetError(
                f"{self.name}: it returned {got}, expected a Tensor or a tuple of Tensors"
            )
        if all(leaf.primitive is None for leaf in leaves):
            raise TargetError(
                f"{self.name}: no operation was recorded for this Tensor: it is given and not "
                "computed, or computed of arrays that need no gradient, or inside no_grad()"
            )
        return found


def builtin() -> list[Target]:
    """All of the library: each layer and part, then each primitive."""
    names = [*LAYERS, *PARTS, *PRIMITIVES]
    return [resolve(name) for name in names]


def resolve(text: str) -> Target:
    """The target that a name means.

    Args:
        text: a built-in name (``lstm``, ``tanh``), ``module:attribute``, or
            ``file.py:attribute``. A file is run, as importing it would; a function is not
            called yet.

    Raises:
        TargetError: there is no such name, file or attribute, or it is nothing to look at.
    """
    if ":" not in text:
        subject = LAYERS.get(text) or PARTS.get(text) or PRIMITIVES.get(text)
        if subject is None:
            raise TargetError(f"unknown target {text!r}: {_suggestion(text)}")
        return Target(text, subject, named=True)
    place, _, attribute = text.rpartition(":")
    module = _from_file(Path(place)) if place.endswith(".py") else _from_name(place)
    subject = getattr(module, attribute, None)
    if subject is None:
        raise TargetError(f"{place} has no {attribute!r}; it has {_targets_in(module)}")
    made = subject if isinstance(subject, nn.Module) else None
    if made is not None:
        subject = type(made)
    if not _is_target(subject):
        needs = f" that needs {', '.join(_required(subject))}" if _required(subject) else ""
        raise TargetError(
            f"{text}: got {type(subject).__name__}{needs}, expected a subclass of "
            "minigrad.nn.Cell or minigrad.nn.Module, a primitive, a function decorated with "
            "minigrad.verify.backward_of, or a Tensor or a function without required arguments "
            "that returns one"
        )
    target = Target(text, getattr(subject, "__vjp__", subject), named=True, made=made)
    if target.kind == "function":
        for name, value in vars(module).items():  # its layers, as a model's attributes are named
            if isinstance(value, nn.Module) and not value.name:
                value.name = name
    return target


def _is_target(value: Any) -> bool:
    return (
        isinstance(value, Primitive)
        or (isinstance(value, type) and issubclass(value, nn.Module))
        or hasattr(value, "__vjp__")
        or isinstance(value, Tensor)
        or (callable(value) and not isinstance(value, type) and not _required(value))
    )


def _required(value: Any) -> list[str]:
    """The arguments that a function cannot be called without."""
    try:
        parameters = inspect.signature(value).parameters.values()
    except (TypeError, ValueError):  # no function, or one without a signature
        return []
    return [
        p.name for p in parameters
        if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]  # fmt: skip


def _suggestion(text: str) -> str:
    names = [*LAYERS, *PARTS, *PRIMITIVES]
    close = difflib.get_close_matches(text, names, n=1)
    guess = f"did you mean {close[0]!r}? " if close else ""
    return f"{guess}known are {', '.join(names)}; or give module:attribute or file.py:attribute"


def _targets_in(module: ModuleType) -> str:
    own = [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and _is_target(value)
        and getattr(value, "__module__", module.__name__) == module.__name__
    ]
    return ", ".join(own) or "no cell, layer, primitive, backward or function to draw of its own"


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise TargetError(f"{path}: no such file")
    name = f"minigrad_target_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise TargetError(f"{path}: running it failed: {_one_line(error)}") from error
    return module


def _from_name(name: str) -> ModuleType:
    if "" not in sys.path:
        sys.path.insert(0, "")  # a module of the folder one stands in, as with python -m
    try:
        return importlib.import_module(name)
    except Exception as error:
        raise TargetError(f"importing {name} failed: {_one_line(error)}") from error


def _one_line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"

"""From names to targets: those of the library, and what stands in a user's file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

from minigrad import nn
from minigrad.options import did_you_mean
from minigrad.primitives import PRIMITIVES, Primitive
from minigrad.targets.files import load, own_names
from minigrad.targets.functions import (
    BackwardTarget,
    FunctionTarget,
    PassesTarget,
    TensorTarget,
    has_passes,
    partner,
)
from minigrad.targets.inputs import NO_ROLES, Roles
from minigrad.targets.layers import CellTarget, LayerTarget, ModuleTarget
from minigrad.targets.parts import PARTS, Part, PartTarget
from minigrad.targets.rules import PrimitiveTarget
from minigrad.targets.target import FileTarget, Target, TargetError
from minigrad.tensor import Tensor

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
    "linear-attention": nn.LinearAttentionCell,
    "s4d": nn.S4DCell,
    "selective-ssm": nn.SelectiveSSMCell,
    "lru": nn.LRUCell,
    "attention": nn.Attention,
})  # fmt: skip
"""The built-in layers, by the names that the command line knows.

Example:
    >>> from minigrad.targets import LAYERS
    >>> LAYERS["gru"].__name__
    'GRUCell'
"""


def builtin() -> list[Target]:
    """All of the library: each layer and part, then each primitive.

    Example:
        >>> from minigrad.targets import builtin
        >>> {target.name for target in builtin()} >= {"lstm", "layer-norm", "tanh"}
        True
    """
    return [resolve(name) for name in [*LAYERS, *PARTS, *PRIMITIVES]]


def resolve(text: str, given: Sequence[str] = (), roles: Roles = NO_ROLES) -> Target:
    """The target that a name means.

    Args:
        text: a built-in name (``lstm``, ``tanh``), ``module:attribute`` or
            ``file.py:attribute``; ``file.py`` or ``package.module`` for what it defines. A file is
            run, as importing it would; a function is not called yet.
        given: examples of a function's or a module's arguments, see `minigrad.targets.inputs`.
        roles: which of its inputs are differentiated.

    Raises:
        TargetError: there is no such name, file or attribute, or it is nothing to look at.

    Example:
        >>> from minigrad.targets import resolve
        >>> resolve("lstm").title
        'LSTMCell'
    """
    told = [f"--{name.removesuffix('s')}" for name, values in vars(roles).items() if values]
    told = [*(["--input"] if given else []), *told]
    subject = LAYERS.get(text) or PARTS.get(text) or PRIMITIVES.get(text)
    if subject is None and _is_place(text):
        if told:
            raise TargetError(f"{text}: {told[0]} is for one function: {text}:NAME")
        return _file(text)
    if ":" not in text:
        if subject is None:
            guess = did_you_mean(text, [*LAYERS, *PARTS, *PRIMITIVES]) or ":"
            raise TargetError(
                f"unknown target {text!r}{guess} `minigrad verify --list` lists the built-in "
                "names; one of your own is FILE.py, FILE.py:NAME or MODULE:NAME"
            )
        if told:
            raise TargetError(f"{text}: {told[0]} is for a function or a module of your own")
        return target_of(subject, text, named=True)
    place, _, attribute = text.rpartition(":")
    module = load(place)
    found = getattr(module, attribute, None)
    if found is None:
        known = _targets_in(module)
        raise TargetError(
            f"{place} has no {attribute!r}{did_you_mean(attribute, known) or ';'} it has "
            + (", ".join(known) or "no cell, layer, primitive, backward or function to draw")
        )
    target = target_of(found, text, named=not told)
    if isinstance(target, CellTarget) and told:
        raise target.refusal("a function, a backward or a model, whose inputs are described")
    if isinstance(target, FunctionTarget | BackwardTarget | LayerTarget):
        target = replace(target, given=tuple(given), roles=roles)
    elif told:
        raise target.refusal("a function, a backward or a model, whose inputs are described")
    if isinstance(target, FunctionTarget):
        for name, value in vars(module).items():  # its layers, as a model's attributes are named
            if isinstance(value, nn.Module) and not value.name:
                value.name = name
    return target


def _is_place(text: str) -> bool:
    """Whether a name without an attribute is that of a file or of a module."""
    return text.endswith(".py") or (
        ":" not in text and ("." in text or Path(f"{text}.py").is_file())
    )


def _file(place: str) -> FileTarget:
    """What a file defines: each target that can be judged, and the reason for each other one."""
    module = load(place)
    found: dict[str, Target] = {}
    left_out: dict[str, str] = {}
    for name in own_names(module):
        value = getattr(module, name)
        if not _is_target(value):
            if isinstance(value, type):
                left_out[name] = "a class without forward and backward, and no minigrad.nn.Module"
            continue
        target = resolve(f"{place}:{name}")
        reason = target.unfit()
        if reason is None:
            found[name] = target
        else:
            left_out[name] = reason
    judged = [t.forward for t in found.values() if isinstance(t, BackwardTarget)]
    for name in [*found, *left_out]:  # a forward pass is judged with its backward pass
        if any(getattr(module, name) is forward for forward in judged):
            found.pop(name, None)
            left_out.pop(name, None)
    return FileTarget(place, module, True, tuple(found.values()), left_out)


def target_of(subject: Any, name: str = "", *, named: bool = False) -> Target:
    """The target that an object is.

    Args:
        subject: a `nn.Cell` subclass, another `nn.Module` subclass that is made with
            (input_size, hidden_size), a module, a primitive, a function decorated with
            `minigrad.verify.backward_of`; or, to be drawn, a function without required
            arguments that returns Tensors, or a Tensor.
        name: what reports call it; the object's own name if not given.
        named: whether `resolve` finds it by this name, in another process too.

    Raises:
        TargetError: it is none of these.

    Example:
        >>> from minigrad.targets import target_of
        >>> target_of(nn.GRUCell).name
        'GRUCell'
    """
    found = getattr(subject, "__vjp__", subject)  # what `backward_of` marked
    name = name or getattr(found, "__name__", "") or getattr(found, "name", "") or "target"
    return _kind_of(subject, name)(name, found, named)


def _kind_of(subject: Any, name: str) -> type[Target]:
    if hasattr(subject, "__vjp__") or partner(subject) is not None:
        return BackwardTarget
    if isinstance(subject, type) and issubclass(subject, nn.Module):
        return CellTarget if issubclass(subject, nn.Cell) else LayerTarget
    for kind, target in _KINDS.items():
        if isinstance(subject, kind):
            return target
    if has_passes(subject):
        return PassesTarget
    if callable(subject) and not isinstance(subject, type):
        return FunctionTarget
    raise TargetError(
        f"{name}: got {type(subject).__name__}, expected a subclass of minigrad.nn.Cell or "
        "minigrad.nn.Module, a primitive, a function, a function decorated with "
        "minigrad.verify.backward_of, a class with forward and backward, or a Tensor"
    )


_KINDS: Mapping[type, type[Target]] = MappingProxyType({
    Primitive: PrimitiveTarget,
    Part: PartTarget,
    nn.Module: ModuleTarget,
    Tensor: TensorTarget,
})  # fmt: skip


def _targets_in(module: ModuleType) -> list[str]:
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and _is_target(value)
        and getattr(value, "__module__", module.__name__) == module.__name__
    ]


def _is_target(value: Any) -> bool:
    try:
        _kind_of(value, "")
    except TargetError:
        return False
    return True

"""Optimizer: what all optimisers share."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from typing import Any, ClassVar, overload

import numpy as np

from minigrad.scope import enable_grad
from minigrad.tensor import Parameter, Tensor, raw

Parameters = Iterable[Parameter] | Iterable[tuple[str, Parameter]] | Iterable[Mapping[str, Any]]
"""What an optimiser learns: parameters, alone or with names, or groups of them with settings.

Example:
    >>> from minigrad import optim
    >>> body, head = nn.Linear(3, 8), nn.Linear(8, 1)
    >>> groups = [{"params": body.parameters(), "lr": 1e-4}, {"params": head.parameters()}]
    >>> optim.Adam(groups, lr=1e-3).group_lrs
    [0.0001, 0.001]
"""


class Setting:
    """A setting of an optimiser that each group of parameters may have otherwise.

    As an attribute it is that of the group whose parameter is being moved, outside of a step that
    of the optimiser; assigned to, it changes wherever no group has its own.

    Example:
        >>> from minigrad import optim
        >>> class Powered(optim.Optimizer):
        ...     power = optim.Setting()
        ...     def change(self, k, grad):
        ...         return self.lr * np.sign(grad) * np.abs(grad) ** self.power
        >>> w, v = mg.Parameter(np.array([4.0])), mg.Parameter(np.array([4.0]))
        >>> optimizer = Powered([{"params": w}, {"params": v, "power": 1}], lr=0.1, power=0.5)
        >>> (w * w / 2 + v * v / 2).sum().backward()
        >>> optimizer.step()
        >>> print(w.data, v.data)
        [3.8] [3.6]
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, optimizer: None, owner: type) -> Setting: ...
    @overload
    def __get__(self, optimizer: Optimizer, owner: type) -> Any: ...
    def __get__(self, optimizer: Optimizer | None, owner: type) -> Any:
        if optimizer is None:
            return self
        own = optimizer.own_settings
        return own[self.name] if self.name in own else optimizer.settings[self.name]

    def __set__(self, optimizer: Optimizer, value: Any) -> None:
        optimizer.settings[self.name] = value


class Group(MutableMapping[str, Any]):
    """A group of an optimiser: ``params``, and its settings by name, which may be assigned to."""

    def __init__(self, optimizer: Optimizer, number: int) -> None:
        self._optimizer, self._number = optimizer, number

    def _all(self) -> dict[str, Any]:
        params = self._optimizer.parameters_of(self._number)
        return {"params": params, **self._optimizer.settings_of(self._number)}

    def __getitem__(self, name: str) -> Any:
        return self._all()[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._optimizer.set_in_group(self._number, name, value)

    def __delitem__(self, name: str) -> None:
        raise TypeError(f"{type(self._optimizer).__name__}: a group keeps its {name}")

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def __repr__(self) -> str:
        return repr(self._all())


class Optimizer:
    """Base of optimisers: holds the parameters; `step` moves each against its gradient.

    Subclasses write `change`, name what a group may set for itself as `Setting`, and ask for what
    they remember of each parameter with `slot`.

    Args:
        parameters: what is learned; those without a gradient are left alone. They may come in
            groups: dicts with ``params`` and with settings of their own.
        lr: learning rate; assign to it for a schedule. A group with an lr of its own keeps its
            ratio to it.
        weight_decay: λ; adds λ θ to the gradient, that of an L2 penalty λ/2 ‖θ‖².
        maximize: whether the parameters follow the gradient instead.
        settings: those of the subclass, by name.

    Attributes:
        parameters: all of them, group after group.
        steps: how often each parameter has been moved.
        changing: attributes with numbers that change from step to step; a compiled step
            (`minigrad.jit`) reads and writes them, and takes all others for constant.

    Raises:
        ValueError: no parameters, one of them twice, unknown settings, a learning rate that is
            not positive, or λ < 0.
        TypeError: one parameter instead of several, or something that is not a parameter.

    Example:
        >>> from minigrad import optim
        >>> class SignSGD(optim.Optimizer):
        ...     def change(self, k, grad):
        ...         return self.lr * np.sign(grad)
        >>> w = mg.Parameter(np.array([1.0]))
        >>> optimizer = SignSGD([w], lr=0.1)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> print(w.data)
        [0.9]
    """

    changing: ClassVar[tuple[str, ...]] = ("_lr", "_factors", "steps")
    weight_decay = Setting()
    maximize = Setting()

    def __init__(
        self,
        parameters: Parameters,
        lr: float = 1e-3,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        **settings: Any,
    ) -> None:
        self._lr = self._checked_lr(lr)
        self._factors: list[float] = []  # of each group's lr over this one
        self._factor: float | None = None  # of the group whose parameter is being moved
        self.settings: dict[str, Any] = {
            "weight_decay": weight_decay, "maximize": maximize, **settings,
        }  # fmt: skip
        self.own_settings: Mapping[str, Any] = {}
        self.parameters: list[Tensor] = []
        self.steps: list[int] = []
        self._groups: list[dict[str, Any]] = []  # settings of each
        self._group_of: list[int] = []
        self._slots: dict[str, list[np.ndarray]] = {}
        self._starts: dict[str, tuple[float, bool]] = {}
        given = _as_list(type(self).__name__, parameters)
        groups = given if any(isinstance(g, Mapping) for g in given) else [{"params": given}]
        for group in groups:
            self.add_param_group(group)
        if not self.parameters:
            raise ValueError(
                f"{type(self).__name__}: got no parameters; a generator, such as "
                "model.parameters(), can be gone through only once"
            )

    def add_param_group(self, group: Mapping[str, Any]) -> None:
        """Learn these parameters too.

        Args:
            group: ``params``, and settings that differ for them.

        Raises:
            ValueError: a parameter that is learned already, no ``params`` or an unknown setting.
            TypeError: something that is neither a parameter nor a group.
        """
        name = type(self).__name__
        if not isinstance(group, Mapping) or "params" not in group:
            raise ValueError(
                f"{name}: got the group {_short(group)}, expected a dict with params: "
                '{"params": [...], "lr": 0.1}'
            )
        own = {key: value for key, value in group.items() if key != "params"}
        self._check_names(own)
        added = _parameters(name, group["params"])
        for parameter in added:
            if any(parameter is other for other in self.parameters):
                raise ValueError(
                    f"{name}: got a parameter of shape {parameter.shape} twice, and it would be "
                    "moved twice"
                )
            self.parameters.append(parameter)
        factor = self._checked_lr(own.get("lr", self._lr)) / self._lr
        own.pop("name", None)
        self._groups.append(own)
        self._factors.append(factor)
        self._group_of += [len(self._groups) - 1] * len(added)
        self.steps += [0] * len(added)
        for slot, arrays in self._slots.items():
            arrays += self._started(slot, added)
        self._check_group(len(self._groups) - 1)

    @property
    def lr(self) -> float:
        """The learning rate: the group's, while one of its parameters is moved."""
        return self._lr if self._factor is None else self._lr * self._factor

    @lr.setter
    def lr(self, lr: float) -> None:
        self._lr = lr

    @property
    def group_lrs(self) -> list[float]:
        """The learning rate of each group."""
        return [self._lr * factor for factor in self._factors]

    @group_lrs.setter
    def group_lrs(self, lrs: Iterable[float]) -> None:
        lrs = list(lrs)
        if len(lrs) == len(self._groups) == 1:
            self._lr = lrs[0] / self._factors[0]
            return
        for number, (lr, _) in enumerate(zip(lrs, self._groups, strict=True)):
            self._factors[number] = lr / self._lr

    @property
    def param_groups(self) -> list[Group]:
        """The groups with all their settings; what is assigned to one holds from then on.

        Example:
            >>> from minigrad import optim
            >>> optimizer = optim.SGD([mg.Parameter(np.ones(1))], lr=0.1)
            >>> for group in optimizer.param_groups:
            ...     group["lr"] *= 0.5
            >>> optimizer.lr
            0.05
        """
        return [Group(self, number) for number in range(len(self._groups))]

    def parameters_of(self, number: int) -> list[Tensor]:
        """The parameters of a group."""
        return [p for p, g in zip(self.parameters, self._group_of, strict=True) if g == number]

    def settings_of(self, number: int) -> dict[str, Any]:
        """The settings of a group."""
        return {**self.settings, **self._groups[number], "lr": self.group_lrs[number]}

    def set_in_group(self, number: int, name: str, value: Any) -> None:
        """Give a group a setting of its own.

        Raises:
            ValueError: there is no such setting, or the value is out of range.
        """
        if name == "lr":
            lrs = self.group_lrs
            lrs[number] = value
            self.group_lrs = lrs
            return
        self._check_names([name])
        before = self._groups[number]
        self._groups[number] = {**before, name: value}
        try:
            self._check_group(number)
        except ValueError:
            self._groups[number] = before
            raise

    def _check_names(self, names: Iterable[str]) -> None:
        for name in names:
            if name not in ("lr", "name", *self.settings):
                raise ValueError(
                    f"{type(self).__name__}: got the setting {name!r} in a group, expected lr or "
                    f"{', '.join(self.settings)}"
                )

    def _check_group(self, number: int) -> None:
        self._enter(number)
        try:
            self.check(weight_decay=(self.weight_decay, 0, np.inf))
            self.check_settings()
        finally:
            self._leave()

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients; or make them 0, with which a step still decays weights."""
        for parameter in self.parameters:
            parameter.grad = None if set_to_none else _zeros(parameter.grad)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Move every parameter that has a gradient.

        Args:
            closure: computes the loss and its gradients first, and returns the loss.

        Returns:
            What the closure returns.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        several = len(self._groups) > 1 or bool(self._groups[0])
        try:
            for k, parameter in enumerate(self.parameters):
                if parameter.grad is None:
                    continue
                if several:
                    self._enter(self._group_of[k])
                self.steps[k] += 1
                # A new array, because the tape may hold the old one; of the same type, also where
                # a schedule computes lr with NumPy's own float64.
                grad = -raw(parameter.grad) if self.maximize else raw(parameter.grad)
                moved = parameter.data - self.change(k, self.regularised(k, grad))
                parameter.data = moved.astype(parameter.dtype, copy=False)
        finally:
            if several:
                self._leave()
        return loss

    def _enter(self, number: int) -> None:
        """Let the settings be those of a group."""
        self.own_settings, self._factor = self._groups[number], self._factors[number]

    def _leave(self) -> None:
        self.own_settings, self._factor = {}, None

    def regularised(self, k: int, grad: np.ndarray) -> np.ndarray:
        """The gradient of parameter ``k`` with that of the L2 penalty."""
        if not self.weight_decay:
            return grad
        return grad + self.weight_decay * raw(self.parameters[k])

    def change(self, k: int, grad: np.ndarray) -> np.ndarray:
        """What to subtract from parameter number ``k``; ``steps[k]`` counts this step."""
        raise NotImplementedError

    def slot(self, name: str, start: float = 0.0, *, single: bool = False) -> list[np.ndarray]:
        """An array for each parameter, to be changed in place; it goes into the state.

        Args:
            name: in the state.
            start: what is in it at first.
            single: whether it holds one number instead of one for each entry.

        Returns:
            The list of them.
        """
        self._starts[name] = start, single
        self._slots[name] = self._started(name, self.parameters)
        return self._slots[name]

    def _started(self, name: str, parameters: list[Tensor]) -> list[np.ndarray]:
        start, single = self._starts[name]
        return [np.full((), start) if single else np.full_like(raw(p), start) for p in parameters]

    def in_any_group(self, name: str) -> bool:
        """Whether a setting is on anywhere."""
        values = [self.settings[name], *(g[name] for g in self._groups if name in g)]
        return any(map(bool, values))

    def state_dict(self) -> dict[str, np.ndarray]:
        """A copy of all that it remembers: ``lr``, ``steps``, and ``slot.k`` of each parameter.

        With groups there are ``group_lrs`` too.
        """
        state = {"lr": np.array(float(self._lr)), "steps": np.array(self.steps)}
        if len(self._groups) > 1:
            state["group_lrs"] = np.array(self.group_lrs)
        for name, arrays in self._slots.items():
            state |= {f"{name}.{k}": array.copy() for k, array in enumerate(arrays)}
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state that `state_dict` gave; all or nothing.

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
        self._lr, self.steps = float(arrays["lr"]), [int(n) for n in arrays["steps"]]
        if "group_lrs" in arrays:
            self.group_lrs = arrays["group_lrs"].tolist()
        for name, slots in self._slots.items():
            for k, slot in enumerate(slots):
                slot[...] = arrays[f"{name}.{k}"]

    def check_settings(self) -> None:
        """Refuse settings out of range; subclasses say which, with `check`. Once for each group."""

    def check(self, **limits: tuple[float, float, float]) -> None:
        """Refuse a setting outside its limits: name=(value, least, bound it stays below)."""
        for name, (value, least, bound) in limits.items():
            if not least <= value < bound:
                raise ValueError(
                    f"{type(self).__name__}: got {name}={value}, "
                    f"expected {least} ≤ {name} < {bound}"
                )

    def _checked_lr(self, lr: Any) -> float:
        try:
            good = np.size(lr) == 1 and bool(lr > 0)
        except TypeError:  # words, or nothing
            good = False
        if not good:
            raise ValueError(f"{type(self).__name__}: got lr={lr!r}, expected a positive number")
        return lr if isinstance(lr, float | int) else float(raw(lr))

    def __repr__(self) -> str:
        groups = f", {len(self._groups)} groups" if len(self._groups) > 1 else ""
        count = f"{len(self.parameters)} parameters{groups}"
        settings = "".join(f", {k}={v!r}" for k, v in self.settings.items() if v)
        return f"{type(self).__name__}({count}, lr={self._lr}{settings})"


def _as_list(name: str, parameters: Any) -> list[Any]:
    if isinstance(parameters, Tensor | np.ndarray | Mapping):
        raise TypeError(
            f"{name}: got one {type(parameters).__name__}, expected several parameters: "
            f"{name}([parameter])"
        )
    if not isinstance(parameters, Iterable):
        instead = f": {name}(model.parameters())" if hasattr(parameters, "parameters") else ""
        got = type(parameters).__name__
        raise TypeError(f"{name}: got one {got}, expected several parameters{instead}")
    return list(parameters)


def _parameters(name: str, given: Any) -> list[Tensor]:
    """The parameters of a group, without the names that may be beside them."""
    given = [given] if isinstance(given, Tensor) else list(given)
    found = [p[1] if isinstance(p, tuple) and len(p) == 2 else p for p in given]
    for parameter in found:
        if not isinstance(parameter, Tensor):
            raise TypeError(f"{name}: got {_short(parameter)}, expected parameters")
        if not parameter.is_leaf:
            raise ValueError(
                f"{name}: got a Tensor made by {parameter.primitive}, expected parameters: what is "
                "computed cannot be learned"
            )
    if len(given) and not found:
        warnings.warn(f"{name}: got a group without parameters", stacklevel=3)
    return found


def _zeros(grad: Any) -> Any:
    return None if grad is None else np.zeros_like(raw(grad))


def _short(value: Any) -> str:
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) < 40 else text[:37] + '…'}"

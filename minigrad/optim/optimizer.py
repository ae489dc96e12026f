"""Optimizer: what all optimisers share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import numpy as np

from minigrad.tensor import Parameter, raw


class Optimizer:
    """Base of optimisers: holds the parameters; `step` moves each against its gradient.

    Subclasses write `change`, and ask for what they remember of each parameter with `slot`.

    Args:
        parameters: what is learned; those without a gradient are left alone.
        lr: learning rate; assign to it for a schedule.
        weight_decay: λ; the gradient gets λ θ added, that of an L2 penalty λ/2 ‖θ‖².

    Attributes:
        steps: how often each parameter has been moved.
        changing: attributes with numbers that change from step to step; a compiled step
            (`minigrad.jit`) reads and writes them, and takes all others for constant.

    Raises:
        ValueError: no parameters, a learning rate that is not positive, or λ < 0.

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

    changing: ClassVar[tuple[str, ...]] = ("lr", "steps")

    def __init__(
        self, parameters: Iterable[Parameter], lr: float, weight_decay: float = 0.0
    ) -> None:
        self.parameters = list(parameters)
        if not self.parameters:
            raise ValueError(f"{type(self).__name__}: got no parameters")
        if not lr > 0:
            raise ValueError(f"{type(self).__name__}: got lr={lr}, expected a positive number")
        self.lr, self.weight_decay = lr, weight_decay
        self.check(weight_decay=(weight_decay, 0, np.inf))
        self.steps = [0] * len(self.parameters)
        self._slots: dict[str, list[np.ndarray]] = {}

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    def step(self) -> None:
        """Move every parameter that has a gradient."""
        for k, parameter in enumerate(self.parameters):
            if parameter.grad is not None:
                self.steps[k] += 1
                # A new array, for the tape may hold the old one; of the same type, also where
                # a schedule computes lr with NumPy's own float64.
                moved = parameter.data - self.change(k, self.regularised(k, raw(parameter.grad)))
                parameter.data = moved.astype(parameter.dtype, copy=False)

    def regularised(self, k: int, grad: np.ndarray) -> np.ndarray:
        """The gradient of parameter ``k`` with that of the L2 penalty."""
        if not self.weight_decay:
            return grad
        return grad + self.weight_decay * raw(self.parameters[k])

    def change(self, k: int, grad: np.ndarray) -> np.ndarray:
        """What to subtract from parameter number ``k``; ``steps[k]`` counts this step."""
        raise NotImplementedError

    def slot(self, name: str, start: float = 0.0) -> list[np.ndarray]:
        """An array for each parameter, of its shape, to be changed in place; goes into the state.

        Returns:
            The list of them, ``start`` everywhere.
        """
        self._slots[name] = [np.full_like(p.data, start) for p in self.parameters]
        return self._slots[name]

    def state_dict(self) -> dict[str, np.ndarray]:
        """A copy of all that it remembers: ``lr``, ``steps``, and ``slot.k`` of each parameter."""
        state = {"lr": np.array(float(self.lr)), "steps": np.array(self.steps)}
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
        self.lr, self.steps = float(arrays["lr"]), [int(n) for n in arrays["steps"]]
        for name, slots in self._slots.items():
            for k, slot in enumerate(slots):
                slot[...] = arrays[f"{name}.{k}"]

    def check(self, **limits: tuple[float, float, float]) -> None:
        """Refuse a setting outside its limits: name=(value, least, bound it stays below)."""
        for name, (value, least, bound) in limits.items():
            if not least <= value < bound:
                raise ValueError(
                    f"{type(self).__name__}: got {name}={value}, "
                    f"expected {least} ≤ {name} < {bound}"
                )

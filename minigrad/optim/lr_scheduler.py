"""PyTorch's schedulers: objects that set an optimiser's learning rate at each ``step()``.

Each is a function of `minigrad.optim` for every group: `StepLR` is `step_decay`, and so on.

Example:
    >>> from minigrad import optim
    >>> optimizer = optim.SGD([mg.Parameter(np.ones(1))], lr=0.1)
    >>> scheduler = optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.05]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from minigrad.elsewhere import advice
from minigrad.optim.optimizer import Optimizer
from minigrad.optim.schedules import (
    Plateau,
    Schedule,
    cosine,
    cyclic,
    exponential,
    linear,
    multi_step,
    one_cycle,
    polynomial,
    scaled,
    step_decay,
    warm_restarts,
)


class LRScheduler:
    """A schedule for each group of an optimiser.

    Args:
        optimizer: whose learning rates are set, at once and at each `step`.
        schedule: the group's initial learning rate → its schedule.
        momentum: a schedule of the momentum, or of Adam's first beta.

    Attributes:
        last_epoch: how often `step` was called.

    Example:
        >>> from minigrad import optim
        >>> optimizer = optim.SGD([mg.Parameter(np.ones(1))], lr=0.1)
        >>> scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=2)
        >>> for _ in range(2):
        ...     scheduler.step()
        >>> round(optimizer.lr, 4)
        0.01
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedule: Callable[[float], Schedule],
        momentum: Schedule | None = None,
    ) -> None:
        name = type(self).__name__
        if momentum is not None and not {"momentum", "betas"} & optimizer.settings.keys():
            raise ValueError(
                f"{name}: got cycle_momentum=True for {type(optimizer).__name__}, which has no "
                "momentum; write cycle_momentum=False"
            )
        self.momentum = momentum
        self.optimizer, self.last_epoch = optimizer, 0
        self.base_lrs = optimizer.group_lrs
        self._schedules = [schedule(lr) for lr in self.base_lrs]
        self._set()

    def step(self) -> None:
        """Go on to the learning rates of the next step."""
        self.last_epoch += 1
        self._set()

    def get_last_lr(self) -> list[float]:
        """The learning rates in force, one for each group."""
        return self.optimizer.group_lrs

    def state_dict(self) -> dict[str, Any]:
        """Where it stands."""
        return {"last_epoch": self.last_epoch}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        self.last_epoch = int(state["last_epoch"])
        self._set()

    def _set(self) -> None:
        lrs = [schedule(self.last_epoch) for schedule in self._schedules]
        if len(lrs) == 1:
            self.optimizer.lr = lrs[0]
        else:
            self.optimizer.group_lrs = lrs
        if self.momentum is None:
            return
        settings, value = self.optimizer.settings, self.momentum(self.last_epoch)
        if "momentum" in settings:
            settings["momentum"] = value
        else:
            settings["betas"] = (value, settings["betas"][1])


class StepLR(LRScheduler):
    """`minigrad.optim.step_decay`: times ``gamma`` after every ``step_size`` steps."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        super().__init__(optimizer, lambda lr: step_decay(lr, step_size, gamma))


class MultiStepLR(LRScheduler):
    """`minigrad.optim.multi_step`: times ``gamma`` at each milestone."""

    def __init__(self, optimizer: Optimizer, milestones: Sequence[int], gamma: float = 0.1) -> None:
        super().__init__(optimizer, lambda lr: multi_step(lr, milestones, gamma))


class ExponentialLR(LRScheduler):
    """`minigrad.optim.exponential`: times ``gamma`` at each step."""

    def __init__(self, optimizer: Optimizer, gamma: float) -> None:
        super().__init__(optimizer, lambda lr: exponential(lr, gamma))


class LinearLR(LRScheduler):
    """`minigrad.optim.linear`: from one factor to another in equal parts."""

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
    ) -> None:
        super().__init__(optimizer, lambda lr: linear(lr, total_iters, start_factor, end_factor))


class PolynomialLR(LRScheduler):
    """`minigrad.optim.polynomial`: down to 0 by a power of what is left."""

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0) -> None:
        super().__init__(optimizer, lambda lr: polynomial(lr, total_iters, power))


class LambdaLR(LRScheduler):
    """`minigrad.optim.scaled`: times a function of the step, or one for each group."""

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]],
    ) -> None:
        count = len(optimizer.group_lrs)
        functions = [lr_lambda] * count if callable(lr_lambda) else list(lr_lambda)
        if len(functions) != count:
            raise ValueError(f"LambdaLR: got {len(functions)} functions for {count} groups")
        remaining = iter(functions)
        super().__init__(optimizer, lambda lr: scaled(lr, next(remaining)))


class CosineAnnealingLR(LRScheduler):
    """`minigrad.optim.cosine`: along a half cosine; after ``T_max`` steps it rises again."""

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0) -> None:
        def wave(lr: float) -> Schedule:
            half = cosine(lr, T_max, eta_min)
            return lambda step: half(T_max - abs(step % (2 * T_max) - T_max))

        super().__init__(optimizer, wave)


class CosineAnnealingWarmRestarts(LRScheduler):
    """`minigrad.optim.warm_restarts`: half cosines, each ``T_mult`` times as long as the last."""

    def __init__(
        self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0
    ) -> None:
        super().__init__(optimizer, lambda lr: warm_restarts(lr, T_0, T_mult, eta_min))


class OneCycleLR(LRScheduler):
    """`minigrad.optim.one_cycle`: up to ``max_lr`` and down again, the momentum down and up."""

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float,
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: Any = "cos",
        cycle_momentum: bool = True,
        base_momentum: float = 0.85,
        max_momentum: float = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
    ) -> None:
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise ValueError("OneCycleLR: expected total_steps, or epochs and steps_per_epoch")
            total_steps = epochs * steps_per_epoch
        steps, ratio = total_steps, max_momentum / base_momentum
        shape = anneal_strategy, three_phase
        momentum = one_cycle(base_momentum, steps, pct_start, 1 / ratio, 1.0, *shape)
        super().__init__(
            optimizer,
            lambda lr: one_cycle(max_lr, steps, pct_start, div_factor, final_div_factor, *shape),
            momentum if cycle_momentum else None,
        )


class CyclicLR(LRScheduler):
    """`minigrad.optim.cyclic`: up and down again and again, the momentum down and up."""

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float,
        max_lr: float,
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: Any = "triangular",
        gamma: float = 1.0,
        cycle_momentum: bool = True,
        base_momentum: float = 0.8,
        max_momentum: float = 0.9,
    ) -> None:
        steps = step_size_up, step_size_down, mode, gamma
        super().__init__(
            optimizer,
            lambda lr: cyclic(base_lr, max_lr, *steps),
            cyclic(max_momentum, base_momentum, *steps) if cycle_momentum else None,
        )


class SequentialLR:
    """Schedulers one after another, each from its own first step on.

    Args:
        optimizer: whose learning rates they set.
        schedulers: in order; they may have been made in any order.
        milestones: the steps at which the second and the following begin.
    """

    def __init__(
        self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int]
    ) -> None:
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(
                f"SequentialLR: got {len(schedulers)} schedulers and {len(milestones)} milestones, "
                "expected one less"
            )
        self.optimizer, self.last_epoch = optimizer, 0
        self.schedulers, self.milestones = list(schedulers), [0, *milestones]
        self._set()

    def step(self) -> None:
        """Go on to the learning rates of the next step."""
        self.last_epoch += 1
        self._set()

    def get_last_lr(self) -> list[float]:
        """The learning rates in force, one for each group."""
        return self.optimizer.group_lrs

    def _set(self) -> None:
        number = max(k for k, start in enumerate(self.milestones) if start <= self.last_epoch)
        self.schedulers[number].load_state_dict(
            {"last_epoch": self.last_epoch - self.milestones[number]}
        )


class ReduceLROnPlateau(Plateau):
    """`minigrad.optim.Plateau` under PyTorch's name."""


__all__ = [
    "CosineAnnealingLR", "CosineAnnealingWarmRestarts", "CyclicLR", "ExponentialLR", "LRScheduler",
    "LambdaLR", "LinearLR", "MultiStepLR", "OneCycleLR", "PolynomialLR", "ReduceLROnPlateau",
    "SequentialLR", "StepLR",
]  # fmt: skip


_ELSEWHERE = {
    "ChainedScheduler": "one LambdaLR, of the product",
    "ConstantLR": "LambdaLR(optimizer, lambda step: factor if step < total_iters else 1.0)",
    "MultiplicativeLR": "LambdaLR, of the product so far",
}
"""What is sought here, and what to write."""


def __getattr__(name: str) -> Any:
    raise AttributeError(f"minigrad.optim.lr_scheduler has no {name}{advice(_ELSEWHERE, name)}")

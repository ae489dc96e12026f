"""Learning rates as functions of the step: ``optimizer.lr = schedule(step)``, from step 0 on.

A schedule has no state, so there is nothing to save: the step says it all. `Plateau`, which looks
at a figure, is the exception. PyTorch's classes are in `minigrad.optim.lr_scheduler`.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Literal

from minigrad.optim.optimizer import Optimizer

Schedule = Callable[[int], float]
"""A learning rate for each step: set ``optimizer.lr`` to that of the step.

Example:
    >>> from minigrad import optim
    >>> schedule = optim.step_decay(0.1, every=10)
    >>> schedule(0)
    0.1
"""


def constant(lr: float) -> Schedule:
    """``lr`` at every step.

    Example:
        >>> from minigrad import optim
        >>> optim.constant(0.1)(1000)
        0.1
    """
    return lambda step: lr


def step_decay(lr: float, every: int, factor: float = 0.1) -> Schedule:
    """``lr``, multiplied by ``factor`` after each ``every`` steps.

    Example:
        >>> from minigrad import optim
        >>> schedule = optim.step_decay(0.1, every=10)
        >>> [round(schedule(step), 4) for step in (0, 9, 10, 20)]
        [0.1, 0.1, 0.01, 0.001]
    """
    _check(every=every)
    return lambda step: lr * factor ** (step // every)


def cosine(lr: float, steps: int, final: float = 0.0) -> Schedule:
    """From ``lr`` to ``final`` along a half cosine (Loshchilov & Hutter 2017, eq. 5).

    Args:
        lr: at step 0.
        steps: after this many it is ``final``, and stays there.
        final: where it ends.

    Example:
        >>> from minigrad import optim
        >>> schedule = optim.cosine(0.1, steps=100)
        >>> [round(schedule(step), 4) for step in (0, 50, 100)]
        [0.1, 0.05, 0.0]
    """
    _check(steps=steps)
    return lambda step: final + (lr - final) * (1 + math.cos(math.pi * min(step / steps, 1))) / 2


def multi_step(lr: float, milestones: Sequence[int], factor: float = 0.1) -> Schedule:
    """``lr``, multiplied by ``factor`` at each milestone.

    Example:
        >>> from minigrad import optim
        >>> schedule = optim.multi_step(0.1, [10, 30])
        >>> [round(schedule(step), 4) for step in (9, 10, 30)]
        [0.1, 0.01, 0.001]
    """
    counts = sorted(milestones)
    return lambda step: lr * factor ** bisect_right(counts, step)


def exponential(lr: float, factor: float) -> Schedule:
    """``lr``, multiplied by ``factor`` at each step.

    Example:
        >>> from minigrad import optim
        >>> [optim.exponential(0.8, 0.5)(step) for step in (0, 1, 2)]
        [0.8, 0.4, 0.2]
    """
    return lambda step: lr * factor**step


def linear(lr: float, steps: int, start: float = 1 / 3, end: float = 1.0) -> Schedule:
    """From ``start`` times ``lr`` to ``end`` times ``lr`` in equal parts, then so on.

    Example:
        >>> from minigrad import optim
        >>> [round(optim.linear(0.3, 4)(step), 3) for step in (0, 2, 4, 9)]
        [0.1, 0.2, 0.3, 0.3]
    """
    _check(steps=steps)
    return lambda step: lr * (start + (end - start) * min(step / steps, 1))


def polynomial(lr: float, steps: int, power: float = 1.0) -> Schedule:
    """``lr`` · (1 − step / ``steps``)^``power``, and 0 after them.

    Example:
        >>> from minigrad import optim
        >>> [round(optim.polynomial(0.1, 4, 2.0)(step), 4) for step in (0, 2, 4)]
        [0.1, 0.025, 0.0]
    """
    _check(steps=steps)
    return lambda step: lr * (1 - min(step / steps, 1)) ** power


def scaled(lr: float, factor: Callable[[int], float]) -> Schedule:
    """``lr`` times a function of the step.

    Example:
        >>> from minigrad import optim
        >>> optim.scaled(0.1, lambda step: 0.5**step)(1)
        0.05
    """
    return lambda step: lr * factor(step)


def warm_restarts(lr: float, period: int, factor: int = 1, final: float = 0.0) -> Schedule:
    """`cosine` again and again, each ``factor`` times as long as the one before.

    Loshchilov & Hutter 2017, eq. 5.

    Example:
        >>> from minigrad import optim
        >>> schedule = optim.warm_restarts(0.1, 10, factor=2)
        >>> [round(schedule(step), 4) for step in (0, 5, 10, 20, 30)]
        [0.1, 0.05, 0.1, 0.05, 0.1]
    """
    _check(period=period, factor=factor)

    def schedule(step: int) -> float:
        length = period
        if factor == 1:
            step %= period
        while step >= length:
            step, length = step - length, length * factor
        return final + (lr - final) * (1 + math.cos(math.pi * step / length)) / 2

    return schedule


def one_cycle(
    max_lr: float,
    steps: int,
    rise: float = 0.3,
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
    anneal: Literal["cos", "linear"] = "cos",
    three_phase: bool = False,
) -> Schedule:
    """Up to ``max_lr`` and down again, far below where it began (Smith & Topin 2018, section 3).

    Args:
        max_lr: the highest.
        steps: of the whole cycle; the last one is number ``steps`` − 1.
        rise: share of the steps on the way up.
        div_factor: it starts at ``max_lr`` over this.
        final_div_factor: it ends at its start over this.
        anneal: along half cosines, or straight.
        three_phase: whether it falls back to its start first, as long as it rose.

    Raises:
        ValueError: a step that is not in the cycle, or settings out of range.

    Example:
        >>> from minigrad import optim
        >>> schedule = optim.one_cycle(1.0, 11, rise=0.5, anneal="linear")
        >>> [round(schedule(step), 3) for step in (0, 2, 4, 7, 10)]
        [0.04, 0.467, 0.893, 0.545, 0.0]
    """
    _check(steps=steps)
    if not 0 <= rise <= 1 or anneal not in ("cos", "linear"):
        raise ValueError(
            f"one_cycle: got rise={rise} and anneal={anneal!r}, expected a share from 0 to 1 and "
            "'cos' or 'linear'"
        )
    start = max_lr / div_factor
    last = start / final_div_factor
    top = rise * steps - 1
    ends = [(top, start, max_lr), (2 * top, max_lr, start), (steps - 1, start, last)]
    phases = ends if three_phase else [ends[0], (steps - 1, max_lr, last)]

    def schedule(step: int) -> float:
        if not 0 <= step <= steps:
            raise ValueError(f"one_cycle: got step {step}, expected 0 to {steps - 1}")
        begin = 0.0
        for number, (end, first, second) in enumerate(phases):
            if step <= end or number == len(phases) - 1:
                share = (step - begin) / (end - begin)
                if anneal == "linear":
                    return first + (second - first) * share
                return second + (first - second) * (1 + math.cos(math.pi * share)) / 2
            begin = end
        raise AssertionError

    return schedule


def cyclic(
    base_lr: float,
    max_lr: float,
    up: int = 2000,
    down: int | None = None,
    mode: Literal["triangular", "triangular2", "exp_range"] = "triangular",
    gamma: float = 1.0,
) -> Schedule:
    """Up and down in straight lines, again and again (Smith 2017, section 3).

    Args:
        base_lr: the lowest.
        max_lr: the highest of the first cycle.
        up: steps of a rise.
        down: steps of a fall; as many if not given.
        mode: every cycle is as high, or half as high as the one before (``"triangular2"``), or
            ``gamma`` to the power of the step (``"exp_range"``).
        gamma: see ``mode``.

    Example:
        >>> from minigrad import optim
        >>> schedule = optim.cyclic(0.1, 0.5, up=2)
        >>> [round(schedule(step), 2) for step in range(5)]
        [0.1, 0.3, 0.5, 0.3, 0.1]
    """
    down = up if down is None else down
    _check(up=up, down=down)
    if mode not in ("triangular", "triangular2", "exp_range"):
        raise ValueError(f"cyclic: got mode={mode!r}, expected triangular, triangular2, exp_range")

    def schedule(step: int) -> float:
        cycle, place = divmod(step, up + down)
        height = place / up if place <= up else 1 - (place - up) / down
        scale = {"triangular": 1.0, "triangular2": 0.5**cycle, "exp_range": gamma**step}[mode]
        return base_lr + (max_lr - base_lr) * height * scale

    return schedule


def warm_up(steps: int, then: Schedule) -> Schedule:
    """Rise in equal steps to where ``then`` starts, and go on with it.

    Step k is at (k + 1) / ``steps`` of ``then(0)``; step number ``steps`` is ``then(0)`` itself
    (Goyal et al. 2017, section 2.2; with `cosine` as in He et al. 2019, section 5.1).

    Example:
        >>> from minigrad import optim
        >>> schedule = optim.warm_up(4, optim.constant(0.1))
        >>> [round(schedule(step), 4) for step in (0, 1, 3, 4)]
        [0.025, 0.05, 0.1, 0.1]
    """
    _check(steps=steps)
    return lambda step: then(0) * (step + 1) / steps if step < steps else then(step - steps)


class Plateau:
    """Lower the learning rate where a figure no longer gets better.

    The one schedule with a state: it looks at the figure, not at the step.

    Args:
        optimizer: whose lr it sets.
        mode: whether a lower (``"min"``) or a higher figure is better.
        factor: by which lr is multiplied.
        patience: how many figures in a row may be no better.
        threshold: by how much a figure must be better.
        threshold_mode: ``"rel"``: by this share of the best; ``"abs"``: by this number.
        cooldown: for how many figures it waits after it has lowered lr.
        min_lr: lr goes no lower.
        eps: a smaller change of lr is not made.

    Example:
        >>> from minigrad import optim
        >>> optimizer = optim.SGD([mg.Parameter(np.ones(1))], lr=0.1)
        >>> plateau = optim.Plateau(optimizer, patience=1)
        >>> for loss in (3.0, 2.0, 2.0, 2.0):
        ...     plateau.step(loss)
        >>> round(optimizer.lr, 4)
        0.01
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: Literal["min", "max"] = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: Literal["rel", "abs"] = "rel",
        cooldown: int = 0,
        min_lr: float = 0.0,
        eps: float = 1e-8,
    ) -> None:
        if not 0 < factor < 1 or mode not in ("min", "max") or threshold_mode not in ("rel", "abs"):
            raise ValueError(
                f"Plateau: got mode={mode!r}, factor={factor}, threshold_mode={threshold_mode!r}, "
                "expected 'min' or 'max', a factor between 0 and 1, 'rel' or 'abs'"
            )
        self.optimizer, self.mode, self.factor, self.patience = optimizer, mode, factor, patience
        self.threshold, self.threshold_mode = threshold, threshold_mode
        self.cooldown, self.min_lr, self.eps = cooldown, min_lr, eps
        self.best = math.inf if mode == "min" else -math.inf
        self.bad = self.waiting = 0

    def step(self, figure: float) -> None:
        """Take a figure, and lower lr if it is time."""
        figure = float(figure)
        if self._is_better(figure):
            self.best, self.bad = figure, 0
        else:
            self.bad += 1
        if self.waiting:
            self.waiting, self.bad = self.waiting - 1, 0
        if self.bad > self.patience:
            old = self.optimizer.group_lrs
            new = [max(lr * self.factor, self.min_lr) for lr in old]
            self.optimizer.group_lrs = [
                b if a - b > self.eps else a for a, b in zip(old, new, strict=True)
            ]
            self.waiting, self.bad = self.cooldown, 0

    def _is_better(self, figure: float) -> bool:
        sign = 1 if self.mode == "min" else -1
        least = self.threshold
        if self.threshold_mode == "rel":
            least = self.threshold * sign * self.best if math.isfinite(self.best) else 0
        return sign * figure < sign * self.best - least


def _check(**counts: int) -> None:
    for name, count in counts.items():
        if count < 1:
            raise ValueError(f"schedule: got {name}={count}, expected at least 1")

"""Learning rates as functions of the step: ``optimizer.lr = schedule(step)``, from step 0 on.

A schedule has no state, so there is nothing to save: the step says it all.
"""

from __future__ import annotations

import math
from collections.abc import Callable

Schedule = Callable[[int], float]


def constant(lr: float) -> Schedule:
    """``lr`` at every step."""
    return lambda step: lr


def step_decay(lr: float, every: int, factor: float = 0.1) -> Schedule:
    """``lr``, multiplied by ``factor`` after each ``every`` steps."""
    _check(every=every)
    return lambda step: lr * factor ** (step // every)


def cosine(lr: float, steps: int, final: float = 0.0) -> Schedule:
    """From ``lr`` to ``final`` along a half cosine (Loshchilov & Hutter 2017, eq. 5).

    Args:
        lr: at step 0.
        steps: after so many it is ``final``, and stays there.
        final: where it ends.
    """
    _check(steps=steps)
    return lambda step: final + (lr - final) * (1 + math.cos(math.pi * min(step / steps, 1))) / 2


def warm_up(steps: int, then: Schedule) -> Schedule:
    """Rise in equal parts to where ``then`` starts, and go on with it.

    Step k is at (k + 1) / ``steps`` of ``then(0)``; step number ``steps`` is ``then(0)`` itself
    (Goyal et al. 2017, section 2.2; with `cosine` as in He et al. 2019, section 5.1).
    """
    _check(steps=steps)
    return lambda step: then(0) * (step + 1) / steps if step < steps else then(step - steps)


def _check(**counts: int) -> None:
    for name, count in counts.items():
        if count < 1:
            raise ValueError(f"schedule: got {name}={count}, expected at least 1")

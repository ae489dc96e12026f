"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from minigrad.optim.optimizer import Optimizer
from minigrad.tensor import Parameter


class SGD(Optimizer):
    """Gradient descent, θ ← θ − lr · ∂L/∂θ, or with momentum.

    With momentum μ the step follows u ← μ u + ∂L/∂θ (Polyak 1964, with lr outside of u as in
    PyTorch), and with Nesterov's look ahead ∂L/∂θ + μ u (Sutskever et al. 2013, eq. 3 and 4).

    Args:
        parameters: what is learned.
        lr: learning rate.
        momentum: μ, how much of the last step is kept.
        nesterov: whether to look ahead.
        weight_decay: see `Optimizer`.

    Raises:
        ValueError: a setting out of range, or Nesterov without momentum.
    """

    def __init__(
        self,
        parameters: Iterable[Parameter],
        lr: float,
        momentum: float = 0.0,
        *,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr, weight_decay)
        self.check(momentum=(momentum, 0, np.inf))
        if nesterov and not momentum:
            raise ValueError("SGD: got nesterov=True with momentum=0, expected a momentum")
        self.momentum, self.nesterov = momentum, nesterov
        self.velocity = self.slot("velocity") if momentum else []

    def change(self, k: int, grad: np.ndarray) -> np.ndarray:
        """The direction times lr."""
        if not self.momentum:
            return self.lr * grad
        u = self.velocity[k]
        u *= self.momentum
        u += grad
        return self.lr * (grad + self.momentum * u if self.nesterov else u)

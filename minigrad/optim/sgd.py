"""Stochastic gradient descent."""

from __future__ import annotations

import numpy as np

from minigrad.optim.optimizer import Optimizer, Parameters, Setting


class SGD(Optimizer):
    """Gradient descent, θ ← θ − lr · ∂L/∂θ, or with momentum.

    With momentum μ the step follows u ← μ u + (1 − dampening) ∂L/∂θ, where u starts as the first
    gradient (Polyak 1964, with lr outside of u as in PyTorch), and with Nesterov's look ahead
    ∂L/∂θ + μ u (Sutskever et al. 2013, eq. 3 and 4).

    Args:
        parameters: what is learned.
        lr: learning rate.
        momentum: μ, how much of the last step is kept.
        dampening: share of a gradient that is left out of u.
        weight_decay: see `Optimizer`.
        nesterov: whether to look ahead.
        maximize: see `Optimizer`.

    Raises:
        ValueError: a setting out of range, or Nesterov without momentum or with dampening.

    Example:
        >>> from minigrad import optim
        >>> w = mg.Parameter(np.array([1.0]))
        >>> optimizer = optim.SGD([w], lr=0.1)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> print(w.data)
        [0.8]
    """

    momentum = Setting()
    dampening = Setting()
    nesterov = Setting()

    def __init__(
        self,
        parameters: Parameters,
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            parameters, lr, weight_decay, maximize=maximize, momentum=momentum,
            dampening=dampening, nesterov=nesterov,
        )  # fmt: skip
        self.velocity = self.slot("velocity") if self.in_any_group("momentum") else []

    def check_settings(self) -> None:
        """The momentum is not negative, and Nesterov's has no dampening."""
        self.check(momentum=(self.momentum, 0, np.inf))
        if self.nesterov and (not self.momentum or self.dampening):
            raise ValueError(
                f"SGD: got nesterov=True with momentum={self.momentum} and "
                f"dampening={self.dampening}, expected a momentum and no dampening"
            )

    def change(self, k: int, grad: np.ndarray) -> np.ndarray:
        """The direction times lr."""
        if not self.momentum:
            return self.lr * grad
        if not self.velocity:  # a schedule has given it a momentum
            self.velocity = self.slot("velocity")
        u = self.velocity[k]
        u *= self.momentum
        if self.dampening:
            u += grad * np.where(self.steps[k] == 1, 1, 1 - self.dampening)
        else:
            u += grad
        return self.lr * (grad + self.momentum * u if self.nesterov else u)

"""Optimisers: how parameters follow their gradients."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from minigrad.tensor import Parameter, raw


class Optimizer:
    """Base of optimisers: holds the parameters; `step` moves each against its gradient.

    Args:
        parameters: what is learned; those without a gradient are left alone.
        lr: learning rate; assign to it for a schedule.

    Raises:
        ValueError: no parameters, or a learning rate that is not positive.
    """

    def __init__(self, parameters: Iterable[Parameter], lr: float) -> None:
        self.parameters = list(parameters)
        if not self.parameters:
            raise ValueError(f"{type(self).__name__}: got no parameters")
        if not lr > 0:
            raise ValueError(f"{type(self).__name__}: got lr={lr}, expected a positive number")
        self.lr = lr

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    def step(self) -> None:
        """Move every parameter that has a gradient."""
        for k, parameter in enumerate(self.parameters):
            if parameter.grad is not None:
                # A new array, for the tape may hold the old one; of the same type, also where
                # a schedule computes lr with NumPy's own float64.
                moved = parameter.data - self.change(k, raw(parameter.grad))
                parameter.data = moved.astype(parameter.dtype, copy=False)

    def change(self, k: int, grad: np.ndarray) -> np.ndarray:
        """What to subtract from parameter number ``k``."""
        raise NotImplementedError


class SGD(Optimizer):
    """Gradient descent: θ ← θ − lr · ∂L/∂θ."""

    def change(self, k: int, grad: np.ndarray) -> np.ndarray:
        """The gradient times lr."""
        return self.lr * grad


class Adam(Optimizer):
    """Adam (Kingma & Ba 2015, algorithm 1).

    Args:
        parameters: what is learned.
        lr: learning rate.
        betas: decay of the running means of the gradient and of its square.
        eps: added to the denominator.
    """

    def __init__(
        self,
        parameters: Iterable[Parameter],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        super().__init__(parameters, lr)
        self.betas, self.eps = betas, eps
        self.steps = [0] * len(self.parameters)
        self.first = [np.zeros_like(p.data) for p in self.parameters]
        self.second = [np.zeros_like(p.data) for p in self.parameters]

    def change(self, k: int, grad: np.ndarray) -> np.ndarray:
        """The step lr · m̂ / (√v̂ + eps)."""
        beta1, beta2 = self.betas
        self.steps[k] += 1
        m, v = self.first[k], self.second[k]
        m *= beta1
        m += (1 - beta1) * grad
        v *= beta2
        v += (1 - beta2) * (grad * grad)
        unbiased1 = 1 - beta1 ** self.steps[k]
        unbiased2 = 1 - beta2 ** self.steps[k]
        size = np.sqrt(v, out=np.empty_like(v))  # the rest is written into this array
        size /= math.sqrt(unbiased2)
        size += self.eps
        np.divide(m, size, out=size)
        size *= self.lr / unbiased1
        return size

"""Optimisers with a step length for each entry of a parameter."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from minigrad.optim.optimizer import Optimizer
from minigrad.tensor import Parameter, raw


class Adagrad(Optimizer):
    """Steps over the root of the sum of squares (Duchi et al. 2011, section 1.1).

    s ← s + g²; θ ← θ − lr / (1 + (t − 1) · lr_decay) · g / (√s + eps)

    Args:
        parameters: what is learned.
        lr: learning rate.
        lr_decay: how fast it falls with the number t of steps.
        initial_accumulator: where s starts.
        eps: added to the denominator.
        weight_decay: see `Optimizer`.

    Example:
        >>> from minigrad import optim
        >>> w = mg.Parameter(np.array([1.0]))
        >>> optimizer = optim.Adagrad([w], lr=0.1)
        >>> (w * w).sum().backward()
        >>> optimizer.step()  # the first step is lr long, whatever the gradient's size
        >>> print(w.data.round(6))
        [0.9]
    """

    def __init__(
        self,
        parameters: Iterable[Parameter],
        lr: float = 1e-2,
        *,
        lr_decay: float = 0.0,
        initial_accumulator: float = 0.0,
        eps: float = 1e-10,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr, weight_decay)
        self.check(lr_decay=(lr_decay, 0, np.inf), eps=(eps, 0, np.inf),
                   initial_accumulator=(initial_accumulator, 0, np.inf))  # fmt: skip
        self.lr_decay, self.eps = lr_decay, eps
        self.sum = self.slot("sum", initial_accumulator)

    def change(self, k: int, grad: np.ndarray) -> np.ndarray:
        """The gradient over the root of the sum of its squares, times the decayed lr."""
        s = self.sum[k]
        s += grad * grad
        size = np.sqrt(s, out=np.empty_like(s))  # the rest is written into this array
        size += self.eps
        np.divide(grad, size, out=size)
        size *= self.lr / (1 + (self.steps[k] - 1) * self.lr_decay)
        return size


class RMSProp(Optimizer):
    """Steps over the root of the running mean of squares (Tieleman & Hinton 2012, lecture 6.5).

    v ← α v + (1 − α) g²; θ ← θ − lr · u, where u ← μ u + g / (√v + eps)

    Args:
        parameters: what is learned.
        lr: learning rate.
        alpha: decay of the running mean.
        eps: added to the denominator.
        momentum: μ.
        centered: take v less the square of the gradient's running mean: an estimate of its
            variance (Graves 2013, eq. 38 to 42).
        weight_decay: see `Optimizer`.

    Example:
        >>> from minigrad import optim
        >>> w = mg.Parameter(np.array([1.0]))
        >>> optimizer = optim.RMSProp([w], lr=0.1, alpha=0.75)
        >>> (w * w).sum().backward()
        >>> optimizer.step()  # the first is lr / √(1 − α) long
        >>> print(w.data.round(6))
        [0.8]
    """

    def __init__(
        self,
        parameters: Iterable[Parameter],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        *,
        momentum: float = 0.0,
        centered: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr, weight_decay)
        self.check(alpha=(alpha, 0, 1), eps=(eps, 0, np.inf), momentum=(momentum, 0, np.inf))
        self.alpha, self.eps, self.momentum, self.centered = alpha, eps, momentum, centered
        self.second = self.slot("second")
        self.first = self.slot("first") if centered else []
        self.velocity = self.slot("velocity") if momentum else []

    def change(self, k: int, grad: np.ndarray) -> np.ndarray:
        """The gradient over its running size, with momentum if asked for, times lr."""
        v = self.second[k]
        v *= self.alpha
        v += (1 - self.alpha) * (grad * grad)
        if self.centered:
            m = self.first[k]
            m *= self.alpha
            m += (1 - self.alpha) * grad
            size = np.sqrt(v - m * m)
        else:
            size = np.sqrt(v)
        size += self.eps
        np.divide(grad, size, out=size)
        if self.momentum:
            u = self.velocity[k]
            u *= self.momentum
            u += size
            np.copyto(size, u)
        size *= self.lr
        return size


class Adam(Optimizer):
    """Adam (Kingma & Ba 2015, algorithm 1).

    Args:
        parameters: what is learned.
        lr: learning rate.
        betas: decay of the running means of the gradient and of its square.
        eps: added to the denominator.
        weight_decay: see `Optimizer`.

    Example:
        >>> from minigrad import optim
        >>> w = mg.Parameter(np.array([1.0]))
        >>> optimizer = optim.Adam([w], lr=0.1)
        >>> for _ in range(200):
        ...     optimizer.zero_grad()
        ...     (w * w).sum().backward()
        ...     optimizer.step()
        >>> bool(abs(w.data[0]) < 0.01)
        True
    """

    def __init__(
        self,
        parameters: Iterable[Parameter],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        *,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr, weight_decay)
        self.check(beta1=(betas[0], 0, 1), beta2=(betas[1], 0, 1), eps=(eps, 0, np.inf))
        self.betas, self.eps = betas, eps
        self.first, self.second = self.slot("first"), self.slot("second")

    def change(self, k: int, grad: np.ndarray) -> np.ndarray:
        """The step lr · m̂ / (√v̂ + eps)."""
        beta1, beta2 = self.betas
        m, v = self.first[k], self.second[k]
        size = np.multiply(grad, 1 - beta1, out=np.empty_like(v))  # all is written into this array
        m *= beta1
        m += size
        np.multiply(grad, grad, out=size)
        size *= 1 - beta2
        v *= beta2
        v += size
        unbiased1 = 1 - beta1 ** self.steps[k]
        root = (1 - beta2 ** self.steps[k]) ** 0.5
        np.sqrt(v, out=size)
        size += self.eps * root
        np.divide(m, size, out=size)
        size *= self.lr * root / unbiased1
        return size


class AdamW(Adam):
    """Adam with the weight decay beside it, not in its gradient (Loshchilov & Hutter 2019, alg. 2).

    θ ← θ − lr · λ θ − lr · m̂ / (√v̂ + eps)

    Args:
        parameters: what is learned.
        lr: learning rate.
        betas: see `Adam`.
        eps: see `Adam`.
        weight_decay: λ.

    Example:
        >>> from minigrad import optim
        >>> w = mg.Parameter(np.array([1.0]))
        >>> optimizer = optim.AdamW([w], lr=0.1, weight_decay=0.5)
        >>> (0 * w).sum().backward()
        >>> optimizer.step()  # only the decay moves it: 1 − 0.1 · 0.5
        >>> print(w.data)
        [0.95]
    """

    def __init__(
        self,
        parameters: Iterable[Parameter],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        *,
        weight_decay: float = 1e-2,
    ) -> None:
        super().__init__(parameters, lr, betas, eps, weight_decay=weight_decay)

    def regularised(self, k: int, grad: np.ndarray) -> np.ndarray:
        """The gradient as it is."""
        return grad

    def change(self, k: int, grad: np.ndarray) -> np.ndarray:
        """Adam's step and the decay."""
        step = super().change(k, grad)
        step += self.lr * self.weight_decay * raw(self.parameters[k])
        return step

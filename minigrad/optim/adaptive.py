"""Optimisers with a step length for each entry of a parameter, by the size of its gradients."""

from __future__ import annotations

import numpy as np

from minigrad.optim.optimizer import Optimizer, Parameters, Setting


class Adagrad(Optimizer):
    """Steps over the root of the sum of squares (Duchi et al. 2011, section 1.1).

    s ← s + g²; θ ← θ − lr / (1 + (t − 1) · lr_decay) · g / (√s + eps)

    Args:
        parameters: what is learned.
        lr: learning rate.
        lr_decay: how fast it falls with the number t of steps.
        weight_decay: see `Optimizer`.
        initial_accumulator_value: where s starts.
        eps: added to the denominator.
        maximize: see `Optimizer`.

    Example:
        >>> from minigrad import optim
        >>> w = mg.Parameter(np.array([1.0]))
        >>> optimizer = optim.Adagrad([w], lr=0.1)
        >>> (w * w).sum().backward()
        >>> optimizer.step()  # the first step is lr long, whatever the gradient's size
        >>> print(w.data.round(6))
        [0.9]
    """

    lr_decay = Setting()
    eps = Setting()
    initial_accumulator_value = Setting()

    def __init__(
        self,
        parameters: Parameters,
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            parameters, lr, weight_decay, maximize=maximize, lr_decay=lr_decay, eps=eps,
            initial_accumulator_value=initial_accumulator_value,
        )  # fmt: skip
        self.sum = self.slot("sum", initial_accumulator_value)

    def check_settings(self) -> None:
        """None of them is negative."""
        start = self.initial_accumulator_value
        self.check(
            lr_decay=(self.lr_decay, 0, np.inf), eps=(self.eps, 0, np.inf),
            initial_accumulator_value=(start, 0, np.inf),
        )  # fmt: skip

    def change(self, k: int, grad: np.ndarray) -> np.ndarray:
        """The gradient over the root of the sum of its squares, times the decayed lr."""
        s = self.sum[k]
        s += grad * grad
        size = np.sqrt(s, out=np.empty_like(s))  # the rest is written into this array
        size += self.eps
        np.divide(grad, size, out=size)
        size *= self.lr / (1 + (self.steps[k] - 1) * self.lr_decay)
        return size


class RMSprop(Optimizer):
    """Steps over the root of the running mean of squares (Tieleman & Hinton 2012, lecture 6.5).

    v ← α v + (1 − α) g²; θ ← θ − lr · u, where u ← μ u + g / (√v + eps)

    Args:
        parameters: what is learned.
        lr: learning rate.
        alpha: decay of the running mean.
        eps: added to the denominator.
        weight_decay: see `Optimizer`.
        momentum: μ.
        centered: take v less the square of the gradient's running mean: an estimate of its
            variance (Graves 2013, eq. 38 to 42).
        maximize: see `Optimizer`.

    Example:
        >>> from minigrad import optim
        >>> w = mg.Parameter(np.array([1.0]))
        >>> optimizer = optim.RMSprop([w], lr=0.1, alpha=0.75)
        >>> (w * w).sum().backward()
        >>> optimizer.step()  # the first is lr / √(1 − α) long
        >>> print(w.data.round(6))
        [0.8]
    """

    alpha = Setting()
    eps = Setting()
    momentum = Setting()
    centered = Setting()

    def __init__(
        self,
        parameters: Parameters,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            parameters, lr, weight_decay, maximize=maximize, alpha=alpha, eps=eps,
            momentum=momentum, centered=centered,
        )  # fmt: skip
        self.second = self.slot("second")
        self.first = self.slot("first") if self.in_any_group("centered") else []
        self.velocity = self.slot("velocity") if self.in_any_group("momentum") else []

    def check_settings(self) -> None:
        """The decay is below 1, and nothing negative."""
        self.check(alpha=(self.alpha, 0, 1), eps=(self.eps, 0, np.inf),
                   momentum=(self.momentum, 0, np.inf))  # fmt: skip

    def change(self, k: int, grad: np.ndarray) -> np.ndarray:
        """The gradient over its running size, with momentum if asked for, times lr."""
        v = self.second[k]
        v *= self.alpha
        v += (1 - self.alpha) * (grad * grad)
        if self.centered:
            m = self.first[k]
            m *= self.alpha
            m += (1 - self.alpha) * grad
            size = np.sqrt(v - m * m, out=np.empty_like(v))
        else:
            size = np.sqrt(v, out=np.empty_like(v))
        size += self.eps
        np.divide(grad, size, out=size)
        if self.momentum:
            u = self.velocity[k]
            u *= self.momentum
            u += size
            np.copyto(size, u)
        size *= self.lr
        return size


class Adadelta(Optimizer):
    """Steps whose size is that of the last ones (Zeiler 2012, algorithm 1).

    v ← ρ v + (1 − ρ) g²; δ = √((d + eps) / (v + eps)) g; d ← ρ d + (1 − ρ) δ²; θ ← θ − lr · δ

    Args:
        parameters: what is learned.
        lr: learning rate.
        rho: ρ, decay of the running means.
        eps: keeps both roots away from 0.
        weight_decay: see `Optimizer`.
        maximize: see `Optimizer`.

    Example:
        >>> from minigrad import optim
        >>> w = mg.Parameter(np.array([1.0]))
        >>> optimizer = optim.Adadelta([w])
        >>> for _ in range(3):
        ...     optimizer.zero_grad()
        ...     (w * w).sum().backward()
        ...     optimizer.step()
        >>> print(w.data.round(4))
        [0.9903]
    """

    rho = Setting()
    eps = Setting()

    def __init__(
        self,
        parameters: Parameters,
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(parameters, lr, weight_decay, maximize=maximize, rho=rho, eps=eps)
        self.second, self.moved = self.slot("second"), self.slot("moved")

    def check_settings(self) -> None:
        """The decay is below 1, and nothing negative."""
        self.check(rho=(self.rho, 0, 1), eps=(self.eps, 0, np.inf))

    def change(self, k: int, grad: np.ndarray) -> np.ndarray:
        """The gradient times the size of earlier steps over its own size."""
        v, d = self.second[k], self.moved[k]
        v *= self.rho
        v += (1 - self.rho) * (grad * grad)
        delta = np.sqrt(d + self.eps) / np.sqrt(v + self.eps) * grad
        d *= self.rho
        d += (1 - self.rho) * (delta * delta)
        return self.lr * delta


class Rprop(Optimizer):
    """Steps by the gradient's sign, longer while it stays (Riedmiller & Braun 1993, section 3).

    Where the sign changes, the parameter stays where it is for a step.

    Args:
        parameters: what is learned.
        lr: length of the first step.
        etas: the factors of the length where the sign has changed, and where it has not.
        step_sizes: the smallest and the largest length.
        maximize: see `Optimizer`.

    Example:
        >>> from minigrad import optim
        >>> w = mg.Parameter(np.array([1.0]))
        >>> optimizer = optim.Rprop([w], lr=0.1)
        >>> for _ in range(2):
        ...     optimizer.zero_grad()
        ...     (w * w).sum().backward()
        ...     optimizer.step()
        >>> print(w.data.round(4))  # 1 − 0.1 − 0.12
        [0.78]
    """

    etas = Setting()
    step_sizes = Setting()

    def __init__(
        self,
        parameters: Parameters,
        lr: float = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50.0),
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(parameters, lr, maximize=maximize, etas=etas, step_sizes=step_sizes)
        self.previous, self.length = self.slot("previous"), self.slot("length")
        for k, length in enumerate(self.length):
            length[...] = self.group_lrs[self._group_of[k]]

    def check_settings(self) -> None:
        """The first factor shortens, the second lengthens."""
        shorter, longer = self.etas
        if not 0 < shorter < 1 < longer:
            raise ValueError(f"Rprop: got etas={self.etas}, expected 0 < first < 1 < second")

    def change(self, k: int, grad: np.ndarray) -> np.ndarray:
        """The sign of the gradient times the length, 0 where the sign has changed."""
        before, length, (shorter, longer) = self.previous[k], self.length[k], self.etas
        agreement = before * grad
        length *= np.where(agreement > 0, longer, np.where(agreement < 0, shorter, 1))
        np.clip(length, *self.step_sizes, out=length)
        kept = np.where(agreement < 0, 0, grad)
        before[...] = kept
        return np.sign(kept) * length

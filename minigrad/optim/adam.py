"""Adam and its relatives: running means of the gradient and of its square."""

from __future__ import annotations

import numpy as np

from minigrad.optim.optimizer import Optimizer, Parameters, Setting
from minigrad.tensor import raw

Betas = tuple[float, float]


class _WithMeans(Optimizer):
    """The running means m of the gradient and v of its square."""

    betas = Setting()
    eps = Setting()
    decoupled_weight_decay = Setting()

    def check_settings(self) -> None:
        """The decays are below 1, and nothing negative."""
        self.check(beta1=(self.betas[0], 0, 1), beta2=(self.betas[1], 0, 1),
                   eps=(self.eps, 0, np.inf))  # fmt: skip

    def regularised(self, k: int, grad: np.ndarray) -> np.ndarray:
        """The gradient as it is, where the decay is beside it."""
        return grad if self.decoupled_weight_decay else super().regularised(k, grad)

    def decayed(self, k: int, step: np.ndarray) -> np.ndarray:
        """The step, which may be written into, and the decay where it is beside the gradient."""
        if self.decoupled_weight_decay and self.weight_decay:
            step += self.lr * self.weight_decay * raw(self.parameters[k])
        return step

    def averaged(self, k: int, grad: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """``m`` and ``v`` with this gradient, and an array like them to write into."""
        beta1, beta2 = self.betas
        m, v = self.first[k], self.second[k]
        room = np.multiply(grad, 1 - beta1, out=np.empty_like(v))
        m *= beta1
        m += room
        np.multiply(grad, grad, out=room)
        room *= 1 - beta2
        v *= beta2
        v += room
        return m, v, room

    first: list[np.ndarray]
    second: list[np.ndarray]


class Adam(_WithMeans):
    """Adam (Kingma & Ba 2015, algorithm 1).

    Args:
        parameters: what is learned.
        lr: learning rate.
        betas: decay of the running means of the gradient and of its square.
        eps: added to the denominator.
        weight_decay: see `Optimizer`.
        amsgrad: whether the largest v so far takes its place (Reddi et al. 2018, algorithm 2).
        maximize: see `Optimizer`.
        decoupled_weight_decay: whether the decay is beside the gradient, as in `AdamW`.

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

    amsgrad = Setting()

    def __init__(
        self,
        parameters: Parameters,
        lr: float = 1e-3,
        betas: Betas = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        decoupled_weight_decay: bool = False,
    ) -> None:
        super().__init__(
            parameters, lr, weight_decay, maximize=maximize, betas=betas, eps=eps,
            amsgrad=amsgrad, decoupled_weight_decay=decoupled_weight_decay,
        )  # fmt: skip
        self.first, self.second = self.slot("first"), self.slot("second")
        self.largest = self.slot("largest") if self.in_any_group("amsgrad") else []

    def change(self, k: int, grad: np.ndarray) -> np.ndarray:
        """The step lr · m̂ / (√v̂ + eps)."""
        m, v, step = self.averaged(k, grad)
        if self.amsgrad:
            v = np.maximum(self.largest[k], v, out=self.largest[k])
        beta1, beta2 = self.betas
        unbiased1 = 1 - beta1 ** self.steps[k]
        root = (1 - beta2 ** self.steps[k]) ** 0.5
        np.sqrt(v, out=step)
        step += self.eps * root
        np.divide(m, step, out=step)
        step *= self.lr * root / unbiased1
        return self.decayed(k, step)


class AdamW(Adam):
    """Adam with decoupled weight decay, not in its gradient (Loshchilov & Hutter 2019, alg. 2).

    θ ← θ − lr · λ θ − lr · m̂ / (√v̂ + eps)

    Args:
        parameters: what is learned.
        lr: learning rate.
        betas: see `Adam`.
        eps: see `Adam`.
        weight_decay: λ.
        amsgrad: see `Adam`.
        maximize: see `Optimizer`.

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
        parameters: Parameters,
        lr: float = 1e-3,
        betas: Betas = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            parameters, lr, betas, eps, weight_decay, amsgrad, maximize=maximize,
            decoupled_weight_decay=True,
        )  # fmt: skip


class Adamax(_WithMeans):
    """Adam with the largest of decaying sizes in place of √v (Kingma & Ba 2015, algorithm 2).

    u ← max(β₂ u, |g| + eps); θ ← θ − lr / (1 − β₁ᵗ) · m / u

    Args:
        parameters: what is learned.
        lr: learning rate.
        betas: see `Adam`.
        eps: see `Adam`.
        weight_decay: see `Optimizer`.
        maximize: see `Optimizer`.

    Example:
        >>> from minigrad import optim
        >>> w = mg.Parameter(np.array([1.0]))
        >>> optimizer = optim.Adamax([w], lr=0.1)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> print(w.data.round(6))
        [0.9]
    """

    def __init__(
        self,
        parameters: Parameters,
        lr: float = 2e-3,
        betas: Betas = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            parameters, lr, weight_decay, maximize=maximize, betas=betas, eps=eps,
            decoupled_weight_decay=False,
        )  # fmt: skip
        self.first, self.size = self.slot("first"), self.slot("size")

    def change(self, k: int, grad: np.ndarray) -> np.ndarray:
        """The step lr · m̂ / u."""
        (beta1, beta2), m, u = self.betas, self.first[k], self.size[k]
        m *= beta1
        m += (1 - beta1) * grad
        u *= beta2
        np.maximum(u, np.abs(grad) + self.eps, out=u)
        return self.lr / (1 - beta1 ** self.steps[k]) * (m / u)


class NAdam(_WithMeans):
    """Adam with Nesterov's look ahead (Dozat 2016, "Incorporating Nesterov momentum into Adam").

    Args:
        parameters: what is learned.
        lr: learning rate.
        betas: see `Adam`.
        eps: see `Adam`.
        weight_decay: see `Optimizer`.
        momentum_decay: ψ, how fast the momentum β₁ (1 − ½ · 0.96^(t ψ)) rises to β₁.
        decoupled_weight_decay: whether the decay is beside the gradient, as in `AdamW`.
        maximize: see `Optimizer`.

    Example:
        >>> from minigrad import optim
        >>> w = mg.Parameter(np.array([1.0]))
        >>> optimizer = optim.NAdam([w], lr=0.1)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> print(w.data.round(4))
        [0.8944]
    """

    momentum_decay = Setting()

    def __init__(
        self,
        parameters: Parameters,
        lr: float = 2e-3,
        betas: Betas = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            parameters, lr, weight_decay, maximize=maximize, betas=betas, eps=eps,
            momentum_decay=momentum_decay, decoupled_weight_decay=decoupled_weight_decay,
        )  # fmt: skip
        self.first, self.second = self.slot("first"), self.slot("second")
        self.product = self.slot("product", 1.0, single=True)  # of all momenta so far

    def check_settings(self) -> None:
        """As for the others, and a decay that is not negative."""
        super().check_settings()
        self.check(momentum_decay=(self.momentum_decay, 0, np.inf))

    def change(self, k: int, grad: np.ndarray) -> np.ndarray:
        """The gradient's part of the step and the next momentum's."""
        m, v, size = self.averaged(k, grad)
        (beta1, beta2), t, product = self.betas, self.steps[k], self.product[k]
        now, following = (beta1 * (1 - 0.5 * 0.96 ** (n * self.momentum_decay)) for n in (t, t + 1))
        product *= now
        np.sqrt(v / (1 - beta2**t), out=size)
        size += self.eps
        of_grad = (1 - now) / (1 - product)
        of_mean = following / (1 - product * following)
        return self.decayed(k, self.lr * (of_grad * grad + of_mean * m) / size)


class RAdam(_WithMeans):
    """Adam that waits with its sizes until they are known well enough (Liu et al. 2020, alg. 2).

    Args:
        parameters: what is learned.
        lr: learning rate.
        betas: see `Adam`.
        eps: see `Adam`.
        weight_decay: see `Optimizer`.
        decoupled_weight_decay: whether the decay is beside the gradient, as in `AdamW`.
        maximize: see `Optimizer`.

    Example:
        >>> from minigrad import optim
        >>> w = mg.Parameter(np.array([1.0]))
        >>> optimizer = optim.RAdam([w], lr=0.1)
        >>> (w * w).sum().backward()
        >>> optimizer.step()  # at first it is gradient descent
        >>> print(w.data)
        [0.8]
    """

    def __init__(
        self,
        parameters: Parameters,
        lr: float = 1e-3,
        betas: Betas = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            parameters, lr, weight_decay, maximize=maximize, betas=betas, eps=eps,
            decoupled_weight_decay=decoupled_weight_decay,
        )  # fmt: skip
        self.first, self.second = self.slot("first"), self.slot("second")

    def change(self, k: int, grad: np.ndarray) -> np.ndarray:
        """The mean alone, or over its size and rectified."""
        m, v, _ = self.averaged(k, grad)
        (beta1, beta2), t = self.betas, self.steps[k]
        mean = m / (1 - beta1**t)
        most = 2 / (1 - beta2) - 1
        known = most - 2 * t * beta2**t / (1 - beta2**t)
        rho = np.maximum(known, 5)
        rectified = ((rho - 4) * (rho - 2) * most / ((most - 4) * (most - 2) * rho)) ** 0.5
        size = (np.sqrt(v) + self.eps) / (1 - beta2**t) ** 0.5
        scale = np.where(known > 5, rectified, 0).astype(grad.dtype) / size
        return self.decayed(k, self.lr * np.where(known > 5, scale, 1) * mean)

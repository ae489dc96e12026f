"""Muon: steps that are orthogonal matrices."""

from __future__ import annotations

from typing import Literal

import numpy as np

from minigrad.optim.optimizer import Optimizer, Parameters, Setting
from minigrad.tensor import raw

AdjustLR = Literal["original", "match_rms_adamw"]


class Muon(Optimizer):
    """The momentum with all its singular values brought near 1, for matrices (Jordan et al. 2024).

    u ← μ u + (1 − μ) g; θ ← θ − lr · λ θ − lr · r · orthogonal((1 − μ) g + μ u), where
    `orthogonalised` is a few rounds of a polynomial. Vectors, embeddings and output layers are
    for another optimiser, such as `AdamW`.

    Args:
        parameters: matrices.
        lr: learning rate.
        weight_decay: λ, beside the gradient.
        momentum: μ.
        nesterov: whether to look ahead; if not, the step follows u.
        ns_coefficients: a, b, c of the polynomial.
        eps: the smallest norm that is divided by.
        ns_steps: how many rounds.
        adjust_lr_fn: r is √max(1, rows / columns) if ``"original"`` or not given, or
            0.2 √max(rows, columns) if ``"match_rms_adamw"`` (Liu et al. 2025, eq. 4).

    Raises:
        ValueError: a parameter that is not a matrix, or a setting out of range.

    Where PyTorch computes the polynomial in bfloat16, this does in the parameter's own precision.

    Example:
        >>> from minigrad import optim
        >>> w = mg.Parameter(np.zeros((2, 2)))
        >>> optimizer = optim.Muon([w], lr=1.0)
        >>> w.grad = np.array([[5.0, 0.0], [0.0, -3.0]])
        >>> optimizer.step()
        >>> print(w.data.round(1))  # each singular value of the step is about 1
        [[-1.   0. ]
         [ 0.   0.7]]
    """

    momentum = Setting()
    nesterov = Setting()
    ns_coefficients = Setting()
    eps = Setting()
    ns_steps = Setting()
    adjust_lr_fn = Setting()

    def __init__(
        self,
        parameters: Parameters,
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: AdjustLR | None = None,
    ) -> None:
        super().__init__(
            parameters, lr, weight_decay, momentum=momentum, nesterov=nesterov,
            ns_coefficients=ns_coefficients, eps=eps, ns_steps=ns_steps,
            adjust_lr_fn=adjust_lr_fn,
        )  # fmt: skip
        self.velocity = self.slot("velocity")

    def check_settings(self) -> None:
        """The parameters are matrices, and nothing is negative."""
        self.check(momentum=(self.momentum, 0, np.inf), eps=(self.eps, 0, np.inf),
                   ns_steps=(self.ns_steps, 1, 100))  # fmt: skip
        if self.adjust_lr_fn not in (None, "original", "match_rms_adamw"):
            raise ValueError(
                f"Muon: got adjust_lr_fn={self.adjust_lr_fn!r}, expected 'original' or "
                "'match_rms_adamw'"
            )
        for parameter in self.parameters:
            if parameter.ndim != 2:
                raise ValueError(
                    f"Muon: got a parameter of shape {parameter.shape}, expected matrices; give "
                    "the others to AdamW"
                )

    def regularised(self, k: int, grad: np.ndarray) -> np.ndarray:
        """The gradient as it is."""
        return grad

    def change(self, k: int, grad: np.ndarray) -> np.ndarray:
        """The orthogonal step and the decay."""
        u = self.velocity[k]
        u *= self.momentum
        u += (1 - self.momentum) * grad
        ahead = (1 - self.momentum) * grad + self.momentum * u if self.nesterov else u
        rows, columns = u.shape
        if self.adjust_lr_fn == "match_rms_adamw":
            ratio = 0.2 * max(rows, columns) ** 0.5
        else:
            ratio = max(1, rows / columns) ** 0.5
        step = orthogonalised(ahead, self.ns_coefficients, self.ns_steps, self.eps)
        return self.lr * (ratio * step + self.weight_decay * raw(self.parameters[k]))


def orthogonalised(
    x: np.ndarray, coefficients: tuple[float, float, float], rounds: int, eps: float
) -> np.ndarray:
    """X with its singular values brought near 1: X ← a X + (b X Xᵀ + c (X Xᵀ)²) X, so often.

    Example:
        >>> from minigrad.optim import orthogonalised
        >>> x = orthogonalised(np.diag([4.0, 1.0]), (1.5, -0.5, 0.0), 20, 1e-7)
        >>> print(x.round(6))
        [[1. 0.]
         [0. 1.]]
    """
    a, b, c = coefficients
    wide = x.T if x.shape[0] > x.shape[1] else x
    wide = wide / np.maximum(np.linalg.norm(wide), eps)
    for _ in range(rounds):
        gram = wide @ wide.T
        wide = a * wide + (b * gram + c * gram @ gram) @ wide
    return wide.T if x.shape[0] > x.shape[1] else wide

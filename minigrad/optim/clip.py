"""Gradients kept from exploding (Pascanu, Mikolov & Bengio 2013, section 3.2)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from minigrad.tensor import Tensor, raw


def clip_grad_norm(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
) -> float:
    """Scale all gradients by one factor, so that their joint norm is at most ``max_norm``.

    Args:
        parameters: whose gradients; those without one are left out.
        max_norm: what the norm may be.
        norm_type: p of the norm (Σ |g|ᵖ)^(1/p); ``inf`` for the largest entry.
        error_if_nonfinite: whether a norm that is infinite or NaN is an error.

    Returns:
        The norm that they had, over the entries of all of them.

    Raises:
        ValueError: ``max_norm`` is not positive, there are no parameters, or the norm is not
            finite and that is an error.

    Example:
        >>> from minigrad import optim
        >>> w = mg.Parameter(np.array([3.0, 4.0]))
        >>> (w * w).sum().backward()
        >>> print(round(optim.clip_grad_norm([w], 1.0), 6), w.grad.round(6))
        10.0 [0.6 0.8]
    """
    _check(max_norm=max_norm, norm_type=norm_type)
    grads = _grads("clip_grad_norm", parameters)
    norm = _norm(grads) if norm_type == 2 else _other_norm(grads, norm_type)
    if error_if_nonfinite and not np.isfinite(norm):
        raise ValueError(f"clip_grad_norm: the gradients' norm is {norm}")
    scale = np.minimum(max_norm / (norm + 1e-6), 1)  # PyTorch's
    for grad in grads:
        grad *= scale.astype(grad.dtype)
    return norm


def clip_grad_value(parameters: Tensor | Iterable[Tensor], max_value: float) -> None:
    """Clip every entry of every gradient to ±``max_value``.

    Raises:
        ValueError: ``max_value`` is not positive, or there are no parameters.

    Example:
        >>> from minigrad import optim
        >>> w = mg.Parameter(np.array([0.1, 4.0]))
        >>> (w * w).sum().backward()
        >>> optim.clip_grad_value([w], 1.0)
        >>> print(w.grad)
        [0.2 1. ]
    """
    _check(max_value=max_value)
    for grad in _grads("clip_grad_value", parameters):
        np.clip(grad, -max_value, max_value, out=grad)


def _norm(grads: list[np.ndarray]) -> Any:
    """√Σ g² over the entries of all of them."""
    squared = sum((_squared(g) for g in grads), np.float64(0))
    # Squares of float32 overflow at 2e19, and vanish at 3e-23
    if not isinstance(squared, np.floating) or not 1e-20 < squared < np.inf:
        squared = sum(
            (_squared(g.astype(np.result_type(g, np.float64))) for g in grads), np.float64(0)
        )
    return np.sqrt(squared)


def _other_norm(grads: list[np.ndarray], p: float) -> Any:
    sizes = [np.abs(g).astype(np.float64) for g in grads]
    if p == np.inf:
        return np.float64(np.max([s.max(initial=0) for s in sizes], initial=0))
    return np.float64(sum((s**p).sum() for s in sizes) ** (1 / p))


def _squared(g: np.ndarray) -> Any:
    flat = g.reshape(-1)
    with np.errstate(over="ignore"):
        return (flat.conj() @ flat).real


def _grads(name: str, parameters: Tensor | Iterable[Tensor]) -> list[np.ndarray]:
    """The gradients that are there, as arrays that may be changed."""
    given = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    if not given:
        raise ValueError(
            f"{name}: got no parameters; a generator, such as model.parameters(), can be gone "
            "through only once"
        )
    found = []
    for parameter in given:
        if parameter.grad is not None:
            array = raw(parameter.grad)
            if isinstance(array, np.generic) or (
                isinstance(array, np.ndarray) and not array.flags.writeable
            ):
                parameter.grad = array = np.array(array)
            found.append(array)
    return found


def _check(**limit: float) -> None:
    for name, value in limit.items():
        if not value > 0:
            raise ValueError(f"clipping: got {name}={value}, expected a positive number")

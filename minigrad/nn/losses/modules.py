"""The losses as modules, with the arguments of PyTorch's modules of these names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from minigrad.nn.losses.classification import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    kl_div,
    multi_margin_loss,
    multilabel_margin_loss,
    multilabel_soft_margin_loss,
    nll_loss,
    soft_margin_loss,
)
from minigrad.nn.losses.ctc import ctc_loss
from minigrad.nn.losses.ranking import (
    cosine_embedding_loss,
    hinge_embedding_loss,
    margin_ranking_loss,
    triplet_margin_loss,
)
from minigrad.nn.losses.regression import (
    gaussian_nll_loss,
    huber_loss,
    l1_loss,
    mse_loss,
    poisson_nll_loss,
    smooth_l1_loss,
)
from minigrad.nn.module import Module
from minigrad.primitives.primitive import Array

_REDUCTIONS = ("mean", "sum", "none")


class _Loss(Module):
    """A loss function with its settings.

    Arguments that change with the data (class weights) are buffers, so that they are saved.
    """

    function: ClassVar[Callable[..., Array]]
    reductions: ClassVar[tuple[str, ...]] = _REDUCTIONS

    def __init__(self, *, reduction: str = "mean") -> None:
        self._set(reduction)

    def _set(self, reduction: str, weights: dict[str, Any] | None = None, **settings: Any) -> None:
        if reduction not in self.reductions:
            raise ValueError(
                f"{type(self).__name__}: got reduction={reduction!r}, expected "
                f"{', '.join(map(repr, self.reductions))}"
            )
        self.reduction, self.settings = reduction, settings
        self._weights = tuple(weights or ())
        for name, weight in (weights or {}).items():
            self.register_buffer(name, weight)

    def forward(self, *arrays: Any, **more: Any) -> Array:
        """The loss of a prediction and a target, or what the function takes."""
        weights = {name: getattr(self, name) for name in self._weights}
        settings = {**self.settings, **weights, **more}
        return type(self).function(*arrays, reduction=self.reduction, **settings)

    def extra_repr(self) -> str:
        """The settings."""
        settings = {"reduction": self.reduction, **self.settings}
        return ", ".join(f"{name}={value!r}" for name, value in settings.items())


class MSELoss(_Loss):
    """Squared error: `mse_loss`.

    Example:
        >>> print(nn.MSELoss()(np.array([1.0, 2.0]), np.array([0.0, 4.0])))
        2.5
    """

    function = staticmethod(mse_loss)


class L1Loss(_Loss):
    """Absolute error: `l1_loss`.

    Example:
        >>> print(nn.L1Loss()(np.array([1.0, 2.0]), np.array([0.0, 4.0])))
        1.5
    """

    function = staticmethod(l1_loss)


class HuberLoss(_Loss):
    """Squares up to δ, absolute error beyond: `huber_loss`.

    Example:
        >>> print(nn.HuberLoss()(np.array([1.0, 2.0]), np.array([0.0, 4.0])))
        1.0
    """

    function = staticmethod(huber_loss)

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        self._set(reduction, delta=delta)


class SmoothL1Loss(_Loss):
    """`huber_loss` over β: `smooth_l1_loss`.

    Example:
        >>> print(nn.SmoothL1Loss()(np.array([1.0, 2.0]), np.array([0.0, 4.0])))
        1.0
    """

    function = staticmethod(smooth_l1_loss)

    def __init__(self, *, reduction: str = "mean", beta: float = 1.0) -> None:
        self._set(reduction, beta=beta)


class PoissonNLLLoss(_Loss):
    """−log of the probability of a count: `poisson_nll_loss`.

    Example:
        >>> print(nn.PoissonNLLLoss()(np.array([0.0]), np.array([3.0])))
        1.0
    """

    function = staticmethod(poisson_nll_loss)

    def __init__(
        self,
        log_input: bool = True,
        full: bool = False,
        *,
        eps: float = 1e-8,
        reduction: str = "mean",
    ) -> None:
        self._set(reduction, log_input=log_input, full=full, eps=eps)


class GaussianNLLLoss(_Loss):
    """−log of a normal density, of mean, target and variance: `gaussian_nll_loss`.

    Example:
        >>> print(nn.GaussianNLLLoss()(np.zeros(2), np.ones(2), np.ones(2)))
        0.5
    """

    function = staticmethod(gaussian_nll_loss)

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        self._set(reduction, full=full, eps=eps)


class CrossEntropyLoss(_Loss):
    """−log of the probability that softmax gives the right class: `cross_entropy`.

    Args:
        weight: (classes,), the weight of a target of each class.
        ignore_index: a target of this value adds nothing.
        reduction: see `cross_entropy`.
        label_smoothing: see `cross_entropy`.

    Shapes:
        logits (batch, classes) or (classes,), or (batch, classes, …): the classes come second, as
        in PyTorch, and not last as in the function. target without that axis, integers; or with
        it, probabilities.

    Example:
        >>> logits = np.array([[0.0, 0.0], [100.0, 0.0]])
        >>> print(nn.CrossEntropyLoss()(logits, np.array([0, 0])).round(4))
        0.3466
    """

    function = staticmethod(cross_entropy)

    def __init__(
        self,
        weight: Any = None,
        *,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        self._set(
            reduction, {"weight": weight}, ignore_index=ignore_index,
            label_smoothing=label_smoothing,
        )  # fmt: skip

    def forward(self, *arrays: Any) -> Array:
        """The loss of logits and a target."""
        return super().forward(*arrays, axis=min(1, arrays[0].ndim - 1))


class NLLLoss(_Loss):
    """−log of the right class's probability, from logarithms: `nll_loss`.

    Arguments and shapes as for `CrossEntropyLoss`.

    Example:
        >>> print(nn.NLLLoss()(np.log([[0.25, 0.75]]), np.array([0])).round(4))
        1.3863
    """

    function = staticmethod(nll_loss)

    def __init__(
        self, weight: Any = None, *, ignore_index: int = -100, reduction: str = "mean"
    ) -> None:
        self._set(reduction, {"weight": weight}, ignore_index=ignore_index)

    def forward(self, *arrays: Any) -> Array:
        """The loss of logarithms of probabilities and a target."""
        return super().forward(*arrays, axis=min(1, arrays[0].ndim - 1))


class BCELoss(_Loss):
    """−t log p − (1 − t) log(1 − p): `binary_cross_entropy`.

    Example:
        >>> print(nn.BCELoss()(np.array([0.5]), np.array([1.0])).round(4))
        0.6931
    """

    function = staticmethod(binary_cross_entropy)

    def __init__(self, weight: Any = None, *, reduction: str = "mean") -> None:
        self._set(reduction, {"weight": weight})


class BCEWithLogitsLoss(_Loss):
    """The same for logits: `binary_cross_entropy_with_logits`.

    Example:
        >>> print(nn.BCEWithLogitsLoss()(np.array([0.0]), np.array([1.0])).round(4))
        0.6931
    """

    function = staticmethod(binary_cross_entropy_with_logits)

    def __init__(
        self, weight: Any = None, *, reduction: str = "mean", pos_weight: Any = None
    ) -> None:
        self._set(reduction, {"weight": weight, "pos_weight": pos_weight})


class KLDivLoss(_Loss):
    """Kullback and Leibler's divergence, of logarithms of probabilities: `kl_div`.

    Example:
        >>> print(nn.KLDivLoss(reduction="batchmean")(np.log([[0.5, 0.5]]), np.array([[0.5, 0.5]])))
        0.0
    """

    function = staticmethod(kl_div)
    reductions = (*_REDUCTIONS, "batchmean")

    def __init__(self, *, reduction: str = "mean", log_target: bool = False) -> None:
        self._set(reduction, log_target=log_target)


class SoftMarginLoss(_Loss):
    """log(1 + e^(−t x)): `soft_margin_loss`.

    Example:
        >>> print(nn.SoftMarginLoss()(np.array([0.0]), np.array([1.0])).round(4))
        0.6931
    """

    function = staticmethod(soft_margin_loss)


class MultiLabelMarginLoss(_Loss):
    """Every right class should be ahead of every wrong one: `multilabel_margin_loss`.

    Example:
        >>> print(nn.MultiLabelMarginLoss()(np.array([[0.5, 0.0]]), np.array([[0, -1]])))
        0.25
    """

    function = staticmethod(multilabel_margin_loss)


class MultiLabelSoftMarginLoss(_Loss):
    """The mean over classes of the binary loss: `multilabel_soft_margin_loss`.

    Example:
        >>> print(nn.MultiLabelSoftMarginLoss()(np.zeros((1, 2)), np.eye(2)[:1]).round(4))
        0.6931
    """

    function = staticmethod(multilabel_soft_margin_loss)

    def __init__(self, weight: Any = None, *, reduction: str = "mean") -> None:
        self._set(reduction, {"weight": weight})


class MultiMarginLoss(_Loss):
    """The right class should be ahead of the others: `multi_margin_loss`.

    Example:
        >>> print(nn.MultiMarginLoss()(np.array([[0.5, 0.0]]), np.array([0])))
        0.25
    """

    function = staticmethod(multi_margin_loss)

    def __init__(
        self, p: int = 1, margin: float = 1.0, weight: Any = None, *, reduction: str = "mean"
    ) -> None:
        self._set(reduction, {"weight": weight}, p=p, margin=margin)


class MarginRankingLoss(_Loss):
    """The first of two should be larger, or the second: `margin_ranking_loss`.

    Example:
        >>> print(nn.MarginRankingLoss()(np.array([1.0]), np.array([3.0]), np.array([1.0])))
        2.0
    """

    function = staticmethod(margin_ranking_loss)

    def __init__(self, margin: float = 0.0, *, reduction: str = "mean") -> None:
        self._set(reduction, margin=margin)


class HingeEmbeddingLoss(_Loss):
    """Small distances for what is alike, large ones for the rest: `hinge_embedding_loss`.

    Example:
        >>> print(nn.HingeEmbeddingLoss()(np.array([0.2, 0.2]), np.array([1, -1])))
        0.5
    """

    function = staticmethod(hinge_embedding_loss)

    def __init__(self, margin: float = 1.0, *, reduction: str = "mean") -> None:
        self._set(reduction, margin=margin)


class CosineEmbeddingLoss(_Loss):
    """Vectors at a small angle, or at a large one: `cosine_embedding_loss`.

    Example:
        >>> x, y = np.array([[1.0, 0.0]]), np.array([[3.0, 4.0]])
        >>> print(nn.CosineEmbeddingLoss()(x, y, np.array([1])).round(4))
        0.4
    """

    function = staticmethod(cosine_embedding_loss)

    def __init__(self, margin: float = 0.0, *, reduction: str = "mean") -> None:
        self._set(reduction, margin=margin)


class TripletMarginLoss(_Loss):
    """An anchor nearer to the positive than to the negative: `triplet_margin_loss`.

    Example:
        >>> same, other = np.zeros((1, 2)), np.array([[0.3, 0.4]])
        >>> print(nn.TripletMarginLoss()(same, same, other).round(4))
        0.5
    """

    function = staticmethod(triplet_margin_loss)

    def __init__(
        self,
        margin: float = 1.0,
        p: float = 2.0,
        eps: float = 1e-6,
        swap: bool = False,
        *,
        reduction: str = "mean",
    ) -> None:
        self._set(reduction, margin=margin, p=p, eps=eps, swap=swap)


class CTCLoss(_Loss):
    """Labels that are not aligned with time: `ctc_loss`.

    Example:
        >>> print(nn.CTCLoss()(np.log(np.full((2, 1, 2), 0.5)), [[1]], [2], [1]).round(4))
        0.2877
    """

    function = staticmethod(ctc_loss)

    def __init__(
        self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False
    ) -> None:
        self._set(reduction, blank=blank, zero_infinity=zero_infinity)

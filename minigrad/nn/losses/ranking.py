"""Losses that compare: which of two is larger, and which vectors lie near each other."""

from __future__ import annotations

from minigrad.boundary import taking_arrays
from minigrad.nn.attention import cosine_similarity
from minigrad.nn.losses.reduction import Reduction, check_positive, check_shapes, reduced
from minigrad.primitives import absolute, minimum, norm, relu, sum, where
from minigrad.primitives.primitive import Array


@taking_arrays
def margin_ranking_loss(
    first: Array,
    second: Array,
    target: Array,
    reduction: Reduction = "mean",
    *,
    margin: float = 0.0,
) -> Array:
    """max(0, −t (x₁ − x₂) + margin): t = 1 where the first should be larger, −1 the second.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> print(nn.margin_ranking_loss(np.array([1.0]), np.array([3.0]), np.array([1.0])))
        2.0
    """
    check_shapes("margin_ranking_loss", first, second)
    check_shapes("margin_ranking_loss", first, target)
    return reduced(relu(-target * (first - second) + margin), reduction)


@taking_arrays
def hinge_embedding_loss(
    distance: Array, target: Array, reduction: Reduction = "mean", *, margin: float = 1.0
) -> Array:
    """``x`` where t = 1, max(0, margin − x) where t = −1: alike near, others apart.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> print(nn.hinge_embedding_loss(np.array([0.2, 0.2]), np.array([1, -1]), "none"))
        [0.2 0.8]
    """
    check_shapes("hinge_embedding_loss", distance, target)
    loss = where(target != -1, distance, 0) + where(target != 1, relu(margin - distance), 0)
    return reduced(loss, reduction)


@taking_arrays
def cosine_embedding_loss(
    first: Array,
    second: Array,
    target: Array,
    reduction: Reduction = "mean",
    *,
    margin: float = 0.0,
) -> Array:
    """1 − cos where t = 1, max(0, cos − margin) where t = −1, of vectors along the last axis.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> x, y = np.array([[1.0, 0.0]]), np.array([[3.0, 4.0]])
        >>> print(nn.cosine_embedding_loss(x, y, np.array([1])).round(4))
        0.4
    """
    name = "cosine_embedding_loss"
    check_shapes(name, first, second)
    if not first.ndim or target.shape != first.shape[:-1]:
        raise ValueError(
            f"{name}: got vectors {first.shape} and a target of shape {target.shape}, expected "
            f"{first.shape[:-1]}"
        )
    cosine = cosine_similarity(first, second)
    return reduced(where(target == 1, 1 - cosine, relu(cosine - margin)), reduction)


@taking_arrays
def pairwise_distance(first: Array, second: Array, p: float = 2.0, eps: float = 1e-6) -> Array:
    """‖x₁ − x₂ + eps‖ₚ along the last axis; eps keeps the gradient of 0 finite.

    Example:
        >>> print(nn.pairwise_distance(np.array([0.0, 0.0]), np.array([3.0, 4.0])).round(4))
        5.0
    """
    check_positive("pairwise_distance", p=p)
    difference = first - second + eps
    if p == 2:
        return norm(difference, axis=-1)
    if p == 1:
        return sum(absolute(difference), axis=-1)
    return sum(absolute(difference) ** p, axis=-1) ** (1 / p)


@taking_arrays
def triplet_margin_loss(
    anchor: Array,
    positive: Array,
    negative: Array,
    reduction: Reduction = "mean",
    *,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
) -> Array:
    """max(0, d(anchor, positive) − d(anchor, negative) + margin) (Schroff et al. 2015, eq. 1).

    Args:
        anchor: (…, width).
        positive: one like it.
        negative: one unlike it.
        reduction: see `mse_loss`.
        margin: by how much farther the negative should be.
        p: of the distance: see `pairwise_distance`.
        eps: of the distance: see `pairwise_distance`.
        swap: whether the distance of positive and negative counts where it is smaller than that of
            anchor and negative (Balntas et al. 2016, section 3.3).

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> a, p, n = np.zeros((1, 2)), np.zeros((1, 2)), np.array([[0.3, 0.4]])
        >>> print(nn.triplet_margin_loss(a, p, n).round(4))
        0.5
    """
    for other in (positive, negative):
        check_shapes("triplet_margin_loss", anchor, other)
    near = pairwise_distance(anchor, positive, p, eps)
    far = pairwise_distance(anchor, negative, p, eps)
    if swap:
        far = minimum(far, pairwise_distance(positive, negative, p, eps))
    return reduced(relu(near - far + margin), reduction)

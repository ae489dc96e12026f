"""Functions of ``torch.nn.functional`` and `minigrad.nn.functional`, called alike.

What follows the arrays is given by position, in PyTorch's order.
"""

from __future__ import annotations

import numpy as np

from tests.references.modules import Case, and_then, between, normal

_IMAGE = normal((2, 3, 6, 6))
_PAIR = normal((3, 4), (3, 4))
_CLASSES = np.array([2, 0, 3])
_SIGNS = np.array([1.0, -1.0, -1.0], np.float32)
_WEIGHTS = np.array([0.5, 2.0, 1.0, 1.5], np.float32)
_TWO = normal((3, 4))
_CHANNELS = normal((2, 3, 5), (3,), (3,))

CASES: dict[str, Case] = {
    "elu": Case("elu", (0.5,)),
    "gelu": Case("gelu", options={"approximate": "tanh"}),
    "glu": Case("glu", (1,)),
    "hardtanh": Case("hardtanh", (-0.3, 0.4)),
    "leaky_relu": Case("leaky_relu", (0.2,)),
    "prelu": Case("prelu", inputs=normal((2, 3, 4), (3,))),
    "softmax": Case("softmax", (0,)),
    "softmin": Case("softmin", (1,)),
    "softplus": Case("softplus", (2.0, 20.0)),
    "threshold": Case("threshold", (0.1, 7.0)),
    "linear": Case("linear", inputs=normal((2, 3), (4, 3), (4,))),
    "conv2d": Case("conv2d", (2, 1, 1, 3), inputs=normal((2, 3, 6, 6), (6, 1, 3, 3), (6,))),
    "conv_transpose2d": Case(
        "conv_transpose2d", (2, 1, 1), inputs=normal((2, 3, 4, 4), (3, 2, 3, 3), (2,))
    ),
    "embedding": Case(
        "embedding",
        inputs=lambda rng: (np.array([[1, 0], [2, 4]]), rng.normal(size=(5, 3)).astype(np.float32)),
    ),
    "pad": Case("pad", ((1, -1, 2, 0), "constant", 3.0), inputs=_IMAGE),
    "pad-reflect": Case("pad", ((1, 2), "reflect"), inputs=normal((2, 3, 5))),
    "normalize": Case("normalize", (3.0, 0), inputs=normal((3, 4))),
    "cosine_similarity": Case("cosine_similarity", (2, 1e-6), inputs=normal((1, 2, 3), (2, 1, 3))),
    "layer_norm": Case("layer_norm", ((3, 4),), inputs=normal((2, 3, 4))),
    "rms_norm": Case("rms_norm", ((4,),), {"eps": 1e-4}),
    "group_norm": Case("group_norm", (2,), inputs=normal((2, 4, 5))),
    "instance_norm": Case("instance_norm", inputs=normal((2, 3, 5))),
    "batch_norm": Case(
        "batch_norm", (None, None, None, None, True, 0.1, 1e-3), inputs=normal((6, 3))
    ),
    "max_pool2d": Case("max_pool2d", (3, 2, 1, 1, True), inputs=_IMAGE),
    "avg_pool2d": Case("avg_pool2d", (3, 2, 1, True, False), inputs=_IMAGE),
    "lp_pool2d": Case("lp_pool2d", (2, 3, 2), inputs=_IMAGE),
    "adaptive_max_pool2d": Case("adaptive_max_pool2d", ((2, 4),), inputs=_IMAGE),
    "local_response_norm": Case("local_response_norm", (2, 0.01, 0.5, 2.0), inputs=_IMAGE),
    "interpolate": Case("interpolate", (None, 1.5, "bilinear", False), inputs=_IMAGE),
    "pixel_shuffle": Case("pixel_shuffle", (2,), inputs=normal((1, 8, 2, 3))),
    "attention": Case(
        "scaled_dot_product_attention",
        (None, 0.0, True),
        {"scale": 0.3},
        inputs=normal((2, 3, 4), (2, 5, 4), (2, 5, 6)),
    ),
    "cross_entropy": Case(
        "cross_entropy", inputs=and_then(normal((3, 4, 2)), [[2, 0], [1, 1], [3, 0]])
    ),
    "cross_entropy-weighted": Case(
        "cross_entropy", (_WEIGHTS, None, 0, None, "sum", 0.1), inputs=and_then(_TWO, _CLASSES)
    ),
    "nll_loss": Case("nll_loss", (_WEIGHTS, None, 0), inputs=and_then(_TWO, _CLASSES)),
    "bce": Case("binary_cross_entropy", (_WEIGHTS,), inputs=between(0.1, 0.9, (3, 4), (3, 4))),
    "bce_logits": Case(
        "binary_cross_entropy_with_logits", (None, None, None, "sum", _WEIGHTS), inputs=_PAIR
    ),
    "mse": Case("mse_loss", (None, None, "sum"), inputs=_PAIR),
    "huber": Case("huber_loss", ("sum", 0.5), inputs=_PAIR),
    "smooth_l1": Case("smooth_l1_loss", (None, None, "mean", 0.5), inputs=_PAIR),
    "kl_div": Case("kl_div", (None, None, "batchmean", True), inputs=_PAIR),
    "poisson": Case("poisson_nll_loss", (False, False), inputs=between(0.1, 3.0, (3, 4), (3, 4))),
    "gaussian": Case(
        "gaussian_nll_loss", (True, 0.3), inputs=between(0.1, 0.9, (3, 4), (3, 4), (3, 4))
    ),
    "margin_ranking": Case(
        "margin_ranking_loss", (0.3,), inputs=and_then(normal((3,), (3,)), _SIGNS), constants=(2,)
    ),
    "hinge": Case(
        "hinge_embedding_loss", (0.5,), inputs=and_then(normal((3,)), _SIGNS), constants=(1,)
    ),
    "cosine": Case("cosine_embedding_loss", (0.1,), inputs=and_then(_PAIR, _SIGNS), constants=(2,)),
    "triplet": Case(
        "triplet_margin_loss", (0.5, 1.0, 1e-3, True), inputs=normal((3, 4), (3, 4), (3, 4))
    ),
    "multi_margin": Case("multi_margin_loss", (2, 0.5, _WEIGHTS), inputs=and_then(_TWO, _CLASSES)),
}

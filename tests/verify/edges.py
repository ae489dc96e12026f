"""Inputs at the edges of each primitive's domain and on its kinks, and the right gradients there.

Each entry: the operands, the gradient by each for a cotangent of 1, 2, 3, … in order (``None`` for
one that has none), and the keywords if there are any.
"""

from __future__ import annotations

import numpy as np

TINY = 5e-324  # the smallest subnormal number
HUGE = 1e4

EDGES = {
    # kinks: the convention that the primitive states in `nonsmooth`
    "absolute": [((0.0,), (0.0,)), ((-HUGE,), (-1.0,)), ((TINY,), (1.0,)),
                 ((3 + 4j,), (0.6 - 0.8j,)), ((0j,), (0j,))],
    "sign": [((0.0,), (0.0,)), ((HUGE,), (0.0,))],
    "relu": [((0.0,), (0.0,)), ((HUGE,), (1.0,)), ((-HUGE,), (0.0,)), ((TINY,), (1.0,))],
    "maximum": [((2.0, 2.0), (0.5, 0.5)), ((HUGE, -HUGE), (1.0, 0.0))],
    "minimum": [((2.0, 2.0), (0.5, 0.5)), ((HUGE, -HUGE), (0.0, 1.0))],
    "max": [(([5.0, 5.0, 0.0],), ([0.5, 0.5, 0.0],)), (([HUGE, -HUGE],), ([1.0, 0.0],))],
    "min": [(([5.0, 0.0, 0.0],), ([0.0, 0.5, 0.5],)), (([HUGE, -HUGE],), ([0.0, 1.0],))],
    "norm": [(([0.0, 0.0],), ([0.0, 0.0],)), (([HUGE, 0.0],), ([1.0, 0.0],))],
    "max_pool": [(([5.0, 5.0, 0.0, 1.0],), ([0.5, 0.5, 0.0, 2.0],),
                  {"size": (2,), "stride": (2,)})],
    "quotient": [((3.0, 2.0), (0.5, -0.75)), ((TINY, 1.0), (1.0, -TINY))],
    "floor": [((2.0,), (0.0,)), ((2.5,), (0.0,))],
    "ceil": [((2.0,), (0.0,)), ((2.5,), (0.0,))],
    "trunc": [((2.0,), (0.0,)), ((-2.5,), (0.0,))],
    "rint": [((2.5,), (0.0,)), ((2.4,), (0.0,))],
    "floor_divide": [((6.0, 2.0), (0.0, 0.0)), ((-5.0, 2.0), (0.0, 0.0))],
    "remainder": [((6.0, 2.0), (1.0, -3.0)), ((-5.0, 2.0), (1.0, 3.0)), ((5.0, -2.0), (1.0, 3.0))],
    "hypot": [((0.0, 0.0), (0.0, 0.0)), ((HUGE, 0.0), (1.0, 0.0)), ((3e200, 4e200), (0.6, 0.8))],
    "arctan2": [((0.0, 0.0), (0.0, 0.0)), ((0.0, -2.0), (-0.5, 0.0)), ((HUGE, 0.0), (0.0, -1e-4))],
    "copysign": [((0.0, -2.0), (0.0, 0.0)), ((3.0, -2.0), (-1.0, 0.0)), ((-3.0, -2.0), (1.0, 0.0))],
    "p_norm": [
        (([0.0, 0.0],), ([0.0, 0.0],), {"p": 3}),
        (([3.0, 0.0],), ([1.0, 0.0],), {"p": 3}),
        (([4.0, 0.0],), ([1.0, 0.0],), {"p": 1.5}),
    ],
    "logaddexp": [((-np.inf, -np.inf), (0.0, 0.0)), ((HUGE, HUGE), (0.5, 0.5)),
                  ((-np.inf, 2.0), (0.0, 1.0))],
    "logaddexp2": [((-np.inf, -np.inf), (0.0, 0.0)), ((HUGE, HUGE), (0.5, 0.5)),
                   ((-np.inf, 2.0), (0.0, 1.0))],
    "ive": [((0, 0.0), (None, 0.0)), ((1, 0.0), (None, 0.5))],
    "xlogy": [((0.0, 2.0), (np.log(2.0), 0.0)), ((2.0, HUGE), (np.log(HUGE), 2e-4))],
    "xlog1py": [((0.0, 1.0), (np.log(2.0), 0.0)), ((2.0, 0.0), (0.0, 2.0))],
    "log_ndtr": [((HUGE,), (0.0,))],
    "erfc": [((HUGE,), (0.0,)), ((0.0,), (-2 / np.sqrt(np.pi),))],
    # more queries than a block has: each block adds to the keys' cotangents
    "flash_attention": [
        ((np.ones((1, 65, 1)), np.zeros((1, 2, 1)), [[[1.0], [3.0]]]),
         (np.zeros((1, 65, 1)), [[[-536.25], [536.25]]], [[[1072.5], [1072.5]]]),
         {"scale": 0.5, "mask": np.ones((65, 2), bool)}),
        (([[[1.0]]], [[[HUGE], [HUGE]]], [[[1.0], [3.0]]]),  # scores that exp cannot take
         ([[[0.0]]], [[[-0.5], [0.5]]], [[[0.5], [0.5]]]), {"scale": 1.0}),
    ],
    # a singular matrix: it has no inverse, but cofactors
    "det": [(([[[1.0, 2.0], [2.0, 4.0]], [[1.0, 1.0], [1.0, 1.0]]],),
             ([[[4.0, -2.0], [-2.0, 1.0]], [[2.0, -2.0], [-2.0, 2.0]]],))],
    # large and small numbers
    "power": [
        ((0.0, 3.0), (0.0, 0.0)), ((0.0, 0.0), (0.0, 0.0)), ((0.0, 1.0), (1.0, 0.0)),
        ((HUGE, 2.0), (2e4, 1e8 * np.log(HUGE))), ((TINY, 0.0), (0.0, np.log(TINY))),
        ((TINY, 1.0), (1.0, TINY * np.log(TINY))),
    ],
    "square": [((HUGE,), (2e4,)), ((0.0,), (0.0,))],
    "sqrt": [((HUGE,), (0.005,)), ((TINY,), (0.5 / np.sqrt(TINY),))],
    "divide": [((0.0, HUGE), (1e-4, 0.0)), ((TINY, 1.0), (1.0, -TINY))],
    "reciprocal": [((-HUGE,), (-1e-8,))],
    "log": [((HUGE,), (1e-4,))],
    "log1p": [((0.0,), (1.0,)), ((HUGE,), (1 / 10001,)), ((TINY,), (1.0,))],
    "exp": [((-HUGE,), (0.0,)), ((0.0,), (1.0,))],
    "expm1": [((-HUGE,), (0.0,)), ((0.0,), (1.0,))],
    "tanh": [((HUGE,), (0.0,)), ((-HUGE,), (0.0,)), ((TINY,), (1.0,))],
    "sigmoid": [((HUGE,), (0.0,)), ((-HUGE,), (0.0,)), ((0.0,), (0.25,)),
                ((-700.0,), (np.exp(-700.0),)), ((700.0,), (np.exp(-700.0),))],
    "softplus": [((HUGE,), (1.0,)), ((-HUGE,), (0.0,)), ((0.0,), (0.5,))],
    "erf": [((HUGE,), (0.0,)), ((0.0,), (2 / np.sqrt(np.pi),))],
    "arctan": [((HUGE,), (1 / (1 + 1e8),)), ((0.0,), (1.0,))],
    "arcsinh": [((HUGE,), (1 / np.sqrt(1 + 1e8),)), ((0.0,), (1.0,))],
    "arctanh": [((0.0,), (1.0,))],
    "softmax": [(([HUGE, HUGE, -HUGE],), ([-0.25, 0.25, 0.0],))],
    "log_softmax": [(([HUGE, -HUGE],), ([-2.0, 2.0],))],
    "logsumexp": [(([HUGE, HUGE],), ([0.5, 0.5],)), (([-HUGE, -HUGE],), ([0.5, 0.5],))],
}  # fmt: skip

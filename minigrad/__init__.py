"""minigrad: write a cell's equations once; run, differentiate, prove, derive and draw them.

The parts load when they are used: ``minigrad.nn``, ``minigrad.optim``, ``minigrad.verify``,
``minigrad.symbolic``, ``minigrad.graph``, ``minigrad.datasets``.
"""

from minigrad import primitives, tape, tensor, tree
from minigrad.autograd import (
    checkpoint,
    enable_grad,
    grad,
    gradients,
    hessian,
    hvp,
    jacobian,
    jvp,
    no_grad,
    value_and_grad,
    vjp,
)
from minigrad.primitives import *  # noqa: F403 (NumPy's names, on arrays of any world)
from minigrad.tensor import Parameter, Tensor

__version__ = "0.1.0"

__all__ = [
    "tape",
    "tensor",
    "tree",
    "Parameter",
    "Tensor",
    "checkpoint",
    "enable_grad",
    "grad",
    "gradients",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "no_grad",
    "value_and_grad",
    "vjp",
    *primitives.__all__,
]

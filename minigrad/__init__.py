"""minigrad: write a cell's equations once; run, differentiate, prove, derive and draw them.

The parts load when they are used: ``minigrad.nn``, ``minigrad.optim``, ``minigrad.verify``,
``minigrad.symbolic``, ``minigrad.graph``, ``minigrad.compile``, ``minigrad.datasets``.

All examples in docstrings take these imports for granted:

>>> import numpy as np
>>> import minigrad as mg
>>> from minigrad import nn
"""

from typing import Any

from minigrad import autograd, hooks, memory, primitives, tape, tensor, tree
from minigrad.autograd import *  # noqa: F403 (grad and its relatives)
from minigrad.primitives import *  # noqa: F403 (NumPy's names, on arrays of any world)
from minigrad.tape import unfused
from minigrad.tensor import Parameter, Tensor

__version__ = "0.1.0"

memory.keep()


def _fuse(*arguments: Any) -> Any:
    from minigrad.compile.cells import fuse  # when a layer first runs: it brings SymPy

    return fuse(*arguments)


hooks.set_fuser(_fuse)

__all__ = ["Parameter", "Tensor", "tape", "tensor", "tree", "unfused"]
__all__ += autograd.__all__
__all__ += primitives.__all__

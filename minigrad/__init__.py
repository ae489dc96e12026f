"""minigrad: write a cell's equations once; run, differentiate, prove, derive and draw them.

The parts load when they are used: ``minigrad.nn``, ``minigrad.optim``, ``minigrad.verify``,
``minigrad.symbolic``, ``minigrad.graph``, ``minigrad.compile``, ``minigrad.onnx``,
``minigrad.datasets``, ``minigrad.stats``.

All examples in docstrings take these imports for granted:

>>> import numpy as np
>>> import minigrad as mg
>>> from minigrad import nn
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from minigrad import (
    autograd,
    buffer,
    hooks,
    jacobians,
    makers,
    memory,
    primitives,
    scope,
    tape,
    tensor,
    tree,
)
from minigrad.autograd import *  # noqa: F403 (grad and its relatives)
from minigrad.buffer import Buffer
from minigrad.checkpointing import checkpoint
from minigrad.elsewhere import FUNCTIONS, advice
from minigrad.jacobians import *  # noqa: F403 (derivatives as arrays)
from minigrad.makers import array, empty, full, ones, zeros
from minigrad.primitives import *  # noqa: F403 (NumPy's names, on arrays of any world)
from minigrad.scope import enable_grad, no_grad, step, unfused
from minigrad.tensor import Parameter, Tensor

__version__ = "0.1.0"

memory.keep()


def _fuse(*arguments: Any) -> Any:
    from minigrad.compile.cells import fuse  # when a layer first runs: it brings SymPy

    return fuse(*arguments)


def _export(*arguments: Any, **options: Any) -> Any:
    from minigrad.onnx import export  # when a model is exported: it brings the compiler

    return export(*arguments, **options)


def _draw(shown: Any) -> str:
    from minigrad.graph import notebook_svg  # when a notebook shows a layer or a Tensor

    return notebook_svg(shown)


hooks.set_fuser(_fuse)
hooks.set_exporter(_export)
hooks.set_drawer(_draw)


def jit(
    function: Callable[..., Any] | None = None,
    *,
    static_argnums: int | Sequence[int] = (),
    static_argnames: str | Sequence[str] = (),
) -> Any:
    """Compile a function: it runs once to be written down, and from then on as a program.

    There is one program for each signature: shapes, types and nesting of the arguments, and the
    values of static ones. Arrays, Tensors and Python's numbers are what may change from call to
    call; strings, booleans, ``None`` and functions are static by themselves. What the function
    sees beside its arguments counts as it is at each call: the parameters of modules, also those
    of an optimiser, which a compiled training step moves in place; generators of random numbers;
    arrays and numbers in closures and globals.

    Args:
        function: takes and returns nested arrays, Tensors and numbers; may also take modules.
        static_argnums: positions of arguments that belong to the signature: sizes, axes, numbers
            of steps.
        static_argnames: the same by name.

    Returns:
        A function of the same arguments. Its results are recorded where those of ``function``
        would be, so that all derivatives of it can be taken.

    Raises:
        TraceError: when it is called, if the function does what cannot be written down: branch
            on a value, ask for a value with ``float()`` or ``.item()``, print, draw numbers from
            a generator that is made on the way, change what it closes over.

    Example:
        >>> @mg.jit
        ... def loss(w, x):
        ...     return (np.tanh(x @ w) ** 2).sum()
        >>> w, x = np.full((2, 1), 0.5), np.ones((3, 2))
        >>> print(loss(w, x).round(4))
        1.7401
        >>> print(mg.grad(loss)(w, x).round(4).ravel())
        [1.9191 1.9191]
    """
    from minigrad.compile.compiled import compiled  # when it is first used

    return compiled(function, static_argnums, static_argnames)


if not TYPE_CHECKING:  # else every misspelt name would have a type

    def __getattr__(name: str) -> Any:
        """A part of the library, when it is first used; importing minigrad loads none."""
        if name == "nn":
            import minigrad.nn as part
        elif name == "optim":
            import minigrad.optim as part
        elif name == "verify":
            import minigrad.verify as part
        elif name == "symbolic":
            import minigrad.symbolic as part
        elif name == "graph":
            import minigrad.graph as part
        elif name == "compile":
            import minigrad.compile as part
        elif name == "onnx":
            import minigrad.onnx as part
        elif name == "datasets":
            import minigrad.datasets as part
        elif name == "stats":
            import minigrad.stats as part
        else:
            raise AttributeError(
                f"module 'minigrad' has no attribute {name!r}{advice(FUNCTIONS, name)}"
            )
        return part


__all__ = [
    "Buffer",
    "Parameter",
    "Tensor",
    "array",
    "buffer",
    "checkpoint",
    "empty",
    "enable_grad",
    "full",
    "jit",
    "makers",
    "no_grad",
    "ones",
    "scope",
    "step",
    "tape",
    "tensor",
    "tree",
    "unfused",
    "zeros",
]
__all__ += autograd.__all__ + jacobians.__all__
__all__ += primitives.__all__

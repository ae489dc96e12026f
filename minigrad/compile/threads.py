"""One thread for products that are too small to share.

A product on two threads ends when both are done. Where another process has the second processor,
each product waits until that is given back: a step of many small products then takes ten times as
long as on one thread, which without company is nearly as fast. So a program whose products are all
small runs on one thread; whatever the BLAS was set to is put back afterwards.
"""

from __future__ import annotations

import threading
from functools import cache
from math import prod
from typing import Any

from minigrad.compile.program import Program, Statement

_SHARED = 2**18  # multiplications, up to which OpenBLAS takes one thread by itself
_SMALL = 2**23  # and up to which two threads win little


def wants_one_thread(program: Program) -> bool:
    """Whether all products are small, and some are such that the BLAS would share them."""
    if any(s.operation.kind == "other" and len(s.outputs) > 1 for s in program.statements):
        return False  # a cell's kernel, which has products of its own
    sizes = [_multiplications(s) for s in program.statements if s.operation.name == "matmul"]
    return _SHARED < max(sizes, default=0) <= _SMALL


def _multiplications(s: Statement) -> int:
    """Of one product; of several matrices each is one, unless they share the right operand."""
    a, b = s.operands
    rows = prod(a.shape[:-1]) if len(b.shape) <= 2 else prod(a.shape[-2:-1])
    return rows * a.shape[-1] * (b.shape[-1] if len(b.shape) > 1 else 1)


@cache
def _libraries() -> list[Any]:
    """The BLAS libraries of this process; none if threadpoolctl is not installed."""
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return []
    return [lib for lib in ThreadpoolController().lib_controllers if lib.user_api == "blas"]


class OneThread:
    """Context manager: products run on one thread; several Python threads may be inside at once.

    Example:
        >>> from minigrad.compile.threads import ONE_THREAD
        >>> with ONE_THREAD:
        ...     product = np.ones((2, 2)) @ np.ones((2, 2))
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before: list[tuple[Any, int]] = []

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._before = [(lib, lib.get_num_threads()) for lib in _libraries()]
                for lib, _ in self._before:
                    lib.set_num_threads(1)
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                for lib, count in self._before:
                    lib.set_num_threads(count)


ONE_THREAD = OneThread()

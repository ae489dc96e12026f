"""A limit of time for work whose end nobody knows beforehand: proofs, searches, large fields.

It is the processor's time in this thread, so that a busy machine does not change a verdict.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class OutOfBudgetError(Exception):
    """The time that was allowed is over, or what comes next would take longer."""


_PER_SECOND = 1_000_000  # scalar operations that a second is enough for, about
_deadline: ContextVar[float] = ContextVar("minigrad.deadline", default=float("inf"))


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Inside, `check` and `foresee` raise once this many seconds have passed.

    Raises:
        OutOfBudgetError: from the work inside.
    """
    token = _deadline.set(min(_deadline.get(), time.thread_time() + seconds))
    try:
        yield
    finally:
        _deadline.reset(token)


def check() -> None:
    """Raise if the time is over."""
    if time.thread_time() > _deadline.get():
        raise OutOfBudgetError("the time allowed is over")


def foresee(operations: float) -> None:
    """Raise if this many scalar operations would take longer than the time that is left."""
    if operations > 1000 and time.thread_time() + operations / _PER_SECOND > _deadline.get():
        raise OutOfBudgetError(f"{operations:.0e} operations take longer than the time allowed")

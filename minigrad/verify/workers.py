"""Work spread over processes, all of which end when the work does, however it ends."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import TypeVar

T = TypeVar("T")


class WorkerError(RuntimeError):
    """A process died in the midst of its work; the message is one line.

    Example:
        >>> from minigrad.verify import WorkerError
        >>> issubclass(WorkerError, RuntimeError)
        True
    """


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def spread(
    work: Callable[[str], T],
    names: Sequence[str],
    jobs: int,
    progress: Callable[[Sequence[int]], None] = lambda left: None,
) -> list[T]:
    """``[work(name) for name in names]``, by as many processes as ``jobs`` says.

    Args:
        work: a function that pickles, and whose results and errors do.
        names: what it is called with; errors name them.
        jobs: how many processes there are at most.
        progress: called with the positions in ``names`` that are not done yet.

    Raises:
        WorkerError: a process died.
        Exception: what ``work`` raised; the rest is given up.
    """
    context = get_context("spawn")  # a fork would copy locks that other threads hold
    watched, held = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(
        min(jobs, len(names)), mp_context=context, initializer=_begin, initargs=(watched,)
    )
    left = dict.fromkeys(range(len(names)))
    try:
        with _interrupts_held_back():
            futures: dict[Future[T], int] = {
                pool.submit(work, name): k for k, name in enumerate(names)
            }
        progress([*left])
        for future in as_completed(futures):
            future.result()
            del left[futures[future]]
            progress([*left])
        pool.shutdown()
    except BrokenProcessPool as error:  # work starts in order, so it died at one of the first
        suspects = " or ".join([names[k] for k in left][:jobs])
        raise WorkerError(f"a process died at {suspects}: killed, or out of memory?") from error
    finally:
        held.close()
        pool.shutdown(cancel_futures=True)
        watched.close()
    return [future.result() for future in futures]


def _begin(watched: Connection) -> None:
    """End this process once the other end of the pipe is closed, be it by that process's end."""

    def watch() -> None:
        watched.poll(None)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Processes started here never see Ctrl-C, this one a little later: it ends them itself."""
    if not hasattr(signal, "pthread_sigmask"):  # not on Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

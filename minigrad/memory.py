"""Memory that stays with the process for the next step, instead of going back to the system."""

from __future__ import annotations

import ctypes
import os

SWITCH = "MINIGRAD_KEEP_MEMORY"
"""The environment variable that, set to 0, leaves the allocator as it is."""

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # numbers of glibc's mallopt(3)
_IDLE, _LARGEST = 256 * 2**20, 32 * 2**20  # the second is the most that glibc takes


def keep() -> bool:
    """Ask the allocator to keep freed memory; return whether it can.

    A training step frees large arrays and asks for the same ones again. By default Linux's C
    library gives their pages back in between, and the system clears each page anew when it is
    first touched, which also stops the other threads: a third of a step's time. After this call
    arrays of up to 32 MiB come from memory that stays, and up to 256 MiB of it may be idle. The
    allocator's own variables (``MALLOC_TRIM_THRESHOLD_``, ``MALLOC_MMAP_THRESHOLD_``,
    ``GLIBC_TUNABLES``) take precedence.
    """
    if os.environ.get(SWITCH) == "0" or not os.environ.keys().isdisjoint(
        ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")
    ):
        return False
    try:
        library = ctypes.CDLL(None)
        library.gnu_get_libc_version  # noqa: B018 (musl has a mallopt too, which does nothing)
        mallopt = library.mallopt
    except (AttributeError, OSError, TypeError):  # another system, or another C library
        return False
    return bool(mallopt(_TRIM_THRESHOLD, _IDLE)) and bool(mallopt(_MMAP_THRESHOLD, _LARGEST))

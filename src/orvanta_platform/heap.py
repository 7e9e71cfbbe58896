"""Garbage collector and allocator settings of long-running processes."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_YOUNG_THRESHOLD = 20_000
"""Number of new objects before a collection of the young generation. Cycles are rare here, and a few MB of them do no
harm.
"""

_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD = -3, -1
_LARGE_BLOCK = 1 << 20
"""Size in bytes from which a block is mapped separately, so that it returns to the system as soon as it is freed."""


@contextmanager
def loading() -> Iterator[None]:
    """Import modules in this block: it suspends garbage collection, and excludes what they define from it afterwards.

    Modules, classes and functions are not garbage. Going through them took a sixth of the CPU time of the imports.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def settle() -> None:
    """Exclude the objects of the start from garbage collection, and return large blocks to the system when they are
    freed.

    Collecting the initial objects took 8 % of the time of a busy server and 2 % of a worker's. Without the thresholds,
    the C library would adapt to large blocks and retain memory for them in the arena of each thread.
    """
    with suppress(AttributeError, OSError):  # a C library without mallopt
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, _LARGE_BLOCK)
        libc.mallopt(_M_TRIM_THRESHOLD, 2 * _LARGE_BLOCK)
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_THRESHOLD, 20, 50)

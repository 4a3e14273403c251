"""Memory of the C library: one heap for all threads, and what models let go of is given back to the system.

glibc gives threads heaps of their own and keeps freed memory in pieces of many sizes. A process that has
once heard something long stays as large as it was then, and goes on growing for hours: listen from 216 to
373 MB in half an hour of `tests.bench.soak`; speak by 13 MB within 500 clauses, with one heap by 4. Both do
nothing where the C library has neither function.
"""

from __future__ import annotations

import contextlib
import ctypes

_M_ARENA_MAX = -8  # of glibc's malloc.h


def use_one_heap() -> None:
    """For threads that begin after this."""
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


def give_back() -> None:
    """Takes some milliseconds."""
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)

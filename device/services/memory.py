"""Memory that models let go of is given back to the system between conversations.

The C library keeps freed memory in pieces of many sizes, so a process that has once heard something long
stays as large as it was then, and goes on growing for hours: listen from 216 to 373 MB in half an hour of
`tests.bench.soak`.
"""

from __future__ import annotations

import contextlib
import ctypes


def give_back() -> None:
    """Takes some milliseconds; does nothing where the C library has no malloc_trim."""
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)

"""Linux futex wait and wake on a 32-bit word in shared memory, and the memory fence that ARM needs.

The word may live in a read-only mapping for waiters (futex(2)). Raises OSError where the kernel refuses.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
from collections.abc import Callable

_FUTEX_WAIT, _FUTEX_WAKE, _ALL = 0, 1, 2**31 - 1
_SYSCALL = {"x86_64": 202, "aarch64": 98}.get(platform.machine(), 0)
_SEQ_CST = 5

_libc = ctypes.CDLL(None, use_errno=True)


class _Timespec(ctypes.Structure):
    _fields_ = (("tv_sec", ctypes.c_long), ("tv_nsec", ctypes.c_long))


def wait(address: int, expected: int, timeout_s: float) -> None:
    """Sleeps while the word at `address` equals `expected`, at most `timeout_s`; may wake early."""
    seconds = int(timeout_s)
    timeout = _Timespec(seconds, int((timeout_s - seconds) * 1e9))
    result = _libc.syscall(
        _SYSCALL,
        ctypes.c_void_p(address),
        _FUTEX_WAIT,
        ctypes.c_uint32(expected),
        ctypes.byref(timeout),
        None,
        0,
    )
    if result < 0 and (code := ctypes.get_errno()) not in (errno.EAGAIN, errno.EINTR, errno.ETIMEDOUT):
        raise OSError(code, f"futex wait: {os.strerror(code)}")


def wake(address: int) -> None:
    """Wakes everyone who sleeps on the word at `address`."""
    _libc.syscall(_SYSCALL, ctypes.c_void_p(address), _FUTEX_WAKE, _ALL, None, None, 0)


def _no_fence() -> None:
    """x86-64 keeps stores in order and loads in order, which is all that the ring asks for."""


def _make_fence() -> Callable[[], None]:
    if platform.machine() == "x86_64":
        return _no_fence
    fence = ctypes.CDLL("libatomic.so.1").atomic_thread_fence
    return lambda: fence(_SEQ_CST)


fence = _make_fence()

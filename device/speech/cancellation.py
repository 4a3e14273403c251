"""A wish to stop that any thread can voice and that reaches into a running model."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Cancelled(Exception):  # noqa: N818 - not an error: somebody asked for it
    """The work was given up because nobody wants it any more."""


class Cancellation:
    """Set once; whoever works looks at it between pieces, or is called back at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requested = False
        self._callbacks: list[Callable[[], None]] = []

    @property
    def requested(self) -> bool:
        """Whether the work shall stop."""
        return self._requested

    def request(self) -> None:
        """Asks for the work to stop; further calls change nothing."""
        with self._lock:
            callbacks = [] if self._requested else self._callbacks
            self._requested = True
        for callback in callbacks:
            callback()

    def on_request(self, callback: Callable[[], None]) -> None:
        """Calls `callback` from the requesting thread, or now when it is too late for that."""
        with self._lock:
            if not self._requested:
                self._callbacks.append(callback)
                return
        callback()

"""Keeps the streams of a sound card open, in a thread of its own because PortAudio may block for seconds.

Opens, watches, closes, and opens again with backoff. When only one of microphone and loudspeaker is there it
works alone; the other is looked for when the kernel's sound devices change, and now and then, but never
while something is being played, since a look interrupts it.
"""

from __future__ import annotations

import collections
import threading
import time
from collections.abc import Callable
from pathlib import Path

from device.audio.streams import Streams
from device.faults import Fault
from device.settings import Audio

_BACKOFF_S, _LONGEST_BACKOFF_S = 0.25, 4.0
_LOOK_S = 30.0
_WATCH_S = 0.25
_HANGS_S = 20.0
_STOP_S = 1.0
_KERNEL_DEVICES = Path("/dev/snd")


class Keeper:
    """`streams` is what is open now. PortAudio's threads call `bell`; `busy`: sound is playing."""

    def __init__(self, settings: Audio, bell: Callable[[], None], busy: Callable[[], bool]) -> None:
        self.streams: Streams | None = None
        self.faults: collections.deque[Fault] = collections.deque()
        self._settings, self._bell, self._busy = settings, bell, busy
        self._stop, self._reopen, self._settled = threading.Event(), threading.Event(), threading.Event()
        self._inside_since: float | None = None  # PortAudio has not returned since
        self._missing = 0  # devices that people were told are missing
        self._thread = threading.Thread(target=self._run, name="sound card", daemon=True)

    @property
    def hangs(self) -> bool:
        """Whether PortAudio has not returned for so long that only a new process helps."""
        since = self._inside_since
        return since is not None and time.monotonic() - since > _HANGS_S

    def start(self, timeout_s: float) -> None:
        """Begins; returns once the devices are open or could not be opened, or after `timeout_s`."""
        self._thread.start()
        self._settled.wait(timeout_s)

    def choose(self, settings: Audio) -> None:
        """Opens the devices that `settings` name."""
        self._settings = settings
        self._missing = 0
        self._reopen.set()

    def close(self) -> None:
        """Closes the streams; leaves a hanging PortAudio behind."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_S)

    def _run(self) -> None:
        backoff_s = _BACKOFF_S
        while not self._stop.is_set():
            self._reopen.clear()
            self._inside_since = time.monotonic()
            try:
                streams = Streams(self._settings, self._bell, self._stop.is_set)
            except Fault as fault:
                self._tell(2, [fault])
                backoff_s = min(2 * backoff_s, _LONGEST_BACKOFF_S)
            else:
                self._tell(len(streams.missing), list(streams.missing.values()))
                self._inside_since = None
                self.streams = streams
                self._settled.set()
                backoff_s = _BACKOFF_S
                self._watch(streams)
                self.streams = None
                self._inside_since = time.monotonic()
                streams.close()
            self._inside_since = None
            self._settled.set()
            if not self._reopen.is_set():
                self._stop.wait(backoff_s)

    def _watch(self, streams: Streams) -> None:
        """Returns when the streams have to be closed."""
        opened_s, devices = time.monotonic(), _kernel_devices()
        while not self._stop.wait(_WATCH_S) and not self._reopen.is_set():
            if not streams.healthy:
                hint = "plug it in again, or start the sound server; it is used again as soon as it is there"
                self._tell(2, [Fault(f"the sound device {streams.names} is gone", hint)])
                return
            look = time.monotonic() - opened_s > _LOOK_S or _kernel_devices() != devices
            if streams.missing and look and not self._busy():
                return

    def _tell(self, missing: int, faults: list[Fault]) -> None:
        """Passes on faults once: only when more is missing than people know."""
        if missing > self._missing:
            self.faults.extend(faults)
        self._missing = missing


def _kernel_devices() -> int:
    """Changes when a sound device is plugged in or out."""
    try:
        return _KERNEL_DEVICES.stat().st_mtime_ns
    except OSError:
        return 0

"""Writes every event of a run to a timeline: one JSON object a line, in the order the hub passed them on."""

from __future__ import annotations

import threading
from pathlib import Path

from device.bus.client import HubClient


class Recorder:
    """Records from `start` to `close` into `timeline`."""

    def __init__(self, socket_path: Path, timeline: Path) -> None:
        timeline.parent.mkdir(parents=True, exist_ok=True)
        self._file = timeline.open("wb")
        self._bus = HubClient(socket_path)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._record, name="recorder", daemon=True)

    def start(self) -> None:
        """Begins to record."""
        self._thread.start()

    def close(self) -> None:
        """Writes what has arrived and closes the file."""
        self._stop.set()
        self._thread.join(timeout=2)
        self._bus.close()
        self._file.close()

    def _record(self) -> None:
        while True:
            self._bus.wait(0.05)
            for data in self._bus.poll_raw():
                self._file.write(data + b"\n")
            self._file.flush()
            if self._stop.is_set():
                return

"""wake and listen as processes with a real hub: a test plays the microphone and the other daemons."""

from __future__ import annotations

import collections
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from device.bus.client import HubClient
from device.bus.paths import events_socket, microphone_ring, microphone_spec
from device.bus.ring import RingWriter
from device.events import (
    FRAME_MS,
    DaemonReady,
    Event,
    TurnCancelled,
    TurnCommitted,
    TurnStarted,
    WakeDetected,
)
from device.hearing import Samples
from device.settings import WakeWord
from tests.hearing import frames
from tests.recordings import ambience

_E = TypeVar("_E", bound=Event)
_REFRACTORY_FRAMES = WakeWord(model="").refractory_ms // FRAME_MS + 20


class Microphone:
    """Writes frames in real time: what was given to `play`, and the faint noise of a room between."""

    def __init__(self, runtime: Path) -> None:
        self._ring = RingWriter(microphone_ring(runtime), microphone_spec())
        self._waiting: collections.deque[tuple[Samples, int]] = collections.deque()
        self._room = list(frames(ambience(500)))
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def head(self) -> int:
        """Index of the next frame."""
        return self._ring.head

    def play(self, sound: Samples, tag: int = 0) -> int:
        """Plays `sound` when what was given before has ended; returns about the frame of its beginning."""
        begins = self._ring.head + len(self._waiting)
        self._waiting.extend((frame, tag) for frame in frames(sound))
        return begins

    @property
    def silent(self) -> bool:
        """Whether everything that was given to `play` has been played."""
        return not self._waiting

    def close(self) -> None:
        """Stops and removes the ring."""
        self._stopping.set()
        self._thread.join()
        self._ring.close(unlink=True)

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stopping.is_set():
            room = self._room[self._ring.head % len(self._room)]
            sound, tag = self._waiting.popleft() if self._waiting else (room, 0)
            self._ring.write(sound, tag=tag)
            due += FRAME_MS / 1000
            time.sleep(max(0.0, due - time.monotonic()))


class HearingRig:
    """Starts in `__enter__`; `settings` are environment variables such as `WREN_LISTEN__MAXIMUM_TURN_MS`."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.runtime, self.config = folder / "run", folder / "wren.toml"
        self._log = folder / "daemons.log"
        self._environment = {
            **os.environ,
            "WREN_CONFIG": str(self.config),
            "WREN_RUNTIME_DIR": str(self.runtime),
            **settings,
        }
        self.events: list[Event] = []
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> HearingRig:
        self.start("hub")
        self.bus = HubClient(events_socket(self.runtime), clock=lambda: self.microphone.head - 1)
        self.microphone = Microphone(self.runtime)
        for name in ("wake", "listen"):
            self.start(name)
        for name in ("wake", "listen"):
            self.await_ready(name)
        time.sleep(0.6)  # openWakeWord ignores the first 0.4 s
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name in ("wake", "listen", "hub"):
            self.processes[name].terminate()
        codes = {name: process.wait(5) for name, process in self.processes.items()}
        self.microphone.close()
        self.bus.close()
        assert error is not None or set(codes.values()) == {0}, (codes, self.log())

    def start(self, name: str) -> None:
        """Starts a daemon, or starts it again."""
        with self._log.open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", f"device.services.{name}"], env=self._environment, stderr=log
            )

    def kill(self, name: str) -> None:
        """SIGKILL."""
        self.processes[name].kill()
        self.processes[name].wait(5)

    def await_ready(self, name: str) -> None:
        """Returns when the running process of the daemon has said that it is ready."""
        pid = self.processes[name].pid
        self.until(lambda: any(event.pid == pid for event in self.all(DaemonReady)))

    def until(self, condition: Callable[[], bool], timeout_s: float = 15.0) -> None:
        """Collects events until `condition` holds."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, (self.events, self.log())
            self.gather(0.01)

    def gather(self, for_s: float) -> None:
        """Collects events for a while."""
        deadline = time.monotonic() + for_s
        while (left := deadline - time.monotonic()) > 0:
            self.bus.wait(left)
            self.events += self.bus.poll()

    def rest(self, at_most_s: float = 2.2) -> None:
        """Until nobody speaks, no turn is open and a wake word would be heard again."""
        deadline = time.monotonic() + at_most_s
        while not self._rests() and time.monotonic() < deadline:
            self.gather(0.02)

    def _rests(self) -> bool:
        woken = max((e.frame for e in self.all(WakeDetected)), default=-_REFRACTORY_FRAMES)
        begun = max((e.turn for e in self.all(TurnStarted)), default=0)
        ended = max((e.turn for e in (*self.all(TurnCommitted), *self.all(TurnCancelled))), default=0)
        awake = 0 <= self.microphone.head - woken < _REFRACTORY_FRAMES
        return self.microphone.silent and begun <= ended and not awake

    def all(self, kind: type[_E], turn: int | None = None) -> list[_E]:
        """Events of a kind in order, of one turn or all."""
        return [e for e in self.events if isinstance(e, kind) and turn in (None, e.turn)]

    def next(self, kind: type[_E]) -> _E:
        """Waits for the next event of a kind."""
        before = len(self.all(kind))
        self.until(lambda: len(self.all(kind)) > before)
        return self.all(kind)[before]

    def log(self) -> str:
        """What the daemons logged."""
        return self._log.read_text(encoding="utf-8")

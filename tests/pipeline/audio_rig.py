"""The audio daemon alone with a hub, as processes: a test plays the part of listen, speak and supervisor."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from device.bus.client import HubClient
from device.bus.paths import (
    CUE_FRAME,
    LAST_FRAME,
    events_socket,
    microphone_ring,
    speaker_ring,
    speaker_spec,
)
from device.bus.ring import Frame, RingReader, RingWriter
from device.events import DaemonReady, Event, ReplyAudio

VOICE_HZ = 22_050
VOICE_FRAME = VOICE_HZ // 50


class AudioRig:
    """Starts in `__enter__`. `settings` are environment variables such as `WREN_AUDIO__BACKEND`."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self.runtime = folder / "run"
        self._log = folder / "daemons.log"
        self._environment = os.environ | {
            "WREN_CONFIG": str(folder / "none.toml"),
            "WREN_RUNTIME_DIR": str(self.runtime),
            **settings,
        }
        self.events: list[Event] = []
        self.audio: subprocess.Popen[bytes] | None = None
        self._hub: subprocess.Popen[bytes] | None = None
        self._others: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> AudioRig:
        self._hub = self._start("hub")
        self.bus = HubClient(events_socket(self.runtime))
        self.wait_for(lambda event: isinstance(event, DaemonReady) and event.daemon == "hub")
        self.voice = RingWriter(speaker_ring(self.runtime), speaker_spec(VOICE_HZ))
        self.start_audio()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bus.close()
        for process in (self.audio, *self._others, self._hub):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait(timeout=5)

    def start_audio(self) -> None:
        """Until it is ready."""
        seen = len(self.events)
        self.audio = self._start("audio")
        process = self.audio
        self.wait_for(
            lambda event: isinstance(event, DaemonReady) and event.pid == process.pid,
            after=seen,
            timeout_s=20,
        )

    def start_daemon(self, name: str) -> None:
        """Starts one more, until it is ready."""
        process = self._start(name)
        self._others.append(process)
        self.wait_for(lambda event: isinstance(event, DaemonReady) and event.pid == process.pid, timeout_s=30)

    def kill_audio(self) -> None:
        """SIGKILL."""
        assert self.audio is not None
        self.audio.send_signal(signal.SIGKILL)
        self.audio.wait(timeout=5)

    def stop_audio(self) -> float:
        """SIGTERM; returns how many seconds it took. Raises AssertionError when the status is not 0."""
        assert self.audio is not None
        began = time.monotonic()
        self.audio.terminate()
        assert self.audio.wait(timeout=5) == 0, self._log.read_text()
        return time.monotonic() - began

    def wait_for(self, what: Callable[[Event], bool], *, after: int = 0, timeout_s: float = 10.0) -> Event:
        """The first event from number `after` on that `what` accepts."""
        deadline = time.monotonic() + timeout_s
        while True:
            for event in self.events[after:]:
                if what(event):
                    return event
            after = len(self.events)
            assert time.monotonic() < deadline, f"{self.events}\n{self._log.read_text()}"
            self.bus.wait(0.05)
            self.events += self.bus.poll()

    def of(self, kind: type[Event]) -> list[Event]:
        """All events of a kind that have arrived."""
        self.events += self.bus.poll()
        return [event for event in self.events if isinstance(event, kind)]

    def speak(
        self,
        samples: NDArray[np.int16],
        *,
        turn: int = 1,
        clause: int = 0,
        words: Sequence[str] = (),
        last: bool = True,
    ) -> int:
        """Announces a clause and writes it to the speaker ring, as speak does; its first ring sample."""
        ends = tuple(round((number + 1) * samples.size / len(words)) for number in range(len(words)))
        self.bus.send(
            ReplyAudio(
                turn=turn,
                clause=clause,
                text=" ".join(words),
                rate_hz=VOICE_HZ,
                words=tuple(words),
                word_ends=ends,
                last=last,
            )
        )
        return self._write(samples, turn, clause)

    def cue(self, samples: NDArray[np.int16], *, turn: int = 1, index: int = 0) -> int:
        """Writes a cue to the speaker ring."""
        return self._write(samples, turn, CUE_FRAME | index)

    def frames(self, first: int, count: int, timeout_s: float = 10.0) -> list[Frame]:
        """`count` microphone frames from `first` on."""
        reader = RingReader(microphone_ring(self.runtime))
        reader.seek(first)
        frames: list[Frame] = []
        deadline = time.monotonic() + timeout_s
        while len(frames) < count:
            assert time.monotonic() < deadline, f"{len(frames)} frames of {count}\n{self._log.read_text()}"
            if reader.wait(0.1) and (frame := reader.read()) is not None:
                frames.append(frame)
        reader.close()
        return frames

    @property
    def head(self) -> int:
        """The next microphone frame."""
        reader = RingReader(microphone_ring(self.runtime))
        head = reader.head
        reader.close()
        return head

    def log(self) -> str:
        """What the daemons wrote to standard error."""
        return self._log.read_text()

    def _write(self, samples: NDArray[np.int16], turn: int, tag: int) -> int:
        first = self.voice.head * VOICE_FRAME
        frames = -(-samples.size // VOICE_FRAME)
        padded = np.zeros(frames * VOICE_FRAME, np.int16)
        padded[: samples.size] = samples
        for number in range(frames):
            at = number * VOICE_FRAME
            end = LAST_FRAME if number == frames - 1 else 0
            self.voice.write(padded[at : at + VOICE_FRAME], position=at, turn=turn, tag=tag | end)
        return first

    def _start(self, daemon: str) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", f"device.services.{daemon}"], env=self._environment, stderr=log
            )


def noise(seconds: float, level: float = 0.2, seed: int = 1) -> NDArray[np.int16]:
    """White noise at the voice's rate, which correlates with nothing but itself."""
    count = round(seconds * VOICE_HZ)
    samples = np.random.default_rng(seed).standard_normal(count) * level * 32768
    return samples.clip(-32768, 32767).astype(np.int16)


def lag(signal_: NDArray[np.float64], reference: NDArray[np.float64]) -> tuple[int, float]:
    """(samples by which `reference` starts late in `signal_`, normalised correlation there)."""
    size = signal_.size + reference.size
    product = np.fft.irfft(np.fft.rfft(signal_, size) * np.conj(np.fft.rfft(reference, size)), size)
    best = int(np.argmax(np.abs(product[: signal_.size])))
    window = signal_[best : best + reference.size]
    energy = float(np.linalg.norm(window) * np.linalg.norm(reference[: window.size]))
    return best, float(product[best]) / energy if energy else 0.0

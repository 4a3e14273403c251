"""A room on a software sound server in which everything is recorded with one clock.

One PulseAudio null sink of three channels is the room: what the microphone hears, what leaves the loudspeaker,
and the people alone. The sinks that Wren and people play to, and the microphone, are views of its channels, so
the same index of a recording is the same moment in all three. The loudspeaker reaches the microphone by two
loopbacks: the direct sound after 60 ms and a reflection after 75 ms. A quiet hiss is always there.

Recordings are int16[n] a channel at 16 kHz; positions are samples of them.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import numpy as np
import soundfile
from numpy.typing import NDArray

from device.audio.room import HISS_DB
from device.hearing import RATE_HZ, Floats, Samples
from tests.pipeline.sound_server import SoundServer

ECHOES = ((60, -9.0), (75, -15.0))  # ms, dB
PIECE_MS = 5
AUDIBLE_DB = -60.0  # of 5 ms
ANYTHING_DB = -95.0
_LOUD_DB = -45.0
_LONGEST_HOLE_MS = 500
_PIECE = RATE_HZ * PIECE_MS // 1000
_LEAD_S = 0.3  # of silence before what people say: a player's first moments may have a hole
_ALIKE = 0.8
_PATIENT = {"PULSE_LATENCY_MSEC": "200"}  # of players and the recorder, which need not be quick
_HISS_S = 600
_VIEW = "load-module module-remap-sink sink_name={name} master=room remix=no"
_MODULES = (
    "load-module module-null-sink sink_name=room rate=48000 channels=3 channel_map=aux0,aux1,aux2",
    f"{_VIEW.format(name='speaker')} channels=1 channel_map=mono master_channel_map=aux1",
    f"{_VIEW.format(name='air')} channels=2 channel_map=front-left,front-right master_channel_map=aux0,aux2",
    f"{_VIEW.format(name='ear')} channels=1 channel_map=mono master_channel_map=aux0",
    *(
        f"load-module module-loopback source=speaker.monitor sink=ear latency_msec={ms} adjust_time=0 "
        f'source_dont_move=yes sink_dont_move=yes sink_input_properties="media.name=echo{ms}"'
        for ms, _ in ECHOES
    ),
    "load-module module-remap-source source_name=mic master=room.monitor remix=no channels=1 "
    "channel_map=mono master_channel_map=aux0",
)


class Recording(NamedTuple):
    """The three channels."""

    microphone: Samples
    loudspeaker: Samples
    people: Samples


class Spoken(NamedTuple):
    """What a person has said: float32[n], and about where in the recording at the earliest."""

    sound: Floats
    since: int


class SoundRoom(SoundServer):
    """A fresh room for each `with` block; `recording` is there when it has ended."""

    recording: Recording

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, modules=_MODULES)
        self._files, self._raw = folder, folder / "room.raw"
        self._clients: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> SoundRoom:
        super().__enter__()
        rows = json.loads(self.control("--format=json", "list", "sink-inputs").stdout)
        names = {row["properties"].get("media.name"): str(row["index"]) for row in rows}
        for ms, gain_db in ECHOES:
            self.control("set-sink-input-volume", names[f"echo{ms}"], f"{gain_db}dB")
        hiss = self._files / "hiss.wav"
        soundfile.write(hiss, _hiss(_HISS_S * RATE_HZ), RATE_HZ)
        self._clients.append(self._start(["paplay", "--device=ear", str(hiss)]))
        command = ["parec", "--device=room.monitor", f"--rate={RATE_HZ}", "--channels=3", "--raw"]
        command += ["--channel-map=aux0,aux1,aux2", "--format=s16le", str(self._raw)]
        self._clients.append(self._start(command))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in reversed(self._clients):
            client.terminate()
            client.wait(timeout=5)
        super().__exit__(kind, error, trace)
        if self._raw.exists():
            samples = np.fromfile(self._raw, np.int16)
            rows = samples[: samples.size // 3 * 3].reshape(-1, 3)
            self.recording = Recording(*np.ascontiguousarray(rows.T))

    @property
    def now(self) -> int:
        """About how many samples are recorded by now: some are still on their way."""
        return self._raw.stat().st_size // 6 if self._raw.exists() else 0

    def say(self, sound: Floats, meanwhile: Callable[[], object]) -> Spoken:
        """Plays float32[n] to its end while `meanwhile` is called again and again."""
        path = self._files / "said.wav"
        soundfile.write(path, np.pad(sound, (round(_LEAD_S * RATE_HZ), 0)), RATE_HZ)
        since = self.now
        player = self._start(["paplay", "--device=air", str(path)])
        while player.poll() is None:
            meanwhile()
        return Spoken(sound, since)

    def place(self, spoken: Spoken) -> int | None:
        """Where in the recording `spoken` begins; None where it was not played as it is."""
        start, stop = max(0, spoken.since - RATE_HZ), spoken.since + spoken.sound.size + 4 * RATE_HZ
        at, alike = find(spoken.sound, self.recording.people, start, stop)
        return at if alike > _ALIKE else None

    def _start(self, command: list[str]) -> subprocess.Popen[bytes]:
        environment = os.environ | self.environment | _PATIENT
        return subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)


def find(sound: Floats, channel: Samples, start: int, stop: int) -> tuple[int, float]:
    """Where in `channel`, from `start` to `stop`, `sound` begins, and how alike they are there (1: the same)."""
    piece = channel[start:stop].astype(np.float64)
    size = piece.size + sound.size
    product = np.fft.irfft(np.fft.rfft(piece, size) * np.conj(np.fft.rfft(sound, size)), size)
    at = int(np.argmax(product[: piece.size]))
    there = piece[at : at + sound.size]
    energy = float(np.linalg.norm(there) * np.linalg.norm(sound[: there.size]))
    return start + at, float(product[at]) / energy if energy else 0.0


def spans(channel: Samples, gap_ms: int, above_db: float) -> list[tuple[int, int]]:
    """Where 5 ms are louder than `above_db`, first and past-the-end sample; gaps up to `gap_ms` are inside."""
    sounding = np.flatnonzero(_levels_db(channel) > above_db)
    if not sounding.size:
        return []
    breaks = np.flatnonzero(np.diff(sounding) > gap_ms // PIECE_MS)
    firsts = sounding[np.concatenate([[0], breaks + 1])] * _PIECE
    lasts = (sounding[np.concatenate([breaks, [sounding.size - 1]])] + 1) * _PIECE
    return [(int(first), int(last)) for first, last in zip(firsts, lasts, strict=True)]


def holes(channel: Samples) -> int:
    """How often loud sound breaks off into digital silence and comes back: an underrun that can be heard."""
    levels = _levels_db(channel)
    silent = np.flatnonzero(~_pieces(channel).any(axis=1))
    runs = np.split(silent, np.flatnonzero(np.diff(silent) > 1) + 1) if silent.size else []
    return sum(
        run.size <= _LONGEST_HOLE_MS // PIECE_MS
        and bool(np.all(levels[[max(0, run[0] - 2), min(levels.size - 1, run[-1] + 2)]] > _LOUD_DB))
        for run in runs
    )


def power_db(sound: NDArray[np.integer]) -> float:
    """Mean power, dBFS."""
    return float(10 * np.log10(np.mean((sound.astype(np.float64) / 32768) ** 2) + 1e-10))


def _pieces(channel: Samples) -> Samples:
    return channel[: channel.size // _PIECE * _PIECE].reshape(-1, _PIECE)


def _levels_db(channel: Samples) -> NDArray[np.float64]:
    pieces = _pieces(channel).astype(np.float64) / 32768
    levels: NDArray[np.float64] = 10 * np.log10(np.mean(pieces**2, axis=1) + 1e-10)
    return levels


def _hiss(count: int) -> Samples:
    noise = np.random.default_rng(2).standard_normal(count) * 32768 * 10 ** (HISS_DB / 20)
    return np.rint(noise).astype(np.int16)

"""PortAudio through PyAudio: which devices there are, which one a name means, and silence on standard error.

PortAudio makes its device list when it is initialised, so a new look at it needs a new session, and an index
that is not in the list must never be used.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pyaudio

from device.faults import Fault

Direction = Literal["input", "output"]
NAMES: dict[Direction, str] = {"input": "microphone", "output": "loudspeaker"}


@dataclass(frozen=True)
class SoundDevice:
    """A device as PortAudio lists it; channel counts of 0 mean that it cannot."""

    index: int
    name: str
    input_channels: int
    output_channels: int
    rate_hz: int
    default_input: bool
    default_output: bool

    def channels(self, direction: Direction) -> int:
        """How many channels it has that way."""
        return self.input_channels if direction == "input" else self.output_channels


def list_devices() -> list[SoundDevice]:
    """All sound devices there are now. Raises Fault where the sound system cannot be reached."""
    with quiet(), session() as audio:
        return devices_of(audio)


def choose(devices: Sequence[SoundDevice], wanted: str, direction: Direction) -> SoundDevice:
    """The device that `wanted` (all or part of a name, any case; empty: the default) means.

    Raises Fault that lists the names when there is none.
    """
    able = [device for device in devices if device.channels(direction)]
    if not able:
        raise Fault(f"no {NAMES[direction]} was found", "plug one in, or start the sound server")
    if not wanted:
        default = [d for d in able if (d.default_input if direction == "input" else d.default_output)]
        return (default or able)[0]
    name = wanted.casefold()
    exact = [device for device in able if device.name.casefold() == name]
    part = [device for device in able if name in device.name.casefold()]
    if not exact and not part:
        names = ", ".join(sorted({device.name for device in able}))
        raise Fault(
            f"no {NAMES[direction]} is called {wanted}",
            f"set audio.{direction}_device to a part of one of these: {names}",
        )
    return (exact or part)[0]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keeps what ALSA, JACK and PortAudio print off standard error, and Python's own output on it."""
    before, kept = sys.stderr, os.dup(2)
    ours = os.fdopen(os.dup(2), "w", buffering=1, errors="backslashreplace")
    handlers = [
        handler
        for handler in logging.getLogger().handlers
        if isinstance(handler, logging.StreamHandler) and handler.stream is before
    ]
    for handler in handlers:
        handler.setStream(ours)
    sys.stderr = ours
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        sys.stderr = before
        for handler in handlers:
            handler.setStream(before)
        ours.close()


@contextlib.contextmanager
def session() -> Iterator[Any]:
    """PortAudio, initialised. Raises Fault where it does not start."""
    try:
        audio = pyaudio.PyAudio()
    except OSError as error:
        raise Fault(f"PortAudio does not start ({error})", "check that the sound system is set up") from error
    try:
        yield audio
    finally:
        audio.terminate()


def devices_of(audio: Any) -> list[SoundDevice]:
    """The devices of a session."""

    def default(direction: Direction) -> int:
        try:
            return int(getattr(audio, f"get_default_{direction}_device_info")()["index"])
        except OSError:
            return -1

    inputs, outputs = default("input"), default("output")
    rows = [audio.get_device_info_by_index(index) for index in range(audio.get_device_count())]
    return [
        SoundDevice(
            index=row["index"],
            name=row["name"],
            input_channels=row["maxInputChannels"],
            output_channels=row["maxOutputChannels"],
            rate_hz=round(row["defaultSampleRate"]),
            default_input=row["index"] == inputs,
            default_output=row["index"] == outputs,
        )
        for row in rows
    ]

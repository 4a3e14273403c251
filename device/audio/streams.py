"""The two callback streams of a session with a sound card.

Rules that keep PortAudio well-behaved: two streams and never one duplex stream; first a throw-away pair,
because the first capture of a fresh sound server loses up to a second without a flag; streams are closed and
not stopped. A callback only copies and rings the bell.

Border: microphone int16[n, picked channels] at `rate_hz` (16 kHz where the device can), loudspeaker blocks of
10 ms at `rate_hz` (the device's own where it is whole in 10 ms). Times are seconds of `time.monotonic`.
"""

from __future__ import annotations

import collections
import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pyaudio
from numpy.typing import NDArray

from device.audio.playback import Block
from device.audio.portaudio import NAMES, Direction, SoundDevice, choose, devices_of, session
from device.bus.paths import MICROPHONE_HZ
from device.events import FRAME_MS
from device.faults import Fault
from device.settings import Audio

_WARM_UP_S = 5.0
_WARM_CALLBACKS = 3
_FIRST_CALLBACK_S = 5.0
_CALLBACK_S = 3.5  # a null sink pauses for two seconds after an underrun
_QUEUED_CALLBACKS = 500

Times = Mapping[str, float]


class Heard(NamedTuple):
    """One microphone callback."""

    start: int  # index of its first sample
    time_s: float  # when that sample passed the microphone
    samples: NDArray[np.int16]  # [n, picked channels]
    lost: bool


class Played(NamedTuple):
    """One loudspeaker callback."""

    start: int
    time_s: float  # when its first sample passes the loudspeaker
    blocks: tuple[Block | None, ...]
    lost: bool


def picked_channels(settings: Audio) -> tuple[int, ...]:
    """The input channels that are needed: of a microphone array its own, bare and reference channels."""
    if settings.echo != "hardware":
        return (0,)
    return (settings.processed_channel, settings.raw_channel, settings.reference_channel)


class _Stream:
    """A running stream of `channels`, mono where that is enough and the device can. Raises Fault."""

    direction: Direction

    def __init__(
        self,
        audio: Any,
        device: SoundDevice,
        first_hz: int,
        block_ms: int,
        bell: Callable[[], None],
        channels: int = 1,
    ) -> None:
        self.name, self.rate_hz, self._channels = device.name, 0, 1
        self._bell = bell
        self._samples = 0
        self.callbacks, self._last_s = 0, time.monotonic()
        rates = [hz for hz in (first_hz, device.rate_hz, 48_000, 44_100) if hz % 100 == 0]
        counts = [count for count in (channels, 2, device.channels(self.direction)) if count >= channels]
        reason = ""
        for self._channels, self.rate_hz in dict.fromkeys((count, hz) for count in counts for hz in rates):
            try:
                self._stream = audio.open(
                    self.rate_hz,
                    self._channels,
                    pyaudio.paInt16,
                    **{self.direction: True, f"{self.direction}_device_index": device.index},
                    frames_per_buffer=block_ms // FRAME_MS * self.block,
                    stream_callback=self._called,
                )
            except (OSError, ValueError) as error:
                reason = str(error)
            else:
                return
        raise Fault(
            f"the {NAMES[self.direction]} {device.name} cannot be opened ({reason})",
            f"close what else uses it, or set audio.{self.direction}_device to another",
        )

    @property
    def block(self) -> int:
        """Samples in 10 ms."""
        return self.rate_hz * FRAME_MS // 1000

    @property
    def healthy(self) -> bool:
        """Whether it runs and its callbacks come."""
        patience_s = _CALLBACK_S if self.callbacks else _FIRST_CALLBACK_S
        return bool(self._stream.is_active()) and time.monotonic() - self._last_s < patience_s

    @property
    def warm(self) -> bool:
        """Whether callbacks have come."""
        return self.callbacks >= _WARM_CALLBACKS

    def close(self) -> None:
        """Ends it."""
        with contextlib.suppress(OSError):
            self._stream.close()

    def copy(self, data: bytes | None, count: int, times: Times, status: int, now: float) -> bytes | None:
        """Takes and gives the `count` samples of one callback."""
        raise NotImplementedError

    def _called(self, data: bytes | None, count: int, times: Times, status: int) -> tuple[bytes | None, int]:
        now = time.monotonic()
        answer = self.copy(data, count, times, status, now)
        self._samples += count
        self.callbacks += 1
        self._last_s = now
        return answer, pyaudio.paContinue


class MicrophoneStream(_Stream):
    """What it heard is in `heard`: the channels that were picked, or the first where it has not so many."""

    direction: Direction = "input"

    def __init__(
        self,
        audio: Any,
        device: SoundDevice,
        block_ms: int,
        bell: Callable[[], None],
        picked: tuple[int, ...] = (0,),
    ) -> None:
        self.heard: collections.deque[Heard] = collections.deque(maxlen=_QUEUED_CALLBACKS)
        self.picked = picked if max(picked) < device.input_channels else (0,)
        self._picked = list(self.picked)
        super().__init__(audio, device, MICROPHONE_HZ, block_ms, bell, max(self.picked) + 1)

    def copy(self, data: bytes | None, count: int, times: Times, status: int, now: float) -> None:
        """Keeps the samples; they are as old as the device says, and at least as they are long."""
        age_s = max(times["current_time"] - times["input_buffer_adc_time"], count / self.rate_hz)
        samples = np.frombuffer(data or b"", np.int16).reshape(-1, self._channels)[:, self._picked]
        lost = bool(status & (pyaudio.paInputOverflow | pyaudio.paInputUnderflow))
        self.heard.append(Heard(self._samples, now - age_s, samples, lost))
        self._bell()


class LoudspeakerStream(_Stream):
    """Plays what `take` gives, and silence where it gives nothing; what it played is in `played`."""

    direction: Direction = "output"

    def __init__(self, audio: Any, device: SoundDevice, block_ms: int, bell: Callable[[], None]) -> None:
        self.take: Callable[[], Block | None] | None = None
        self.played: collections.deque[Played] = collections.deque(maxlen=_QUEUED_CALLBACKS)
        super().__init__(audio, device, device.rate_hz, block_ms, bell)

    def copy(self, _data: bytes | None, count: int, times: Times, status: int, now: float) -> bytes:
        """The next `count` samples."""
        take = self.take
        blocks = tuple(None if take is None else take() for _ in range(count // self.block))
        ahead_s = max(0.0, times["output_buffer_dac_time"] - times["current_time"])
        lost = self.warm and bool(status & pyaudio.paOutputUnderflow)  # before that it is being filled
        self.played.append(Played(self._samples, now + ahead_s, blocks, lost))
        if any(blocks):  # silence does not wake anybody
            self._bell()
        silence = bytes(2 * self.block)
        sound = b"".join(silence if block is None else block.samples.tobytes() for block in blocks)
        if self._channels > 1:
            sound = np.repeat(np.frombuffer(sound, np.int16), self._channels).tobytes()
        return sound


class Streams:
    """A session with the microphone and the loudspeaker that the settings name.

    One of them may be missing; `missing` says why. Raises Fault when both are. Callbacks call `bell` when
    there is something to do; `stopping` ends the warm-up early.
    """

    def __init__(self, settings: Audio, bell: Callable[[], None], stopping: Callable[[], bool]) -> None:
        self.microphone: MicrophoneStream | None = None
        self.loudspeaker: LoudspeakerStream | None = None
        self.missing: dict[Direction, Fault] = {}
        self._settings, self._bell = settings, bell
        self._session = contextlib.ExitStack()
        self._audio = self._session.enter_context(session())
        try:
            self._open()
            self._warm_up(stopping)
            self._open()
            if not self._running():
                raise next(iter(self.missing.values()))
        except BaseException:
            self.close()
            raise

    @property
    def healthy(self) -> bool:
        """Whether all that was opened still runs."""
        return all(stream.healthy for stream in self._running())

    @property
    def names(self) -> str:
        """The devices in use, for people."""
        return " and ".join(dict.fromkeys(stream.name for stream in self._running()))

    def close(self) -> None:
        """Ends the session; may take long when the sound server hangs."""
        self._close_streams()
        self._session.close()

    def _open(self) -> None:
        devices = devices_of(self._audio)
        block_ms = self._settings.block_ms // FRAME_MS * FRAME_MS
        if "input" not in self.missing:
            try:
                device = choose(devices, self._settings.input_device, "input")
                picked = picked_channels(self._settings)
                self.microphone = MicrophoneStream(self._audio, device, block_ms, self._bell, picked)
            except Fault as fault:
                self.missing["input"] = fault
        if "output" not in self.missing:
            try:
                device = choose(devices, self._settings.output_device, "output")
                half_ms = max(FRAME_MS, block_ms // 2 // FRAME_MS * FRAME_MS)  # twice that waits in the card
                self.loudspeaker = LoudspeakerStream(self._audio, device, half_ms, self._bell)
            except Fault as fault:
                self.missing["output"] = fault

    def _warm_up(self, stopping: Callable[[], bool]) -> None:
        """Runs the streams until they work, and closes them; those that deliver nothing count as missing."""
        deadline = time.monotonic() + _WARM_UP_S
        while not all(stream.warm for stream in self._running()) and time.monotonic() < deadline:
            if stopping():
                break
            time.sleep(0.01)
        hint = "check the sound server, or unplug the device and plug it in again"
        for stream in self._running():
            if not stream.warm:
                text = f"the {NAMES[stream.direction]} {stream.name} delivered nothing for {_WARM_UP_S:.0f} s"
                self.missing[stream.direction] = Fault(text, hint)
        self._close_streams()

    def _running(self) -> list[MicrophoneStream | LoudspeakerStream]:
        return [stream for stream in (self.microphone, self.loudspeaker) if stream is not None]

    def _close_streams(self) -> None:
        for stream in self._running():
            stream.close()
        self.microphone, self.loudspeaker = None, None

"""The sound card: a backend on PortAudio that survives unplugged devices and restarted sound servers.

The keeper's thread opens and closes the streams, PortAudio's threads copy, and the daemon's thread, here,
moves what they have left: microphone buffers become 16 kHz frames, the playback is kept a little ahead, and
the times of both streams tell what was playing when. While there is no microphone the frame clock goes on
at its pace, with frames that hold nothing.
"""

from __future__ import annotations

import contextlib
import os
import time

import numpy as np
import soxr
from numpy.typing import NDArray

from device.audio.backend import Captured, Devices
from device.audio.keeper import Keeper
from device.audio.playback import Block, Playback
from device.audio.portaudio import quiet
from device.audio.streamclock import EARLY_MS, FRAME_S, PlaybackClock, StreamClock
from device.audio.streams import Heard, LoudspeakerStream, MicrophoneStream, Streams, picked_channels
from device.bus.paths import MICROPHONE_FRAME, MICROPHONE_HZ
from device.events import FRAME_MS, Event
from device.faults import Fault
from device.settings import Audio, Settings

_AHEAD_MS = 40  # made before the loudspeaker asks: covers a late round of the daemon
_WITHOUT_MICROPHONE_S = 0.25
_QUIET_S = 2.0
_OPEN_S = 1.8
_CHOICE = ("input_device", "output_device", "block_ms")


class SoundCard:
    """A Backend. Its constructor waits a moment for the devices, no longer."""

    def __init__(self, settings: Audio) -> None:
        self.xruns = 0
        self._settings = settings
        self._streams: Streams | None = None
        self._incoming: _Incoming | None = None
        self._clock = PlaybackClock(MICROPHONE_HZ)
        self._left_over: tuple[Block, ...] = ()
        self._inside = False  # a clause: silence would be a hole in it
        self._lost_played = False  # some of what was handed out never left, or late, or leaves elsewhere
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.wake_ups = (self._bell,)
        self._quiet = contextlib.ExitStack()
        self._quiet.enter_context(quiet())
        self._keeper = Keeper(settings, self._ring, self._is_busy)
        self._keeper.start(_OPEN_S)
        self._frames_until_s = self._played_s = time.monotonic()

    @property
    def devices(self) -> Devices:
        """What is open."""
        microphone, loudspeaker = self._ends()
        return Devices(
            microphone.name if microphone else "",
            loudspeaker.name if loudspeaker else "",
            microphone.rate_hz if microphone else 0,
        )

    def timeout_s(self) -> float:
        """The callbacks wake the daemon; without them a frame is due every 10 ms."""
        return FRAME_S if self._incoming is None else 2 * FRAME_S

    def exchange(self, playback: Playback) -> list[Captured]:
        """What the callbacks have left. Raises Fault when PortAudio hangs: a new process helps."""
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._bell)
        if self._keeper.hangs:
            raise Fault("the sound system does not answer", "restart the sound server")
        if self._keeper.streams is not self._streams:
            self._adopt(self._keeper.streams, playback)
        now = time.monotonic()
        microphone, loudspeaker = self._ends()
        if loudspeaker is not None:
            self._play(loudspeaker, playback, now)
        captured = self._capture(microphone, now)
        if self._left_over and captured:
            captured[0] = captured[0]._replace(leaving=self._left_over + captured[0].leaving)
            self._left_over = ()
        return captured

    def faults(self) -> list[Fault]:
        """What the keeper met."""
        found = []
        while self._keeper.faults:
            found.append(self._keeper.faults.popleft())
        return found

    def notice(self, event: Event) -> None:
        """A sound card does not follow the conversation."""

    def follow(self, drift_ppm: float) -> None:
        """Reads what is played at the loudspeaker's pace."""
        self._clock.follow(drift_ppm)

    def apply(self, settings: Settings) -> None:
        """Opens the devices again when others were chosen."""
        before, self._settings = self._settings, settings.audio
        others = any(getattr(before, name) != getattr(settings.audio, name) for name in _CHOICE)
        if others or picked_channels(before) != picked_channels(settings.audio):
            self._keeper.choose(settings.audio)

    def close(self) -> None:
        """Releases the devices."""
        self._keeper.close()
        self._quiet.close()

    def _adopt(self, streams: Streams | None, playback: Playback) -> None:
        """The keeper has opened or lost the streams; what a lost loudspeaker still held counts as played."""
        self._left_over += self._clock.forget()
        self._streams, self._incoming = streams, None
        self._lost_played = True  # what was learnt of the other streams' times is void
        microphone, loudspeaker = self._ends()
        if microphone is not None:
            self._incoming = _Incoming(microphone.rate_hz, len(microphone.picked))
        if loudspeaker is not None:
            self._clock = PlaybackClock(loudspeaker.rate_hz)
            playback.set_output(loudspeaker.rate_hz)
            loudspeaker.take = playback.take

    def _ends(self) -> tuple[MicrophoneStream | None, LoudspeakerStream | None]:
        return (self._streams.microphone, self._streams.loudspeaker) if self._streams else (None, None)

    def _play(self, loudspeaker: LoudspeakerStream, playback: Playback, now: float) -> None:
        playback.fill(max(_AHEAD_MS, self._settings.block_ms) // FRAME_MS)
        while loudspeaker.played:
            start, time_s, blocks, lost = loudspeaker.played.popleft()
            self._clock.played(start, time_s, blocks)
            self.xruns += lost
            self._lost_played |= lost
            for block in blocks:
                self.xruns += block is None and self._inside
                self._inside = block is not None and not (block.last or block.cut or block.pauses)
            if any(blocks) or playback.is_paused:
                self._played_s = now

    def _capture(self, microphone: MicrophoneStream | None, now: float) -> list[Captured]:
        captured = []
        if microphone is not None and self._incoming is not None:
            while microphone.heard:
                heard = microphone.heard.popleft()
                self.xruns += heard.lost
                lost = heard.lost
                self._incoming.add(heard)
                while (frame := self._incoming.frame()) is not None:
                    captured.append(self._captured(*frame, lost=lost))
                    lost = False
            if captured:
                self._frames_until_s = now
        while now - self._frames_until_s > _WITHOUT_MICROPHONE_S:
            self._frames_until_s += FRAME_S
            captured.append(self._captured(None, now))
        return captured

    def _captured(self, channels: NDArray[np.int16] | None, began_s: float, lost: bool = False) -> Captured:
        playing = self._clock.during(began_s, lost=lost)
        slipped = self._lost_played = playing.slipped or self._lost_played
        if channels is not None:  # else nobody learns of it
            self._lost_played = False
        samples, raw, loopback = None, None, None
        if channels is not None and channels.shape[1] == 1:
            samples = np.ascontiguousarray(channels[:, 0])
        elif channels is not None:
            samples, raw, loopback = np.ascontiguousarray(channels.T)
        return Captured(
            samples,
            playing.leaving,
            playing.block,
            playing.position,
            lost,
            slipped=slipped,
            far_end=playing.far_end,
            early_ms=EARLY_MS,
            raw=raw,
            loopback=loopback,
        )

    def _ring(self) -> None:
        os.eventfd_write(self._bell, 1)

    def _is_busy(self) -> bool:
        return time.monotonic() - self._played_s < _QUIET_S


class _Incoming:
    """Callback buffers at the card's rate in, 16 kHz frames int16[160, channels] and their times out."""

    def __init__(self, rate_hz: int, channels: int) -> None:
        self._clock = StreamClock(rate_hz)
        self._step = MICROPHONE_FRAME * rate_hz / MICROPHONE_HZ
        self._resampler = (  # at a constant rate; soxr's other mode is up to 41 ms behind, this one 14 ms
            None
            if rate_hz == MICROPHONE_HZ
            else soxr.ResampleStream(rate_hz, MICROPHONE_HZ, channels, dtype="int16", quality="HQ", vr=True)
        )
        self._waiting = np.zeros((0, channels), np.int16)
        self._frames = 0

    def add(self, heard: Heard) -> None:
        self._clock.observe(heard.start, heard.time_s)
        samples = heard.samples
        if self._resampler is not None:
            samples = self._resampler.resample_chunk(samples)
        self._waiting = np.concatenate([self._waiting, samples])

    def frame(self) -> tuple[NDArray[np.int16], float] | None:
        if len(self._waiting) < MICROPHONE_FRAME:
            return None
        samples, self._waiting = self._waiting[:MICROPHONE_FRAME], self._waiting[MICROPHONE_FRAME:]
        began_s = self._clock.time_of(self._frames * self._step)
        self._frames += 1
        return samples, began_s

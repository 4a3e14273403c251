"""wren-audio: owns the microphone and the loudspeaker, or the simulated room, and the playback clock.

Writes the rings `room.mic` and `room.voice`, plays the ring `room.speaker`, and tells when what was heard
began and ended.
"""

from __future__ import annotations

import math
import sys
import time

import numpy as np

from device.audio import resume
from device.audio.backend import Backend, Captured
from device.audio.frontend import FrontEnd
from device.audio.gate import Gate
from device.audio.heard import Listener
from device.audio.playback import Playback
from device.audio.room import LOUDSPEAKER_HZ
from device.audio.simulator import Simulator
from device.bus.paths import (
    MAY_BE_ECHO,
    MICROPHONE_FRAME,
    microphone_ring,
    microphone_spec,
    speaker_ring,
    voice_ring,
)
from device.bus.ring import Frame, RingBusyError, RingReader, RingWriter
from device.events import (
    FRAME_MS,
    AudioState,
    DuckRequested,
    Event,
    MicrophoneMuted,
    PlaybackStopped,
    ReplyAudio,
    TurnStarted,
)
from device.faults import Fault
from device.services.daemon import Daemon, run
from device.settings import Settings

_SECOND_FRAMES = 1000 // FRAME_MS
_ATTACH_EVERY = 5  # looks in vain
_DEVICE_GONE_FRAMES = 3 * _SECOND_FRAMES
_LONGEST_PAUSE_FRAMES = 3 * _SECOND_FRAMES  # less than `device.audio.heard.UNDERRUN_MS`
_READY_BLOCKS = 4
_SILENCE = np.zeros(MICROPHONE_FRAME, np.int16)
_SILENT_DB = -100.0


class AudioDaemon(Daemon):
    """Moves frames between the rings and the backend."""

    name = "audio"

    def start(self) -> None:
        """Takes up what a killed predecessor left, then opens the backend. Raises Fault."""
        self._speaker = RingReader(speaker_ring(self.runtime))
        before = RingReader(microphone_ring(self.runtime))
        left = resume.find(before, self._speaker, time.monotonic_ns())
        before.close()
        if left.frame is not None:
            self._speaker.seek(left.frame)
        try:
            self._microphone = RingWriter(microphone_ring(self.runtime), microphone_spec())
            self._voice = RingWriter(voice_ring(self.runtime), microphone_spec())
        except RingBusyError as error:
            raise Fault(str(error), "stop it first", permanent=True) from error
        self._voice.head = self._microphone.head  # a killed predecessor may have written to one of them only
        settings = self.settings.audio
        self._playback = Playback(self._next_speaker_frame, LOUDSPEAKER_HZ, settings.volume, left.skip)
        self._listener = Listener()
        self._start_turn(left.turn)
        self._front_end = FrontEnd(settings)
        self._gate = Gate(settings.gate_tail_ms, gates=settings.echo == "gate", muted=left.muted)
        self._power, self._power_frames, self._gone_frames = 0.0, 0, 0
        self._state: AudioState | None = None
        self._misses = 0
        self._said_again, self._paused_frames = (-1, -1), 0
        self._goes_on = False
        self._backend: Backend = self._open(left.fresh)
        self._report()

    def step(self) -> None:
        """Waits for the backend and moves what is there."""
        self.bus.wait(self._backend.timeout_s(), *self._backend.wake_ups)
        try:
            for captured in self._backend.exchange(self._playback):
                self._frame(captured)
        except Exception:
            self._goes_on = True
            raise
        self._backend.follow(self._front_end.drift.ppm)
        for fault in (*self._backend.faults(), *self._front_end.faults):
            self.failed(fault.message, fault.hint)
        self._front_end.faults.clear()
        if self._backend.devices != self._devices:
            self._report()

    def on_event(self, event: Event) -> None:
        """Follows turns, words, ducking and the mute button."""
        match event:
            case TurnStarted():
                self._start_turn(event.turn)
            case ReplyAudio():
                self._listener.announce(event)
            case DuckRequested() if event.turn in (0, self._playback.turn):
                if self._playback.is_paused and not event.pause:
                    self._say_again()
                self._playback.duck(event.gain_db, pause=event.pause)
            case MicrophoneMuted():
                self._gate.muted = event.muted
                self._report()
        self._backend.notice(event)

    def on_settings(self, settings: Settings) -> None:
        """Volume, gate and echo cancellation at once; other devices are opened."""
        super().on_settings(settings)
        self._playback.volume = settings.audio.volume
        self._gate.tail_ms = settings.audio.gate_tail_ms
        self._gate.gates = settings.audio.echo == "gate"
        self._front_end.apply(settings.audio)
        self._backend.apply(settings)

    def close(self) -> None:
        """Releases the devices and, unless a successor goes on with it, removes the microphone ring."""
        if hasattr(self, "_backend"):
            self._backend.close()
        for ring in ("_microphone", "_voice"):
            if hasattr(self, ring):
                getattr(self, ring).close(unlink=not self._goes_on)
        if hasattr(self, "_front_end"):
            self._front_end.close()

    def _open(self, resumed: bool) -> Backend:
        if self.settings.audio.backend == "simulator":
            return Simulator(self.settings.simulator, resume=resumed)
        try:
            from device.audio.soundcard import SoundCard
        except ImportError as error:
            hint = "run `make setup`, which installs PortAudio and PyAudio"
            raise Fault(f"PyAudio cannot be loaded ({error})", hint, permanent=True) from error
        return SoundCard(self.settings.audio)

    def _frame(self, captured: Captured) -> None:
        frame = self._microphone.head
        events = self._listener.tick(frame)
        for block in captured.leaving:
            events += self._listener.leaves(block, frame)
        tag = self._gate.tag(captured.playing, missing=captured.samples is None, lost=captured.lost)
        samples = self._front_end.clean(captured)
        voice = None if samples is None else self._front_end.voice(captured, samples)
        if self._front_end.may_be_echo:
            tag |= MAY_BE_ECHO
        if samples is None or voice is None or tag & Gate.SILENCED:
            samples = voice = _SILENCE
        t_ns = time.monotonic_ns()
        self._voice.write(voice, t_ns=t_ns, tag=tag)  # first: who is woken by the other ring finds it here
        self._microphone.write(
            samples, t_ns=t_ns, position=captured.position, turn=self._playback.turn, tag=tag
        )
        for event in (*events, *captured.events):
            self._tell(event)
        self._measure(captured)
        self._watch_loudspeaker(frame)
        self._end_pause()

    def _start_turn(self, turn: int) -> None:
        fading = self._playback.start_turn(turn)
        for event in self._listener.start_turn(turn, self._microphone.head, fading=fading):
            self._tell(event)

    def _say_again(self) -> None:
        """In a pause: goes back to the word in which it was ducked, but to the same one only once."""
        since, spec = self._playback.ducked_since, self._speaker.spec
        if since is None or since.cue or since.turn != self._playback.turn or spec is None:
            return
        begin = max(1, self._listener.word_begin(since))  # a clause that had begun does not begin again
        place = since.turn, since.position - since.offset + begin
        if place > self._said_again:
            self._said_again = place
            frame, skip = divmod(place[1], spec.frame_samples)
            self._speaker.seek(frame)
            self._playback.go_on(skip, _READY_BLOCKS)

    def _end_pause(self) -> None:
        """One that lasts too long: whoever asked for it is slow, or gone."""
        self._paused_frames = self._paused_frames + 1 if self._playback.is_paused else 0
        if self._paused_frames >= _LONGEST_PAUSE_FRAMES:
            self._say_again()
            self._playback.duck(0)

    def _watch_loudspeaker(self, frame: int) -> None:
        """A reply does not wait for ever for a loudspeaker that was unplugged."""
        self._gone_frames = 0 if self._backend.devices.output else self._gone_frames + 1
        if self._gone_frames >= _DEVICE_GONE_FRAMES:
            for event in self._listener.lose_device(self._playback.discard(), frame):
                self._tell(event)

    def _tell(self, event: Event) -> None:
        if isinstance(event, PlaybackStopped) and not event.cue:
            self._playback.duck(0)
        self.bus.send(event)

    def _measure(self, captured: Captured) -> None:
        if captured.samples is not None and not self._gate.muted:
            samples = captured.samples.astype(np.float32)
            self._power += float(np.dot(samples, samples)) / samples.size
        self._power_frames += 1
        if self._power_frames == _SECOND_FRAMES:
            self._report()
            self._power, self._power_frames = 0.0, 0

    def _report(self) -> None:
        """Sends the state if it changed."""
        power = self._power / max(1, self._power_frames) / 32768**2
        self._devices = devices = self._backend.devices
        delay_ms, erle_db, drift = self._front_end.delay_ms, self._front_end.erle_db, self._front_end.drift
        state = AudioState(
            input=devices.input,
            output=devices.output,
            rate_hz=devices.rate_hz,
            muted=self._gate.muted,
            xruns=self._backend.xruns,
            level_db=float(round(10 * math.log10(power))) if power > 0 else _SILENT_DB,
            echo=self._front_end.mode,
            echo_delay_ms=delay_ms,
            erle_db=None if erle_db is None else float(round(erle_db)),
            drift_ppm=round(drift.ppm) if drift.is_known and delay_ms is not None else None,
        )
        if state != self._state:
            self._state = state
            self.bus.send(state)

    def _next_speaker_frame(self) -> Frame | None:
        frame = self._speaker.read()
        self._misses = 0 if frame is not None else self._misses + 1
        if self._misses % _ATTACH_EVERY == _ATTACH_EVERY - 1:
            self._speaker.wait(0)  # attaches to a ring that was made meanwhile
        return frame


if __name__ == "__main__":
    sys.exit(run(AudioDaemon))

"""The room simulator: a backend without a sound card, in real time.

Every 10 ms, by absolute deadlines, it takes one block from the playback and makes one microphone frame of
it, so that frame n hears the room while block n leaves the loudspeaker. A round that comes late catches up;
one that is over 40 ms late counts as an xrun, because a sound card would have had one.

Writes two 16-bit mono WAV files: `speaker`, exactly what the loudspeaker played, 48 kHz, and `room`, what a
person there hears (near end and loudspeaker), 16 kHz. Their first sample belongs to the first frame.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from device.audio import files
from device.audio.backend import Captured, Devices
from device.audio.playback import Block, Playback
from device.audio.recording import Recording
from device.audio.room import LOUDSPEAKER_BLOCK, LOUDSPEAKER_HZ, Room, echo_path
from device.audio.scene import Scene, Utterance
from device.bus.paths import MICROPHONE_HZ
from device.events import FRAME_MS, DialogState, Event, SceneReady, SceneSpeech
from device.faults import Fault
from device.settings import Settings
from device.settings import Simulator as SimulatorSettings

_FRAME_S = FRAME_MS / 1000
_LATE_S = 0.04
_MOST_BEHIND_S = 2.0
_SILENCE = np.zeros(LOUDSPEAKER_BLOCK, np.int16)


class Simulator:
    """A Backend. Raises Fault, naming the file, when one of its files is unusable.

    With `resume` the recordings go on behind what a killed predecessor wrote.
    """

    wake_ups: tuple[int, ...] = ()

    def __init__(self, settings: SimulatorSettings, *, resume: bool = False) -> None:
        mic, over = (
            [Utterance(file, files.load(file, MICROPHONE_HZ)) for file in names]
            for names in (settings.mic, settings.over)
        )
        self._scene = Scene(mic, settings.gap_s, settings.until_idle_s, over, settings.over_after_s)
        response = files.load(settings.rir, MICROPHONE_HZ) if settings.rir else None
        noise = files.load(settings.noise, MICROPHONE_HZ) if settings.noise else None
        path = echo_path(response, settings.echo_delay_ms, settings.echo_db)
        self._room = Room(path, noise, settings.noise_db)
        self._speaker = _recording(settings.speaker, LOUDSPEAKER_HZ, resume)
        self._person = _recording(settings.room, MICROPHONE_HZ, resume)
        first = Path(settings.mic[0]).name if settings.mic else "silence"
        self.devices = Devices(f"simulated room: {first}", "simulated loudspeaker", MICROPHONE_HZ)
        self.xruns = 0
        self._deadline: float | None = None
        self._ready, self._dialog_idle = False, True

    def timeout_s(self) -> float:
        """Until the next frame is due."""
        return 0.0 if self._deadline is None else max(0.0, self._deadline - time.monotonic())

    def exchange(self, playback: Playback) -> list[Captured]:
        """One frame for each deadline that has passed."""
        now = time.monotonic()
        if self._deadline is None or now - self._deadline > _MOST_BEHIND_S:
            self.xruns += self._deadline is not None
            self._deadline = now
        self.xruns += now - self._deadline > _LATE_S
        captured = []
        while self._deadline <= now:
            self._deadline += _FRAME_S
            captured.append(self._tick(playback))
        return captured

    def faults(self) -> list[Fault]:
        """None: all that can be wrong with files is found at the start."""
        return []

    def notice(self, event: Event) -> None:
        """The scene starts, the conversation moves on."""
        match event:
            case SceneReady():
                self._ready = True
            case DialogState():
                self._dialog_idle = event.state == "idle"
            case SceneSpeech():
                elapsed = (time.monotonic_ns() - event.t_ns) // (FRAME_MS * 1_000_000)
                self._scene.resume(event.index, elapsed, over=event.over)

    def follow(self, drift_ppm: float) -> None:
        """Both have the same clock."""

    def apply(self, settings: Settings) -> None:
        """The room stays as it was built."""

    def close(self) -> None:
        """Completes the recordings."""
        for recording in (self._speaker, self._person):
            if recording is not None:
                recording.close()

    def _tick(self, playback: Playback) -> Captured:
        playback.fill(1)
        block: Block | None = playback.take()
        near_end, event = self._scene.block(
            self._ready and self._dialog_idle and block is None, block is not None and not block.cue
        )
        microphone, person = self._room.hear(near_end, None if block is None else block.samples)
        if self._speaker is not None:
            self._speaker.write(_SILENCE if block is None else block.samples)
        if self._person is not None:
            self._person.write(person)
        return Captured(
            microphone,
            leaving=() if block is None else (block,),
            playing=block,
            position=-1 if block is None else block.position,
            events=() if event is None else (event,),
            far_end=self._room.far_end,
        )


def _recording(path: str, rate_hz: int, resume: bool) -> Recording | None:
    return Recording(path, rate_hz, resume=resume) if path else None

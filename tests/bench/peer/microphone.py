"""What the peer's microphone hears, frame by frame: people, their interruptions, and the hiss of a quiet room.

Pure. The people wait as Wren's simulated ones do (`device.audio.scene`), and the hiss is that of Wren's
simulated room. There is no echo in it: the peer has no echo canceller, so this is in its favour.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from device.audio.room import Room
from device.audio.scene import Scene, Utterance
from device.bus.paths import MICROPHONE_FRAME
from device.events import SceneEnded, SceneSpeech
from tests.bench.peer.job import Phase

Floats = NDArray[np.float32]
Samples = NDArray[np.int16]

OVER_AFTER_FRAMES = 50  # of the answer are heard before somebody talks over it


class Sound(NamedTuple):
    """A line as float32[n], 16 kHz mono, and what is said over its answer."""

    samples: Floats
    over: Floats | None = None


def quiet_room() -> Room:
    """A room in which the microphone does not hear the loudspeaker."""
    return Room(np.zeros(MICROPHONE_FRAME, np.float32))


class Microphone:
    """Says `sounds` in order, each once the peer is idle for `gap_s`; `phase` notes when."""

    def __init__(
        self, sounds: Sequence[Sound], room: Room, first_frame: int, *, gap_s: float, until_idle_s: float
    ) -> None:
        utterances = [Utterance(str(index), sound.samples) for index, sound in enumerate(sounds)]
        self._scene = Scene(utterances, gap_s, until_idle_s)
        self._sounds, self._room, self._first_frame = sounds, room, first_frame
        self.current, self._ends = -1, 0
        self._answered_frames = 0
        self._over: Floats | None = None
        self.phase = Phase()
        self.ended = False

    def block(self, *, idle: bool, sounding: bool) -> Samples:
        """The next 10 ms, int16[160]; `sounding`: a block of an answer leaves the loudspeaker meanwhile."""
        frame = self._first_frame + self.phase.frames
        self.phase.frames += 1
        near_end, event = self._scene.block(idle and self._over is None)
        if isinstance(event, SceneSpeech):
            self.current, self._answered_frames = event.index, 0
            self._ends = frame + -(-self._sounds[event.index].samples.size // MICROPHONE_FRAME)
            self.phase.starts[event.index] = frame
        self.ended = self.ended or isinstance(event, SceneEnded)
        self._answered_frames += sounding and frame >= self._ends
        if self._is_time_to_interrupt():
            self._over = self._sounds[self.current].over
            self.phase.overs[self.current] = frame
        if self._over is not None:
            piece, self._over = self._over[:MICROPHONE_FRAME], self._over[MICROPHONE_FRAME:]
            near_end = np.pad(piece, (0, MICROPHONE_FRAME - piece.size))
            self._over = self._over if self._over.size else None
        return self._room.hear(near_end, None)[0]

    def _is_time_to_interrupt(self) -> bool:
        return (
            self.current >= 0
            and self._sounds[self.current].over is not None
            and self.current not in self.phase.overs
            and self._answered_frames > OVER_AFTER_FRAMES
        )

"""What the simulated people say and when: one sound file after another, each when nobody else is busy.

A file begins once the conversation has been idle, the loudspeaker silent and no file playing for `gap_s`;
the scene ends after `until_idle_s` of the same behind the last file. Time is counted in 10 ms frames, one
per call of `block`. A person does not stop talking because Wren was started again: `resume` finds the place.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from device.bus.paths import MICROPHONE_FRAME
from device.events import FRAME_MS, Event, SceneEnded, SceneSpeech


class Utterance(NamedTuple):
    """A sound file: float32[n], 16 kHz mono."""

    file: str
    samples: NDArray[np.float32]

    @property
    def frames(self) -> int:
        """Length in frames, the last one perhaps partly filled."""
        return -(-self.samples.size // MICROPHONE_FRAME)


class Scene:
    """Plays `utterances` in order; `until_idle_s` 0 never ends."""

    def __init__(self, utterances: list[Utterance], gap_s: float, until_idle_s: float) -> None:
        self._utterances = utterances
        self._gap = round(gap_s * 1000 / FRAME_MS)
        self._until_idle = round(until_idle_s * 1000 / FRAME_MS)
        self._current = -1  # index of the file that is or was last played
        self._at = 0  # its next frame
        self._idle_frames = 0
        self._ended = False

    def block(self, idle: bool) -> tuple[NDArray[np.float32] | None, Event | None]:
        """The next 10 ms of speech (None: silence) and what begins or ends with it; `idle`: Wren is."""
        event: Event | None = None
        talking = self._talking()
        self._idle_frames = self._idle_frames + 1 if idle and not talking else 0
        more = self._current + 1 < len(self._utterances)
        if idle and not talking and more and self._idle_frames > self._gap:
            self._current, self._at, self._idle_frames = self._current + 1, 0, 0
            file, samples = self._utterances[self._current]
            event = SceneSpeech(
                file=file, duration_ms=samples.size * FRAME_MS // MICROPHONE_FRAME, index=self._current
            )
        elif not more and self._until_idle and self._idle_frames > self._until_idle and not self._ended:
            self._ended = True
            event = SceneEnded(files=len(self._utterances))
        return self._next(), event

    def resume(self, index: int, elapsed_frames: int) -> None:
        """File `index` was begun `elapsed_frames` ago by a predecessor of this process."""
        if self._current < index < len(self._utterances):
            self._current, self._at = index, max(0, elapsed_frames)

    def _talking(self) -> bool:
        return self._current >= 0 and self._at < self._utterances[self._current].frames

    def _next(self) -> NDArray[np.float32] | None:
        if not self._talking():
            return None
        at = self._at * MICROPHONE_FRAME
        piece = self._utterances[self._current].samples[at : at + MICROPHONE_FRAME]
        self._at += 1
        return np.pad(piece, (0, MICROPHONE_FRAME - piece.size))

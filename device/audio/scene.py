"""What the simulated people say and when: one sound file after another, each when nobody else is busy.

A file begins once the conversation has been idle, the loudspeaker silent and no file playing for `gap_s`;
the scene ends after `until_idle_s` of the same behind the last file. Time is counted in 10 ms frames, one
per call of `block`. A person does not stop talking because Wren was started again: `resume` finds the place.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    """Plays `utterances` in order; `until_idle_s` 0 never ends.

    The files of `over` are said while Wren speaks: one during each reply, `over_after_s` after it began.
    """

    def __init__(
        self,
        utterances: list[Utterance],
        gap_s: float,
        until_idle_s: float,
        over: Sequence[Utterance] = (),
        over_after_s: float = 0.0,
    ) -> None:
        self._files = {False: list(utterances), True: list(over)}
        self._next = {False: 0, True: 0}
        self._gap, self._until_idle, self._over_after = map(_frames, (gap_s, until_idle_s, over_after_s))
        self._current: Utterance | None = None
        self._at = 0  # its next frame
        self._idle_frames = self._reply_frames = 0
        self._talked_over = self._ended = False

    def block(self, idle: bool, speaks: bool = False) -> tuple[NDArray[np.float32] | None, Event | None]:
        """The next 10 ms of speech (None: silence) and what begins or ends with it.

        `idle`: Wren waits for nobody; `speaks`: its voice is leaving the loudspeaker.
        """
        event: Event | None = None
        talking = self._talking()
        self._idle_frames = self._idle_frames + 1 if idle and not talking else 0
        self._reply_frames = 0 if idle else self._reply_frames + speaks
        self._talked_over &= not idle
        if speaks and not talking and self._reply_frames > self._over_after and not self._talked_over:
            event = self._begin(over=True)
        elif self._idle_frames > self._gap:
            event = self._begin(over=False)
        if event is None and self._until_idle and self._idle_frames > self._until_idle and not self._ended:
            self._ended = True
            event = SceneEnded(files=len(self._files[False]))
        return self._piece(), event

    def resume(self, index: int, elapsed_frames: int, *, over: bool = False) -> None:
        """File `index` was begun `elapsed_frames` ago by a predecessor of this process."""
        if self._next[over] <= index < len(self._files[over]):
            self._next[over] = index + 1
            self._current, self._at = self._files[over][index], max(0, elapsed_frames)

    def _begin(self, *, over: bool) -> Event | None:
        index = self._next[over]
        if index >= len(self._files[over]):
            return None
        self._next[over] = index + 1
        self._current, self._at, self._idle_frames = self._files[over][index], 0, 0
        self._talked_over = over
        file, samples = self._current
        duration_ms = samples.size * FRAME_MS // MICROPHONE_FRAME
        return SceneSpeech(file=file, duration_ms=duration_ms, index=index, over=over)

    def _talking(self) -> bool:
        return self._current is not None and self._at < self._current.frames

    def _piece(self) -> NDArray[np.float32] | None:
        if self._current is None or not self._talking():
            return None
        at = self._at * MICROPHONE_FRAME
        piece = self._current.samples[at : at + MICROPHONE_FRAME]
        self._at += 1
        return np.pad(piece, (0, MICROPHONE_FRAME - piece.size))


def _frames(seconds: float) -> int:
    return round(seconds * 1000 / FRAME_MS)

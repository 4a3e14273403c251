"""The sound of one voice on its way to the recogniser, from the wake word on or from behind it. No clock.

The frames go to the recogniser as they come, from `_MARGIN_MS` before the onset on. When the voice began with
the wake word, the recogniser may be given the rest only, which begins where the sound is quietest around the
frame in which the word was noticed; and the whole again, and the rest again.

Border: frames of int16[160], 16 kHz mono, numbered.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from device.hearing import Samples, frames_of
from device.hearing.background import Transcription
from device.hearing.vad import level_db

_MARGIN_MS = 300
_RECENT_FRAMES = 300
_CUT_BEFORE_MS, _CUT_AFTER_MS = 40, 250
_CUT_REACH_FRAMES = 2


class Segment:
    """What is heard goes to `transcriber` while the segment `is_open`."""

    def __init__(self, transcriber: Transcription) -> None:
        self._transcriber = transcriber
        self._recent: deque[tuple[int, Samples]] = deque(maxlen=_RECENT_FRAMES)
        self._frames: list[tuple[int, Samples]] = []
        self._rest_frame: int | None = None
        transcriber.reset()

    @property
    def is_open(self) -> bool:
        """Whether there is a voice."""
        return bool(self._frames)

    @property
    def has_rest(self) -> bool:
        """Whether the wake word has been left behind."""
        return self._rest_frame is not None

    @property
    def sound(self) -> Samples:
        """All of it, int16[n]."""
        return np.concatenate([samples for _, samples in self._frames])

    def accept(self, frame: int, samples: Samples) -> None:
        """Hears one frame."""
        self._recent.append((frame, samples))
        if self._frames:
            self._feed(frame, samples)

    def open(self, onset: int, earliest: int) -> None:
        """A voice began at `onset`, after the last one was closed; the segment reaches back to `earliest`."""
        first = max(earliest, onset - frames_of(_MARGIN_MS))
        for frame, samples in self._recent:
            if frame >= first:
                self._feed(frame, samples)

    def close(self) -> None:
        """There is no voice any more, and the recogniser forgets what it has heard."""
        self._frames, self._rest_frame = [], None
        self._transcriber.reset()

    def leave_word(self, noticed: int) -> None:
        """The recogniser shall hear only what comes behind the wake word, which was noticed at `noticed`."""
        self._rest_frame = quietest(
            self._frames, noticed - frames_of(_CUT_BEFORE_MS), noticed + frames_of(_CUT_AFTER_MS)
        )
        self.hand_over(whole=False)

    def hand_over(self, *, whole: bool) -> None:
        """Gives the recogniser all of it, or what comes behind the wake word."""
        self._transcriber.reset()
        for frame, samples in self._frames:
            if whole or self._rest_frame is None or frame >= self._rest_frame:
                self._transcriber.accept(samples)

    def _feed(self, frame: int, samples: Samples) -> None:
        self._frames.append((frame, samples))
        self._transcriber.accept(samples)


def quietest(segment: list[tuple[int, Samples]], first: int, last: int) -> int:
    """The frame from `first` to `last` around which the sound is quietest; `first` when there is none."""
    near = {frame: level_db(samples) for frame, samples in segment if first <= frame <= last}
    around = range(-_CUT_REACH_FRAMES, _CUT_REACH_FRAMES + 1)
    return min(
        near, key=lambda frame: sum(near.get(frame + step, near[frame]) for step in around), default=first
    )

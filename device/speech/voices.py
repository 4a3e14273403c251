"""Several voices as one: `Style.voice` says which of them speaks, all sound at the rate of the first.

Voices of another rate are resampled piece by piece (soxr). A voice that is not there is spoken by the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import soxr

from device.speech import Samples, Style
from device.speech.cancellation import Cancellation
from device.speech.voice import Spoken, Voice


class Voices:
    """The first voice, and others by name."""

    def __init__(self, first: Voice, others: Mapping[str, Voice]) -> None:
        self._first, self._others = first, others
        self.rate_hz = first.rate_hz

    def knows(self, text: str, style: Style) -> bool:
        """Whether `text` can be said without synthesis."""
        return self._of(style).knows(text, style)

    def say(self, text: str, style: Style, cancellation: Cancellation) -> Spoken:
        """Starts to speak. Raises Cancelled (also while the chunks are taken) and RuntimeError."""
        voice = self._of(style)
        spoken = voice.say(text, style, cancellation)
        if voice.rate_hz == self.rate_hz:
            return spoken
        ends = tuple(round(end * self.rate_hz / voice.rate_hz) for end in spoken.word_ends)
        chunks = _resampled(spoken.chunks, voice.rate_hz, self.rate_hz)
        return spoken._replace(word_ends=ends, chunks=chunks)

    def _of(self, style: Style) -> Voice:
        return self._others.get(style.voice, self._first)


def _resampled(chunks: Iterator[Samples], from_hz: int, to_hz: int) -> Iterator[Samples]:
    stream = soxr.ResampleStream(from_hz, to_hz, 1, dtype="int16")
    for chunk in chunks:
        yield stream.resample_chunk(chunk)
    yield stream.resample_chunk(np.zeros(0, np.int16), last=True)

"""Which of the texts that were recognised in one voice is the request. Pure: texts in, texts out.

What the recogniser was given when it read a text is its `Given`:

- `request`: the voice did not begin with the wake word; the text is the request.
- `word`: the wake word is in it; the text counts without the wake word, once that was recognised for certain.
- `rest`: the sound behind the wake word. Where that reading is not sure, the wake word is given as well, and
  the request is chosen from both (`device.hearing.transcript.request_of`).

What nobody could have said in the time that the voice lasted is no text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

import numpy as np

from device.hearing.asr import Recognition
from device.hearing.transcript import after_wake_word, distinct, invented, request_of
from device.hearing.vad import CHUNK_MS

_SURE = 0.95

Given = Literal["request", "word", "rest"]


class Reading(NamedTuple):
    """Text of all that was said, "" when that was no request; a better one may follow when not `settled`."""

    text: str
    confidence: float
    decode_ms: float
    settled: bool = True


class Choice:
    """Of one voice; `voiced` are the probabilities of its chunks that hold a voice."""

    def __init__(self, wake_word: str = "") -> None:
        self._wake_word = wake_word
        self._rest: Recognition | None = None  # not sure, so the wake word is recognised as well
        self._others: list[str] = []  # texts that were given up for another one
        self.reading: Reading | None = None

    @property
    def with_word(self) -> bool:
        """Whether the recogniser has to hear the wake word as well as the rest."""
        return self._rest is not None

    def forget(self) -> None:
        """The voice goes on: what was read is not all of it."""
        self.reading, self._rest, self._others = None, None, []

    def partial(self, text: str, given: Given) -> str:
        """The request so far, "" when there is none."""
        return self._certain_request(text) if given == "word" else text

    def final(self, found: Recognition, decode_ms: float, given: Given, voiced: Sequence[float]) -> Reading:
        """Takes the text of all that was said; when not settled, that with the wake word shall follow."""
        text, confidence = found
        settled = True
        if invented(text, _ms(voiced)):
            text = ""
        if self._rest is not None:
            whole = after_wake_word(text, self._wake_word)
            self._others = [self._rest.text, *([whole.text] if whole.certain else [])]
            text, confidence = request_of(whole, confidence, *self._rest)
        elif given == "rest" and confidence < _SURE:
            self._rest, settled = Recognition(text, confidence), False
        elif given == "word":
            text = self._certain_request(text)
        confidence = round(confidence * float(np.mean(voiced or 1.0)), 3)
        self.reading = Reading(text, confidence, decode_ms, settled)
        return self.reading

    def prefer(self, text: str, reading: str) -> bool:
        """Of the readings of `text` this one makes sense; whether `text` is what was read last."""
        if self.reading is None or self.reading.text != text:
            return False
        self.reading = self.reading._replace(text=reading)
        return True

    def readings(self, texts: Iterable[str], given: Given, voiced: Sequence[float]) -> tuple[str, ...]:
        """How the sound may be read, likeliest first, given what the recogniser found; () for one way."""
        if self.reading is None or not self.reading.text:
            return ()
        published = self.reading.text
        with_word = self.with_word or given == "word"
        found = [self._certain_request(text) if with_word else text for text in texts]
        possible = [text for text in (*found, published, *self._others) if not invented(text, _ms(voiced))]
        readings = distinct(possible, published)
        return () if set(readings) <= {published} else tuple(readings)

    def _certain_request(self, text: str) -> str:
        remainder = after_wake_word(text, self._wake_word)
        return remainder.text if remainder.certain else ""


def _ms(voiced: Sequence[float]) -> int:
    return len(voiced) * CHUNK_MS

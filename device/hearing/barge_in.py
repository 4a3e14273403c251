"""Barge-in: whether a voice over Wren's own speech is meant to interrupt it. Pure: verdicts in, signals out.

| in      | happens                                                        | signal   | then    |
|---------|----------------------------------------------------------------|----------|---------|
| quiet   | `_ONSET_CHUNKS` voiced chunks in a row                         | DUCK     | ducked  |
| ducked  | voice for `confirm_ms`, mean probability over `confidence`     | LOOK     |         |
|         | the text has words of a request, or is a stop word             | STOP     | ended   |
|         | the text is empty or a backchannel, the voice goes on          | LOOK     | (again) |
|         | such a voice for `_PATIENCE_MS`: a hum, a song                 | RESTORE  | refused |
|         | silence for `_LAST_LOOK_MS`: a last look, for stop words       | LOOK     |         |
|         | silence for `restore_ms` and no text is awaited                | RESTORE  | quiet   |
| refused | silence for `restore_ms`                                       |          | quiet   |

Voice activity alone cannot tell "mhm" and coughs from words, so the recogniser is the second witness: LOOK
asks for the text of the voice so far, which costs it some 30 ms. A voice that ended before `confirm_ms`
interrupts only with a stop word. A gap of up to `_GAP_CHUNKS` belongs to the voice: plosives are silent.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto

from rapidfuzz import fuzz

from device.hearing.transcript import sounds, words
from device.hearing.vad import CHUNK_FRAMES, CHUNK_MS
from device.settings import BargeIn

_ONSET_CHUNKS = 2
_GAP_CHUNKS = 3
_LAST_LOOK_MS = 130
_AGAIN_MS = 100
_PATIENCE_MS = 1200
_LIKE = 85  # of rapidfuzz's ratio, 0 to 100


class Signal(Enum):
    """What to do now."""

    DUCK = auto()  # somebody may be speaking since `onset_frame`
    LOOK = auto()  # recognise the voice so far, and `read` it
    STOP = auto()  # it is an interruption
    RESTORE = auto()  # it was nothing


class Vocabulary:
    """Words that decide: `stop` phrases end Wren's speech, a `backchannel` says "go on".

    A single short word gives a recogniser little to go by, so stop phrases are compared by their sound.
    """

    def __init__(self, stop: Sequence[str], backchannel: Sequence[str]) -> None:
        self._stop = {sounds(phrase) for phrase in stop}
        self._longest = max((len(words(phrase)) for phrase in stop), default=0)
        self._backchannel = {word for phrase in backchannel for word in words(phrase)}

    def stops(self, text: str) -> bool:
        """Whether the whole of `text` says no more than "stop"."""
        said = _without_repeats(words(text))
        key = sounds(" ".join(said))
        return 0 < len(said) <= self._longest and any(fuzz.ratio(key, stop) >= _LIKE for stop in self._stop)

    def interrupts(self, text: str) -> bool:
        """Whether `text` has a word that is not a mere sign of listening."""
        return any(not self._listening(word) for word in words(text))

    def _listening(self, word: str) -> bool:
        return word in self._backchannel or len(set(word)) == 1 or _squeezed(word) in self._backchannel


class BargeInDetector:
    """Follows the voice activity while Wren speaks; `rules` may be replaced at any time."""

    def __init__(self, rules: BargeIn, vocabulary: Vocabulary, vad_threshold: float) -> None:
        self.rules, self._vocabulary, self._threshold = rules, vocabulary, vad_threshold
        self.onset_frame = -1
        self._state = "quiet"
        self._run = 0
        self._run_frame = 0
        self._probabilities: list[float] = []
        self._silent_chunks = 0
        self._awaits_text = False
        self._looked_at_ms = 0
        self._last_look = False

    @property
    def ducked(self) -> bool:
        """Whether the loudspeaker is quiet for somebody who may be speaking."""
        return self._state == "ducked"

    @property
    def voice_ended(self) -> bool:
        """Whether the voice that was heard last is over."""
        return self._silent_chunks > _GAP_CHUNKS

    @property
    def _voiced_ms(self) -> int:
        return len(self._probabilities) * CHUNK_MS

    def accept(self, frame: int, probability: float) -> Signal | None:
        """Takes the voice probability of the chunk that ends with `frame`."""
        voiced = probability >= self._threshold
        self._silent_chunks = 0 if voiced else self._silent_chunks + 1
        if self._state == "quiet":
            return self._begin(frame, voiced, probability)
        if self._state == "refused":
            if self._silent_ms >= self.rules.restore_ms:
                self._reset()
            return None
        if self._state != "ducked":
            return None
        if voiced:
            self._probabilities.append(probability)
            self._last_look = False
        return self._follow()

    def read(self, text: str) -> Signal | None:
        """Takes the text of the voice when LOOK asked for it."""
        self._awaits_text = False
        if self._state != "ducked":
            return None
        if self._vocabulary.stops(text) or (self._confirmed and self._vocabulary.interrupts(text)):
            self._state = "ended"
            return Signal.STOP
        if self._voiced_ms >= _PATIENCE_MS and not self.voice_ended:
            self._state = "refused"
            return Signal.RESTORE
        return None

    @property
    def _silent_ms(self) -> int:
        return self._silent_chunks * CHUNK_MS

    @property
    def _confirmed(self) -> bool:
        return (
            self._voiced_ms >= self.rules.confirm_ms
            and sum(self._probabilities) / len(self._probabilities) >= self.rules.confidence
        )

    def _begin(self, frame: int, voiced: bool, probability: float) -> Signal | None:
        if not voiced:
            self._run = 0
            self._probabilities.clear()
            return None
        if self._run == 0:
            self._run_frame = frame - round(CHUNK_FRAMES) + 1
        self._run += 1
        self._probabilities.append(probability)
        if self._run < _ONSET_CHUNKS:
            return None
        self._state, self.onset_frame = "ducked", self._run_frame
        return Signal.DUCK

    def _follow(self) -> Signal | None:
        if self._awaits_text:
            return None
        if self.voice_ended:
            if not self._last_look and self._silent_ms >= _LAST_LOOK_MS:
                self._last_look = True
                return self._look()
            if self._silent_ms >= self.rules.restore_ms:
                self._reset()
                return Signal.RESTORE
            return None
        if self._confirmed and self._voiced_ms >= self._looked_at_ms + _AGAIN_MS:
            return self._look()
        return None

    def _look(self) -> Signal:
        self._awaits_text, self._looked_at_ms = True, self._voiced_ms
        return Signal.LOOK

    def _reset(self) -> None:
        self._state, self._run, self._silent_chunks = "quiet", 0, 0
        self._probabilities = []
        self._awaits_text = self._last_look = False
        self._looked_at_ms = 0


def _squeezed(word: str) -> str:
    """`word` with runs of one letter made one."""
    return "".join(letter for i, letter in enumerate(word) if i == 0 or letter != word[i - 1])


def _without_repeats(said: list[str]) -> tuple[str, ...]:
    return tuple(word for i, word in enumerate(said) if i == 0 or word != said[i - 1])

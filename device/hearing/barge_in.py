"""Barge-in: whether a voice over Wren's own speech is meant to interrupt it. Pure: verdicts in, signals out.

| in      | happens                                                           | signal   | then    |
|---------|-------------------------------------------------------------------|----------|---------|
| quiet   | the level rises, or `_ONSET_CHUNKS` voiced chunks in a row        | DUCK     | ducked  |
| ducked  | voice for `confirm_ms`, and the witness is sure of words          | STOP     | ended   |
|         | the same, but it only believes so, or echo is left in             | LOOK     |         |
|         | a voice for `_PATIENCE_MS` that was not confirmed: a hum, a song  | RESTORE  | refused |
|         | silence for `_LAST_LOOK_MS` after a voice: for stop words         | LOOK     |         |
|         | the text is a stop word; or the witness believes it and it speaks | STOP     | ended   |
|         | silence for `restore_ms` and no text is awaited                   | RESTORE  | quiet   |
| refused | silence for `restore_ms`                                          |          | quiet   |

Voice activity alone cannot tell "mhm" and music from words, and a recogniser hears words in both; a `Witness`
of the sound is surer and sooner. What it cannot tell from words is "ah" and "uh-huh", and those a recogniser
reads as they are: so where it is not `_SURE` the text must hold more than signs of listening. Where echo is
left in, Wren's own voice has words too, so there the text always counts.
What `may_be_echo` stops nothing but by a stop word; words that it said count as soon as it is no longer so,
and those of a voice that was louder also when their text comes after it.
How much the witness must believe falls to `confidence` in the first `_LATE_FRAMES`: see `needed_confidence`.
They count from the voice on, not from the noise before it that may have ducked Wren.
A gap of up to `_GAP_CHUNKS` belongs to the voice: plosives are silent. What was said begins with what was
let go up to `_SAME_BREATH_FRAMES` before, be it a rise: people begin softly, or wait until they are heard.
A sign of listening does not begin a request, nor does what may be Wren's own voice.
Where a voice `lasts` before it is known what it is, Wren waits for that instead of speaking under it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import Enum, auto

from rapidfuzz import fuzz

from device.hearing import Floats
from device.hearing.rise import RISE_FRAMES
from device.hearing.transcript import sounds, words
from device.hearing.vad import CHUNK_FRAMES, CHUNK_MS, HYSTERESIS
from device.hearing.witness import Belief, features
from device.settings import BargeIn

_ONSET_CHUNKS = 2
_GAP_CHUNKS = 3
_LAST_LOOK_MS = 130
_AGAIN_MS, _AGAIN_IN_ECHO_MS = 64, 100
_PATIENCE_MS = 1200
_SAME_BREATH_FRAMES = 70
_LEAD_FRAMES = 7  # what of a voice goes before its first voiced chunk
_EARLY_FRAMES, _LATE_FRAMES = 14, 30
_SURE = 0.98  # of the witness, who then needs no text
_EARLY_DOUBT = 0.15  # of the doubt that `confidence` leaves, so much is left to an early decision
_LIKE = 85  # of rapidfuzz's ratio, 0 to 100


Sound = Callable[[int], Floats]  # what the witness wants to know of so many frames, the latest


class Signal(Enum):
    """What to do now."""

    DUCK = auto()  # somebody may be speaking since `onset_frame`
    LOOK = auto()  # recognise the voice so far, and `read` it
    STOP = auto()  # it is an interruption
    RESTORE = auto()  # it was nothing


class Vocabulary:
    """Words that decide: `stop` phrases end Wren's speech, a `backchannel` says "go on".

    `murmurs` are what a recogniser makes of "mhm" and "uh-huh". It also makes "nice" of a "next" that just
    began: so these are fewer than the words that say "go on" once all was said.
    A single short word gives a recogniser little to go by, so stop phrases are compared by their sound, but
    with as many words: "and uh" is not "enough". "yes" sounds like "hush" then, and is none all the same.
    """

    def __init__(self, stop: Sequence[str], backchannel: Sequence[str], murmurs: Sequence[str] = ()) -> None:
        self._stop = {(len(words(phrase)), sounds(phrase)) for phrase in stop}
        self._backchannel = {word for phrase in backchannel for word in words(phrase)}
        self._murmurs = {word for phrase in murmurs for word in words(phrase)}

    def stops(self, text: str) -> bool:
        """Whether the whole of `text` says no more than "stop"."""
        said = _without_repeats(words(text))
        if self._backchannel.issuperset(said):
            return False
        key = sounds(" ".join(said))
        return any(len(said) == count and fuzz.ratio(key, stop) >= _LIKE for count, stop in self._stop)

    def interrupts(self, text: str) -> bool:
        """Whether `text` has a word that is not a mere sign of listening."""
        return any(not _is_among(self._backchannel, word) for word in words(text))

    def speaks(self, text: str) -> bool:
        """Whether `text`, of which more may follow, has a word that is no murmur."""
        return any(not _is_among(self._murmurs, word) for word in words(text))


class BargeInDetector:
    """Follows the voice activity while Wren speaks; `rules` may be replaced at any time."""

    def __init__(
        self,
        rules: BargeIn,
        vocabulary: Vocabulary,
        vad_threshold: float,
        witness: Belief,
        *,
        has_echo: bool = False,
    ) -> None:
        self.rules, self._vocabulary, self._threshold = rules, vocabulary, vad_threshold
        self._witness, self._has_echo = witness, has_echo
        self.may_be_echo = False  # what is heard just now may be Wren's own voice
        self.onset_frame = self.begin_frame = -1  # of the voice, and of what was said
        self._state = "quiet"
        self._run = 0
        self._run_frame = 0
        self._voice_frame: int | None = None  # where the voice begins, in what may have begun with noise
        self._voiced_frame = 0  # the last one
        self._is_louder = False  # than echo can be: what ducks Wren
        self._says_nothing = False  # but signs of listening, or what Wren says
        self._let_go: tuple[int, int] | None = None  # first and last frame of the voice before, or of a rise
        self._voiced_chunks = 0
        self._probabilities: list[float] = []
        self._silent_chunks = 0
        self._awaits_text = False
        self._looked_at_ms = 0
        self._last_look = False
        self._confirmed = self._sure = False
        self._said_words = False  # by a voice that may have been Wren's own
        self._asked_confirmed = False  # what the latest text was asked for

    @property
    def ducked(self) -> bool:
        """Whether the loudspeaker is quiet for somebody who may be speaking."""
        return self._state == "ducked"

    @property
    def lasts(self) -> bool:
        """Whether a voice has lasted for so long that Wren should wait; what may be its own never counts."""
        may_be_own = self._has_echo or self.may_be_echo
        return self.ducked and self._voiced_ms >= self.rules.pause_ms and not may_be_own

    @property
    def voice_ended(self) -> bool:
        """Whether the voice that was heard last is over."""
        return self._silent_chunks > _GAP_CHUNKS

    @property
    def _voiced_ms(self) -> int:
        return self._voiced_chunks * CHUNK_MS

    def rise(self, frame: int) -> Signal | None:
        """The level has risen by `frame`."""
        if self._state != "quiet" or self._has_echo:
            return None
        if not self._run:
            self._run_frame = frame - RISE_FRAMES + 1
        self._silent_chunks = 0
        return self._duck()

    def hear_again(self, chunks: Iterable[tuple[int, float]]) -> None:
        """Takes better probabilities for the chunks since the onset, each with its last frame."""
        self._forget_voice()
        for frame, probability in chunks:
            self._count(frame, probability)

    def accept(self, frame: int, probability: float, sound: Sound) -> Signal | None:
        """Takes the voice probability of the chunk that ends with `frame`, and the sound up to it."""
        voiced = self._is_voiced(probability)
        self._silent_chunks = 0 if voiced else self._silent_chunks + 1
        if self._state == "quiet":
            return self._begin(frame, voiced, probability)
        if self._state == "refused":
            if self._silent_ms >= self.rules.restore_ms:
                self._reset()
            return None
        if self._state != "ducked":
            return None
        self._count(frame, probability)
        self._is_louder |= not self.may_be_echo
        if voiced:
            self._last_look = False
            self._hear_words(frame, sound)
        return self._follow()

    def read(self, text: str, *, own: bool = False) -> Signal | None:
        """Takes the text of the voice when LOOK asked for it; `own`: Wren said it, and it is left out."""
        self._awaits_text = False
        self._says_nothing = own or (bool(words(text)) and not self._vocabulary.interrupts(text))
        if self._state != "ducked":
            return None
        has_words = self._vocabulary.interrupts if self._has_echo else self._vocabulary.speaks
        self._said_words = self._asked_confirmed and has_words(text)
        counts = self._is_louder or not self.may_be_echo
        if (self._said_words and counts) or self._vocabulary.stops(text):
            self._state = "ended"
            return Signal.STOP
        return None

    @property
    def _silent_ms(self) -> int:
        return self._silent_chunks * CHUNK_MS

    def _count(self, frame: int, probability: float) -> None:
        voiced = self._is_voiced(probability)
        if voiced and self._voice_frame is None:
            self._voice_frame = max(self.onset_frame, frame - _LEAD_FRAMES)
        if self._voice_frame is not None:
            self._probabilities.append(probability)
        if voiced:
            self._voiced_chunks, self._voiced_frame = self._voiced_chunks + 1, frame

    def _forget_voice(self) -> None:
        self._voice_frame, self._voiced_chunks, self._probabilities = None, 0, []

    def _is_voiced(self, probability: float) -> bool:
        may_falter = self._state == "ducked" and not self._has_echo
        return probability >= self._threshold - (HYSTERESIS if may_falter else 0)

    def _hear_words(self, frame: int, sound: Sound) -> None:
        self._confirmed = self._sure = False
        if self._voice_frame is None or self._voiced_ms < self.rules.confirm_ms:
            return
        lasted, mean = frame - self._voice_frame, sum(self._probabilities) / len(self._probabilities)
        given = features(sound(lasted + 1), lasted, self._voiced_chunks, mean)
        belief = self._witness.probability(given)
        self._confirmed = belief >= needed_confidence(self.rules.confidence, lasted)
        self._sure = self._confirmed and belief >= _SURE and not self._has_echo

    def _begin(self, frame: int, voiced: bool, probability: float) -> Signal | None:
        if not voiced:
            self._reset()
            return None
        if self._run == 0:
            self._run_frame = frame - round(CHUNK_FRAMES) + 1
        self._run += 1
        self._count(frame, probability)
        return self._duck() if self._run >= _ONSET_CHUNKS else None

    def _duck(self) -> Signal:
        self._state, self.onset_frame = "ducked", self._run_frame
        self.begin_frame = self.onset_frame
        self._is_louder, self._says_nothing = not self.may_be_echo, False
        if self._let_go is not None:
            first, last = self._let_go
            if self.onset_frame - last <= _SAME_BREATH_FRAMES:
                self.begin_frame = first
        return Signal.DUCK

    def _follow(self) -> Signal | None:
        is_meant = self._sure or (self._said_words and self._confirmed)
        if is_meant and not self.may_be_echo and not self.voice_ended:
            self._state = "ended"
            return Signal.STOP
        if self._awaits_text:
            return None
        if self.voice_ended:
            if self._voiced_chunks and not self._last_look and self._silent_ms >= _LAST_LOOK_MS:
                self._last_look = True
                return self._look()
            if self._silent_ms >= self.rules.restore_ms:
                if self._is_louder and not (self._says_nothing or self._has_echo):
                    self._let_go = self.onset_frame, max(self.onset_frame, self._voiced_frame)
                self._reset()
                return Signal.RESTORE
            return None
        if self._voiced_ms >= _PATIENCE_MS:
            self._state = "refused"
            return Signal.RESTORE
        again_ms = _AGAIN_IN_ECHO_MS if self._has_echo else _AGAIN_MS
        if self._confirmed and self._voiced_ms >= self._looked_at_ms + again_ms:
            return self._look()
        return None

    def _look(self) -> Signal:
        self._awaits_text, self._looked_at_ms = True, self._voiced_ms
        self._asked_confirmed = self._confirmed
        return Signal.LOOK

    def _reset(self) -> None:
        self._state, self._run = "quiet", 0
        self._forget_voice()
        self._awaits_text = self._last_look = self._confirmed = self._sure = self._said_words = False
        self._looked_at_ms = 0


def needed_confidence(confidence: float, lasted_frames: int) -> float:
    """What is enough so long into the voice: an early decision has heard less, and must be surer."""
    share = (lasted_frames - _EARLY_FRAMES) / (_LATE_FRAMES - _EARLY_FRAMES)
    early = 1 - _EARLY_DOUBT * (1 - confidence)
    return early + (confidence - early) * min(1.0, max(0.0, share))


def _is_among(known: set[str], word: str) -> bool:
    return word in known or len(set(word)) == 1 or _squeezed(word) in known


def _squeezed(word: str) -> str:
    """`word` with runs of one letter made one."""
    return "".join(letter for i, letter in enumerate(word) if i == 0 or letter != word[i - 1])


def _without_repeats(said: list[str]) -> tuple[str, ...]:
    return tuple(word for i, word in enumerate(said) if i == 0 or word != said[i - 1])

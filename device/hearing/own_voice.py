"""Whether it was Wren itself who was heard: are such words leaving the loudspeaker.

Echo cancellation leaves little of Wren's voice, and now and then enough for a wake word ("Say Alexa, turn on
the light"). A detection does not count when words that sound like the wake word left the loudspeaker during
the `WINDOW_MS` before it: a detector answers within a second of the end of a word, and its echo is late by
what the room and the sound card take. A person who says it while Wren says anything else is heard. Nor does
a text interrupt Wren that reads like what left while its sound lasted; of a short text all must be like a run
of those words, since a few letters are found somewhere in any sentence.

Each microphone frame names the sample of the speaker ring that left as it began (`position`), each clause
says where its words end (`ReplyAudio`), and `locate` says which clause a sample of the ring belongs to.

Pure: frames of 10 ms, samples at the voice's rate.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from rapidfuzz import fuzz

from device.events import FRAME_MS, ReplyAudio
from device.hearing import frames_of
from device.hearing.transcript import sounds, words

WINDOW_MS, _KEPT_MS = 1200, 4000
_LATE_MS = 200  # of the echo, at most
_READ_LIKE, _SHORT_LIKE = 80, 75  # percent
_SHORT_LETTERS = 9
_LEAST_SHARE = 0.7  # of a text that Wren's words must make up: a recogniser adds some at its edges
_STEP = 4  # frames between places that are looked up
_LIKE_SOUNDS, _LIKE_LETTERS = 88, 65  # percent; the first alone takes "alike" for "alexa"
_TURNS = 2


class Place(NamedTuple):
    """Of a speaker-ring sample: its clause, and where in it."""

    turn: int
    clause: int
    offset: int


Locate = Callable[[int], Place | None]


class OwnVoice:
    """What left the loudspeaker lately."""

    def __init__(self) -> None:
        self._clauses: dict[tuple[int, int], ReplyAudio] = {}
        self._left: deque[tuple[int, int]] = deque(maxlen=frames_of(_KEPT_MS))  # frame, position

    def announce(self, audio: ReplyAudio) -> None:
        """The words of a clause that is about to be played."""
        self._clauses[audio.turn, audio.clause] = audio
        for key in [key for key in self._clauses if key[0] <= audio.turn - _TURNS]:
            del self._clauses[key]

    def leaves(self, frame: int, position: int) -> None:
        """Speaker-ring sample `position` left as `frame` began."""
        self._left.append((frame, position))

    def words(self, frame: int, locate: Locate, window_ms: int = WINDOW_MS) -> list[str]:
        """The words of which something left in the `window_ms` up to `frame`."""
        spans: dict[tuple[int, int], tuple[int, int]] = {}
        for at, position in [*self._left][::-_STEP]:
            if not 0 <= frame - at < frames_of(window_ms) or (place := locate(position)) is None:
                continue
            first, last = spans.get(place[:2], (place.offset, place.offset))
            spans[place[:2]] = (min(first, place.offset), max(last, place.offset))
        left: list[str] = []
        for key, (first, last) in sorted(spans.items()):
            if (audio := self._clauses.get(key)) is None:
                continue
            begin = 0
            for word, end in zip(audio.words, audio.word_ends, strict=False):
                if end > first and begin <= last:
                    left.append(word)
                begin = end
        return left

    def says(self, wake_word: str, frame: int, locate: Locate) -> bool:
        """Whether a detection of `wake_word` at `frame` is Wren's own doing."""
        return sounds_like(self.words(frame, locate), wake_word)

    def reads(self, text: str, first: int, last: int, locate: Locate) -> bool:
        """Whether `text`, of a sound from frame `first` to `last`, is what Wren says."""
        return reads_like(self.words(last, locate, (last - first) * FRAME_MS + _LATE_MS), text)


def reads_like(said: list[str], text: str) -> bool:
    """Whether `text` is part of the words in `said`, as a recogniser may have read them."""
    own, read = [word for one in said for word in words(one)], words(text)
    key = sounds(text)
    if len(key) >= _SHORT_LETTERS:
        whole = sounds(" ".join(own))
        return len(whole) >= _LEAST_SHARE * len(key) and fuzz.partial_ratio(key, whole) >= _READ_LIKE
    lengths = range(1, len(read) + 2)
    runs = (sounds(" ".join(own[at : at + length])) for at in range(len(own)) for length in lengths)
    return bool(key) and any(fuzz.ratio(key, run) >= _SHORT_LIKE for run in runs)


def sounds_like(said: list[str], wake_word: str) -> bool:
    """Whether a run of the words in `said` holds something like `wake_word`, as "a lexicon" does "alexa"."""
    heard, letters, longest = sounds(wake_word), "".join(words(wake_word)), len(words(wake_word)) + 1
    return any(
        _likeness(sounds(run), heard) >= _LIKE_SOUNDS and _likeness(run, letters) >= _LIKE_LETTERS
        for first in range(len(said))
        for last in range(first + 1, first + longest + 1)
        if (run := "".join(words(" ".join(said[first:last]))))
    )


def _likeness(run: str, target: str) -> float:
    return fuzz.ratio(run, target) if len(run) < len(target) else fuzz.partial_ratio(target, run)

"""Listening while Wren speaks: microphone frames in, what to do with the loudspeaker out. No clock, no bus.

Level, voice activity and recognition meet here for the rules of `barge_in`; once the loudspeaker is ducked,
voice activity is that of a `SecondLook`. A possible voice goes to the recogniser from `_MARGIN_MS` before
its onset on. Its text only decides about the interruption; the request is recognised afterwards, by an
`Utterance` that reads the same frames again.

Text that Wren itself is saying (an echo that was not cancelled) never interrupts. Else a stop word does, or a
voice louder than echo may be: in `_LOUD_FRAMES` of the latest `_JUDGED_FRAMES`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from device.hearing import Floats, Samples, frames_of
from device.hearing.background import Partial, Transcription
from device.hearing.barge_in import BargeInDetector, Signal, Vocabulary
from device.hearing.rise import LevelRise
from device.hearing.second_look import STATES, SecondLook
from device.hearing.vad import SileroVad, VoiceActivity
from device.hearing.witness import Belief, Sounds, Witness
from device.settings import BargeIn

_MARGIN_MS = 300
_LOUD_FRAMES, _JUDGED_FRAMES = 5, 20

IsOwn = Callable[[str, int, int], bool]


class Duck(NamedTuple):
    """Somebody may be speaking since `frame`."""

    frame: int


class Pause(NamedTuple):
    """The voice lasts: Wren should wait until it is known what it is."""


class Restore(NamedTuple):
    """It was nothing: as loud as before."""


class Interrupted(NamedTuple):
    """Somebody speaks since `frame`, having begun in `begun`; `stop` when all is the stop word `text`."""

    frame: int
    begun: int
    text: str
    stop: bool


Fact = Duck | Pause | Restore | Interrupted


def _never(_text: str, _first: int, _last: int) -> bool:
    return False


class Interruption:
    """Hears the frames of Wren's speech, `has_echo` when that is in them; `done` once it was interrupted.

    `is_own` tells of a text, and of the first and the last frame of its sound, whether Wren is saying it.
    """

    def __init__(
        self,
        vad: SileroVad,
        transcriber: Transcription,
        rules: BargeIn,
        vocabulary: Vocabulary,
        vad_threshold: float,
        *,
        has_echo: bool = False,
        is_own: IsOwn = _never,
        witness: Belief | None = None,
    ) -> None:
        self._is_own = is_own
        self._transcriber, self._vocabulary = transcriber, vocabulary
        self._vad, self._threshold = vad, vad_threshold
        self._activity = VoiceActivity(vad, vad_threshold)
        self._look: SecondLook | None = None  # at the voice that may be speaking
        self._detector = BargeInDetector(
            rules, vocabulary, vad_threshold, witness or Witness(), has_echo=has_echo
        )
        self._rise, self._sounds = LevelRise(), Sounds()
        self._recent: deque[tuple[int, Samples]] = deque(maxlen=frames_of(_MARGIN_MS) + 30)
        self._loud: deque[bool] = deque(maxlen=_JUDGED_FRAMES)  # louder than echo
        self._looks = False  # whether a text was asked for
        self._pauses = False  # whether Wren waits
        self.done = False
        transcriber.reset()

    @property
    def pending(self) -> bool:
        """Whether somebody may be speaking just now."""
        return self._detector.ducked

    def configure(self, rules: BargeIn) -> None:
        """Takes over changed settings."""
        self._detector.rules = rules

    def accept(
        self,
        frame: int,
        samples: Samples,
        *,
        voice: Samples | None = None,
        cue: bool = False,
        may_be_echo: bool = False,
    ) -> list[Fact]:
        """Hears one frame; `voice` is the same one for recognition, where there is a better one for that.

        `may_be_echo` when the frame is no louder than echo can be.
        """
        if self.done:
            return []
        spoken = samples if voice is None else voice
        self._recent.append((frame, spoken))
        self._loud.append(not may_be_echo)
        self._detector.may_be_echo = not all(self._loud) and sum(self._loud) < _LOUD_FRAMES
        if self._detector.ducked:
            self._transcriber.accept(spoken)
        self._sounds.accept(samples, spoken)
        facts: list[Fact] = []
        look = self._look
        if self._rise.accept(samples) and not cue and not may_be_echo:
            facts += self._follow(self._detector.rise(frame))
        verdict = self._activity.accept(frame, samples, cue=cue)
        if look is not None:
            verdict = look.accept(frame, spoken, cue=cue)
        elif self._look is not None:
            return facts  # it has heard this frame
        if verdict is not None:
            probability = 0.0 if verdict.doubtful else verdict.probability
            facts += self._follow(self._detector.accept(frame, probability, self._latest))
        if self._detector.lasts and not self._pauses:
            self._pauses = True
            facts.append(Pause())
        return facts

    def skip(self, frame: int) -> list[Fact]:
        """A frame without usable sound."""
        return [] if self.done else self._follow(self._detector.accept(frame, 0.0, self._latest))

    def poll(self) -> list[Fact]:
        """What the recogniser has found."""
        facts: list[Fact] = []
        for found in self._transcriber.poll():
            if isinstance(found, Partial) and self._looks and not self.done:
                self._looks = False
                first = self._detector.onset_frame - frames_of(_MARGIN_MS)
                own = self._is_own(found.text, first, self._recent[-1][0])
                text = "" if own else found.text
                facts += self._follow(self._detector.read(text, own=own), text)
        return facts

    def _latest(self, frames: int) -> Floats:
        states = np.zeros(STATES, np.float32) if self._look is None else self._look.states
        return self._sounds.latest(frames, states)

    def _follow(self, signal: Signal | None, text: str = "") -> list[Fact]:
        match signal:
            case Signal.DUCK:
                self._transcriber.reset()
                onset = self._detector.onset_frame
                for frame, samples in self._recent:
                    if frame >= onset - frames_of(_MARGIN_MS):
                        self._transcriber.accept(samples)
                self._look = SecondLook(self._vad, self._threshold, onset, self._recent)
                self._detector.hear_again(self._look.chunks)
                self._pauses = False
                return [Duck(onset)]
            case Signal.LOOK:
                self._looks = True
                self._transcriber.request_partial()
            case Signal.RESTORE:
                self._looks, self._look = False, None
                return [Restore()]
            case Signal.STOP:
                self.done = True
                stop = self._detector.voice_ended and self._vocabulary.stops(text)
                return [Interrupted(self._detector.onset_frame, self._detector.begin_frame, text, stop)]
        return []

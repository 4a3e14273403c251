"""One utterance from the opened ear to its text: frames in, facts out. No clock, no bus.

Voice activity, endpointing and recognition meet here. The sound of a voice goes to the recogniser from
`_MARGIN_MS` before its onset; the final text is asked for at the first pause that may be the end, so that it
is ready when the end is declared, and is thrown away when the person speaks on.

After a wake word, which was noticed at `since`, the frames begin in the past (pre-roll), so the first segment
holds the wake word itself and whatever was said in the same breath:

- A voice that ends within `_WORD_TAIL_MS` of `since` was the wake word, unless the text has more, and is
  dropped. openWakeWord notices a word 150 ms before its end (median of 266 recordings; 280 ms before to 60 ms
  after it in 94 of 100).
- When the voice goes on, only the sound after the wake word is recognised, from the quietest frames around
  `since` on. If that reading is not sure, the whole is recognised as well: see `request_of`.

A short noise without text is dropped as well; a longer voice without text ends the utterance (`no_text`), and
so does text that nobody could have said in that time.
"""

from __future__ import annotations

from collections import deque
from typing import Literal, NamedTuple

import numpy as np

from device.hearing import Samples, frames_of
from device.hearing.asr import Recognition
from device.hearing.background import Partial, Transcriber
from device.hearing.endpoint import Endpointer, Signal
from device.hearing.transcript import after_wake_word, invented, request_of
from device.hearing.vad import CHUNK_MS, SileroVad, Voice, VoiceActivity, level_db
from device.settings import Listen

_MARGIN_MS = 300
_AFTER_DROPPED_FRAMES = 3
_RECENT_FRAMES = 80
_WORD_TAIL_MS = 300
_CUT_BEFORE_MS, _CUT_AFTER_MS = 40, 250
_CUT_REACH_FRAMES = 2
_NOISE_MS = 300
_SURE = 0.95
_DECODING_SHARE = 3  # partial texts take at most one part in so many of the time


class Began(NamedTuple):
    """A voice with a request, since `frame`."""

    frame: int


class PartialText(NamedTuple):
    """The request so far."""

    text: str


class Hypothesis(NamedTuple):
    """Perhaps the whole request."""

    text: str
    confidence: float


class Finished(NamedTuple):
    """The request; its last voiced sample was in `last_voiced_frame`."""

    text: str
    confidence: float
    decode_ms: float
    last_voiced_frame: int


class Abandoned(NamedTuple):
    """There was no request."""

    reason: Literal["no_speech", "no_text"]


Fact = Began | PartialText | Hypothesis | Finished | Abandoned


class Utterance:
    """Hears frames from about `since` on, or from before it with `wake_word`; `done` after its last fact."""

    def __init__(
        self,
        vad: SileroVad,
        transcriber: Transcriber,
        rules: Listen,
        since: int,
        *,
        wake_word: str = "",
        timeout_ms: int | None = None,
    ) -> None:
        self._transcriber, self._rules, self._since, self._wake_word = transcriber, rules, since, wake_word
        self._activity = VoiceActivity(vad, rules.vad_threshold)
        self._endpointer = Endpointer(rules, since, timeout_ms=timeout_ms)
        self._recent: deque[tuple[int, Samples]] = deque(maxlen=_RECENT_FRAMES)
        self._earliest = -1  # what was dropped lies before this frame
        self._began = self._noise_heard = False
        self.done = False
        self._partial_frame, self._decode_ms = since, 0.0
        self._segment: list[tuple[int, Samples]] = []
        self._word_inside = False
        self._rest_frame: int | None = None  # sound before it is not recognised
        self._rest: Recognition | None = None  # its reading, while the whole is recognised as well
        self._voiced: list[float] = []
        self._ticket: int | None = None
        self._answer: Finished | None = None
        self._transcriber.reset()

    def accept(
        self, frame: int, samples: Samples, *, voice: Samples | None = None, cue: bool = False
    ) -> list[Fact]:
        """Hears one frame; `voice` is the same one for recognition, where there is a better one for that."""
        if self.done:
            return []
        spoken = samples if voice is None else voice
        self._recent.append((frame, spoken))
        if self._segment:
            self._feed(frame, spoken)
        verdict = self._activity.accept(frame, samples, cue=cue)
        if verdict is None:
            return []
        signal = self._endpointer.accept(
            frame, verdict.voiced, verdict.last_voiced_frame, doubtful=verdict.doubtful
        )
        facts = self._follow(signal)
        self._count(verdict)
        return facts + self._begin(frame, verdict) if not self.done else facts

    def skip(self, frame: int) -> list[Fact]:
        """A frame without usable sound."""
        return [] if self.done else self._follow(self._endpointer.skip(frame))

    def poll(self) -> list[Fact]:
        """What the recogniser has found."""
        facts: list[Fact] = []
        for text in self._transcriber.poll():
            self._decode_ms = text.decode_ms
            if isinstance(text, Partial):
                facts += self._publish(text.text)
            elif text.ticket == self._ticket:
                self._ticket = None
                facts += self._judge(text.recognition, text.decode_ms)
        return facts

    # --- sound ------------------------------------------------------------------------------------------

    def _feed(self, frame: int, samples: Samples) -> None:
        self._segment.append((frame, samples))
        self._transcriber.accept(samples)

    def _follow(self, signal: Signal | None) -> list[Fact]:
        match signal:
            case Signal.ONSET:
                self._start()
            case Signal.RESUMED:
                self._resume()
            case Signal.HYPOTHESIS:
                self._ask()
            case Signal.END:
                return self._end()
            case Signal.NO_SPEECH:
                self.done = True
                return [Abandoned("no_text" if self._noise_heard else "no_speech")]
        return []

    def _start(self) -> None:
        onset = self._endpointer.onset_frame or 0
        self._drop()
        self._partial_frame = max(onset, self._since)
        self._word_inside = bool(self._wake_word) and onset <= self._since
        first = max(self._earliest, onset - frames_of(_MARGIN_MS))
        for frame, samples in self._recent:
            if frame >= first:
                self._feed(frame, samples)

    def _resume(self) -> None:
        self._ticket, self._answer = None, None
        if self._rest is not None and self._rest_frame is not None:
            self._rest = None
            self._hand_over(self._rest_frame)

    def _hand_over(self, first: int) -> None:
        self._transcriber.reset()
        for frame, samples in self._segment:
            if frame >= first:
                self._transcriber.accept(samples)

    def _drop(self) -> None:
        self._segment, self._voiced = [], []
        self._word_inside, self._rest_frame, self._rest = False, None, None
        self._ticket, self._answer = None, None
        self._transcriber.reset()

    def _count(self, voice: Voice) -> None:
        if voice.voiced and self._segment:
            self._voiced.append(voice.probability)

    def _begin(self, frame: int, voice: Voice) -> list[Fact]:
        if not (self._segment and voice.voiced and frame > self._since):
            return []
        wait = max(frames_of(self._rules.partial_every_ms), _DECODING_SHARE * frames_of(self._decode_ms))
        if frame - self._partial_frame >= wait and not self._transcriber.busy:
            self._partial_frame = frame
            self._transcriber.request_partial()
        if self._word_inside and self._rest_frame is None:
            if frame <= self._since + frames_of(_WORD_TAIL_MS):
                return []
            self._leave_word()
        return self._announce()

    def _leave_word(self) -> None:
        self._rest_frame = quietest(
            self._segment,
            self._since - frames_of(_CUT_BEFORE_MS),
            self._since + frames_of(_CUT_AFTER_MS),
        )
        self._hand_over(self._rest_frame)

    def _announce(self) -> list[Fact]:
        if self._began:
            return []
        self._began = True
        return [Began(max(self._endpointer.onset_frame or 0, self._since))]

    # --- text -------------------------------------------------------------------------------------------

    def _ask(self) -> None:
        self._ticket = self._transcriber.request_final()

    def _end(self) -> list[Fact]:
        if self._answer is not None:
            self.done = True
            return [self._answer]
        if self._ticket is None:
            self._ask()
        return []

    def _publish(self, text: str) -> list[Fact]:
        if not self._segment:
            return []
        if self._word_inside and self._rest_frame is None:
            text = self._certain_request(text)
        return [*self._announce(), PartialText(text)] if text else []

    def _judge(self, recognition: Recognition, decode_ms: float) -> list[Fact]:
        text, confidence = recognition
        if invented(text, len(self._voiced) * CHUNK_MS):
            text = ""
        if self._rest is not None:
            whole = after_wake_word(text, self._wake_word)
            text, confidence = request_of(whole, confidence, *self._rest)
        elif self._rest_frame is not None and confidence < _SURE:
            self._rest = Recognition(text, confidence)
            self._hand_over(0)
            self._ask()
            return []
        elif self._word_inside and self._rest_frame is None:
            text = self._certain_request(text)
        if not text:
            return self._dismiss()
        confidence = round(confidence * float(np.mean(self._voiced or 1.0)), 3)
        self._answer = Finished(text, confidence, decode_ms, self._endpointer.last_voiced_frame)
        facts = [*self._announce(), Hypothesis(text, confidence)]
        return facts + self._end() if self._endpointer.ended else facts

    def _certain_request(self, text: str) -> str:
        remainder = after_wake_word(text, self._wake_word)
        return remainder.text if remainder.certain else ""

    def _dismiss(self) -> list[Fact]:
        """Drops a segment without a request; a voice that said something else ends the utterance."""
        voiced_ms = len(self._voiced) * CHUNK_MS
        if not self._word_inside and voiced_ms >= _NOISE_MS:
            self.done = True
            return [Abandoned("no_text")]
        self._noise_heard |= not self._word_inside
        self._earliest = self._endpointer.last_voiced_frame + _AFTER_DROPPED_FRAMES
        self._endpointer.discard()
        self._drop()
        return []


def quietest(segment: list[tuple[int, Samples]], first: int, last: int) -> int:
    """The frame from `first` to `last` around which the sound is quietest; `first` when there is none."""
    near = {frame: level_db(samples) for frame, samples in segment if first <= frame <= last}
    around = range(-_CUT_REACH_FRAMES, _CUT_REACH_FRAMES + 1)
    return min(
        near, key=lambda frame: sum(near.get(frame + step, near[frame]) for step in around), default=first
    )

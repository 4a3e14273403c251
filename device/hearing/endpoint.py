"""Endpointing: where an utterance begins and ends. Pure: verdicts and frame numbers in, signals out.

| in       | happens                                      | signal     | then     |
|----------|----------------------------------------------|------------|----------|
| waiting  | `vad_onset_chunks` voiced chunks in a row    | ONSET      | speaking |
|          | `no_speech_timeout_ms` after `since`         | NO_SPEECH  | ended    |
| speaking | `hypothesis_silence_ms` of silence           | HYPOTHESIS | pausing  |
| pausing  | two voiced chunks in a row                   | RESUMED    | speaking |
|          | `end_silence_ms` of silence                  | END        | ended    |
| both     | `maximum_turn_ms` after onset and `since`    | END        | ended    |
| any      | `discard()`: what was heard was no request   |            | waiting  |

Rules: silence is counted from the last voiced frame, but never from before `since` (where the wake word was
noticed or the ear opened), so whatever was said before that cannot end the turn; a voice that ended well
before `since` is not part of the utterance. A single voiced chunk in a pause is a click and changes nothing,
but an utterance never ends on one. A doubtful chunk is neither voice nor silence. Every state ends by itself.
"""

from __future__ import annotations

from enum import Enum, auto

from device.hearing import frames_of
from device.hearing.vad import CHUNK_FRAMES
from device.settings import Listen

_RESUMING_CHUNKS = 2
_EARLIER_VOICE_MS = 300


class Signal(Enum):
    """What became true with a frame."""

    ONSET = auto()  # a voice began at `onset_frame`; what came before it is forgotten
    HYPOTHESIS = auto()  # it may have ended at `last_voiced_frame`
    RESUMED = auto()  # it had not
    END = auto()
    NO_SPEECH = auto()


class Endpointer:
    """Follows one utterance from `since` on; verdicts may begin before it (the pre-roll)."""

    def __init__(self, rules: Listen, since: int, *, timeout_ms: int | None = None) -> None:
        self._rules, self._since = rules, since
        timeout_ms = rules.no_speech_timeout_ms if timeout_ms is None else timeout_ms
        self._deadline = since + frames_of(timeout_ms)
        self.onset_frame: int | None = None
        self.last_voiced_frame = -1
        self.ended = False
        self._doubtful_frame = -1
        self._run = 0
        self._run_frame = 0
        self._confirmed = False  # the present run of voiced chunks belongs to the utterance
        self._pausing = False

    def accept(
        self, frame: int, voiced: bool, last_voiced_frame: int, *, doubtful: bool = False
    ) -> Signal | None:
        """Takes the verdict on the chunk that ends with `frame`; at most one signal, END before others."""
        if doubtful:
            self._doubtful_frame = frame
        else:
            self._count(frame, voiced, last_voiced_frame)
        if self.ended:
            return None
        signal = self._begin(frame) if self.onset_frame is None else self._resume(frame)
        return self._overdue(frame, voiced) or signal or self._pause(frame, voiced)

    def skip(self, frame: int) -> Signal | None:
        """Time passes without sound that could be judged."""
        return self.accept(frame, False, self.last_voiced_frame)

    def discard(self) -> None:
        """What was heard was no request, even if it has ended: wait again, until the same deadline."""
        self.onset_frame, self.ended = None, False
        self._pausing = self._confirmed = False

    def _count(self, frame: int, voiced: bool, last_voiced_frame: int) -> None:
        if voiced:
            if self._run == 0:
                self._run_frame = frame - round(CHUNK_FRAMES) + 1
            self._run += 1
            if self._confirmed:
                self.last_voiced_frame = frame
            return
        if self._confirmed:
            self.last_voiced_frame = last_voiced_frame
        self._run, self._confirmed = 0, False

    def _begin(self, frame: int) -> Signal | None:
        if self._run < self._rules.vad_onset_chunks:
            return None
        self._confirmed = True
        self.onset_frame, self.last_voiced_frame = self._run_frame, frame
        return Signal.ONSET

    def _resume(self, frame: int) -> Signal | None:
        if self._confirmed or self._run < _RESUMING_CHUNKS:
            return None
        self._confirmed = True
        self.last_voiced_frame = frame
        was_pausing, self._pausing = self._pausing, False
        return Signal.RESUMED if was_pausing else None

    def _overdue(self, frame: int, voiced: bool) -> Signal | None:
        if self.onset_frame is None:
            if self._run == 0 and frame >= self._deadline:
                self.ended = True
                return Signal.NO_SPEECH
            return None
        too_long = frame - max(self.onset_frame, self._since) >= frames_of(self._rules.maximum_turn_ms)
        if too_long or (not voiced and self._silence(frame) >= frames_of(self._rules.end_silence_ms)):
            self.ended = True
            return Signal.END
        return None

    def _pause(self, frame: int, voiced: bool) -> Signal | None:
        if self.onset_frame is None or voiced:
            return None
        if frame <= self._since and frame - self.last_voiced_frame >= frames_of(_EARLIER_VOICE_MS):
            self.discard()
            return None
        if not self._pausing and self._silence(frame) >= frames_of(self._rules.hypothesis_silence_ms):
            self._pausing = True
            return Signal.HYPOTHESIS
        return None

    def _silence(self, frame: int) -> int:
        return frame - max(self.last_voiced_frame, self._since, self._doubtful_frame)

"""Endpointing: where a voice begins, pauses and must end. Pure: verdicts and frame numbers in, signals out.

| in       | happens                                      | signal     | then     |
|----------|----------------------------------------------|------------|----------|
| waiting  | `vad_onset_chunks` voiced chunks in a row    | ONSET      | speaking |
|          | `no_speech_timeout_ms` after `since`         | NO_SPEECH  | ended    |
| speaking | `maximum_turn_ms` after onset and `since`    | END        | ended    |
| any      | `discard()`: what was heard was no request   |            | waiting  |

How long the pause is that goes on, `pause` tells; how long it must be is `device.hearing.patience`'s matter.

Rules: silence is counted from the last voiced frame, but never from before `since` (where the wake word was
noticed or the ear opened), so whatever was said before that cannot end the turn; a voice that ended well
before `since` is not part of the utterance. Speech goes on after a pause when two chunks in a row are voiced
and one of them is `near` (as loud as the talker): a single one is a click and changes nothing, but while it
lasts there is no silence. A doubtful chunk is neither voice nor silence.
"""

from __future__ import annotations

from enum import Enum, auto

from device.events import FRAME_MS
from device.hearing import frames_of
from device.hearing.patience import Pause
from device.hearing.vad import CHUNK_FRAMES
from device.settings import Listen

_RESUMING_CHUNKS = 2
_EARLIER_VOICE_MS = 300


class Signal(Enum):
    """What became true with a frame."""

    ONSET = auto()  # a voice began at `onset_frame`; what came before it is forgotten
    END = auto()  # it has lasted too long
    NO_SPEECH = auto()


class Endpointer:
    """Follows one utterance from `since` on; verdicts may begin before it (the pre-roll)."""

    def __init__(self, rules: Listen, since: int, *, timeout_ms: int | None = None) -> None:
        self._rules, self._since = rules, since
        timeout_ms = rules.no_speech_timeout_ms if timeout_ms is None else timeout_ms
        self._deadline = since + frames_of(timeout_ms)
        self.onset_frame: int | None = None
        self.last_voiced_frame = self.last_near_frame = -1
        self.ended = False
        self.speaking = False  # the present run of voiced chunks belongs to the utterance
        self._doubtful_frame = -1
        self._run = 0
        self._run_frame = 0
        self._run_near = False

    def accept(
        self, frame: int, voiced: bool, last_voiced_frame: int, *, near: bool = True, doubtful: bool = False
    ) -> Signal | None:
        """Takes the verdict on the chunk that ends with `frame`; at most one signal."""
        if doubtful:
            self._doubtful_frame = frame
        else:
            self._count(frame, voiced, last_voiced_frame, near)
        if self.ended:
            return None
        if self.onset_frame is None:
            return self._begin(frame)
        self._resume(frame)
        if frame - max(self.onset_frame, self._since) >= frames_of(self._rules.maximum_turn_ms):
            self.ended = True
            return Signal.END
        is_earlier = not voiced and frame - self.last_voiced_frame >= frames_of(_EARLIER_VOICE_MS)
        if frame <= self._since and is_earlier:
            self.discard()
        return None

    def skip(self, frame: int) -> Signal | None:
        """Time passes without sound that could be judged."""
        return self.accept(frame, False, self.last_voiced_frame)

    def pause(self, frame: int) -> Pause:
        """The pause that lasts at `frame`; none while a voice at the talker's level is heard."""
        counted_from = max(self._since, self._doubtful_frame)
        is_voice = self.speaking or (self._run > 0 and self._run_near)
        silent = 0 if is_voice else frame - max(self.last_voiced_frame, counted_from)
        quieter = frame - max(self.last_near_frame, counted_from)
        return Pause(FRAME_MS * max(0, silent), FRAME_MS * max(0, quieter))

    def discard(self) -> None:
        """What was heard was no request, even if it has ended: wait again, until the same deadline."""
        self.onset_frame, self.ended = None, False
        self.speaking = False

    def _count(self, frame: int, voiced: bool, last_voiced_frame: int, near: bool) -> None:
        if voiced:
            if self._run == 0:
                self._run_frame, self._run_near = frame - round(CHUNK_FRAMES) + 1, False
            self._run += 1
            self._run_near |= near
            if self.speaking:
                self._note(frame, near)
            return
        if self.speaking:
            self.last_voiced_frame = last_voiced_frame
            self.last_near_frame = min(self.last_near_frame, last_voiced_frame)
        self._run, self.speaking = 0, False

    def _note(self, frame: int, near: bool) -> None:
        self.last_voiced_frame = frame
        if near:
            self.last_near_frame = frame

    def _begin(self, frame: int) -> Signal | None:
        if self._run >= self._rules.vad_onset_chunks:
            self.speaking = True
            self.onset_frame = self._run_frame
            self._note(frame, near=True)
            return Signal.ONSET
        if self._run == 0 and frame >= self._deadline:
            self.ended = True
            return Signal.NO_SPEECH
        return None

    def _resume(self, frame: int) -> None:
        if not self.speaking and self._run >= _RESUMING_CHUNKS and self._run_near:
            self.speaking = True
            self._note(frame, near=True)

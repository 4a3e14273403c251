"""wren-listen: makes turns out of wake words, follow-up windows and typed requests.

It alone raises the turn number. Idle, it waits for events and reads no sound; in a turn it reads the
microphone ring, from `pre_roll_ms` before a wake word on.
"""

from __future__ import annotations

import sys
import time
from typing import Literal

from device.bus.paths import CUE, GATED, MUTED, microphone_ring
from device.bus.ring import Frame, RingReader
from device.bus.turns import playing_turn
from device.events import (
    ROOM,
    DialogState,
    Event,
    ListenRequested,
    SpeechStarted,
    SpeechStopped,
    TextRequested,
    TranscriptFinal,
    TranscriptPartial,
    TurnCancelled,
    TurnCommitted,
    TurnHypothesis,
    TurnStarted,
    WakeDetected,
)
from device.hearing import frames_of
from device.hearing.asr import load
from device.hearing.background import Transcriber
from device.hearing.loading import files_of
from device.hearing.utterance import Abandoned, Began, Fact, Finished, Hypothesis, PartialText, Utterance
from device.hearing.vad import SileroVad
from device.services.daemon import STEP_S, Daemon, run

_SAME_WAKE_FRAMES = 100  # within a second, two models or two processes heard the same word
_FOLLOW_UP_PRE_ROLL_FRAMES = 30
_FRAMES_A_STEP = 100
_STALLED_S = 10.0


class ListenDaemon(Daemon):
    """Follows the room's microphone while a turn is open."""

    name = "listen"

    def start(self) -> None:
        """Loads the models. Raises Fault when one is missing."""
        self._started_ns = self._opened_ns = time.monotonic_ns()
        self._turn = 0
        self._wake_frame = -_SAME_WAKE_FRAMES
        self._window = False  # nobody has spoken yet in a follow-up window
        self._frame = -1
        self._ring: RingReader | None = None
        self._utterance: Utterance | None = None
        self._vad = SileroVad(files_of("vad")["model"])
        self._transcriber = Transcriber(load(files_of("asr")))

    def step(self) -> None:
        """Hears what has come in; without an open turn it only waits for events."""
        if self._transcriber.stalled_s > _STALLED_S:
            raise RuntimeError(f"recognition has not moved for {_STALLED_S:.0f} s")
        if self._utterance is None or self._ring is None:
            self.bus.wait(STEP_S)
            return
        self._ring.wait(STEP_S)
        for _ in range(_FRAMES_A_STEP):
            if self._utterance is None or (frame := self._ring.read()) is None:
                break
            self._hear(self._utterance, frame)
        if self._utterance is not None:
            self._publish(self._utterance.poll())

    def on_event(self, event: Event) -> None:
        """Opens and closes turns of the room."""
        if event.session != ROOM:
            return
        self._turn = max(self._turn, event.turn)
        match event:
            case WakeDetected() if abs(event.frame - self._wake_frame) >= _SAME_WAKE_FRAMES:
                self._wake(event)
            case ListenRequested() if self._utterance is None and event.turn in (0, self._turn):
                self._follow_up(event.window_ms)
            case TextRequested():
                self._typed(event.text)
            case DialogState(state="listening" | "follow_up") if event.t_ns < self._started_ns:
                self.bus.send(TurnCancelled(turn=event.turn, reason="failed"))
            case DialogState(state="idle") if event.turn == self._turn and event.t_ns > self._opened_ns:
                self._utterance = None  # reason has given up waiting

    def close(self) -> None:
        """Ends the thread and lets go of the ring."""
        if hasattr(self, "_transcriber"):
            self._transcriber.close()
            if self._ring is not None:
                self._ring.close()

    # --- turns -------------------------------------------------------------------------------------------

    def _wake(self, event: WakeDetected) -> None:
        self._wake_frame = event.frame
        self._start_turn("wake", event.frame)
        first = event.frame - frames_of(self.settings.listen.pre_roll_ms)
        self._open(first, since=event.frame, wake_word=event.word)

    def _follow_up(self, window_ms: int) -> None:
        head = RingReader(microphone_ring(self.runtime)).head
        self._open(head - _FOLLOW_UP_PRE_ROLL_FRAMES, since=head, timeout_ms=window_ms)
        self._window = True

    def _typed(self, text: str) -> None:
        self._utterance = None
        self._start_turn("text")
        self.bus.send(TranscriptFinal(turn=self._turn, text=text))
        self.bus.send(TurnCommitted(turn=self._turn, text=text))

    def _start_turn(self, cause: Literal["wake", "follow_up", "text"], frame: int = -1) -> None:
        self._turn = max(self._turn, playing_turn(self.runtime)) + 1
        self.bus.send(TurnStarted(turn=self._turn, frame=frame, cause=cause))

    def _open(self, first: int, *, since: int, wake_word: str = "", timeout_ms: int | None = None) -> None:
        if self._ring is not None:
            self._ring.close()
        self._ring = RingReader(microphone_ring(self.runtime))
        self._ring.seek(first)
        self._frame, self._window = -1, False
        self._opened_ns = time.monotonic_ns()
        self._utterance = Utterance(
            self._vad,
            self._transcriber,
            self.settings.listen,
            since,
            wake_word=wake_word,
            timeout_ms=timeout_ms,
        )

    # --- sound and text ----------------------------------------------------------------------------------

    def _hear(self, utterance: Utterance, frame: Frame) -> None:
        if frame.index < self._frame:
            self._cancel("failed")  # audio began a new ring: the rest of the request is lost
            return
        self._frame = frame.index
        if frame.tag & (GATED | MUTED):
            self._publish(utterance.skip(frame.index))
        else:
            self._publish(utterance.accept(frame.index, frame.samples, cue=bool(frame.tag & CUE)))

    def _publish(self, facts: list[Fact]) -> None:
        for fact in facts:
            match fact:
                case Began(frame):
                    if self._window:
                        self._window = False
                        self._start_turn("follow_up", frame)
                    self.bus.send(SpeechStarted(turn=self._turn, frame=frame))
                case PartialText(text):
                    self.bus.send(TranscriptPartial(turn=self._turn, text=text))
                case Hypothesis(text, confidence):
                    self.bus.send(TurnHypothesis(turn=self._turn, text=text, confidence=confidence))
                case Finished():
                    self._commit(fact)
                case Abandoned(reason):
                    self._cancel(reason)

    def _commit(self, request: Finished) -> None:
        """Ends the turn; text below the minimum confidence too: reason asks for it again."""
        text, confidence = request.text, request.confidence
        self._utterance = None
        self.bus.send(SpeechStopped(turn=self._turn, last_voiced_frame=request.last_voiced_frame))
        self.bus.send(
            TranscriptFinal(
                turn=self._turn, text=text, confidence=confidence, decode_ms=round(request.decode_ms, 1)
            )
        )
        self.bus.send(TurnCommitted(turn=self._turn, text=text, confidence=confidence))

    def _cancel(self, reason: Literal["no_speech", "no_text", "failed"]) -> None:
        self._utterance = None
        self.bus.send(TurnCancelled(turn=self._turn, reason=reason))


if __name__ == "__main__":
    sys.exit(run(ListenDaemon))

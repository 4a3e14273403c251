"""wren-listen: makes turns out of wake words, follow-up windows and typed requests.

It alone raises the turn number. Idle, it waits for events and reads no sound; in a turn it reads the
microphone ring, from `pre_roll_ms` before a wake word on. While Wren speaks it reads the ring for somebody
who talks over it: the loudspeaker is ducked, and a new turn begins with the words that interrupted.
"""

from __future__ import annotations

import sys
import time
from typing import Literal

from device.bus.paths import CUE, GATED, MAY_BE_ECHO, MUTED, microphone_ring, voice_ring
from device.bus.ring import Frame, RingReader
from device.bus.turns import playing_turn
from device.events import (
    ROOM,
    BargeIn,
    DialogState,
    DuckRequested,
    Event,
    HomeEntity,
    ListenRequested,
    PlaybackStarted,
    PlaybackStopped,
    ReplyAudio,
    SpeechStarted,
    SpeechStopped,
    TextRequested,
    TranscriptFinal,
    TranscriptPartial,
    TurnCancelled,
    TurnCommitted,
    TurnHypothesis,
    TurnJudged,
    TurnPreferred,
    TurnStarted,
    WakeDetected,
)
from device.faults import Fault
from device.hearing import Samples, frames_of
from device.hearing.asr import load
from device.hearing.background import Transcriber, TurnListener
from device.hearing.barge_in import Vocabulary
from device.hearing.interruption import Duck, Interrupted, Interruption, Pause, Restore
from device.hearing.interruption import Fact as OverheardFact
from device.hearing.loading import files_of, second_pass, turn_model
from device.hearing.own_voice import OwnVoice
from device.hearing.utterance import Abandoned, Began, Fact, Finished, Hypothesis, PartialText, Utterance
from device.hearing.vad import SileroVad
from device.hearing.whisper import Whisper
from device.home.mirror import HouseMirror
from device.reasoning import language
from device.services.daemon import STEP_S, Daemon, run
from device.services.memory import give_back
from device.services.places import Places
from device.settings import Settings

_SAME_WAKE_FRAMES = 100  # within a second, two models or two processes heard the same word
_FOLLOW_UP_PRE_ROLL_FRAMES = 30
_INTERRUPTION_PRE_ROLL_FRAMES = 40
_FRAMES_A_STEP = 100
_STALLED_S = 10.0
_ANSWER_S = 0.002  # answers do not come with frames

Cause = Literal["wake", "follow_up", "barge_in", "text"]


class ListenDaemon(Daemon):
    """Follows the room's microphone while a turn is open."""

    name = "listen"

    def start(self) -> None:
        """Loads the models. Raises Fault when one is missing."""
        self._started_ns = self._opened_ns = time.monotonic_ns()
        self._turn = 0
        self._cause: Cause = "wake"
        self._wake_frame = -_SAME_WAKE_FRAMES
        self._window = False  # nobody has spoken yet in a follow-up window
        self._frame = -1
        self._ring: RingReader | None = None
        self._voice = RingReader(voice_ring(self.runtime))
        self._utterance: Utterance | None = None
        self._over: Interruption | None = None  # hears while Wren speaks
        self._speaks = False
        self._own_voice, self._places = OwnVoice(), Places(self.runtime)
        self._vocabulary = _vocabulary(self.settings)
        self._mirror = HouseMirror()
        self._has_new_names = False
        self._vad = SileroVad(files_of("vad")["model"])
        self._transcriber = Transcriber(load(files_of("asr"), self._load_second_pass()))
        self._turn_listener = self._load_turn_listener()

    def step(self) -> None:
        """Hears what has come in; in silence and without an open turn it only waits for events."""
        if self._transcriber.stalled_s > _STALLED_S:
            raise RuntimeError(f"recognition has not moved for {_STALLED_S:.0f} s")
        if (self._utterance is None and self._over is None) or self._ring is None:
            self.bus.wait(STEP_S)
            return
        is_due = self._utterance is not None and self._utterance.awaits_answers
        self._ring.wait(_ANSWER_S if is_due else STEP_S)
        for _ in range(_FRAMES_A_STEP):
            if (frame := self._ring.read()) is None:
                break
            if self._utterance is not None:
                self._hear(self._utterance, frame)
            elif self._over is not None:
                self._overhear(self._over, frame)
            else:
                break
        if self._utterance is not None:
            self._publish(self._utterance.poll())
        elif self._over is not None:
            self._react(self._over.poll())

    def on_event(self, event: Event) -> None:
        """Opens and closes turns of the room."""
        if event.session != ROOM:
            return
        self._turn = max(self._turn, event.turn)
        if isinstance(event, DialogState) and event.state == "idle":
            give_back()
        match event:
            case WakeDetected() if abs(event.frame - self._wake_frame) >= _SAME_WAKE_FRAMES:
                self._wake(event)
            case ListenRequested() if self._utterance is None and event.turn in (0, self._turn):
                self._follow_up(event.window_ms)
            case TextRequested():
                self._typed(event.text)
            case ReplyAudio():
                self._own_voice.announce(event)
            case PlaybackStarted(cue="") if event.turn == self._turn:
                self._wren_speaks(event.frame)
            case PlaybackStopped(cue=""):
                self._speaks = False
                if self._over is not None and not self._over.pending:
                    self._over = None
            case HomeEntity():
                self._has_new_names |= self._mirror.apply(event)
            case TurnPreferred() if self._utterance is not None and event.turn == self._turn:
                self._utterance.prefer(event.text, event.reading)
            case TurnJudged() if self._utterance is not None and event.turn == self._turn:
                self._publish(self._utterance.judge(event.text, event.completeness, doubtful=event.doubtful))
            case DialogState(state="listening" | "follow_up") if event.t_ns < self._started_ns:
                self.bus.send(TurnCancelled(turn=event.turn, reason="failed"))
            case DialogState(state="idle") if event.turn == self._turn and event.t_ns > self._opened_ns:
                self._utterance = None  # reason has given up waiting

    def on_settings(self, settings: Settings) -> None:
        """Rules of turns count from the next one on, those of barge-in at once."""
        super().on_settings(settings)
        if self._over is not None and settings.barge_in.enabled:
            self._over.configure(settings.barge_in)
        elif self._over is not None:
            self._stop_overhearing(self._over)
        elif self._speaks:
            self._wren_speaks(RingReader(microphone_ring(self.runtime)).head)
        self._vocabulary = _vocabulary(settings)

    def close(self) -> None:
        """Ends the thread and lets go of the ring."""
        if hasattr(self, "_transcriber"):
            self._transcriber.close()
            if self._turn_listener is not None:
                self._turn_listener.close()
            self._places.close()
            for ring in (self._ring, self._voice):
                if ring is not None:
                    ring.close()

    def _load_turn_listener(self) -> TurnListener | None:
        """None, and says so, when there is no turn model: then text and silence alone end a turn."""
        try:
            return TurnListener(turn_model())
        except Fault as fault:
            self.failed(f"turns end without the turn model: {fault.message}", fault.hint)
            return None

    def _load_second_pass(self) -> Whisper | None:
        """None, and says so, when there is no model for it: then more requests are misheard."""
        try:
            return second_pass(self.settings.device.language)
        except Fault as fault:
            self.failed(f"nothing is read a second time: {fault.message}", fault.hint)
            return None

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

    def _start_turn(self, cause: Cause, frame: int = -1) -> None:
        self._turn = max(self._turn, playing_turn(self.runtime)) + 1
        self._cause = cause
        self._over, self._speaks = None, False
        self.bus.send(TurnStarted(turn=self._turn, frame=frame, cause=cause))

    def _open(
        self,
        first: int,
        *,
        since: int,
        wake_word: str = "",
        said_since: int | None = None,
        timeout_ms: int | None = None,
    ) -> None:
        self._read_from(first)
        self._over, self._window = None, False
        if self._has_new_names:
            self._has_new_names = False
            self._transcriber.expect(self._mirror.house().names())
        self._opened_ns = time.monotonic_ns()
        self._utterance = Utterance(
            self._vad,
            self._transcriber,
            self.settings.listen,
            since,
            wake_word=wake_word,
            said_since=said_since,
            timeout_ms=timeout_ms,
            turn=self._turn_listener,
        )

    def _read_from(self, first: int) -> None:
        if self._ring is not None:
            self._ring.close()
        self._ring = RingReader(microphone_ring(self.runtime))
        self._ring.seek(first)
        self._frame = -1

    # --- Wren speaks -------------------------------------------------------------------------------------

    def _wren_speaks(self, frame: int) -> None:
        rules = self.settings.barge_in
        self._speaks = True
        if not rules.enabled or self._utterance is not None or self._over is not None:
            return
        has_echo = self.settings.audio.echo == "threshold"
        threshold = rules.loud_threshold if has_echo else self.settings.listen.vad_threshold
        self._read_from(frame)
        self._over = Interruption(
            self._vad,
            self._transcriber,
            rules,
            self._vocabulary,
            threshold,
            has_echo=has_echo,
            is_own=self._is_own,
        )

    def _stop_overhearing(self, over: Interruption) -> None:
        self._over = None
        if over.pending:
            self.bus.send(DuckRequested(turn=self._turn, gain_db=0.0))

    def _is_own(self, text: str, first: int, last: int) -> bool:
        return self._own_voice.reads(text, first, last, self._places.place)

    def _overhear(self, over: Interruption, frame: Frame) -> None:
        if frame.index < self._frame:
            self._over = None  # audio began a new ring
            return
        self._frame = frame.index
        if frame.position >= 0:
            self._own_voice.leaves(frame.index, frame.position)
        if frame.tag & (GATED | MUTED):
            self._react(over.skip(frame.index))
            return
        self._react(
            over.accept(
                frame.index,
                frame.samples,
                voice=self._for_recognition(frame),
                cue=bool(frame.tag & CUE),
                may_be_echo=bool(frame.tag & MAY_BE_ECHO),
            )
        )

    def _for_recognition(self, frame: Frame) -> Samples | None:
        """The same frame as the recogniser hears it best; None where there is no other."""
        self._voice.seek(frame.index)
        found = self._voice.read()
        if found is not None and (found.index, found.t_ns) == (frame.index, frame.t_ns):
            return found.samples
        self._voice.close()  # audio began a new ring, or has none
        self._voice = RingReader(voice_ring(self.runtime))
        return None

    def _react(self, facts: list[OverheardFact]) -> None:
        for fact in facts:
            match fact:
                case Duck(frame):
                    self.bus.send(
                        DuckRequested(turn=self._turn, frame=frame, gain_db=self.settings.barge_in.duck_db)
                    )
                case Pause():
                    duck_db = self.settings.barge_in.duck_db
                    self.bus.send(DuckRequested(turn=self._turn, gain_db=duck_db, pause=True))
                case Restore():
                    self.bus.send(DuckRequested(turn=self._turn, gain_db=0.0))
                    if not self._speaks:
                        self._over = None
                case Interrupted():
                    self._interrupted(fact)

    def _interrupted(self, fact: Interrupted) -> None:
        self._start_turn("barge_in", fact.frame)
        self.bus.send(BargeIn(turn=self._turn, frame=fact.frame))
        if fact.stop:
            self.bus.send(TranscriptFinal(turn=self._turn, text=fact.text))
            self.bus.send(TurnCancelled(turn=self._turn, reason="stopped"))
            return
        self._open(fact.begun - _INTERRUPTION_PRE_ROLL_FRAMES, since=fact.frame, said_since=fact.begun)

    # --- sound and text ----------------------------------------------------------------------------------

    def _hear(self, utterance: Utterance, frame: Frame) -> None:
        if frame.index < self._frame:
            self._cancel("failed")  # audio began a new ring: the rest of the request is lost
            return
        self._frame = frame.index
        if frame.tag & (GATED | MUTED):
            self._publish(utterance.skip(frame.index))
        else:
            voice, cue = self._for_recognition(frame), bool(frame.tag & CUE)
            self._publish(utterance.accept(frame.index, frame.samples, voice=voice, cue=cue))

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
                case Hypothesis(text, confidence, readings):
                    self.bus.send(
                        TurnHypothesis(turn=self._turn, text=text, confidence=confidence, readings=readings)
                    )
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
        if self._cause in ("wake", "barge_in") and self._vocabulary.stops(text):
            self.bus.send(TurnCancelled(turn=self._turn, reason="stopped"))
            return
        if self._cause == "barge_in" and not self._vocabulary.interrupts(text):
            self.bus.send(TurnCancelled(turn=self._turn, reason="not_meant"))  # "mhm": the answer goes on
            return
        self.bus.send(TurnCommitted(turn=self._turn, text=text, confidence=confidence))

    def _cancel(self, reason: Literal["no_speech", "no_text", "failed"]) -> None:
        self._utterance = None
        self.bus.send(TurnCancelled(turn=self._turn, reason=reason))


def _vocabulary(settings: Settings) -> Vocabulary:
    words = language.load(settings.device.language)
    return Vocabulary(words.stop, words.backchannel, words.murmurs)


if __name__ == "__main__":
    sys.exit(run(ListenDaemon))

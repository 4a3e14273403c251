"""wren-speak: turns clauses into sound for the loudspeaker, and plays cues.

It is ready before its voice is loaded, since cues need none. Synthesis runs in the worker's thread; this loop
alone writes the speaker ring, at most `_AHEAD_S` ahead of what the microphone ring says was played.
"""

from __future__ import annotations

import collections
import logging
import sys
import time

from device.bus.paths import CUE_FRAME, LAST_FRAME, microphone_ring, speaker_ring, speaker_spec
from device.bus.ring import RingBusyError, RingReader, RingWriter
from device.events import (
    CUES,
    ROOM,
    WRENS,
    AnnouncementRequested,
    CueRequested,
    DaemonFailed,
    DialogState,
    Event,
    HomeEntity,
    Manner,
    PlaybackDucked,
    PlaybackStopped,
    ReplyAudio,
    ReplyBegun,
    ReplyClause,
    ReplyExpected,
    ReplyFailed,
    SpeculationEnded,
    TurnStarted,
)
from device.faults import Fault
from device.home.registry import Entity
from device.services.cast import load_cast, other_voices
from device.services.daemon import STEP_S, Daemon, run
from device.services.memory import give_back
from device.services.phrases import expected_phrases
from device.settings import Settings
from device.speech import Samples, Style
from device.speech.cues import make_cue
from device.speech.framing import Framer
from device.speech.loading import find_voice, load_voices, rate_of
from device.speech.messages import Clause, Failure, Message, Opening, Sound, Spent
from device.speech.worker import Worker

_AHEAD_S = 5.0  # what is further ahead is in vain when somebody interrupts
_RATE_WITHOUT_VOICE_HZ = 22_050
_STALE_S = 0.3  # a later greeting would sound into the request
_FAILED_CUE_S = 3.0  # a crash is often reported twice
_STALLED_S = 30.0
_QUIET_S, _WARM_EVERY_S = 8.0, 2.0
_ANNOUNCEMENT = -2  # clause number of what is said outside any turn; the worker has -1 for itself

log = logging.getLogger(__name__)


class SpeakDaemon(Daemon):
    """Owns the speaker ring of the room."""

    name = "speak"

    def start(self) -> None:
        """Opens the ring; the voice follows in the worker."""
        self._began_ns = time.monotonic_ns()
        self._turn = self._greeted = 0
        self._state = "idle"
        self._framer: Framer | None = None
        self._waiting_cues: list[tuple[str, float | None]] = []
        self._newest = self._begun = (0, -1)  # turn and clause; events may arrive twice
        self._is_paused, self._played = False, 0
        self._failed_cue_s = float("-inf")
        self._reported = ""
        self._entities: dict[str, Entity] = {}
        self._expected: collections.deque[str] | None = None  # None: to be made anew
        self._warm_at_s = time.monotonic() + _QUIET_S
        self._microphone = RingReader(microphone_ring(self.runtime))
        self._wanted = _voices(self.settings)
        self._open()

    def step(self) -> None:
        """Writes what was synthesised; waits when there is nothing, or too much ahead."""
        self.bus.wait(STEP_S, *([self._worker.fileno()] if self._ahead_s() < _AHEAD_S else []))
        while self._ahead_s() < _AHEAD_S and (message := self._worker.take()) is not None:
            self._handle(message)
        if self._worker.stalled_s > _STALLED_S:
            raise RuntimeError(f"synthesis has not moved for {_STALLED_S:.0f} s")
        if self._state == "idle" and self._worker.idle:
            if self._voice_names != self._wanted:
                self._close()
                self._open()
            self._warm()

    def on_event(self, event: Event) -> None:
        """Follows the room's turns; other sessions have speakers of their own."""
        if event.session != ROOM:
            return
        match event:
            case TurnStarted():
                self._is_paused = False
                self._advance(event.turn)
                self._greet(event)
            case ReplyClause() if (event.turn, event.clause) > self._newest:
                self._newest = (event.turn, event.clause)
                self._advance(event.turn)
                self._say(event)
            case ReplyBegun() if (event.turn, event.clause) > max(self._newest, self._begun):
                self._begun = (event.turn, event.clause)
                self._advance(event.turn)
                self._say(event)
            case ReplyExpected() if event.turn >= self._turn:
                self._advance(event.turn)
                self._worker.expect(event.turn, event.text, self._style(event.manner))
            case CueRequested() if event.turn >= self._turn:
                self._advance(event.turn)
                self._cue(event.cue, event.level_db)
            case AnnouncementRequested() if event.turn >= self._turn:
                self._advance(event.turn)
                self._worker.submit(Clause(self._turn, _ANNOUNCEMENT, event.text, True, self._style()))
            case DialogState() if event.turn >= self._turn:
                self._advance(event.turn)
                self._follow(event)
            case PlaybackDucked():
                self._is_paused = event.paused
            case PlaybackStopped(cue="") | DaemonFailed(daemon="audio"):
                self._is_paused = False
            case HomeEntity(entity_id=entity_id, entity=entity):
                self._entities.pop(entity_id, None)
                if entity is not None:
                    self._entities[entity_id] = entity
                self._expected = None
            case DaemonFailed(daemon="listen" | "reason" | "home") if self._state != "idle":
                self._cue_failed()

    def on_settings(self, settings: Settings) -> None:
        """Speed and cues change at once, the voice when Wren is idle."""
        super().on_settings(settings)
        self._wanted = _voices(settings)
        self._cues = self._made_cues()
        self._expected = None

    def close(self) -> None:
        """Ends the worker and removes the ring."""
        if hasattr(self, "_worker"):
            self._close()
        if hasattr(self, "_microphone"):
            self._microphone.close()

    # --- the voice and its ring --------------------------------------------------------------------------

    def _open(self) -> None:
        name, others = self._voice_names = self._wanted
        try:
            rate_hz = rate_of(find_voice(name))
        except Fault:
            rate_hz = _RATE_WITHOUT_VOICE_HZ  # the worker meets the same fault and reports it
        try:
            self._ring = RingWriter(speaker_ring(self.runtime), speaker_spec(rate_hz))
        except RingBusyError as error:
            raise Fault(str(error), "stop it, or give this one another runtime_dir") from error
        self._cues = self._made_cues()
        self._worker = Worker(lambda cancellation: load_voices(name, others, cancellation), rate_hz)

    def _close(self) -> None:
        self._worker.close()
        self._ring.close(unlink=True)

    def _handle(self, message: Message) -> None:
        match message:
            case Opening(clause):
                self._framer = self._framer or Framer(self._ring.spec.frame_samples)
                if clause.number == _ANNOUNCEMENT:
                    return
                self.bus.send(
                    ReplyAudio(
                        turn=clause.turn,
                        clause=clause.number,
                        text=message.text,
                        rate_hz=self._ring.spec.rate_hz,
                        words=message.words,
                        word_ends=message.word_ends,
                        last=clause.last,
                        synthesis_ms=round(message.synthesis_ms, 1),
                        cached=message.cached,
                    )
                )
            case Sound(clause, samples, end):
                assert self._framer is not None
                for frame, position, last in self._framer.push(samples, end=end):
                    tag = self._tag(clause) | (LAST_FRAME if last else 0)
                    self._ring.write(frame, position=position, turn=clause.turn, tag=tag)
                if end:
                    self._framer = None
                    self._play_waiting_cues()
            case Spent(turn, used, cpu_ms):
                self.bus.send(SpeculationEnded(turn=turn, used=used, cpu_ms=round(cpu_ms, 2), what="voice"))
            case Failure(clause, reason, hint):
                if clause is not None and clause.number != _ANNOUNCEMENT:
                    self.bus.send(ReplyFailed(turn=clause.turn, clause=clause.number, reason=reason))
                if reason != self._reported:
                    self._reported = reason
                    self.failed(reason, hint)

    def _tag(self, clause: Clause) -> int:
        return clause.number if clause.number >= 0 else CUE_FRAME | len(CUES)

    def _ahead_s(self) -> float:
        """Sound that was written and not played yet; 0 while nothing is played, unless it is paused."""
        self._microphone.wait(0)
        self._microphone.seek(self._microphone.head - 1)
        frame = self._microphone.read()
        if frame is not None and frame.position >= 0:
            self._played = frame.position
        elif not self._is_paused:
            return 0.0
        return (self._ring.head * self._ring.spec.frame_samples - self._played) / self._ring.spec.rate_hz

    # --- turns -------------------------------------------------------------------------------------------

    def _advance(self, turn: int) -> None:
        self._warm_at_s = time.monotonic() + _QUIET_S
        if turn > self._turn:
            self._turn = turn
            self._framer = None
            self._waiting_cues.clear()
            self._worker.drop(turn)

    def _greet(self, event: TurnStarted) -> None:
        is_fresh = time.monotonic_ns() - event.t_ns < _STALE_S * 1e9
        if event.turn > self._greeted and is_fresh:
            self._greeted = event.turn
            self._state = "listening"
            if event.cause == "wake":
                self._cue("listening")

    def _follow(self, event: DialogState) -> None:
        self._state = event.state
        if event.state == "idle":
            self._worker.expect_nothing()
            give_back()
        if event.t_ns < self._began_ns and event.state in ("thinking", "acting", "speaking"):
            self._cue_failed()  # the words that the daemon before this one had are lost
        self._began_ns = 0

    def _say(self, event: ReplyClause | ReplyBegun) -> None:
        last = isinstance(event, ReplyClause) and event.last
        ahead = event.words if isinstance(event, ReplyBegun) else 0
        clipped = isinstance(event, ReplyClause) and event.bridges
        style = self._style(event.manner)
        self._worker.submit(Clause(event.turn, event.clause, event.text, last, style, ahead, clipped))

    def _style(self, manner: Manner = WRENS) -> Style:
        speech = self.settings.speech
        speed = min(2.0, max(0.5, speech.speed * manner.speed))
        return Style(speed, speech.deterministic, manner.voice, manner.speaker)

    def _warm(self) -> None:
        if time.monotonic() < self._warm_at_s:
            return
        if self._expected is None:
            self._expected = collections.deque(expected_phrases(self._entities))
        if self._expected:
            self._worker.warm(self._expected.popleft(), self._style())
            self._warm_at_s = time.monotonic() + _WARM_EVERY_S

    # --- cues --------------------------------------------------------------------------------------------

    def _made_cues(self) -> dict[str, Samples]:
        speech = self.settings.speech
        return {name: make_cue(name, self._ring.spec.rate_hz, speech.cue_db) for name in CUES if speech.cues}

    def _cue_failed(self) -> None:
        if time.monotonic() - self._failed_cue_s > _FAILED_CUE_S:
            self._failed_cue_s = time.monotonic()
            self._cue("failed")

    def _cue(self, name: str, level_db: float | None = None) -> None:
        """Plays at once, or after the clause whose frames are being written; an alarm even without cues."""
        if self._framer is not None:
            self._waiting_cues.append((name, level_db))
            return
        samples = self._cues.get(name)
        if level_db is not None:
            samples = make_cue(name, self._ring.spec.rate_hz, level_db)
        if samples is not None:
            tag = CUE_FRAME | CUES.index(name)
            cue = Framer(self._ring.spec.frame_samples)
            for frame, position, last in cue.push(samples, end=True):
                self._ring.write(
                    frame, position=position, turn=self._turn, tag=tag | (LAST_FRAME if last else 0)
                )

    def _play_waiting_cues(self) -> None:
        waiting, self._waiting_cues = self._waiting_cues, []
        for name, level_db in waiting:
            self._cue(name, level_db)


def _voices(settings: Settings) -> tuple[str, tuple[str, ...]]:
    """Wren's voice, and those of the agents; the reason daemon tells what is wrong with their file."""
    try:
        return settings.speech.voice, other_voices(load_cast(settings))
    except Fault:
        return settings.speech.voice, ()


if __name__ == "__main__":
    sys.exit(run(SpeakDaemon))

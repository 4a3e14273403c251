"""What a person has heard: follows the blocks that leave the loudspeaker and says what began and ended.

Rules. A clause or cue has started when its first block leaves. A reply is the speech of one turn: it is
finished when the clause that was announced as the last has left completely, cancelled when a newer turn cut
it, underrun when nothing follows for `UNDERRUN_MS`, device when the loudspeaker vanished. Each reply ends
once; what comes later in the same turn is another. `heard_text` is what of it has left, to the word. Ducking
is told when the first block with another gain leaves, a pause with the last block before it; either ends with
the reply.

Pure: blocks, frame numbers and events in, events out. Frames are those of the microphone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from device.audio.playback import Block
from device.events import FRAME_MS, Event, PlaybackDucked, PlaybackStarted, PlaybackStopped, ReplyAudio

UNDERRUN_MS = 4000

Reason = Literal["finished", "cancelled", "underrun", "device"]


def words_of(words: Sequence[str], word_ends: Sequence[int], samples: int) -> tuple[str, ...]:
    """The words whose last sample has left after `samples` of the clause."""
    heard: list[str] = []
    for word, end in zip(words, word_ends, strict=False):
        if end > samples:
            break
        heard.append(word)
    return tuple(heard)


def words_heard(clauses: Mapping[int, ReplyAudio], clause: int, samples: int | None) -> tuple[str, ...]:
    """Words of the clauses before `clause`, and of that one after `samples` (None: all of it)."""
    words: list[str] = []
    for number in sorted(clauses):
        audio = clauses[number]
        if number < clause or (number == clause and samples is None):
            words.extend(audio.words)
        elif number == clause and samples is not None:
            words.extend(words_of(audio.words, audio.word_ends, samples))
    return tuple(words)


@dataclass(slots=True)
class _Reply:
    """Speech of one turn that is being heard."""

    turn: int
    clause: int
    samples: int | None  # heard of it; None: all
    until: int  # frame at which what is known to have left ends
    cut: bool = False


class Listener:
    """Stands where the person stands."""

    def __init__(self) -> None:
        self._audio: dict[int, dict[int, ReplyAudio]] = {}  # turn, clause
        self._reply: _Reply | None = None
        self._cue: PlaybackStopped | None = None
        self._turn = 0
        self._told = (-1, 0)  # turn, and how many of its words an earlier reply has told
        self._told_loudness = (0.0, False)  # gain in dB, and whether it was paused

    def announce(self, audio: ReplyAudio) -> None:
        """A clause is about to be played."""
        self._audio.setdefault(audio.turn, {})[audio.clause] = audio
        for turn in [turn for turn in self._audio if turn < max(self._audio) - 1]:
            del self._audio[turn]

    def leaves(self, block: Block, frame: int) -> list[Event]:
        """The first sample of `block` leaves at `frame`."""
        events = [] if block.cut else self._loudness(block.gain_db, block.turn, frame, paused=block.pauses)
        if block.cue:
            if block.first:
                events.append(PlaybackStarted(clause=-1, cue=block.cue, turn=block.turn, frame=frame))
            if block.last or block.cut:
                self._cue = PlaybackStopped(
                    reason="cancelled" if block.cut else "finished",
                    cue=block.cue,
                    turn=block.turn,
                    frame=frame + 1,
                )
            return events
        if block.turn < self._turn and (self._reply is None or self._reply.turn != block.turn):
            return events  # the tail of a reply that was reported as cancelled
        if self._reply is not None and self._reply.turn != block.turn:
            events += self._stop("cancelled", frame)
        if block.first:
            events.append(PlaybackStarted(clause=block.clause, turn=block.turn, frame=frame))
        self._turn = max(self._turn, block.turn)
        self._reply = _Reply(
            block.turn, block.clause, None if block.last else block.end, until=frame + 1, cut=block.cut
        )
        return events

    def word_begin(self, block: Block) -> int:
        """Where the word begins that was being said in a block of speech, as a sample inside its clause."""
        audio = self._audio.get(block.turn, {}).get(block.clause)
        if audio is None:
            return block.offset
        return max((end for end in audio.word_ends if end <= block.offset), default=0)

    def tick(self, frame: int) -> list[Event]:
        """`frame` has come: what has ended by then."""
        events: list[Event] = []
        if self._cue is not None and frame >= self._cue.frame:
            events.append(self._cue)
            self._cue = None
        reply = self._reply
        if reply is None or frame < reply.until:
            return events
        if reply.cut:
            events += self._stop("cancelled", frame)
        elif reply.samples is None and self._is_last(reply):
            events += self._stop("finished", frame)
        elif (frame - reply.until) * FRAME_MS >= UNDERRUN_MS:
            events += self._stop("underrun", frame)
        return events

    def start_turn(self, turn: int, frame: int, *, fading: bool) -> list[Event]:
        """A newer turn began; unless its last block is still `fading`, the older reply ends now."""
        self._turn = max(self._turn, turn)
        if self._reply is None or self._reply.turn >= turn or fading:
            return []
        whole = self._reply.samples is None and self._is_last(self._reply)
        return self._stop("finished" if whole else "cancelled", frame)

    def lose_device(self, turn: int | None, frame: int) -> list[Event]:
        """The loudspeaker is gone, and with it the rest of the reply, or the whole reply of `turn`."""
        self._cue = None
        if self._reply is not None:
            return self._stop("device", frame)
        return [] if turn is None else [PlaybackStopped(reason="device", turn=turn, frame=frame)]

    def _is_last(self, reply: _Reply) -> bool:
        audio = self._audio.get(reply.turn, {}).get(reply.clause)
        return audio is not None and audio.last

    def _loudness(self, gain_db: float, turn: int, frame: int, *, paused: bool = False) -> list[Event]:
        if (gain_db, paused) == self._told_loudness:
            return []
        self._told_loudness = (gain_db, paused)
        return [PlaybackDucked(gain_db=gain_db, paused=paused, turn=turn, frame=frame)]

    def _stop(self, reason: Reason, frame: int) -> list[Event]:
        assert self._reply is not None
        reply, self._reply = self._reply, None
        words = words_heard(self._audio.get(reply.turn, {}), reply.clause, reply.samples)
        turn, told = self._told
        new = words[told:] if turn == reply.turn else words
        self._told = (reply.turn, len(words))
        stopped = PlaybackStopped(reason=reason, heard_text=" ".join(new), turn=reply.turn, frame=frame)
        return [stopped, *self._loudness(0.0, reply.turn, frame)]

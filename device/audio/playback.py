"""From the speaker ring to the loudspeaker: frames at the voice's rate in, 10 ms blocks at the output's out.

Each clause or cue goes through one soxr stream, so it is resampled once, and begins with a block of its own;
every block knows the speaker-ring sample it begins with, which is what the playback clock is made of. Blocks
are made a little ahead (`fill`) and taken one by one (`take`, safe to call from a sound card's thread).
A clause starts once `HOLD_MS` of it are there. A higher turn number drops everything older at once: what is
leaving fades out within `FADE_MS`, the rest never leaves. Silence is the absence of a block. Ducking and
pausing act when a block is taken, so on what was made before it too: within one block, without a click.

Border: `Frame` of the speaker ring (int16, 20 ms, any rate; position = sample offset inside its clause), and
`Block` (int16[output_hz / 100]).
"""

from __future__ import annotations

import collections
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import soxr
from numpy.typing import NDArray

from device.bus.paths import CUE_FRAME, LAST_FRAME, SPEAKER_FRAME_MS
from device.bus.ring import Frame
from device.events import ANNOUNCEMENT, CUES, FRAME_MS

_SOUNDS = (*CUES, ANNOUNCEMENT)
HOLD_MS = 20
FADE_MS = 5


@dataclass(slots=True)
class Block:
    """10 ms for the loudspeaker. `offset` and `end` are samples inside the clause, at the ring's rate."""

    samples: NDArray[np.int16]
    turn: int
    clause: int  # -1 for a cue
    cue: str
    position: int  # speaker-ring sample it begins with
    offset: int
    end: int
    rate_hz: int  # of the ring
    first: bool  # begins the clause
    last: bool  # ends the clause
    cut: bool = False  # fades out: nothing of its turn follows
    gain_db: float = 0.0  # that it was ducked by
    pauses: bool = False  # fades out: what follows waits

    @property
    def is_speech(self) -> bool:
        """Whether somebody speaks, so that it may be taken for a person."""
        return self.cue in ("", ANNOUNCEMENT)


class _Loudness(NamedTuple):
    """Of the loudspeaker."""

    gain_db: float = 0.0
    pause: bool = False

    @property
    def factor(self) -> float:
        return 0.0 if self.pause else float(10 ** (self.gain_db / 20))


class _Clause:
    """Consecutive frames of one clause or cue, and what of them is resampled but not yet in a block."""

    def __init__(self, frame: Frame, skip: int, output_hz: int) -> None:
        self.turn, self.tag = frame.turn, frame.tag & ~LAST_FRAME
        self.frame_samples = frame.samples.size
        self.rate_hz = frame.samples.size * 1000 // SPEAKER_FRAME_MS
        self._next_index = frame.index
        self._position = frame.index * frame.samples.size + skip
        self._offset = max(0, frame.position) + skip
        self._fed = 0
        self._block = output_hz * FRAME_MS // 1000
        self._step = self.rate_hz / output_hz
        self._resampler = (
            None
            if output_hz == self.rate_hz
            else soxr.ResampleStream(self.rate_hz, output_hz, 1, quality="LQ")  # flat to 8 kHz, 1 ms late
        )
        self.waiting = np.zeros(0, np.float32)
        self.blocks = 0
        self.closed = False  # no more frames will be fed
        self._complete = False  # its last frame was among them

    def continues_with(self, frame: Frame) -> bool:
        return (
            not self.closed
            and (frame.turn, frame.tag & ~LAST_FRAME, frame.index) == (self.turn, self.tag, self._next_index)
            and frame.samples.size == self.frame_samples
        )

    def feed(self, frame: Frame, skip: int = 0) -> None:
        samples = frame.samples[skip:].astype(np.float32)
        self._next_index += 1
        self._fed += samples.size
        self._add(samples)
        if frame.tag & LAST_FRAME:
            self._complete = True
            self.close()

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._add(np.zeros(0, np.float32), last=True)

    def block(self) -> tuple[NDArray[np.float32], Block]:
        """The next 10 ms, filled up with zeros at the end, and their description without samples."""
        samples = self.waiting[: self._block]
        self.waiting = self.waiting[self._block :]
        begin = min(round(self.blocks * self._block * self._step), self._fed)
        end = min(round((self.blocks + 1) * self._block * self._step), self._fed)
        last = self._complete and not self.waiting.size
        cue = self.tag & ~CUE_FRAME if self.tag & CUE_FRAME else None
        block = Block(
            samples=np.zeros(self._block, np.int16),
            turn=self.turn,
            clause=self.tag if cue is None else -1,
            cue="" if cue is None else _SOUNDS[min(cue, len(_SOUNDS) - 1)],
            position=self._position + begin,
            offset=self._offset + begin,
            end=self._offset + (self._fed if last else end),
            rate_hz=self.rate_hz,
            first=self.blocks == 0 and self._offset == 0,
            last=last,
        )
        self.blocks += 1
        if samples.size < self._block:
            samples = np.pad(samples, (0, self._block - samples.size))
        return samples, block

    def _add(self, samples: NDArray[np.float32], last: bool = False) -> None:
        if self._resampler is not None:
            samples = self._resampler.resample_chunk(samples, last=last)
        self.waiting = np.concatenate([self.waiting, samples])


class Playback:
    """Reads frames from `source` when blocks are asked for.

    `skip` samples of the first frame were heard already, in the life of a killed predecessor.
    """

    def __init__(
        self, source: Callable[[], Frame | None], output_hz: int, volume: float = 1.0, skip: int = 0
    ) -> None:
        self._source, self._output_hz, self._skip = source, output_hz, skip
        self.volume = volume
        self._gain = volume  # what the newest block ended with
        self.turn = 0
        self._wanted = _Loudness()
        self._taken = _Loudness()  # what the newest block that was taken ended with
        self.ducked_since: Block | None = None  # the first block of its clause that was not heard well
        self._refused = -1
        self._ready: collections.deque[Block] = collections.deque()
        self._clause: _Clause | None = None
        self._held: Frame | None = None
        self._holding = True

    def fill(self, blocks: int) -> None:
        """Makes blocks until `blocks` are ready or the ring has no more."""
        while len(self._ready) < blocks and self._make():
            pass

    def take(self) -> Block | None:
        """The next block; None is silence."""
        wanted = self._wanted  # once: another thread sets it
        if wanted.pause and self._taken.pause:
            return None
        try:
            block = self._ready.popleft()
        except IndexError:
            self._taken = self._taken._replace(gain_db=wanted.gain_db)
            return None
        if block.first and block.clause == 0:
            self._wanted = self._taken = wanted = _Loudness()
        before, after = self._taken, self._taken if block.cut else wanted
        begin, end = before.factor, after.factor
        if (begin, end) != (1, 1):
            ramp = np.linspace(begin, end, block.samples.size, dtype=np.float32)
            block.samples = (block.samples * ramp).astype(np.int16)
        block.gain_db, block.pauses = after.gain_db, after.pause and not block.cut
        self._taken = wanted
        if after == _Loudness():
            self.ducked_since = None
        elif self.ducked_since is None or block.first:
            self.ducked_since = block
        return block

    @property
    def is_paused(self) -> bool:
        """Whether a pause has begun that nobody has ended."""
        return self._wanted.pause and self._taken.pause

    def go_on(self, skip: int, blocks: int) -> None:
        """Goes on `skip` samples into the next frame of the source, which was set to another place.

        Makes `blocks` blocks of that at once; still in a pause, so that nothing is taken meanwhile.
        """
        self._forget()
        self._skip = skip
        self.fill(blocks)

    def duck(self, gain_db: float, *, pause: bool = False) -> None:
        """From the next block on the loudspeaker is quieter by `gain_db`; 0, a turn or a reply ends it.

        With `pause` the next block is the last, until the same ends it.
        """
        self._wanted = _Loudness(min(0.0, gain_db), pause)

    def start_turn(self, turn: int) -> bool:
        """Drops what belongs to older turns. Returns whether a block marked `cut` is still to leave."""
        if turn <= self.turn:
            return False
        self.turn = turn
        self.duck(0)
        self.ducked_since = None
        return self._cut()

    def set_output(self, output_hz: int) -> None:
        """The loudspeaker is another one."""
        if output_hz != self._output_hz:
            self._output_hz = output_hz
            self._forget()

    def discard(self) -> int | None:
        """Drops everything that waits, and the rest of that turn; returns the turn if speech was among it."""
        speech = max((block.turn for block in self._ready if not block.cue), default=None)
        if self._clause is not None and not self._clause.tag & CUE_FRAME:
            speech = self._clause.turn
        self._forget()
        while (frame := self._pull()) is not None:
            if not frame.tag & CUE_FRAME:
                speech = frame.turn
        if speech is not None:
            self._refused = speech
        return speech

    def _make(self) -> bool:
        """Makes one block if it can."""
        while True:
            clause = self._clause
            if clause is not None and self._enough(clause):
                self._emit(clause)
                return True
            frame = self._held or self._pull()
            self._held = None
            clause = self._clause
            if frame is None:
                self._holding = True
                return False
            if clause is None:
                self._clause = clause = _Clause(frame, self._skip, self._output_hz)
                clause.feed(frame, self._skip)
                self._skip = 0
            elif clause.continues_with(frame):
                clause.feed(frame)
            else:
                self._held = frame
                clause.close()
                if not clause.waiting.size:
                    self._clause = None

    def _enough(self, clause: _Clause) -> bool:
        hold_ms = HOLD_MS if self._holding else FRAME_MS
        return bool(clause.waiting.size) and (
            clause.closed or clause.waiting.size >= hold_ms * self._output_hz // 1000
        )

    def _emit(self, clause: _Clause) -> None:
        samples, block = clause.block()
        gain = self._gain
        if gain != self.volume:
            samples = samples * np.linspace(gain, self.volume, samples.size, dtype=np.float32)
            self._gain = self.volume
        elif gain != 1.0:
            samples = samples * np.float32(gain)
        np.clip(np.rint(samples), -32768, 32767, out=block.samples, casting="unsafe")
        self._ready.append(block)
        self._holding = False
        if clause.closed and not clause.waiting.size:
            self._clause, self._holding = None, True

    def _pull(self) -> Frame | None:
        while (frame := self._source()) is not None:
            if frame.turn > self.turn:
                self.start_turn(frame.turn)
            if frame.turn == self.turn and frame.turn != self._refused:
                return frame
            self._skip = 0
        return None

    def _cut(self) -> bool:
        if not self._ready and self._clause is not None and self._clause.blocks and self._clause.waiting.size:
            self._emit(self._clause)
        keep = 0 if self._ready and self._ready[0].first else 1
        block = self._ready[0] if keep and self._ready else None
        self._clause, self._held, self._holding = None, None, True
        while len(self._ready) > keep:  # from the far end: the loudspeaker may be taking at the other
            self._ready.pop()
        if block is None:
            return False
        fade = np.zeros(block.samples.size, np.float32)
        faded = self._output_hz * FADE_MS // 1000
        fade[:faded] = np.linspace(1, 0, faded, dtype=np.float32)
        block.samples = (block.samples * fade).astype(np.int16)
        block.last, block.cut = False, True
        return True

    def _forget(self) -> None:
        self._ready.clear()
        self._clause, self._held, self._holding = None, None, True

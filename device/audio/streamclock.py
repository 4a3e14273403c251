"""When samples pass the microphone and the loudspeaker of a sound card, and so what was playing when.

Each callback says at what time its first sample passes, with some milliseconds of jitter. `StreamClock` runs
at the nominal rate and is pulled towards those times by a first-order loop, which also follows the drift of
the card's crystal; an error too large for jitter (an underrun, a pause) sets it anew. `PlaybackClock` lays
the blocks that were handed to the loudspeaker beside the microphone's frames.

Pure. Seconds of `time.monotonic`; samples counted from the opening of the stream.
"""

from __future__ import annotations

import collections
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from device.audio.farend import FarEnd
from device.audio.playback import Block
from device.bus.paths import MICROPHONE_HZ
from device.events import FRAME_MS

GAIN = 0.05
JUMP_S = 0.06
FRAME_S = FRAME_MS / 1000
# The far end is given this much early, since echo must not lead it: of a dozen streams on a sound server the
# measured times were wrong by -9 to +14 ms, and `farend.ALIGN_MS` may be added to that.
EARLY_MS = 20


class StreamClock:
    """Time of every sample of one stream."""

    def __init__(self, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self._origin_s: float | None = None

    def observe(self, index: int, time_s: float) -> None:
        """Sample `index` was seen to pass at `time_s`."""
        if self._origin_s is None:
            self._origin_s = time_s - index / self.rate_hz
            return
        error = time_s - self.time_of(index)
        self._origin_s += error if abs(error) > JUMP_S else GAIN * error

    def time_of(self, index: float) -> float:
        """When sample `index` passes; 0 before the first observation."""
        return 0.0 if self._origin_s is None else self._origin_s + index / self.rate_hz

    def index_at(self, time_s: float) -> float:
        """Which sample passes at `time_s`; 0 before the first observation."""
        return 0.0 if self._origin_s is None else (time_s - self._origin_s) * self.rate_hz


class Playing(NamedTuple):
    """The loudspeaker during one microphone frame."""

    leaving: tuple[Block, ...] = ()  # blocks that began during it
    block: Block | None = None  # the newest that was heard during it
    position: int = -1  # speaker-ring sample that left as the frame began
    far_end: NDArray[np.int16] | None = None  # [160] at 16 kHz that left during it; None: silence
    slipped: bool = False  # the far end has slipped before it


class PlaybackClock:
    """Which block leaves the loudspeaker during which microphone frame; to be called in the order of time."""

    def __init__(self, rate_hz: int) -> None:
        self._clock, self._far_end = StreamClock(rate_hz), FarEnd(rate_hz)
        self._waiting: collections.deque[tuple[int, Block]] = collections.deque()
        self._current: tuple[int, Block] | None = None
        self._newest = (-1, -1)

    def played(self, index: int, time_s: float, blocks: Iterable[Block | None]) -> None:
        """A callback handed out `blocks` (None: silence); its first sample `index` passes at `time_s`."""
        self._clock.observe(index, time_s)
        size = self._clock.rate_hz * FRAME_MS // 1000
        for number, block in enumerate(blocks):
            self._far_end.add(None if block is None else block.samples)
            if block is not None:
                self._waiting.append((index + number * size, block))

    def during(self, began_s: float, *, lost: bool = False) -> Playing:
        """What left in the 10 ms from `began_s`; `lost`: the microphone lost samples before it."""
        block, position = self._at(began_s)
        leaving = []
        while self._waiting and self._clock.time_of(self._waiting[0][0]) < began_s + FRAME_S:
            before, self._current = self._current, self._waiting.popleft()
            block = self._current[1]
            if before is not None and block.position < before[1].position:
                self._newest = (-1, -1)  # after a pause something is said again
            leaving.append(block)
        left = self._clock.index_at(began_s + EARLY_MS / 1000) * MICROPHONE_HZ / self._clock.rate_hz
        far_end = self._far_end.frame(left, lost=lost)
        return Playing(tuple(leaving), block, position, far_end, self._far_end.slipped)

    def follow(self, drift_ppm: float) -> None:
        """The loudspeaker's clock runs so much faster than the microphone's."""
        self._far_end.drift_ppm = drift_ppm

    def forget(self) -> tuple[Block, ...]:
        """The card is gone: what was still to leave."""
        blocks = tuple(block for _, block in self._waiting)
        self._waiting.clear()
        return blocks

    def _at(self, time_s: float) -> tuple[Block | None, int]:
        if self._current is None:
            return None, -1
        index, block = self._current
        since_s = time_s - self._clock.time_of(index)
        if since_s >= FRAME_S:
            return None, -1
        turn, newest = self._newest
        position = block.position + max(0, int(since_s * block.rate_hz))
        if turn == block.turn:
            position = max(position, newest)
        self._newest = (block.turn, position)
        return block, position

"""Where a restarted audio daemon goes on: read from the rings that its killed predecessor left.

The newest microphone frame names the speaker-ring sample that was leaving; playback goes on with that one.
Where nothing was leaving just then, it goes on behind the last sample that did leave, or, if there was none
for as long as the ring looks back, with what was written since. After more than `FRESH_S` nothing is taken
up again: nobody waits for the rest of that sentence.
"""

from __future__ import annotations

from typing import NamedTuple

from device.bus.paths import MUTED
from device.bus.ring import Frame, RingReader
from device.events import FRAME_MS

FRESH_S = 5.0
_WRITTEN_BEFORE_NS = 500_000_000


class Resume(NamedTuple):
    """`frame` is the speaker frame to go on with, `skip` the samples of it that were heard."""

    fresh: bool = False
    turn: int = 0
    muted: bool = False
    frame: int | None = None  # None: what is written from now on
    skip: int = 0


def find(microphone: RingReader, speaker: RingReader, now_ns: int) -> Resume:
    """What to take up at `now_ns` (CLOCK_MONOTONIC)."""
    newest = _frame(microphone, microphone.head - 1)
    if newest is None:
        return Resume()
    muted = bool(newest.tag & MUTED)
    if not 0 <= now_ns - newest.t_ns <= FRESH_S * 1e9 or speaker.spec is None:
        return Resume(muted=muted)
    samples = speaker.spec.frame_samples
    if newest.position >= 0:
        frame, skip = divmod(newest.position, samples)
    else:
        frame, skip = _after_silence(microphone, speaker, newest), 0
    if frame > speaker.head:
        return Resume(True, newest.turn, muted)
    return Resume(True, newest.turn, muted, frame, skip)


def _after_silence(microphone: RingReader, speaker: RingReader, newest: Frame) -> int:
    assert speaker.spec is not None
    assert microphone.spec is not None
    for index in range(newest.index - 1, max(-1, newest.index - microphone.spec.slots + 1), -1):
        frame = _frame(microphone, index)
        if frame is not None and frame.position >= 0:
            last_sample = frame.position + speaker.spec.rate_hz * FRAME_MS // 1000 - 1
            return last_sample // speaker.spec.frame_samples + 1
    for index in range(speaker.head - 1, max(-1, speaker.head - speaker.spec.slots), -1):
        frame = _frame(speaker, index)
        if frame is None or frame.t_ns < newest.t_ns - _WRITTEN_BEFORE_NS:
            return index + 1
    return speaker.head


def _frame(ring: RingReader, index: int) -> Frame | None:
    if index < 0:
        return None
    ring.seek(index)
    frame = ring.read()
    return frame if frame is not None and frame.index == index else None

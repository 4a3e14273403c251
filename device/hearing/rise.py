"""A sound that rises out of what is left of Wren's echo: the earliest sign that somebody speaks. Pure.

The canceller holds a near voice down for as long as the loudspeaker is loud, so voice activity sees it late:
two voiced chunks in a row took 130 ms in the middle and 490 ms in the worst twentieth of 140 people. With the
level it is 30 and 113 ms (`python -m tests.bench.barge_in`), and echo alone never rose. It cannot tell a
voice from a cough or from music, so it only ducks.

Border: int16[160] at 16 kHz; levels in dBFS.
"""

from __future__ import annotations

from collections import deque

from device.hearing import Samples
from device.hearing.vad import level_db

_ABOVE_DB, _FAINTEST_DB = 6.0, -60.0
_FRAMES = 3
_BEFORE_FRAMES, _LATEST_FRAMES, _SHARE = 100, 5, 0.9  # the floor: the loud tenth of the second before
_FEWEST_FRAMES = 60


class LevelRise:
    """Follows the level; a rise is `_FRAMES` frames in a row over the floor."""

    def __init__(self) -> None:
        self._levels_db: deque[float] = deque(maxlen=_BEFORE_FRAMES)
        self._run = 0

    def accept(self, samples: Samples) -> bool:
        """Whether the level has risen with this frame, or is still above what was before."""
        level = level_db(samples)
        before = sorted(list(self._levels_db)[:-_LATEST_FRAMES])
        self._levels_db.append(level)
        if len(before) < _FEWEST_FRAMES - _LATEST_FRAMES:
            return False
        floor = before[int(_SHARE * (len(before) - 1))]
        self._run = self._run + 1 if level > max(floor + _ABOVE_DB, _FAINTEST_DB) else 0
        return self._run >= _FRAMES


RISE_FRAMES = _FRAMES

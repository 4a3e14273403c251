"""Whether somebody else than Wren is heard while no canceller knows the room yet: double talk, by its level.

As Geigel's detector (D. Duttweiler, "A twelve-channel digital echo canceler", 1978) it asks whether the
microphone is louder than the far end explains; but what that explains is learnt. The power of the echo is
taken for that of the far end, late by one of `_DELAYS` frames, a share of it direct, the rest dying away with
a reverberation time. Of all such echoes the one counts that fits best: the narrowest band of `_SHARE` of its
errors, whose upper edge says how loud echo may be. What is learnt is older than `_LAG_FRAMES`, so that
somebody who begins to speak is not learnt at once. When Wren is ducked, its echo falls as the far end does,
and a person stays as loud as before. How long a room rings on at the end cannot be learnt while Wren speaks,
so what is much fainter than the loud echo never counts.

Powers are those of 600 to 5000 Hz. Border: int16[160] at 16 kHz, 10 ms frames. Pure.
"""

from __future__ import annotations

from collections import deque
from itertools import product

import numpy as np
from numpy.fft import rfft
from numpy.typing import NDArray

from device.audio.echo import SILENCE, Frame
from device.percentile import percentile

_DELAYS = range(1, 16, 2)  # frames
_REVERBERATION_S = (0.15, 0.3, 0.6, 1.2, 2.4)  # T60
_DIRECT = (0.0, 0.8)
_SHARE = (10, 90)  # percentiles
_LOUDER_DB = 3.0
_LOUD_SHARE, _BELOW_LOUD_DB = 90, 15.0
_FAINTEST_DB, _BELOW_PEAK_DB = -62.0, 30.0
_LEARNT_FRAMES, _LAG_FRAMES, _FEWEST_FRAMES, _EVERY_FRAMES = 300, 30, 30, 10
_BAND = slice(12, 100)  # of a spectrum of two frames
_WINDOW = np.hanning(2 * SILENCE.size).astype(np.float32)

Floats = NDArray[np.float32]


class DoubleTalk:
    """Hears a microphone and what left the loudspeaker."""

    def __init__(self) -> None:
        kinds = np.array(list(product(_DELAYS, _REVERBERATION_S, _DIRECT)), np.float32)
        self._delays, self._direct = kinds[:, 0].astype(int), kinds[:, 2]
        self._decay = np.float32(10) ** (np.float32(-0.06) / kinds[:, 1])
        self._tails = np.zeros(len(kinds), np.float32)
        self._far = np.zeros(max(_DELAYS) + 1, np.float32)  # power, the latest first
        self._near_before = self._far_before = SILENCE
        self._microphone_db: deque[float] = deque(maxlen=_LEARNT_FRAMES + _LAG_FRAMES)
        self._echoes_db: deque[Floats] = deque(maxlen=_LEARNT_FRAMES + _LAG_FRAMES)
        self._frames = 0
        self._best: tuple[int, float] | None = None  # kind of echo, and how far it may be over its prediction
        self._least_db = _FAINTEST_DB

    def is_heard(self, near_end: Frame, far_end: Frame | None) -> bool:
        """Whether this frame is louder than echo alone can be; False while not enough echo was heard."""
        far_end = SILENCE if far_end is None else far_end
        near_db = float(_db(_power(self._near_before, near_end)))
        self._far[1:] = self._far[:-1]
        self._far[0] = _power(self._far_before, far_end)
        self._near_before, self._far_before = near_end, far_end
        late = self._far[self._delays]
        self._tails = self._decay * self._tails + (1 - self._decay) * late
        echoes_db = _db(self._direct * late + (1 - self._direct) * self._tails)
        self._microphone_db.append(near_db)
        self._echoes_db.append(echoes_db)
        self._frames += 1
        if self._frames % _EVERY_FRAMES == 0:
            self._learn()
        if self._best is None:
            return False
        kind, most_db = self._best
        return near_db > max(float(echoes_db[kind]) + most_db, self._least_db) + _LOUDER_DB

    def _learn(self) -> None:
        count = len(self._microphone_db) - _LAG_FRAMES
        if count < _FEWEST_FRAMES:
            return
        microphone_db = np.array(self._microphone_db, np.float32)[:count, None]
        echoes_db = np.stack(self._echoes_db)[:count]
        least_db = np.maximum(echoes_db.max(axis=0) - _BELOW_PEAK_DB, _FAINTEST_DB)
        counts = (echoes_db > least_db) & (microphone_db > _FAINTEST_DB)
        known = np.flatnonzero(counts.sum(axis=0) >= _FEWEST_FRAMES)
        if known.size:
            over_db = np.sort(np.where(counts, microphone_db - echoes_db, np.inf)[:, known], axis=0)
            last = counts.sum(axis=0)[known] - 1
            least, most = (over_db[last * share // 100, np.arange(known.size)] for share in _SHARE)
            best = int(np.argmin(most - least))
            self._best = int(known[best]), float(most[best])
            loud_db = percentile(microphone_db[counts[:, known[best]], 0], _LOUD_SHARE)
            self._least_db = max(_FAINTEST_DB, loud_db - _BELOW_LOUD_DB)


def _power(before: Frame, now: Frame) -> float:
    spectrum = rfft(_WINDOW * np.concatenate((before, now)))[_BAND] / 32768
    return float(np.sum(np.abs(spectrum) ** 2)) / (_WINDOW.size * SILENCE.size)


def _db(power: Floats | float) -> Floats:
    decibels: Floats = 10 * np.log10(np.maximum(power, 1e-9), dtype=np.float32)
    return decibels

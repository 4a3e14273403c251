"""Whether what the linear canceller left is no more than it always leaves of Wren's voice: residual echo.

Ducked, Wren's voice is 20 dB quieter and what rings on beyond the canceller's tail is not: that is faint, but
it is a voice, and words can be read in it. Nobody who wants to be heard is so faint. So a frame is residual
echo while it is both no louder than nearly all of what was left of Wren's voice in the last seconds, and far
below the echo that was in the microphone just before. The first lets people far from the microphone be heard,
who are far below an echo that is cancelled well; the second people over a ducked loudspeaker and in a noisy
room, where much is left. What is learnt is older than `_LAG_FRAMES`, so that somebody who begins to speak is
not learnt at once.

A canceller that has taken less than `_CANCELLED_DB` away of late (the room rings on for longer than its tail,
clocks drift, the echo has moved) tells nothing (`is_known`): what it leaves is as loud as a person. While it
learns, less is enough, and where nothing is left but the noise that was there while Wren was silent, nothing
more can be taken away. Both levels are those that `_CANCELLED_SHARE` of five seconds stay below.

Border: int16[160] at 16 kHz, 10 ms frames. Pure.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from device.audio.echo import Frame
from device.audio.echometer import power_db
from device.percentile import percentile

_SHARE, _LOUDER_DB = 90, 4.0  # percentile of what is left; a person's voice may be among it for a second
_RINGS_FRAMES, _BELOW_ECHO_DB = 60, 30.0
_CANCELLED_DB, _CANCELLED_SHARE, _LATELY_FRAMES = 25.0, 70, 500  # somebody may speak in a third of them
_LEARNING_DB, _LEARNING_FRAMES = 14.0, 1200  # so much less in the beginning, while it learns
_LEARNT_FRAMES, _LAG_FRAMES, _FEWEST_FRAMES, _EVERY_FRAMES = 1000, 30, 100, 10
_NOISE_FRAMES, _NOISE_SHARE, _OVER_NOISE_DB = 1000, 30, 6.0  # a request may be among them


class ResidualEcho:
    """Hears the microphone and what a canceller that knows the room left of it."""

    def __init__(self) -> None:
        self._echo_db: deque[float] = deque(maxlen=_RINGS_FRAMES)
        self._recent_db: deque[tuple[float, float]] = deque(maxlen=_LAG_FRAMES)
        self._heard_db, self._learnt_db = np.zeros((2, _LEARNT_FRAMES), np.float32)  # rings
        self._noise_db: deque[float] = deque(maxlen=_NOISE_FRAMES)  # while Wren is silent
        self._silent_frames = 0
        self._count = 0
        self._usual_db: float | None = None
        self._cancels = False

    @property
    def is_known(self) -> bool:
        """Whether enough was heard to tell, and so much echo is taken away that it tells anything."""
        return self._usual_db is not None and self._cancels

    def explains(self, near_end: Frame, left: Frame, *, speaks: bool) -> bool:
        """Whether `left` of `near_end` may be echo; `speaks`: Wren does, and it is learnt from."""
        left_db = power_db(left)
        self._echo_db.append(power_db(near_end))
        self._silent_frames = 0 if speaks else self._silent_frames + 1
        if speaks:
            self._learn(self._echo_db[-1], left_db)
        elif self._silent_frames > _RINGS_FRAMES:
            self._noise_db.append(left_db)
        if self._usual_db is None:
            return False
        return left_db <= min(self._usual_db + _LOUDER_DB, max(self._echo_db) - _BELOW_ECHO_DB)

    def _learn(self, heard_db: float, left_db: float) -> None:
        if len(self._recent_db) == _LAG_FRAMES:
            at = self._count % _LEARNT_FRAMES
            self._heard_db[at], self._learnt_db[at] = self._recent_db[0]
            self._count += 1
            if self._count >= _FEWEST_FRAMES and self._count % _EVERY_FRAMES == 0:
                self._usual_db = percentile(self._learnt_db[: self._count], _SHARE)
                lately = np.arange(max(0, self._count - _LATELY_FRAMES), self._count) % _LEARNT_FRAMES
                heard, left = (
                    percentile(one[lately], _CANCELLED_SHARE) for one in (self._heard_db, self._learnt_db)
                )
                learns = max(0.0, 1 - self._count / _LEARNING_FRAMES)
                enough = heard - left >= _CANCELLED_DB - learns * _LEARNING_DB
                self._cancels = enough or left <= self._most_noise_db()
        self._recent_db.append((heard_db, left_db))

    def _most_noise_db(self) -> float:
        """What is no louder than that may be noise."""
        if not self._noise_db:
            return -np.inf
        return percentile(np.array(self._noise_db, np.float32), _NOISE_SHARE) + _OVER_NOISE_DB

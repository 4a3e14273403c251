"""When it rings, how loud, and what is said to it. Pure: the time is an argument.

Rounds come every `ring_every_s`; each is louder than the one before up to a limit. The second round and every
tenth after it are a sentence instead of chimes. While somebody talks with Wren it is quiet and the loudness
stays, but never for longer than `QUIET_S`, lest a conversation that hangs silences an alarm.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from device.tools.timers import Timer

QUIET_S = 45.0
SPOKEN_EVERY = 10


class Loudness(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds and dBFS; see the settings of the same names."""

    ring_every_s: float
    ring_limit_s: float
    first_db: float
    step_db: float
    last_db: float


class Round(msgspec.Struct, frozen=True):
    """What is due now: chimes of `level_db`, or with `spoken` the sentence of what rings."""

    level_db: float
    spoken: bool


class Ringer:
    """Follows what rings from `step` to `step`."""

    def __init__(self) -> None:
        self._since_s: dict[str, float] = {}
        self._next_s = 0.0
        self._round = 0
        self._quiet_since_s: float | None = None

    @property
    def ringing(self) -> frozenset[str]:
        """Ids of what rings."""
        return frozenset(self._since_s)

    def begin(self, timer: Timer, now_s: float) -> None:
        """One more rings; the loudness starts anew."""
        self._since_s[timer.id] = now_s
        self._round, self._next_s = 0, now_s

    def end(self, timer_id: str) -> None:
        """One rings no longer."""
        self._since_s.pop(timer_id, None)

    def worn_out(self, now_s: float, loudness: Loudness) -> Sequence[str]:
        """Ids of what has rung for as long as it may."""
        limit_s = loudness.ring_limit_s
        return [timer_id for timer_id, since_s in self._since_s.items() if now_s - since_s >= limit_s]

    def step(self, now_s: float, loudness: Loudness, *, quiet: bool) -> Round | None:
        """The round that is due, if any."""
        if not quiet:
            self._quiet_since_s = None
        elif self._quiet_since_s is None:
            self._quiet_since_s = now_s
        hushed = self._quiet_since_s is not None and now_s - self._quiet_since_s < QUIET_S
        if not self._since_s or hushed or now_s < self._next_s:
            return None
        spoken = self._round % SPOKEN_EVERY == 1
        level_db = min(loudness.last_db, loudness.first_db + self._round * loudness.step_db)
        self._round += 1
        self._next_s = now_s + loudness.ring_every_s * (2 if spoken else 1)
        return Round(level_db, spoken)

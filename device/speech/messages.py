"""What the synthesis thread is asked for, and what it gives. Sound is int16 mono at the voice's rate."""

from __future__ import annotations

from typing import NamedTuple

from device.speech import Samples, Style


class Clause(NamedTuple):
    """What to say, for which turn, and how.

    Of a clause whose end is not certain, `ahead` words are said at once, and what follows them when the one
    with the same turn and number is there without `ahead`, be it as expected or not. Of one that is `clipped`
    the silence after its last word is left out, since an answer may follow at once.
    """

    turn: int
    number: int
    text: str
    last: bool = False
    style: Style = Style()
    ahead: int = 0
    clipped: bool = False


class Opening(NamedTuple):
    """A clause is about to sound; a second one for the same clause replaces the words of the first."""

    clause: Clause
    text: str
    words: tuple[str, ...]
    word_ends: tuple[int, ...]  # sample offsets
    synthesis_ms: float = 0.0
    cached: bool = False


class Sound(NamedTuple):
    """Next samples of a clause; after `end` there are no more."""

    clause: Clause
    samples: Samples
    end: bool = False


class Failure(NamedTuple):
    """A clause failed, or (without one) the voice could not be loaded."""

    clause: Clause | None
    reason: str
    hint: str = ""


class Spent(NamedTuple):
    """Expected words of `turn` were said, or not, and what their synthesis ahead has cost."""

    turn: int
    used: bool
    cpu_ms: float
    clause: None = None


Message = Opening | Sound | Failure | Spent

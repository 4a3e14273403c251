"""What was found out about a request before it is over, held until it is committed or dropped. Pure.

A hypothesis is worked on at once: its text is routed, and where the language model is needed a job decides
and begins to answer. Nothing of it leaves before the commit. When the committed text is the same but for
case and punctuation, what was found is handed over and whatever the job still finds passes through; else,
and when the person talks on, it is forgotten, and the results of its job are refused from then on.

The processor time of every speculation is accounted for as used or not: `ended` gives the account.
"""

from __future__ import annotations

import re
from typing import Generic, Literal, NamedTuple, TypeVar

Found = TypeVar("Found")
Outcome = TypeVar("Outcome")
What = Literal["route", "model"]

_PUNCTUATION = re.compile(r"[.,!?;:]+(?=\s|$)")


class Ended(NamedTuple):
    """One speculation is over."""

    turn: int
    used: bool
    cpu_ms: float
    what: What


class Held(Generic[Found, Outcome]):
    """What is known of one text; `job` 0 where no job works on it."""

    def __init__(self, turn: int, text: str, found: Found, cpu_ms: float) -> None:
        self.turn, self.text, self.found, self.cpu_ms = turn, text, found, cpu_ms
        self.job = 0
        self.outcomes: list[Outcome] = []


class _Job:
    def __init__(self, turn: int) -> None:
        self.turn = turn
        self.used: bool | None = None  # not known yet
        self.cpu_ms: float | None = None  # still running


class Speculation(Generic[Found, Outcome]):
    """At most one text at a time. Turns and jobs only grow."""

    def __init__(self) -> None:
        self._held: Held[Found, Outcome] | None = None
        self._open_job = 0  # its text is committed: outcomes pass through
        self._jobs: dict[int, _Job] = {}
        self._ended: list[Ended] = []

    def holds(self, turn: int, text: str) -> bool:
        """Whether `text` has been worked on already."""
        held = self._held
        return held is not None and held.turn == turn and key_of(held.text) == key_of(text)

    @property
    def found(self) -> Found | None:
        """What was found for the text that is held."""
        return None if self._held is None else self._held.found

    @property
    def job(self) -> int:
        """The job that works on the text that is held; 0 for none."""
        return 0 if self._held is None else self._held.job

    def hold(self, turn: int, text: str, found: Found, cpu_ms: float) -> None:
        """Keeps what was found of a text in `cpu_ms`, instead of what was held before."""
        self.drop()
        self._held = Held(turn, text, found, cpu_ms)

    def work(self, turn: int, job: int, *, decides: bool) -> None:
        """A job was begun ahead; with `decides` its outcomes belong to the text that is held."""
        self._jobs[job] = _Job(turn)
        if decides and self._held is not None:
            self._held.job = job

    def commit(self, turn: int, text: str) -> Held[Found, Outcome] | None:
        """What is known of the committed text; None when it is another one."""
        if not self.holds(turn, text):
            self.drop()
            return None
        held, self._held = self._held, None
        assert held is not None
        self._ended.append(Ended(turn, True, held.cpu_ms, "route"))
        self._open_job = held.job
        self._settle(held.job, used=True)
        return held

    def open(self, job: int) -> None:
        """A job for a committed text: its outcomes pass through, and no others; 0 for none."""
        self._open_job = job

    def passes(self, job: int, outcome: Outcome) -> bool:
        """Whether to act on an outcome of `job` now; one of a text that is held is kept with it."""
        if self._held is not None and job and job == self._held.job:
            self._held.outcomes.append(outcome)
            return False
        return bool(job) and job == self._open_job

    def expects(self, job: int) -> bool:
        """Whether `job` works on the text that is held."""
        return self._held is not None and bool(job) and job == self._held.job

    def spent(self, job: int, cpu_ms: float) -> None:
        """A job has ended and took so much."""
        if job in self._jobs:
            self._jobs[job].cpu_ms = cpu_ms
            self._account(job)

    def settle(self, *, used: bool) -> None:
        """Jobs whose use is not known yet were of use, or not."""
        for job in list(self._jobs):
            if self._held is None or job != self._held.job:
                self._settle(job, used=used)

    def drop(self) -> bool:
        """Forgets the text that is held; whether a job works on it in vain now."""
        held, self._held = self._held, None
        if held is None:
            return False
        self._ended.append(Ended(held.turn, False, held.cpu_ms, "route"))
        self._settle(held.job, used=False)
        return bool(held.job)

    def let_go(self) -> bool:
        """The same, but whether the job was of use will be seen at the commit: it may have read ahead."""
        held, self._held = self._held, None
        if held is None:
            return False
        self._ended.append(Ended(held.turn, False, held.cpu_ms, "route"))
        return bool(held.job)

    def ended(self) -> list[Ended]:
        """Everything that has ended since the last call."""
        ended, self._ended = self._ended, []
        return ended

    def _settle(self, job: int, *, used: bool) -> None:
        if job in self._jobs and self._jobs[job].used is None:
            self._jobs[job].used = used
            self._account(job)

    def _account(self, job: int) -> None:
        done = self._jobs[job]
        if done.used is not None and done.cpu_ms is not None:
            self._ended.append(Ended(done.turn, done.used, done.cpu_ms, "model"))
            del self._jobs[job]


def key_of(text: str) -> str:
    """The same for texts that differ in case, spaces and punctuation between words only."""
    return " ".join(_PUNCTUATION.sub("", text.lower()).split())

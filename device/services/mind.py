"""The language model on its own thread, so that the reason daemon always listens.

One job at a time; a newer job, or `drop`, cancels the running one within a token. A job about a request that
is not committed yet pauses after the first clause of an answer until it is released. A changed house is
learnt when nothing else is to do; a model that cannot be used now is tried again, at first after a second,
then less and less often. Outcomes are polled and say of which job they are; `fileno` becomes
readable for them.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from dataclasses import dataclass

import msgspec

from device.dialog.history import Utterance
from device.home.registry import House
from device.reasoning.decision import Decision
from device.reasoning.thinker import Cancelled, ModelError, Thinker, TooSlow, UnavailableError
from device.services.thinkers import limits, open_thinker
from device.settings import Reason

FIRST_RETRY_S, LONGEST_RETRY_S = 1.0, 30.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Consider:
    """Decide about a request, and answer it when it is only talk."""

    turn: int
    text: str
    house: House
    history: tuple[Utterance, ...]
    may_act: bool
    brief: bool = False  # behind a shorter prompt, because the whole one took too long


@dataclass(frozen=True)
class Prefill:
    """Read a request that is not over yet."""

    turn: int
    text: str
    history: tuple[Utterance, ...]


@dataclass(frozen=True)
class Ready:
    """The model knows the house."""

    name: str
    load_ms: float
    prefix_ms: float
    restored: bool


@dataclass(frozen=True)
class Judged:
    """How probable it is that a request is over that was not committed yet."""

    turn: int
    job: int
    text: str
    finality: float


@dataclass(frozen=True)
class Decided:
    """What a request asks for."""

    turn: int
    job: int
    decision: Decision
    took_ms: float


@dataclass(frozen=True)
class FirstToken:
    """The first token of an answer is there."""

    turn: int
    job: int
    after_ms: float


@dataclass(frozen=True)
class Piece:
    """A clause of an answer; the end comes as an empty one with `last`."""

    turn: int
    job: int
    text: str
    last: bool


@dataclass(frozen=True)
class Spent:
    """A job has ended, done or cancelled, after so much processor time of all threads."""

    job: int
    cpu_ms: float


@dataclass(frozen=True)
class Failed:
    """The model cannot be used; turn and job of the request that met it, 0 for none."""

    turn: int
    job: int
    reason: str
    hint: str


Job = Consider | Prefill
Outcome = Ready | Judged | Decided | FirstToken | Piece | Spent | Failed


class Mind:
    """Owns the language model. All methods may be called from any one other thread."""

    def __init__(self, settings: Reason) -> None:
        self._settings = settings
        self._changed = threading.Condition()
        self._house: House | None = None
        self._job: Job | None = None
        self._number = 0  # of the newest job
        self._wanted = 0  # the job that is not in vain, 0 for none
        self._running = 0
        self._released = 0
        self._stopping = False
        self._again_s: float | None = None  # the time to try again to learn the house
        self._retry_s = FIRST_RETRY_S  # until the attempt after that
        self._told = ""  # the last fault, which is not told twice
        self._known: House | None = None  # what the model was to learn last
        self._outcomes: deque[Outcome] = deque()
        self._event = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._thread = threading.Thread(target=self._work, name="mind", daemon=True)
        self._thread.start()

    def fileno(self) -> int:
        """Readable while outcomes wait."""
        return self._event

    def learn(self, house: House) -> None:
        """Prepare for a changed house as soon as there is nothing else to do."""
        with self._changed:
            self._house = house
            self._changed.notify()

    def post(self, job: Job, *, committed: bool) -> int:
        """Do this instead of what is running or waiting; returns the number of the job."""
        with self._changed:
            self._discard()
            self._number += 1
            self._job, self._wanted = job, self._number
            if committed:
                self._released = self._number
            self._changed.notify()
            return self._number

    def release(self, job: int) -> None:
        """The request of `job` is committed: the whole answer is wanted."""
        with self._changed:
            self._released = max(self._released, job)
            self._changed.notify()

    def drop(self) -> None:
        """Whatever is running or waiting is in vain."""
        with self._changed:
            self._discard()
            self._wanted = 0
            self._changed.notify()

    def configure(self, settings: Reason) -> None:
        """Takes over changed limits with the next job; model, threads and context are chosen at start."""
        self._settings = settings

    def poll(self) -> list[Outcome]:
        """Everything that came out."""
        try:
            os.eventfd_read(self._event)
        except BlockingIOError:
            return []
        return [self._outcomes.popleft() for _ in range(len(self._outcomes))]

    def close(self) -> None:
        """Stops within a token."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(timeout=1.5)

    def _discard(self) -> None:
        if self._job is not None:
            self._job = None
            self._put(Spent(self._number, 0.0))

    def _cancelled(self) -> bool:
        if not self._running:  # learning the house: whoever speaks goes first
            return self._stopping or self._job is not None
        return self._stopping or self._running != self._wanted

    def _put(self, outcome: Outcome) -> None:
        self._outcomes.append(outcome)
        os.eventfd_write(self._event, 1)

    def _work(self) -> None:
        try:
            began = time.monotonic()
            model, name = self._load()
            load_ms = (time.monotonic() - began) * 1000
        except Exception as error:
            hint = getattr(error, "next_step", "see `wren doctor`")
            self._put(Failed(0, 0, f"no language model: {getattr(error, 'cause', error)}", hint))
            return
        while True:
            with self._changed:
                self._running = 0
                self._wait()
                if self._stopping:
                    break
                job, self._job = self._job, None
                house = None
                if job is None:
                    house, self._house = self._house, None
                self._running = self._wanted if job is not None else 0
            if job is not None:
                self._do(model, job)
            elif house is not None:
                self._learn(model, house, name, load_ms)
        model.close()

    def _wait(self) -> None:
        """Until there is something to do, or a house to be tried again; holds the lock."""

        def is_due() -> bool:
            return self._stopping or self._job is not None or self._house is not None

        if self._again_s is None:
            self._changed.wait_for(is_due)
        elif not self._changed.wait_for(is_due, max(0.0, self._again_s - time.monotonic())):
            self._house = self._known

    def _load(self) -> tuple[Thinker, str]:
        return open_thinker(self._settings)

    def _learn(self, model: Thinker, house: House, name: str, load_ms: float) -> None:
        began = time.monotonic()
        self._known = house
        try:
            restored = model.set_house(house, self._cancelled)
        except Cancelled:
            with self._changed:
                self._house = self._house or house
            return
        except ModelError as error:
            self._on_fault(0, 0, error)
            return
        self._again_s, self._retry_s, self._told = None, FIRST_RETRY_S, ""
        self._put(Ready(name, load_ms, (time.monotonic() - began) * 1000, restored))

    def _on_fault(self, turn: int, job: int, error: ModelError) -> None:
        """Tells of it, without a request only when it is another one, and tries again where that may help."""
        if turn or str(error) != self._told:
            self._put(Failed(turn, job, error.cause, error.next_step))
        self._told = str(error)
        if isinstance(error, UnavailableError):
            self._again_s = time.monotonic() + self._retry_s
            self._retry_s = min(2 * self._retry_s, LONGEST_RETRY_S)

    def _do(self, model: Thinker, job: Job) -> None:
        model.limits = limits(self._settings)
        number, began = self._running, time.process_time()
        try:
            if isinstance(job, Prefill):
                model.prefill(job.text, job.history, self._cancelled)
            else:
                self._consider(model, job, number)
        except (Cancelled, TooSlow):
            return  # the dialog has a newer turn, or says itself that it took too long
        except ModelError as error:
            self._on_fault(job.turn, number, error)
        except Exception as error:
            log.exception("the language model failed")
            self._put(Failed(job.turn, number, f"the language model failed: {error}", "see the journal"))
        finally:
            self._put(Spent(number, (time.process_time() - began) * 1000))

    def _consider(self, model: Thinker, job: Consider, number: int) -> None:
        began = time.monotonic()
        if self._released < number:
            finality = model.finality(job.text, self._cancelled)
            if finality is not None:
                self._put(Judged(job.turn, number, job.text, finality))
        house = job.house if job.may_act else _readable(job.house)
        if job.may_act or house.tools:
            decision = model.decide(job.text, house, self._cancelled, brief=job.brief)
            if not (job.may_act or decision.calls):
                decision = Decision("talk")
            self._put(Decided(job.turn, number, decision, (time.monotonic() - began) * 1000))
            if decision.kind != "talk":
                return

        def begun() -> None:
            self._put(FirstToken(job.turn, number, (time.monotonic() - began) * 1000))

        for piece in model.talk(job.text, job.history, self._cancelled, brief=job.brief, begun=begun):
            self._put(Piece(job.turn, number, piece, last=False))
            with self._changed:
                self._changed.wait_for(lambda: self._released >= number or self._cancelled())
        self._put(Piece(job.turn, number, "", last=True))


def _readable(house: House) -> House:
    """What of a house nobody can do harm with: the tools that are not asked about first."""
    tools = {name: tool for name, tool in house.tools.items() if not tool.ask_first}
    return msgspec.structs.replace(house, entities={}, tools=tools)

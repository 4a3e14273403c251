"""The language model on its own thread, so that the reason daemon always listens.

One job at a time; a newer job, or `drop`, cancels the running one within a token. A job about a request
that is not committed yet pauses after the first clause of an answer until it is released; one about a
request that may go on ends when the model has read it, unless it is probably over or was concluded. A
changed house is learnt when nothing else is to do, as each agent sees it; the agent that a job is for is
taken up from there in a moment. A model that cannot be used now is tried again, at first after a second,
then less and less often. Outcomes are polled and say of which job they are; `fileno` becomes readable for
them.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from device.dialog.history import Utterance
from device.home.persona import Persona
from device.home.registry import House
from device.reasoning.completeness import may_be_over
from device.reasoning.decision import Decision
from device.reasoning.thinker import Cancelled, Finality, ModelError, Thinker, TooSlow, UnavailableError
from device.services.thinkers import limited, limits, model_of, open_thinker
from device.settings import Reason

FIRST_RETRY_S, LONGEST_RETRY_S = 1.0, 30.0
# after the first clause the cores are the voice's: on two its sound took 160 ms beside the model, 60 ms alone
VOICE_FIRST_S = 0.1
_NICENESS = 5  # below recognition and the turn model, which decide when there is anything to answer

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Consider:
    """Decide about a request, and answer it when it is only talk."""

    turn: int
    text: str
    house: House  # as the agent sees it that answers
    history: tuple[Utterance, ...]
    may_act: bool
    brief: bool = False  # behind a shorter prompt, because the whole one took too long
    may_hand: bool = True  # the request may go to another agent
    may_go_on: bool = False  # somebody is still speaking


@dataclass(frozen=True)
class Ready:
    """The model knows the house."""

    name: str
    load_ms: float
    prefix_ms: float
    restored: bool


@dataclass(frozen=True)
class Judged:
    """How probable it is that a request is over that was not committed yet; None: the model cannot tell."""

    turn: int
    job: int
    text: str
    finality: Finality | None


@dataclass(frozen=True)
class Decided:
    """What a request asks for."""

    turn: int
    job: int
    decision: Decision
    took_ms: float


@dataclass(frozen=True)
class Talking:
    """Whatever comes of a request is only talk."""

    turn: int
    job: int


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


Outcome = Ready | Judged | Decided | Talking | FirstToken | Piece | Spent | Failed


class _Loaded(NamedTuple):
    model: Thinker
    name: str
    load_ms: float


class Mind:
    """Owns the language model. All methods may be called from any one other thread."""

    def __init__(self, settings: Reason) -> None:
        self._settings = settings
        self._changed = threading.Condition()
        self._houses: dict[str, House] = {}  # by agent
        self._unlearnt: list[House] = []
        self._first: House | None = None  # whose learning is news
        self._job: Consider | None = None
        self._said: tuple[House, tuple[Utterance, ...]] | None = None  # what is to be recalled
        self._number = 0  # of the newest job
        self._wanted = 0  # the job that is not in vain, 0 for none
        self._running = 0
        self._released = 0
        self._concluded = 0  # the newest job that does not go on after all
        self._left = 0  # the newest that ended without a decision
        self._stopping = False
        self._spared = 0  # cores left to recognition
        self._again_s: float | None = None  # the time to try again to learn the house
        self._retry_s = FIRST_RETRY_S  # until the attempt after that
        self._told = ""  # the last fault, which is not told twice
        self._missed: list[House] = []  # what could not be learnt
        self._thinkers: dict[str, _Loaded] = {}
        self._outcomes: deque[Outcome] = deque()
        self._event = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._thread = threading.Thread(target=self._work, name="mind", daemon=True)
        self._thread.start()

    def fileno(self) -> int:
        """Readable while outcomes wait."""
        return self._event

    def learn(self, *houses: House) -> None:
        """Prepare for a changed house as soon as there is nothing else to do.

        It is given once for each agent, as that one sees it, the one who speaks first at the end.
        """
        with self._changed:
            self._houses = {house.persona.id: house for house in houses}
            self._unlearnt, self._missed = list(houses), []
            self._first = houses[-1]
            self._changed.notify()

    def turn_to(self, agent: str) -> None:
        """The next jobs will be for another agent: take up what it knows when there is nothing else to do."""
        with self._changed:
            if agent in self._houses and len(self._houses) > 1:
                self._unlearnt.append(self._houses[agent])
                self._changed.notify()

    def recall(self, house: House, history: tuple[Utterance, ...]) -> None:
        """Read what has been said when there is nothing else to do; a newer history takes its place."""
        with self._changed:
            self._said = house, history
            self._changed.notify()

    def post(self, job: Consider, *, committed: bool) -> int:
        """Do this instead of what is running or waiting; returns the number of the job."""
        with self._changed:
            self._discard()
            self._number += 1
            self._job, self._wanted = job, self._number
            self.share(False)
            if committed:
                self._released = self._number
            self._changed.notify()
            return self._number

    def release(self, job: int) -> None:
        """The request of `job` is committed: the whole answer is wanted."""
        with self._changed:
            self._released = max(self._released, job)
            self.share(False)
            self._changed.notify()

    def share(self, beside_others: bool) -> None:
        """Whether recognition has a core to itself from now on, at most until another job or a commit."""
        with self._changed:
            self._spared = int(beside_others)
            for loaded in self._thinkers.values():
                loaded.model.spared = self._spared

    def conclude(self, job: int) -> bool:
        """The request of `job` does not go on: decide about it in any case. False: it has ended."""
        with self._changed:
            self._concluded = max(self._concluded, job)
            return self._wanted == job and self._left != job

    def drop(self) -> None:
        """Whatever is running or waiting is in vain."""
        with self._changed:
            self._discard()
            self._wanted = 0
            self.share(False)
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
        os.nice(_NICENESS)  # of this thread and those that compute for it
        try:
            self._thinker("")
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
                house = self._unlearnt[0] if job is None and self._unlearnt else None
                said = self._said if job is None and house is None else None
                self._running = self._wanted if job is not None else 0
            if job is not None:
                self._do(job)
            elif house is not None:
                self._learn(house)
            elif said is not None:
                self._recall(*said)
        for loaded in self._thinkers.values():
            loaded.model.close()

    def _wait(self) -> None:
        """Until there is something to do, or something to be tried again; holds the lock."""

        def is_due() -> bool:
            return self._stopping or bool(self._job or self._unlearnt or self._said)

        if self._again_s is None:
            self._changed.wait_for(is_due)
        elif not self._changed.wait_for(is_due, max(0.0, self._again_s - time.monotonic())):
            self._again_s = None
            self._unlearnt, self._missed = self._missed or list(self._houses.values())[-1:], []
            self._first = self._first or self._unlearnt[-1]
            self._changed.wait_for(is_due)

    def _thinker(self, model: str) -> _Loaded:
        """The model that an agent thinks with, loaded when it is first wanted."""
        name = model_of(self._settings, model)
        if name not in self._thinkers:
            began = time.monotonic()
            thinker, called = self._load(name)
            loaded = _Loaded(thinker, called, (time.monotonic() - began) * 1000)
            with self._changed:
                self._thinkers[name] = loaded
                thinker.spared = self._spared
        return self._thinkers[name]

    def _load(self, model: str) -> tuple[Thinker, str]:
        return open_thinker(self._settings, model)

    def _learn(self, house: House) -> None:
        began = time.monotonic()
        try:
            loaded = self._thinker(house.persona.model)
            restored = loaded.model.set_house(house, self._cancelled)
        except Cancelled:
            return  # and goes on when there is time again
        except ModelError as error:
            self._learnt(house)
            self._missed.append(house)
            self._on_fault(0, 0, error)
            return
        self._learnt(house)
        if house is self._first:
            self._first = None
            self._again_s, self._retry_s, self._told = None, FIRST_RETRY_S, ""
            took_ms = (time.monotonic() - began) * 1000
            self._put(Ready(loaded.name, loaded.load_ms, took_ms, restored))

    def _recall(self, house: House, history: tuple[Utterance, ...]) -> None:
        said = self._said
        try:
            self._take_up(house).recall(history, lambda: self._cancelled() or self._said is not said)
        except Cancelled:
            return  # and goes on when there is time again
        except ModelError as error:
            log.warning("what was said is read with the next request: %s", error)
        with self._changed:
            if self._said is said:
                self._said = None

    def _learnt(self, house: House) -> None:
        with self._changed:
            if self._unlearnt and self._unlearnt[0] is house:
                del self._unlearnt[0]

    def _on_fault(self, turn: int, job: int, error: ModelError) -> None:
        """Tells of it, without a request only when it is another one, and tries again where that may help."""
        if turn or str(error) != self._told:
            self._put(Failed(turn, job, error.cause, error.next_step))
        self._told = str(error)
        if isinstance(error, UnavailableError):
            self._again_s = time.monotonic() + self._retry_s
            self._retry_s = min(2 * self._retry_s, LONGEST_RETRY_S)

    def _take_up(self, seen: House) -> Thinker:
        """Has a model think as the agent that sees that house, which costs nothing when it already does."""
        agent = seen.persona.id
        house = self._houses.get(agent)
        persona = house.persona if house is not None else Persona()
        model = self._thinker(persona.model).model
        model.limits = limits(self._settings, persona)
        if house is not None and len(self._houses) > 1:
            model.set_house(house, self._cancelled)
        return model

    def _do(self, job: Consider) -> None:
        number, began = self._running, time.process_time()
        try:
            self._consider(self._take_up(job.house), job, number)
        except (Cancelled, TooSlow):
            return  # the dialog has a newer turn, or says itself that it took too long
        except ModelError as error:
            self._leave(number)
            self._on_fault(job.turn, number, error)
        except Exception as error:
            log.exception("the language model failed")
            self._leave(number)
            self._put(Failed(job.turn, number, f"the language model failed: {error}", "see the journal"))
        finally:
            self._put(Spent(number, (time.process_time() - began) * 1000))

    def _leave(self, job: int) -> None:
        with self._changed:
            self._left = job

    def _leaves(self, job: int) -> bool:
        """Whether a job about what may go on ends here."""
        with self._changed:
            if self._concluded < job:
                self._left = job
            return self._left == job

    def _consider(self, model: Thinker, job: Consider, number: int) -> None:
        began = time.monotonic()
        others = job.house.persona.others if job.may_hand else ()
        house = limited(job.house, others, acts=job.may_act)
        decides = job.may_act or bool(others or house.tools)
        if not decides:
            self._put(Talking(job.turn, number))
        if self._released < number:
            finality = model.finality(
                job.text, () if decides else job.history, self._cancelled, whole=not job.may_go_on
            )
            self._put(Judged(job.turn, number, job.text, finality))
            if job.may_go_on and not may_be_over(finality) and self._leaves(number):
                if decides or finality is None:  # else it has been read where it will be answered
                    model.prefill(job.text, job.history, self._cancelled)
                return
        if decides:
            decision = model.decide(job.text, house, self._cancelled, brief=job.brief)
            if not (job.may_act or decision.calls):
                decision = Decision("talk")
            self._put(Decided(job.turn, number, decision, (time.monotonic() - began) * 1000))
            if decision.kind != "talk":
                return
            self._put(Talking(job.turn, number))

        def begun() -> None:
            self._put(FirstToken(job.turn, number, (time.monotonic() - began) * 1000))

        rest_s = VOICE_FIRST_S
        for piece in model.talk(job.text, job.history, self._cancelled, brief=job.brief, begun=begun):
            self._put(Piece(job.turn, number, piece, last=False))
            until_s, rest_s = time.monotonic() + rest_s, 0.0
            with self._changed:
                self._changed.wait_for(lambda: self._released >= number or self._cancelled())
                self._changed.wait_for(self._cancelled, max(0.0, until_s - time.monotonic()))
        self._put(Piece(job.turn, number, "", last=True))

"""The language model on its own thread, so that the reason daemon always listens.

One job at a time; a newer job, or `drop`, cancels the running one within a token. A job about a request that
is not committed yet pauses after the first clause of an answer until it is released; one about a request that
may go on ends when the model has read it, unless it is probably over. A changed house is learnt when nothing
else is to do, as each agent sees it; the agent that a job is for is taken up from there in a moment. Outcomes
are polled and say of which job they are; `fileno` becomes readable for them.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from device import settings as settings_module
from device.dialog.history import Utterance
from device.home.persona import Other, Persona
from device.home.registry import House
from device.reasoning.completeness import by_finality
from device.reasoning.decision import Decision
from device.settings import Reason
from models.store import Store

if TYPE_CHECKING:
    from device.reasoning.llm import LanguageModel, Limits

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Consider:
    """Decide about a request, and answer it when it is only talk."""

    turn: int
    text: str
    house: House  # as the agent sees it that answers
    history: tuple[Utterance, ...]
    may_act: bool
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


Outcome = Ready | Judged | Decided | Piece | Spent | Failed


class Mind:
    """Owns the language model. All methods may be called from any one other thread."""

    def __init__(self, settings: Reason) -> None:
        self._settings = settings
        self._changed = threading.Condition()
        self._houses: dict[str, House] = {}  # by agent
        self._unlearnt: list[House] = []
        self._is_new = False  # what is being learnt
        self._job: Consider | None = None
        self._number = 0  # of the newest job
        self._wanted = 0  # the job that is not in vain, 0 for none
        self._running = 0
        self._released = 0
        self._stopping = False
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
            self._unlearnt = list(houses)
            self._is_new = True
            self._changed.notify()

    def turn_to(self, agent: str) -> None:
        """The next jobs will be for another agent: take up what it knows when there is nothing else to do."""
        with self._changed:
            if agent in self._houses and len(self._houses) > 1:
                self._unlearnt.append(self._houses[agent])
                self._changed.notify()

    def post(self, job: Consider, *, committed: bool) -> int:
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
            model, name, load_ms = self._load()
        except Exception as error:
            hint = getattr(error, "next_step", "see `wren doctor`")
            self._put(Failed(0, 0, f"no language model: {getattr(error, 'cause', error)}", hint))
            return
        while True:
            with self._changed:
                self._running = 0
                self._changed.wait_for(
                    lambda: self._stopping or self._job is not None or bool(self._unlearnt)
                )
                if self._stopping:
                    break
                job, self._job = self._job, None
                house = self._unlearnt[0] if job is None else None
                self._running = self._wanted if job is not None else 0
            if job is not None:
                self._do(model, job)
            elif house is not None:
                self._learn(model, house, name, load_ms)
        model.close()

    def _load(self) -> tuple[LanguageModel, str, float]:
        from device.reasoning.llm import LanguageModel

        began = time.monotonic()
        installed = Store().active("llm")
        model = LanguageModel(
            installed.files["model"],
            threads=self._settings.threads,
            context=self._settings.context_tokens,
            cache=settings_module.cache_dir() / "prefixes",
            limits=_limits(self._settings, Persona()),
        )
        return model, installed.name, (time.monotonic() - began) * 1000

    def _learn(self, model: LanguageModel, house: House, name: str, load_ms: float) -> None:
        from device.reasoning.llm import Cancelled, ModelError

        began = time.monotonic()
        try:
            restored = model.set_house(house, self._cancelled)
        except Cancelled:
            return  # and goes on when there is time again
        except ModelError as error:
            restored = False
            self._put(Failed(0, 0, error.cause, error.next_step))
        with self._changed:
            if self._unlearnt and self._unlearnt[0] is house:
                del self._unlearnt[0]
            is_last = self._is_new and not self._unlearnt
            self._is_new &= not is_last
        if is_last and model.ready:
            self._put(Ready(name, load_ms, (time.monotonic() - began) * 1000, restored))

    def _take_up(self, model: LanguageModel, agent: str) -> None:
        """Has the model think as an agent, which costs nothing when it already does."""
        house = self._houses.get(agent)
        model.limits = _limits(self._settings, house.persona if house else Persona())
        if house is not None and len(self._houses) > 1:
            model.set_house(house, self._cancelled)

    def _do(self, model: LanguageModel, job: Consider) -> None:
        from device.reasoning.llm import Cancelled, TooSlow

        number, began = self._running, time.process_time()
        try:
            self._take_up(model, job.house.persona.id)
            self._consider(model, job, number)
        except (Cancelled, TooSlow):
            return  # the dialog has a newer turn, or says itself that it took too long
        except Exception as error:
            log.exception("the language model failed")
            self._put(Failed(job.turn, number, f"the language model failed: {error}", "see the journal"))
        finally:
            self._put(Spent(number, (time.process_time() - began) * 1000))

    def _consider(self, model: LanguageModel, job: Consider, number: int) -> None:
        began = time.monotonic()
        if self._released < number:
            finality = model.finality(job.text, self._cancelled)
            self._put(Judged(job.turn, number, job.text, finality))
            if job.may_go_on and by_finality(finality) != "likely":
                model.prefill(job.text, job.history, self._cancelled)
                return
        others = job.house.persona.others if job.may_hand else ()
        if job.may_act or others:
            house = _limited(job.house, others, acts=job.may_act)
            decision = model.decide(job.text, house, self._cancelled)
            if not (job.may_act or decision.calls):
                decision = Decision("talk")
            self._put(Decided(job.turn, number, decision, (time.monotonic() - began) * 1000))
            if decision.kind != "talk":
                return
        for piece in model.talk(job.text, job.history, self._cancelled):
            self._put(Piece(job.turn, number, piece, last=False))
            with self._changed:
                self._changed.wait_for(lambda: self._released >= number or self._cancelled())
        self._put(Piece(job.turn, number, "", last=True))


def _limited(house: House, others: tuple[Other, ...], *, acts: bool) -> House:
    """What of a house a request may be decided about."""
    if acts and others == house.persona.others:
        return house
    persona = msgspec.structs.replace(house.persona, others=others)
    entities = house.entities if acts else {}
    return msgspec.structs.replace(house, entities=entities, persona=persona)


def _limits(settings: Reason, persona: Persona) -> Limits:
    """A longer answer than usual may also take longer."""
    from device.reasoning.llm import Limits

    tokens = persona.answer_tokens or settings.answer_tokens
    return Limits(
        act=settings.act_probability,
        ask=settings.ask_probability,
        answer_tokens=tokens,
        sentences=persona.sentences,
        deadline_s=settings.deadline_ms / 1000 * max(1.0, tokens / settings.answer_tokens),
    )

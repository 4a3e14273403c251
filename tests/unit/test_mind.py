"""The language model's thread: the newest job only, nothing of it lost or said twice; the model is played."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from device.dialog.history import Utterance
from device.home.persona import Other, Persona
from device.home.registry import Call, Entity, House, Tool
from device.reasoning.decision import Decision
from device.reasoning.thinker import Cancelled, Finality, UnavailableError
from device.services import mind as mind_module
from device.services.mind import (
    Consider,
    Decided,
    Failed,
    FirstToken,
    Judged,
    Mind,
    Outcome,
    Piece,
    Ready,
    Spent,
    Talking,
)
from device.settings import Reason

HOUSE = House()


class Model:
    """Talks in three clauses; "slow" requests take until they are cancelled."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.asked, self.may_tell = threading.Event(), threading.Event()
        self.may_tell.set()
        self.broken = False
        self.spoken = 0
        self.final: Finality | None = Finality(0.2, 0.25)
        self.read: list[str] = []
        self.ready = True
        self.learnt: list[str] = []
        self.limits: Any = None
        self.spared = 0

    def prefill(self, text: str, history: Any, cancelled: Callable[[], bool]) -> None:
        self.read.append(text)

    def recall(self, history: Any, cancelled: Callable[[], bool]) -> None:
        for _, text in history:
            self._work(text, cancelled)
            self.read.append(text)

    def finality(
        self, text: str, history: object, cancelled: Callable[[], bool], *, whole: bool
    ) -> Finality | None:
        self.asked.set()
        assert self.may_tell.wait(5)
        if self.broken:
            raise UnavailableError("it is gone", "wait")
        return self.final

    def decide(
        self, text: str, house: House, cancelled: Callable[[], bool], *, brief: bool = False
    ) -> Decision:
        self._work(text, cancelled)
        others = house.persona.others
        return Decision("act", (Call("handoff", others[0].id),), 0.9) if others else Decision("talk")

    def talk(
        self,
        text: str,
        history: Any,
        cancelled: Callable[[], bool],
        *,
        brief: bool = False,
        begun: Callable[[], None],
    ) -> Iterator[str]:
        begun()
        for number in range(3):
            if cancelled():
                raise Cancelled
            self.spoken += 1
            yield f"{text} {number}"

    def set_house(self, house: House, cancelled: Callable[[], bool]) -> bool:
        self.learnt.append(house.persona.id)
        return False

    def close(self) -> None: ...

    def _work(self, text: str, cancelled: Callable[[], bool]) -> None:
        self.began.set()
        while text == "slow":
            if cancelled():
                raise Cancelled
            time.sleep(0.001)


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Model:
    played = Model()
    monkeypatch.setattr(Mind, "_load", lambda *_: (played, "played"))
    return played


@pytest.fixture
def mind(model: Model) -> Iterator[Mind]:
    mind = Mind(Reason())
    yield mind
    mind.close()


def consider(text: str, turn: int = 1) -> Consider:
    return Consider(turn, text, HOUSE, (), may_act=True)


def gather(mind: Mind, job: int, timeout_s: float = 5.0) -> list[Outcome]:
    """Everything until the job has ended."""
    outcomes: list[Outcome] = []
    deadline = time.monotonic() + timeout_s
    while not any(isinstance(outcome, Spent) and outcome.job == job for outcome in outcomes):
        assert time.monotonic() < deadline, outcomes
        time.sleep(0.001)
        outcomes += mind.poll()
    return outcomes


def pieces(outcomes: list[Outcome]) -> list[str]:
    return [outcome.text for outcome in outcomes if isinstance(outcome, Piece)]


def test_a_committed_request_is_decided_and_answered(mind: Mind) -> None:
    outcomes = gather(mind, mind.post(consider("a"), committed=True))
    assert [type(outcome) for outcome in outcomes] == [
        Decided,
        Talking,
        FirstToken,
        Piece,
        Piece,
        Piece,
        Piece,
        Spent,
    ]
    assert pieces(outcomes) == ["a 0", "a 1", "a 2", ""]


def test_a_guess_is_answered_only_to_its_first_clause_until_it_is_released(mind: Mind, model: Model) -> None:
    job = mind.post(consider("a"), committed=False)
    outcomes: list[Outcome] = []
    while not pieces(outcomes):
        outcomes += mind.poll()
    time.sleep(0.05)
    assert model.spoken == 1
    mind.release(job)
    assert pieces(outcomes + gather(mind, job)) == ["a 0", "a 1", "a 2", ""]


def test_whether_a_guess_is_over_is_told_before_it_is_decided(mind: Mind) -> None:
    job = mind.post(consider("a"), committed=False)
    outcomes: list[Outcome] = []
    while not pieces(outcomes):
        outcomes += mind.poll()
    mind.release(job)
    assert outcomes[0] == Judged(1, job, "a", Finality(0.2, 0.25))
    assert isinstance(outcomes[1], Decided)


def test_what_may_go_on_is_only_read_unless_it_is_probably_over(mind: Mind, model: Model) -> None:
    model.final = Finality(0.1, 0.1)
    outcomes = gather(mind, mind.post(Consider(1, "a", HOUSE, (), True, may_go_on=True), committed=False))
    assert [type(outcome) for outcome in outcomes] == [Judged, Spent]
    assert model.read == ["a"]
    model.final = Finality(0.2, 0.9)
    job = mind.post(Consider(1, "a b", HOUSE, (), True, may_go_on=True), committed=False)
    outcomes = []
    while not pieces(outcomes):
        outcomes += mind.poll()
    assert isinstance(outcomes[1], Decided)
    mind.release(job)


def test_what_turns_out_to_be_whole_while_it_is_read_is_decided_without_reading_it_again(
    mind: Mind, model: Model
) -> None:
    model.final = Finality(0.1, 0.1)
    model.may_tell.clear()
    job = mind.post(Consider(1, "a", HOUSE, (), True, may_go_on=True), committed=False)
    assert model.asked.wait(5)
    assert mind.conclude(job)
    model.may_tell.set()
    mind.release(job)
    assert [type(outcome) for outcome in gather(mind, job)][:2] == [Judged, Decided]
    assert model.read == []


def test_what_was_only_read_cannot_be_concluded_any_more(mind: Mind, model: Model) -> None:
    model.final = Finality(0.1, 0.1)
    job = mind.post(Consider(1, "a", HOUSE, (), True, may_go_on=True), committed=False)
    gather(mind, job)
    assert not mind.conclude(job)


def test_what_failed_while_it_was_read_cannot_be_concluded(mind: Mind, model: Model) -> None:
    model.may_tell.clear()
    job = mind.post(Consider(1, "a", HOUSE, (), True, may_go_on=True), committed=False)
    assert model.asked.wait(5)
    model.broken = True
    model.may_tell.set()
    assert Failed in map(type, gather(mind, job))
    assert not mind.conclude(job)


def test_what_nobody_may_act_on_was_read_where_it_is_answered_when_its_end_was_asked_about(
    mind: Mind, model: Model
) -> None:
    model.final = Finality(0.1, 0.1)
    outcomes = gather(mind, mind.post(Consider(1, "a", HOUSE, (), False, may_go_on=True), committed=False))
    assert [type(outcome) for outcome in outcomes] == [Talking, Judged, Spent]
    assert model.read == []
    model.final = None  # it cannot tell, and nothing was read
    job = mind.post(Consider(1, "a b", HOUSE, (), False, may_go_on=True), committed=False)
    assert Judged(1, job, "a b", None) in gather(mind, job)
    assert model.read == ["a b"]


def test_a_newer_job_takes_the_place_of_the_running_one_which_is_accounted_for(
    mind: Mind, model: Model
) -> None:
    old = mind.post(consider("slow"), committed=False)
    assert model.began.wait(5)
    new = mind.post(consider("b"), committed=True)
    outcomes = gather(mind, new)
    assert [outcome.job for outcome in outcomes if isinstance(outcome, Spent)] == [old, new]
    assert pieces(outcomes) == ["b 0", "b 1", "b 2", ""]


def test_a_job_that_never_began_is_accounted_for_too(mind: Mind, model: Model) -> None:
    mind.post(consider("slow"), committed=False)
    assert model.began.wait(5)
    with mind._changed:  # the thread cannot take the next job in between
        never = mind.post(consider("a"), committed=False)
        last = mind.post(consider("b"), committed=True)
    spent = [outcome for outcome in gather(mind, last) if isinstance(outcome, Spent)]
    assert Spent(never, 0.0) in spent
    assert len(spent) == 3


def test_what_is_dropped_ends_also_while_it_waits_to_be_released(mind: Mind, model: Model) -> None:
    job = mind.post(consider("a"), committed=False)
    while model.spoken < 1:
        time.sleep(0.001)
    mind.drop()
    assert pieces(gather(mind, job)) == ["a 0"]
    assert model.spoken == 1


def agent(name: str, **more: Any) -> House:
    return House(persona=Persona(id=name, **more))


WREN = agent("wren", others=(Other("nora", "handoff", ("a story",)),))
NORA = agent("nora", answer_tokens=90, sentences=3)


def learn(mind: Mind) -> list[Outcome]:
    """Until the model is ready for everybody."""
    mind.learn(NORA, WREN)
    outcomes: list[Outcome] = []
    deadline = time.monotonic() + 5
    while not outcomes:
        assert time.monotonic() < deadline
        time.sleep(0.001)
        outcomes += mind.poll()
    return outcomes


def test_all_agents_are_learnt_before_the_model_is_ready_the_first_one_last(mind: Mind, model: Model) -> None:
    assert [type(outcome) for outcome in learn(mind)] == [Ready]
    assert model.learnt == ["nora", "wren"]


def test_each_job_is_done_as_the_agent_that_it_is_for(mind: Mind, model: Model) -> None:
    learn(mind)
    gather(mind, mind.post(Consider(1, "a", NORA, (), may_act=True), committed=True))
    assert (model.learnt[-1], model.limits.answer_tokens, model.limits.sentences) == ("nora", 90, 3)
    assert model.limits.deadline_s == pytest.approx(12.0)
    gather(mind, mind.post(Consider(1, "b", WREN, (), may_act=True), committed=True))
    assert (model.learnt[-1], model.limits.answer_tokens) == ("wren", Reason().answer_tokens)


def test_an_agent_that_takes_over_is_taken_up_before_it_is_asked(mind: Mind, model: Model) -> None:
    learn(mind)
    mind.turn_to("nora")
    deadline = time.monotonic() + 5
    while model.learnt[-1] != "nora":
        assert time.monotonic() < deadline
        time.sleep(0.001)
    assert mind.poll() == []


def test_a_request_that_nobody_may_act_on_may_still_go_to_another_agent(mind: Mind) -> None:
    learn(mind)
    for may_hand in (True, False):
        request = Consider(1, "a", WREN, (), may_act=False, may_hand=may_hand)
        outcomes = gather(mind, mind.post(request, committed=True))
        decided = [outcome.decision.kind for outcome in outcomes if isinstance(outcome, Decided)]
        assert decided == (["act"] if may_hand else [])
        assert bool(pieces(outcomes)) is not may_hand


@pytest.mark.parametrize("ask_first", [False, True])
def test_what_nobody_may_act_on_can_still_be_looked_up_with_a_tool_that_only_reads(
    mind: Mind, model: Model, monkeypatch: pytest.MonkeyPatch, ask_first: bool
) -> None:
    asked: list[House] = []

    def decide(text: str, house: House, *_: Any, **__: Any) -> Decision:
        asked.append(house)
        return Decision("cannot")

    monkeypatch.setattr(model, "decide", decide)
    lamp = Entity(id="light.lamp", name="Lamp")
    tool = Tool(name="sea.tide", words="tide", ask_first=ask_first)
    house = House(entities={lamp.id: lamp}, tools={tool.name: tool})
    outcomes = gather(mind, mind.post(Consider(1, "a", house, (), may_act=False), committed=True))
    assert pieces(outcomes), "there is an answer in any case"
    assert [(dict(one.entities), list(one.tools)) for one in asked] == (
        [] if ask_first else [({}, ["sea.tide"])]
    )


class Away(Model):
    """Cannot be used at first."""

    def __init__(self) -> None:
        super().__init__()
        self.tries, self.is_there = 0, False

    def set_house(self, house: House, cancelled: Callable[[], bool]) -> bool:
        self.tries += 1
        self._work("", cancelled)
        return False

    def _work(self, text: str, cancelled: Callable[[], bool]) -> None:
        if not self.is_there:
            raise UnavailableError("nobody there", "start it")


def test_a_model_that_is_away_is_told_of_once_and_taken_up_when_it_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    away = Away()
    monkeypatch.setattr(Mind, "_load", lambda *_: (away, "away"))
    monkeypatch.setattr(mind_module, "FIRST_RETRY_S", 0.01)
    mind = Mind(Reason())
    mind.learn(HOUSE)
    while away.tries < 3:
        time.sleep(0.001)
    assert mind.poll() == [Failed(0, 0, "nobody there", "start it")]
    job = mind.post(consider("a"), committed=True)
    assert gather(mind, job)[0] == Failed(1, job, "nobody there", "start it")
    away.is_there = True
    outcomes: list[Outcome] = []
    while not outcomes:
        outcomes = mind.poll()
        time.sleep(0.001)
    assert isinstance(outcomes[0], Ready)
    assert pieces(gather(mind, mind.post(consider("a"), committed=True)))[0] == "a 0"
    mind.close()


def test_each_agent_thinks_with_its_own_model_and_one_that_is_away_stops_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here, away = Model(), Away()
    models = {"embedded": (here, "here"), "endpoint": (away, "away")}
    monkeypatch.setattr(Mind, "_load", lambda _, name: models[name])
    mind = Mind(Reason(endpoint="http://127.0.0.1:9/v1"))
    mind.learn(agent("professor", model="endpoint"), agent("wren", model="embedded"))
    outcomes: list[Outcome] = []
    deadline = time.monotonic() + 5
    while len(outcomes) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.001)
        outcomes += mind.poll()
    assert outcomes[0] == Failed(0, 0, "nobody there", "start it")
    assert isinstance(outcomes[1], Ready)
    job = mind.post(Consider(1, "a", agent("wren", model="embedded"), (), may_act=True), committed=True)
    assert pieces(gather(mind, job))[0] == "a 0"
    away.is_there = True
    job = mind.post(Consider(2, "b", agent("professor", model="endpoint"), (), may_act=True), committed=True)
    assert pieces(gather(mind, job))[0] == "b 0"
    assert (here.spoken, away.spoken) == (3, 3)
    mind.close()


def recalled(text: str) -> tuple[Utterance, ...]:
    return (Utterance("user", text),)


def test_what_was_said_is_read_when_nothing_else_is_to_do_and_a_request_comes_first(
    mind: Mind, model: Model
) -> None:
    mind.recall(HOUSE, recalled("slow"))
    assert model.began.wait(5)
    job = mind.post(consider("quick"), committed=True)
    assert any(isinstance(outcome, Piece) for outcome in gather(mind, job))
    mind.recall(HOUSE, recalled("newer"))
    deadline = time.monotonic() + 5
    while model.read != ["newer"]:
        assert time.monotonic() < deadline
        time.sleep(0.001)

"""The reason daemon's decisions before and after the commit, seen from its bus; the language model is played."""

from __future__ import annotations

import time
from typing import Any

import pytest

from device.dialog.fillers import FILLERS
from device.events import (
    DialogState,
    Event,
    HomeEntity,
    IntentDecided,
    PlaybackStarted,
    PlaybackStopped,
    ReplyBegun,
    ReplyClause,
    ReplyExpected,
    SpeculationEnded,
    SpeechStopped,
    TimerChanged,
    ToolCalled,
    ToolOffered,
    ToolResult,
    TranscriptPartial,
    TurnCancelled,
    TurnCommitted,
    TurnHypothesis,
    TurnJudged,
    TurnPreferred,
    TurnStarted,
)
from device.home.registry import Call, Entity
from device.reasoning.decision import Decision
from device.reasoning.router import Route, route
from device.reasoning.thinker import Finality
from device.services import reason
from device.services.mind import Consider, Decided, Judged, Outcome, Piece, Ready, Spent, Talking
from device.settings import Listen, McpServer, Reason, Settings, Tools

KITCHEN = Entity(id="light.kitchen", name="Kitchen Light", area="kitchen", features=frozenset(("dim",)))
HALL = Entity(id="light.hall", name="Hall Light", area="hall")
ON = (Call("turn_on", "light.kitchen"),)
DARK = "it is a mite gloomy around the kitchen"


class Bus:
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[Event] = []

    def send(self, event: Event) -> None:
        self.sent.append(event)

    def wait(self, timeout_s: float, *others: int) -> None:
        """There is nothing to wait for."""


class PlayedMind:
    """Takes jobs like the real one; the test says what comes of them."""

    def __init__(self, *_: Any) -> None:
        self.jobs: list[tuple[Consider, bool]] = []
        self.released: list[int] = []
        self.concluded: list[int] = []
        self.shared: list[bool] = []
        self.has_left = False
        self.drops = 0
        self.outcomes: list[Outcome] = [Ready("model", 0, 0, True)]
        self.recalled: list[tuple[str, tuple[tuple[str, str], ...]]] = []  # by which agent, and what

    def post(self, job: Consider, *, committed: bool) -> int:
        self.jobs.append((job, committed))
        return len(self.jobs)

    def release(self, job: int) -> None:
        self.released.append(job)

    def share(self, beside_others: bool) -> None:
        self.shared.append(beside_others)

    def conclude(self, job: int) -> bool:
        self.concluded.append(job)
        return not self.has_left

    def poll(self) -> list[Outcome]:
        outcomes, self.outcomes = self.outcomes, []
        return outcomes

    def drop(self) -> None:
        self.drops += 1

    def learn(self, *_: Any) -> None: ...

    def turn_to(self, agent: str) -> None: ...

    def recall(self, house: Any, history: tuple[tuple[str, str], ...]) -> None:
        self.recalled.append((house.persona.id, history))

    def configure(self, *_: Any) -> None: ...

    def fileno(self) -> int:
        return 0


class Rig:
    """A daemon, its bus and its model."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
        monkeypatch.setattr(reason, "Mind", PlayedMind)
        self.bus = Bus()
        self.daemon = reason.ReasonDaemon(settings, self.bus)  # type: ignore[arg-type]
        self.daemon.start()
        self.mind: Any = self.daemon._mind
        for entity in (KITCHEN, HALL):
            self.daemon.on_event(HomeEntity(entity_id=entity.id, entity=entity))
        self.daemon.step()

    def hear(self, *events: Event) -> None:
        for event in events:
            self.daemon.on_event(event)
        self.daemon.step()

    def come(self, *outcomes: Outcome) -> None:
        self.mind.outcomes += outcomes
        self.daemon.step()

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.bus.sent if isinstance(event, kind)]


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Rig:
    return Rig(monkeypatch, Settings())


WAKE = TurnStarted(turn=1, cause="wake")


def guess(text: str, turn: int = 1) -> TurnHypothesis:
    return TurnHypothesis(turn=turn, text=text)


def commit(text: str, turn: int = 1) -> TurnCommitted:
    return TurnCommitted(turn=turn, text=text)


def test_a_hypothesis_is_judged_and_its_answer_prepared_but_nothing_is_done_before_the_commit(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    routed: list[str] = []

    def counted(text: str, *more: Any) -> Route:
        routed.append(text)
        return route(text, *more)

    monkeypatch.setattr(reason, "route", counted)
    rig.hear(WAKE, guess("Turn on the kitchen light"))
    assert [judged.completeness for judged in rig.of(TurnJudged)] == ["complete"]
    assert [expected.text for expected in rig.of(ReplyExpected)] == ["The kitchen light is on."]
    assert not rig.of(ToolCalled)
    assert not rig.of(ReplyClause)
    rig.hear(commit("turn on the kitchen light."))
    assert [call.tool for call in rig.of(ToolCalled)] == ["turn_on"]
    assert routed == ["Turn on the kitchen light"]
    assert [(e.used, e.what) for e in rig.of(SpeculationEnded)] == [(True, "route")]


def test_what_is_said_is_what_was_prepared_once_the_house_has_confirmed(rig: Rig) -> None:
    rig.hear(WAKE, guess("turn on the kitchen light"), commit("turn on the kitchen light"))
    (call,) = rig.of(ToolCalled)
    assert not rig.of(ReplyClause)
    done = ToolResult(turn=1, call_id=call.call_id, tool=call.tool, arguments=call.arguments, ok=True)
    rig.hear(done)
    assert [clause.text for clause in rig.of(ReplyClause)] == [rig.of(ReplyExpected)[0].text]


def test_the_answer_begins_while_a_quick_device_acts_and_ends_as_the_house_says(rig: Rig) -> None:
    for turn, ok in ((1, True), (2, False), (3, True)):
        rig.hear(TurnStarted(turn=turn, cause="wake"), commit("turn on the kitchen light", turn))
        call = rig.of(ToolCalled)[-1]
        error: Any = "" if ok else "no_answer"
        rig.hear(call.result(error, took_ms=40.0))
    begun = [(event.turn, event.clause, event.text, event.words) for event in rig.of(ReplyBegun)]
    assert begun == [(2, 0, "The kitchen light is on.", 3)]
    said = ["The kitchen light is on.", "The kitchen light did not answer.", "The kitchen light is on."]
    assert [clause.text for clause in rig.of(ReplyClause)] == said


def test_a_yes_is_whole_where_something_was_said_that_it_may_answer(rig: Rig) -> None:
    rig.hear(WAKE, guess("Yes."))
    assert rig.of(TurnJudged)[-1].completeness == "unsure"
    rig.hear(commit("Yes."), PlaybackStopped(turn=1, reason="finished", heard_text="Yes to what?"))
    rig.hear(TurnStarted(turn=2, cause="follow_up"), guess("Yes.", 2))
    assert rig.of(TurnJudged)[-1].completeness == "complete"


def test_a_request_that_goes_on_over_its_answer_is_one_with_it(rig: Rig) -> None:
    rig.hear(WAKE, SpeechStopped(turn=1, last_voiced_frame=100), commit("turn on the kitchen light"))
    rig.hear(rig.of(ToolCalled)[-1].result())
    rig.hear(TurnStarted(turn=2, cause="barge_in", frame=150), guess("and the hall light", 2))
    assert rig.of(TurnJudged)[-1].completeness == "complete"
    rig.hear(commit("and the hall light", 2))
    done = [(call.tool, call.arguments["entity"]) for call in rig.of(ToolCalled)]
    assert done == [("turn_on", "light.kitchen"), ("turn_on", "light.hall")]


def test_the_committed_text_counts_when_it_is_another_one(rig: Rig) -> None:
    rig.hear(WAKE, guess("turn on the kitchen light"), commit("turn on the hall light"))
    assert [call.arguments["entity"] for call in rig.of(ToolCalled)] == ["light.hall"]
    assert [(e.used, e.what) for e in rig.of(SpeculationEnded)] == [(False, "route")]


def test_the_model_decides_ahead_and_its_calls_wait_for_the_commit(rig: Rig) -> None:
    rig.hear(WAKE, TranscriptPartial(turn=1, text="it is rather"), guess(DARK))
    jobs = [(job.may_go_on, committed) for job, committed in rig.mind.jobs]
    assert jobs == [(True, False), (False, False)]
    rig.come(Decided(1, 2, Decision("act", ON, 0.9), 300.0), Spent(1, 40.0), Spent(2, 300.0))
    assert not rig.of(ToolCalled)
    assert [expected.text for expected in rig.of(ReplyExpected)] == ["The kitchen light is on."]
    rig.hear(commit(DARK))
    assert [call.arguments["entity"] for call in rig.of(ToolCalled)] == ["light.kitchen"]
    assert len(rig.mind.jobs) == 2
    spent = [(e.used, e.cpu_ms) for e in rig.of(SpeculationEnded) if e.what == "model"]
    assert sorted(spent) == [(True, 40.0), (True, 300.0)]


def test_a_text_that_is_probably_over_is_decided_while_somebody_may_still_speak(rig: Rig) -> None:
    rig.hear(WAKE, TranscriptPartial(turn=1, text="it is a mite gloomy around the kitchen"))
    rig.come(Judged(1, 1, "it is a mite gloomy around the kitchen", Finality(0.9, 0.9)))
    rig.hear(guess("It is a mite gloomy around the kitchen."))
    assert len(rig.mind.jobs) == 1
    last = rig.of(TurnJudged)[-1]
    assert (last.text, last.completeness) == ("It is a mite gloomy around the kitchen.", "likely")
    rig.come(Decided(1, 1, Decision("act", ON, 0.9), 300.0))
    rig.hear(commit("It is a mite gloomy around the kitchen."))
    assert [call.arguments["entity"] for call in rig.of(ToolCalled)] == ["light.kitchen"]


@pytest.mark.parametrize("judged", [True, False])
def test_a_text_that_seemed_to_go_on_is_decided_when_it_was_the_whole(rig: Rig, judged: bool) -> None:
    rig.hear(WAKE, TranscriptPartial(turn=1, text=DARK))
    rig.mind.has_left = True
    if judged:
        rig.come(Judged(1, 1, DARK, Finality(0.1, 0.1)), Spent(1, 40.0))
    rig.hear(guess(DARK))
    assert [job.may_go_on for job, _ in rig.mind.jobs] == [True, False]
    rig.come(Decided(1, 2, Decision("act", ON, 0.9), 300.0))
    rig.hear(commit(DARK))
    assert [call.arguments["entity"] for call in rig.of(ToolCalled)] == ["light.kitchen"]


def test_a_text_that_is_being_read_is_not_begun_anew_when_it_was_the_whole(rig: Rig) -> None:
    rig.hear(WAKE, TranscriptPartial(turn=1, text=DARK), guess(DARK))
    assert len(rig.mind.jobs) == 1
    assert rig.mind.concluded == [1]
    rig.come(Judged(1, 1, DARK, Finality(0.1, 0.1)), Decided(1, 1, Decision("act", ON, 0.9), 300.0))
    rig.hear(guess(DARK), commit(DARK))
    assert rig.mind.concluded == [1]
    assert [call.arguments["entity"] for call in rig.of(ToolCalled)] == ["light.kitchen"]


def test_a_verb_of_command_is_not_read_ahead_by_the_model(rig: Rig) -> None:
    rig.hear(WAKE, TranscriptPartial(turn=1, text="turn on the kitchen"))
    assert rig.mind.jobs == []


def test_an_answer_begun_ahead_is_spoken_in_order_after_the_commit(rig: Rig) -> None:
    rig.hear(WAKE, guess("who are you"))
    rig.come(Decided(1, 1, Decision("talk"), 100.0), Piece(1, 1, "I am Wren,", last=False))
    assert [expected.text for expected in rig.of(ReplyExpected)] == ["I am Wren,"]
    assert not rig.of(ReplyClause)
    rig.hear(commit("Who are you?"))
    assert rig.mind.released == [1]
    rig.come(Piece(1, 1, " your house.", last=False), Piece(1, 1, "", last=True))
    assert [clause.text for clause in rig.of(ReplyClause)] == ["I am Wren,", " your house.", ""]
    assert [decided.route for decided in rig.of(IntentDecided)] == ["talk"]


@pytest.mark.parametrize(
    ("text", "finality", "judgement"),
    [
        ("who are you", 0.9, "talk"),
        ("who are you", 0.7, "likely"),
        ("who are you", 0.2, "unsure"),
        ("who are you", 0.001, "open"),
        (DARK, 0.9, "likely"),
        (DARK, 0.6, "unsure"),
        (DARK, 0.001, "open"),
    ],
)
def test_the_model_says_how_complete_a_request_is_and_of_talk_it_is_believed_sooner(
    rig: Rig, text: str, finality: float, judgement: str
) -> None:
    rig.hear(WAKE, guess(text))
    rig.come(Judged(1, 1, text, Finality(finality, finality)))
    assert [judged.completeness for judged in rig.of(TurnJudged)] == ["unsure", judgement]


def test_recognition_has_a_core_to_itself_while_it_reads_a_sound_again(rig: Rig) -> None:
    text, readings = "half hour away is the moon", ("how far away is the moon", "half hour away is the moon")
    rig.hear(WAKE, guess(text))
    rig.come(Judged(1, 1, text, Finality(0.3, 0.3)))
    assert (rig.of(TurnJudged)[-1].doubtful, rig.mind.shared[-1]) == (True, True)
    rig.hear(TurnHypothesis(turn=1, text=text, readings=readings))
    assert rig.mind.shared[-1] is False


@pytest.mark.parametrize(
    ("finality", "preferred"), [(0.3, "How far away is the moon"), (0.9, "half hour away is the moon")]
)
def test_another_reading_is_talked_about_when_the_model_makes_no_sense_of_the_first(
    rig: Rig, finality: float, preferred: str
) -> None:
    text, readings = "half hour away is the moon", ("How far away is the moon", "have hour away is the moon")
    rig.hear(WAKE, guess(text))
    rig.come(Judged(1, 1, text, Finality(finality, finality)))
    rig.hear(TurnHypothesis(turn=1, text=text, readings=readings))
    assert [chosen.reading for chosen in rig.of(TurnPreferred)] == [preferred]


@pytest.mark.parametrize(
    ("text", "finality", "doubtful"),
    [
        ("turn on the kitchen light", None, [False]),
        ("who are you", 0.1, [False, False]),
        (DARK, 0.9, [True, True]),  # "kitchen" is a word of commands
        ("sing me a song", 0.9, [False, False]),
        ("sing me a song", 0.1, [False, True]),
        ("sing me a song", None, [False, True]),  # the model cannot tell
    ],
)
def test_what_has_no_word_of_commands_is_only_doubted_when_the_model_does(
    rig: Rig, text: str, finality: float | None, doubtful: list[bool]
) -> None:
    rig.hear(WAKE, guess(text))
    rig.come(Judged(1, 1, text, None if finality is None else Finality(finality, finality)))
    assert [judged.doubtful for judged in rig.of(TurnJudged)] == doubtful


def test_without_a_model_all_that_makes_no_sense_but_questions_is_doubted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rig = Rig(monkeypatch, Settings(reason=Reason(model=False)))
    rig.hear(WAKE, guess("sing me a song"), guess("who are you"))
    assert [judged.doubtful for judged in rig.of(TurnJudged)] == [True, False]


def test_of_a_deed_that_often_goes_on_the_model_is_not_heard(rig: Rig) -> None:
    rig.hear(WAKE, guess("cancel"))
    rig.come(Judged(1, 1, "cancel", Finality(0.001, 0.001)))
    assert {judged.completeness for judged in rig.of(TurnJudged)} == {"likely"}


def test_a_question_that_ends_on_a_preposition_is_waited_for_less_when_the_model_takes_it_for_whole(
    rig: Rig,
) -> None:
    rig.hear(WAKE, guess("where are you from"))
    rig.come(Judged(1, 1, "where are you from", Finality(0.9, 0.9)))
    assert [judged.completeness for judged in rig.of(TurnJudged)] == ["open", "likely"]


def test_what_the_model_says_of_a_text_that_went_on_is_not_told(rig: Rig) -> None:
    rig.hear(WAKE, guess("who are you"), guess("who are you talking to"))
    rig.come(Judged(1, 1, "who are you", Finality(0.9, 0.9)))
    assert [judged.text for judged in rig.of(TurnJudged)] == ["who are you", "who are you talking to"]


def test_when_the_person_goes_on_nothing_of_the_first_guess_is_ever_said_or_done(rig: Rig) -> None:
    rig.hear(WAKE, guess("who are you"))
    rig.come(Piece(1, 1, "I am Wren,", last=False))
    rig.hear(TranscriptPartial(turn=1, text="who are you calling"))
    rig.come(Piece(1, 1, " your house.", last=False), Spent(1, 500.0))
    rig.hear(guess("who are you calling today"), commit("who are you calling today"))
    assert not rig.of(ReplyClause)
    assert (False, 500.0) in [(e.used, e.cpu_ms) for e in rig.of(SpeculationEnded) if e.what == "model"]
    rig.come(Piece(1, 3, "Nobody.", last=False))
    assert [clause.text for clause in rig.of(ReplyClause)] == ["Nobody."]


def test_when_the_person_goes_on_the_model_stops_at_once(rig: Rig) -> None:
    rig.hear(WAKE, guess("who are you"))
    drops = rig.mind.drops
    rig.daemon.on_event(TranscriptPartial(turn=1, text="who are you going to turn off"))
    assert rig.mind.drops == drops + 1


def test_a_yes_that_was_guessed_about_before_its_question_was_heard_runs_once(rig: Rig) -> None:
    """What was heard of the question is known only between the guess and the commit."""
    rig.hear(WAKE, commit(DARK))
    rig.come(Decided(1, 1, Decision("ask", ON, 0.3), 100.0))
    (question,) = rig.of(ReplyClause)
    rig.hear(TurnStarted(turn=2, cause="barge_in"), guess("yes please", 2))
    rig.hear(PlaybackStopped(turn=1, reason="cancelled", heard_text=question.text), commit("yes please", 2))
    rig.come(Decided(2, 2, Decision("talk"), 100.0), Piece(2, 2, "Yes?", last=False))
    assert [call.arguments["entity"] for call in rig.of(ToolCalled)] == ["light.kitchen"]
    assert [clause.text for clause in rig.of(ReplyClause)] == [question.text]


LATE = SpeechStopped(turn=1, frame=300, last_voiced_frame=180)  # after the time of a filler


def test_an_answer_that_is_late_has_a_filler_before_it_and_no_second_one_in_it(rig: Rig) -> None:
    rig.hear(WAKE, guess("who are you"))
    rig.come(Talking(1, 1))
    rig.hear(LATE, commit("Who are you?"))
    time.sleep(0.02)
    rig.daemon.step()
    (first,) = rig.of(ReplyClause)
    assert first.bridges
    assert first.text in FILLERS
    rig.come(Piece(1, 1, "Well,", last=False), Piece(1, 1, " I am Wren.", last=False))
    rig.come(Piece(1, 1, "", last=True))
    said = [(clause.clause, clause.text.strip()) for clause in rig.of(ReplyClause)]
    assert said == [(0, first.text), (1, "I am Wren."), (2, "")]
    rig.hear(PlaybackStopped(turn=1, reason="finished", heard_text=f"{first.text} I am Wren."))
    assert rig.mind.recalled[-1][1][-1] == ("assistant", "I am Wren.")


def test_an_answer_that_is_there_has_no_filler(rig: Rig) -> None:
    rig.hear(WAKE, guess("who are you"))
    rig.come(Talking(1, 1), Piece(1, 1, "I am Wren,", last=False))
    rig.hear(LATE, commit("Who are you?"))
    time.sleep(0.02)
    rig.come(Piece(1, 1, " your house.", last=False), Piece(1, 1, "", last=True))
    assert not any(clause.bridges for clause in rig.of(ReplyClause))


def test_a_change_in_the_house_is_not_missed_by_an_answer_that_was_found_before_it(rig: Rig) -> None:
    rig.hear(WAKE, guess("turn on the hall light"))
    rig.hear(HomeEntity(entity_id=HALL.id, entity=None), commit("turn on the hall light"))
    assert not rig.of(ToolCalled)
    assert len(rig.of(ReplyClause)) == 1


def test_stop_ends_everything_without_a_sound(rig: Rig) -> None:
    rig.hear(WAKE, guess("who are you"), TurnCancelled(turn=1, reason="stopped"))
    rig.come(Piece(1, 1, "I am Wren,", last=False))
    assert [state.state for state in rig.of(DialogState)] == ["listening", "idle"]
    assert not rig.of(ReplyClause)


def test_a_false_alarm_does_not_cost_the_rest_of_the_answer(rig: Rig) -> None:
    rig.hear(WAKE, commit("who are you"))
    rig.come(Piece(1, 1, "I am Wren.", last=False))
    rig.hear(TurnStarted(turn=2, cause="barge_in"))
    rig.hear(PlaybackStopped(turn=1, reason="cancelled", heard_text="I am Wren."))
    rig.come(Piece(1, 1, " I live here.", last=False), Piece(1, 1, "", last=True))
    rig.hear(TurnCancelled(turn=2, reason="no_text"))
    again = [(clause.turn, clause.text.strip()) for clause in rig.of(ReplyClause)]
    assert again[:2] == [(1, "I am Wren."), (2, "I live here.")]


@pytest.mark.parametrize("words", ["that's all, thank you", "No, thanks.", "Thank you!"])
def test_words_of_parting_after_an_answer_are_not_answered(
    monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    rig = Rig(monkeypatch, Settings(listen=Listen(follow_up="always")))
    rig.hear(WAKE, commit("who are you"))
    rig.come(Piece(1, 1, "I am Wren.", last=False), Piece(1, 1, "", last=True))
    rig.hear(PlaybackStopped(turn=1, reason="finished", heard_text="I am Wren."))
    said = len(rig.of(ReplyClause))
    rig.hear(TurnStarted(turn=2, cause="follow_up"), guess(words, 2), commit(words, 2))
    assert rig.of(DialogState)[-1].state == "idle"
    assert len(rig.of(ReplyClause)) == said
    assert len(rig.mind.jobs) == 1


def test_thanks_after_a_wake_word_are_talk(rig: Rig) -> None:
    rig.hear(WAKE, commit("thank you"))
    assert [type(job) for job, _ in rig.mind.jobs] == [Consider]


def answered(rig: Rig, turn: int) -> None:
    """The house does what it was asked, and the reply is heard."""
    for call in [call for call in rig.of(ToolCalled) if call.turn == turn]:
        rig.hear(
            ToolResult(
                turn=turn, call_id=call.call_id, tool=call.tool, arguments=call.arguments, ok=True, error=""
            )
        )
    rig.hear(PlaybackStopped(turn=turn, reason="finished", heard_text="The kitchen light is on."))


def test_it_and_undo_refer_to_the_request_before(rig: Rig) -> None:
    rig.hear(WAKE, commit("turn on the kitchen light"))
    answered(rig, 1)
    for turn, said in ((2, "turn it off again"), (3, "undo that")):
        rig.hear(TurnStarted(turn=turn, cause="wake"), commit(said, turn=turn))
        answered(rig, turn)
    calls = [(call.tool, call.arguments["entity"]) for call in rig.of(ToolCalled)]
    assert calls == [(tool, "light.kitchen") for tool in ("turn_on", "turn_off", "turn_on")]


def talk(rig: Rig, *said: str) -> list[tuple[str, str]]:
    """Each said after what came of the one before was done and heard; returns the calls of the last."""
    for turn, text in enumerate(said, 1):
        follows = [state.state for state in rig.of(DialogState)][-1:] == ["follow_up"]
        rig.hear(TurnStarted(turn=turn, cause="follow_up" if follows else "wake"))
        rig.hear(guess(text, turn), commit(text, turn=turn))
        answered(rig, turn)
    return [(call.tool, call.arguments["entity"]) for call in rig.of(ToolCalled) if call.turn == len(said)]


def test_a_correction_undoes_the_wrong_does_the_right_and_tells_of_both(rig: Rig) -> None:
    assert talk(rig, "turn on the kitchen light", "no, I meant the hall light") == [
        ("turn_off", "light.kitchen"),
        ("turn_on", "light.hall"),
    ]
    assert rig.of(ReplyClause)[-1].text == "The kitchen light is off. The hall light is on."
    assert rig.of(IntentDecided)[-1].calls == (
        ("turn_off", "light.kitchen", None),
        ("turn_on", "light.hall", None),
    )


@pytest.mark.parametrize(
    ("answer", "entities"),
    [
        ("the left one", ["light.left"]),
        ("the second", ["light.right"]),
        ("both", ["light.left", "light.right"]),
    ],
)
def test_a_short_answer_to_which_one_is_carried_out(rig: Rig, answer: str, entities: list[str]) -> None:
    for side in ("left", "right"):
        lamp = Entity(id=f"light.{side}", name=f"{side.title()} Bedside Lamp", area="bedroom")
        rig.hear(HomeEntity(entity_id=lamp.id, entity=lamp))
    calls = talk(rig, "turn on the bedside lamp", answer)
    assert rig.of(ReplyClause)[0].text == "Which one: the left bedside lamp or the right bedside lamp?"
    assert calls == [("turn_on", entity) for entity in entities]


@pytest.mark.parametrize(
    ("answer", "entity"), [("the kitchen", "light.kitchen"), ("the second one", "light.hall")]
)
def test_the_room_that_is_answered_switches_its_light(rig: Rig, answer: str, entity: str) -> None:
    calls = talk(rig, "turn on the light", answer)
    assert rig.of(ReplyClause)[0].text == "In which room: the kitchen or the hall?"
    assert calls == [("turn_on", entity)]


@pytest.mark.parametrize(
    ("answer", "ids"),
    [("the pizza one", ["1"]), ("the second", ["2"]), ("both", ["1", "2"]), ("neither", [])],
)
def test_a_short_answer_chooses_among_timers_too(rig: Rig, answer: str, ids: list[str]) -> None:
    for number, name in ((1, "pizza"), (2, "rice")):
        rig.hear(TimerChanged(timer_id=f"{number}", kind="timer", state="running", name=name, seconds=600))
    assert talk(rig, "cancel the timer", answer) == [("timer_cancel", number) for number in ids]
    assert rig.of(ReplyClause)[0].text == "Which one, the pizza timer or the rice timer?"


@pytest.mark.parametrize("said", ["the of and a", "blah blah wibble", "mm the uh", "zxcvb", "?"])
def test_nonsense_without_a_model_is_said_not_to_be_understood_and_ends(
    monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    rig = Rig(monkeypatch, Settings(reason=Reason(model=False)))
    assert talk(rig, said) == []
    assert [clause.text for clause in rig.of(ReplyClause)] == ["Sorry, I did not understand that."]
    assert rig.of(DialogState)[-1].state == "idle"


def test_a_question_that_was_declined_waits_for_no_answer_any_more(rig: Rig) -> None:
    for side in ("left", "right"):
        lamp = Entity(id=f"light.{side}", name=f"{side.title()} Bedside Lamp", area="bedroom")
        rig.hear(HomeEntity(entity_id=lamp.id, entity=lamp))
    assert talk(rig, "turn on the bedside lamp", "no, thank you", "the left one") == []
    assert not rig.of(ToolCalled)


def test_an_answer_that_was_not_caught_can_be_said_again(rig: Rig) -> None:
    for side in ("left", "right"):
        lamp = Entity(id=f"light.{side}", name=f"{side.title()} Bedside Lamp", area="bedroom")
        rig.hear(HomeEntity(entity_id=lamp.id, entity=lamp))
    talk(rig, "turn on the bedside lamp")
    rig.hear(TurnStarted(turn=2, cause="follow_up"), TurnCancelled(turn=2, reason="no_text"))
    answered(rig, 2)
    rig.hear(TurnStarted(turn=3, cause="follow_up"), commit("the left one", 3))
    assert [call.arguments["entity"] for call in rig.of(ToolCalled)] == ["light.left"]


@pytest.mark.parametrize("ahead", [True, False])
def test_a_wish_that_is_only_implied_is_offered_and_never_carried_out_unasked(
    rig: Rig, *, ahead: bool
) -> None:
    said = "I'm shivering in the kitchen"
    rig.hear(WAKE, *([guess(said)] if ahead else []), commit(said))
    rig.come(Decided(1, 1, Decision("act", ON, 0.99), 300.0))
    assert not rig.of(ToolCalled)
    assert [clause.text for clause in rig.of(ReplyClause)] == ["Shall I turn on the kitchen light?"]


def test_what_is_beyond_wren_is_said_when_the_model_finds_no_tool_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sky = McpServer(command=("x",))
    rig = Rig(monkeypatch, Settings(tools=Tools(mcp={"sky": sky})))
    rig.hear(ToolOffered(name="sky.weather", description="The weather of a city.", arguments="{}"))
    rig.hear(WAKE, commit("what's the weather in paris"))
    assert [job.text for job, _ in rig.mind.jobs] == ["what's the weather in paris"]
    rig.come(Decided(1, 1, Decision("talk"), 1.0), Piece(1, 1, "It is sunny.", last=False))
    assert [clause.text for clause in rig.of(ReplyClause)] == ["I cannot tell the weather."]


def test_a_sum_is_answered_without_the_model(rig: Rig) -> None:
    rig.hear(WAKE, guess("what is 17 times 23"), commit("what is 17 times 23"))
    assert rig.mind.jobs == []
    assert "391" in rig.of(ReplyClause)[0].text


def test_between_requests_the_model_reads_what_was_heard(rig: Rig) -> None:
    rig.hear(WAKE, guess("tell me about penguins"), commit("tell me about penguins"))
    job = len(rig.mind.jobs)
    rig.come(Piece(1, job, "They are birds.", last=False), Piece(1, job, "", last=True))
    rig.hear(
        PlaybackStarted(turn=1, clause=0),
        PlaybackStopped(turn=1, reason="finished", heard_text="They are birds."),
    )
    _, history = rig.mind.recalled[-1]
    assert history == (("user", "tell me about penguins"), ("assistant", "They are birds."))

"""Every transition of the conversation, and what must hold whatever happens."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.dialog.interruption import unheard
from device.dialog.machine import GIVE_UP, HOLDING, LOST_THREAD, SAY_AGAIN, TOO_LONG, step
from device.dialog.terms import (
    Act,
    Action,
    Begun,
    Clause,
    Close,
    Dialog,
    GoOn,
    Input,
    Limits,
    Recovered,
    Report,
    Say,
    Shorten,
    Speculate,
    StateName,
    Talks,
    Think,
    Tick,
)
from device.events import (
    BargeIn,
    CueRequested,
    DaemonFailed,
    DialogState,
    ListenRequested,
    PlaybackStarted,
    PlaybackStopped,
    ReplyClause,
    SpeechStarted,
    SpeechStopped,
    ToolCalled,
    ToolResult,
    TranscriptPartial,
    TurnCancelled,
    TurnCommitted,
    TurnHypothesis,
    TurnStarted,
)
from device.home.registry import Call

ON = Call("turn_on", "light.kitchen")
OFF = Call("turn_off", "light.hall")


def play(*inputs: Input | tuple[float, Input]) -> tuple[Dialog, list[Action]]:
    """Runs the inputs one second apart unless a time is given; returns the end and the last actions."""
    dialog, now, actions = Dialog(), 0.0, list[Action]()
    for entry in inputs:
        now, given_input = entry if isinstance(entry, tuple) else (now + 0.1, entry)
        dialog, actions = step(dialog, given_input, now)
    return dialog, actions


def result(number: int, *, ok: bool = True, turn: int = 1, **more: Any) -> ToolResult:
    return ToolResult(turn=turn, call_id=f"{turn}.{number}", tool="turn_on", arguments={}, ok=ok, **more)


WAKE = TurnStarted(turn=1, cause="wake")
HEARD = TurnCommitted(turn=1, text="turn on the kitchen light")
ACT = Act(1, (ON, OFF))
CONSULT = Act(1, (Call("consult", "professor", "why"),), "Let me ask.")
HAND_ON = Act(1, (Call("handoff", "nora", "a story"),))
GO_ON = GoOn(1, "a story")
ANSWER = Say(1, "It is five.")
QUESTION = Say(1, "Shall I turn on the kitchen light?", expects_answer=True, proposal=(ON,))
ENDED = PlaybackStopped(turn=1, reason="finished", heard_text="It is five.")

OVER = TurnStarted(turn=2, cause="barge_in")
FALSE_ALARM = TurnCancelled(turn=2, reason="no_speech")
CUT_AT_THE_END = PlaybackStopped(turn=1, reason="cancelled", heard_text="It is five.")

LISTENING: tuple[Input, ...] = (WAKE,)
THINKING = (*LISTENING, HEARD)
ACTING = (*THINKING, ACT)
SPEAKING = (*THINKING, ANSWER)
FOLLOW_UP = (*THINKING, QUESTION, ENDED)

TRANSITIONS: list[tuple[tuple[Input, ...], Input, StateName, list[type]]] = [
    ((), WAKE, "listening", [DialogState]),
    ((), TurnStarted(turn=1, cause="text"), "listening", [DialogState]),
    ((), HEARD, "idle", []),
    ((), Tick(), "idle", []),
    (LISTENING, SpeechStarted(turn=1), "listening", []),
    (LISTENING, TurnHypothesis(turn=1, text="turn on"), "listening", [Speculate]),
    (LISTENING, HEARD, "thinking", [DialogState, Think]),
    (LISTENING, TurnCommitted(turn=1, text="mumble", confidence=0.1), "speaking", [DialogState, ReplyClause]),
    (LISTENING, TurnCancelled(turn=1, reason="no_speech"), "idle", [CueRequested, DialogState]),
    (LISTENING, TurnCancelled(turn=1, reason="no_text"), "speaking", [DialogState, ReplyClause]),
    (LISTENING, TurnCancelled(turn=1, reason="failed"), "speaking", [DialogState, ReplyClause]),
    (THINKING, ACT, "acting", [DialogState, ToolCalled, ToolCalled]),
    (THINKING, ANSWER, "speaking", [DialogState, ReplyClause]),
    (THINKING, Clause(1, "Well,", last=False), "speaking", [DialogState, ReplyClause]),
    (THINKING, TurnStarted(turn=2, cause="wake"), "listening", [DialogState]),
    ((*THINKING, Clause(1, "Well,", last=False)), Clause(1, "yes.", last=True), "speaking", [ReplyClause]),
    (ACTING, result(0), "acting", []),
    ((*ACTING, result(0)), result(0), "acting", []),
    ((*ACTING, result(1)), result(0), "acting", [Report]),
    ((*ACTING, result(0), result(1)), Say(1, "Done."), "speaking", [DialogState, ReplyClause]),
    (ACTING, TurnStarted(turn=2, cause="wake"), "listening", [DialogState]),
    (SPEAKING, PlaybackStarted(turn=1, clause=0), "speaking", []),
    (SPEAKING, ENDED, "idle", [DialogState]),
    (SPEAKING, PlaybackStopped(turn=1, reason="finished", cue="done"), "speaking", []),
    (SPEAKING, BargeIn(turn=1), "idle", [DialogState]),
    ((*THINKING, QUESTION), ENDED, "follow_up", [DialogState, CueRequested, ListenRequested]),
    (LISTENING, TranscriptPartial(turn=1, text="turn"), "listening", [Speculate]),
    (LISTENING, TurnCancelled(turn=1, reason="stopped"), "idle", [DialogState]),
    (THINKING, TurnCancelled(turn=1, reason="stopped"), "idle", [DialogState]),
    ((*THINKING, TurnCancelled(turn=1, reason="stopped")), ACT, "idle", []),
    (THINKING, Close(1), "idle", [DialogState]),
    (THINKING, CONSULT, "acting", [DialogState, ReplyClause, ToolCalled]),
    ((*THINKING, CONSULT, result(0)), Say(1, "Scattering."), "speaking", [DialogState, ReplyClause]),
    ((*THINKING, HAND_ON, result(0)), GO_ON, "thinking", [DialogState, Think]),
    ((*THINKING, HAND_ON, result(0), GO_ON), ACT, "acting", [DialogState, ToolCalled, ToolCalled]),
    ((*THINKING, HAND_ON, result(0), GO_ON, ACT, result(1)), result(2), "acting", [Report]),
    (THINKING, GO_ON, "thinking", []),
    (SPEAKING, OVER, "listening", [DialogState]),
    ((*SPEAKING, BargeIn(turn=1)), OVER, "listening", [DialogState]),
    ((*SPEAKING, OVER), TurnCommitted(turn=2, text="and the hall"), "thinking", [DialogState, Think]),
    ((*SPEAKING, OVER), TurnCancelled(turn=2, reason="stopped"), "idle", [DialogState]),
    ((*SPEAKING, OVER), FALSE_ALARM, "speaking", [DialogState, ReplyClause]),
    (
        (*SPEAKING, OVER),
        TurnCommitted(turn=2, text="m", confidence=0.1),
        "speaking",
        [DialogState, ReplyClause],
    ),
    ((*SPEAKING, OVER, CUT_AT_THE_END), FALSE_ALARM, "idle", [DialogState]),
    ((*THINKING, QUESTION, OVER, CUT_AT_THE_END), FALSE_ALARM, "speaking", [DialogState, ReplyClause]),
    ((*THINKING, OVER), FALSE_ALARM, "thinking", [DialogState, Think]),
    ((*ACTING, OVER), FALSE_ALARM, "acting", [DialogState]),
    ((*ACTING, OVER, result(0), result(1)), FALSE_ALARM, "acting", [DialogState, Report]),
    ((*ACTING, OVER, FALSE_ALARM, result(0)), result(1), "acting", [Report]),
    (FOLLOW_UP, TurnStarted(turn=2, cause="follow_up"), "listening", [DialogState]),
    (FOLLOW_UP, TurnCancelled(turn=1, reason="no_speech"), "idle", [CueRequested, DialogState]),
    ((), Recovered(4), "speaking", [DialogState, ReplyClause]),
]


@pytest.mark.parametrize(("before", "given_input", "state", "kinds"), TRANSITIONS)
def test_transition(
    before: tuple[Input, ...], given_input: Input, state: StateName, kinds: list[type]
) -> None:
    dialog, actions = play(*before, given_input)
    assert (dialog.state, [type(action) for action in actions]) == (state, kinds)


LATE: list[tuple[tuple[Input, ...], float, StateName, str]] = [
    (LISTENING, 30, "idle", ""),
    ((*SPEAKING, OVER), 30, "idle", ""),
    ((*SPEAKING, OVER, FALSE_ALARM), 9, "idle", ""),
    (THINKING, 9, "speaking", TOO_LONG),
    (SPEAKING, 6, "idle", ""),
    ((*SPEAKING, PlaybackStarted(turn=1, clause=0)), 61, "idle", ""),
    (FOLLOW_UP, 8, "idle", ""),
]


@pytest.mark.parametrize(("before", "seconds", "state", "words"), LATE)
def test_every_state_has_a_deadline_that_can_be_heard(
    before: tuple[Input, ...], seconds: float, state: StateName, words: str
) -> None:
    dialog, _ = play(*before)
    dialog = replace(dialog, holding_due_s=None)
    after, actions = step(dialog, Tick(), seconds + 1)
    assert after.state == state
    spoken = [action.text for action in actions if isinstance(action, ReplyClause)]
    cues = [action for action in actions if isinstance(action, CueRequested)]
    assert spoken == [words] if words else len(cues) == 1


def test_an_answer_that_sounds_before_its_end_is_known_is_not_given_up_after_the_limit_of_silence() -> None:
    begins = PlaybackStarted(turn=1, clause=0)
    results = (result(0), result(1), Say(1, "The kitchen light is on."))
    dialog, _ = play(WAKE, HEARD, ACT, begins, *results)
    now_s = dialog.since_s + Limits().silence_s + 1
    assert step(dialog, Tick(), now_s)[0].state == "speaking"


def test_a_slow_answer_is_bridged_once() -> None:
    dialog, actions = play(*THINKING, (2.0, Tick()))
    assert [a.text for a in actions if isinstance(a, ReplyClause)] == [HOLDING]
    dialog, actions = step(dialog, Tick(), 2.5)
    assert actions == []
    dialog, actions = step(dialog, ANSWER, 3.0)
    assert [(a.clause, a.last) for a in actions if isinstance(a, ReplyClause)] == [(1, True)]


# seconds after the request, which was committed 0.45 s after its last word, and the fillers said by then
QUIET = (0.0, SpeechStopped(turn=1, frame=245, last_voiced_frame=200))
TALKS = (0.0, Talks(1, "Well,"))
CLAUSE = Clause(1, "I am Wren,", last=False)
FILLERS: list[tuple[list[tuple[float, Input]], list[str]]] = [
    ([QUIET, (0.0, HEARD), TALKS, (0.14, Tick())], []),
    ([QUIET, (0.0, HEARD), TALKS, (0.15, Tick())], ["Well,"]),
    ([QUIET, (0.0, HEARD), TALKS, (0.2, Tick()), (0.3, TALKS[1]), (1.0, Tick())], ["Well,"]),
    ([QUIET, (0.0, HEARD), TALKS, (0.2, Tick()), (1.6, Tick()), (1.7, Tick())], ["Well,", HOLDING]),
    ([QUIET, (0.0, HEARD), TALKS, (0.2, Tick()), (1.6, Tick())], ["Well,"]),
    ([QUIET, (0.0, HEARD), (1.6, Tick()), (1.7, TALKS[1]), (1.8, Tick())], [HOLDING]),
    ([QUIET, (0.0, HEARD), (0.5, TALKS[1]), (0.5, Tick())], []),
    ([QUIET, (0.0, HEARD), (0.5, TALKS[1]), (0.52, Tick())], ["Well,"]),
    ([QUIET, (0.0, HEARD), TALKS, (0.1, CLAUSE), (0.2, Tick()), (1.0, Tick())], []),
    ([QUIET, (0.0, HEARD), TALKS, (0.1, ANSWER), (0.2, Tick())], []),
    ([QUIET, (0.0, HEARD), TALKS, (0.1, ACT), (0.2, Tick())], []),
    ([QUIET, (0.0, HEARD), TALKS, (0.1, TurnCancelled(turn=1, reason="stopped")), (0.2, Tick())], []),
    ([QUIET, (0.0, HEARD), TALKS, (0.1, TurnStarted(turn=2, cause="wake")), (0.2, Tick())], []),
    ([QUIET, (0.0, HEARD), (0.0, Talks(1, "")), (0.2, Tick())], []),
    ([QUIET, (0.0, HEARD), (0.2, Tick()), (1.0, Tick())], []),
    ([(0.0, HEARD), TALKS, (0.2, Tick()), (1.0, Tick())], []),  # typed
]


@pytest.mark.parametrize(("inputs", "said"), FILLERS)
def test_talk_that_is_not_there_when_people_would_answer_begins_with_a_filler(
    inputs: list[tuple[float, Input]], said: list[str]
) -> None:
    dialog, actions = play((0.0, WAKE))[0], list[Action]()
    for now, entry in inputs:
        dialog, more = step(dialog, entry, now)
        actions += more
    assert [a.text for a in actions if isinstance(a, ReplyClause) and a.bridges] == said


def test_the_answer_follows_its_filler_which_can_be_forbidden() -> None:
    dialog, _ = play((0.0, WAKE), QUIET, (0.0, HEARD), TALKS, (0.2, Tick()))
    _, actions = step(dialog, CLAUSE, 0.3)
    assert [(a.clause, a.text, a.bridges) for a in actions if isinstance(a, ReplyClause)] == [
        (1, CLAUSE.text, False)
    ]
    silent = Dialog(limits=replace(Limits(), filler_s=0.0))
    for now, entry in ((0.0, WAKE), QUIET, (0.0, HEARD), TALKS, (1.0, Tick())):
        silent, actions = step(silent, entry, now)
    assert actions == []


# seconds and inputs after a request, and what has been said and asked for by then
LADDER: list[tuple[list[tuple[float, Input]], list[str | type]]] = [
    ([(1.0, Tick())], []),
    ([(2.0, Tick())], [HOLDING]),
    ([(2.0, Tick()), (4.5, Tick())], [HOLDING, Shorten]),
    ([(4.5, Tick()), (4.6, Tick()), (4.7, Tick())], [HOLDING, Shorten]),
    ([(2.0, Tick()), (4.5, Tick()), (8.5, Tick())], [HOLDING, Shorten, TOO_LONG]),
    ([(2.0, Tick()), (4.5, Tick()), (5.0, ANSWER), (9.0, Tick())], [HOLDING, Shorten, ANSWER.text]),
    ([(3.0, Begun(1)), (4.5, Tick())], [HOLDING]),
    ([(3.0, Begun(1)), (4.5, Tick()), (5.0, Clause(1, "Well,", last=False))], [HOLDING, "Well,"]),
    ([(2.0, Tick()), (3.0, Begun(1)), (8.5, Tick())], [HOLDING, TOO_LONG]),
    ([(1.0, Begun(2)), (4.5, Tick()), (4.6, Tick())], [HOLDING, Shorten]),
    ([(1.0, ACT), (4.5, Tick()), (4.6, Tick())], [HOLDING]),
    ([(1.0, TurnCancelled(turn=1, reason="stopped")), (4.5, Tick()), (8.5, Tick())], []),
    ([(1.0, TurnStarted(turn=2, cause="wake")), (4.5, Tick()), (8.5, Tick())], []),
]


@pytest.mark.parametrize(("inputs", "expected"), LADDER)
def test_what_takes_long_is_held_then_tried_shorter_then_apologised_for(
    inputs: list[tuple[float, Input]], expected: list[str | type]
) -> None:
    dialog, _ = play(*THINKING)
    done: list[str | type] = []
    for now, happened in inputs:
        dialog, actions = step(dialog, happened, now)
        done += [
            a.text if isinstance(a, ReplyClause) else type(a)
            for a in actions
            if isinstance(a, ReplyClause | Shorten)
        ]
    assert done == expected


def test_the_operator_is_told_of_what_took_too_long() -> None:
    _, actions = play(*THINKING, (2.0, Tick()), (3.0, Begun(1)), (8.5, Tick()))
    (failed,) = (action for action in actions if isinstance(action, DaemonFailed))
    assert (failed.reason, bool(failed.hint)) == ("no answer after 8 s", True)


def test_nothing_follows_the_last_clause() -> None:
    dialog, _ = play(*THINKING, (9.0, Tick()), (9.1, Tick()))
    assert dialog.complete
    assert step(dialog, Clause(1, "Robins are", last=False), 9.5)[1] == []


def test_calls_that_nobody_answers_are_reported_as_such() -> None:
    _, actions = play(*ACTING, result(1), (4.0, Tick()), (14.0, Tick()))
    (report,) = actions
    assert isinstance(report, Report)
    assert [(o.call_id, o.ok, o.error) for o in report.outcomes] == [
        ("1.0", False, "no_answer"),
        ("1.1", True, ""),
    ]


def test_who_was_told_that_another_is_asked_is_not_told_to_wait_as_well() -> None:
    dialog, actions = play(*THINKING, CONSULT, (20.0, Tick()))
    assert actions == []
    _, actions = step(dialog, Tick(), 60.0)
    (report,) = actions
    assert isinstance(report, Report)
    assert [outcome.error for outcome in report.outcomes] == ["no_answer"]


def test_calls_of_a_turn_have_names_of_their_own_also_after_a_hand_over() -> None:
    _, actions = play(*THINKING, HAND_ON, result(0), GO_ON, ACT)
    assert [a.call_id for a in actions if isinstance(a, ToolCalled)] == ["1.1", "1.2"]


def test_a_slow_device_is_bridged_and_a_dead_home_daemon_is_not_waited_for() -> None:
    _, actions = play(*ACTING, result(1), (4.0, Tick()))
    assert [a.text for a in actions if isinstance(a, ReplyClause)] == [HOLDING]
    _, actions = play(*ACTING, DaemonFailed(daemon="home", reason="killed"))
    assert [type(a) for a in actions] == [Report]


def test_the_death_of_a_daemon_that_has_nothing_to_do_with_it_changes_nothing() -> None:
    dialog, actions = play(*ACTING, DaemonFailed(daemon="timers", reason="killed"))
    assert (dialog.state, actions) == ("acting", [])
    timer = Act(1, (Call("timer_start", "", 60),))
    dialog, actions = play(*THINKING, timer, DaemonFailed(daemon="home", reason="killed"))
    assert (dialog.state, actions) == ("acting", [])
    (report,) = play(*THINKING, timer, DaemonFailed(daemon="timers", reason="killed"))[1]
    assert isinstance(report, Report)
    assert [outcome.error for outcome in report.outcomes] == ["no_answer"]


def test_a_yes_in_the_follow_up_carries_the_proposal_and_nothing_else_does() -> None:
    yes = (TurnStarted(turn=2, cause="follow_up"), TurnCommitted(turn=2, text="yes"))
    assert Think(2, "yes", (ON,), follows=True) in play(*FOLLOW_UP, *yes)[1]
    again = (TurnStarted(turn=2, cause="wake"), TurnCommitted(turn=2, text="yes"))
    assert Think(2, "yes", ()) in play(*FOLLOW_UP, *again)[1]


@pytest.mark.parametrize(
    ("heard", "offered"), [("Shall I turn on the", (ON,)), ("Shall I", ()), ("", ()), (QUESTION.text, (ON,))]
)
def test_a_yes_into_the_question_counts_only_when_the_question_was_heard_but_for_its_end(
    heard: str, offered: tuple[Call, ...]
) -> None:
    cut = PlaybackStopped(turn=1, reason="cancelled", heard_text=heard)
    _, actions = play(*THINKING, QUESTION, OVER, cut, TurnCommitted(turn=2, text="yes"))
    assert Think(2, "yes", offered, follows=True) in actions


def test_after_a_false_alarm_the_answer_goes_on_with_the_clause_that_was_cut() -> None:
    talk = [Clause(1, "The moon is far away.", False), Clause(1, "It has no air.", False)]
    cut = PlaybackStopped(turn=1, reason="cancelled", heard_text="The moon is far away. It has")
    late = Clause(1, "Nobody lives there.", True)
    dialog, actions = play(*THINKING, *talk, OVER, cut, late, FALSE_ALARM)
    clauses = [action for action in actions if isinstance(action, ReplyClause)]
    assert [(c.turn, c.clause, c.text, c.last) for c in clauses] == [
        (2, 0, "It has no air.", False),
        (2, 1, "Nobody lives there.", True),
    ]
    ended = PlaybackStopped(turn=2, reason="finished", heard_text="It has no air. Nobody lives there.")
    assert step(dialog, ended, 9.0)[0].state == "idle"


def test_a_question_that_was_interrupted_by_nothing_can_still_be_answered() -> None:
    asked = (*THINKING, QUESTION, OVER, FALSE_ALARM)
    ended = PlaybackStopped(turn=2, reason="finished", heard_text=QUESTION.text)
    yes = (TurnStarted(turn=3, cause="follow_up"), TurnCommitted(turn=3, text="yes"))
    assert Think(3, "yes", (ON,), follows=True) in play(*asked, ended, *yes)[1]


def play_always(*inputs: Input) -> tuple[Dialog, list[Action]]:
    dialog, actions = Dialog(limits=Limits(always_follow_up=True)), list[Action]()
    for number, given_input in enumerate(inputs):
        dialog, actions = step(dialog, given_input, number / 10)
    return dialog, actions


def test_the_microphone_can_stay_open_after_each_answer() -> None:
    dialog, actions = play_always(*SPEAKING, ENDED)
    assert dialog.state == "follow_up"
    assert [type(action) for action in actions] == [DialogState, CueRequested, ListenRequested]


@pytest.mark.parametrize("reason", ["no_speech", "no_text", "not_meant"])
def test_silence_and_noise_after_an_answer_that_asked_nothing_end_the_talk_without_a_sound(
    reason: Any,
) -> None:
    after = (*SPEAKING, ENDED)
    dialog, actions = play_always(*after, TurnCancelled(turn=1, reason=reason))
    assert (dialog.state, [type(action) for action in actions]) == ("idle", [DialogState])
    noise = (TurnStarted(turn=2, cause="follow_up"), TurnCancelled(turn=2, reason=reason))
    dialog, actions = play_always(*after, *noise)
    assert (dialog.state, [type(action) for action in actions]) == ("idle", [DialogState])


def test_a_pause_between_two_clauses_does_not_end_the_answer() -> None:
    talk = (Clause(1, "The moon is far away.", False), Clause(1, "It has no air.", True))
    pause = PlaybackStopped(turn=1, reason="underrun", heard_text="The moon is far away.")
    assert play(*THINKING, *talk, pause)[0].state == "speaking"
    rest = PlaybackStopped(turn=1, reason="finished", heard_text="It has no air.")
    assert play(*THINKING, *talk, pause, rest)[0].state == "idle"


words = st.lists(st.sampled_from(["a", "ab", "b", "moon", "far."]), min_size=1, max_size=5).map(" ".join)


@given(st.lists(words, min_size=1, max_size=4), st.data())
def test_what_was_heard_and_what_is_still_to_be_said_make_up_the_whole_answer(
    clauses: list[str], data: st.DataObject
) -> None:
    said = " ".join(clauses).split()
    heard = " ".join(said[: data.draw(st.integers(0, len(said)))])
    rest = unheard(clauses, heard)
    assert tuple(clauses[len(clauses) - len(rest) :]) == rest
    told = " ".join(clauses[: len(clauses) - len(rest)])
    assert heard.startswith(told)  # no clause is left out that was not heard
    if rest:
        assert not heard.startswith(f"{told} {rest[0]}".strip())  # none is said again that was


MUMBLES = ("no_text", "unsure", "failed")


def mumbled(turn: int, how: str) -> Input:
    """Words that were not caught, or a recogniser that failed."""
    if how == "unsure":
        return TurnCommitted(turn=turn, text="mumble", confidence=0.1)
    return TurnCancelled(turn=turn, reason="failed" if how == "failed" else "no_text")


@pytest.mark.parametrize("first", MUMBLES)
@pytest.mark.parametrize("second", MUMBLES)
def test_repetition_is_asked_for_once_and_then_it_is_said_that_it_ends(first: str, second: str) -> None:
    before: tuple[Input, ...] = (WAKE, mumbled(1, first))
    _, actions = play(*before)
    asked = [a.text for a in actions if isinstance(a, ReplyClause)]
    assert asked == [LOST_THREAD if first == "failed" else SAY_AGAIN]
    before = (*before, ENDED, TurnStarted(turn=2, cause="follow_up"), mumbled(2, second))
    dialog, actions = play(*before)
    assert [a.text for a in actions if isinstance(a, ReplyClause)] == [GIVE_UP]
    dialog, actions = step(dialog, PlaybackStopped(turn=2, reason="finished", heard_text=GIVE_UP), 3.0)
    assert (dialog.state, [type(a) for a in actions]) == ("idle", [DialogState])


def test_after_words_that_were_caught_repetition_may_be_asked_for_again() -> None:
    caught = (
        TurnStarted(turn=2, cause="follow_up"),
        TurnCommitted(turn=2, text="turn it on"),
        replace(QUESTION, turn=2),
    )
    again = (PlaybackStopped(turn=2, reason="finished"), TurnStarted(turn=3, cause="follow_up"))
    _, actions = play(WAKE, mumbled(1, "no_text"), ENDED, *caught, *again, mumbled(3, "no_text"))
    assert [a.text for a in actions if isinstance(a, ReplyClause)] == [SAY_AGAIN]


def test_what_was_offered_can_still_be_accepted_when_the_answer_had_to_be_said_again() -> None:
    second = (TurnStarted(turn=2, cause="follow_up"), mumbled(2, "unsure"))
    third = (PlaybackStopped(turn=2, reason="finished"), TurnStarted(turn=3, cause="follow_up"))
    _, actions = play(*FOLLOW_UP, *second, *third, TurnCommitted(turn=3, text="yes"))
    assert [a.proposal for a in actions if isinstance(a, Think)] == [(ON,)]


def test_whoever_takes_over_says_that_the_thread_was_lost_and_listens() -> None:
    dialog, actions = play(Recovered(4))
    assert [a.text for a in actions if isinstance(a, ReplyClause)] == [LOST_THREAD]
    _, actions = step(dialog, PlaybackStopped(turn=4, reason="finished"), 3.0)
    assert any(isinstance(a, ListenRequested) for a in actions)


turn_numbers = st.integers(0, 4)
inputs = st.one_of(
    st.builds(
        TurnStarted, turn=turn_numbers, cause=st.sampled_from(["wake", "follow_up", "text", "barge_in"])
    ),
    st.builds(BargeIn, turn=turn_numbers),
    st.builds(TurnCommitted, turn=turn_numbers, text=st.just("x"), confidence=st.sampled_from([0.1, 0.9])),
    st.builds(
        TurnCancelled,
        turn=turn_numbers,
        reason=st.sampled_from(["no_speech", "no_text", "failed", "stopped"]),
    ),
    st.builds(Act, turn=turn_numbers, calls=st.just((ON, OFF))),
    st.builds(Say, turn=turn_numbers, text=st.just("x"), expects_answer=st.booleans()),
    st.builds(Clause, turn=turn_numbers, text=st.just("x"), last=st.booleans()),
    st.builds(Talks, turn=turn_numbers, filler=st.just("Well,")),
    st.builds(SpeechStopped, turn=turn_numbers, frame=st.just(45), last_voiced_frame=st.just(0)),
    st.builds(lambda turn, n: result(n, turn=turn), turn_numbers, st.integers(0, 2)),
    st.builds(PlaybackStarted, turn=turn_numbers, clause=st.just(0)),
    st.builds(PlaybackStopped, turn=turn_numbers, reason=st.just("finished")),
    st.builds(Tick),
)


@given(st.lists(st.tuples(st.floats(0, 5), inputs), max_size=40))
def test_nothing_is_said_or_done_for_an_older_turn_and_no_state_lasts_for_ever(
    steps: list[tuple[float, Input]],
) -> None:
    dialog, now = Dialog(), 0.0
    committed: set[int] = set()
    for wait, given_input in steps:
        now += wait
        before = dialog
        if (
            isinstance(given_input, TurnCommitted)
            and given_input.turn == before.turn
            and before.state == "listening"
        ):
            committed.add(given_input.turn)
        dialog, actions = step(dialog, given_input, now)
        assert dialog.turn >= before.turn
        for action in actions:
            if isinstance(action, ReplyClause | ToolCalled | ListenRequested):
                assert action.turn == dialog.turn
            if isinstance(action, ToolCalled):
                assert action.turn in committed
            if isinstance(given_input, TurnCancelled) and given_input.reason == "stopped":
                assert isinstance(action, DialogState)
        assert (dialog.deadline_s is None) == (dialog.state == "idle")
    for _ in range(6):
        now += 100
        dialog, _ = step(dialog, Tick(), now)
        dialog, _ = step(dialog, Tick(), now + 0.1)
    assert dialog.state == "idle"

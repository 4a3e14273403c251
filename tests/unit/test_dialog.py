"""Every transition of the conversation, and what must hold whatever happens."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.dialog.machine import (
    HOLDING,
    LOST_THREAD,
    SAY_AGAIN,
    TOO_LONG,
    Act,
    Action,
    Clause,
    Dialog,
    Input,
    Recovered,
    Report,
    Say,
    Speculate,
    StateName,
    Think,
    Tick,
    step,
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
    ToolCalled,
    ToolResult,
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
ANSWER = Say(1, "It is five.")
QUESTION = Say(1, "Shall I turn on the kitchen light?", expects_answer=True, proposal=(ON,))
ENDED = PlaybackStopped(turn=1, reason="finished", heard_text="It is five.")

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
    ((*THINKING, QUESTION), ENDED, "follow_up", [DialogState, ListenRequested]),
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


def test_a_slow_answer_is_bridged_once() -> None:
    dialog, actions = play(*THINKING, (2.0, Tick()))
    assert [a.text for a in actions if isinstance(a, ReplyClause)] == [HOLDING]
    dialog, actions = step(dialog, Tick(), 2.5)
    assert actions == []
    dialog, actions = step(dialog, ANSWER, 3.0)
    assert [(a.clause, a.last) for a in actions if isinstance(a, ReplyClause)] == [(1, True)]


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


def test_a_slow_device_is_bridged_and_a_dead_home_daemon_is_not_waited_for() -> None:
    _, actions = play(*ACTING, result(1), (4.0, Tick()))
    assert [a.text for a in actions if isinstance(a, ReplyClause)] == [HOLDING]
    _, actions = play(*ACTING, DaemonFailed(daemon="home", reason="killed"))
    assert [type(a) for a in actions] == [Report]


def test_a_yes_in_the_follow_up_carries_the_proposal_and_nothing_else_does() -> None:
    yes = (TurnStarted(turn=2, cause="follow_up"), TurnCommitted(turn=2, text="yes"))
    assert Think(2, "yes", (ON,)) in play(*FOLLOW_UP, *yes)[1]
    again = (TurnStarted(turn=2, cause="wake"), TurnCommitted(turn=2, text="yes"))
    assert Think(2, "yes", ()) in play(*FOLLOW_UP, *again)[1]


def test_repetition_is_asked_for_once() -> None:
    mumble = TurnCancelled(turn=1, reason="no_text")
    _, actions = play(WAKE, mumble)
    assert [a.text for a in actions if isinstance(a, ReplyClause)] == [SAY_AGAIN]
    second = (ENDED, TurnStarted(turn=2, cause="follow_up"), TurnCancelled(turn=2, reason="no_text"))
    dialog, actions = play(WAKE, mumble, *second)
    assert dialog.state == "idle"
    assert [type(a) for a in actions] == [CueRequested, DialogState]


def test_whoever_takes_over_says_that_the_thread_was_lost_and_listens() -> None:
    dialog, actions = play(Recovered(4))
    assert [a.text for a in actions if isinstance(a, ReplyClause)] == [LOST_THREAD]
    _, actions = step(dialog, PlaybackStopped(turn=4, reason="finished"), 3.0)
    assert any(isinstance(a, ListenRequested) for a in actions)


turn_numbers = st.integers(0, 4)
inputs = st.one_of(
    st.builds(TurnStarted, turn=turn_numbers, cause=st.sampled_from(["wake", "follow_up", "text"])),
    st.builds(TurnCommitted, turn=turn_numbers, text=st.just("x"), confidence=st.sampled_from([0.1, 0.9])),
    st.builds(TurnCancelled, turn=turn_numbers, reason=st.sampled_from(["no_speech", "no_text", "failed"])),
    st.builds(Act, turn=turn_numbers, calls=st.just((ON, OFF))),
    st.builds(Say, turn=turn_numbers, text=st.just("x"), expects_answer=st.booleans()),
    st.builds(Clause, turn=turn_numbers, text=st.just("x"), last=st.booleans()),
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
        assert (dialog.deadline_s is None) == (dialog.state == "idle")
    for _ in range(6):
        now += 100
        dialog, _ = step(dialog, Tick(), now)
        dialog, _ = step(dialog, Tick(), now + 0.1)
    assert dialog.state == "idle"

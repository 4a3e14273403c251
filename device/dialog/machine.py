"""The conversation as a pure state machine: events and the time go in, a new state and actions come out.

```
idle ─wake/text─► listening ─commit─► thinking ─calls─► acting ─results─► speaking ─finished─► idle
                      │                  └──────────────answer──────────────►│  └─question─► follow_up ─► …
                      └─cancelled─► idle                                     (a new turn interrupts any state)
```

Rules: an input of an older turn is ignored; a new turn drops everything of the old one; every state but idle
has a deadline with a way out that can be heard; "done" is only said of results, never of calls. Times are
seconds of any monotonic clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from device.events import (
    BargeIn,
    CueRequested,
    DaemonFailed,
    DialogState,
    Event,
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

StateName = Literal["idle", "listening", "thinking", "acting", "speaking", "follow_up"]

HOLDING = "One moment."
SAY_AGAIN = "Sorry, could you say that again?"
LOST_THREAD = "Sorry, I lost my thread. Please say that again."
TOO_LONG = "Sorry, that is taking me too long."


@dataclass(frozen=True)
class Limits:
    """How long each state may last, in seconds."""

    listening_s: float = 25.0
    holding_s: float = 1.5
    thinking_s: float = 8.0
    confirming_s: float = 3.0  # then the person is told that it takes longer
    acting_s: float = 12.0  # locks take their time
    silence_s: float = 5.0  # a spoken reply that nobody hears begin
    speaking_s: float = 60.0
    follow_up_s: float = 5.0
    minimum_confidence: float = 0.35


# --- inputs that are not events of the bus ---------------------------------------------------------------


@dataclass(frozen=True)
class Act:
    """The request is a set of calls to the house."""

    turn: int
    calls: tuple[Call, ...]


@dataclass(frozen=True)
class Say:
    """The whole answer is known; `proposal` are the calls that a following "yes" would run."""

    turn: int
    text: str
    expects_answer: bool = False
    proposal: tuple[Call, ...] = ()


@dataclass(frozen=True)
class Clause:
    """One piece of an answer that is being made."""

    turn: int
    text: str
    last: bool


@dataclass(frozen=True)
class Tick:
    """Time has passed."""


@dataclass(frozen=True)
class Recovered:
    """The machine before this one died in `turn` while it was not idle."""

    turn: int


Input = Event | Act | Say | Clause | Tick | Recovered


# --- actions that are not events of the bus --------------------------------------------------------------


@dataclass(frozen=True)
class Think:
    """Decide what `text` asks for; the answer comes back as Act, Say or Clauses of the same turn."""

    turn: int
    text: str
    proposal: tuple[Call, ...] = ()


@dataclass(frozen=True)
class Speculate:
    """`text` will probably be thought about: prepare, change nothing."""

    turn: int
    text: str


@dataclass(frozen=True)
class Report:
    """All calls of the turn have ended: tell the person, as a Say of the same turn."""

    turn: int
    outcomes: tuple[ToolResult, ...]


Action = Event | Think | Speculate | Report


@dataclass(frozen=True)
class Dialog:
    """One session's conversation."""

    state: StateName = "idle"
    turn: int = 0
    since_s: float = 0.0
    deadline_s: float | None = None
    holding_due_s: float | None = None
    calls: tuple[ToolCalled, ...] = ()
    outcomes: tuple[ToolResult, ...] = ()
    clauses: int = 0
    complete: bool = False  # the last clause of the reply was said
    expects_answer: bool = False
    proposal: tuple[Call, ...] = ()
    asked_again: bool = False
    limits: Limits = field(default_factory=Limits)


Step = tuple[Dialog, list[Action]]


def step(dialog: Dialog, given: Input, now_s: float) -> Step:
    """The next state and what to do, in order."""
    turn = getattr(given, "turn", dialog.turn)
    match given:
        case Tick():
            return _tick(dialog, now_s)
        case Recovered():
            fresh = _enter(Dialog(limits=dialog.limits), "thinking", now_s, turn=given.turn)[0]
            return _say(fresh, LOST_THREAD, now_s, expects_answer=True)
        case TurnStarted() if turn > dialog.turn:
            return _started(dialog, given, now_s)
        case _ if turn != dialog.turn and not isinstance(given, DaemonFailed):
            return dialog, []
        case SpeechStarted() if dialog.state in ("listening", "follow_up"):
            return replace(dialog, deadline_s=now_s + dialog.limits.listening_s), []
        case TurnHypothesis() if dialog.state == "listening":
            return dialog, [Speculate(turn, given.text)]
        case TurnCommitted() if dialog.state == "listening":
            return _committed(dialog, given, now_s)
        case TurnCancelled():
            return _cancelled(dialog, given, now_s)
        case Act() if dialog.state == "thinking":
            return _act(dialog, given, now_s)
        case Say() if dialog.state in ("thinking", "acting"):
            return _say(
                dialog, given.text, now_s, expects_answer=given.expects_answer, proposal=given.proposal
            )
        case Clause() if dialog.state in ("thinking", "speaking") and not dialog.complete:
            return _clause(dialog, given.text, now_s, last=given.last)
        case DaemonFailed(daemon="home" | "timers") if dialog.state == "acting":
            return _give_up_waiting(dialog, now_s)
        case ToolResult() if dialog.state == "acting":
            return _result(dialog, given)
        case PlaybackStarted() if dialog.state == "speaking" and not given.cue:
            return replace(dialog, deadline_s=now_s + dialog.limits.speaking_s), []
        case PlaybackStopped() if dialog.state == "speaking" and not given.cue:
            return _spoken(dialog, now_s)
        case BargeIn() if dialog.state == "speaking":
            return _enter(dialog, "idle", now_s)
        case _:
            return dialog, []


def _started(dialog: Dialog, given: TurnStarted, now_s: float) -> Step:
    answering = dialog.state == "follow_up" and given.cause == "follow_up"
    fresh = Dialog(
        turn=given.turn,
        proposal=dialog.proposal if answering else (),
        asked_again=dialog.asked_again if answering else False,
        limits=dialog.limits,
    )
    return _enter(fresh, "listening", now_s, deadline_s=now_s + dialog.limits.listening_s)


def _committed(dialog: Dialog, given: TurnCommitted, now_s: float) -> Step:
    if given.confidence < dialog.limits.minimum_confidence:
        return _not_caught(dialog, now_s)
    limits = dialog.limits
    dialog, actions = _enter(dialog, "thinking", now_s, deadline_s=now_s + limits.thinking_s)
    dialog = replace(dialog, holding_due_s=now_s + limits.holding_s)
    return dialog, [*actions, Think(given.turn, given.text, dialog.proposal)]


def _cancelled(dialog: Dialog, given: TurnCancelled, now_s: float) -> Step:
    if dialog.state not in ("listening", "follow_up"):
        return dialog, []
    if given.reason == "failed":
        return _say(dialog, LOST_THREAD, now_s, expects_answer=True)
    if given.reason == "no_text":
        return _not_caught(dialog, now_s)
    dialog, actions = _enter(dialog, "idle", now_s)
    return dialog, [CueRequested(turn=given.turn, cue="cancelled"), *actions]


def _not_caught(dialog: Dialog, now_s: float) -> Step:
    """Asks for repetition once, then lets it be."""
    if not dialog.asked_again:
        return _say(replace(dialog, asked_again=True), SAY_AGAIN, now_s, expects_answer=True)
    turn = dialog.turn
    dialog, actions = _enter(dialog, "idle", now_s)
    return dialog, [CueRequested(turn=turn, cue="cancelled"), *actions]


def _act(dialog: Dialog, given: Act, now_s: float) -> Step:
    calls = tuple(
        ToolCalled(
            turn=given.turn,
            call_id=f"{given.turn}.{number}",
            tool=call.service,
            arguments={"entity": call.entity, "value": call.value},
        )
        for number, call in enumerate(given.calls)
    )
    dialog, actions = _enter(dialog, "acting", now_s, deadline_s=now_s + dialog.limits.acting_s)
    dialog = replace(dialog, calls=calls, holding_due_s=now_s + dialog.limits.confirming_s)
    return dialog, [*actions, *calls]


def _result(dialog: Dialog, given: ToolResult) -> Step:
    known = {call.call_id for call in dialog.calls} - {outcome.call_id for outcome in dialog.outcomes}
    if given.call_id not in known:
        return dialog, []
    dialog = replace(dialog, outcomes=(*dialog.outcomes, given))
    if len(dialog.outcomes) < len(dialog.calls):
        return dialog, []
    return dialog, [_report(dialog)]


def _report(dialog: Dialog) -> Report:
    order = [call.call_id for call in dialog.calls]
    return Report(
        dialog.turn, tuple(sorted(dialog.outcomes, key=lambda outcome: order.index(outcome.call_id)))
    )


def _say(
    dialog: Dialog, text: str, now_s: float, *, expects_answer: bool = False, proposal: tuple[Call, ...] = ()
) -> Step:
    dialog = replace(dialog, expects_answer=expects_answer, proposal=proposal)
    return _clause(dialog, text, now_s, last=True)


def _clause(dialog: Dialog, text: str, now_s: float, *, last: bool) -> Step:
    actions: list[Action] = []
    if dialog.state != "speaking":
        dialog, actions = _enter(dialog, "speaking", now_s, deadline_s=now_s + dialog.limits.silence_s)
    clause = ReplyClause(turn=dialog.turn, clause=dialog.clauses, text=text, last=last)
    return replace(dialog, clauses=dialog.clauses + 1, complete=last), [*actions, clause]


def _spoken(dialog: Dialog, now_s: float) -> Step:
    if not dialog.expects_answer:
        return _enter(dialog, "idle", now_s)
    window_s = dialog.limits.follow_up_s
    dialog, actions = _enter(dialog, "follow_up", now_s, deadline_s=now_s + window_s + 2)
    return dialog, [*actions, ListenRequested(turn=dialog.turn, window_ms=round(window_s * 1000))]


def _tick(dialog: Dialog, now_s: float) -> Step:
    if dialog.holding_due_s is not None and now_s >= dialog.holding_due_s:
        holding = ReplyClause(turn=dialog.turn, clause=dialog.clauses, text=HOLDING)
        return replace(dialog, holding_due_s=None, clauses=dialog.clauses + 1), [holding]
    if dialog.deadline_s is None or now_s < dialog.deadline_s:
        return dialog, []
    match dialog.state:
        case "thinking":
            return _say(dialog, TOO_LONG, now_s)
        case "acting":
            return _give_up_waiting(dialog, now_s)
        case _:
            turn = dialog.turn
            dialog, actions = _enter(dialog, "idle", now_s)
            return dialog, [CueRequested(turn=turn, cue="cancelled"), *actions]


def _give_up_waiting(dialog: Dialog, now_s: float) -> Step:
    """Reports calls that nobody answered as such, once; a report that is not spoken ends the turn."""
    answered = {outcome.call_id for outcome in dialog.outcomes}
    missing = tuple(
        ToolResult(
            turn=dialog.turn,
            call_id=call.call_id,
            tool=call.tool,
            arguments=call.arguments,
            ok=False,
            error="no_answer",
        )
        for call in dialog.calls
        if call.call_id not in answered
    )
    dialog = replace(dialog, outcomes=dialog.outcomes + missing, deadline_s=now_s + dialog.limits.silence_s)
    if not missing:
        return _say(dialog, TOO_LONG, now_s)
    return dialog, [_report(dialog)]


def _enter(
    dialog: Dialog,
    state: StateName,
    now_s: float,
    *,
    deadline_s: float | None = None,
    turn: int | None = None,
) -> Step:
    turn = dialog.turn if turn is None else turn
    if state == "idle":
        dialog = Dialog(turn=turn, since_s=now_s, limits=dialog.limits)
    else:
        dialog = replace(
            dialog, state=state, turn=turn, since_s=now_s, deadline_s=deadline_s, holding_due_s=None
        )
    return dialog, [DialogState(turn=turn, state=state)]

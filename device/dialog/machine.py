"""The conversation as a pure state machine: events and the time go in, a new state and actions come out.

```
idle ─wake/text─► listening ─commit─► thinking ─calls─► acting ─results─► speaking ─finished─► idle
                      │                  └──────────────answer──────────────►│  └─question─► follow_up ─► …
                      └─cancelled─► idle                                     (a new turn interrupts any state)
```

Rules: an input of an older turn is ignored; a new turn drops everything of the old one; every state but idle
has a deadline with a way out that can be heard; talk that is not there when people would answer begins with a
filler; a request that takes long is held with a phrase, then thought about again behind a shorter prompt,
then apologised for; "done" is only said of results, never of calls. A turn begun by barge-in keeps what it
interrupted until it is committed: when nothing comes of it (a false alarm), the answer is taken up again with
the first clause that was not wholly heard. Times are seconds of any monotonic clock.
"""

from __future__ import annotations

from dataclasses import replace

from device.dialog.interruption import nearly_heard, unheard
from device.dialog.terms import (
    Act,
    Action,
    Begun,
    Clause,
    Close,
    Dialog,
    GoOn,
    Input,
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
    FRAME_MS,
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
from device.tools.services import NOT_OF_THE_HOUSE, TIMER_SERVICES

HOLDING = "One moment."
SAY_AGAIN = "Sorry, could you say that again?"
GIVE_UP = "Sorry, I still could not make that out. Let us leave it for now."
LOST_THREAD = "Sorry, I lost my thread. Please say that again."
TOO_LONG = "Sorry, that is taking me too long. Please ask me again, in fewer words."


_FILLER_GRACE_S = 0.01  # for an answer that is just coming

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
        case _ if dialog.interrupted is not None and turn == dialog.interrupted.turn:
            return replace(dialog, interrupted=_meanwhile(dialog.interrupted, given)), []
        case ToolResult() if dialog.state == "acting":
            return _result(dialog, given)
        case _ if turn != dialog.turn and not isinstance(given, DaemonFailed):
            return dialog, []
        case SpeechStarted() if dialog.state in ("listening", "follow_up"):
            return replace(dialog, deadline_s=now_s + dialog.limits.listening_s), []
        case SpeechStopped() if dialog.state == "listening":
            quiet_s = (given.frame - given.last_voiced_frame) * FRAME_MS / 1000
            return replace(dialog, quiet_since_s=now_s - quiet_s), []
        case TurnHypothesis() | TranscriptPartial() if dialog.state == "listening":
            whole = isinstance(given, TurnHypothesis)
            readings = given.readings if isinstance(given, TurnHypothesis) else ()
            return dialog, [Speculate(turn, given.text, whole, _offered(dialog), dialog.follows, readings)]
        case TurnCommitted() if dialog.state == "listening":
            return _committed(dialog, given, now_s)
        case TurnCancelled():
            return _cancelled(dialog, given, now_s)
        case Close() if dialog.state == "thinking":
            return _enter(dialog, "idle", now_s)
        case GoOn() if dialog.state == "acting":
            done = dialog.called_before + len(dialog.calls)
            dialog = replace(dialog, calls=(), outcomes=(), called_before=done)
            return _think(dialog, Think(turn, given.text, follows=dialog.follows), now_s)
        case Act() if dialog.state == "thinking":
            return _act(dialog, given, now_s)
        case Say() if dialog.state in ("thinking", "acting"):
            return _say(
                dialog, given.text, now_s, expects_answer=given.expects_answer, proposal=given.proposal
            )
        case Begun() if dialog.state == "thinking":
            return replace(dialog, shorten_due_s=None), []
        case Talks() if dialog.state == "thinking":
            return _awaited(dialog, given, now_s), []
        case Clause() if dialog.state in ("thinking", "speaking") and not dialog.complete:
            return _clause(dialog, given.text, now_s, last=given.last)
        case DaemonFailed(daemon="home" | "timers") if dialog.state == "acting":
            return _lose(dialog, given.daemon)
        case PlaybackStarted(cue="") if dialog.state == "speaking":
            return replace(dialog, sounds=True, deadline_s=now_s + dialog.limits.speaking_s), []
        case PlaybackStarted(cue=""):
            return replace(dialog, sounds=True), []
        case PlaybackStopped() if not given.cue:
            return _spoken(_meanwhile(dialog, given), given, now_s)
        case BargeIn() if dialog.state == "speaking":
            idle, actions = _enter(dialog, "idle", now_s)
            return replace(idle, interrupted=dialog), actions
        case _:
            return dialog, []


def _started(dialog: Dialog, given: TurnStarted, now_s: float) -> Step:
    answering = dialog.state == "follow_up" and given.cause == "follow_up"
    interrupted = None
    if given.cause == "barge_in":
        speaks = dialog.state in ("thinking", "acting", "speaking")
        interrupted = dialog if speaks else dialog.interrupted
    before = interrupted or dialog if answering or interrupted else Dialog()
    fresh = Dialog(
        turn=given.turn,
        proposal=before.proposal,
        asked_again=before.asked_again,
        follows=given.cause in ("follow_up", "barge_in"),
        unasked=answering and dialog.unasked,
        interrupted=interrupted,
        limits=dialog.limits,
    )
    return _enter(fresh, "listening", now_s, deadline_s=now_s + dialog.limits.listening_s)


def _meanwhile(dialog: Dialog, given: Input) -> Dialog:
    """What becomes known of a reply while it sounds, or after it was interrupted."""
    match given:
        case PlaybackStopped(cue=""):
            return replace(dialog, heard=f"{dialog.heard} {given.heard_text}".strip())
        case Clause() if not dialog.complete and dialog.state in ("thinking", "speaking"):
            return replace(dialog, state="speaking", said=(*dialog.said, given.text), complete=given.last)
        case ToolResult() if dialog.state == "acting":
            return _result(dialog, given)[0]
        case _:
            return dialog


def _offered(dialog: Dialog) -> tuple[Call, ...]:
    """What a "yes" would run: nothing while the question was not heard."""
    old = dialog.interrupted
    return dialog.proposal if old is None or nearly_heard(old.said, old.heard) else ()


def _committed(dialog: Dialog, given: TurnCommitted, now_s: float) -> Step:
    if given.confidence < dialog.limits.minimum_confidence:
        return _not_caught(dialog, now_s)
    think = Think(given.turn, given.text, _offered(dialog), dialog.follows)
    return _think(replace(dialog, interrupted=None, asked_again=False), think, now_s)


def _think(dialog: Dialog, think: Think, now_s: float) -> Step:
    limits = dialog.limits
    dialog, actions = _enter(dialog, "thinking", now_s, deadline_s=now_s + limits.thinking_s)
    dialog = replace(
        dialog,
        request=think.text,
        proposal=think.proposal,
        holding_due_s=now_s + limits.holding_s,
        shorten_due_s=now_s + limits.shorten_s,
    )
    return dialog, [*actions, think]


def _awaited(dialog: Dialog, given: Talks, now_s: float) -> Dialog:
    """Talk that was asked for aloud, and of which nothing was said yet, may begin with a filler."""
    if dialog.said or dialog.quiet_since_s is None or not (given.filler and dialog.limits.filler_s):
        return dialog
    due_s = max(dialog.quiet_since_s + dialog.limits.filler_s, now_s + _FILLER_GRACE_S)
    return replace(dialog, filler=given.filler, filler_due_s=due_s)


def _cancelled(dialog: Dialog, given: TurnCancelled, now_s: float) -> Step:
    if given.reason == "stopped" and dialog.state != "idle":
        return _enter(dialog, "idle", now_s)
    if dialog.state not in ("listening", "follow_up"):
        return dialog, []
    if given.reason == "failed":
        dialog = replace(dialog, interrupted=None)
        if dialog.asked_again:
            return _say(dialog, GIVE_UP, now_s)
        return _say(replace(dialog, asked_again=True), LOST_THREAD, now_s, expects_answer=True)
    if dialog.interrupted is not None:
        return _resume(dialog, dialog.interrupted, now_s)
    if dialog.unasked:
        return _enter(dialog, "idle", now_s)
    if given.reason == "no_text":
        return _not_caught(dialog, now_s)
    dialog, actions = _enter(dialog, "idle", now_s)
    return dialog, [CueRequested(turn=given.turn, cue="cancelled"), *actions]


def _not_caught(dialog: Dialog, now_s: float) -> Step:
    """Asks for repetition once, then says that it lets it be; nobody is told who may not have meant Wren.

    What was offered before stays offered: a "yes" that is said again still counts.
    """
    if dialog.interrupted is not None:
        return _resume(dialog, dialog.interrupted, now_s)
    if dialog.unasked:
        turn = dialog.turn
        dialog, actions = _enter(dialog, "idle", now_s)
        return dialog, [CueRequested(turn=turn, cue="cancelled"), *actions]
    if dialog.asked_again:
        return _say(dialog, GIVE_UP, now_s)
    again = replace(dialog, asked_again=True)
    return _say(again, SAY_AGAIN, now_s, expects_answer=True, proposal=dialog.proposal)


def _resume(dialog: Dialog, old: Dialog, now_s: float) -> Step:
    """Takes up what was interrupted by nothing, in the new turn and without a word about it."""
    rest = unheard(old.said, old.heard)
    dialog = replace(old, turn=dialog.turn, said=(), heard="", sounds=False, complete=False, interrupted=None)
    match old.state:
        case "thinking":
            return _think(dialog, Think(dialog.turn, old.request, old.proposal, old.follows), now_s)
        case "acting":
            return _await(dialog, now_s)
    if not rest:
        return _end(dialog, now_s)
    dialog, actions = replace(dialog, state="listening"), list[Action]()
    for number, text in enumerate(rest, 1):
        dialog, more = _clause(dialog, text, now_s, last=number == len(rest))
        actions += more
    return dialog, actions


def _act(dialog: Dialog, given: Act, now_s: float) -> Step:
    calls = tuple(
        ToolCalled(
            turn=given.turn,
            call_id=f"{given.turn}.{number}",
            tool=call.service,
            arguments={"entity": call.entity, "value": call.value},
        )
        for number, call in enumerate(given.calls, dialog.called_before)
    )
    dialog, actions = _await(replace(dialog, calls=calls), now_s)
    if given.meanwhile:
        said = ReplyClause(turn=dialog.turn, clause=len(dialog.said), text=given.meanwhile)
        dialog = replace(
            dialog,
            said=(*dialog.said, given.meanwhile),
            holding_due_s=None,
            deadline_s=now_s + dialog.limits.consulting_s,
        )
        actions.append(said)
    return dialog, [*actions, *calls]


def _await(dialog: Dialog, now_s: float) -> Step:
    """Waits for the results that are not there yet."""
    dialog, actions = _enter(dialog, "acting", now_s, deadline_s=now_s + dialog.limits.acting_s)
    dialog = replace(dialog, holding_due_s=now_s + dialog.limits.confirming_s)
    return dialog, actions if len(dialog.outcomes) < len(dialog.calls) else [*actions, _report(dialog)]


def _result(dialog: Dialog, given: ToolResult) -> Step:
    known = {call.call_id for call in dialog.calls} - {outcome.call_id for outcome in dialog.outcomes}
    if given.call_id not in known:
        return dialog, []
    dialog = replace(dialog, outcomes=(*dialog.outcomes, given))
    if len(dialog.outcomes) < len(dialog.calls):
        return dialog, []
    return dialog, [_report(dialog)]


def _lose(dialog: Dialog, daemon: str) -> Step:
    """What a daemon that died was to do is not waited for any more; what others do, is."""
    own = TIMER_SERVICES if daemon == "timers" else {call.tool for call in dialog.calls} - NOT_OF_THE_HOUSE
    actions: list[Action] = []
    for call in dialog.calls:
        if call.tool in own:
            dialog, more = _result(dialog, call.result("no_answer"))
            actions += more
    return dialog, actions


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
        limit_s = dialog.limits.speaking_s if dialog.sounds else dialog.limits.silence_s
        dialog, actions = _enter(dialog, "speaking", now_s, deadline_s=now_s + limit_s)
    clause = ReplyClause(turn=dialog.turn, clause=len(dialog.said), text=text, last=last)
    return replace(dialog, said=(*dialog.said, text), complete=last), [*actions, clause]


def _spoken(dialog: Dialog, given: PlaybackStopped, now_s: float) -> Step:
    more_follows = given.reason == "underrun" and bool(unheard(dialog.said, dialog.heard))
    if dialog.state != "speaking" or more_follows:
        return dialog, []
    return _end(dialog, now_s)


def _end(dialog: Dialog, now_s: float) -> Step:
    """After an answer: the microphone stays open after a question, or always."""
    if not (dialog.expects_answer or dialog.limits.always_follow_up):
        return _enter(dialog, "idle", now_s)
    window_s = dialog.limits.follow_up_s
    dialog, actions = _enter(dialog, "follow_up", now_s, deadline_s=now_s + window_s + 2)
    dialog = replace(dialog, unasked=not dialog.expects_answer)
    listen = ListenRequested(turn=dialog.turn, window_ms=round(window_s * 1000))
    return dialog, [*actions, CueRequested(turn=dialog.turn, cue="listening"), listen]


def _tick(dialog: Dialog, now_s: float) -> Step:
    if dialog.filler_due_s is not None and now_s >= dialog.filler_due_s:
        due_s = now_s + dialog.limits.holding_s  # two in a row would sound lost
        return _bridge(replace(dialog, filler_due_s=None, holding_due_s=due_s), dialog.filler)
    if dialog.holding_due_s is not None and now_s >= dialog.holding_due_s:
        return _bridge(replace(dialog, filler_due_s=None, holding_due_s=None), HOLDING)
    is_over = dialog.deadline_s is not None and now_s >= dialog.deadline_s
    if not is_over and dialog.shorten_due_s is not None and now_s >= dialog.shorten_due_s:
        return replace(dialog, shorten_due_s=None), [Shorten(dialog.turn, dialog.request)]
    if not is_over:
        return dialog, []
    match dialog.state:
        case "thinking":
            dialog, actions = _say(dialog, TOO_LONG, now_s)
            return dialog, [*actions, _slow(dialog)]
        case "acting":
            return _give_up_waiting(dialog, now_s)
        case _:
            turn = dialog.turn
            dialog, actions = _enter(dialog, "idle", now_s)
            return dialog, [CueRequested(turn=turn, cue="cancelled"), *actions]


def _bridge(dialog: Dialog, text: str) -> Step:
    """Says what is no part of the answer."""
    clause = ReplyClause(turn=dialog.turn, clause=len(dialog.said), text=text, bridges=True)
    return replace(dialog, said=(*dialog.said, text)), [clause]


def _slow(dialog: Dialog) -> DaemonFailed:
    reason = f"no answer after {dialog.limits.thinking_s:g} s"
    return DaemonFailed(daemon="reason", reason=reason, hint="is the language model too large or too busy?")


def _give_up_waiting(dialog: Dialog, now_s: float) -> Step:
    """Reports calls that nobody answered as such, once; a report that is not spoken ends the turn."""
    answered = {outcome.call_id for outcome in dialog.outcomes}
    missing = tuple(call.result("no_answer") for call in dialog.calls if call.call_id not in answered)
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
            dialog,
            state=state,
            turn=turn,
            since_s=now_s,
            deadline_s=deadline_s,
            filler_due_s=None,
            holding_due_s=None,
            shorten_due_s=None,
        )
    return dialog, [DialogState(turn=turn, state=state)]

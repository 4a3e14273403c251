"""wren-reason: the conversation: dialog machine, known commands, language model, answers.

The work ahead of the commit, and the language model, are `device.services.ahead` and `device.services.mind`.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace

import msgspec

from device.dialog.fillers import FILLERS, filler, without_filler
from device.dialog.history import History
from device.dialog.machine import HOLDING, step
from device.dialog.terms import (
    Act,
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
    Talks,
    Think,
    Tick,
)
from device.events import (
    DaemonFailed,
    DaemonReady,
    DialogState,
    Event,
    HomeChanged,
    HomeEntity,
    IntentDecided,
    PlaybackStarted,
    PlaybackStopped,
    ReplyBegun,
    ReplyClause,
    ReplyExpected,
    TimerChanged,
    ToolCalled,
    ToolOffered,
    ToolResult,
    TurnCommitted,
    TurnStarted,
    WakeDetected,
)
from device.faults import Fault
from device.home.mirror import HouseMirror
from device.home.persona import AGENT_SERVICES, HANDOFF
from device.home.registry import Call
from device.reasoning import intents, replies
from device.reasoning.carried_on import CutRequest
from device.reasoning.completeness import Completeness
from device.reasoning.decision import Decision
from device.reasoning.intents import NO_CONTEXT, Context
from device.reasoning.openings import Quickness, opening_words
from device.reasoning.router import (
    AskModel,
    Perform,
    Route,
    Speak,
    closes,
    declines,
    expected_words,
    remembered,
    route,
)
from device.services.agents import Agents, handed_on
from device.services.ahead import Ahead
from device.services.daemon import STEP_S, Daemon, run
from device.services.handing import Handing
from device.services.mind import Decided, Failed, FirstToken, Mind, Outcome, Piece, Talking
from device.services.toolbox import Toolbox
from device.settings import Settings

_HOUSE_QUIET_S = 0.5  # discovery comes in bursts
_CONTEXT_S = 120.0  # as long "it" and "undo that" refer to the request before


class ReasonDaemon(Daemon):
    """Decides what to do about every committed turn."""

    name = "reason"

    def start(self) -> None:
        """Known commands work at once; the language model loads beside them."""
        self._history = History((*FILLERS, HOLDING))
        self._mirror = HouseMirror(self.settings.device.area, self.settings.home.floors)
        self._tools = Toolbox(self.settings, self.bus.send)
        self._agents = Agents(self.settings)
        self._wake_word = self._meanwhile = ""
        self._house_due_s: float | None = None
        self._talking_turn = 0
        self._context, self._context_until_s = NO_CONTEXT, 0.0
        self._asked = AskModel(may_act=False)  # what the model may do about the request that is answered
        self._quickness, self._cut = Quickness(), CutRequest()
        self._dialog = Dialog(limits=self._agents.limits())
        self._unheard: list[ReplyClause] = []
        self._speak_lost = False
        self._first_state = True
        self._mind = Mind(self.settings.reason) if self.settings.reason.model else None
        self._ahead = Ahead(
            self._mind,
            self._history,
            self._mirror.house,
            lambda: self._agents.seen(self._mirror.house()),
            self._completeness,
            self._route,
            self._weigh,
            self._send,
            self.settings.device.language,
        )
        self._handing = Handing(
            self._agents, self._ahead, self._mirror.house, self.bus.send, self._floor_taken, self._answer
        )

    def step(self) -> None:
        """Waits for events or the language model, then looks at the clock."""
        due_s = self._dialog.filler_due_s
        wait_s = STEP_S if due_s is None else min(STEP_S, max(0.0, due_s - time.monotonic()))
        self.bus.wait(wait_s, *([self._mind.fileno()] if self._mind else []))
        for outcome in self._mind.poll() if self._mind else []:
            self._on_outcome(outcome)
        if self._house_due_s is not None and time.monotonic() > self._house_due_s:
            self._house_due_s = None
            house = self._mirror.house()
            intents.prepare(house, self.settings.device.language)
            if self._mind:
                self._mind.learn(*self._agents.views(house))
        if self._dialog.state == "idle" and (first := self._agents.left()):
            self._handing.hand_over(first, self._dialog.turn)
        self._feed(Tick())
        self._ahead.account()

    def on_event(self, event: Event) -> None:
        """Keeps the mirror of the house and feeds the dialog."""
        event = self._tools.observe(event)
        self._cut.note(event)
        if isinstance(event, ToolOffered):
            self._mirror.tools = self._tools.choosable()
        if self._mirror.apply(event) or isinstance(event, ToolOffered):
            self._house_due_s = time.monotonic() + _HOUSE_QUIET_S
        if isinstance(event, HomeEntity | HomeChanged | TimerChanged):
            self._ahead.house_changed()
        now = time.monotonic()
        match event:
            case DialogState():
                self._on_predecessor(event)
                return
            case WakeDetected():
                self._wake_word = event.word
            case TurnStarted():
                self._unheard.clear()
                if event.cause == "wake" and (called := self._agents.woken_by(self._wake_word)):
                    self._handing.hand_over(called, event.turn)
                if event.cause != "barge_in":  # after a false alarm the answer goes on
                    self._ahead.drop()
            case PlaybackStarted() if not event.cue:
                self._unheard = [clause for clause in self._unheard if clause.clause > event.clause]
            case DaemonFailed(daemon="speak") | DaemonReady(daemon="speak"):
                self._on_speak(is_ready=isinstance(event, DaemonReady))
            case ToolResult():
                self._quickness.note(event)
            case TurnCommitted():
                self._history.asked(event.text, now)
                self._agents.word()
                self._handing.give_up("no_answer")  # it was not waited for
            case PlaybackStopped() if not event.cue:
                self._history.heard(event.heard_text.removeprefix(self._meanwhile), now)
                self._agents.word()
        self._feed(event)

    def on_settings(self, settings: Settings) -> None:
        """Takes over limits and thresholds; the model itself is chosen at start."""
        super().on_settings(settings)
        try:
            if self._agents.configure(settings):
                self._house_due_s = time.monotonic()
        except Fault as fault:
            self.failed(fault.message, fault.hint)
        self._dialog = replace(self._dialog, limits=self._agents.limits())
        self._mirror.device_area = settings.device.area
        self._mirror.floors = settings.home.floors
        self._tools.configure(settings)
        self._mirror.tools = self._tools.choosable()
        self._ahead.configure(settings.device.language)
        if self._mind is not None:
            self._mind.configure(settings.reason)

    def close(self) -> None:
        """Stops the language model."""
        if getattr(self, "_mind", None) is not None and self._mind is not None:
            self._mind.close()

    def _on_predecessor(self, event: DialogState) -> None:
        """Only a reason daemon sends dialog states: this one died and left its last state with the hub."""
        if self._first_state and self._dialog.state == "idle" and event.state != "idle":
            self._feed(Recovered(event.turn))
        self._first_state = False

    def _on_speak(self, *, is_ready: bool) -> None:
        """What a killed speak daemon took with it is said by its successor."""
        if is_ready and self._speak_lost:
            for clause in self._unheard:
                self.bus.send(clause)
        self._speak_lost = not is_ready

    def _feed(self, given: Input) -> None:
        self._dialog, actions = step(self._dialog, given, time.monotonic())
        if self._dialog.complete or (self._dialog.state == "idle" and not self._dialog.interrupted):
            self._ahead.drop()
        for action in actions:
            match action:
                case Think():
                    self._think(action)
                case Speculate():
                    self._ahead.speculate(action)
                case Shorten():
                    self._shorten(action)
                case Report():
                    self._report(action)
                case _:
                    self._tools.follow(action)
                    self._ahead.follow(action)
                    self._send(action)
                    if isinstance(action, ToolCalled) and (result := self._carry_out(action)):
                        self.bus.send(result)
                        self._feed(result)

    def _send(self, event: Event) -> None:
        """Words get the manner of the agent that speaks."""
        if isinstance(event, ReplyClause | ReplyExpected | ReplyBegun):
            event = msgspec.structs.replace(event, manner=self._agents.manner())
        if isinstance(event, ReplyClause):
            self._unheard.append(event)
        self.bus.send(event)

    def _report(self, action: Report) -> None:
        """What is said of calls that have ended; after a hand-over with a request the other agent goes on."""
        turn, outcomes = action.turn, action.outcomes
        if request := handed_on(outcomes):
            self._feed(GoOn(turn, request))
        elif said := self._agents.report(outcomes):
            self._feed(Say(turn, said, expects_answer=outcomes[0].tool == HANDOFF))
        else:
            said = self._tools.report(outcomes)
            self._feed(Say(turn, said or replies.report(outcomes, self._mirror.house())))

    def _carry_out(self, called: ToolCalled) -> ToolResult | None:
        """Does a call that is done here; None for those of other daemons, and while another agent thinks."""
        return (self._handing if called.tool in AGENT_SERVICES else self._tools).carry_out(called)

    def _floor_taken(self) -> None:
        self._dialog = replace(self._dialog, limits=self._agents.limits())

    def _think(self, action: Think) -> None:
        turn, text = action.turn, action.text
        if action.follows and closes(text, action.proposal, self.settings.device.language):
            self._context = self._context.answered()
            if first := self._agents.first():
                self._handing.hand_over(first, self._dialog.turn)
            self._feed(Close(turn))
            return
        found, outcomes = self._ahead.commit(action)
        if isinstance(found.route, AskModel):
            self._asked = found.route
        if outcomes is None:
            self._follow(turn, text, found.route, found.took_ms)
            return
        for outcome in outcomes:
            self._act_on(outcome)

    def _route(self, text: str, proposal: tuple[Call, ...]) -> Route:
        """Agents come first, then tools, the house, and what the tools make of the rest."""
        language = self.settings.device.language
        house = self._mirror.house()
        found = self._agents.route(text) or self._tools.route(text)
        context = self._recent()
        found = found or (None if proposal else self._cut.route(text, house, context, language))
        found = found or route(text, house, proposal, language, context)
        if isinstance(found, AskModel):
            found = self._tools.otherwise(text) or found
        return self._agents.permitted(found, text)

    def _completeness(self, text: str) -> Completeness:
        if self._agents.is_called(text):
            return "complete"
        now = time.monotonic()
        refers = now < self._context_until_s
        answers = refers or bool(self._history.so_far(now))
        language = self.settings.device.language
        return self._cut.judge(text, self._mirror.house(), language, refers=refers, answers=answers)

    def _weigh(self, decision: Decision, text: str, only_asks: bool) -> Route | None:
        found = self._agents.weigh(decision, text, self._mirror.house(), only_asks=only_asks)
        return found and self._agents.permitted(found, text)

    def _recent(self) -> Context:
        return self._context if time.monotonic() < self._context_until_s else NO_CONTEXT

    def _follow(self, turn: int, text: str, found: Route, took_ms: float) -> None:
        if isinstance(found, AskModel):
            self._context = remembered(found, self._recent(), self._mirror.house())
            self._ask_model(turn, text)
            return
        calls = found.steps if isinstance(found, Perform) else found.calls
        self.bus.send(
            IntentDecided(
                turn=turn,
                route=found.route,
                text=text,
                calls=tuple((call.service, call.entity, call.value) for call in calls),
                probability=found.probability,
                decide_ms=took_ms,
            )
        )
        self._context = remembered(found, self._recent(), self._mirror.house())
        if found.calls or self._context.is_asked:
            self._context_until_s = time.monotonic() + _CONTEXT_S
        if isinstance(found, Perform):
            text = expected_words(found, self._mirror.house())
            self._ahead.expect(turn, text)
            self._meanwhile = self._agents.meanwhile(calls)
            self._feed(Act(turn, calls, self._meanwhile))
            if text and not (self._meanwhile or found.takes_back) and self._dialog.state == "acting":
                self._begin_reply(turn, calls, text)
        else:
            self._feed(Say(turn, found.text, found.expects_answer, found.proposal))

    def _begin_reply(self, turn: int, calls: tuple[Call, ...], text: str) -> None:
        """Says what is right however the house will answer, when it will do so soon."""
        words = opening_words(calls, self._mirror.house()) if self._quickness.of(calls) else 0
        if words:
            self._send(ReplyBegun(turn=turn, clause=len(self._dialog.said), text=text, words=words))

    def _ask_model(self, turn: int, text: str) -> None:
        is_first = not self._dialog.called_before  # a request that was handed on goes no further
        if not self._ahead.ask(turn, text, may_act=self._asked.may_act, may_hand=is_first):
            away = replies.NOT_UNDERSTOOD if self._mind is None else replies.CANNOT_THINK
            self._follow(turn, text, Speak(self._asked.decline or away, route="none"), 0)

    def _shorten(self, action: Shorten) -> None:
        """What a model makes of so little is not trusted: it may ask, not act."""
        self._asked = msgspec.structs.replace(self._asked, only_asks=True)
        may_act = self._asked.may_act
        self._ahead.ask(action.turn, action.text, may_act=may_act, brief=True, may_hand=False)

    # --- the language model ------------------------------------------------------------------------------

    def _on_outcome(self, outcome: Outcome) -> None:
        if isinstance(outcome, Failed) and not outcome.job:
            self.failed(outcome.reason, outcome.hint)
        elif self._ahead.take(outcome):
            self._act_on(outcome)

    def _act_on(self, outcome: Outcome) -> None:
        match outcome:
            case Decided():
                found = self._weigh(outcome.decision, self._dialog.request, self._asked.only_asks)
                if declines(self._asked, outcome.decision):
                    found = Speak(self._asked.decline, route="model")
                    self._talking_turn = outcome.turn  # nothing that the model would rather say follows
                if found is not None:
                    self._follow(outcome.turn, "", found, outcome.took_ms)
                else:
                    self._asked = AskModel(may_act=False)
            case Talking():
                is_asked = self._ahead.manner(self._dialog.request) == "asks"
                self._feed(Talks(outcome.turn, filler(outcome.turn, is_asked=is_asked)))
            case FirstToken():
                self._feed(Begun(outcome.turn))
            case Piece():
                self._on_piece(outcome)
            case Failed():
                self.failed(outcome.reason, outcome.hint)
                self._handing.give_up("unavailable", outcome.turn)
                self._feed(Say(outcome.turn, replies.CANNOT_THINK))

    def _on_piece(self, piece: Piece) -> None:
        """Passes a free answer on clause by clause; an agent that was consulted is heard out first."""
        if self._handing.hears(piece):
            return
        text = piece.text
        if self._talking_turn != piece.turn:
            self._talking_turn = piece.turn
            if self._dialog.said:
                text = without_filler(text)
            if piece.last:
                self._feed(Say(piece.turn, replies.NOT_UNDERSTOOD))
                return
            self.bus.send(IntentDecided(turn=piece.turn, route="talk", text=""))
        if text or piece.last:
            self._feed(Clause(piece.turn, text, piece.last))

    def _answer(self, result: ToolResult) -> None:
        """An agent that was consulted has answered, or cannot."""
        self.bus.send(result)
        self._feed(result)


if __name__ == "__main__":
    sys.exit(run(ReasonDaemon))

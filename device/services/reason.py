"""wren-reason: the conversation: dialog machine, known commands, language model, answers.

The work ahead of the commit, and the language model, are `device.services.ahead` and `device.services.mind`.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace

# Spinning OpenMP threads of llama.cpp would starve the other daemons on the same cores.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from device.dialog.history import History
from device.dialog.machine import step
from device.dialog.terms import (
    Act,
    Clause,
    Close,
    Dialog,
    Input,
    Limits,
    Recovered,
    Report,
    Say,
    Speculate,
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
    TimerChanged,
    ToolCalled,
    ToolResult,
    TurnCommitted,
    TurnStarted,
)
from device.home.mirror import HouseMirror
from device.home.registry import Call
from device.reasoning import intents, replies
from device.reasoning.context import remember
from device.reasoning.intents import NO_CONTEXT
from device.reasoning.openings import Quickness, opening_words
from device.reasoning.router import AskModel, Perform, Route, Speak, closes, expected_words, route, weigh
from device.services.ahead import Ahead
from device.services.daemon import STEP_S, Daemon, run
from device.services.mind import Decided, Failed, Mind, Outcome, Piece
from device.services.toolbox import Toolbox
from device.settings import Settings

_HOUSE_QUIET_S = 0.5  # discovery comes in bursts
_CONTEXT_S = 120.0  # as long "it" and "undo that" refer to the request before


class ReasonDaemon(Daemon):
    """Decides what to do about every committed turn."""

    name = "reason"

    def start(self) -> None:
        """Known commands work at once; the language model loads beside them."""
        self._dialog = Dialog(limits=_limits(self.settings))
        self._history = History()
        self._mirror = HouseMirror(self.settings.device.area, self.settings.home.floors)
        self._tools = Toolbox(self.settings, self.bus.send)
        self._house_due_s: float | None = None
        self._talking_turn = 0
        self._context, self._context_until_s = NO_CONTEXT, 0.0
        self._only_asks = False  # the model, of the request that is being answered
        self._quickness = Quickness()
        self._unheard: list[ReplyClause] = []
        self._speak_lost = False
        self._first_state = True
        self._mind = Mind(self.settings.reason) if self.settings.reason.model else None
        self._ahead = Ahead(
            self._mind,
            self._history,
            self._mirror.house,
            self._route,
            self.bus.send,
            self.settings.device.language,
        )

    def step(self) -> None:
        """Waits for events or the language model, then looks at the clock."""
        self.bus.wait(STEP_S, *([self._mind.fileno()] if self._mind else []))
        for outcome in self._mind.poll() if self._mind else []:
            self._on_outcome(outcome)
        if self._house_due_s is not None and time.monotonic() > self._house_due_s:
            self._house_due_s = None
            house = self._mirror.house()
            intents.prepare(house, self.settings.device.language)
            if self._mind:
                self._mind.learn(house)
        self._feed(Tick())
        self._ahead.account()

    def on_event(self, event: Event) -> None:
        """Keeps the mirror of the house and feeds the dialog."""
        event = self._tools.observe(event)
        if self._mirror.apply(event):
            self._house_due_s = time.monotonic() + _HOUSE_QUIET_S
        if isinstance(event, HomeEntity | HomeChanged | TimerChanged):
            self._ahead.house_changed()
        now = time.monotonic()
        match event:
            case DialogState():
                self._on_predecessor(event)
                return
            case TurnStarted():
                self._unheard.clear()
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
            case PlaybackStopped() if not event.cue:
                self._history.heard(event.heard_text, now)
        self._feed(event)

    def on_settings(self, settings: Settings) -> None:
        """Takes over limits and thresholds; the model itself is chosen at start."""
        super().on_settings(settings)
        self._dialog = replace(self._dialog, limits=_limits(settings))
        self._mirror.device_area = settings.device.area
        self._mirror.floors = settings.home.floors
        self._tools.configure(settings)
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
                case Report():
                    said = self._tools.report(action.outcomes)
                    self._feed(
                        Say(action.turn, said or replies.report(action.outcomes, self._mirror.house()))
                    )
                case _:
                    if isinstance(action, ReplyClause):
                        self._unheard.append(action)
                    self._tools.follow(action)
                    self.bus.send(action)
                    if isinstance(action, ToolCalled) and (result := self._tools.carry_out(action)):
                        self.bus.send(result)
                        self._feed(result)

    def _think(self, action: Think) -> None:
        turn, text = action.turn, action.text
        if action.follows and closes(text, action.proposal, self.settings.device.language):
            self._feed(Close(turn))
            return
        found, outcomes = self._ahead.commit(action)
        self._only_asks = isinstance(found.route, AskModel) and found.route.only_asks
        if outcomes is None:
            self._follow(turn, text, found.route, found.took_ms)
            return
        for outcome in outcomes:
            self._act_on(outcome)

    def _route(self, text: str, proposal: tuple[Call, ...]) -> Route:
        """Tools come first, then the house, then what the tools make of the rest."""
        language = self.settings.device.language
        context = self._context if time.monotonic() < self._context_until_s else NO_CONTEXT
        found = self._tools.route(text) or route(text, self._mirror.house(), proposal, language, context)
        return self._tools.otherwise(text) or found if isinstance(found, AskModel) else found

    def _follow(self, turn: int, text: str, found: Route, took_ms: float) -> None:
        if isinstance(found, AskModel):
            self._ask_model(turn, text, may_act=found.may_act)
            return
        self.bus.send(
            IntentDecided(
                turn=turn,
                route=found.route,
                text=text,
                calls=tuple((call.service, call.entity, call.value) for call in found.calls),
                probability=found.probability,
                decide_ms=took_ms,
            )
        )
        if found.calls and found.route != "tools":
            self._context = remember(found.calls, self._mirror.house())
            self._context_until_s = time.monotonic() + _CONTEXT_S
        if isinstance(found, Perform):
            text = expected_words(found, self._mirror.house())
            self._ahead.expect(turn, text)
            self._feed(Act(turn, found.calls))
            if text and self._dialog.state == "acting":
                self._begin_reply(turn, found.calls, text)
        else:
            self._feed(Say(turn, found.text, found.expects_answer, found.proposal))

    def _begin_reply(self, turn: int, calls: tuple[Call, ...], text: str) -> None:
        """Says what is right however the house will answer, when it will do so soon."""
        words = opening_words(calls, self._mirror.house()) if self._quickness.of(calls) else 0
        if words:
            self.bus.send(ReplyBegun(turn=turn, clause=len(self._dialog.said), text=text, words=words))

    def _ask_model(self, turn: int, text: str, *, may_act: bool) -> None:
        if not self._ahead.ask(turn, text, may_act=may_act):
            self._follow(turn, text, Speak(replies.NOT_UNDERSTOOD, route="none"), 0)

    # --- the language model ------------------------------------------------------------------------------

    def _on_outcome(self, outcome: Outcome) -> None:
        if isinstance(outcome, Failed) and not outcome.job:
            self.failed(outcome.reason, outcome.hint)
        elif self._ahead.take(outcome):
            self._act_on(outcome)

    def _act_on(self, outcome: Outcome) -> None:
        match outcome:
            case Decided():
                found = weigh(outcome.decision, self._mirror.house(), only_asks=self._only_asks)
                if found is not None:
                    self._follow(outcome.turn, "", found, outcome.took_ms)
            case Piece():
                self._on_piece(outcome)
            case Failed():
                self.failed(outcome.reason, outcome.hint)
                self._feed(Say(outcome.turn, replies.NOT_UNDERSTOOD))

    def _on_piece(self, piece: Piece) -> None:
        """Passes a free answer on clause by clause."""
        if self._talking_turn != piece.turn:
            self._talking_turn = piece.turn
            if piece.last:
                self._feed(Say(piece.turn, replies.NOT_UNDERSTOOD))
                return
            self.bus.send(IntentDecided(turn=piece.turn, route="talk", text=""))
        self._feed(Clause(piece.turn, piece.text, piece.last))


def _limits(settings: Settings) -> Limits:
    return Limits(
        holding_s=settings.reason.holding_ms / 1000,
        thinking_s=settings.reason.deadline_ms / 1000,
        confirming_s=settings.home.confirm_ms / 1000 + 1,
        follow_up_s=settings.listen.follow_up_ms / 1000,
        minimum_confidence=settings.listen.minimum_confidence,
        always_follow_up=settings.listen.follow_up == "always",
    )


if __name__ == "__main__":
    sys.exit(run(ReasonDaemon))

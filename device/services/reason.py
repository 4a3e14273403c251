"""wren-reason: the conversation: dialog machine, known commands, language model, answers."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from typing import NamedTuple

# Spinning OpenMP threads of llama.cpp would starve the other daemons on the same cores.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from device.dialog.history import History
from device.dialog.machine import step
from device.dialog.speculation import Speculation
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
    ModelReady,
    PlaybackStarted,
    PlaybackStopped,
    ReplyClause,
    ReplyExpected,
    SpeculationEnded,
    TimerChanged,
    ToolCalled,
    TurnCommitted,
    TurnJudged,
    TurnStarted,
)
from device.home.mirror import HouseMirror
from device.home.registry import Call
from device.reasoning import intents, replies
from device.reasoning.completeness import Completeness, by_finality, completeness
from device.reasoning.context import remember
from device.reasoning.intents import NO_CONTEXT
from device.reasoning.router import (
    AskModel,
    Perform,
    Route,
    Speak,
    awaits_model,
    closes,
    expected_words,
    route,
    weigh,
)
from device.services.daemon import STEP_S, Daemon, run
from device.services.mind import (
    Consider,
    Decided,
    Failed,
    Judged,
    Mind,
    Outcome,
    Piece,
    Prefill,
    Ready,
    Spent,
)
from device.services.toolbox import Toolbox
from device.settings import Settings

_HOUSE_QUIET_S = 0.5  # discovery comes in bursts
_CONTEXT_S = 120.0  # as long "it" and "undo that" refer to the request before


class _Found(NamedTuple):
    """A route, and what it was found with."""

    route: Route
    proposal: tuple[Call, ...]
    house: int  # how often the house had changed
    took_ms: float


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
        self._house_changes = 0
        self._ahead: Speculation[_Found, Outcome] = Speculation()
        self._judged = self._expected = (0, "")  # turn and text
        self._talking_turn = 0
        self._context, self._context_until_s = NO_CONTEXT, 0.0
        self._only_asks = False  # the model, of the request that is being answered
        self._unheard: list[ReplyClause] = []
        self._speak_lost = False
        self._model_ready = False
        self._first_state = True
        self._mind = Mind(self.settings.reason) if self.settings.reason.model else None

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
        self._account()

    def on_event(self, event: Event) -> None:
        """Keeps the mirror of the house and feeds the dialog."""
        event = self._tools.observe(event)
        if self._mirror.apply(event):
            self._house_due_s = time.monotonic() + _HOUSE_QUIET_S
        self._house_changes += isinstance(event, HomeEntity | HomeChanged | TimerChanged)
        now = time.monotonic()
        match event:
            case DialogState():
                self._on_predecessor(event)
                return
            case TurnStarted():
                self._unheard.clear()
                if event.cause != "barge_in":  # after a false alarm the answer goes on
                    self._drop()
            case PlaybackStarted() if not event.cue:
                self._unheard = [clause for clause in self._unheard if clause.clause > event.clause]
            case DaemonFailed(daemon="speak") | DaemonReady(daemon="speak"):
                self._on_speak(is_ready=isinstance(event, DaemonReady))
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
            self._drop()
        for action in actions:
            match action:
                case Think():
                    self._think(action)
                case Speculate():
                    self._speculate(action)
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
        held = self._ahead.commit(turn, text)
        if held is None or not self._is_fresh(held.found, action):
            held = None
            self._ahead.open(0)
            if self._mind is not None:
                self._mind.drop()
        found = held.found if held is not None else self._route(text, action.proposal)
        self._ahead.settle(used=isinstance(found.route, AskModel))
        self._only_asks = isinstance(found.route, AskModel) and found.route.only_asks
        if held is None or not held.job:
            self._follow(turn, text, found.route, found.took_ms)
            return
        if self._mind is not None:
            self._mind.release(held.job)
        for outcome in held.outcomes:
            self._act_on(outcome)

    def _is_fresh(self, found: _Found, action: Think) -> bool:
        """Whether what was found ahead still holds; the model's part is weighed against the house later."""
        is_model = isinstance(found.route, AskModel)
        return found.proposal == action.proposal and (is_model or found.house == self._house_changes)

    def _route(self, text: str, proposal: tuple[Call, ...]) -> _Found:
        """Tools come first, then the house, then what the tools make of the rest."""
        began = time.monotonic()
        language = self.settings.device.language
        context = self._context if time.monotonic() < self._context_until_s else NO_CONTEXT
        house = self._mirror.house()
        found = self._tools.route(text) or route(text, house, proposal, language, context)
        if isinstance(found, AskModel):
            found = self._tools.otherwise(text) or found
        return _Found(found, proposal, self._house_changes, (time.monotonic() - began) * 1000)

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
            self._expect(turn, expected_words(found, self._mirror.house()))
            self._feed(Act(turn, found.calls))
        else:
            self._feed(Say(turn, found.text, found.expects_answer, found.proposal))

    def _ask_model(self, turn: int, text: str, *, may_act: bool) -> None:
        if self._mind is None or not self._model_ready:
            self._follow(turn, text, Speak(replies.NOT_UNDERSTOOD, route="none"), 0)
            return
        history = tuple(self._history.before_last_request())
        request = Consider(turn, text, self._mirror.house(), history, may_act)
        self._ahead.open(self._mind.post(request, committed=True))

    # --- ahead of the commit -----------------------------------------------------------------------------

    def _speculate(self, action: Speculate) -> None:
        """Judges how complete the text is, and finds out what would become of it."""
        turn, text = action.turn, action.text
        language = self.settings.device.language
        if self._judged != (turn, text):
            self._judge(turn, text, completeness(text, self._mirror.house(), language))
        if self._ahead.holds(turn, text):
            return
        if self._ahead.drop() and self._mind is not None:
            self._mind.drop()
        if action.follows and closes(text, action.proposal, language):
            return
        if action.whole:
            self._think_ahead(action)
        elif (
            self._mind is not None
            and self._model_ready
            and awaits_model(text, self._mirror.house(), language)
        ):
            history = tuple(self._history.so_far(time.monotonic()))
            job = self._mind.post(Prefill(turn, text, history), committed=False)
            self._ahead.work(turn, job, decides=False)

    def _judge(self, turn: int, text: str, judgement: Completeness) -> None:
        self._judged = (turn, text)
        self.bus.send(TurnJudged(turn=turn, text=text, completeness=judgement))

    def _think_ahead(self, action: Speculate) -> None:
        turn, text = action.turn, action.text
        began = time.thread_time()
        found = self._route(text, action.proposal)
        self._ahead.hold(turn, text, found, (time.thread_time() - began) * 1000)
        if not isinstance(found.route, AskModel):
            if self._mind is not None:
                self._mind.drop()
            self._expect(turn, expected_words(found.route, self._mirror.house()))
        elif self._mind is not None and self._model_ready:
            history = tuple(self._history.so_far(time.monotonic()))
            request = Consider(turn, text, self._mirror.house(), history, found.route.may_act)
            self._ahead.work(turn, self._mind.post(request, committed=False), decides=True)

    def _expect(self, turn: int, text: str) -> None:
        """Has words made ready that will probably be said."""
        if text and self._expected != (turn, text):
            self._expected = (turn, text)
            self.bus.send(ReplyExpected(turn=turn, text=text))

    def _drop(self) -> None:
        self._ahead.drop()
        self._ahead.settle(used=False)
        if self._mind is not None:
            self._mind.drop()

    def _account(self) -> None:
        for turn, used, cpu_ms, what in self._ahead.ended():
            self.bus.send(SpeculationEnded(turn=turn, used=used, cpu_ms=round(cpu_ms, 2), what=what))

    # --- the language model ------------------------------------------------------------------------------

    def _on_outcome(self, outcome: Outcome) -> None:
        match outcome:
            case Ready():
                self._model_ready = True
                self.bus.send(
                    ModelReady(
                        name=outcome.name,
                        load_ms=outcome.load_ms,
                        prefix_ms=outcome.prefix_ms,
                        restored=outcome.restored,
                    )
                )
            case Spent():
                self._ahead.spent(outcome.job, outcome.cpu_ms)
            case Judged() if self._ahead.expects(outcome.job):
                self._judge(outcome.turn, outcome.text, by_finality(outcome.finality))
            case Failed(job=0):
                self.failed(outcome.reason, outcome.hint)
            case Decided() | Piece() | Failed():
                if self._ahead.expects(outcome.job):
                    self._foresee(outcome)
                if self._ahead.passes(outcome.job, outcome):
                    self._act_on(outcome)

    def _foresee(self, outcome: Decided | Piece | Failed) -> None:
        """Has the first words of an outcome made ready that is not committed yet."""
        if isinstance(outcome, Piece):
            self._expect(outcome.turn, outcome.text)
        elif isinstance(outcome, Decided):
            house = self._mirror.house()
            asked = self._ahead.found
            only_asks = asked is not None and isinstance(asked.route, AskModel) and asked.route.only_asks
            found = weigh(outcome.decision, house, only_asks=only_asks)
            self._expect(outcome.turn, expected_words(found, house) if found else "")

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

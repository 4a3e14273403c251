"""The work on a request before it is committed, and the language model's part of it after that.

Every text that a request may become is routed at once, and where the language model is needed a job is posted
to it. What comes of that is held until the commit and given out by `commit` and `take`; before the commit
only judgements (TurnJudged) and words that will probably be said (ReplyExpected) leave. The rules of holding
and refusing are those of `device.dialog.speculation`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from device.dialog.history import History
from device.dialog.speculation import Speculation
from device.dialog.terms import Speculate, Think
from device.events import (
    DialogState,
    Event,
    ModelReady,
    ReplyExpected,
    SpeculationEnded,
    TurnJudged,
    TurnPreferred,
)
from device.home.registry import Call, House
from device.reasoning.completeness import Completeness, by_finality, is_doubtful, may_be_over, weighed
from device.reasoning.decision import Decision
from device.reasoning.readings import rather_said, sensible
from device.reasoning.router import (
    AskModel,
    Route,
    awaits_model,
    closes,
    expected_words,
)
from device.reasoning.talk import Manner, manner
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

Find = Callable[[str, tuple[Call, ...]], Route]
Complete = Callable[[str], Completeness]
Weigh = Callable[[Decision, str, bool], Route | None]  # decision, text, whether it only asks


class Found(NamedTuple):
    """A route, and what it was found with."""

    route: Route
    proposal: tuple[Call, ...]
    house: int  # how often the house had changed
    took_ms: float


class Committed(NamedTuple):
    """What is known of a committed request; `outcomes` are None where the model does not work on it."""

    found: Found
    outcomes: tuple[Outcome, ...] | None


class Ahead:
    """At most one request at a time.

    `house` gives the house, `seen` the part of it that whoever answers may know; `complete` judges how whole
    a text is, `find` routes it, `weigh` routes a decision of the model, `send` puts an event on the bus.
    """

    def __init__(
        self,
        mind: Mind | None,
        history: History,
        house: Callable[[], House],
        seen: Callable[[], House],
        complete: Complete,
        find: Find,
        weigh: Weigh,
        send: Callable[[Event], None],
        language: str,
    ) -> None:
        self._mind, self._history, self._house, self._seen = mind, history, house, seen
        self._completeness, self._find, self._weigh, self._send, self._language = (
            complete,
            find,
            weigh,
            send,
            language,
        )
        self._held: Speculation[Found, Outcome] = Speculation()
        self._house_changes = 0
        self._judged = self._expected = (0, "")  # turn and text
        self._reread_turn = 0  # of which other readings have come
        self._reads_again = False  # recognition does so now, or will when the text is the whole
        self._may_go_on = False  # what is held, so that the model may have left it alone
        self._finality: Completeness | None = None  # what the model says of the text that is held
        self._model_ready = False

    def configure(self, language: str) -> None:
        """Takes over changed settings."""
        self._language = language

    def house_changed(self) -> None:
        """What was found with the house as it was does not hold any more."""
        self._house_changes += 1

    def turn_to(self, agent: str) -> None:
        """Somebody else answers from now on."""
        self.house_changed()
        if self._mind is not None:
            self._mind.turn_to(agent)

    # --- before the commit -------------------------------------------------------------------------------

    def speculate(self, action: Speculate) -> None:
        """Judges how complete the text is, and finds out what would become of it."""
        if action.readings:
            action = self._prefer(action)
            self._reread_turn, self._reads_again = action.turn, False
            self._share(whole=True)
        turn, text = action.turn, action.text
        if self._judged != (turn, text):
            finality = self._finality if self._held.holds(turn, text) else None
            self._judge(turn, text, finality, is_asked=self._has_model and finality is None)
        if self._held.holds(turn, text) and (not (action.whole and self._may_go_on) or self._concludes()):
            return
        is_in_vain = self._held.let_go() if self._may_go_on else self._held.drop()
        if is_in_vain and self._mind is not None:
            self._mind.drop()
        if action.follows and closes(text, action.proposal, self._language):
            return
        if action.whole or (self._has_model and awaits_model(text, self._house(), self._language)):
            self._think_ahead(action)

    def expect(self, turn: int, text: str) -> None:
        """Has words made ready that will probably be said."""
        if text and self._expected != (turn, text):
            self._expected = (turn, text)
            self._send(ReplyExpected(turn=turn, text=text))

    def follow(self, action: Event) -> None:
        """Between requests what was said is read, so that the next answer begins sooner."""
        is_pause = isinstance(action, DialogState) and action.state in ("idle", "follow_up")
        if is_pause and self._mind is not None and self._model_ready:
            self._mind.recall(self._seen(), tuple(self._history.so_far(time.monotonic())))

    def drop(self) -> None:
        """Everything that was found, and what the model is doing, is in vain."""
        self._held.drop()
        self._held.settle(used=False)
        if self._mind is not None:
            self._mind.drop()

    def account(self) -> None:
        """Tells of speculations that have ended."""
        for turn, used, cpu_ms, what in self._held.ended():
            self._send(SpeculationEnded(turn=turn, used=used, cpu_ms=round(cpu_ms, 2), what=what))

    def manner(self, text: str) -> Manner:
        """How `text` is meant in this house."""
        return manner(text, self._house(), self._language)

    # --- the commit and after it -------------------------------------------------------------------------

    def commit(self, action: Think) -> Committed:
        """Hands over what was found ahead, or finds it now."""
        if self._may_go_on:
            self._held.let_go()
        held = self._held.commit(action.turn, action.text)
        if held is None or not self._is_fresh(held.found, action):
            held = None
            self._held.open(0)
            if self._mind is not None:
                self._mind.drop()
        found = held.found if held is not None else self._route(action.text, action.proposal)
        self._held.settle(used=isinstance(found.route, AskModel))
        if held is None or not held.job:
            return Committed(found, None)
        if self._mind is not None:
            self._mind.release(held.job)
        return Committed(found, tuple(held.outcomes))

    def ask(
        self,
        turn: int,
        text: str,
        *,
        may_act: bool,
        brief: bool = False,
        may_hand: bool = True,
        seen: House | None = None,
    ) -> bool:
        """Gives a committed request to the model, instead of what it does; whether there is one.

        `brief`: behind a shorter prompt; `seen`: the house of an agent that is consulted.
        """
        if self._mind is None or not self._model_ready:
            return False
        history = tuple(self._history.before_last_request())
        request = Consider(turn, text, seen or self._seen(), history, may_act, brief, may_hand)
        self._held.open(self._mind.post(request, committed=True))
        return True

    def take(self, outcome: Outcome) -> bool:
        """Whether to act on an outcome of the model now."""
        match outcome:
            case Ready():
                self._model_ready = True
                self._send(
                    ModelReady(
                        name=outcome.name,
                        load_ms=outcome.load_ms,
                        prefix_ms=outcome.prefix_ms,
                        restored=outcome.restored,
                    )
                )
            case Spent():
                self._held.spent(outcome.job, outcome.cpu_ms)
            case Judged() if self._held.expects(outcome.job):
                if outcome.finality is not None:
                    self._finality = by_finality(outcome.finality, self.manner(outcome.text))
                for text in dict.fromkeys((outcome.text, self._judged[1])):  # both are the same but for signs
                    self._judge(outcome.turn, text, self._finality)
                self._share(whole=not self._may_go_on)
                if self._may_go_on and not may_be_over(outcome.finality):
                    self._held.let_go()
                self._may_go_on = False
            case Decided() | Talking() | FirstToken() | Piece() | Failed():
                if self._held.expects(outcome.job):
                    self._foresee(outcome)
                return self._held.passes(outcome.job, outcome)
        return False

    # --- inside ------------------------------------------------------------------------------------------

    def _prefer(self, action: Speculate) -> Speculate:
        """The same with the reading of it that makes sense here, or that is talk."""

        def find(text: str) -> Route:
            return self._find(text, action.proposal)

        preferred = sensible(action.text, action.readings, find)
        is_garbled = self._finality in ("unsure", "open") and self._held.holds(action.turn, action.text)
        if preferred == action.text and is_garbled:
            preferred = rather_said(action.text, action.readings, find, self.manner)
        if action.readings:
            self._send(TurnPreferred(turn=action.turn, text=action.text, reading=preferred))
        return replace(action, text=preferred)

    @property
    def _has_model(self) -> bool:
        return self._mind is not None and self._model_ready

    def _judge(self, turn: int, text: str, finality: Completeness | None, *, is_asked: bool = False) -> None:
        """Tells how whole a text is, and whether to read it again; `is_asked`: the model will say more."""
        judgement = weighed(self._completeness(text), finality)
        self._judged = (turn, text)
        doubtful = is_doubtful(judgement, self.manner(text), finality, is_asked=is_asked)
        self._reads_again = doubtful and judgement != "complete" and self._reread_turn != turn
        self._send(TurnJudged(turn=turn, text=text, completeness=judgement, doubtful=doubtful))

    def _think_ahead(self, action: Speculate) -> None:
        turn, text = action.turn, action.text
        began = time.thread_time()
        found = self._route(text, action.proposal)
        if not (action.whole or isinstance(found.route, AskModel)):
            return
        self._held.hold(turn, text, found, (time.thread_time() - began) * 1000)
        self._may_go_on, self._finality = not action.whole, None
        if not isinstance(found.route, AskModel):
            if self._mind is not None:
                self._mind.drop()
            self.expect(turn, expected_words(found.route, self._house()))
        elif self._mind is not None and self._model_ready:
            history = tuple(self._history.so_far(time.monotonic()))
            request = Consider(
                turn, text, self._seen(), history, found.route.may_act, may_go_on=self._may_go_on
            )
            self._held.work(turn, self._mind.post(request, committed=False), decides=True)
            self._share(whole=action.whole)

    def _concludes(self) -> bool:
        """Has the job about the text that is held, which seemed to go on, decide about it if it still can."""
        job = self._held.job
        self._may_go_on = not (self._mind is not None and job and self._mind.conclude(job))
        self._share(whole=True)
        return not self._may_go_on

    def _share(self, *, whole: bool) -> None:
        """Recognition has a core to itself while it reads the sound of a whole text again."""
        if self._mind is not None:
            self._mind.share(whole and self._reads_again)

    def _route(self, text: str, proposal: tuple[Call, ...]) -> Found:
        began = time.monotonic()
        found = self._find(text, proposal)
        return Found(found, proposal, self._house_changes, (time.monotonic() - began) * 1000)

    def _is_fresh(self, found: Found, action: Think) -> bool:
        """Whether what was found ahead still holds; the model's part is weighed against the house later."""
        is_model = isinstance(found.route, AskModel)
        return found.proposal == action.proposal and (is_model or found.house == self._house_changes)

    def _foresee(self, outcome: Outcome) -> None:
        """Has the first words of an outcome made ready that is not committed yet."""
        if isinstance(outcome, Piece):
            self.expect(outcome.turn, outcome.text)
        elif isinstance(outcome, Decided):
            house = self._house()
            asked = self._held.found
            only_asks = asked is not None and isinstance(asked.route, AskModel) and asked.route.only_asks
            found = self._weigh(outcome.decision, "", only_asks)
            self.expect(outcome.turn, expected_words(found, house) if found else "")

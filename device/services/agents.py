"""The agents of one conversation: their file, who speaks, what is said to whom, and what nobody may do.

Without a file there is Wren alone, who may do everything. The rules are those of `device.dialog.agents`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import msgspec

from device.dialog import agents as rules
from device.dialog.address import addressed, parting
from device.dialog.agents import Agent, Floor
from device.dialog.language import load as words_of
from device.dialog.terms import Limits
from device.events import Manner, ToolCalled, ToolResult
from device.home.persona import AGENT_SERVICES, CONSULT, HANDOFF
from device.home.registry import Call, House
from device.reasoning.decision import Decision
from device.reasoning.router import AskModel, Perform, Route, Speak, weigh
from device.services.cast import load_cast
from device.settings import Settings

ROUTE = "agents"  # of what closed phrases, and the rules of who may do what, decide


class Agents:
    """Knows who speaks. Raises Fault at the start when the file is unusable."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._cast = load_cast(settings)
        self._floor = Floor(self._cast.first)

    def configure(self, settings: Settings) -> bool:
        """Takes over changed settings; whether the agents are others now. Raises Fault."""
        self._settings = settings
        cast = load_cast(settings)
        if cast == self._cast:
            return False
        self._cast, self._floor = cast, Floor(cast.first)
        return True

    @property
    def speaking(self) -> Agent:
        """Who answers now."""
        return self._cast.agents[self._floor.speaking]

    def word(self) -> None:
        """Somebody has spoken."""
        self._floor = self._floor.word(time.monotonic())

    def limits(self) -> Limits:
        """How long each state of the dialog may last while this agent speaks."""
        settings = self._settings
        return Limits(
            filler_s=settings.reason.filler_ms / 1000,
            holding_s=settings.reason.holding_ms / 1000,
            shorten_s=settings.reason.shorten_ms / 1000,
            thinking_s=settings.reason.deadline_ms / 1000,
            confirming_s=settings.home.confirm_ms / 1000 + 1,
            follow_up_s=settings.listen.follow_up_ms / 1000,
            minimum_confidence=settings.listen.minimum_confidence,
            always_follow_up=settings.listen.follow_up == "always" or self.speaking.listens_on,
        )

    # --- who speaks --------------------------------------------------------------------------------------

    def route(self, text: str) -> Route | None:
        """What a closed phrase asks for: to hand over, to consult, to give back; None for anything else."""
        cast, speaking, language = self._cast, self._floor.speaking, self._settings.device.language
        if len(cast.agents) == 1:
            return None
        if speaking != cast.first and parting(text, self.speaking.spoken_names(), language):
            return Perform((Call(HANDOFF, cast.first),), ROUTE)
        names = {id_: agent.spoken_names() for id_, agent in cast.agents.items()}
        found = addressed(text, names, language)
        if found is None or found.agent == speaking:
            return None
        if found.request and found.agent in self.speaking.consults:
            return Perform((Call(CONSULT, found.agent, found.request),), ROUTE)
        if not rules.may_hand(cast, speaking, found.agent):
            return Speak(words_of(language).no_way.format(name=cast.agents[found.agent].name), ROUTE)
        return Perform((Call(HANDOFF, found.agent, found.request or None),), ROUTE)

    def is_called(self, text: str) -> bool:
        """Whether `text` calls an agent, or says goodbye to one, and nothing else."""
        found = self.route(text)
        return isinstance(found, Perform) and not any(call.value for call in found.calls)

    def woken_by(self, word: str) -> str:
        """The agent that a wake word calls, unless it speaks already; "" for none."""
        owner = next((id_ for id_, agent in self._cast.agents.items() if word in agent.wake), "")
        return owner if owner != self._floor.speaking else ""

    def left(self) -> str:
        """The first agent, when it shall have the floor again because nobody has said a word; "" else."""
        is_left = self._floor.is_left(self._cast, time.monotonic())
        return self._cast.first if is_left else ""

    def first(self) -> str:
        """The first agent, unless it speaks; "" else."""
        return self._cast.first if self._floor.speaking != self._cast.first else ""

    def hand(self, agent: str) -> None:
        """Another agent has the floor."""
        self._floor = self._floor.hand(agent, time.monotonic())

    # --- what it may do ----------------------------------------------------------------------------------

    def permitted(self, found: Route, text: str) -> Route:
        """The route, or what becomes of it when the agent that speaks has no such tool."""
        match found:
            case Perform(calls=calls):
                pass
            case Speak(group="help") if self.speaking.instructions:
                return AskModel(may_act=False)
            case Speak(group="answers" | "timers" | "memory" as group):
                if not rules.may_answer(self.speaking, group):
                    return self._refused(text, ())
                calls = (*found.calls, *found.proposal)
            case Speak(route="parser" | "sentences", expects_answer=True, proposal=()):
                return found if rules.keeps_house(self.speaking) else self._refused(text, ())
            case Speak():
                calls = (*found.calls, *found.proposal)
            case _:
                return found
        return found if all(self._may(call) for call in calls) else self._refused(text, calls)

    def weigh(self, decision: Decision, text: str, house: House, *, only_asks: bool) -> Route | None:
        """What becomes of the model's decision about `text`; None when it goes on to talk."""
        called = next((call for call in decision.calls if call.service in AGENT_SERVICES), None)
        if called is None:
            return weigh(decision, house, only_asks=only_asks)
        call = msgspec.structs.replace(called, value=text or None)
        if decision.kind == "act":
            return Perform((call,), "model", decision.probability)
        language = words_of(self._settings.device.language)
        offer = language.offer_handoff if call.service == HANDOFF else language.offer_consult
        question = offer.format(name=self._cast.agents[call.entity].name)
        return Speak(question, "model", (), decision.probability, expects_answer=True, proposal=(call,))

    def _may(self, call: Call) -> bool:
        if call.service == HANDOFF:
            return rules.may_hand(self._cast, self._floor.speaking, call.entity)
        return rules.may(self.speaking, call)

    def _refused(self, text: str, calls: Sequence[Call]) -> Route:
        """An honest sentence, with the offer to pass the request on to somebody who can."""
        language = words_of(self._settings.device.language)
        helper = rules.helper(self._cast, self._floor.speaking, calls)
        if not helper or not text:
            return Speak(language.not_mine, ROUTE)
        offer = language.offer.format(name=self._cast.agents[helper].name)
        return Speak(offer, ROUTE, expects_answer=True, proposal=(Call(HANDOFF, helper, text),))

    # --- what the model, the voice and the timeline are told ---------------------------------------------

    def seen(self, house: House, agent: str = "") -> House:
        """The house as the agent that speaks sees it, or another one."""
        return rules.seen(self._cast, agent or self._floor.speaking, house)

    def views(self, house: House) -> list[House]:
        """The house as every agent sees it, the first agent's view last."""
        order = sorted(self._cast.agents, key=lambda id_: id_ == self._cast.first)
        return [self.seen(house, id_) for id_ in order]

    def manner(self) -> Manner:
        """How the words of the agent that speaks are to be said."""
        return self.speaking.manner()

    def meanwhile(self, calls: Sequence[Call]) -> str:
        """What is said while another agent is consulted; "" for other calls."""
        for call in calls:
            if call.service == CONSULT:
                name = self._cast.agents[call.entity].name
                return words_of(self._settings.device.language).consulting.format(name=name)
        return ""

    def report(self, outcomes: Sequence[ToolResult]) -> str:
        """What is said of a hand-over or a consultation; "" for other calls."""
        language = words_of(self._settings.device.language)
        for outcome in outcomes:
            if outcome.tool == HANDOFF:
                greeting = self.speaking.greeting or language.greeting
                return greeting.format(name=self.speaking.name)
            if outcome.tool == CONSULT:
                name = self._cast.agents[str(outcome.arguments["entity"])].name
                return outcome.said or language.no_answer.format(name=name)
        return ""


def handed_on(outcomes: Sequence[ToolResult]) -> str:
    """The request that a hand-over takes along; "" for none."""
    return next((str(o.arguments["value"] or "") for o in outcomes if o.tool == HANDOFF), "")


def silent_hand_over(turn: int, agent: str) -> ToolCalled:
    """A hand-over that nobody asked for in words: by a wake word, or when a talk has ended."""
    return ToolCalled(
        turn=turn, call_id=f"{turn}.agent", tool=HANDOFF, arguments={"entity": agent, "value": None}
    )

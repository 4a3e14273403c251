"""What agents do among themselves: one takes the floor from another, or is consulted and heard out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from device.events import Event, ToolCalled, ToolResult
from device.home.persona import HANDOFF
from device.home.registry import House
from device.services.agents import Agents, silent_hand_over
from device.services.ahead import Ahead
from device.services.mind import Piece


class Handing:
    """Carries out the calls of hand-over and consultation.

    `send` gives events to the bus; `taken` is called when somebody else has the floor, `answered` when an
    agent that was consulted has answered or cannot.
    """

    def __init__(
        self,
        agents: Agents,
        ahead: Ahead,
        house: Callable[[], House],
        send: Callable[[Event], None],
        taken: Callable[[], None],
        answered: Callable[[ToolResult], None],
    ) -> None:
        self._agents, self._ahead, self._house = agents, ahead, house
        self._send, self._taken, self._answered = send, taken, answered
        self._consulted: tuple[ToolCalled, str] | None = None  # and the answer so far

    def carry_out(self, called: ToolCalled) -> ToolResult | None:
        """Hands over, or asks another agent; None while that one thinks."""
        agent = str(called.arguments["entity"])
        if called.tool == HANDOFF:
            self._take_the_floor(agent)
            return called.result()
        self._consulted = (called, "")
        question, seen = str(called.arguments["value"]), self._agents.seen(self._house(), agent)
        is_asked = self._ahead.ask(called.turn, question, may_act=False, may_hand=False, seen=seen)
        return None if is_asked else called.result("unavailable")

    def hand_over(self, agent: str, turn: int) -> None:
        """Another agent speaks from now on, without a word about it."""
        called = silent_hand_over(turn, agent)
        self._send(called)
        self._take_the_floor(agent)
        self._send(called.result())

    def _take_the_floor(self, agent: str) -> None:
        self._agents.hand(agent)
        self._ahead.turn_to(agent)
        self._taken()

    def hears(self, piece: Piece) -> bool:
        """Keeps a piece of what an agent that was consulted answers; whether it is one."""
        if self._consulted is None or self._consulted[0].turn != piece.turn:
            return False
        called, said = self._consulted[0], self._consulted[1] + piece.text
        self._consulted = (called, said)
        if piece.last:
            self._end(called.result("" if said else "no_answer", said=said))
        return True

    def give_up(self, error: Literal["no_answer", "unavailable"], turn: int | None = None) -> None:
        """Ends a consultation, that of `turn` or any, without an answer."""
        if self._consulted is not None and turn in (None, self._consulted[0].turn):
            self._end(self._consulted[0].result(error))

    def _end(self, result: ToolResult) -> None:
        self._consulted = None
        self._answered(result)

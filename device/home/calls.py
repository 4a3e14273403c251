"""Tool calls under way: each gets exactly one result, and none is carried out after its time.

The rules, in the order in which they apply:

1. Without a connection a call is `unreachable` at once. An unknown entity or an impossible request is
   `refused`, an entity that its availability topic calls offline is `unavailable`.
2. A call is done when the broker has acknowledged its messages and the entity's state, known before or heard
   since, satisfies the plan; news from the device that satisfies it is enough by itself. Without a state to
   wait for, the acknowledgement is enough.
3. The broker says that nobody has subscribed to a message: nobody got it, so it is sent again every 250 ms.
   A device that comes back after its broker is found this way.
4. The connection is lost: after it is back the messages are sent once more if doing them twice does no harm.
   A press of a button that was not acknowledged is `unreachable` instead.
5. News that the entity is offline or gone ends a call as `unavailable` or `refused`. What the broker merely
   remembers of its availability does not, since a device returns after its broker.
6. When `confirm_s` have passed since the call, it is `no_answer`, or `unreachable` if the broker is away or
   silent. A lock that reports to be moving has until `MOVING_S`.

Messages carry the rest of the call's time as their expiry: no broker keeps them for a sleeping device.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping

import msgspec

from device.events import ToolCalled, ToolError, ToolResult
from device.home.house import Thing
from device.home.plans import Plan, Publish, Refused, Verdict
from device.home.registry import Call, House, State
from device.home.tools import plan

MOVING_S = 10.0
RESEND_S = 0.25
_NO_SUBSCRIBER = 0x10
_FIRST_FAILURE = 0x80


log = logging.getLogger(__name__)


class _Pending(msgspec.Struct, eq=False):
    called: ToolCalled
    entity: str
    plan: Plan
    began: float
    deadline: float
    unacked: set[int] = set()  # numbers of messages on their way
    acked: bool = False  # the broker has passed all of them on
    unheard: bool = False  # some had no subscriber
    resend_at: float = math.inf


class Calls:
    """`publish(message, expiry_s)` gives a number or None; `result` is called once for every call."""

    def __init__(
        self,
        things: Mapping[str, Thing],
        publish: Callable[[Publish, int], int | None],
        result: Callable[[ToolResult], None],
        confirm_s: float,
    ) -> None:
        self._things, self._publish, self._result = things, publish, result
        self.confirm_s = confirm_s
        self._pending: list[_Pending] = []
        self._connected = False

    def next_due(self) -> float:
        """When `tick` has something to do; infinity when no call is under way."""
        return min((min(call.deadline, call.resend_at) for call in self._pending), default=math.inf)

    def begin(self, called: ToolCalled, now: float) -> None:
        """Carries out a call, or refuses it."""
        name, value = str(called.arguments.get("entity") or ""), called.arguments.get("value")
        call = Call(called.tool, name, value)
        thing = self._things.get(name)
        if not self._connected:
            self._answer(called, "unreachable")
            return
        if thing is None or not House(entities={name: thing.entity}).allows(call):
            self._answer(called, "refused")
            return
        if not thing.state.available:
            self._answer(called, "unavailable", thing.state)
            return
        if call.service == "get":
            self._answer(called, "" if thing.state.value is not None else "no_answer", thing.state)
            return
        try:
            made = plan(thing.component, call, thing.state)
        except Refused as refused:
            log.info("refused a call", extra={"tool": call.service, "entity": name, "reason": str(refused)})
            self._answer(called, "refused", thing.state)
            return
        pending = _Pending(called, name, made, now, now + self.confirm_s)
        self._pending.append(pending)
        self._send(pending, now)

    def acked(self, number: int, code: int, now: float) -> None:
        """Takes the broker's answer to a message."""
        call = next((call for call in self._pending if number in call.unacked), None)
        if call is None:
            return
        call.unacked.discard(number)
        if code >= _FIRST_FAILURE:
            self._finish(call, "refused", now)
            return
        call.unheard |= code == _NO_SUBSCRIBER
        if call.unacked:
            return
        if call.unheard:
            call.resend_at = now + RESEND_S
            return
        call.acked = True
        if call.plan.verdict is None:
            self._finish(call, "", now)
        elif (verdict := call.plan.verdict(self._things[call.entity].state)) is not Verdict.FAILED:
            self._judge(call, verdict, now)

    def changed(self, entity: str, now: float, *, is_news: bool) -> None:
        """Looks at the state of `entity`, or its absence; `is_news` unless the broker only remembers it."""
        thing = self._things.get(entity)
        for call in [call for call in self._pending if call.entity == entity]:
            if thing is None:
                self._finish(call, "refused", now)
            elif not thing.state.available:
                if is_news:
                    self._finish(call, "unavailable", now)
            elif call.plan.verdict is not None and (call.acked or is_news):
                self._judge(call, call.plan.verdict(thing.state), now)

    def connected(self, now: float) -> None:
        """Sends again what was under way when the connection was lost."""
        self._connected = True
        for call in list(self._pending):
            self._send(call, now)

    def disconnected(self, now: float) -> None:
        """Keeps for the next connection what may be done twice, and ends the rest."""
        self._connected = False
        for call in list(self._pending):
            call.resend_at = math.inf
            if not call.plan.idempotent and not call.unheard:
                self._finish(call, "unreachable", now)

    def abandon(self, now: float) -> None:
        """Ends everything that is under way: this house is left."""
        for call in list(self._pending):
            self._finish(call, "unreachable", now)

    def tick(self, now: float) -> None:
        """Ends what took too long and repeats what nobody heard."""
        for call in list(self._pending):
            if now >= call.deadline:
                self._finish(call, self._missed(call), now)
            elif now >= call.resend_at:
                self._send(call, now)

    def _missed(self, call: _Pending) -> ToolError:
        if not (self._connected and (call.acked or call.unheard)):
            return "unreachable"
        return "no_answer" if self._things[call.entity].state.available else "unavailable"

    def _send(self, call: _Pending, now: float) -> None:
        call.resend_at, call.unheard, call.acked = math.inf, False, False
        expiry_s = max(1, math.ceil(call.deadline - now))
        numbers = [self._publish(message, expiry_s) for message in call.plan.messages]
        call.unacked = {number for number in numbers if number is not None}
        if len(call.unacked) < len(numbers) and not call.plan.idempotent:
            self._finish(call, "unreachable", now)

    def _judge(self, call: _Pending, verdict: Verdict, now: float) -> None:
        match verdict:
            case Verdict.YES:
                self._finish(call, "", now)
            case Verdict.FAILED:
                self._finish(call, "refused", now)
            case Verdict.MOVING:
                call.deadline = max(call.deadline, call.began + MOVING_S)

    def _finish(self, call: _Pending, error: ToolError, now: float) -> None:
        self._pending.remove(call)
        thing = self._things.get(call.entity)
        self._answer(call.called, error, thing.state if thing else None, (now - call.began) * 1000)

    def _answer(
        self, called: ToolCalled, error: ToolError, state: State | None = None, took_ms: float = 0.0
    ) -> None:
        self._result(called.result(error, state=state, took_ms=took_ms))

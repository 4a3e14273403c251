"""From a walk along the tree of commands to what becomes of the request. Pure.

At `act` or more the calls are run, from `HANDING` on another agent is called, and from `READ` on is told
what the house knows; from `ask` on they are offered as a question; what the model would rather decline is
never run. Below that nothing is done: when the model would rather have acted or declined than talked, the
house cannot do it; else it is talk. What it would rather decline is offered from `LIKELY` on only, and so is
calling another agent: talk is there for whoever is asked.

`ACT` is where nothing wrong was done any more: of what the default model would have done about 81 wishes that
the parser left open, all 53 at 0.7 and more were right, and of 8 from 0.5 to 0.7 one was not. `READ` is below
the 9 surest of 11 questions about a state that people meant (0.38 and more), and far over what nobody asked
(0.06).
"""

from __future__ import annotations

from typing import Literal

import msgspec

from device.home.persona import AGENT_SERVICES
from device.home.registry import HOUSELESS_SERVICES, Call
from device.reasoning.grammar import Walk

ACT, ASK = 0.7, 0.14
HANDING, READ = 0.5, 0.35
LIKELY = 0.4
READING = frozenset(("get", *HOUSELESS_SERVICES))


class Decision(msgspec.Struct, frozen=True):
    """What the model makes of a request; `calls` are those of "act" and "ask", all allowed by the house."""

    kind: Literal["act", "ask", "talk", "cannot"]
    calls: tuple[Call, ...] = ()
    probability: float = 1.0


def judge(walk: Walk, *, act: float = ACT, ask: float = ASK) -> Decision:
    """The decision a walk amounts to, with the probability of what was decided."""
    calls = tuple(dict.fromkeys(call for command in walk.commands for call in command.calls))
    declines = walk.cannot > walk.act
    if declines or any(call.service in AGENT_SERVICES for call in calls):
        ask = max(ask, LIKELY)
    if calls and walk.probability >= ask:
        is_sure = walk.probability >= min(act, _least(calls)) and not declines
        return Decision("act" if is_sure else "ask", calls, walk.probability)
    if walk.talk >= max(walk.act, walk.cannot):
        return Decision("talk", probability=walk.talk)
    return Decision("cannot", probability=walk.act + walk.cannot)


def _least(calls: tuple[Call, ...]) -> float:
    """From where on calls may be run, whatever `act` says."""
    services = {call.service for call in calls}
    return READ if services <= READING else HANDING if services <= set(AGENT_SERVICES) else 1.0

"""From a walk along the tree of commands to what becomes of the request. Pure.

At `act` or more the calls are run, from `HARMLESS` on those that change nothing in the house; from `ask`
on they are offered as a question; what the model would rather decline is never run. Below that nothing is
done: when the model would rather have acted or declined than talked, the house cannot do it; else it is
talk. What it would rather decline is offered from `LIKELY` on only, and so is calling another agent: talk is
there for whoever is asked.

`ACT` is where nothing wrong was done any more: of what the default model would have done about 81 wishes that
the parser left open, all 53 at 0.7 and more were right, and of 8 from 0.5 to 0.7 one was not.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from device.home.persona import AGENT_SERVICES
from device.home.registry import HOUSELESS_SERVICES, Call
from device.reasoning.grammar import Walk

ACT, ASK = 0.7, 0.14
HARMLESS = 0.5
LIKELY = 0.4
READING = frozenset(("get", *HOUSELESS_SERVICES))
_HARMLESS = READING | frozenset(AGENT_SERVICES)


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
        least = min(act, HARMLESS) if all(call.service in _HARMLESS for call in calls) else act
        is_sure = walk.probability >= least and not declines
        return Decision("act" if is_sure else "ask", calls, walk.probability)
    if walk.talk >= max(walk.act, walk.cannot):
        return Decision("talk", probability=walk.talk)
    return Decision("cannot", probability=walk.act + walk.cannot)

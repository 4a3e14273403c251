"""Who answers for a house, as the language model must know it. Pure data; `device.dialog.agents` fills it.

Two calls are about agents, in the vocabulary of `Call`: `handoff` (entity: the agent that goes on, value: the
request it goes on with, if any) and `consult` (entity: the agent asked behind the scene, value: what).
"""

from __future__ import annotations

from typing import Literal

import msgspec

HANDOFF, CONSULT = "handoff", "consult"
AGENT_SERVICES = frozenset((HANDOFF, CONSULT))


class Other(msgspec.Struct, frozen=True):
    """An agent that may be called, and requests that are for it."""

    id: str
    service: Literal["handoff", "consult"]
    asked_for: tuple[str, ...] = ()


class Persona(msgspec.Struct, frozen=True, kw_only=True):
    """One agent; the default is Wren alone, with everything it can do."""

    id: str = ""
    name: str = ""
    model: str = ""  # the model it thinks with; "": the embedded one
    instructions: str = ""  # "": those of Wren
    examples: tuple[tuple[str, str], ...] = ()  # what was said, what is replied
    others: tuple[Other, ...] = ()
    keeps_house: bool = True  # has tools of the house at all
    tells_time: bool = True
    answer_tokens: int = 0  # of the longest answer; 0: as set
    sentences: int = 2  # of the longest answer

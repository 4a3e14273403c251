"""The words of the conversation's state machine: its limits, inputs, actions and state.

Inputs and actions are events of the bus, and what only the reason daemon knows of.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from device.events import Event, ToolCalled, ToolResult
from device.home.registry import Call

StateName = Literal["idle", "listening", "thinking", "acting", "speaking", "follow_up"]


@dataclass(frozen=True)
class Limits:
    """How long each state may last, in seconds."""

    listening_s: float = 25.0
    filler_s: float = 0.6  # of quiet; then an answer that is not there yet begins with a filler; 0: never
    holding_s: float = 1.5
    shorten_s: float = 4.0  # without the beginning of an answer, a shorter prompt is tried
    thinking_s: float = 8.0
    confirming_s: float = 3.0  # then the person is told that it takes longer
    acting_s: float = 12.0  # locks take their time
    consulting_s: float = 40.0  # another agent thinks, and the person was told so
    silence_s: float = 5.0  # a spoken reply that nobody hears begin
    speaking_s: float = 60.0
    follow_up_s: float = 5.0
    minimum_confidence: float = 0.35
    always_follow_up: bool = False  # not only after a question


# --- inputs that are not events of the bus ---------------------------------------------------------------


@dataclass(frozen=True)
class Act:
    """The request is a set of calls to the house."""

    turn: int
    calls: tuple[Call, ...]
    meanwhile: str = ""  # what to say at once, where the results will be long in coming


@dataclass(frozen=True)
class Say:
    """The whole answer is known; `proposal` are the calls that a following "yes" would run."""

    turn: int
    text: str
    expects_answer: bool = False
    proposal: tuple[Call, ...] = ()


@dataclass(frozen=True)
class Clause:
    """One piece of an answer that is being made."""

    turn: int
    text: str
    last: bool


@dataclass(frozen=True)
class GoOn:
    """All calls of the turn have ended; another agent decides now what `text` asks for."""

    turn: int
    text: str


@dataclass(frozen=True)
class Begun:
    """The answer to the request is being made: its first token is there."""

    turn: int


@dataclass(frozen=True)
class Talks:
    """What is being made is talk; `filler` may be said until it is there."""

    turn: int
    filler: str


@dataclass(frozen=True)
class Close:
    """The person wants nothing more, no answer either."""

    turn: int


@dataclass(frozen=True)
class Tick:
    """Time has passed."""


@dataclass(frozen=True)
class Recovered:
    """The machine before this one died in `turn` while it was not idle."""

    turn: int


Input = Event | Act | Say | Clause | Begun | Talks | GoOn | Close | Tick | Recovered


# --- actions that are not events of the bus --------------------------------------------------------------


@dataclass(frozen=True)
class Think:
    """Decide what `text` asks for; the answer comes back as Act, Say, Clauses or Close of the same turn.

    `proposal`: the calls that a "yes" runs; `follows`: said in answer to Wren, not after a wake word.
    """

    turn: int
    text: str
    proposal: tuple[Call, ...] = ()
    follows: bool = False


@dataclass(frozen=True)
class Shorten:
    """Nothing of an answer is there yet: drop that attempt and think again behind a shorter prompt."""

    turn: int
    text: str


@dataclass(frozen=True)
class Speculate:
    """`text` will probably be thought about, or (not `whole`) begins so: prepare, change nothing.

    `readings`: how the same sound may be read, likeliest first.
    """

    turn: int
    text: str
    whole: bool
    proposal: tuple[Call, ...] = ()
    follows: bool = False
    readings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """All calls of the turn have ended: tell the person, as a Say of the same turn."""

    turn: int
    outcomes: tuple[ToolResult, ...]


Action = Event | Think | Shorten | Speculate | Report


@dataclass(frozen=True)
class Dialog:
    """One session's conversation."""

    state: StateName = "idle"
    turn: int = 0
    since_s: float = 0.0
    deadline_s: float | None = None
    quiet_since_s: float | None = None  # the request; None: it was not spoken
    filler: str = ""
    filler_due_s: float | None = None
    holding_due_s: float | None = None
    shorten_due_s: float | None = None
    calls: tuple[ToolCalled, ...] = ()
    outcomes: tuple[ToolResult, ...] = ()
    called_before: int = 0  # calls of this turn whose report is over
    request: str = ""  # what is being answered
    said: tuple[str, ...] = ()  # clauses given out
    heard: str = ""  # what of them has left the loudspeaker
    sounds: bool = False  # it can be heard
    complete: bool = False  # the last clause of the reply was said
    expects_answer: bool = False
    proposal: tuple[Call, ...] = ()
    asked_again: bool = False
    follows: bool = False  # begun without a wake word, after or into an answer
    unasked: bool = False  # begun after an answer that was no question
    interrupted: Dialog | None = None  # what a barge-in has cut off
    limits: Limits = field(default_factory=Limits)

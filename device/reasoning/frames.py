"""What a clause comes to: acts and values that are wanted, of which things. One frame per clause."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field

from device.reasoning.names import Found


@dataclass(slots=True)
class Target:
    """Things meant: by whole name (`found`), or by some of `noun`, `area` and yet unmatched `words`."""

    start: int
    end: int
    found: tuple[Found, ...] = ()
    noun: str = ""
    spoken_noun: str = ""
    area: str = ""
    words: list[int] = field(default_factory=list)
    every: bool = False
    likeness: float = 1.0  # how well its area was heard


@dataclass(slots=True)
class Value:
    """A value asked for: `kind` is percent, degrees, kelvin, number, factor, color or white.

    `relative` when it is a difference; `name` is the colour, or what a factor multiplies.
    """

    kind: str
    amount: float = 0.0
    name: str = ""
    relative: bool = False
    is_level: bool = False  # a word, not a number
    is_loose: bool = False  # not led to by "to" or "at"
    is_switching: bool = False  # led to by "on", which may mean no more than that
    is_epithet: bool = False  # stands before the thing ("the blue light")


@dataclass(slots=True)
class Frame:
    """One clause. `mood`: "do" is wished, "ask" is asked, "tell" is merely told. Places are word numbers."""

    mood: str
    start: int = 0
    # what is wanted
    acts: set[str] = field(default_factory=set)
    verbs: int = 0
    is_begun: bool = (
        False  # begins with what somebody is doing, or is to ("turning off the lights", "to turn …")
    )
    is_irregular: bool = False  # one of its participles sounds unlike its verb ("left")
    participles: int = 0  # of the verbs, those that say how a thing is ("locked")
    acts_from: int = -1  # where the first verb or act is, -1 when there is none
    values: list[Value] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    attributes: list[str] = field(default_factory=list)
    attributes_from: int = sys.maxsize  # where the first of them is
    complaint: str = ""
    states: list[str] = field(default_factory=list)
    is_condition: bool = False  # they only tell how a thing is ("running"), and demand nothing
    senses: list[tuple[str, bool]] = field(default_factory=list)  # class of sensor; whether only that is said
    activities: list[str] = field(default_factory=list)
    houseless: str = ""
    is_mentioned: bool = False  # its houseless word stands among others
    not_yet: str = ""
    count: int = 0  # of how many things, 0 when that is not said
    # of what
    targets: list[Target] = field(default_factory=list)
    excluded: list[Target] = field(default_factory=list)
    unknown: list[int] = field(default_factory=list)
    options: list[int] = field(default_factory=list)  # places of words that may name an option
    # and how it is said
    guard: str = ""
    has_pronoun: bool = False
    has_subject: bool = False
    is_ours: bool = False  # says "it" or "I"
    is_theirs: bool = False  # says "she" or "you"
    is_wished: bool = False  # says "I need", "I want"
    is_shut: bool = False  # says "shut", not "close"
    is_demanded: bool = False  # says "make sure", "can", or a wish
    is_leave_asked: bool = False  # says "is it okay to"
    is_unwanted: bool = False  # says "I do not need"
    is_bare: bool = False  # its complaint needs a subject
    is_lack: bool = False  # its complaint says what is lacking ("some light")
    is_sought: bool = False  # what would be a complaint is wished for ("make it dark")
    is_slight: bool = False
    is_reason: bool = False  # says "because"
    is_open_question: bool = False  # asks what or which
    is_sensed: bool = False  # says "detected"
    is_scene: bool = False  # names a scene or a button and nothing else

    @property
    def has_goal(self) -> bool:
        """Whether it says what shall become of its things."""
        return bool(
            self.acts
            or self.values
            or self.steps
            or self.states
            or self.complaint
            or self.activities
            or self.is_scene
        )

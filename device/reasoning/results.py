"""What understanding a sentence may come to. Exactly one of these; only `Understood` leads to calls."""

from __future__ import annotations

from typing import Literal

import msgspec

from device.home.registry import Call

Why = Literal[
    "unknown_device",
    "cannot",
    "not_yet",
    "out_of_range",
    "beyond",
    "not_undone",
    "nothing_done",
    "left_alone",
    "still_unclear",
]


class Understood(msgspec.Struct, frozen=True):
    """Calls the house allows, as they were said; `confidence` 0 to 1; `route` says who found them.

    After a correction `takes_back` are the calls, to be made first, that undo what was done wrongly.
    """

    calls: tuple[Call, ...]
    confidence: float = 1.0
    route: str = "parser"
    takes_back: tuple[Call, ...] = ()


class AskBack(msgspec.Struct, frozen=True):
    """A question to the person; each candidate is a whole set of calls, described by the name beside it.

    Whichever is chosen, `takes_back` are made before it.
    """

    question: str
    names: tuple[str, ...] = ()
    candidates: tuple[tuple[Call, ...], ...] = ()
    takes_back: tuple[Call, ...] = ()


class NotPossible(msgspec.Struct, frozen=True):
    """A command that this house cannot follow: `noun` is what was named, `why` what is wrong with it."""

    noun: str
    why: Why = "unknown_device"


class NotUnderstood(msgspec.Struct, frozen=True):
    """No command that is known. With a `guard` (negation, past, question, …) nobody may act on it.

    A statement that `implies` a wish ("I'm shivering in the bedroom") may be answered with a question.
    """

    guard: str = ""
    implies: bool = False


Result = Understood | AskBack | NotPossible | NotUnderstood


class Stop(Exception):  # noqa: N818
    """Understanding a sentence ends here with `result` instead of calls."""

    def __init__(self, result: Result) -> None:
        super().__init__(result)
        self.result = result

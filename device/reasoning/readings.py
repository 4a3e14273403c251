"""Which of several readings of the same sound was meant: the likeliest that makes sense in this house. Pure.

A recogniser does not know what can be asked of a house; whoever does can tell "Is the front door locked?"
from "This is the front door lock.", though the sound is nearer to the second. The first reading stays when
it makes sense itself, or when none does. What a guard keeps from acting (it is told, not asked for) may turn
out to be a question, but never a command.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from device.reasoning.router import AskModel, Perform, Route, Speak


def sensible(text: str, others: Iterable[str], find: Callable[[str], Route]) -> str:
    """`text` or one of the `others`; `find` tells what would be done about a text."""
    first = find(text)
    if makes_sense(first):
        return text
    is_told = isinstance(first, AskModel) and not first.may_act
    for other in others:
        found = find(other)
        if makes_sense(found) and not (is_told and isinstance(found, Perform)):
            return other
    return text


def makes_sense(found: Route) -> bool:
    """Whether something would be done or answered, and not only refused or asked back."""
    is_answer = isinstance(found, Speak) and (bool(found.calls) or found.route in ("tools", "confirmed"))
    return isinstance(found, Perform) or is_answer

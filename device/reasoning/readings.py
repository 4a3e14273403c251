"""Which of several readings of the same sound was meant: the likeliest that makes sense in this house. Pure.

A recogniser does not know what can be asked of a house; whoever does can tell "Is the front door locked?"
from "This is the front door lock.", though the sound is nearer to the second. The first text stays when
it makes sense itself, or when no reading does: work for it has begun. A request that this house cannot
fulfil makes more sense than none. What a guard keeps from acting in the likeliest reading (it is told, not
asked for) may turn out to be a question, but never a command.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from device.reasoning.router import AskModel, Perform, Route, Speak


def sensible(text: str, readings: Sequence[str], find: Callable[[str], Route]) -> str:
    """`text` or one of the `readings`, likeliest first; `find` tells what would be done about a text."""
    first = find(text)
    if not readings or makes_sense(first):
        return text
    is_told = False
    impossible = [text] if isinstance(first, Speak) else []
    for rank, reading in enumerate(readings):
        found = first if reading == text else find(reading)
        if rank == 0:
            is_told = isinstance(found, AskModel) and not found.may_act
        if makes_sense(found) and not (is_told and isinstance(found, Perform)):
            return reading
        if isinstance(found, Speak) and not found.calls:
            impossible.append(reading)
    return impossible[0] if impossible else text


def makes_sense(found: Route) -> bool:
    """Whether something would be done or answered, and not only refused or asked back."""
    is_answer = isinstance(found, Speak) and (bool(found.calls) or found.route in ("tools", "confirmed"))
    return isinstance(found, Perform) or is_answer

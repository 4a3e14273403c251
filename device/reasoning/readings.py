"""Which of several readings of the same sound was meant: the likeliest that makes sense in this house. Pure.

A recogniser does not know what can be asked of a house; whoever does can tell "Is the front door locked?"
from "This is the front door lock.", though the sound is nearer to the second. The first text stays when
it makes sense itself, or when no reading does: work for it has begun. A request that this house cannot
fulfil makes more sense than none. What a guard keeps from acting in the likeliest reading (it is told, not
asked for) may turn out to be a question, but never a command.

Where the language model does not take the first text for whole either, the likeliest reading is talked about
instead, if it is talk: "How far away is the moon?", not "Half-hour away is the moon."
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from device.reasoning.router import AskModel, Perform, Route, Speak
from device.reasoning.talk import Manner


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


def rather_said(
    text: str, readings: Sequence[str], find: Callable[[str], Route], how: Callable[[str], Manner]
) -> str:
    """The likeliest reading of a `text` that nobody makes sense of, if it is talk; else `text`.

    `how` tells the manner of a text. What may not act by its first text may not by another.
    """
    likeliest = readings[0] if readings else text
    known, found = find(text), find(likeliest)
    if not (isinstance(known, AskModel) and isinstance(found, AskModel)):
        return text
    return likeliest if how(likeliest) != "commands" and found.may_act <= known.may_act else text


def makes_sense(found: Route) -> bool:
    """Whether something would be done or answered, and not only refused or asked back."""
    is_answer = isinstance(found, Speak) and (bool(found.calls) or found.route in ("tools", "confirmed"))
    return isinstance(found, Perform) or is_answer

"""Questions that say which of several things, or which of two ways, may be meant. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from device.home.registry import Call, House
from device.reasoning.goals import Goal, call_for
from device.reasoning.replies import WHICH_ROOM
from device.reasoning.results import AskBack
from device.reasoning.spoken import distinct_name, listed, the_name

MOST_CHOICES = 4  # that are named in a question
NO_ROOM = AskBack(WHICH_ROOM)  # what each room would lead to is not known yet
_WAYS = ("on", "off", "open", "close", "lock", "unlock")


def which_one(entities: Sequence[str], goal: Goal, house: House) -> AskBack:
    """The question which of `entities` is meant, each with the call it would lead to."""
    things = [house.entities[e] for e in entities]
    names = tuple(distinct_name(thing, things, house) for thing in things)
    calls = tuple((call,) for thing in things if (call := call_for(goal, thing, house)))
    if len(names) == 1:
        return AskBack(f"Did you mean {names[0]}?", names, calls)
    if not names or len(names) > MOST_CHOICES:
        return AskBack("Which one do you mean?", names, calls)
    return AskBack(f"Which one: {listed(names, 'or')}?", names, calls)


def which_room(calls: Mapping[str, tuple[Call, ...]], house: House) -> AskBack:
    """The question in which of these areas, each with the calls that it would lead to."""
    names = tuple(f"the {house.areas[area].lower()}" for area in calls)
    question = f"In {names[0]}?" if len(names) == 1 else WHICH_ROOM
    if 1 < len(names) <= MOST_CHOICES:
        question = f"{WHICH_ROOM.rstrip('?')}: {listed(names, 'or')}?"
    return AskBack(question, names, tuple(calls.values()))


def which_way(entity: str, house: House) -> AskBack:
    """The question what to do with a thing to be toggled whose state is not known."""
    thing = house.entities[entity]
    calls = {way: call for way in _WAYS if (call := call_for(Goal(way), thing, house))}
    ways = [way for way in calls if way in ("on", "off")] or list(calls)
    is_switched = ways[:1] == ["on"]
    spoken = f"{' or '.join(ways)} {the_name(thing)}"
    spoken = f"switch {the_name(thing)} {' or '.join(ways)}" if is_switched else spoken
    return AskBack(f"Shall I {spoken}?", tuple(ways), tuple((calls[way],) for way in ways))

"""What was done before, so that "it", "the hallway too", "a bit more" and "undo that" have a meaning. Pure.

`Context` holds the calls of the last request that came to something, each with the state its entity had
before. Whoever keeps it forgets it after a while: an empty context gives a sentence no past.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from device.home.registry import Call, Entity, House, State
from device.reasoning.goals import Goal, call_for, in_range, whole
from device.reasoning.replies import shall_i
from device.reasoning.results import AskBack, NotPossible, NotUnderstood, Result, Understood

_ROUTE = "context"
_OPPOSITES = {
    "+": "-",
    "-": "+",
    "turn_on": "turn_off",
    "turn_off": "turn_on",
    "lock": "unlock",
    "unlock": "lock",
}
_ENTRANCES = ("garage", "gate", "door")
_STEPPED = {  # what a set value is of, and the field of the state that tells how it was
    "brightness": ("brightness", "brightness"),
    "speed": ("speed", "speed"),
    "temperature": ("temperature", "target"),
    "position": ("", "position"),
    "color_temperature": ("temperature", "kelvin"),
}


class Done(msgspec.Struct, frozen=True):
    """A call that was carried out or answered, and how its entity was before."""

    call: Call
    before: State = State()


class Choice(msgspec.Struct, frozen=True):
    """One of several that a question offered: what it is called, and the calls that choosing it runs."""

    name: str
    calls: tuple[Call, ...]


class Context(msgspec.Struct, frozen=True):
    """The last request: `last` are its calls in the order in which they were made.

    `offered` is what the last question, if it belongs to that request, let the person choose from; while
    `is_asked` it waits for an answer, which runs `takes_back` and what was chosen. `times` counts how often
    it was asked, `question` is how at first.
    """

    last: tuple[Done, ...] = ()
    offered: tuple[Choice, ...] = ()
    is_asked: bool = False
    takes_back: tuple[Call, ...] = ()
    times: int = 0
    question: str = ""

    @property
    def entities(self) -> list[str]:
        """What was spoken of."""
        return list(dict.fromkeys(done.call.entity for done in self.last if done.call.entity))

    def answered(self) -> Context:
        """The same when the question waits for no answer any more."""
        return msgspec.structs.replace(self, is_asked=False)

    @property
    def is_question(self) -> bool:
        """Whether the house was only asked."""
        return all(done.call.service == "get" for done in self.last)


def remember(calls: Iterable[Call], house: House) -> Context:
    """The context of a request with these calls, from the house as it is before they are carried out."""
    return Context(tuple(Done(call, house.states.get(call.entity, State())) for call in calls))


def asked(question: AskBack, before: Context) -> Context:
    """The context of a question that was just put; what was done before it may still be corrected."""
    pairs = zip(question.names, question.candidates, strict=False)
    offered = tuple(Choice(name, calls) for name, calls in pairs)
    is_again = before.is_asked and offered == before.offered
    times, text = (before.times + 1, before.question) if is_again else (1, question.question)
    return Context(before.last, offered, bool(offered), question.takes_back, times, text)


def taking_back(context: Context, calls: Iterable[Call], house: House) -> tuple[Call, ...]:
    """The calls that undo the last request, as far as that can be done and `calls` do not do it themselves.

    Nothing is opened or unlocked by the way.
    """
    kept = {call.entity for call in calls}
    result: list[Call] = []
    for done in reversed(context.last):
        entity = house.entities.get(done.call.entity)
        if entity is None or entity.id in kept or done.call.service == "get":
            continue
        back = _back(done, entity)
        if back is not None and back != done.call and in_range(back, house) and not _opens(back, house):
            result = [call for call in result if call.entity != entity.id]
            result.append(back)
    return tuple(result)


def go_on(way: str, context: Context, house: House) -> Result:
    """The same again ("more"), the other way ("less"), or back to how it was ("undo")."""
    known = [
        done for done in context.last if done.call.entity in house.entities and done.call.service != "get"
    ]
    if not known:
        return NotPossible("", "nothing_done") if way == "undo" else NotUnderstood()
    return _undone(known, house) if way == "undo" else _more(known, house, is_less=way == "less")


def goals_of(context: Context) -> list[Goal]:
    """What was wanted, to be wanted of other things as well; empty where that cannot be said again."""
    goals = [_goal(done.call) for done in context.last]
    return list(dict.fromkeys(goal for goal in goals if goal is not None))


def _goal(call: Call) -> Goal | None:
    value = call.value
    match call.service:
        case "turn_on" | "turn_off":
            return Goal(call.service.removeprefix("turn_"))
        case "lock" | "unlock" | "stop":
            return Goal(call.service)
        case "brightness" | "speed" if isinstance(value, int | float):
            return Goal("percent", call.service, value=value)
        case "temperature" if isinstance(value, int | float):
            return Goal("degrees", value=value)
        case "color_temperature" if isinstance(value, int | float):
            return Goal("kelvin", value=value)
        case "position" if value in (0, 100):
            return Goal("open" if value else "close")
        case "position" if isinstance(value, int | float):
            return Goal("percent", value=value)
        case "brightness_step" | "temperature_step":
            return Goal("step", call.service.removesuffix("_step"), str(value))
        case "color":
            return Goal("color", name=str(value))
        case "mode" | "option":
            return Goal("option", name=str(value))
        case _:
            return None


def _more(known: list[Done], house: House, *, is_less: bool) -> Result:
    calls = [_once_more(done, house, is_less=is_less) for done in known]
    found = tuple(call for call in calls if call is not None and in_range(call, house))
    if len(found) < len(calls):
        return NotUnderstood()
    return Understood(tuple(dict.fromkeys(found)), route=_ROUTE)


def _once_more(done: Done, house: House, *, is_less: bool) -> Call | None:
    call, entity = done.call, house.entities[done.call.entity]
    if call.service == "press":
        return None if is_less else call
    if call.service in _STEPPED:
        of, field = _STEPPED[call.service]
        before = getattr(done.before, field)
        if before is None or not isinstance(call.value, int | float) or before == call.value:
            return None
        is_up = call.value > before
        sign = (
            "+" if is_up != (call.service == "color_temperature") else "-"
        )  # a warmer white has fewer kelvin
    elif call.service in ("brightness_step", "temperature_step"):
        of, sign = call.service.removesuffix("_step"), str(call.value)
    elif call.service == "turn_on" and entity.domain == "light":
        of, sign = "brightness", "+"
    else:
        return None
    return call_for(Goal("step", of, _OPPOSITES[sign] if is_less else sign, slight=True), entity, house)


def _undone(known: list[Done], house: House) -> Result:
    calls: list[Call] = []
    for done in reversed(known):
        entity = house.entities[done.call.entity]
        if any(call.entity == entity.id for call in calls):
            calls = [
                call for call in calls if call.entity != entity.id
            ]  # the state before the first call counts
        back = _back(done, entity)
        if back is None or not in_range(back, house):
            return NotPossible(entity.name, "not_undone")
        calls.append(back)
    if any(_opens(call, house) for call in calls):
        return AskBack(shall_i(calls, house), ("yes",), (tuple(calls),))
    return Understood(tuple(calls), route=_ROUTE)


def _opens(call: Call, house: House) -> bool:
    """Whether the call opens what must not open by mistake."""
    is_entrance = house.entities[call.entity].device_class in _ENTRANCES
    return call.service == "unlock" or (call.service == "position" and call.value != 0 and is_entrance)


def _back(done: Done, entity: Entity) -> Call | None:
    """The call that restores the state before, or does the opposite where that is not known."""
    call, before = done.call, done.before
    name, value = entity.id, before.value
    match entity.domain:
        case "light" if value == "off" or (value is None and call.service == "turn_on"):
            return Call("turn_off", name)
        case "light" if call.service == "color_temperature" or call.service == "color":
            if before.kelvin is not None and "color_temp" in entity.features:
                return Call("color_temperature", name, before.kelvin)
            return Call("color", name, before.color) if before.color else None
        case "light" if before.brightness is not None and "dim" in entity.features:
            return Call("brightness", name, before.brightness)
        case "fan" if value == "on" and before.speed is not None and "speed" in entity.features:
            return Call("speed", name, before.speed)
        case "climate" if call.service in ("temperature", "temperature_step") and before.target is not None:
            return Call("temperature", name, whole(before.target))
        case "climate" if call.service in ("mode", "turn_on", "turn_off") and value in entity.options:
            return Call("mode", name, value)
        case "light" | "switch" | "fan" | "climate" if value in ("on", "off"):
            return Call(f"turn_{value}", name)
        case "cover" if before.position is not None:
            return Call("position", name, before.position)
        case "cover" if value in ("open", "closed"):
            return Call("position", name, 100 if value == "open" else 0)
        case "lock" if value in ("locked", "unlocked"):
            return Call("lock" if value == "locked" else "unlock", name)
        case "number" if isinstance(value, int | float):
            return Call("set_value", name, value)
        case "select" if value in entity.options:
            return Call("option", name, value)
        case _:
            return _opposite(call)


def _opposite(call: Call) -> Call | None:
    if call.service in _OPPOSITES:
        return Call(_OPPOSITES[call.service], call.entity)
    if call.service in ("brightness_step", "temperature_step"):
        return Call(call.service, call.entity, _OPPOSITES[str(call.value)])
    if call.service == "position" and call.value in (0, 100):
        return Call("position", call.entity, 100 - int(call.value))
    return None

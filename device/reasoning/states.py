"""How the things of the house are, as one says it: answers from the states last reported. Pure. English."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from device.home.registry import Call, Entity, House, State
from device.reasoning.spoken import (
    calendar_day,
    clock,
    degrees,
    heated,
    is_plural,
    listed,
    opening,
    option,
    plain,
    sentence,
    the_name,
    with_unit,
)

_PAIRS = {
    "door": ("open", "closed"),
    "garage_door": ("open", "closed"),
    "window": ("open", "closed"),
    "opening": ("open", "closed"),
    "lock": ("unlocked", "locked"),
    "moisture": ("wet", "dry"),
    "battery": ("low", "all right"),
    "connectivity": ("connected", "disconnected"),
    "plug": ("plugged in", "unplugged"),
    "presence": ("home", "away"),
    "running": ("running", "not running"),
    "problem": ("reporting a problem", "all right"),
    "safety": ("unsafe", "safe"),
    "cold": ("cold", "not cold"),
    "heat": ("hot", "not hot"),
}
_DETECTED = {
    "motion": "motion",
    "occupancy": "somebody",
    "smoke": "smoke",
    "gas": "gas",
    "carbon_monoxide": "carbon monoxide",
    "sound": "sound",
    "vibration": "vibration",
    "light": "light",
}


def answers(calls: Sequence[Call], house: House, now: datetime | None = None) -> str:
    """The answer to questions, from the states last reported and the local time `now` (None: this moment)."""
    moment = now or datetime.now().astimezone()
    sentences = [
        f"It is {clock(moment)}." if call.service == "time" else f"It is {calendar_day(moment)}."
        for call in calls
        if call.service in ("time", "date")
    ]
    asked = [
        house.entities[call.entity]
        for call in calls
        if call.service == "get" and call.entity in house.entities
    ]
    if len(asked) > 3:
        return " ".join([*sentences, _summary(asked, house)])
    return " ".join([*sentences, *(answer(entity, house) for entity in asked)])


def answer(entity: Entity, house: House) -> str:
    """How one thing is."""
    state = house.states.get(entity.id, State())
    who, be = the_name(entity), "are" if is_plural(entity.name) else "is"
    if not state.available:
        return sentence(f"{who} {be} not available")
    if entity.domain == "climate":
        return _climate(entity, state, house)
    if state.value is None and state.position is None:
        return sentence(f"I do not know yet how {who} {be}")
    match entity.domain:
        case "sensor":
            return _measurement(entity, state, house)
        case "binary_sensor" if entity.device_class in _DETECTED:
            seen = _DETECTED[entity.device_class]
            place = _place(entity, house)
            return sentence(
                f"there is {seen}{place}" if state.value == "on" else f"there is no {_nobody(seen)}{place}"
            )
        case "cover":
            return sentence(f"{who} {be} {_cover(state)}")
        case "number":
            return sentence(f"{who} {be} set to {with_unit(state.value, entity.unit)}")
        case "select":
            return sentence(f"{who} {be} set to {option(state.value)}")
        case _:
            return sentence(f"{who} {be} {_condition(entity, state)}")


def _nobody(seen: str) -> str:
    return "body" if seen == "somebody" else seen


def _condition(entity: Entity, state: State) -> str:
    """How it is, as "on, at 40 percent", "closed" or "locked"."""
    if entity.domain == "binary_sensor" and state.value in ("on", "off"):
        positive, negative = _PAIRS.get(entity.device_class, ("on", "off"))
        return positive if state.value == "on" else negative
    if entity.domain == "cover":
        return _cover(state)
    level = state.brightness if entity.domain == "light" else state.speed if entity.domain == "fan" else None
    color = f" and {state.color}" if state.color and entity.domain == "light" else ""
    if state.value == "on" and (level is not None or color):
        return f"on{color}" + (f", at {level} percent" if level is not None else "")
    return option(state.value)


def _cover(state: State) -> str:
    if state.value in ("opening", "closing"):
        return str(state.value)
    if state.position is not None:
        return opening(state.position)
    return option(state.value)


def _climate(entity: Entity, state: State, house: House) -> str:
    who = heated(entity, house)
    if state.value == "off":
        now = f", and it is {degrees(state.current)} now" if state.current is not None else ""
        return sentence(
            f"the heating in {who} is off{now}" if who != the_name(entity) else f"{who} is off{now}"
        )
    if state.target is not None and state.current is not None:
        return sentence(f"{who} is set to {degrees(state.target)}, and it is {degrees(state.current)} now")
    if state.target is not None:
        return sentence(f"{who} is set to {degrees(state.target)}")
    if state.current is not None:
        return sentence(
            f"it is {degrees(state.current)} in {who}"
            if who != the_name(entity)
            else f"it is {degrees(state.current)}"
        )
    return sentence(f"I do not know yet how warm {who} is")


def _measurement(entity: Entity, state: State, house: House) -> str:
    reading = with_unit(state.value, entity.unit)
    if entity.device_class == "temperature" or entity.unit == "°C":
        words = plain(entity.name).split()
        is_outside = bool({"outside", "outdoor", "outdoors"} & set(words))
        is_of_room = set(words) <= {"temperature", *house.areas.get(entity.area, "").lower().split()}
        if is_outside or is_of_room:
            return sentence(f"it is {reading}{' outside' if is_outside else _place(entity, house)}")
    return sentence(f"{the_name(entity)} is {reading}")


def _place(entity: Entity, house: House) -> str:
    area = house.areas.get(entity.area)
    return f" in the {area.lower()}" if area else ""


def _summary(asked: Sequence[Entity], house: House) -> str:
    """Many things at once: those that are otherwise than the most, by name if they are few."""
    conditions: dict[str, list[Entity]] = {}
    for entity in asked:
        state = house.states.get(entity.id, State())
        known = state.available and (state.value is not None or state.position is not None)
        short = _condition(entity, state).split(",")[0].split(" and ")[0] if known else "unknown"
        conditions.setdefault(short, []).append(entity)
    if len(conditions) == 1:
        condition = next(iter(conditions))
        return sentence(
            f"I do not know about any of the {len(asked)}"
            if condition == "unknown"
            else f"all {len(asked)} are {condition}"
        )
    unknown = conditions.pop("unknown", [])
    parts = []
    for condition, entities in sorted(conditions.items(), key=lambda item: len(item[1])):
        who = listed([the_name(entity) for entity in entities]) if len(entities) <= 3 else str(len(entities))
        be = "is" if len(entities) == 1 and not is_plural(entities[0].name) else "are"
        parts.append(f"{who} {be} {condition}")
    rest = f" I do not know about {len(unknown)} of them." if unknown else ""
    return f"{sentence(listed(parts))}{rest}"

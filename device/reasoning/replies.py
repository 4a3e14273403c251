"""What Wren says: short sentences from templates, pure and speakable. English.

Confirmations are made from calls that the house has confirmed, answers from the states it last reported.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from device.events import ToolResult
from device.home.registry import TOOL_SERVICE, Call, Entity, House, State
from device.reasoning.results import NotPossible
from device.reasoning.spoken import (
    calendar_day,
    clock,
    degrees,
    is_plural,
    listed,
    plain,
    subject,
    the_name,
    with_unit,
)

NOT_UNDERSTOOD = "Sorry, I did not understand that."
CANNOT_THINK = "Sorry, I cannot think about that at the moment. Lights, timers and the like still work."
WHICH_ROOM = "In which room?"
AGAIN = "Sorry, I did not catch that. {question}"
LEFT_ALONE = "All right, I leave it."
CANNOT = "Nothing in this house can do that."
UNREACHABLE = "The house cannot be reached at the moment."

_READING = ("get", "time", "date")
_NOT_YET = {
    "timer": "do that with timers",
    "alarm": "do that with alarms",
    "reminder": "do that with reminders",
    "volume": "change that volume",
}
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


def confirm(calls: Sequence[Call], house: House) -> str:
    """That `calls` have come true: things of one fate share a sentence."""
    fates: dict[str, list[Entity]] = {}
    for call in calls:
        entity = house.entities.get(call.entity)
        if entity and call.service not in _READING:
            fates.setdefault(_fate(call, entity, house), []).append(entity)
    sentences = []
    for fate, entities in fates.items():
        who, plural = subject(entities, house)
        sentences.append(
            _sentence(fate.format(who=who, be="are" if plural else "is", have="have" if plural else "has"))
        )
    return " ".join(sentences)


def _fate(call: Call, entity: Entity, house: House) -> str:
    value = call.value
    match call.service:
        case "turn_on" | "turn_off":
            return "{who} {be} " + call.service.removeprefix("turn_")
        case "lock" | "unlock":
            return "{who} {be} " + call.service + "ed"
        case "brightness" | "speed":
            return f"{{who}} {{be}} at {with_unit(value, '%')}"
        case "brightness_step":
            return "{who} {be} " + ("brighter" if value == "+" else "dimmer")
        case "color":
            return f"{{who}} {{be}} {value}"
        case "color_temperature":
            return f"{{who}} {{be}} at {with_unit(value, 'K')}"
        case "temperature":
            return f"{_heated(entity, house)} is set to {with_unit(value, '°C')}"
        case "temperature_step":
            target = house.states.get(entity.id, State()).target
            higher = "warmer" if value == "+" else "cooler"
            return (
                f"{_heated(entity, house)} is set {f'to {degrees(target)}' if target is not None else higher}"
            )
        case "mode" | "option":
            return f"{{who}} {{be}} set to {_option(value)}"
        case "position":
            return "{who} {be} " + _opening(value)
        case "stop":
            return "{who} {have} stopped"
        case "set_value":
            return f"{{who}} {{be}} set to {with_unit(value, entity.unit)}"
        case "scene":
            return "{who} {be} on"
        case _:
            return "I pressed {who}"


def _opening(position: object) -> str:
    if position in (0, 100):
        return "open" if position else "closed"
    return f"{position} percent open"


def _option(value: object) -> str:
    return str(value).replace("_", " ").lower()


def _heated(entity: Entity, house: House) -> str:
    """The room, where the thermostat is the only one there, else the thermostat."""
    rivals = [e for e in house.entities.values() if e.domain == "climate" and e.area == entity.area]
    area = house.areas.get(entity.area)
    return f"the {area.lower()}" if area and len(rivals) == 1 else the_name(entity)


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
        return _sentence(f"{who} {be} not available")
    if entity.domain == "climate":
        return _climate(entity, state, house)
    if state.value is None and state.position is None:
        return _sentence(f"I do not know yet how {who} {be}")
    match entity.domain:
        case "sensor":
            return _measurement(entity, state, house)
        case "binary_sensor" if entity.device_class in _DETECTED:
            seen = _DETECTED[entity.device_class]
            place = _place(entity, house)
            return _sentence(
                f"there is {seen}{place}" if state.value == "on" else f"there is no {_nobody(seen)}{place}"
            )
        case "cover":
            return _sentence(f"{who} {be} {_cover(state)}")
        case "number":
            return _sentence(f"{who} {be} set to {with_unit(state.value, entity.unit)}")
        case "select":
            return _sentence(f"{who} {be} set to {_option(state.value)}")
        case _:
            return _sentence(f"{who} {be} {_condition(entity, state)}")


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
    return _option(state.value)


def _cover(state: State) -> str:
    if state.value in ("opening", "closing"):
        return str(state.value)
    if state.position is not None:
        return _opening(state.position)
    return _option(state.value)


def _climate(entity: Entity, state: State, house: House) -> str:
    who = _heated(entity, house)
    if state.value == "off":
        now = f", and it is {degrees(state.current)} now" if state.current is not None else ""
        return _sentence(
            f"the heating in {who} is off{now}" if who != the_name(entity) else f"{who} is off{now}"
        )
    if state.target is not None and state.current is not None:
        return _sentence(f"{who} is set to {degrees(state.target)}, and it is {degrees(state.current)} now")
    if state.target is not None:
        return _sentence(f"{who} is set to {degrees(state.target)}")
    if state.current is not None:
        return _sentence(
            f"it is {degrees(state.current)} in {who}"
            if who != the_name(entity)
            else f"it is {degrees(state.current)}"
        )
    return _sentence(f"I do not know yet how warm {who} is")


def _measurement(entity: Entity, state: State, house: House) -> str:
    reading = with_unit(state.value, entity.unit)
    if entity.device_class == "temperature" or entity.unit == "°C":
        words = plain(entity.name).split()
        is_outside = bool({"outside", "outdoor", "outdoors"} & set(words))
        is_of_room = set(words) <= {"temperature", *house.areas.get(entity.area, "").lower().split()}
        if is_outside or is_of_room:
            return _sentence(f"it is {reading}{' outside' if is_outside else _place(entity, house)}")
    return _sentence(f"{the_name(entity)} is {reading}")


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
        return _sentence(
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
    return f"{_sentence(listed(parts))}{rest}"


def report(outcomes: Sequence[ToolResult], house: House) -> str:
    """What has become of the calls of one turn: what is done, what is known, and what failed and why."""
    done = [_call(outcome) for outcome in outcomes if outcome.ok]
    fresh = {str(o.arguments.get("entity", "")): o.state for o in outcomes if o.state is not None}
    told = msgspec.structs.replace(house, states={**house.states, **fresh})
    asked = [call for call in done if call.service in _READING]
    if outcomes and all(outcome.error == "unreachable" for outcome in outcomes):
        return UNREACHABLE
    parts = [
        confirm(done, told),
        answers(asked, told) if asked else "",
        failure([o for o in outcomes if not o.ok], house, done),
    ]
    return " ".join(part for part in parts if part) or NOT_UNDERSTOOD


def _call(outcome: ToolResult) -> Call:
    return Call(outcome.tool, str(outcome.arguments.get("entity") or ""), outcome.arguments.get("value"))


def failure(outcomes: Sequence[ToolResult], house: House, done: Sequence[Call] = ()) -> str:
    """Which calls failed, and why; empty when there are none.

    Of a thing with which something else was `done` it is said what was not.
    """
    reasons = {
        "unreachable": "{who} could not be reached",
        "no_answer": "{who} did not answer",
        "unavailable": "{who} {be} not available",
        "refused": "{who} cannot do that",
    }
    by_reason: dict[str, list[Entity]] = {}
    for outcome in outcomes:
        call = _call(outcome)
        entity = house.entities.get(call.entity) or Entity(id=call.entity, name=_of_id(call.entity))
        reason = reasons.get(outcome.error, "{who} did not answer")
        if any(other.entity == call.entity for other in done):
            reason = f"I could not {_wish(call, entity)}"
        by_reason.setdefault(reason, []).append(entity)
    sentences = []
    for reason, entities in by_reason.items():
        who, plural = subject(entities, house)
        sentences.append(_sentence(reason.format(who=who, be="are" if plural else "is")))
    return " ".join(sentences)


def _of_id(name: str) -> str:
    """The name of what has gone from the house meanwhile."""
    return name.partition(".")[2].replace("_", " ")


def not_possible(result: NotPossible) -> str:
    """Why a command cannot be followed in this house."""
    noun = plain(result.noun).replace(" s ", "'s ")
    match result.why:
        case "unknown_device":
            be, where = "are" if is_plural(noun) else "is", "" if " in " in noun else " in this house"
            return f"There {be} no {noun}{where}."
        case "cannot":
            return f"The {noun} cannot do that."
        case "out_of_range":
            return f"The {noun} cannot be set that far."
        case "beyond":
            return f"I cannot {result.noun}."
        case "not_undone":
            return f"I cannot undo that with the {noun}."
        case "nothing_done":
            return "There is nothing to undo."
        case "left_alone":
            return LEFT_ALONE
        case "still_unclear":
            return "I still do not know what you mean, so I leave it."
        case "not_yet":
            return f"I cannot {_NOT_YET.get(noun, f'do {noun}')} yet."


def shall_i(calls: Sequence[Call], house: House) -> str:
    """The question whether to make `calls`, to be answered by yes or no."""
    wishes: dict[str, list[Entity]] = {}
    for call in calls:
        if call.service == TOOL_SERVICE and call.entity in house.tools:
            tool, value = house.tools[call.entity], "" if call.value is None else f" for {call.value}"
            wishes[f"{'' if tool.ask_first else 'use '}{tool.words}{value}"] = []
        elif call.entity in house.entities:
            wishes.setdefault(_wish(call, house.entities[call.entity]), []).append(
                house.entities[call.entity]
            )
    parts = [
        wish.format(who=subject(entities, house)[0]) if entities else wish
        for wish, entities in wishes.items()
    ]
    return f"Shall I {listed(parts)}?" if parts else NOT_UNDERSTOOD


def _wish(call: Call, entity: Entity) -> str:
    value = call.value
    match call.service:
        case "turn_on" | "turn_off":
            return call.service.replace("_", " ") + " {who}"
        case "lock" | "unlock" | "stop" | "press":
            return call.service + " {who}"
        case "brightness" | "speed":
            return f"set {{who}} to {with_unit(value, '%')}"
        case "temperature":
            return f"set {{who}} to {with_unit(value, '°C')}"
        case "set_value":
            return f"set {{who}} to {with_unit(value, entity.unit)}"
        case "mode" | "option":
            return f"set {{who}} to {_option(value)}"
        case "brightness_step":
            return f"make {{who}} {'brighter' if value == '+' else 'dimmer'}"
        case "temperature_step":
            return f"turn {{who}} {'up' if value == '+' else 'down'}"
        case "color":
            return f"make {{who}} {value}"
        case "color_temperature":
            return f"set {{who}} to {with_unit(value, 'K')}"
        case "position":
            return {0: "close {who}", 100: "open {who}"}.get(
                value if isinstance(value, int) else -1, f"open {{who}} to {with_unit(value, '%')}"
            )
        case "scene":
            return "start {who}"
        case _:
            return "tell you how {who} is"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."

"""What Wren says: short sentences from templates, pure and speakable. English.

Confirmations are made from calls that the house has confirmed; answers to questions are in `states`.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from device.events import ToolResult
from device.home.registry import TOOL_SERVICE, Call, Entity, House, State
from device.reasoning.results import NotPossible
from device.reasoning.spoken import (
    degrees,
    heated,
    is_plural,
    listed,
    opening,
    option,
    plain,
    sentence,
    subject,
    with_unit,
)
from device.reasoning.states import answers

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
            sentence(fate.format(who=who, be="are" if plural else "is", have="have" if plural else "has"))
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
            return f"{heated(entity, house)} is set to {with_unit(value, '°C')}"
        case "temperature_step":
            target = house.states.get(entity.id, State()).target
            higher = "warmer" if value == "+" else "cooler"
            return (
                f"{heated(entity, house)} is set {f'to {degrees(target)}' if target is not None else higher}"
            )
        case "mode" | "option":
            return f"{{who}} {{be}} set to {option(value)}"
        case "position":
            return "{who} {be} " + opening(value)
        case "stop":
            return "{who} {have} stopped"
        case "set_value":
            return f"{{who}} {{be}} set to {with_unit(value, entity.unit)}"
        case "scene":
            return "{who} {be} on"
        case _:
            return "I pressed {who}"


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
        sentences.append(sentence(reason.format(who=who, be="are" if plural else "is")))
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
            return f"set {{who}} to {option(value)}"
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

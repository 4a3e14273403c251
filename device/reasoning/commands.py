"""The command language the model answers in, and which of its lines the live house allows.

    turn on NAME            turn off NAME         turn up NAME            turn down NAME
    open NAME               close NAME            stop NAME               lock NAME, unlock NAME
    set NAME to VALUE       check NAME
    start SCENE, DEVICE     press BUTTON          check time, check date
    use TOOL, use TOOL for VALUE
    say …                   free speech           cannot                  nothing here does this

Rules: a line exists only when `House.allows` all of its calls. Values come only from the numbers, amounts
and colours that were heard, and from the options an entity declares. A thing that every room has (a light,
a thermostat, a cover, a fan) is meant in the rooms that were heard, without one in Wren's own, unless it was
named: lines about the others carry the small weight ELSEWHERE. What a tool is given are words that were heard
next to each other, a number that was heard, or one of the values that it lists. A house too large for the
prompt offers the names that were heard, those that come nearest, and those of the rooms in question.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence

import msgspec
from rapidfuzz import fuzz, process

from device.home.registry import (
    HOUSELESS_SERVICES,
    KELVIN_RANGE,
    TOOL_SERVICE,
    Call,
    Entity,
    House,
    Tool,
    Value,
    services_of,
)
from device.reasoning.intents import index_of
from device.reasoning.words import is_number, lexicon, split

TALK = "say"
CANNOT = "cannot"
SMALL_HOUSE = 60  # entities: so many are listed in the prompt and offered as they are
NEAREST_NAMES = 8
LONGEST_NAME = 60
ROOM_NAMES = 16
OPTIONS_OFFERED = 12
NAMED = 0.8  # how sure the name index must be that a name or an area was said
ELSEWHERE = 0.03
ROOMED = ("light", "climate", "cover", "fan")
GROUPED = {"light": "lights", "cover": "covers"}
WHOLE_HOUSE = tuple(f" all {kind}" for kind in GROUPED.values())
STARTED = ("switch", "fan")  # may also be written with the verb of scenes
PERCENTAGES = ("brightness", "speed", "position")
VERBS = {
    "turn_on": "turn on",
    "turn_off": "turn off",
    "get": "check",
    "stop": "stop",
    "lock": "lock",
    "unlock": "unlock",
    "scene": "start",
    "press": "press",
}
STEPS = {"+": "turn up", "-": "turn down"}
ASK = "ask"  # another agent
USE = "use"  # a tool
MOST_TOOLS = 12
MOST_OPTIONS = 24  # of a tool
ARGUMENT_WORDS = 5  # at most, of a text
ABSENT_VERBS = (*VERBS.values(), *STEPS.values(), "open", "close")


class Command(msgspec.Struct, frozen=True):
    """One line: its words in slots (verb, name, value), what it calls, and how likely it is meant at all."""

    slots: tuple[str, ...]
    calls: tuple[Call, ...] = ()
    weight: float = 1.0

    @property
    def text(self) -> str:
        """The line as the model writes it."""
        return "".join(self.slots)


class Heard(msgspec.Struct, frozen=True):
    """What a sentence brings along; `several` when it joins clauses."""

    words: tuple[str, ...]
    numbers: tuple[float, ...]
    colors: tuple[str, ...]
    entities: frozenset[str]
    areas: frozenset[str]
    several: bool


def hear(text: str, house: House, language: str = "en") -> Heard:
    """The names, values and amounts ("half" is 50) in `text`."""
    known = lexicon(language)
    words = split(text, known.language)
    readings = [reading for at in range(len(words)) for _, reading in known.at(words, at)]
    levels = [float(reading["level"]) for reading in readings if "level" in reading]
    index = index_of(house, known)
    names = [found.name for found in index.find(words, index.likely(words), NAMED)]
    return Heard(
        words=tuple(words),
        numbers=tuple(dict.fromkeys([float(word) for word in words if is_number(word)] + levels)),
        colors=tuple(dict.fromkeys(reading["color"] for reading in readings if "color" in reading)),
        entities=frozenset(id_ for name in names for id_ in name.ids),
        areas=frozenset(name.area for name in names if name.area),
        several=any("conjunction" in reading for reading in readings),
    )


def commands(heard: Heard, house: House) -> list[Command]:
    """Every line that may answer what was heard in `house`, `say` and `cannot` last."""
    names = labels(house)
    offered = _offered(heard, house, names)
    weights = _weights(heard, house, offered)
    found = [
        Command((verb, f" {names[entity.id]}", value), (call,), weight)
        for entity, weight in zip(offered, weights, strict=True)
        for verb, value, call in lines_of(entity, heard.numbers, heard.colors)
        if house.allows(call)
    ]
    found += [
        Command((VERBS["scene"], *command.slots[1:]), command.calls, command.weight)
        for command in found
        if command.calls[0].service == "turn_on" and house.entities[command.calls[0].entity].domain in STARTED
    ]
    found += list(_groups(found, house, set(names.values()), _rooms(heard, house)))
    found += [
        Command((VERBS["get"], f" {service}"), (Call(service),))
        for service in HOUSELESS_SERVICES
        if house.allows(Call(service))
    ]
    found += [
        Command((ASK, f" {plain(other.id)}"), (Call(other.service, other.id),))
        for other in house.persona.others
    ]
    found += [
        command for tool in tools_of(house) for command in _uses(tool, heard) if house.allows(*command.calls)
    ]
    return [*found, Command((TALK,)), Command((CANNOT,))]


def tools_of(house: House) -> list[Tool]:
    """The tools of a house that the model is told of."""
    return list(house.tools.values())[:MOST_TOOLS]


def use(tool: Tool, value: Value | None = None) -> Command:
    """The line that uses a tool."""
    said = "" if value is None else f" for {plain(str(value))}"
    return Command((USE, f" {plain(tool.words)}", said), (Call(TOOL_SERVICE, tool.name, value),))


def _uses(tool: Tool, heard: Heard) -> Iterator[Command]:
    if not tool.needs:
        yield use(tool)
    match tool.argument:
        case "number":
            yield from (use(tool, int(n) if n == int(n) else n) for n in heard.numbers)
        case "option":
            yield from (use(tool, option) for option in tool.options[:MOST_OPTIONS] if plain(option))
        case "text":
            words = heard.words
            for start, end in itertools.combinations(range(len(words) + 1), 2):
                if end - start <= ARGUMENT_WORDS and "," not in words[start:end]:
                    yield use(tool, " ".join(words[start:end]))


def lines_of(
    entity: Entity, numbers: Sequence[float], colors: Sequence[str]
) -> Iterator[tuple[str, str, Call]]:
    """Verb, value (with its preposition) and call for all that can be done with one entity."""
    for service in services_of(entity):
        match service:
            case "brightness" | "speed" | "position" | "temperature" | "set_value":
                if service == "position":
                    yield "open", "", Call(service, entity.id, 100)
                    yield "close", "", Call(service, entity.id, 0)
                unit = " percent" if service in PERCENTAGES else ""
                for number in numbers:
                    value = int(number) if number == int(number) else number
                    yield "set", f" to {value}{unit}", Call(service, entity.id, value)
            case "brightness_step" | "temperature_step":
                for way in "+-":
                    yield STEPS[way], "", Call(service, entity.id, way)
            case "color_temperature":
                for number in (number for number in numbers if number >= KELVIN_RANGE[0]):
                    yield "set", f" to {int(number)} kelvin", Call(service, entity.id, int(number))
            case "color":
                for color in colors:
                    yield "set", f" to {color}", Call(service, entity.id, color)
            case "mode" | "option":
                for option in entity.options[:OPTIONS_OFFERED]:
                    yield "set", f" to {plain(option)}", Call(service, entity.id, option)
            case _:
                yield VERBS[service], "", Call(service, entity.id)


def labels(house: House) -> dict[str, str]:
    """A spoken name for each entity that no other has: the name, where needed with its area, kind or id."""
    sharing: dict[str, list[Entity]] = {}
    for entity in house.entities.values():
        sharing.setdefault(plain(entity.name), []).append(entity)
    names: dict[str, str] = {}
    for name, entities in sharing.items():
        areas = [plain(house.areas.get(entity.area, entity.area)) for entity in entities]
        kinds = [entity.domain.removeprefix("binary_") for entity in entities]
        for ways in (
            [name for _ in entities],
            [f"{area} {name}".strip() for area in areas],
            [f"{name} {kind}" for kind in kinds],
            [f"{area} {name} {kind}" for area, kind in zip(areas, kinds, strict=True)],
            [plain(entity.id.replace(".", " ")) for entity in entities],
        ):
            if name and len(set(ways)) == len(entities) and not sharing.keys() & {*ways} - {name}:
                break
        names |= {entity.id: way for entity, way in zip(entities, ways, strict=True)}
    taken = Counter(names.values())
    return {id_: name if taken[name] == 1 else plain(id_.replace(".", " ")) for id_, name in names.items()}


def plain(name: str) -> str:
    """A name as it is said: lower case, words only."""
    return " ".join(re.findall(r"[\w'%.]+", name[:LONGEST_NAME].lower().replace("_", " ")))


def _rooms(heard: Heard, house: House) -> frozenset[str]:
    return heard.areas or frozenset((house.device_area,))


def _offered(heard: Heard, house: House, names: dict[str, str]) -> list[Entity]:
    if len(house.entities) <= SMALL_HOUSE:
        return list(house.entities.values())
    nearest = process.extract(" ".join(heard.words), names, scorer=fuzz.token_set_ratio, limit=NEAREST_NAMES)
    rooms = _rooms(heard, house)
    inside = [id_ for id_, entity in house.entities.items() if entity.area and entity.area in rooms]
    chosen = [*sorted(heard.entities)[:NEAREST_NAMES], *(id_ for *_, id_ in nearest), *inside[:ROOM_NAMES]]
    return [house.entities[id_] for id_ in dict.fromkeys(chosen)]


def _weights(heard: Heard, house: House, offered: Sequence[Entity]) -> list[float]:
    rooms = _rooms(heard, house)
    inside = {_kind(entity) for entity in offered if entity.area in rooms}
    return [
        ELSEWHERE
        if entity.domain in ROOMED
        and entity.area not in rooms
        and _kind(entity) in inside
        and entity.id not in heard.entities
        else 1.0
        for entity in offered
    ]


def _kind(entity: Entity) -> tuple[str, str]:
    return entity.domain, entity.device_class


def group(area: str, domain: str, taken: Collection[str]) -> str:
    """What all lights or covers of an area are called, where no device is called so."""
    name = f"{area} {GROUPED[domain]}".strip()
    return f"all {name}" if name in taken else name


def _groups(
    found: Sequence[Command], house: House, taken: Collection[str], rooms: Collection[str]
) -> Iterator[Command]:
    """Lines for all lights or covers of an area, and of the whole house where it has several.

    Without a place they are those of `rooms`; `taken` are the names of devices.
    """
    together: dict[tuple[str, str, str], list[Command]] = {}
    for command in found:
        entity = house.entities[command.calls[0].entity]
        verb, _, value = command.slots
        if entity.domain in GROUPED and verb != VERBS["get"]:
            kind, area = GROUPED[entity.domain], plain(house.areas.get(entity.area, ""))
            names = [f"all {kind}"]
            if area:
                names += [f"all {area} {kind}", group(area, entity.domain, taken)]
            if entity.area in rooms and kind not in taken:
                names.append(kind)
            for name in dict.fromkeys(names):
                together.setdefault((verb, f" {name}", value), []).append(command)
    for slots, members in together.items():
        if len(members) > 1 or slots[1] not in WHOLE_HOUSE:
            weight = max(member.weight for member in members)
            yield Command(slots, tuple(member.calls[0] for member in members), weight)

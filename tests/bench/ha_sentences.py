"""Home Assistant's English sentence tests as cases: text, house, the calls that must come of it.

A test names an intent and slots; the calls are those of every entity the slots describe. An entity that a home
leaves without a room may be in the room that is said, if it is called by its name. Where only a state is asked for, the word for the things says
which are meant. Left out are device types Wren has no service for and tests whose home has no such entity.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from device.home.registry import SERVICES, Entity, House, floors_of

Row = tuple[str | int | float, ...]

_SERVICE_SLOT = {
    "HassSetPosition": ("cover", "position", "position"),
    "HassFanSetSpeed": ("fan", "speed", "percentage"),
    "HassClimateSetTemperature": ("climate", "temperature", "temperature"),
}
_SWITCHABLE = ("light", "switch", "fan", "climate")
_ALL_FEATURES = {"light": ("dim", "color", "color_temp"), "fan": ("speed",)}
_NAMED_WHITES = {2700: "warm white", 4000: "white"}  # what Wren calls them
_DOMAIN_WORDS = {"light": "light", "fan": "fan", "switch": "switch", "door": "lock"}


def ha_cases(folder: Path) -> Iterator[tuple[str, House, list[list[Row]], str]]:
    """Every test that this house model can express: text, house, the right sets of calls, intent."""
    pairs, fixture = folder / "ha_intents_en_pairs.jsonl", folder / "fixtures_en_new.yaml"
    if not pairs.is_file() or not fixture.is_file():
        return
    common = yaml.safe_load(fixture.read_text())
    for line in pairs.read_text().splitlines():
        test = json.loads(line)
        slots = _complete(test["slots"], test["intent"], test["text"])
        own = test["context"].get("file_home") or {}
        here = test["context"].get("area") or _unspoken_area(slots, test["text"])
        home = own if own.get("entities") else common
        house = _house(json.dumps(_areas(home, slots)), json.dumps(home["entities"]), here)
        if test["intent"] in ("HassGetCurrentTime", "HassGetCurrentDate"):
            yield test["text"], house, [[("time" if "Time" in test["intent"] else "date",)]], test["intent"]
        elif slots:
            right = [_calls(test["intent"], house, slots, is_named=named) for named in (False, True)]
            if right[0]:
                yield test["text"], house, right if right[0] != right[1] else right[:1], test["intent"]


def _complete(slots: dict[str, Any], intent: str, text: str) -> dict[str, Any]:
    """The slots, with the domain that only the words of a question about states tell; none when none does."""
    if intent != "HassGetState" or {"name", "domain", "device_class"} & slots.keys():
        return slots
    domain = next((domain for word, domain in _DOMAIN_WORDS.items() if word in text), "")
    return {**slots, "domain": domain} if domain else {}


def _unspoken_area(slots: dict[str, Any], text: str) -> str:
    area = str(slots.get("area", ""))
    return "" if area.lower() in text.lower() else area


def _areas(home: dict[str, Any], slots: dict[str, Any]) -> list[dict[str, str]]:
    """Rows of id, name and floor; rooms and floors that only the entities or the slots name are made up."""
    names = {e["area"] for e in home["entities"] if e.get("area")}
    areas = home.get("areas") or [{"name": name} for name in sorted(names)]
    floors = {floor["id"]: floor["name"] for floor in home.get("floors") or [] if "id" in floor}
    rows = [
        {
            "id": area.get("id", area["name"]),
            "name": area["name"],
            "floor": floors.get(area.get("floor", ""), area.get("floor", "")),
        }
        for area in areas
    ]
    floor = str(slots.get("floor", ""))
    if floor and floor not in {row["floor"] for row in rows}:
        rows.append({"id": f"somewhere on {floor}", "name": f"somewhere on {floor}", "floor": floor})
    return rows


@cache
def _house(areas_json: str, entities_json: str, here: str) -> House:
    rows = json.loads(areas_json)
    areas = {row["id"]: row["name"] for row in rows}
    by_name = {name: identifier for identifier, name in areas.items()}
    entities: dict[str, Entity] = {}
    for number, given in enumerate(json.loads(entities_json)):
        domain = given.get("domain") or given["id"].partition(".")[0]
        if domain not in SERVICES or given.get("is_exposed") is False:
            continue
        name = str(given["name"])
        identifier = given.get("id") or f"{domain}.{re.sub(r'[^a-z0-9]+', '_', name.lower())}_{number}"
        attributes = given.get("attributes") or {}
        area = given.get("area", "")
        entity = Entity(
            id=identifier.replace(" ", "_"),
            name=name,
            area=area if area in areas else by_name.get(area, ""),
            features=frozenset(_ALL_FEATURES.get(domain, ())),
            device_class=attributes.get("device_class") or "",
            unit=attributes.get("unit_of_measurement") or "",
        )
        entities.setdefault(entity.id, entity)
    floors = floors_of({row["id"]: row["floor"] for row in rows if row["floor"]})
    return House(entities=entities, areas=areas, floors=floors, device_area=by_name.get(here, ""))


def _calls(intent: str, house: House, slots: dict[str, Any], *, is_named: bool) -> list[Row]:
    described = [entity for entity in house.entities.values() if _is_described(entity, slots, house)]
    return [call for e in described if (call := _call(intent, e, slots, is_named=is_named))]


def _is_described(entity: Entity, slots: dict[str, Any], house: House) -> bool:
    wanted = {"name": entity.name.lower(), "domain": entity.domain, "device_class": entity.device_class}
    is_kind = all(str(slots[key]).lower() in (value, "all") for key, value in wanted.items() if key in slots)
    area = house.areas.get(entity.area, "").lower()
    is_named = slots.get("name", "all") != "all"
    is_there = "area" not in slots or str(slots["area"]).lower() == area or (is_named and not area)
    floor = house.floors.get(str(slots.get("floor", "")), ())
    return (
        is_kind
        and is_there
        and ("floor" not in slots or entity.area in (*floor, *([""] if is_named else [])))
    )


def _call(intent: str, entity: Entity, slots: dict[str, Any], *, is_named: bool) -> Row | None:
    """The call of one entity; a white is wanted by its name when `is_named`, else in kelvin."""
    domain = entity.domain
    if intent in _SERVICE_SLOT:
        wanted, service, slot = _SERVICE_SLOT[intent]
        return (service, entity.id, slots[slot]) if domain == wanted and slot in slots else None
    if intent in ("HassTurnOn", "HassTurnOff"):
        is_on = intent == "HassTurnOn"
        if domain == "cover":
            return ("position", entity.id, 100 if is_on else 0)
        service = {"lock": "lock" if is_on else "unlock", "scene": "scene", "button": "press"}.get(domain, "")
        service = ("turn_on" if is_on else "turn_off") if domain in _SWITCHABLE else service
        return (service, entity.id) if service else None
    if intent == "HassLightSet" and domain == "light":
        if "temperature" in slots:
            name = _NAMED_WHITES.get(slots["temperature"], "") if is_named else ""
            return (
                ("color", entity.id, name) if name else ("color_temperature", entity.id, slots["temperature"])
            )
        slot = "brightness" if "brightness" in slots else "color"
        return (slot, entity.id, slots[slot]) if slot in slots else None
    is_asked = intent == "HassGetState" and "get" in SERVICES[domain]
    is_asked = is_asked or (intent == "HassClimateGetTemperature" and domain == "climate")
    return ("get", entity.id) if is_asked else None

"""Home Assistant's English sentence tests as cases: text, house, the calls that must come of it.

A test names an intent and slots; the calls are those of every entity the slots describe. Left out are floors,
colour temperatures, device types Wren has no service for, and tests whose home has no such entity.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from device.home.registry import SERVICES, Entity, House

Row = tuple[str | int | float, ...]

_SERVICE_SLOT = {
    "HassSetPosition": ("cover", "position", "position"),
    "HassFanSetSpeed": ("fan", "speed", "percentage"),
    "HassClimateSetTemperature": ("climate", "temperature", "temperature"),
}
_SWITCHABLE = ("light", "switch", "fan", "climate")


def ha_cases(folder: Path) -> Iterator[tuple[str, House, list[Row], str]]:
    """Every test that this house model can express: text, house, calls, intent."""
    pairs, fixture = folder / "ha_intents_en_pairs.jsonl", folder / "fixtures_en_new.yaml"
    if not pairs.is_file() or not fixture.is_file():
        return
    common = yaml.safe_load(fixture.read_text())
    for line in pairs.read_text().splitlines():
        test = json.loads(line)
        slots: dict[str, Any] = test["slots"]
        own = test["context"].get("file_home") or {}
        is_described = {"name", "domain", "device_class"} & slots.keys() or test["intent"] != "HassGetState"
        if "floor" in slots or ("temperature" in slots and test["intent"] == "HassLightSet"):
            continue
        here = test["context"].get("area") or _unspoken_area(slots, test["text"])
        if own.get("entities"):
            names = {entity["area"] for entity in own["entities"] if entity.get("area")}
            areas = own.get("areas") or [{"name": name} for name in sorted(names)]
            house = _house(json.dumps(areas), json.dumps(own["entities"]), here)
        else:
            house = _house(json.dumps(common["areas"]), json.dumps(common["entities"]), here)
        if test["intent"] in ("HassGetCurrentTime", "HassGetCurrentDate"):
            yield test["text"], house, [("time" if "Time" in test["intent"] else "date",)], test["intent"]
        elif is_described:
            described = [entity for entity in house.entities.values() if _is_described(entity, slots, house)]
            calls = [call for entity in described if (call := _call(test["intent"], entity, slots))]
            if calls:
                yield test["text"], house, calls, test["intent"]


def _unspoken_area(slots: dict[str, Any], text: str) -> str:
    area = str(slots.get("area", ""))
    return "" if area.lower() in text.lower() else area


@cache
def _house(areas_json: str, entities_json: str, here: str) -> House:
    areas = {area.get("id", area["name"]): area["name"] for area in json.loads(areas_json)}
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
            features=frozenset(("dim", "color", "speed")) if domain in ("light", "fan") else frozenset(),
            device_class=attributes.get("device_class") or "",
        )
        entities.setdefault(entity.id, entity)
    return House(entities=entities, areas=areas, device_area=by_name.get(here, ""))


def _is_described(entity: Entity, slots: dict[str, Any], house: House) -> bool:
    wanted = {
        "name": entity.name.lower(),
        "area": house.areas.get(entity.area, "").lower(),
        "domain": entity.domain,
        "device_class": entity.device_class,
    }
    return all(str(slots[key]).lower() in (value, "all") for key, value in wanted.items() if key in slots)


def _call(intent: str, entity: Entity, slots: dict[str, Any]) -> Row | None:
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
        slot = "brightness" if "brightness" in slots else "color"
        return (slot, entity.id, slots[slot]) if slot in slots else None
    is_asked = intent == "HassGetState" and "get" in SERVICES[domain]
    is_asked = is_asked or (intent == "HassClimateGetTemperature" and domain == "climate")
    return ("get", entity.id) if is_asked else None

"""Sentence templates of home-llm's piles, each said of one device of a house and, twice over, of another.

Taken are those for lights, switches, blinds, garage doors and set temperatures, alone or joined, and the
questions about them. Left out: toggling, whose result depends on a state; what names no device.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from device.home.registry import House

Row = tuple[str | int, ...]

_DOMAINS = {"light": "light", "switch": "switch", "blinds": "cover", "garage_door": "cover"}
_CALLS: dict[str, tuple[str | int, ...]] = {
    "turn_on": ("turn_on",),
    "turn_off": ("turn_off",),
    "open_cover": ("position", 100),
    "close_cover": ("position", 0),
    "stop_cover": ("stop",),
}
_BRIGHTNESS, _COLOR, _DEGREES = 35, "blue", 21


def template_cases(folder: Path, house: House) -> Iterator[tuple[str, list[Row], str]]:
    """Every template as sentence, calls and device types."""
    actions, questions = folder / "pile_of_templated_actions.csv", folder / "pile_of_status_requests.csv"
    if not actions.is_file() or not questions.is_file():
        return
    for number, row in enumerate(csv.DictReader(actions.open())):
        for turn in range(2):
            if case := _action(row, house, number + turn):
                yield (*case, row["device_type"])
    for number, row in enumerate(csv.DictReader(questions.open())):
        devices = _devices(row["device_type"], house)
        text = row["phrase"].replace("<color>", _COLOR).replace("<brightness>", str(_BRIGHTNESS))
        if devices and "<device_name>" in text:
            entity = devices[number % len(devices)]
            text = text.replace("<device_name>", house.entities[entity].name.lower())
            yield text, [("get", entity)], f"ask {row['device_type']}"


def _devices(kind: str, house: House) -> Sequence[str]:
    found = [e for e, entity in house.entities.items() if entity.domain == _DOMAINS.get(kind, "")]
    if _DOMAINS.get(kind) == "cover":
        found = [e for e in found if (house.entities[e].device_class == "garage") == (kind == "garage_door")]
    return found


def _action(row: dict[str, str], house: House, number: int) -> tuple[str, list[Row]] | None:
    """The sentence and its calls; None where the template cannot be said of this house."""
    kinds, services = row["device_type"].split("|"), row["service"].split("|")
    text, calls = row["phrase"], list[Row]()
    if services == ["set_temperature"]:
        here = [e for e, x in house.entities.items() if x.domain == "climate" and x.area == house.device_area]
        said = text.replace("<temp_c>", str(_DEGREES))
        return (said, [("temperature", here[0], _DEGREES)]) if here and "<" not in said else None
    for place, (kind, service) in enumerate(zip(kinds, services, strict=True), start=1):
        devices = _devices(kind, house)
        if not devices or service not in _CALLS:
            return None
        entity = devices[(number + 3 * place) % len(devices)]
        mark = "<device_name>" if len(kinds) == 1 else f"<device_name{place}>"
        text = text.replace(mark, house.entities[entity].name.lower())
        call, *value = _CALLS[service]
        wanted: Row = (call, entity, *value)
        if "<brightness>" in text:
            text, wanted = text.replace("<brightness>", str(_BRIGHTNESS)), ("brightness", entity, _BRIGHTNESS)
        elif "<color>" in text:
            if "color" not in house.entities[entity].features:
                return None
            text, wanted = text.replace("<color>", _COLOR), ("color", entity, _COLOR)
        calls.append(wanted)
    return (text, calls) if "<" not in text else None

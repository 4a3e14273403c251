"""The houses and the sentences of tests/data, as the parser's own types."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from device.home.registry import Entity, House, State
from device.home.simulated import DEMO_HOME

DATA = Path(__file__).parent / "data"
_DETAIL = re.compile(r"(\w+)=(.+?)(?= \w+=|$)")


@cache
def houses() -> dict[str, House]:
    """Every house of houses.toml; thermostats are set to 20 degrees."""
    text = tomllib.loads((DATA / "houses.toml").read_text())
    return {name: _house(table) for name, table in text.items()}


@cache
def demo_house() -> House:
    """The house of `wren demo`, as far as its names go."""
    entities: dict[str, Entity] = {}
    areas: dict[str, str] = {}
    for device in tomllib.loads(DEMO_HOME.read_text())["device"]:
        area = device.get("area", "")
        areas |= {area.lower().replace(" ", "_"): area} if area else {}
        for given in device["entities"]:
            entities[given["id"]] = Entity(
                id=given["id"],
                name=" ".join(filter(None, (device["name"], given.get("name")))),
                area=area.lower().replace(" ", "_"),
                features=frozenset(given.get("features", ())),
                device_class=given.get("device_class", ""),
                options=tuple(given.get("options", ())),
            )
    states = {entity: State(target=21.0) for entity in entities if entity.startswith("climate.")}
    return House(entities=entities, areas=areas, states=states, device_area="living_room")


def _house(table: dict[str, Any]) -> House:
    entities = [_entity(line) for lines in table["entities"].values() for line in lines]
    return House(
        entities={entity.id: entity for entity in entities},
        areas=table["areas"],
        floors={floor: tuple(areas) for floor, areas in table.get("floors", {}).items()},
        states={
            **{entity.id: State(target=20.0) for entity in entities if entity.domain == "climate"},
            **{name: msgspec.convert(state, State) for name, state in table.get("states", {}).items()},
        },
        device_area=table["device_area"],
    )


def _entity(line: str) -> Entity:
    """One "id | name, alias, … | area | details" line."""
    identifier, names, area, details = (part.strip() for part in line.split("|"))
    name, *aliases = (part.strip() for part in names.split(","))
    values = dict(_DETAIL.findall(details))
    return Entity(
        id=identifier,
        name=name,
        aliases=tuple(aliases),
        area=area,
        features=frozenset(details.split()) & {"dim", "color", "color_temp", "speed"},
        device_class=values.get("class", ""),
        unit=values.get("unit", ""),
        options=tuple(values["options"].split("/")) if "options" in values else (),
        minimum=float(values["min"]) if "min" in values else None,
        maximum=float(values["max"]) if "max" in values else None,
    )


@cache
def sentences() -> dict[str, Any]:
    """sentences.toml as it stands."""
    return tomllib.loads((DATA / "sentences.toml").read_text())


def expected_calls(text: str, groups: dict[str, list[str]] | None = None) -> set[tuple[str, str, str]]:
    """The (service, entity, value) triples of a line such as "turn_on @lounge_lights; lock lock.front"."""
    groups = groups or sentences()["groups"]
    calls: set[tuple[str, str, str]] = set()
    for part in filter(None, (part.strip() for part in text.split(";"))):
        service, entity, value = (*part.split(" ", 2), "", "")[:3]
        for one in groups[entity[1:]] if entity.startswith("@") else [entity]:
            calls.add((service, one, value))
    return calls

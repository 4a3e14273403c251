"""Home Assistant's own sentences, for the breadth of wording that thousands of contributors know of.

hassil matches the whole text against the templates of `home-assistant-intents` over the names of this house;
the intents this house can follow are translated into calls, and only calls the house allows come out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import hassil
import home_assistant_intents

from device.home.registry import COLORS, Call, Entity, House
from device.reasoning.goals import in_range, whole

CONFIDENCE = 0.9
_CACHED = 4
_ARTICLES = re.compile(r"\b(the|a|an|my|our)\b")
_SWITCHABLE = ("light", "switch", "fan", "climate")


def recognise(text: str, house: House, language: str = "en") -> tuple[Call, ...]:
    """The calls that `text` means as one of the known sentences; none when it is no such sentence."""
    context = {"area": house.areas[house.device_area]} if house.device_area in house.areas else {}
    match = hassil.recognize_best(
        text,
        _intents(language),
        slot_lists=_names(house),
        intent_context=context,
        best_slot_name="name",
    )
    if match is None or _is_bare_name(text, match):
        return ()
    slots = {name: entity.value for name, entity in match.entities.items()}
    calls = _TRANSLATIONS[match.intent.name](slots, house)
    return tuple(calls) if calls and all(in_range(call, house) for call in calls) else ()


def _is_bare_name(text: str, match: hassil.RecognizeResult) -> bool:
    """Whether only a name was said, which these sentences take for "turn it on"."""
    name = match.entities.get("name")
    return name is not None and not _ARTICLES.sub(
        " ", text.casefold().replace(name.text.casefold(), " ")
    ).strip(" .,!?")


@cache
def _intents(language: str) -> hassil.Intents:
    """The intents there is a translation for."""
    data = home_assistant_intents.get_intents(language) or {}
    known = {name: intent for name, intent in data.get("intents", {}).items() if name in _TRANSLATIONS}
    return hassil.Intents.from_dict({**data, "intents": known})


_Places = tuple[dict[str, str], dict[str, tuple[str, ...]]]
_compiled: list[tuple[dict[str, Entity], _Places, dict[str, Any]]] = []


def _names(house: House) -> dict[str, Any]:
    """The names of entities and areas as hassil's slot lists, kept while the house stays the same."""
    places = (house.areas, house.floors)
    for entities, known_places, lists in _compiled:
        if entities == house.entities and known_places == places:
            return lists
    names = [
        (name, entity.name, {"domain": entity.domain})
        for entity in house.entities.values()
        for name in dict.fromkeys((entity.name, *entity.aliases))
    ]
    lists = {
        "name": hassil.TextSlotList.from_tuples(names, allow_template=False, name="name"),
        "area": hassil.TextSlotList.from_strings(
            list(house.areas.values()), allow_template=False, name="area"
        ),
        "floor": hassil.TextSlotList.from_strings(list(house.floors), allow_template=False, name="floor"),
    }
    _compiled.insert(0, (house.entities, places, lists))
    del _compiled[_CACHED:]
    return lists


def _things(slots: dict[str, Any], house: House, domains: Iterable[str]) -> list[Entity]:
    """The entities that the slots describe, of `domains`."""
    area = next((a for a, name in house.areas.items() if name == slots.get("area")), None)
    floor = house.floors.get(slots.get("floor", ""))
    if ("floor" in slots and floor is None) or ("area" in slots and area is None):
        return []
    wanted = [domain for domain in domains if slots.get("domain", domain) == domain]
    found = [
        entity
        for entity in house.entities.values()
        if entity.domain in wanted
        and ("area" not in slots or entity.area == area)
        and (floor is None or entity.area in floor)
        and ("device_class" not in slots or entity.device_class == slots["device_class"])
        and ("name" not in slots or slots["name"] in ("all", entity.name))
    ]
    is_described = {"name", "area", "floor", "domain", "device_class"} & slots.keys()
    return found if is_described else []


def _turn_on(slots: dict[str, Any], house: House) -> list[Call]:
    services = {**dict.fromkeys(_SWITCHABLE, "turn_on"), "lock": "lock", "scene": "scene", "button": "press"}
    things = _things(slots, house, (*services, "cover"))
    return [
        Call("position", e.id, 100) if e.domain == "cover" else Call(services[e.domain], e.id) for e in things
    ]


def _turn_off(slots: dict[str, Any], house: House) -> list[Call]:
    services = {**dict.fromkeys(_SWITCHABLE, "turn_off"), "lock": "unlock"}
    things = _things(slots, house, (*services, "cover"))
    return [
        Call("position", e.id, 0) if e.domain == "cover" else Call(services[e.domain], e.id) for e in things
    ]


def _light_set(slots: dict[str, Any], house: House) -> list[Call]:
    lights = _things({"domain": "light", **slots}, house, ("light",))
    brightness, kelvin = slots.get("brightness"), slots.get("temperature")
    if isinstance(brightness, int | float):
        return [Call("brightness", e.id, whole(brightness)) for e in lights if "dim" in e.features]
    if isinstance(kelvin, int | float):
        return [Call("color_temperature", e.id, whole(kelvin)) for e in lights if "color_temp" in e.features]
    if slots.get("color") in COLORS:
        return [Call("color", e.id, slots["color"]) for e in lights if "color" in e.features]
    return []


def _value_set(service: str, domain: str, slot: str) -> Callable[[dict[str, Any], House], list[Call]]:
    def translate(slots: dict[str, Any], house: House) -> list[Call]:
        things = _things({"domain": domain, **slots}, house, (domain,))
        value = slots.get(slot)
        return [Call(service, e.id, whole(value)) for e in things if isinstance(value, int | float)]

    return translate


def _get_state(slots: dict[str, Any], house: House) -> list[Call]:
    domains = (
        "light",
        "switch",
        "fan",
        "climate",
        "cover",
        "lock",
        "number",
        "select",
        "sensor",
        "binary_sensor",
    )
    return [Call("get", e.id) for e in _things(slots, house, domains)]


def _get_temperature(slots: dict[str, Any], house: House) -> list[Call]:
    things = _things({"domain": "climate", **slots}, house, ("climate",))
    return [Call("get", e.id) for e in things]


def _houseless(service: str) -> Callable[[dict[str, Any], House], list[Call]]:
    return lambda _slots, _house: [Call(service)]


_TRANSLATIONS: dict[str, Callable[[dict[str, Any], House], list[Call]]] = {
    "HassTurnOn": _turn_on,
    "HassTurnOff": _turn_off,
    "HassLightSet": _light_set,
    "HassSetPosition": _value_set("position", "cover", "position"),
    "HassFanSetSpeed": _value_set("speed", "fan", "percentage"),
    "HassClimateSetTemperature": _value_set("temperature", "climate", "temperature"),
    "HassClimateGetTemperature": _get_temperature,
    "HassGetState": _get_state,
    "HassGetCurrentTime": _houseless("time"),
    "HassGetCurrentDate": _houseless("date"),
}

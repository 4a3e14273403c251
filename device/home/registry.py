"""The house as the rest of Wren sees it: entities, areas, and the calls that change them.

Pure data; discovery fills it, the parser and the language model read it.

A call is written `service entity value`, the vocabulary of every tool call in Wren:

| service            | entity domains               | value                                      |
|--------------------|------------------------------|--------------------------------------------|
| `turn_on`          | light switch fan climate     |                                            |
| `turn_off`         | light switch fan climate     |                                            |
| `brightness`       | light                        | percent, 0 to 100                          |
| `brightness_step`  | light                        | "+" or "-"                                 |
| `color`            | light                        | colour name                                |
| `color_temperature`| light                        | kelvin                                     |
| `temperature`      | climate                      | degrees Celsius                            |
| `temperature_step` | climate                      | "+" or "-"                                 |
| `mode`             | climate                      | one of `Entity.options`                    |
| `speed`            | fan                          | percent, 0 to 100                          |
| `position`         | cover                        | percent open, 0 closed to 100 open         |
| `stop`             | cover                        |                                            |
| `lock`, `unlock`   | lock                         |                                            |
| `scene`            | scene                        |                                            |
| `press`            | button                       |                                            |
| `set_value`        | number                       | number from `minimum` to `maximum`         |
| `option`           | select                       | one of `Entity.options`                    |
| `get`              | any                          |                                            |
| `time`, `date`     | none                         |                                            |
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from device.home.persona import AGENT_SERVICES, Persona

Value = str | int | float


class Call(msgspec.Struct, frozen=True):
    """One atomic request to the house; see the table above for what goes together."""

    service: str
    entity: str = ""
    value: Value | None = None


class Entity(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing in the house that can be read or changed."""

    id: str  # "light.kitchen": domain, dot, object id
    name: str  # "Kitchen Light"
    area: str = ""  # area id, "" when unknown
    aliases: tuple[str, ...] = ()
    features: frozenset[str] = frozenset()  # lights: dim, color, color_temp; covers: position; fans: speed
    device_class: str = ""  # Home Assistant's: garage, blind, curtain, door, temperature, humidity, …
    unit: str = ""
    options: tuple[str, ...] = ()  # select options or climate modes
    minimum: float | None = None  # of the value that is set; lights: kelvin
    maximum: float | None = None

    @property
    def domain(self) -> str:
        """`light` of `light.kitchen`."""
        return self.id.partition(".")[0]


class State(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the house last said of an entity; `value` is None until its state topic has spoken."""

    value: Value | None = None  # "on", "off", "open", "locked", 21.5, "heat", …
    brightness: int | None = None  # percent
    color: str = ""
    kelvin: int | None = None  # of a light that shines white
    position: int | None = None  # percent open
    speed: int | None = None  # percent
    target: float | None = None  # climate set point, degrees Celsius
    current: float | None = None  # climate measured temperature, degrees Celsius
    available: bool = True


SERVICES: dict[str, tuple[str, ...]] = {
    "light": ("turn_on", "turn_off", "brightness", "brightness_step", "color", "color_temperature", "get"),
    "switch": ("turn_on", "turn_off", "get"),
    "fan": ("turn_on", "turn_off", "speed", "get"),
    "climate": ("turn_on", "turn_off", "temperature", "temperature_step", "mode", "get"),
    "cover": ("position", "stop", "get"),
    "lock": ("lock", "unlock", "get"),
    "scene": ("scene",),
    "button": ("press",),
    "number": ("set_value", "get"),
    "select": ("option", "get"),
    "sensor": ("get",),
    "binary_sensor": ("get",),
}
HOUSELESS_SERVICES = ("time", "date")
NEEDS_FEATURES = {  # any of these
    "brightness": ("dim",),
    "brightness_step": ("dim",),
    "color": ("color", "color_temp"),
    "color_temperature": ("color_temp",),
    "speed": ("speed",),
}
COLORS = ("red", "green", "blue", "yellow", "orange", "purple", "pink", "white", "turquoise", "warm white")
WHITES = ("white", "warm white")  # what a light without colours can be
KELVIN_RANGE = (1000.0, 10000.0)


class House(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot of everything that can be talked about."""

    entities: dict[str, Entity] = {}
    areas: dict[str, str] = {}  # area id -> spoken name
    floors: dict[str, tuple[str, ...]] = {}  # spoken name -> ids of its areas
    states: dict[str, State] = {}
    device_area: str = ""  # the area this Wren stands in
    persona: Persona = Persona()  # who answers: its entities are those that it may use

    def allows(self, call: Call) -> bool:
        """Whether `call` names an existing entity, a service it has and a value in range."""
        if call.service in AGENT_SERVICES:
            return any(
                (other.id, other.service) == (call.entity, call.service) for other in self.persona.others
            )
        if not call.entity:
            return call.service in HOUSELESS_SERVICES and self.persona.tells_time
        entity = self.entities.get(call.entity)
        return entity is not None and call.service in services_of(entity) and _value_fits(call, entity)


def services_of(entity: Entity) -> tuple[str, ...]:
    """The services this very entity offers: those of its domain, less what its features lack."""
    return tuple(
        service
        for service in SERVICES.get(entity.domain, ())
        if service not in NEEDS_FEATURES or not entity.features.isdisjoint(NEEDS_FEATURES[service])
    )


def _value_fits(call: Call, entity: Entity) -> bool:
    value = call.value
    match call.service:
        case "brightness" | "position" | "speed":
            return isinstance(value, int | float) and 0 <= value <= 100
        case "brightness_step" | "temperature_step":
            return value in ("+", "-")
        case "temperature" | "set_value":
            low = -1e9 if entity.minimum is None else entity.minimum
            high = 1e9 if entity.maximum is None else entity.maximum
            return isinstance(value, int | float) and low <= value <= high
        case "color":
            return value in (COLORS if "color" in entity.features else WHITES)
        case "color_temperature":
            low = KELVIN_RANGE[0] if entity.minimum is None else entity.minimum
            high = KELVIN_RANGE[1] if entity.maximum is None else entity.maximum
            return isinstance(value, int | float) and low <= value <= high
        case "mode" | "option":
            return value in entity.options
        case _:
            return value is None


def areas_of(entities: Iterable[Entity]) -> dict[str, str]:
    """Area ids and spoken names for entities that only name an id."""
    return {e.area: e.area.replace("_", " ").title() for e in entities if e.area}


def floors_of(floor_by_area: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Floors with the ids of their areas, from areas with their floors."""
    floors: dict[str, tuple[str, ...]] = {}
    for area, floor in floor_by_area.items():
        floors[floor] = (*floors.get(floor, ()), area)
    return floors

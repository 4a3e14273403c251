"""What MQTT discovery can announce, one struct a component, with Home Assistant's key names and defaults.

Units are the devices' own; `device.home.states` and `device.home.tools` convert. A topic that is absent
is "".
"""

from __future__ import annotations

import functools
import typing
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from device.home.templates import compiled

Topic = Annotated[str, Meta(min_length=1)]


class DeviceInfo(msgspec.Struct, frozen=True):
    """What discovery says of the device that an entity belongs to."""

    name: str = ""
    suggested_area: str = ""


class Availability(msgspec.Struct, frozen=True):
    """A topic that tells whether the entity can be reached."""

    topic: Topic
    payload_available: str = "online"
    payload_not_available: str = "offline"
    value_template: str = ""


class Component(msgspec.Struct, frozen=True, kw_only=True):
    """Keys that every component has."""

    name: str | UnsetType | None = UNSET  # None: called like its device
    unique_id: str = ""
    object_id: str = ""
    default_entity_id: str = ""
    device: DeviceInfo = DeviceInfo()
    device_class: str = ""
    entity_category: str = ""
    enabled_by_default: bool = True
    availability: tuple[Availability, ...] = ()
    availability_mode: str = "latest"
    retain: bool = False
    optimistic: bool = False
    value_template: str = ""
    command_template: str = ""


class Switch(Component, frozen=True, kw_only=True):
    """Something that is on or off."""

    command_topic: Topic
    state_topic: str = ""
    payload_on: str = "ON"
    payload_off: str = "OFF"
    state_on: str = ""  # "": payload_on
    state_off: str = ""


class Light(Component, frozen=True, kw_only=True):
    """A light of the default schema: a topic for each property."""

    command_topic: Topic
    state_topic: str = ""
    state_value_template: str = ""
    payload_on: str = "ON"
    payload_off: str = "OFF"
    on_command_type: str = "last"
    brightness_command_topic: str = ""
    brightness_command_template: str = ""
    brightness_state_topic: str = ""
    brightness_value_template: str = ""
    brightness_scale: float = 255
    rgb_command_topic: str = ""
    rgb_command_template: str = ""
    rgb_state_topic: str = ""
    rgb_value_template: str = ""
    hs_command_topic: str = ""
    hs_command_template: str = ""
    hs_state_topic: str = ""
    hs_value_template: str = ""
    xy_command_topic: str = ""
    xy_command_template: str = ""
    xy_state_topic: str = ""
    xy_value_template: str = ""
    color_temp_command_topic: str = ""
    color_temp_command_template: str = ""
    color_temp_state_topic: str = ""
    color_temp_value_template: str = ""
    color_temp_kelvin: bool = False
    min_mireds: float = 153
    max_mireds: float = 500
    min_kelvin: float = 0  # with color_temp_kelvin, in place of the mireds
    max_kelvin: float = 0


class JsonLight(Component, frozen=True, kw_only=True):
    """A light of the JSON schema: one object each way, as Zigbee2MQTT and Tasmota send."""

    command_topic: Topic
    state_topic: str = ""
    brightness: bool = False
    brightness_scale: float = 255
    supported_color_modes: tuple[str, ...] = ()
    color_temp_kelvin: bool = False
    min_mireds: float = 153
    max_mireds: float = 500
    min_kelvin: float = 0  # with color_temp_kelvin, in place of the mireds
    max_kelvin: float = 0


class Fan(Component, frozen=True, kw_only=True):
    """A fan with or without speeds."""

    command_topic: Topic
    state_topic: str = ""
    state_value_template: str = ""
    payload_on: str = "ON"
    payload_off: str = "OFF"
    percentage_command_topic: str = ""
    percentage_command_template: str = ""
    percentage_state_topic: str = ""
    percentage_value_template: str = ""
    payload_reset_percentage: str = "None"
    speed_range_min: int = 1
    speed_range_max: int = 100


class Cover(Component, frozen=True, kw_only=True):
    """Blinds, curtains, garage doors."""

    command_topic: str = ""
    state_topic: str = ""
    position_topic: str = ""
    position_template: str = ""
    set_position_topic: str = ""
    set_position_template: str = ""
    position_open: int = 100
    position_closed: int = 0
    payload_open: str | None = "OPEN"
    payload_close: str | None = "CLOSE"
    payload_stop: str | None = "STOP"
    state_open: str = "open"
    state_opening: str = "opening"
    state_closed: str = "closed"
    state_closing: str = "closing"
    state_stopped: str = "stopped"


class Climate(Component, frozen=True, kw_only=True):
    """A thermostat or an air conditioner."""

    modes: tuple[str, ...] = ("auto", "off", "cool", "heat", "dry", "fan_only")
    mode_command_topic: str = ""
    mode_command_template: str = ""
    mode_state_topic: str = ""
    mode_state_template: str = ""
    power_command_topic: str = ""
    power_command_template: str = ""
    payload_on: str = "ON"
    payload_off: str = "OFF"
    temperature_command_topic: str = ""
    temperature_command_template: str = ""
    temperature_state_topic: str = ""
    temperature_state_template: str = ""
    current_temperature_topic: str = ""
    current_temperature_template: str = ""
    temperature_unit: str = "C"
    min_temp: float | None = None
    max_temp: float | None = None
    temp_step: float = 1.0


class Lock(Component, frozen=True, kw_only=True):
    """A door lock."""

    command_topic: Topic
    state_topic: str = ""
    payload_lock: str = "LOCK"
    payload_unlock: str = "UNLOCK"
    state_locked: str = "LOCKED"
    state_unlocked: str = "UNLOCKED"
    state_locking: str = "LOCKING"
    state_unlocking: str = "UNLOCKING"
    state_jammed: str = "JAMMED"


class Sensor(Component, frozen=True, kw_only=True):
    """A measured value."""

    state_topic: Topic
    unit_of_measurement: str = ""
    state_class: str = ""
    expire_after: float = 0  # seconds without news after which it is unavailable; 0 never


class BinarySensor(Component, frozen=True, kw_only=True):
    """A yes or no: door, motion, leak."""

    state_topic: Topic
    payload_on: str = "ON"
    payload_off: str = "OFF"
    expire_after: float = 0
    off_delay: float = 0  # seconds after which "on" is over; 0 never


class Scene(Component, frozen=True, kw_only=True):
    """A scene."""

    command_topic: Topic
    payload_on: str = "ON"


class Button(Component, frozen=True, kw_only=True):
    """A button."""

    command_topic: Topic
    payload_press: str = "PRESS"


class Number(Component, frozen=True, kw_only=True):
    """A number that can be set."""

    command_topic: Topic
    state_topic: str = ""
    min: float = 1
    max: float = 100
    step: float = 1
    unit_of_measurement: str = ""


class Select(Component, frozen=True, kw_only=True):
    """One of several options."""

    command_topic: Topic
    options: tuple[str, ...]
    state_topic: str = ""


KINDS: dict[str, type[Component]] = {
    "light": Light,
    "switch": Switch,
    "fan": Fan,
    "cover": Cover,
    "climate": Climate,
    "lock": Lock,
    "sensor": Sensor,
    "binary_sensor": BinarySensor,
    "scene": Scene,
    "button": Button,
    "number": Number,
    "select": Select,
}
_TOPIC_CHARACTERS = 65_535


def component(domain: str, config: dict[str, Any]) -> Component:
    """The component that a discovery object (long keys) describes.

    Raises ValueError with the key that is wrong.
    """
    kind = KINDS[domain]
    if domain == "light" and (schema := config.get("schema", "basic")) not in ("basic", "default"):
        if schema != "json":
            raise ValueError(f"light schema {schema!r} is not supported; basic and json are")
        kind = JsonLight
    built = _convert(_one_availability(config), kind)
    for key in kind.__struct_fields__:
        value = getattr(built, key)
        if key.endswith("topic"):
            _check_topic(key, value)
        elif key.endswith("template"):
            compiled(value)
    for availability in built.availability:
        _check_topic("availability topic", availability.topic)
        compiled(availability.value_template)
    if isinstance(built, Light | JsonLight) and built.brightness_scale <= 0:
        raise ValueError("brightness_scale must be above 0")
    if isinstance(built, Fan) and built.speed_range_max <= built.speed_range_min:
        raise ValueError("speed_range_max must be above speed_range_min")
    if isinstance(built, Cover):
        if not (built.command_topic or built.set_position_topic):
            raise ValueError("a cover needs command_topic or set_position_topic")
        if built.position_open == built.position_closed:
            raise ValueError("position_open and position_closed must differ")
    return built


def _one_availability(config: dict[str, Any]) -> dict[str, Any]:
    """Both ways to name availability topics become a list of objects."""
    config = dict(config)
    listed = config.get("availability") or []
    listed = [listed] if isinstance(listed, dict) else listed
    if topic := config.get("availability_topic"):
        single = {"topic": topic, "value_template": config.get("availability_template")}
        keys = ("payload_available", "payload_not_available")
        listed = [single | {key: config.get(key) for key in keys}]
    if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
        raise ValueError("availability is not a list of objects")
    config["availability"] = [_texts(item, Availability) for item in listed]
    device = config.get("device")
    config["device"] = _texts(device, DeviceInfo) if isinstance(device, dict) else {}
    return config


def _convert(config: dict[str, Any], kind: type[Component]) -> Component:
    try:
        return msgspec.convert(_texts(config, kind), kind, strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error


def _texts(config: dict[str, Any], kind: type[msgspec.Struct]) -> dict[str, Any]:
    """`config` with scalars written as text where text is wanted (a payload of true means "True")."""
    hints = _hints(kind)
    result: dict[str, Any] = {}
    for key, value in config.items():
        wanted = hints.get(key)
        nullable = type(None) in typing.get_args(wanted)
        if wanted is None or (value is None and not nullable):
            continue
        is_text = wanted is str or str in typing.get_args(wanted)
        result[key] = str(value) if is_text and isinstance(value, bool | int | float) else value
    return result


@functools.cache
def _hints(kind: type[msgspec.Struct]) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _check_topic(key: str, topic: str) -> None:
    if any(character in topic for character in "+#\0") or len(topic.encode()) > _TOPIC_CHARACTERS:
        raise ValueError(f"{key} {topic[:80]!r} is no topic that can be published to")

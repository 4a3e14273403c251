"""What a device's messages mean: for each component, which topics to read and how each changes the state.

A reader is a pure function of the state so far and the message; None when the message teaches nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeGuard

from msgspec.structs import replace

from device.home import colors
from device.home.components import (
    BinarySensor,
    Climate,
    Component,
    Cover,
    Fan,
    JsonLight,
    Light,
    Lock,
    Number,
    Select,
    Sensor,
    Switch,
)
from device.home.registry import State, Value
from device.home.templates import Message, render

Reader = Callable[[State, Message], State | None]

_COLOR_KEYS: tuple[tuple[str, Callable[..., str]], ...] = (
    ("rgb", lambda *rgb: colors.from_rgb(rgb)),
    ("hs", colors.from_hs),
    ("xy", colors.from_xy),
)
_UNKNOWN = "None"  # what Home Assistant's devices send to say that they do not know


def readers(component: Component) -> list[tuple[str, Reader]]:
    """The topics that tell of `component`, each with its reader. A topic may come more than once."""
    match component:
        case Light():
            found = _light(component)
        case JsonLight():
            found = [(component.state_topic, lambda state, message: _json_light(component, state, message))]
        case Switch():
            words = {component.state_on or component.payload_on: "on"}
            words |= {component.state_off or component.payload_off: "off"}
            found = [(component.state_topic, _value(component.value_template, words))]
        case BinarySensor():
            words = {component.payload_on: "on", component.payload_off: "off"}
            found = [(component.state_topic, _value(component.value_template, words))]
        case Fan():
            found = _fan(component)
        case Cover():
            found = _cover(component)
        case Climate():
            found = _climate(component)
        case Lock():
            words = {component.state_locking: "locking", component.state_unlocking: "unlocking"}
            words |= {component.state_jammed: "jammed"}
            words |= {component.state_locked: "locked", component.state_unlocked: "unlocked"}
            found = [(component.state_topic, _value(component.value_template, words))]
        case Sensor():
            numeric = bool(component.unit_of_measurement or component.state_class)
            found = [(component.state_topic, _reading(component.value_template, numeric=numeric))]
        case Number():
            found = [(component.state_topic, _reading(component.value_template, numeric=True))]
        case Select():
            words = {option: option for option in component.options}
            found = [(component.state_topic, _value(component.value_template, words))]
        case _:
            found = []
    return [(topic, reader) for topic, reader in found if topic]


def percent(value: float, scale: float) -> int:
    """`value` of `scale` in percent; anything above nothing is at least 1."""
    share = round(value * 100 / scale)
    return max(0, min(100, max(share, 1 if value > 0 else 0)))


def speed_percent(fan: Fan, speed: float) -> int:
    """A fan's own speed in percent, 0 below its range."""
    steps = fan.speed_range_max - fan.speed_range_min + 1
    return max(0, min(100, int((speed - fan.speed_range_min + 1) * 100 / steps)))


def position_percent(cover: Cover, position: float) -> int:
    """A cover's own position in percent open."""
    share = (position - cover.position_closed) * 100 / (cover.position_open - cover.position_closed)
    return max(0, min(100, round(share)))


def celsius(climate: Climate, degrees: float) -> float:
    """Degrees of the device in Celsius, to a tenth."""
    return round((degrees - 32) / 1.8, 1) if climate.temperature_unit == "F" else degrees


def number(text: str | None) -> float | None:
    """The finite number in `text`."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if abs(value) < float("inf") else None


def _value(template: str, words: Mapping[str, Value]) -> Reader:
    def read(state: State, message: Message) -> State | None:
        text = render(template, message)
        if text is not None and text in words:
            return replace(state, value=words[text])
        return replace(state, value=None) if text == _UNKNOWN else None

    return read


def _numeric(template: str, field: str, convert: Callable[[float], float]) -> Reader:
    def read(state: State, message: Message) -> State | None:
        text = render(template, message)
        if text == _UNKNOWN:
            return replace(state, **{field: None})
        value = number(text)
        return None if value is None else replace(state, **{field: convert(value)})

    return read


def _reading(template: str, *, numeric: bool) -> Reader:
    def read(state: State, message: Message) -> State | None:
        text = render(template, message)
        if text is None:
            return None
        if text in (_UNKNOWN, "unknown", "unavailable"):
            return replace(state, value=None)
        if not numeric:
            return replace(state, value=text[:255])
        value = number(text)
        if value is None:
            return None
        return replace(state, value=int(value) if value.is_integer() and "." not in text else value)

    return read


def _light(light: Light) -> list[tuple[str, Reader]]:
    words = {light.payload_on: "on", light.payload_off: "off"}

    def color(template: str, name: Callable[..., str], channels: int) -> Reader:
        def read(state: State, message: Message) -> State | None:
            numbers = [number(part) for part in (render(template, message) or "").split(",")]
            known = [value for value in numbers if value is not None]
            if len(known) != len(numbers) or len(known) != channels:
                return None
            return replace(state, color=name(*known), kelvin=None)

        return read

    def white(state: State, message: Message) -> State | None:
        value = number(render(light.color_temp_value_template, message))
        known = value is not None and value > 0
        return replace(state, **_white(light, value)) if known and value is not None else None

    return [
        (light.state_topic, _value(light.state_value_template or light.value_template, words)),
        (
            light.brightness_state_topic,
            _numeric(
                light.brightness_value_template,
                "brightness",
                lambda raw: percent(raw, light.brightness_scale),
            ),
        ),
        (light.rgb_state_topic, color(light.rgb_value_template, lambda *rgb: colors.from_rgb(rgb), 3)),
        (light.hs_state_topic, color(light.hs_value_template, colors.from_hs, 2)),
        (light.xy_state_topic, color(light.xy_value_template, colors.from_xy, 2)),
        (light.color_temp_state_topic, white),
    ]


def _white(light: Light | JsonLight, value: float) -> dict[str, Any]:
    """What a colour temperature above 0, in mired or kelvin as the light says it, tells of the state."""
    kelvin = value if light.color_temp_kelvin else 1_000_000 / value
    return {"color": colors.from_kelvin(kelvin), "kelvin": round(kelvin)}


def _json_light(light: JsonLight, state: State, message: Message) -> State | None:
    said = message.json
    if not isinstance(said, dict):
        return None
    changed: dict[str, Any] = {}
    if said.get("state") in ("ON", "OFF"):
        changed["value"] = str(said["state"]).lower()
    elif "state" in said and said["state"] is None:
        changed["value"] = None
    brightness = said.get("brightness")
    if _is_number(brightness):
        changed["brightness"] = percent(brightness, light.brightness_scale)
    changed |= _json_color(light, said)
    return replace(state, **changed) if changed else None


def _json_color(light: JsonLight, said: dict[str, Any]) -> dict[str, Any]:
    temperature, color, mode = said.get("color_temp"), said.get("color"), said.get("color_mode")
    if _is_number(temperature) and temperature > 0 and (mode == "color_temp" or not isinstance(color, dict)):
        return _white(light, temperature)
    if not isinstance(color, dict):
        return {}
    for keys, name in _COLOR_KEYS:
        values = [value for key in keys if _is_number(value := color.get(key))]
        if len(values) == len(keys):
            return {"color": name(*values), "kelvin": None}
    return {}


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _fan(fan: Fan) -> list[tuple[str, Reader]]:
    words = {fan.payload_on: "on", fan.payload_off: "off"}
    template = fan.percentage_value_template

    def speed(state: State, message: Message) -> State | None:
        text = render(template, message)
        if text == fan.payload_reset_percentage:
            return replace(state, speed=None)
        value = number(text)
        return None if value is None else replace(state, speed=speed_percent(fan, value))

    return [
        (fan.state_topic, _value(fan.state_value_template or fan.value_template, words)),
        (fan.percentage_state_topic, speed),
    ]


def _cover(cover: Cover) -> list[tuple[str, Reader]]:
    words = {cover.state_open: "open", cover.state_closed: "closed"}
    words |= {cover.state_opening: "opening", cover.state_closing: "closing", cover.state_stopped: "stopped"}

    def moved(state: State, message: Message) -> State | None:
        text = render(cover.value_template, message)
        if text is None or text not in words:
            return replace(state, value=None) if text == _UNKNOWN else None
        word = words[text]
        if word == "stopped":
            word = "closed" if state.position == 0 else "open"
        return replace(state, value=word)

    def placed(state: State, message: Message) -> State | None:
        value = number(render(cover.position_template, message))
        if value is None:
            return None
        position = position_percent(cover, value)
        word = state.value if cover.state_topic else "closed" if position == 0 else "open"
        return replace(state, position=position, value=word)

    return [(cover.state_topic, moved), (cover.position_topic, placed)]


def _climate(climate: Climate) -> list[tuple[str, Reader]]:
    def degrees(value: float) -> float:
        return celsius(climate, value)

    words = {mode: mode for mode in (*climate.modes, "off")}
    common = climate.value_template
    return [
        (climate.mode_state_topic, _value(climate.mode_state_template or common, words)),
        (
            climate.temperature_state_topic,
            _numeric(climate.temperature_state_template or common, "target", degrees),
        ),
        (
            climate.current_temperature_topic,
            _numeric(climate.current_temperature_template or common, "current", degrees),
        ),
    ]

"""Plans for lights of both discovery schemas."""

from __future__ import annotations

from typing import Any

import msgspec

from device.home import colors
from device.home.components import JsonLight, Light
from device.home.plans import (
    PERCENT_TOLERANCE,
    Check,
    Plan,
    Publish,
    Refused,
    all_of,
    is_equal,
    is_near,
    number_of,
)
from device.home.registry import Call, State
from device.home.states import percent
from device.home.templates import render_command

BRIGHTNESS_STEP = 20
_UNKNOWN_BRIGHTNESS = 50
_KELVIN_TOLERANCE = 60  # a mired is up to 40 kelvin


def brightness_after_step(state: State, direction: str) -> int:
    """Percent after one step up or down; a step never switches off, and one up switches on."""
    known = _UNKNOWN_BRIGHTNESS if state.brightness is None else state.brightness
    now = 0 if state.value == "off" else known
    return max(1, min(100, now + (BRIGHTNESS_STEP if direction == "+" else -BRIGHTNESS_STEP)))


def plan_light(light: Light, call: Call, state: State) -> Plan:
    """Basic schema: a message a property, and "on" where `on_command_type` wants it."""
    on = Publish(light.command_topic, light.payload_on, light.retain)
    is_on = is_equal("value", "on") if light.state_topic else None
    match _wish(call, state):
        case "off":
            off = Publish(light.command_topic, light.payload_off, light.retain)
            return Plan((off,), is_equal("value", "off") if light.state_topic else None)
        case "on":
            if light.on_command_type == "brightness" and light.brightness_command_topic:
                return Plan((_brightness(light, state.brightness or 100),), is_on)
            return Plan((on,), is_on)
        case int() as level:
            if not light.brightness_command_topic:
                raise Refused("it cannot be dimmed")
            message = _brightness(light, level)
            sent = percent(_raw(light, level), light.brightness_scale)
            check = is_near("brightness", sent, PERCENT_TOLERANCE) if light.brightness_state_topic else None
        case float() as kelvin:
            message, check = _white(light, kelvin)
        case _:
            message, check = _color(light, str(call.value))
    check = all_of(is_on, check)
    match light.on_command_type:
        case "brightness":
            return Plan((message,), check)
        case "first":
            return Plan((on, message), check)
        case _:
            return Plan((message, on), check)


def plan_json_light(light: JsonLight, call: Call, state: State) -> Plan:
    """JSON schema: one object says it all."""
    wanted: dict[str, Any] = {"state": "ON"}
    check: Check | None = None
    match _wish(call, state):
        case "off":
            wanted = {"state": "OFF"}
        case "on":
            pass
        case int() as level:
            wanted["brightness"] = raw = _raw(light, level)
            check = is_near("brightness", percent(raw, light.brightness_scale), PERCENT_TOLERANCE)
        case float() as kelvin:
            if "color_temp" not in light.supported_color_modes:
                raise Refused("it has no colour temperature")
            wanted["color_temp"] = _temperature(light, kelvin)
            check = is_near("kelvin", _within(light, kelvin), _KELVIN_TOLERANCE)
        case _:
            color, check = _json_color(light, str(call.value))
            wanted |= color
    message = Publish(light.command_topic, msgspec.json.encode(wanted).decode(), light.retain)
    check = all_of(is_equal("value", wanted["state"].lower()), check)
    return Plan((message,), check if light.state_topic else None)


def kelvin_limits(light: Light | JsonLight) -> tuple[int, int]:
    """The warmest and the coldest white of a light."""
    if light.color_temp_kelvin and light.max_kelvin > light.min_kelvin > 0:
        return round(light.min_kelvin), round(light.max_kelvin)
    return round(1_000_000 / light.max_mireds), round(1_000_000 / light.min_mireds)


def _wish(call: Call, state: State) -> str | int | float:
    """What a light's call comes to: "on", "off", "color", percent (an int) or kelvin (a float)."""
    match call.service:
        case "turn_on":
            return "on"
        case "turn_off":
            return "off"
        case "brightness":
            return max(1, round(number_of(call))) if number_of(call) > 0 else "off"
        case "brightness_step" if state.value == "off" and call.value == "-":
            return "off"
        case "brightness_step":
            return brightness_after_step(state, str(call.value))
        case "color" if call.value in colors.RGB:
            return "color"
        case "color_temperature":
            return float(number_of(call))
    raise Refused(f"it cannot {call.service}")


def _raw(light: Light | JsonLight, level: int) -> int:
    return max(1, round(level * light.brightness_scale / 100))


def _brightness(light: Light, level: int) -> Publish:
    payload = render_command(light.brightness_command_template, _raw(light, level))
    return Publish(light.brightness_command_topic, payload, light.retain)


def _color(light: Light, name: str) -> tuple[Publish, Check | None]:
    seen = light.rgb_state_topic or light.hs_state_topic or light.xy_state_topic
    check = is_equal("color", name) if seen else None
    if name in colors.KELVIN and light.color_temp_command_topic:
        kelvin = float(colors.KELVIN[name])
        check = _is_white(light, kelvin) if light.color_temp_state_topic else None
        return _white(light, kelvin)[0], check
    if light.rgb_command_topic:
        red, green, blue = (round(channel) for channel in colors.RGB[name])
        text = f"{red},{green},{blue}"
        payload = render_command(light.rgb_command_template, text, red=red, green=green, blue=blue)
        return Publish(light.rgb_command_topic, payload, light.retain), check
    if light.hs_command_topic:
        hue, saturation = colors.to_hs(name)
        payload = render_command(light.hs_command_template, f"{hue},{saturation}", hue=hue, sat=saturation)
        return Publish(light.hs_command_topic, payload, light.retain), check
    if light.xy_command_topic:
        x, y = colors.to_xy(name)
        payload = render_command(light.xy_command_template, f"{x},{y}", x=x, y=y)
        return Publish(light.xy_command_topic, payload, light.retain), check
    raise Refused("it has no such colour")


def _white(light: Light, kelvin: float) -> tuple[Publish, Check | None]:
    if not light.color_temp_command_topic:
        raise Refused("it has no colour temperature")
    payload = render_command(light.color_temp_command_template, _temperature(light, kelvin))
    near = is_near("kelvin", _within(light, kelvin), _KELVIN_TOLERANCE)
    check = near if light.color_temp_state_topic else None
    return Publish(light.color_temp_command_topic, payload, light.retain), check


def _json_color(light: JsonLight, name: str) -> tuple[dict[str, Any], Check]:
    modes = light.supported_color_modes
    if name in colors.KELVIN and "color_temp" in modes:
        kelvin = float(colors.KELVIN[name])
        return {"color_temp": _temperature(light, kelvin)}, _is_white(light, kelvin)
    red, green, blue = (round(channel) for channel in colors.RGB[name])
    rgb: dict[str, float] = {"r": red, "g": green, "b": blue}
    if "xy" in modes:
        color = dict(zip("xy", colors.to_xy(name), strict=True))
    elif "hs" in modes:
        color = dict(zip("hs", colors.to_hs(name), strict=True))
    elif "rgbww" in modes:
        color = rgb | {"c": 0, "w": 0}
    elif "rgbw" in modes:
        color = rgb | {"w": 0}
    elif "rgb" in modes:
        color = rgb
    else:
        raise Refused("it has no such colour")
    return {"color": color}, is_equal("color", name)


def _within(light: Light | JsonLight, kelvin: float) -> float:
    """The nearest white the light can make."""
    low, high = kelvin_limits(light)
    return max(low, min(high, kelvin))


def _temperature(light: Light | JsonLight, kelvin: float) -> int:
    """`kelvin` in mired, or as it is where the light wants it."""
    value = _within(light, kelvin)
    return round(value) if light.color_temp_kelvin else round(1_000_000 / value)


def _is_white(light: Light | JsonLight, kelvin: float) -> Check:
    return is_equal("color", colors.from_kelvin(_within(light, kelvin)))

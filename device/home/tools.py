"""From a call to MQTT: what to publish, and which state of the device confirms that it was done.

Pure. Scenes, buttons, and devices that have no state topic or call themselves optimistic are confirmed by the
broker's acknowledgement alone. A cover is confirmed when it is there or on its way, a lock when it is there.
"""

from __future__ import annotations

import math
from typing import Any

import msgspec

from device.home.components import (
    Button,
    Climate,
    Component,
    Cover,
    Fan,
    JsonLight,
    Light,
    Lock,
    Number,
    Scene,
    Select,
    Switch,
)
from device.home.lights import plan_json_light, plan_light
from device.home.plans import (
    PERCENT_TOLERANCE,
    Check,
    Plan,
    Publish,
    Refused,
    Verdict,
    all_of,
    is_equal,
    is_near,
    number_of,
)
from device.home.registry import Call, State
from device.home.states import position_percent, speed_percent
from device.home.templates import BadTemplate, render_command

TEMPERATURE_STEP = 1.0
_LEAST_DEGREES = 0.3
_ON_MODES = ("heat_cool", "auto", "heat", "cool")  # in the order in which "turn on" chooses


def plan(component: Component, call: Call, state: State) -> Plan:
    """The plan for `call` from the state last known. Raises Refused."""
    try:
        made = _plan(component, call, state)
    except BadTemplate as error:
        raise Refused(str(error)) from error
    if component.optimistic:
        return msgspec.structs.replace(made, verdict=None)
    return made


def _plan(component: Component, call: Call, state: State) -> Plan:
    match component:
        case Light():
            return plan_light(component, call, state)
        case JsonLight():
            return plan_json_light(component, call, state)
        case Switch() if call.service in ("turn_on", "turn_off"):
            word, payload = (
                ("on", component.payload_on) if call.service == "turn_on" else ("off", component.payload_off)
            )
            return _set(component, payload, is_equal("value", word))
        case Fan():
            return _fan(component, call)
        case Cover() if call.service == "stop":
            return _stop(component)
        case Cover() if call.service == "position":
            return _position(component, round(number_of(call)), state)
        case Climate():
            return _climate(component, call, state)
        case Lock() if call.service in ("lock", "unlock"):
            return _lock(component, call)
        case Scene() if call.service == "scene":
            return Plan((Publish(component.command_topic, component.payload_on, component.retain),))
        case Button() if call.service == "press":
            return Plan((_message(component, component.payload_press),), idempotent=False)
        case Number() if call.service == "set_value":
            value = number_of(call)
            return _set(component, _plain(value), is_near("value", value, component.step / 2))
        case Select() if call.service == "option":
            return _set(component, call.value, is_equal("value", call.value))
    raise Refused(f"it cannot {call.service}")


def _message(component: Any, value: Any) -> Publish:
    return Publish(
        component.command_topic, render_command(component.command_template, value), component.retain
    )


def _set(component: Any, value: Any, check: Check) -> Plan:
    return Plan((_message(component, value),), check if component.state_topic else None)


def _plain(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else str(value)


def _fan(fan: Fan, call: Call) -> Plan:
    speed = round(number_of(call)) if call.service == "speed" else None
    if call.service == "turn_off" or speed == 0:
        return _set(fan, fan.payload_off, is_equal("value", "off"))
    on = _set(fan, fan.payload_on, is_equal("value", "on"))
    if call.service == "turn_on":
        return on
    if speed is None or not fan.percentage_command_topic:
        raise Refused(f"it cannot {call.service}")
    steps = fan.speed_range_max - fan.speed_range_min + 1
    raw = fan.speed_range_min - 1 + max(1, math.ceil(speed * steps / 100))
    payload = render_command(fan.percentage_command_template, raw)
    near = (
        is_near("speed", speed_percent(fan, raw), PERCENT_TOLERANCE) if fan.percentage_state_topic else None
    )
    message = Publish(fan.percentage_command_topic, payload, fan.retain)
    return Plan((message, *on.messages), all_of(on.verdict, near))


def _stop(cover: Cover) -> Plan:
    if not (cover.payload_stop and cover.command_topic):
        raise Refused("it cannot be stopped")

    def stands(now: State) -> Verdict:
        return Verdict.NO if now.value in ("opening", "closing") else Verdict.YES

    message = Publish(cover.command_topic, cover.payload_stop, cover.retain)
    return Plan((message,), stands if cover.state_topic else None)


def _position(cover: Cover, target: int, state: State) -> Plan:
    raw = round(cover.position_closed + target * (cover.position_open - cover.position_closed) / 100)
    word = {0: cover.payload_close, 100: cover.payload_open}.get(target)
    if word is not None and cover.command_topic:
        message = Publish(cover.command_topic, word, cover.retain)
    elif cover.set_position_topic:
        payload = render_command(cover.set_position_template, raw)
        message = Publish(cover.set_position_topic, payload, cover.retain)
    else:
        raise Refused("it can only be opened and closed")
    reports = cover.state_topic or cover.position_topic
    return Plan((message,), _towards(position_percent(cover, raw), state) if reports else None)


def _towards(target: int, before: State) -> Check:
    """YES when a cover is at `target` percent or on its way there."""

    def check(now: State) -> Verdict:
        if now.position is None:
            words = ("closed", "closing") if target == 0 else ("open", "opening")
            return Verdict.YES if now.value in words else Verdict.NO
        away = abs(now.position - target)
        if away <= PERCENT_TOLERANCE or now.value == ("opening" if now.position < target else "closing"):
            return Verdict.YES
        nearer = before.position is not None and away < abs(before.position - target)
        return Verdict.YES if nearer else Verdict.NO

    return check


def temperature_limits(climate: Climate) -> tuple[float, float]:
    """Lowest and highest set point in degrees Celsius; Home Assistant's 7 and 35 where none is announced."""
    fahrenheit = climate.temperature_unit == "F"
    low, high = climate.min_temp, climate.max_temp
    low = 7.0 if low is None else (low - 32) / 1.8 if fahrenheit else low
    high = 35.0 if high is None else (high - 32) / 1.8 if fahrenheit else high
    return round(low, 1), round(high, 1)


def _climate(climate: Climate, call: Call, state: State) -> Plan:
    match call.service:
        case "temperature":
            return _temperature(climate, number_of(call))
        case "temperature_step":
            known = state.current if state.target is None else state.target
            if known is None:
                raise Refused("its set temperature is not known")
            low, high = temperature_limits(climate)
            step = TEMPERATURE_STEP if call.value == "+" else -TEMPERATURE_STEP
            return _temperature(climate, max(low, min(high, known + step)))
        case "mode":
            return _mode(climate, str(call.value))
        case "turn_on" | "turn_off" if climate.power_command_topic:
            return _power(climate, is_on=call.service == "turn_on")
        case "turn_on":
            others = [mode for mode in climate.modes if mode != "off"]
            return _mode(climate, next((mode for mode in _ON_MODES if mode in others), "".join(others[:1])))
        case "turn_off":
            return _mode(climate, "off")
    raise Refused(f"it cannot {call.service}")


def _temperature(climate: Climate, celsius: float) -> Plan:
    if not climate.temperature_command_topic:
        raise Refused("its temperature cannot be set")
    own = celsius * 1.8 + 32 if climate.temperature_unit == "F" else celsius
    payload = render_command(climate.temperature_command_template, _plain(round(own, 2)))
    message = Publish(climate.temperature_command_topic, payload, climate.retain)
    near = is_near("target", celsius, max(climate.temp_step / 2, _LEAST_DEGREES))
    return Plan((message,), near if climate.temperature_state_topic else None)


def _mode(climate: Climate, mode: str) -> Plan:
    if not climate.mode_command_topic or mode not in climate.modes:
        raise Refused("it has no such mode")
    payload = render_command(climate.mode_command_template, mode)
    message = Publish(climate.mode_command_topic, payload, climate.retain)
    return Plan((message,), is_equal("value", mode) if climate.mode_state_topic else None)


def _power(climate: Climate, *, is_on: bool) -> Plan:
    word = climate.payload_on if is_on else climate.payload_off
    payload = render_command(climate.power_command_template, word)

    def runs(now: State) -> Verdict:
        return Verdict.YES if now.value is not None and (now.value != "off") == is_on else Verdict.NO

    message = Publish(climate.power_command_topic, payload, climate.retain)
    return Plan((message,), runs if climate.mode_state_topic else None)


def _lock(lock: Lock, call: Call) -> Plan:
    is_lock = call.service == "lock"
    done, doing = ("locked", "locking") if is_lock else ("unlocked", "unlocking")
    verdicts = {done: Verdict.YES, doing: Verdict.MOVING, "jammed": Verdict.FAILED}
    payload = lock.payload_lock if is_lock else lock.payload_unlock
    return _set(lock, payload, lambda now: verdicts.get(str(now.value), Verdict.NO))

"""What a clause wants, and the call that brings it about for one entity of the house."""

from __future__ import annotations

from typing import NamedTuple

from device.home.colors import from_kelvin
from device.home.registry import KELVIN_RANGE, Call, Entity, House, State
from device.reasoning.frames import Frame, Value

STEP = 25  # percent that "a bit" moves what has no step of its own
_LEAST, _MOST = 1, 100  # percent, as words say it
_CLIMATE_RANGE = (5, 35)  # degrees Celsius a bare number or an unbounded thermostat may be set to
_USUAL_KELVIN, _KELVIN_STEP = 3500, 500
_WHITE = ("kelvin", "white", "color")
_SWITCHABLE = ("light", "switch", "fan", "climate")
_UP, _DOWN = {"up", "brighten", "warm"}, {"down", "dim", "cool"}
_ABSORBS = {
    ("back", "close"): "open",
    ("back", "open"): "open",
    ("back", "on"): "on",
    ("back", "off"): "off",
    ("back", "up"): "up",
    ("back", "down"): "down",
    ("up", "close"): "open",
    ("off", "close"): "off",
    ("down", "close"): "close",
    ("up", "open"): "open",
    ("on", "run"): "on",
    ("on", "up"): "up",
    ("on", "brighten"): "brighten",
    ("on", "warm"): "warm",
    ("on", "cool"): "cool",
    ("on", "dim"): "dim",
    ("on", "down"): "down",
    ("up", "brighten"): "brighten",
    ("down", "dim"): "dim",
    ("up", "warm"): "warm",
    ("down", "cool"): "cool",
    ("up", "cool"): "cool",
    ("stop", "close"): "stop",
    ("stop", "open"): "stop",
    ("on", "stop"): "stop",
    ("stop", "off"): "off",
    ("close", "lock"): "lock",
    ("off", "press"): "off",
    ("off", "down"): "off",
    ("on", "toggle"): "on",
    ("off", "toggle"): "off",
    ("open", "toggle"): "open",
    ("close", "toggle"): "close",
}
_RELIEFS = {  # what is stepped which way to end a complaint; "lighten" is no step
    "dim": ("brightness", "-"),
    "brighten": ("brightness", "+"),
    "lower": ("", "-"),
    "raise": ("", "+"),
    "warm": ("temperature", "+"),
    "cool": ("temperature", "-"),
}
ATTRIBUTE_DOMAINS = {
    "brightness": ("light",),
    "color": ("light",),
    "temperature": ("climate",),
    "color_temperature": ("light",),
    "speed": ("fan",),
}


class Goal(NamedTuple):
    """`kind` is an act, a kind of value, "step", "option" or "lighten"; `of` says what is stepped or set.

    `value` of a "factor" is so many times as much, `sign` of a step or a difference "+" or "-".
    """

    kind: str
    of: str = ""
    sign: str = ""
    value: float = 0.0
    name: str = ""
    relative: bool = False
    slight: bool = False
    lowest: bool = False  # as little as the thing can, whatever its value then is


def reduce_acts(acts: set[str]) -> str | None:
    """The one act that several words of a clause amount to; None when they contradict each other."""
    left = sorted(acts)
    while len(left) > 1:
        pair = next(
            ((a, b) for a in left for b in left if (a, b) in _ABSORBS),
            None,
        )
        if pair is None:
            return None
        left = sorted({*left, _ABSORBS[pair]} - (set(pair) - {_ABSORBS[pair]}))
    return left[0] if left else None


def goals_of(frame: Frame) -> list[Goal]:
    """The goals of a clause; empty when it wants nothing or contradicts itself."""
    act = reduce_acts(frame.acts)
    if frame.acts and act is None:
        return []
    is_white = bool(frame.values) and all(value.name == "white" for value in frame.values)
    if frame.values and not (is_white and "temperature+" in frame.steps):  # "a warmer white" is a step
        return _value_goals(frame, act)
    signs = {step[-1] for step in frame.steps}
    if len(signs) > 1:
        return []
    if frame.steps:
        sign = next(iter(signs))
        if act and act not in ("on", "up", "down", "dim", "brighten", "warm", "cool"):
            return []
        of = next((step[:-1] for step in frame.steps if step[:-1]), next(iter(frame.attributes), ""))
        return [Goal("step", of, sign)]
    if act in _UP or act in _DOWN:
        of = {
            "dim": "brightness",
            "brighten": "brightness",
            "warm": "temperature",
            "cool": "temperature",
        }.get(act, "")
        return [
            Goal(
                "step",
                of or next(iter(frame.attributes), ""),
                "+" if act in _UP else "-",
                slight=frame.is_slight,
            )
        ]
    if act and frame.attributes and not ATTRIBUTE_DOMAINS.keys() & set(frame.attributes):
        return []  # "turn on the humidity"
    if act:
        is_warmth = act in ("on", "off") and "temperature" in frame.attributes  # "turn off the heat"
        return [Goal(act, "temperature" if is_warmth else "", slight=frame.is_slight)]
    if frame.complaint:
        return [_relief(frame)]
    if frame.is_wished and not frame.verbs and any(target.noun == "light" for target in frame.targets):
        return [Goal("lighten")]
    return [Goal("on")] if frame.activities and not frame.states else []


def _relief(frame: Frame) -> Goal:
    """What a complaint begs for, or the state itself where that is wished."""
    of, sign = _RELIEFS.get(frame.complaint, ("", ""))
    if not frame.is_sought:
        return Goal("step", of, sign) if sign else Goal("lighten")
    return Goal("step", of, "-" if sign == "+" else "+") if sign else Goal("off", "brightness")


def _value_goals(frame: Frame, act: str | None) -> list[Goal]:
    plain = [value.kind for value in frame.values]
    if len(set(plain)) < len(plain):
        return []  # "three two one"
    if act in ("off", "lock", "unlock", "stop", "press"):
        return []
    if act in ("open", "close") and all(
        value.is_level and value.amount in (_LEAST, _MOST) for value in frame.values
    ):
        return [Goal(act)]
    if frame.states == ["close"] and not frame.acts:  # "40 percent closed"
        return [
            Goal("percent", value=100 - value.amount)
            for value in frame.values
            if value.kind in ("percent", "number")
        ]
    signs = {step[-1] for step in frame.steps} | ({"+"} if act in _UP else {"-"} if act in _DOWN else set())
    if any(value.relative for value in frame.values):
        signs |= {"open": {"+"}, "close": {"-"}}.get(act or "", set())
    sign = next(iter(signs)) if len(signs) == 1 else ""
    return [_value_goal(value, sign, bool(frame.steps), frame) for value in frame.values]


def _value_goal(value: Value, sign: str, compared: bool, frame: Frame) -> Goal:
    kind, amount = value.kind, value.amount
    if kind == "factor":
        return Goal(kind, value.name or next(iter(frame.attributes), ""), "+" if amount > 1 else "-", amount)
    if value.is_level and value.relative and sign:
        return Goal("factor", "", sign, 1 + amount / 100 * (1 if sign == "+" else -1))
    if value.is_level:
        lowest = amount == _LEAST or (amount == _MOST and sign == "-")  # "all the way down"
        return Goal(kind, next(iter(frame.attributes), ""), sign, _LEAST if lowest else amount, lowest=lowest)
    if kind in ("color", "white", "kelvin"):
        return Goal(kind, next(iter(frame.attributes), ""), sign, amount, value.name)
    is_dropped = kind == "degrees" and value.is_loose and "close" in frame.acts  # "drop it a degree"
    sign = sign or ("-" if is_dropped else "")
    relative = (value.relative or compared or is_dropped) and bool(sign)
    if kind == "number" and {"temperature", "color_temperature"} & set(frame.attributes):
        kind = "kelvin" if amount >= KELVIN_RANGE[0] else "degrees"
    return Goal(kind, next(iter(frame.attributes), ""), sign, amount, value.name, relative)


def call_for(goal: Goal, entity: Entity, house: House) -> Call | None:
    """The call that reaches `goal` for `entity`, in or out of range; None when it has no such goal."""
    domain, state = entity.domain, house.states.get(entity.id, State())
    is_white = goal.kind in _WHITE and goal.of == "temperature"
    is_set = goal.kind != "step" and goal.of in ATTRIBUTE_DOMAINS and not is_white
    if is_set and domain not in ATTRIBUTE_DOMAINS[goal.of]:
        return None
    match goal.kind, domain:
        case "on", "light" | "switch" | "fan" | "climate":
            return Call("turn_on", entity.id)
        case "off", "light" | "switch" | "fan" | "climate":
            return Call("turn_off", entity.id)
        case "run", "light" | "switch" | "fan" | "climate":
            return Call("turn_on", entity.id)
        case "toggle", _:
            return _toggle(entity, house)
        case "stop", "switch" | "fan" | "light":
            return Call("turn_off", entity.id)
        case "on" | "run", "scene":
            return Call("scene", entity.id)
        case "on" | "run" | "press", "button":
            return Call("press", entity.id)
        case "open" | "close", "light":
            return Call("turn_on" if goal.kind == "open" else "turn_off", entity.id)
        case "open" | "close", "cover":
            return Call("position", entity.id, _cover_position(goal, state))
        case "stop", "cover":
            return Call("stop", entity.id)
        case "lock" | "unlock", "lock":
            return Call(goal.kind, entity.id)
        case "lighten", "light":
            is_on = state.value == "on" and "dim" in entity.features
            return Call("brightness_step", entity.id, "+") if is_on else Call("turn_on", entity.id)
        case "step", _:
            return _step(goal, entity, state)
        case "percent" | "number" | "degrees", _:
            return _value_call(goal, entity, state)
        case "color", "light":
            return Call("color", entity.id, goal.name)
        case "kelvin" | "white", "light" if "color_temp" in entity.features:
            return Call("color_temperature", entity.id, whole(goal.value))
        case "kelvin" | "white", "light":
            return Call("color", entity.id, from_kelvin(goal.value))
        case "factor", "light" | "fan":
            return _multiplied(goal, entity, state)
        case "option", "select" | "climate":
            return Call("option" if domain == "select" else "mode", entity.id, goal.name)
        case _:
            return None


def _toggle(entity: Entity, house: House) -> Call | None:
    """The opposite of what it is now; None where that is not known."""
    now = house.states.get(entity.id, State()).value
    opposites = {
        **{domain: {"on": "off", "off": "on"} for domain in _SWITCHABLE},
        "cover": {"open": "close", "closed": "open", "opening": "stop", "closing": "stop"},
        "lock": {"locked": "unlock", "unlocked": "lock"},
    }
    kind = opposites.get(entity.domain, {}).get(str(now), "")
    return call_for(Goal(kind), entity, house) if kind else None


def _multiplied(goal: Goal, entity: Entity, state: State) -> Call | None:
    """So many times its brightness or speed; a step where that is not known."""
    now, service, of = (
        (state.brightness, "brightness", ("", "brightness"))
        if entity.domain == "light"
        else (state.speed, "speed", ("", "speed"))
    )
    if goal.of not in of:
        return None
    if now is None or state.value == "off":
        return _step(Goal("step", goal.of, goal.sign), entity, state)
    return Call(service, entity.id, max(1, min(100, round(now * goal.value))))


def _cover_position(goal: Goal, state: State) -> int:
    sign = 1 if goal.kind == "open" else -1
    if not goal.slight:
        return 100 if sign > 0 else 0
    start = state.position if state.position is not None else (0 if sign > 0 else 100)
    return max(0, min(100, start + sign * STEP))


def _step(goal: Goal, entity: Entity, state: State) -> Call | None:
    match entity.domain:
        case "light" if goal.of in ("", "strength", "brightness"):
            return Call("brightness_step", entity.id, goal.sign)
        case "light" if goal.of == "temperature" and "color_temp" in entity.features:
            kelvin = (state.kelvin or _USUAL_KELVIN) + (-_KELVIN_STEP if goal.sign == "+" else _KELVIN_STEP)
            low, high = entity.minimum or KELVIN_RANGE[0], entity.maximum or KELVIN_RANGE[1]
            return Call("color_temperature", entity.id, whole(max(low, min(high, kelvin))))
        case "climate" if goal.of in ("", "strength", "temperature"):
            return Call("temperature_step", entity.id, goal.sign)
        case "switch" if goal.of == "temperature" and goal.sign == "+":
            return Call("turn_on", entity.id)
        case "cover" if goal.of == "":
            return Call(
                "position",
                entity.id,
                _cover_position(Goal("open" if goal.sign == "+" else "close", slight=goal.slight), state),
            )
        case "fan" if goal.of in ("", "strength", "speed"):
            now = state.speed if state.speed is not None else 50
            return Call("speed", entity.id, max(0, min(100, now + (STEP if goal.sign == "+" else -STEP))))
        case _:
            return None


def _value_call(goal: Goal, entity: Entity, state: State) -> Call | None:
    services = {
        "light": ("brightness", state.brightness, ("percent", "number")),
        "cover": ("position", state.position, ("percent", "number")),
        "fan": ("speed", state.speed, ("percent", "number")),
        "climate": ("temperature", state.target, ("degrees", "number")),
        "number": ("set_value", state.value, ("percent", "degrees", "number")),
    }
    if entity.domain not in services:
        return None
    service, now, kinds = services[entity.domain]
    if goal.kind not in kinds:
        return None
    if goal.lowest and entity.domain == "cover":
        return Call(service, entity.id, 0)
    if not goal.relative:
        return Call(service, entity.id, whole(goal.value))
    if isinstance(now, int | float):
        value = now + goal.value * (1 if goal.sign == "+" else -1)
        return Call(
            service, entity.id, whole(max(0.0, min(100.0, value)) if goal.kind == "percent" else value)
        )
    return _step(goal._replace(of=""), entity, state)


def whole(value: float) -> int | float:
    """An int where the value is whole: 21.0 is said and sent as 21."""
    return int(value) if value == int(value) else value


def in_range(call: Call, house: House) -> bool:
    """Whether the house allows the call; thermostats without bounds are held to what rooms can be."""
    if not house.allows(call):
        return False
    if call.service != "temperature" or not isinstance(call.value, int | float):
        return True
    entity = house.entities[call.entity]
    low = _CLIMATE_RANGE[0] if entity.minimum is None else entity.minimum
    high = _CLIMATE_RANGE[1] if entity.maximum is None else entity.maximum
    return low <= call.value <= high

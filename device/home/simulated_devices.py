"""The devices of a simulated home: what they announce, what they say, and what commands do to them.

Pure: commands and times go in, MQTT messages come out. The topics of an entity are
`<home>/<domain>/<object>/…`; commands end in `/set`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from device.home import colors
from device.home.components import KINDS
from device.home.naming import slug
from device.home.registry import Value

_ENTITY_ID = rf"^({'|'.join(KINDS)})\.[a-z0-9_]+$"


class EntityPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An entity of the home file; `state` and what follows is how it starts."""

    id: Annotated[str, Meta(pattern=_ENTITY_ID)]
    name: str = ""  # "": called like its device
    features: tuple[Literal["dim", "color", "color_temp", "position", "speed"], ...] = ()
    schema: Literal["basic", "json"] = "basic"
    device_class: str = ""
    unit: str = ""
    options: tuple[str, ...] = ()
    minimum: float = 0
    maximum: float = 100
    step: float = 1
    travel_ms: int = 0  # covers: from closed to open
    sets: dict[str, str] = {}  # scenes: entity id to "on" or "off"
    state: Value | None = None
    brightness: int = 100
    color: str = "white"
    kelvin: int = 0  # lights: shines white of this; 0: in its colour
    position: int = 0
    speed: int = 50
    target: float = 21
    current: float = 20.5


class DevicePlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A device of the home file."""

    name: Annotated[str, Meta(min_length=1)]
    entities: Annotated[tuple[EntityPlan, ...], Meta(min_length=1)]
    area: str = ""
    announce: Literal["components", "device"] = "components"
    delay_ms: Annotated[float, Meta(ge=0)] = 0
    fail: bool | Literal["silent"] | float = False  # offline, deaf, or the share of commands it misses


class HomePlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A home file."""

    device: Annotated[tuple[DevicePlan, ...], Meta(min_length=1)]
    topic: Annotated[str, Meta(pattern="^[A-Za-z0-9_-]+$")] = "home"


class SimulatedEntity:
    """One entity that behaves."""

    def __init__(self, plan: EntityPlan, home: str) -> None:
        self.plan = plan
        self.domain, _, self.object_id = plan.id.partition(".")
        self.base = f"{home}/{self.domain}/{self.object_id}"
        self.value: Value | None = _first_value(plan, self.domain)
        self.brightness, self.rgb = plan.brightness, colors.RGB.get(plan.color, colors.RGB["white"])
        self.kelvin = plan.kelvin
        self.speed, self.target, self.position = plan.speed, plan.target, float(plan.position)
        self._goal: float | None = None
        self._moved_at = 0.0

    @property
    def is_moving(self) -> bool:
        """Whether it changes by itself."""
        return self._goal is not None

    def command(self, part: str, payload: str, now: float) -> bool:
        """Carries out a command on `<base>/<part>/set` (part "" for `<base>/set`); False if it makes none."""
        try:
            return self._command(part, payload, now)
        except (ValueError, TypeError, KeyError, msgspec.DecodeError):
            return False

    def advance(self, now: float) -> None:
        """Moves a cover on its way."""
        if self._goal is None:
            return
        way = (now - self._moved_at) * 1000 / max(self.plan.travel_ms, 1) * 100
        self._moved_at = now
        if abs(self._goal - self.position) <= way:
            self.position, self._goal = self._goal, None
            self.value = "closed" if self.position == 0 else "open"
        else:
            self.position += way if self._goal > self.position else -way

    def states(self) -> dict[str, str]:
        """Topic to payload of all it has to say now."""
        said = self._said()
        return {f"{self.base}/{part}": _text(value) for part, value in said.items()}

    def _said(self) -> dict[str, Any]:
        match self.domain:
            case "light" if self.plan.schema == "json":
                red, green, blue = (round(channel) for channel in self.rgb)
                said: dict[str, Any] = {"state": _text(self.value).upper()}
                if {"dim", "color", "color_temp"} & set(self.plan.features):
                    said["brightness"] = round(self.brightness * 2.54)
                if "color" in self.plan.features and not self.kelvin:
                    said |= {"color_mode": "rgb", "color": {"r": red, "g": green, "b": blue}}
                if self.kelvin:
                    said |= {"color_mode": "color_temp", "color_temp": round(1_000_000 / self.kelvin)}
                return {"state": said}
            case "light":
                red, green, blue = (round(channel) for channel in self.rgb)
                said = {"state": _text(self.value).upper()}
                said |= {"brightness": round(self.brightness * 2.55)} if "dim" in self.plan.features else {}
                if self.kelvin:
                    return said | {"color_temp": self.kelvin}
                return said | ({"rgb": f"{red},{green},{blue}"} if "color" in self.plan.features else {})
            case "fan":
                return {"state": _text(self.value).upper(), "speed": self.speed}
            case "cover":
                return {"state": self.value, "position": round(self.position)}
            case "climate":
                said = {"mode": self.value, "target": self.target, "current": self.plan.current}
                return {"state": said}
            case "switch" | "binary_sensor" | "lock":
                return {"state": _text(self.value).upper()}
            case "sensor":
                return {"state": {"value": self.value}}
            case "number" | "select":
                return {"state": self.value}
            case _:
                return {}

    def _command(self, part: str, payload: str, now: float) -> bool:
        match self.domain, part:
            case "light", "" if self.plan.schema == "json":
                self._light_object(msgspec.json.decode(payload))
            case (("light" | "switch" | "fan"), ""):
                self.value = {"ON": "on", "OFF": "off"}[payload]
            case "light", "brightness":
                self.brightness = round(float(payload) / 2.55)
            case "light", "rgb":
                red, green, blue = (float(channel) for channel in payload.split(","))
                self.rgb, self.kelvin = (red, green, blue), 0
            case "light", "color_temp":
                self.kelvin = int(payload)
            case "fan", "speed":
                self.speed = int(payload)
            case "cover", "":
                self.advance(now)
                self._move({"OPEN": 100.0, "CLOSE": 0.0, "STOP": self.position}[payload], now)
            case "cover", "position":
                self.advance(now)
                self._move(min(100.0, max(0.0, float(payload))), now)
            case "climate", "mode" if payload in self.plan.options:
                self.value = payload
            case "climate", "temperature":
                self.target = min(self.plan.maximum, max(self.plan.minimum, float(payload)))
            case "lock", "":
                self.value = {"LOCK": "locked", "UNLOCK": "unlocked"}[payload]
            case "number", "" if self.plan.minimum <= float(payload) <= self.plan.maximum:
                self.value = float(payload)
            case "select", "" if payload in self.plan.options:
                self.value = payload
            case (("scene" | "button"), ""):
                pass
            case _:
                return False
        return True

    def _light_object(self, wanted: dict[str, Any]) -> None:
        self.value = str(wanted.get("state", self.value)).lower()
        if "brightness" in wanted:
            self.brightness = round(float(wanted["brightness"]) / 2.54)
        if "color" in wanted:
            color = wanted["color"]
            self.rgb, self.kelvin = (float(color["r"]), float(color["g"]), float(color["b"])), 0
        if "color_temp" in wanted:
            self.kelvin = round(1_000_000 / float(wanted["color_temp"]))

    def _move(self, goal: float, now: float) -> None:
        self._goal, self._moved_at = goal, now
        if self.plan.travel_ms and goal != self.position:
            self.value = "opening" if goal > self.position else "closing"
        else:
            self.position = goal
            self.advance(now)

    def config(self) -> dict[str, Any]:
        """Its discovery message without device and availability; topics start with `~`, the base topic."""
        plan = self.plan
        config: dict[str, Any] = {"~": self.base, "name": plan.name or None, "object_id": self.object_id}
        config |= {"unique_id": f"{self.domain}_{self.object_id}"}
        if plan.device_class:
            config["device_class"] = plan.device_class
        return config | _CONFIGS[self.domain](plan)


class SimulatedDevice:
    """A device with its entities."""

    def __init__(self, plan: DevicePlan, home: str) -> None:
        self.plan, self.id = plan, slug(plan.name)
        self.entities = [SimulatedEntity(entity, home) for entity in plan.entities]
        self.availability = f"{home}/{self.id}/availability"
        self._bridge = f"{home}/bridge/state"

    @property
    def is_online(self) -> bool:
        """Whether its availability topic says so."""
        return self.plan.fail is not True

    def discovery(self, prefix: str) -> dict[str, str]:
        """Discovery topic to payload."""
        device = {"ids": [self.id], "name": self.plan.name, "mf": "Wren", "sa": self.plan.area}
        shared: dict[str, Any] = {
            "dev": device,
            "o": {"name": "wren home-sim"},
            "avty": [{"t": self._bridge}, {"t": self.availability}],
            "avty_mode": "all",
        }
        if self.plan.announce == "device":
            parts = {
                f"{one.domain}_{one.object_id}": {"p": one.domain, **one.config()} for one in self.entities
            }
            return {f"{prefix}/device/{self.id}/config": _text({**shared, "cmps": parts})}
        return {
            f"{prefix}/{one.domain}/{one.object_id}/config": _text({**shared, **one.config()})
            for one in self.entities
        }


def _first_value(plan: EntityPlan, domain: str) -> Value | None:
    if plan.state is not None:
        return plan.state
    options = [option for option in plan.options if option != "off"]
    return {
        "light": "off",
        "switch": "off",
        "fan": "off",
        "binary_sensor": "off",
        "cover": "open" if plan.position else "closed",
        "lock": "locked",
        "climate": "".join(options[:1]),
        "select": "".join(plan.options[:1]),
        "number": plan.minimum,
        "sensor": 0,
    }.get(domain)


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return msgspec.json.encode(value).decode()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _light(plan: EntityPlan) -> dict[str, Any]:
    topics: dict[str, Any] = {"cmd_t": "~/set", "stat_t": "~/state"}
    if plan.schema == "json":
        kinds = {"color": "rgb", "color_temp": "color_temp"}
        modes = [mode for feature, mode in kinds.items() if feature in plan.features]
        modes = modes or (["brightness"] if "dim" in plan.features else ["onoff"])
        return topics | {
            "schema": "json",
            "brightness": modes != ["onoff"],
            "bri_scl": 254,
            "sup_clrm": modes,
        }
    if "dim" in plan.features:
        topics |= {"bri_cmd_t": "~/brightness/set", "bri_stat_t": "~/brightness"}
    if "color" in plan.features:
        topics |= {"rgb_cmd_t": "~/rgb/set", "rgb_stat_t": "~/rgb"}
    if "color_temp" in plan.features:
        topics |= {
            "clr_temp_cmd_t": "~/color_temp/set",
            "clr_temp_stat_t": "~/color_temp",
            "clr_temp_k": True,
        }
    return topics


def _fan(plan: EntityPlan) -> dict[str, Any]:
    topics = {"cmd_t": "~/set", "stat_t": "~/state"}
    return topics | (
        {"pct_cmd_t": "~/speed/set", "pct_stat_t": "~/speed"} if "speed" in plan.features else {}
    )


def _cover(plan: EntityPlan) -> dict[str, Any]:
    topics = {"cmd_t": "~/set", "stat_t": "~/state", "pos_t": "~/position"}
    return topics | ({"set_pos_t": "~/position/set"} if "position" in plan.features else {})


def _climate(plan: EntityPlan) -> dict[str, Any]:
    return {
        "modes": plan.options,
        "mode_cmd_t": "~/mode/set",
        "mode_stat_t": "~/state",
        "mode_stat_tpl": "{{ value_json.mode }}",
        "temp_cmd_t": "~/temperature/set",
        "temp_stat_t": "~/state",
        "temp_stat_tpl": "{{ value_json.target }}",
        "curr_temp_t": "~/state",
        "curr_temp_tpl": "{{ value_json.current }}",
        "min_temp": plan.minimum,
        "max_temp": plan.maximum,
        "temp_step": plan.step,
    }


_CONFIGS: dict[str, Callable[[EntityPlan], dict[str, Any]]] = {
    "light": _light,
    "switch": lambda _: {"cmd_t": "~/set", "stat_t": "~/state"},
    "fan": _fan,
    "cover": _cover,
    "climate": _climate,
    "lock": lambda _: {"cmd_t": "~/set", "stat_t": "~/state"},
    "sensor": lambda plan: {
        "stat_t": "~/state",
        "val_tpl": "{{ value_json.value }}",
        "unit_of_meas": plan.unit,
    },
    "binary_sensor": lambda _: {"stat_t": "~/state"},
    "scene": lambda _: {"cmd_t": "~/set"},
    "button": lambda _: {"cmd_t": "~/set"},
    "number": lambda plan: {
        "cmd_t": "~/set",
        "stat_t": "~/state",
        "min": plan.minimum,
        "max": plan.maximum,
        "step": plan.step,
        "unit_of_meas": plan.unit,
    },
    "select": lambda plan: {"cmd_t": "~/set", "stat_t": "~/state", "ops": plan.options},
}

"""Home Assistant MQTT discovery: from a configuration message to the components it announces.

Topics are `<prefix>/<component>/[<node>/]<object>/config`, with `device` as component for a whole device at
once. The newest message of a topic is the whole truth about it: components that a device no longer lists are
gone, and an empty payload removes everything the topic announced.
Source: the discovery section of Home Assistant's MQTT documentation.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from device.home.abbreviations import ABBREVIATIONS, DEVICE_ABBREVIATIONS
from device.home.components import KINDS, Component, component
from device.home.templates import BadTemplate

PAYLOAD_BYTES = 262_144
_TOPIC = re.compile(r"(?P<component>\w+)/(?:(?P<node>[\w-]+)/)?(?P<object>[\w-]+)/config", re.ASCII)
_SHARED_KEYS = (
    "device",
    "availability",
    "availability_mode",
    "availability_template",
    "availability_topic",
    "command_topic",
    "payload_available",
    "payload_not_available",
    "state_topic",
)
_HIDDEN_CATEGORIES = ("config", "diagnostic")


class Announced(msgspec.Struct, frozen=True):
    """One component of a discovery message. `slot` tells it from others of the same topic."""

    slot: str
    domain: str
    object_id: str
    component: Component


class Discovery(msgspec.Struct, frozen=True):
    """What a discovery message says; `problems` name what of it cannot be used, a line each."""

    announced: tuple[Announced, ...] = ()
    problems: tuple[str, ...] = ()


def topic_filters(prefix: str) -> list[str]:
    """What to subscribe to: the components that Wren knows, and whole devices."""
    kinds = ("device", *KINDS)
    return [f"{prefix}/{kind}/{tail}" for kind in kinds for tail in ("+/config", "+/+/config")]


def is_discovery(topic: str, prefix: str) -> bool:
    """Whether `topic` is one that `topic_filters` asks for."""
    return topic.startswith(f"{prefix}/") and topic.endswith("/config")


def parse(topic: str, payload: bytes, prefix: str) -> Discovery:
    """What a message on a discovery topic announces. Never raises."""
    matched = _TOPIC.fullmatch(topic.removeprefix(f"{prefix}/"))
    if matched is None:
        return Discovery(problems=("the topic is no discovery topic",))
    domain, object_id = matched["component"], matched["object"]
    if not payload or not (domain in KINDS or domain == "device"):
        return Discovery()
    if len(payload) > PAYLOAD_BYTES:
        return Discovery(
            problems=(f"{len(payload)} bytes are more than the {PAYLOAD_BYTES} of a description",)
        )
    try:
        config = msgspec.json.decode(payload)
    except (msgspec.DecodeError, RecursionError) as error:
        return Discovery(problems=(f"it is not JSON: {error}",))
    if not isinstance(config, dict):
        return Discovery(problems=("it is not a JSON object",))
    base, config = config.get("~"), _expand(config)
    if config.get("migrate_discovery"):
        return Discovery()
    if domain != "device":
        return _one("", domain, object_id, config)
    return _device(object_id, config, base)


def _device(object_id: str, config: dict[str, Any], base: Any) -> Discovery:
    parts = config.get("components")
    if not isinstance(parts, dict):
        return Discovery(problems=("a device needs components, an object",))
    shared = {key: config[key] for key in _SHARED_KEYS if key in config}
    found = []
    for slot, part in parts.items():
        if not isinstance(part, dict):
            found.append(Discovery(problems=(f"component {slot} is not an object",)))
            continue
        part = _expand(part, base)
        domain = str(part.get("platform"))
        if domain in KINDS and part.keys() - {"platform"}:
            found.append(_one(slot, domain, f"{object_id}_{slot}", shared | part))
    return Discovery(
        tuple(one for each in found for one in each.announced),
        tuple(line for each in found for line in each.problems),
    )


def _one(slot: str, domain: str, object_id: str, config: dict[str, Any]) -> Discovery:
    try:
        built = component(domain, config)
    except (ValueError, BadTemplate) as error:
        return Discovery(problems=(f"{slot or domain}: {error}",))
    if built.entity_category in _HIDDEN_CATEGORIES or not built.enabled_by_default:
        return Discovery()
    return Discovery((Announced(slot, domain, object_id, built),))


def _expand(config: dict[str, Any], base: Any = None) -> dict[str, Any]:
    """`config` with long keys and whole topics: `~` at either end of a topic stands for the base."""
    config = {ABBREVIATIONS.get(key, key): value for key, value in config.items()}
    base = config.pop("~", base)
    if isinstance(device := config.get("device"), dict):
        config["device"] = {DEVICE_ABBREVIATIONS.get(key, key): value for key, value in device.items()}
    listed = config.get("availability")
    if isinstance(listed, dict | list):
        items = [listed] if isinstance(listed, dict) else listed
        config["availability"] = [_expand(item, base) if isinstance(item, dict) else item for item in items]
    if isinstance(base, str):
        config = {
            key: _with_base(value, base) if key.endswith("topic") and isinstance(value, str) else value
            for key, value in config.items()
        }
    return config


def _with_base(topic: str, base: str) -> str:
    if topic.startswith("~"):
        return base + topic[1:]
    return topic[:-1] + base if topic.endswith("~") else topic

"""What things are called: entity ids, spoken names and areas, composed as Home Assistant does."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Mapping

from msgspec import UNSET

from device.home.components import Component


def slug(text: str) -> str:
    """`living_room` of "Living Room"; "" when nothing of it can be written in ASCII."""
    plain = unicodedata.normalize("NFKD", text.casefold().replace("'", "").replace("’", ""))
    return re.sub(r"[^a-z0-9]+", "_", plain.encode("ascii", "ignore").decode()).strip("_")


def spoken_name(component: Component, domain: str) -> str:
    """Device name and entity name together, without saying the device's name twice."""
    device, own = component.device.name.strip(), component.name
    if own is UNSET:
        own = component.device_class.replace("_", " ").title() if domain.endswith("sensor") else None
    own = (own or "").strip()
    if not (device and own):
        return device or own
    if own.casefold().startswith(device.casefold()):
        return own
    return f"{device} {own}"


def entity_id(component: Component, domain: str, name: str, object_id: str, taken: Container[str]) -> str:
    """`light.kitchen`: the id asked for, else from the name, else from the topic; numbered when taken."""
    asked = component.default_entity_id.rpartition(".")[2] or component.object_id
    stem = f"{domain}.{slug(asked) or slug(name) or slug(object_id) or 'unnamed'}"
    number, candidate = 1, stem
    while candidate in taken:
        number += 1
        candidate = f"{stem}_{number}"
    return candidate


def area_of(component: Component, entity: str, name: str, areas: Mapping[str, str]) -> str:
    """The area id: from the settings by entity id, name or device name, else what the device suggests."""
    by_name = {key.casefold(): area for key, area in areas.items()}
    for key in (entity, name, component.device.name):
        if area := by_name.get(key.casefold()):
            return slug(area)
    return slug(component.device.suggested_area)

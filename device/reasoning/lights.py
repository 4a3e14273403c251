"""Lights that are meant without being called so: "light up my desk", "give me the desk lamp". Pure."""

from __future__ import annotations

from collections.abc import Sequence

from device.reasoning.frames import Frame, Target
from device.reasoning.items import Item
from device.reasoning.names import NameIndex

_LEADING = frozenset(("preposition", "clock", "act"))


def light_up(frame: Frame, part: Sequence[Item], index: NameIndex) -> None:
    """Makes a light of an unknown thing that is to be lit, and a wish to switch on of one for a light."""
    if any(_says_where(part[at:]) for at, item in enumerate(part) if "lights" in item.readings):
        for target in frame.targets:
            if target.words and not (target.noun or target.found):
                target.noun = target.spoken_noun = "light"
    is_given = any("gives" in item.readings for item in part)
    lights = [_is_light(target, index) for target in frame.targets]
    if is_given and not (frame.has_goal or frame.attributes) and lights and all(lights):
        frame.acts.add("on")


def _says_where(rest: Sequence[Item]) -> bool:
    """Whether what follows is to be lit: "light up my desk", not what "some light reading" names."""
    return rest[0].is_verb or any(item.kind in _LEADING for item in rest[1:2])


def _is_light(target: Target, index: NameIndex) -> bool:
    named = [index.entities[entity] for found in target.found[:1] for entity in found.name.ids]
    return all(one.domain == "light" for one in named) if named else target.noun == "light"

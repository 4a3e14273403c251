"""Questions about the house: which entities to read for an answer."""

from __future__ import annotations

from collections.abc import Mapping

from device.home.registry import Entity, services_of
from device.reasoning.frames import Frame, Target
from device.reasoning.names import SURE
from device.reasoning.results import NotPossible, NotUnderstood, Stop
from device.reasoning.things import Things

_TAIL = 3  # unknown words a question about a thing called by its whole name may have ("whirling away")
_TAIL_COST = 0.95
_MANY = 40
_SWITCHABLE = ("light", "switch", "fan")
_OPENINGS = frozenset(("blind", "curtain", "cover", "garage", "door", "window", "gate"))
_STATE_DOMAINS = {
    "open": ("cover", "binary_sensor"),
    "close": ("cover", "binary_sensor"),
    "lock": ("lock", "binary_sensor"),
    "unlock": ("lock", "binary_sensor"),
    "on": ("light", "switch", "fan", "climate", "binary_sensor"),
    "off": ("light", "switch", "fan", "climate", "binary_sensor"),
}
_STATE_CLASSES = {
    **dict.fromkeys(("open", "close"), ("door", "window", "garage_door", "opening")),
    **dict.fromkeys(("lock", "unlock"), ("lock",)),
}
_NOUN_OF_STATE = {"open": "", "close": "", "lock": "lock", "unlock": "lock"}
_ROOM_NOUNS = ("light", "fan", "blind", "curtain", "thermostat")  # without a room, those of this room
_MEASURED_BY = {
    "aqi": ("aqi", "carbon_dioxide", "volatile_organic_compounds", "pm25"),
    "outdoor_temperature": ("temperature",),
    "occupancy": ("occupancy", "presence", "motion"),
    "motion": ("motion", "occupancy", "presence"),
}
_ALSO_KNOWN_BY = {"temperature": "climate", "brightness": "light", "speed": "fan", "color": "light"}


def answerable(things: Things, frame: Frame) -> list[str]:
    """The entities whose states answer a question. Raises Stop when it is not about this house."""
    if sensors := _sensing(things, frame):
        return sensors
    attribute = _attribute(frame)
    entities: list[str] = []
    for target in frame.targets:
        entities += _asked(things, frame, target, attribute)
    if not frame.targets and attribute and attribute != "color":
        entities = _measuring(things, attribute, "@outdoor" if attribute == "outdoor_temperature" else "")
    is_bare = not (frame.targets or attribute or frame.has_subject or frame.is_ours or frame.unknown)
    if is_bare and _wanted_state(frame) and frame.is_open_question:
        entities = _of_kind(things, frame, Target(0, 0, noun="everything", every=True), "")
    known = [e for e in dict.fromkeys(entities) if _may_have(things.house.entities[e], attribute)]
    if not known or len(known) > _MANY:
        raise Stop(NotUnderstood())
    return known


def _may_have(entity: Entity, attribute: str) -> bool:
    """Whether an entity may have an attribute: no light has a speed."""
    return attribute != "speed" or entity.domain not in ("light", "cover", "climate")


def _sensing(things: Things, frame: Frame) -> list[str]:
    """The binary sensors of the class that is spoken of, where yes or no is asked of one or which of many."""
    wanted = _wanted_state(frame)
    classes = {sense for sense, is_all in frame.senses if is_all or not wanted}
    nouns = {target.noun for target in frame.targets}
    if frame.is_sensed or "sensor" in nouns or not (frame.is_open_question or frame.senses):
        classes |= set(frame.attributes) or (nouns if frame.is_sensed else set())
    entities = things.house.entities
    found = [e for e, x in entities.items() if x.domain == "binary_sensor" and x.device_class in classes]
    for target in frame.targets if found else ():
        if target.found:
            found = [e for e in found if any(e in name.name.ids for name in target.found)]
        elif target.words:
            named = things.partly(target, is_strict=False)
            found = [e for e in found if e in named]
        elif target.noun not in ("", "sensor", "everything", *classes):
            return []
        if target.area and not target.area.startswith("@unknown"):
            found = things.within(found, things.area_of(target))
    return found


def _attribute(frame: Frame) -> str:
    if frame.attributes:
        return frame.attributes[0]
    is_warmth = bool(frame.acts & {"warm", "cool"}) or frame.complaint in ("warm", "cool")
    return "temperature" if is_warmth else ""


def _wanted_state(frame: Frame) -> str:
    return next((act for act in (*sorted(frame.acts), *frame.states) if act in _STATE_DOMAINS), "")


def _readable(things: Things, entity: str) -> bool:
    return "get" in services_of(things.house.entities[entity])


def _asked(things: Things, frame: Frame, target: Target, attribute: str) -> list[str]:
    if target.found and target.found[0].score >= SURE:
        named = [e for e in target.found[0].name.ids if _readable(things, e)]
        if named:
            return _named(things, frame, target, attribute, named)
        target = Target(target.start, target.end, area=target.found[0].name.area)
    if _is_tail(things, target, frame):
        return []
    if frame.unknown or not (target.noun or target.area or target.words):
        raise Stop(NotUnderstood())
    area = things.area_of(target)
    if target.words:
        return _partly_named(things, frame, target, area)
    if attribute and target.noun:
        alike = [
            e
            for e in things.index.called(target.spoken_noun)
            if _measures(things, things.house.entities[e], attribute)
        ]
        if alike:
            return alike
    if attribute and not target.noun:
        where = things.house.areas.get(area, "").lower()
        kind = "temperature" if attribute == "outdoor_temperature" else attribute.replace("_", " ")
        return _measuring(things, attribute, area, f"{kind} sensor{where and ' in the '}{where}")
    return _of_kind(things, frame, target, area)


def _is_tail(things: Things, target: Target, frame: Frame) -> bool:
    """Whether these unknown words only say more of a thing that is named in full."""
    others = [found for other in frame.targets if other is not target for found in other.found[:1]]
    named = [entity for found in others for entity in found.name.ids]
    is_bare = bool(target.words) and not (target.noun or target.area)
    return is_bare and bool(named) and len(target.words) <= _tail(things, frame, named)


def _tail(things: Things, frame: Frame, named: list[str]) -> int:
    """How many unknown words may be said of these: "what … the lamp …" is seldom about the lamp."""
    is_measured = any(things.house.entities[e].domain not in _SWITCHABLE for e in named)
    return _TAIL if is_measured or frame.attributes or not frame.is_open_question else 0


def _named(things: Things, frame: Frame, target: Target, attribute: str, named: list[str]) -> list[str]:
    if target.area:
        named = things.within(named, things.area_of(target))
        if not named:
            raise Stop(NotPossible(things.spoken(target)))
    if len(frame.unknown) > _tail(things, frame, named):
        raise Stop(NotUnderstood())
    things.confidence *= target.found[0].score * (_TAIL_COST if frame.unknown else 1.0)
    return _fitting(things, named, frame, attribute)


def _fitting(things: Things, ids: list[str], frame: Frame, attribute: str) -> list[str]:
    """Of the entities that a name means, or of their parts, those that the attribute or the state fits."""
    entities = things.house.entities
    ids = [e for e in ids if attribute and _measures(things, entities[e], attribute)] or ids
    wanted = _wanted_state(frame)
    ids = [e for e in ids if entities[e].device_class in _STATE_CLASSES.get(wanted, ())] or ids
    for domain in _STATE_DOMAINS.get(wanted, ()):
        if fitting := [e for e in ids if entities[e].domain == domain] or _parts(entities, ids, domain):
            return fitting
    return ids[:1]


def _parts(entities: Mapping[str, Entity], ids: list[str], domain: str) -> list[str]:
    """Entities of `domain` that are part of a named thing: the contact of a door that also has a lock."""
    wholes = [(entities[e].name.lower() + " ", entities[e].area) for e in ids]
    return [
        e
        for e, entity in entities.items()
        if entity.domain == domain
        and any(entity.name.lower().startswith(name) and entity.area == area for name, area in wholes)
    ]


def _partly_named(things: Things, frame: Frame, target: Target, area: str) -> list[str]:
    ids = [e for e, score in things.partly(target).items() if score >= SURE and _readable(things, e)]
    ids = things.within(ids, area) if area else ids
    is_thing = any(things.words[at] in things.lexicon.things for at in target.words)
    is_told = bool(frame.acts or frame.states or frame.attributes)
    is_object = is_thing and is_told and len(frame.targets) == 1
    is_room = all(things.words[at] in things.lexicon.rooms for at in target.words)
    is_asked = bool(frame.attributes or frame.acts or frame.states or frame.complaint)
    if not ids and (target.noun not in ("", "scene") or is_object or (is_room and is_asked)):
        raise Stop(NotPossible(things.spoken(target)))
    if len(ids) != 1:
        raise Stop(NotUnderstood())
    return ids


def _measures(things: Things, entity: Entity, attribute: str) -> bool:
    if entity.domain == "sensor" and not entity.device_class:
        return any(attribute in words for words in things.index.words_of[entity.id])
    is_sensor = entity.domain in ("sensor", "binary_sensor")
    return is_sensor and entity.device_class in _MEASURED_BY.get(attribute, (attribute,))


def _measuring(things: Things, attribute: str, area: str, said: str = "") -> list[str]:
    """What tells `attribute` in `area`; without one, here, or else the only thing that tells it indoors."""
    everything = things.house.entities.values()
    sensors = [e.id for e in everything if _measures(things, e, attribute)]
    others = [e.id for e in everything if e.domain == _ALSO_KNOWN_BY.get(attribute)]
    if attribute == "color":
        others = [e for e in others if "color" in things.house.entities[e].features]
    here = things.house.device_area
    for candidates in (sensors, others):
        indoors = [e for e in candidates if e not in things.index.outdoor]
        nearby = things.within(indoors, here) if here else []
        inside = things.within(candidates, area) if area else nearby
        if inside:
            return inside if attribute in ("brightness", "color") else inside[:1]
    if area:
        raise Stop(NotPossible(said) if said else NotUnderstood())
    indoors = [e for e in (*sensors, *others) if e not in things.index.outdoor] or sensors
    if len(indoors) != 1:
        raise Stop(NotUnderstood())
    return indoors


def _of_kind(things: Things, frame: Frame, target: Target, area: str) -> list[str]:
    entities = things.house.entities
    wanted = _wanted_state(frame)
    if not wanted and target.noun in ("", "everything"):
        raise Stop(NotUnderstood())
    noun = target.noun or _NOUN_OF_STATE.get(wanted, "light")
    ids = [
        e
        for e, nouns in things.index.nouns_of.items()
        if _is_kind(entities[e], nouns, noun, wanted)
        and _readable(things, e)
        and (not wanted or entities[e].domain in _STATE_DOMAINS[wanted])
    ]
    if target.spoken_noun:
        ids = things.literally(ids, target)
    if wanted in ("lock", "unlock"):
        ids = [e for e in ids if entities[e].domain == "lock"] or ids
    if _attribute(frame) == "color":
        ids = [e for e in ids if "color" in entities[e].features] or ids
    if area:
        ids = things.within(ids, area)
    elif not target.every and noun in _ROOM_NOUNS:
        ids = things.within(ids, things.house.device_area) or ids
    if not ids and not target.noun and area in ("", "@house"):
        raise Stop(NotPossible(noun or "door"))
    if not ids:
        raise Stop(NotPossible(things.spoken(target)))
    return ids


def _is_kind(entity: Entity, nouns: frozenset[str], noun: str, wanted: str) -> bool:
    if noun == "everything" and wanted in ("open", "close", "lock", "unlock"):
        return entity.domain == "lock" if wanted.endswith("lock") else bool(_OPENINGS & nouns)
    if noun == "everything":
        return entity.domain in _SWITCHABLE
    return noun in nouns if noun else bool(_OPENINGS & nouns)

"""The live house: what discovery announced, where its states come from, and what they say now.

Pure: messages and times go in, changes come out. What was announced stays until its topic is emptied, so that
a broker that returns without its memory, or devices that announce themselves again, change nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from device.home.components import (
    BinarySensor,
    Climate,
    Component,
    Cover,
    Fan,
    JsonLight,
    Light,
    Number,
    Select,
    Sensor,
)
from device.home.discovery import Announced, parse
from device.home.lights import kelvin_limits
from device.home.naming import area_of, entity_id, spoken_name
from device.home.registry import Entity, State
from device.home.states import Reader, readers
from device.home.templates import MESSAGE_BYTES, Message, render
from device.home.tools import temperature_limits

Key = tuple[str, str]  # discovery topic, slot within it


class Thing(msgspec.Struct):
    """An entity with its component, and what is known of it."""

    announced: Announced
    entity: Entity
    state: State = State()
    topics: set[str] = set()
    reachable: dict[str, bool] = {}  # by availability topic, in the order of the news

    @property
    def component(self) -> Component:
        """How it is spoken to."""
        return self.announced.component


class Changes(msgspec.Struct):
    """What a message changed, for those outside."""

    entities: dict[str, Entity | None] = {}  # None: removed
    states: dict[str, State] = {}
    heard: set[str] = set()  # whose devices have spoken, with or without news
    subscribe: set[str] = set()
    unsubscribe: set[str] = set()
    problems: list[str] = []


class LiveHouse:
    """The house of one broker. `areas` and `aliases` are the person's own settings."""

    def __init__(self, prefix: str, areas: Mapping[str, str], aliases: Mapping[str, tuple[str, ...]]) -> None:
        self._prefix, self._areas, self._aliases = prefix, areas, aliases
        self.things: dict[str, Thing] = {}  # by entity id
        self._payloads: dict[str, int] = {}  # discovery topic -> hash of its newest message
        self._slots: dict[str, set[str]] = {}  # discovery topic -> slots it announced
        self._ids: dict[Key, str] = {}
        self._uniques: dict[tuple[str, str], Key] = {}  # domain, unique id -> who announced it
        self._doubles: dict[Key, Announced] = {}  # what was announced although another topic has it
        self._routes: dict[str, dict[str, list[Reader]]] = {}  # topic -> entity id -> readers
        self._due: dict[str, tuple[float, dict[str, Any]]] = {}  # entity id -> when its state becomes what

    @property
    def topics(self) -> set[str]:
        """Every topic that tells of the house now."""
        return set(self._routes)

    def announce(self, topic: str, payload: bytes) -> Changes:
        """Takes a message on a discovery topic."""
        changes = Changes()
        if self._payloads.get(topic) == hash(payload):
            return changes
        self._payloads[topic] = hash(payload)
        found = parse(topic, payload, self._prefix)
        changes.problems += [f"{topic}: {problem}" for problem in found.problems]
        if found.problems and not found.announced:
            return changes
        announced = {one.slot: one for one in found.announced}
        for slot in self._slots.pop(topic, set()) - announced.keys():
            self._remove((topic, slot), changes)
        if announced:
            self._slots[topic] = set(announced)
        for slot, one in announced.items():
            self._add((topic, slot), one, changes)
        return changes

    def receive(self, topic: str, payload: bytes, now: float) -> Changes:
        """Takes a message on a state or availability topic."""
        changes = Changes()
        if len(payload) > MESSAGE_BYTES:
            changes.problems.append(
                f"{topic}: {len(payload)} bytes are more than the {MESSAGE_BYTES} of a state"
            )
            return changes
        message = Message(payload)
        for name, found in self._routes.get(topic, {}).items():
            thing = self.things[name]
            state = thing.state
            for reader in found:
                state = reader(state, message) or state
            if found:
                state = self._keep_time(thing, state, now)
            self._update(thing, _availability(thing, topic, message, state), changes)
            changes.heard.add(name)
        return changes

    def tick(self, now: float) -> Changes:
        """Takes the states whose time has come: sensors that fell silent, motion that is over."""
        changes = Changes()
        for name in [name for name, (due, _) in self._due.items() if due <= now]:
            _, news = self._due.pop(name)
            thing = self.things[name]
            self._update(thing, replace(thing.state, **news), changes)
            changes.heard.add(name)
        return changes

    def rename(self, areas: Mapping[str, str], aliases: Mapping[str, tuple[str, ...]]) -> Changes:
        """Takes the person's changed areas and aliases."""
        self._areas, self._aliases = areas, aliases
        changes = Changes()
        for name, thing in self.things.items():
            self._describe(thing, self._entity(name, thing.announced), changes)
        return changes

    def _add(self, key: Key, announced: Announced, changes: Changes) -> None:
        name = self._ids.get(key)
        if name is not None and self.things[name].announced == announced:
            return
        if name is not None and _unique(self.things[name].announced) != _unique(announced):
            self._remove(key, changes)
            name = None
        if name is None:
            if self._uniques.setdefault(_unique(announced) or key, key) != key:
                self._doubles[key] = announced
                return
            spoken = spoken_name(announced.component, announced.domain)
            name = entity_id(announced.component, announced.domain, spoken, announced.object_id, self.things)
            self._ids[key] = name
            self.things[name] = Thing(announced, Entity(id="", name=""))
        thing = self.things[name]
        thing.announced, thing.reachable = announced, {}
        self._route(name, announced.component, changes)
        self._describe(thing, self._entity(name, announced), changes)

    def _remove(self, key: Key, changes: Changes) -> None:
        self._doubles.pop(key, None)
        name = self._ids.pop(key, None)
        if name is None:
            return
        self._route(name, None, changes)
        thing = self.things.pop(name)
        self._due.pop(name, None)
        changes.entities[name] = None
        unique = _unique(thing.announced)
        del self._uniques[unique or key]
        for other, double in list(self._doubles.items()):
            if _unique(double) == unique:
                del self._doubles[other]
                self._add(other, double, changes)

    def _entity(self, name: str, announced: Announced) -> Entity:
        component = announced.component
        spoken = spoken_name(component, announced.domain) or name.partition(".")[2].replace("_", " ").title()
        base = Entity(
            id=name,
            name=spoken,
            area=area_of(component, name, spoken, self._areas),
            aliases=self._aliases.get(name, ()),
            device_class=component.device_class,
        )
        return _detailed(base, component)

    def _describe(self, thing: Thing, entity: Entity, changes: Changes) -> None:
        if thing.entity != entity:
            thing.entity = entity
            changes.entities[entity.id] = entity

    def _route(self, name: str, component: Component | None, changes: Changes) -> None:
        """Makes the topics of `component`, and no others, lead to the entity `name`."""
        thing = self.things[name]
        old, thing.topics = thing.topics, set()
        for topic in old:
            del self._routes[topic][name]
        if component is not None:
            for topic, reader in readers(component):
                self._routes.setdefault(topic, {}).setdefault(name, []).append(reader)
                thing.topics.add(topic)
            for availability in component.availability:
                self._routes.setdefault(availability.topic, {}).setdefault(name, [])
                thing.topics.add(availability.topic)
        changes.subscribe |= thing.topics
        for topic in old:
            if not self._routes.get(topic):
                self._routes.pop(topic, None)
                changes.unsubscribe.add(topic)

    def _keep_time(self, thing: Thing, state: State, now: float) -> State:
        component = thing.component
        if isinstance(component, BinarySensor) and component.off_delay and state.value == "on":
            self._due[thing.entity.id] = (now + component.off_delay, {"value": "off"})
        elif isinstance(component, BinarySensor | Sensor) and component.expire_after:
            self._due[thing.entity.id] = (now + component.expire_after, {"available": False})
            state = replace(state, available=True)
        return state

    def _update(self, thing: Thing, state: State, changes: Changes) -> None:
        if state != thing.state:
            thing.state = state
            changes.states[thing.entity.id] = state


def _unique(announced: Announced) -> tuple[str, str] | None:
    unique_id = announced.component.unique_id
    return (announced.domain, unique_id) if unique_id else None


def _availability(thing: Thing, topic: str, message: Message, state: State) -> State:
    """`state` with what `message` says of whether the entity can be reached; unheard topics count as well."""
    component = thing.component
    for availability in component.availability:
        text = render(availability.value_template, message) if availability.topic == topic else None
        if text not in (availability.payload_available, availability.payload_not_available):
            continue
        thing.reachable.pop(topic, None)
        thing.reachable[topic] = text == availability.payload_available
        known = list(thing.reachable.values())
        answer = {"all": all(known), "any": any(known)}.get(component.availability_mode, known[-1])
        state = replace(state, available=answer)
    return state


def _detailed(entity: Entity, component: Component) -> Entity:
    """`entity` with what only its kind has."""
    match component:
        case Light():
            color = component.rgb_command_topic or component.hs_command_topic or component.xy_command_topic
            white = component.color_temp_command_topic
            found = _with_features(
                entity, dim=component.brightness_command_topic, color=color, color_temp=white
            )
            return _with_kelvin(found, component) if white else found
        case JsonLight():
            modes = set(component.supported_color_modes)
            dim = component.brightness or modes - {"onoff"}
            colored = modes & {"xy", "hs", "rgb", "rgbw", "rgbww"}
            found = _with_features(entity, dim=dim, color=colored, color_temp=modes & {"color_temp"})
            return _with_kelvin(found, component) if "color_temp" in modes else found
        case Fan():
            return _with_features(entity, speed=component.percentage_command_topic)
        case Cover():
            return _with_features(entity, position=component.set_position_topic)
        case Climate():
            low, high = temperature_limits(component)
            return replace(entity, options=component.modes, minimum=low, maximum=high, unit="°C")
        case Number():
            return replace(
                entity, minimum=component.min, maximum=component.max, unit=component.unit_of_measurement
            )
        case Select():
            return replace(entity, options=component.options)
        case Sensor():
            return replace(entity, unit=component.unit_of_measurement)
        case _:
            return entity


def _with_features(entity: Entity, **features: object) -> Entity:
    return replace(entity, features=frozenset(name for name, there in features.items() if there))


def _with_kelvin(entity: Entity, light: Light | JsonLight) -> Entity:
    low, high = kelvin_limits(light)
    return replace(entity, minimum=low, maximum=high)

"""Keeps the house as `home.entity`, `home.changed` and `home.connection` tell it; gives it out as a House."""

from __future__ import annotations

from collections.abc import Mapping

from device.events import Event, HomeChanged, HomeConnection, HomeEntity
from device.home.registry import Entity, House, State, Tool, areas_of, floors_of


class HouseMirror:
    """The newest description and state of every entity."""

    def __init__(self, device_area: str = "", floors: Mapping[str, str] | None = None) -> None:
        """`floors`: area id to the spoken name of its floor."""
        self.device_area = device_area
        self.floors: Mapping[str, str] = floors or {}
        self.tools: Mapping[str, Tool] = {}
        self.connected = False
        self._entities: dict[str, Entity] = {}
        self._states: dict[str, State] = {}

    def apply(self, event: Event) -> bool:
        """Takes over an event; true when the entities themselves changed."""
        match event:
            case HomeEntity(entity=None):
                self._states.pop(event.entity_id, None)
                return self._entities.pop(event.entity_id, None) is not None
            case HomeEntity(entity=entity) if entity is not None:
                changed = self._entities.get(event.entity_id) != entity
                self._entities[event.entity_id] = entity
                return changed
            case HomeChanged():
                self._states[event.entity_id] = event.state
            case HomeConnection():
                self.connected = event.connected
        return False

    def house(self) -> House:
        """A snapshot that later events do not change."""
        return House(
            entities=dict(self._entities),
            areas=areas_of(self._entities.values()),
            floors=floors_of(self.floors),
            states=dict(self._states),
            device_area=self.device_area,
            tools=dict(self.tools),
        )

"""The house as the reason daemon sees it: what the events tell, and the person's floors."""

from __future__ import annotations

from device.events import HomeChanged, HomeEntity
from device.home.mirror import HouseMirror
from device.home.registry import Entity, State


def test_the_floors_of_the_settings_hold_the_areas_that_were_put_on_them() -> None:
    mirror = HouseMirror("kitchen", {"loft": "top floor", "attic": "top floor", "kitchen": "downstairs"})
    assert mirror.house().floors == {"top floor": ("loft", "attic"), "downstairs": ("kitchen",)}


def test_a_snapshot_is_not_changed_by_later_events() -> None:
    mirror = HouseMirror()
    lamp = Entity(id="light.lamp", name="Lamp", area="loft")
    assert mirror.apply(HomeEntity(entity_id=lamp.id, entity=lamp))
    before = mirror.house()
    mirror.apply(HomeChanged(entity_id=lamp.id, state=State(value="on")))
    assert before.states == {}
    assert mirror.house().states == {lamp.id: State(value="on")}
    assert mirror.house().areas == {"loft": "Loft"}

"""What is synthesised before anybody asks."""

from __future__ import annotations

from device.dialog import machine
from device.home.registry import Call, Entity, House, areas_of
from device.reasoning import replies
from device.services.phrases import MOST, expected_phrases

LIGHT = Entity(id="light.kitchen", name="Kitchen Light", area="kitchen")
COVER = Entity(id="cover.blind", name="Blind", area="bedroom", device_class="blind")
LOCK = Entity(id="lock.front", name="Front Door", area="hall")
SENSOR = Entity(id="sensor.outside", name="Outside Temperature", unit="°C")


def test_every_plain_change_of_the_house_is_expected_in_the_words_of_its_confirmation() -> None:
    entities = {entity.id: entity for entity in (LIGHT, COVER, LOCK, SENSOR)}
    house = House(entities=entities, areas=areas_of(entities.values()))
    phrases = expected_phrases(entities)
    for call in (
        Call("turn_on", LIGHT.id),
        Call("turn_off", LIGHT.id),
        Call("position", COVER.id, 0),
        Call("lock", LOCK.id),
    ):
        assert replies.confirm([call], house) in phrases
    assert machine.SAY_AGAIN in phrases


def test_a_large_house_does_not_fill_the_cache_and_no_phrase_comes_twice() -> None:
    entities = {f"light.{n}": Entity(id=f"light.{n}", name=f"Light {n % 500}") for n in range(1000)}
    phrases = expected_phrases(entities)
    assert len(phrases) == len(set(phrases)) == MOST

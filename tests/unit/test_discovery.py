"""Discovery: what is announced becomes entities, however it is written; what is wrong is named and ignored."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.home.abbreviations import ABBREVIATIONS
from device.home.components import KINDS, Component, JsonLight
from device.home.discovery import PAYLOAD_BYTES, parse, topic_filters
from device.home.house import LiveHouse
from device.home.own import OwnDevice
from device.home.registry import Entity
from device.settings import Device

LIGHT = {"command_topic": "lamp/set", "state_topic": "lamp", "name": "Lamp"}


def live(**settings: Any) -> LiveHouse:
    return LiveHouse("homeassistant", settings.get("areas", {}), settings.get("aliases", {}))


def announced(house: LiveHouse, topic: str, config: Any) -> dict[str, Entity | None]:
    changes = house.announce(f"homeassistant/{topic}/config", json.dumps(config).encode())
    assert changes.problems == []
    return changes.entities


def only(entities: dict[str, Entity | None]) -> Entity:
    (entity,) = entities.values()
    assert entity is not None
    return entity


def test_a_light_is_known_by_its_device_name_area_and_features() -> None:
    entity = only(
        announced(
            live(),
            "light/0x1234/light",
            {
                "name": None,
                "schema": "json",
                "brightness": True,
                "supported_color_modes": ["xy", "color_temp"],
                "command_topic": "zigbee2mqtt/Kitchen Light/set",
                "state_topic": "zigbee2mqtt/Kitchen Light",
                "unique_id": "0x1234_light",
                "device": {"identifiers": ["0x1234"], "name": "Kitchen Light", "suggested_area": "Kitchen"},
            },
        )
    )
    assert entity == Entity(
        id="light.kitchen_light",
        name="Kitchen Light",
        area="kitchen",
        features=frozenset({"dim", "color", "color_temp"}),
        minimum=2000,
        maximum=6536,
    )


def test_short_and_long_keys_announce_the_same() -> None:
    long = {
        "availability": [
            {"topic": "x/lamp/avail", "payload_available": "up", "payload_not_available": "down"}
        ],
        "brightness_command_topic": "x/lamp/b/set",
        "brightness_state_topic": "x/lamp/b",
        "brightness_scale": 100,
        "command_topic": "x/lamp/set",
        "state_topic": "x/lamp",
        "device": {"identifiers": "a", "name": "Lamp", "suggested_area": "Office"},
        "object_id": "lamp",
        "unique_id": "u1",
    }
    short = {
        "~": "x/lamp",
        "avty": [{"t": "~/avail", "pl_avail": "up", "pl_not_avail": "down"}],
        "bri_cmd_t": "~/b/set",
        "bri_stat_t": "~/b",
        "bri_scl": 100,
        "cmd_t": "~/set",
        "stat_t": "~",
        "dev": {"ids": "a", "name": "Lamp", "sa": "Office"},
        "obj_id": "lamp",
        "uniq_id": "u1",
    }
    topic = "homeassistant/light/lamp/config"
    parsed = [parse(topic, json.dumps(config).encode(), "homeassistant") for config in (long, short)]
    assert parsed[0].announced
    assert parsed[0] == parsed[1]


def test_every_abbreviation_stands_for_a_key_that_is_read() -> None:
    kinds: list[type[Component]] = [*KINDS.values(), JsonLight]
    read = {field for kind in kinds for field in kind.__struct_fields__}
    read |= {
        "availability_topic",
        "availability_template",
        "topic",
        "payload_available",
        "payload_not_available",
    }
    read |= {"components", "platform"}
    assert set(ABBREVIATIONS.values()) <= read


def test_the_base_topic_may_stand_at_either_end() -> None:
    found = parse(
        "homeassistant/switch/s/config",
        b'{"~": "dev/7", "cmd_t": "~/set", "stat_t": "state/~"}',
        "homeassistant",
    )
    component: Any = found.announced[0].component
    assert (component.command_topic, component.state_topic) == ("dev/7/set", "state/dev/7")


def test_a_device_announces_all_its_components_at_once() -> None:
    house = live()
    entities = announced(
        house,
        "device/door",
        {
            "~": "door",
            "dev": {"ids": ["d"], "name": "Front Door", "sa": "Hallway"},
            "o": {"name": "someone"},
            "avty_t": "~/up",
            "cmps": {
                "lock": {"p": "lock", "name": None, "cmd_t": "~/lock/set", "stat_t": "~/lock"},
                "contact": {"p": "binary_sensor", "dev_cla": "door", "stat_t": "~/contact"},
                "camera": {"p": "camera", "topic": "~/camera"},
                "gone": {"p": "sensor"},
            },
        },
    )
    assert {entity.name for entity in entities.values() if entity} == {"Front Door", "Front Door Door"}
    assert house.topics == {"door/lock", "door/contact", "door/up"}


def test_a_component_that_its_device_no_longer_lists_is_gone() -> None:
    house = live()
    part = {"platform": "switch", "name": "One", "command_topic": "a/set"}
    announced(house, "device/d", {"components": {"one": part, "two": {**part, "name": "Two"}}})
    assert announced(house, "device/d", {"components": {"one": part}}) == {"switch.two": None}


def test_an_empty_payload_removes_what_its_topic_announced() -> None:
    house = live()
    announced(house, "light/lamp", LIGHT)
    changes = house.announce("homeassistant/light/lamp/config", b"")
    assert changes.entities == {"light.lamp": None}
    assert changes.unsubscribe == {"lamp"}
    assert house.things == {}


def test_the_same_announcement_again_changes_nothing() -> None:
    house = live()
    announced(house, "light/lamp", LIGHT)
    house.receive("lamp", b"ON", 0)
    assert announced(house, "light/lamp", LIGHT) == {}
    assert announced(house, "light/lamp", {**LIGHT, "icon": "mdi:lamp"}) == {}
    assert house.things["light.lamp"].state.value == "on"


def test_a_changed_announcement_keeps_the_entity_and_moves_its_subscription() -> None:
    house = live()
    announced(house, "light/lamp", LIGHT)
    changes = house.announce(
        "homeassistant/light/lamp/config", json.dumps({**LIGHT, "state_topic": "lamp/state"}).encode()
    )
    assert (changes.entities, changes.subscribe, changes.unsubscribe) == ({}, {"lamp/state"}, {"lamp"})


@pytest.mark.parametrize(
    ("config", "name"),
    [
        ({"name": "Lamp"}, "Lamp"),
        ({"name": None, "device": {"name": "Desk"}}, "Desk"),
        ({"device": {"name": "Desk"}}, "Desk"),
        ({"name": "Lamp", "device": {"name": "Desk"}}, "Desk Lamp"),
        ({"name": "Desk Lamp", "device": {"name": "Desk"}}, "Desk Lamp"),
        ({}, "Wall 2"),
    ],
)
def test_names_are_composed_of_device_and_entity(config: dict[str, Any], name: str) -> None:
    assert only(announced(live(), "switch/wall_2", {"command_topic": "x", **config})).name == name


def test_ids_come_from_the_object_id_and_never_collide() -> None:
    house = live()
    for number in range(3):
        announced(house, f"switch/s{number}", {"command_topic": "x", "name": "Küche"})
    announced(house, "switch/s9", {"command_topic": "x", "name": "Küche", "object_id": "sink"})
    announced(house, "switch/s8", {"command_topic": "x", "name": "Küche", "default_entity_id": "switch.pump"})
    assert list(house.things) == [
        "switch.kuche",
        "switch.kuche_2",
        "switch.kuche_3",
        "switch.sink",
        "switch.pump",
    ]


def test_one_thing_announced_on_two_topics_is_one_entity() -> None:
    house = live()
    announced(house, "light/lamp", {**LIGHT, "unique_id": "u"})
    assert announced(house, "light/node/lamp", {**LIGHT, "unique_id": "u"}) == {}
    changes = house.announce("homeassistant/light/lamp/config", b"")
    assert list(house.things) == ["light.lamp"], "the other announcement takes over"
    assert changes.entities["light.lamp"] is not None


def test_the_persons_settings_name_areas_and_aliases() -> None:
    house = live(areas={"light.lamp": "Kid's Room"}, aliases={"light.lamp": ("moon",)})
    config = {**LIGHT, "device": {"name": "", "suggested_area": "Attic"}}
    entity = only(announced(house, "light/lamp", config))
    assert (entity.area, entity.aliases) == ("kids_room", ("moon",))
    changes = house.rename({"lamp": "Cellar"}, {})
    assert only(changes.entities).area == "cellar"


def test_what_is_for_technicians_is_no_entity() -> None:
    for config in ({"entity_category": "diagnostic"}, {"ent_cat": "config"}, {"en": False}):
        assert announced(live(), "sensor/x", {"state_topic": "x", **config}) == {}


def test_units_options_and_limits_are_taken_over() -> None:
    house = live()
    select = only(
        announced(house, "select/s", {"command_topic": "s/set", "name": "S", "options": ["a", "b"]})
    )
    number = only(announced(house, "number/n", {"cmd_t": "n/set", "name": "N", "min": "0", "max": 9}))
    warm = {
        "name": "T",
        "temp_cmd_t": "t/set",
        "temp_unit": "F",
        "min_temp": 50,
        "max_temp": 86,
        "modes": ["heat"],
    }
    climate = only(announced(house, "climate/t", warm))
    assert select.options == ("a", "b")
    assert (number.minimum, number.maximum) == (0, 9)
    assert (climate.minimum, climate.maximum, climate.options) == (10, 30, ("heat",))


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"x" * 1_000_000, "1000000 bytes"),
        (b"not json", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[1, 2]", "not a JSON object"),
        (b'{"name": "x"}', "command_topic"),
        (b'{"command_topic": 7.5, "state_topic": ["a"]}', "state_topic"),
        (b'{"command_topic": ""}', "command_topic"),
        (b'{"command_topic": "a/#"}', "no topic"),
        (b'{"command_topic": "a", "schema": "template"}', "schema 'template' is not supported"),
        (b'{"command_topic": "a", "brightness_scale": "much"}', "brightness_scale"),
        (b'{"command_topic": "a", "brightness_scale": 0}', "brightness_scale"),
        (b'{"command_topic": "a", "availability": [7]}', "availability"),
        (
            b'{"command_topic": "a", "state_value_template": "{% for x in y %}{% endfor %}"}',
            "template uses for",
        ),
    ],
)
def test_an_unusable_announcement_is_named_in_one_line_and_changes_nothing(
    payload: bytes, words: str
) -> None:
    house = live()
    announced(house, "light/lamp", LIGHT)
    before = dict(house.things)
    changes = house.announce("homeassistant/light/lamp/config", payload)
    (problem,) = changes.problems
    assert words in problem
    assert problem.startswith("homeassistant/light/lamp/config: ")
    assert "\n" not in problem
    assert house.things == before
    assert house.announce("homeassistant/light/lamp/config", payload).problems == [], "it is said once"


def test_a_broken_component_does_not_take_its_device_along() -> None:
    house = live()
    config = {
        "components": {
            "bad": {"p": "light", "name": "B"},
            "worse": 3,
            "good": {"p": "switch", "cmd_t": "x", "name": "G"},
        }
    }
    changes = house.announce("homeassistant/device/d/config", json.dumps(config).encode())
    assert list(changes.entities) == ["switch.g"]
    assert len(changes.problems) == 2


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
known_keys = st.sampled_from(
    sorted({*ABBREVIATIONS, *ABBREVIATIONS.values(), "~", "name", "min", "max", "schema"})
)


@settings(max_examples=150)
@given(
    kind=st.sampled_from([*KINDS, "device"]),
    config=st.dictionaries(known_keys, json_values, max_size=8),
    news=st.lists(
        st.binary(max_size=12) | json_values.map(lambda value: json.dumps(value).encode()), max_size=4
    ),
)
def test_no_announcement_and_no_message_breaks_the_house(kind: str, config: Any, news: list[bytes]) -> None:
    house = live()
    house.announce(
        f"homeassistant/{kind}/x/config", json.dumps({"cmd_t": "a", "stat_t": "b", **config}).encode()
    )
    for payload in news:
        for topic in house.topics:
            house.receive(topic, payload, 1.0)
    house.tick(1e9)
    house.announce(f"homeassistant/{kind}/x/config", b"")
    assert house.things == {}
    assert house.topics == set()


@given(payload=st.binary(max_size=64))
def test_no_bytes_break_the_parser(payload: bytes) -> None:
    parse("homeassistant/device/x/config", payload, "homeassistant")


def test_only_known_components_are_subscribed_to() -> None:
    filters = topic_filters("ha")
    assert "ha/light/+/config" in filters
    assert "ha/device/+/+/config" in filters
    assert not any("camera" in each for each in filters)


def test_wrens_own_announcement_is_sound_and_fits_its_topics() -> None:
    own = OwnDevice(Device(id="kitchen", area="living_room"), "homeassistant")
    message = own.announcement()
    found = parse(message.topic, message.payload.encode(), "homeassistant")
    assert found.problems == ()
    assert message.retain
    assert {one.domain for one in found.announced} == {"sensor", "switch", "binary_sensor", "button"}
    assert len(message.payload) < PAYLOAD_BYTES

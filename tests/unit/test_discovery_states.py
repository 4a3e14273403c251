"""What devices say becomes the state of the house: one vocabulary for all makes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from device.home import colors
from device.home.house import LiveHouse
from device.home.registry import State


def house_of(kind: str, **config: Any) -> LiveHouse:
    house = LiveHouse("homeassistant", {}, {})
    changes = house.announce(f"homeassistant/{kind}/x/config", json.dumps({"name": "X", **config}).encode())
    assert changes.problems == []
    assert list(house.things) == [f"{kind}.x"]
    return house


def hear(house: LiveHouse, *messages: tuple[str, str]) -> State:
    for topic, payload in messages:
        house.receive(topic, payload.encode(), 0)
    (thing,) = house.things.values()
    return thing.state


BASIC = {
    "command_topic": "l/set",
    "state_topic": "l",
    "brightness_command_topic": "l/b/set",
    "brightness_state_topic": "l/b",
    "rgb_command_topic": "l/rgb/set",
    "rgb_state_topic": "l/rgb",
}


def test_a_light_of_the_basic_schema() -> None:
    light = house_of("light", **BASIC)
    said = (("l", "ON"), ("l/b", "127"), ("l/rgb", "0,0,255"))
    assert hear(light, *said) == State(value="on", brightness=50, color="blue")
    assert hear(light, ("l", "off"), ("l/b", "much"), ("l/rgb", "1,2")) == State(
        value="on", brightness=50, color="blue"
    ), "what makes no sense changes nothing"
    assert hear(light, ("l", "OFF")).value == "off"


def test_a_light_of_the_json_schema_may_say_things_bit_by_bit() -> None:
    light = house_of(
        "light",
        schema="json",
        command_topic="l/set",
        state_topic="l",
        brightness_scale=254,
        supported_color_modes=["xy", "color_temp"],
    )
    assert hear(light, ("l", '{"state": "ON", "brightness": 254, "linkquality": 80}')) == State(
        value="on", brightness=100
    )
    assert hear(light, ("l", '{"color_mode": "xy", "color": {"x": 0.7006, "y": 0.2993}}')).color == "red"
    assert (
        hear(light, ("l", '{"color_mode": "color_temp", "color_temp": 370, "color": {}}')).color
        == "warm white"
    )
    assert hear(light, ("l", "ON"), ("l", "[]"), ("l", '{"state": true}')).value == "on"


def test_a_light_that_glows_is_not_at_zero_percent() -> None:
    assert hear(house_of("light", **BASIC), ("l/b", "1")).brightness == 1


@pytest.mark.parametrize("name", colors.RGB)
def test_colors_are_recognised_in_every_notation(name: str) -> None:
    assert colors.from_rgb(colors.RGB[name]) == name
    assert colors.from_hs(*colors.to_hs(name)) == name
    assert colors.from_xy(*colors.to_xy(name)) == name


def test_a_switch_with_its_own_words() -> None:
    switch = house_of("switch", command_topic="s/set", state_topic="s", state_on=1, state_off=0)
    assert hear(switch, ("s", "1")).value == "on"
    assert hear(switch, ("s", "0")).value == "off"


def test_a_contact_that_speaks_in_booleans() -> None:
    door = house_of(
        "binary_sensor",
        state_topic="d",
        payload_on=False,
        payload_off=True,
        value_template="{{ value_json.contact }}",
    )
    assert hear(door, ("d", '{"contact": false}')).value == "on"


@pytest.mark.parametrize(("raw", "percent"), [("1", 33), ("3", 100), ("0", 0)])
def test_a_fan_of_three_speeds(raw: str, percent: int) -> None:
    fan = house_of(
        "fan",
        command_topic="f/set",
        state_topic="f",
        percentage_command_topic="f/p/set",
        percentage_state_topic="f/p",
        speed_range_max=3,
    )
    assert hear(fan, ("f", "ON"), ("f/p", raw)) == State(value="on", speed=percent)


def test_a_cover_that_counts_backwards() -> None:
    cover = house_of(
        "cover", set_position_topic="c/set", position_topic="c", position_open=0, position_closed=200
    )
    assert hear(cover, ("c", "0")) == State(value="open", position=100)
    assert hear(cover, ("c", "150")) == State(value="open", position=25)
    assert hear(cover, ("c", "200")) == State(value="closed", position=0)


def test_a_cover_that_stops_on_its_way_is_open() -> None:
    cover = house_of("cover", command_topic="c/set", state_topic="c", position_topic="c/p")
    assert hear(cover, ("c", "closing"), ("c/p", "40"), ("c", "stopped")) == State(value="open", position=40)
    assert hear(cover, ("c/p", "0"), ("c", "stopped")) == State(value="closed", position=0)


def test_a_thermostat_in_fahrenheit() -> None:
    thermostat = house_of(
        "climate",
        temperature_unit="F",
        modes=["off", "heat"],
        mode_command_topic="t/m/set",
        mode_state_topic="t",
        mode_state_template="{{ value_json.mode }}",
        temperature_command_topic="t/t/set",
        temperature_state_topic="t",
        temperature_state_template="{{ value_json.target }}",
        current_temperature_topic="t",
        current_temperature_template="{{ value_json.now }}",
    )
    said = '{"mode": "heat", "target": 70, "now": 68}'
    assert hear(thermostat, ("t", said)) == State(value="heat", target=21.1, current=20.0)


@pytest.mark.parametrize("word", ["LOCKED", "UNLOCKED", "LOCKING", "UNLOCKING", "JAMMED"])
def test_a_lock_and_all_it_can_say(word: str) -> None:
    assert hear(house_of("lock", command_topic="k/set", state_topic="k"), ("k", word)).value == word.lower()


@pytest.mark.parametrize(
    ("config", "payload", "value"),
    [
        ({"unit_of_measurement": "%"}, "58", 58),
        ({"unit_of_measurement": "°C"}, "21.50", 21.5),
        ({"state_class": "measurement"}, "7", 7),
        ({"unit_of_measurement": "W"}, "unknown", None),
        ({"unit_of_measurement": "W"}, "nan", None),
        ({}, "0042", "0042"),
        ({"device_class": "enum"}, "washing", "washing"),
    ],
)
def test_a_sensor_is_a_number_where_it_has_a_unit(config: dict[str, Any], payload: str, value: Any) -> None:
    assert hear(house_of("sensor", state_topic="s", **config), ("s", payload)).value == value


def test_one_message_tells_of_several_entities() -> None:
    house = LiveHouse("homeassistant", {}, {})
    for key in ("temperature", "humidity"):
        config = {
            "state_topic": "z/w",
            "unit_of_measurement": "x",
            "name": key,
            "value_template": f"{{{{ value_json.{key} }}}}",
        }
        house.announce(f"homeassistant/sensor/w/{key}/config", json.dumps(config).encode())
    changes = house.receive("z/w", b'{"temperature": 21, "humidity": 40}', 0)
    assert {name: state.value for name, state in changes.states.items()} == {
        "sensor.temperature": 21,
        "sensor.humidity": 40,
    }


@pytest.mark.parametrize(
    ("mode", "bridge", "device", "available"),
    [
        ("all", "online", "online", True),
        ("all", "online", "offline", False),
        ("any", "online", "offline", True),
        ("any", "offline", "offline", False),
        ("latest", "offline", "online", True),
    ],
)
def test_availability_topics_are_combined(mode: str, bridge: str, device: str, available: bool) -> None:
    house = house_of(
        "switch",
        command_topic="s/set",
        availability=[{"topic": "b", "value_template": "{{ value_json.state }}"}, {"topic": "d"}],
        availability_mode=mode,
    )
    assert hear(house).available, "until it is said, nothing is known to be offline"
    assert hear(house, ("b", json.dumps({"state": bridge})), ("d", device)).available is available


def test_the_latest_word_on_availability_counts_even_from_a_topic_that_spoke_before() -> None:
    house = house_of("switch", command_topic="s/set", availability=[{"topic": "b"}, {"topic": "d"}])
    assert not hear(house, ("b", "online"), ("d", "online"), ("b", "offline")).available


def test_a_sensor_that_falls_silent_is_unavailable() -> None:
    house = house_of("sensor", state_topic="s", unit_of_measurement="%", expire_after=60)
    house.receive("s", b"40", 10.0)
    assert house.tick(69.0).states == {}
    assert house.tick(70.0).states["sensor.x"].available is False
    house.receive("s", b"40", 80.0)
    assert house.things["sensor.x"].state.available


def test_motion_is_over_after_its_delay() -> None:
    house = house_of("binary_sensor", state_topic="m", off_delay=5)
    house.receive("m", b"ON", 10.0)
    assert house.tick(15.0).states["binary_sensor.x"].value == "off"


def test_a_state_of_a_megabyte_is_named_and_ignored() -> None:
    house = house_of("sensor", state_topic="s")
    changes = house.receive("s", b"x" * 1_000_000, 0)
    assert len(changes.problems) == 1
    assert house.things["sensor.x"].state == State()

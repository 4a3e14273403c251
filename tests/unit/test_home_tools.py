"""Calls become the right messages, and a device that obeys them is recognised as having obeyed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.home.components import KINDS, component
from device.home.house import LiveHouse
from device.home.plans import Plan, Publish, Refused, Verdict
from device.home.registry import COLORS, Call, Entity, House, State, Value, services_of
from device.home.simulated import DEMO_HOME, load
from device.home.simulated_devices import SimulatedDevice
from device.home.tools import plan

NOTHING = State()


def planned(kind: str, call: Call, state: State = NOTHING, /, **config: Any) -> Plan:
    return plan(component(kind, config), call, state)


def messages(made: Plan) -> list[tuple[str, str]]:
    return [(message.topic, message.payload) for message in made.messages]


DIMMER = {
    "command_topic": "l/set",
    "state_topic": "l",
    "brightness_command_topic": "l/b",
    "brightness_state_topic": "l/bs",
}


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ("last", [("l/b", "128"), ("l/set", "ON")]),
        ("first", [("l/set", "ON"), ("l/b", "128")]),
        ("brightness", [("l/b", "128")]),
    ],
)
def test_a_dimmer_is_switched_on_in_the_order_it_wants(style: str, expected: list[tuple[str, str]]) -> None:
    made = planned("light", Call("brightness", "l", 50), **DIMMER, on_command_type=style)
    assert messages(made) == expected


def test_zero_percent_is_off() -> None:
    assert messages(planned("light", Call("brightness", "l", 0), **DIMMER)) == [("l/set", "OFF")]


@pytest.mark.parametrize(
    ("state", "direction", "percent"),
    [
        (State(value="on", brightness=50), "+", 70),
        (State(value="on", brightness=90), "+", 100),
        (State(value="on", brightness=10), "-", 1),
        (State(value="off", brightness=80), "+", 20),
        (State(value="on"), "-", 30),
    ],
)
def test_a_step_is_twenty_percent_within_bounds(state: State, direction: str, percent: int) -> None:
    made = planned("light", Call("brightness_step", "l", direction), state, **DIMMER, brightness_scale=100)
    assert messages(made)[0] == ("l/b", str(percent))


def test_dimming_a_dark_light_leaves_it_dark() -> None:
    made = planned("light", Call("brightness_step", "l", "-"), State(value="off"), **DIMMER)
    assert messages(made) == [("l/set", "OFF")]


@pytest.mark.parametrize(
    ("modes", "name", "expected"),
    [
        (["rgb"], "red", {"color": {"r": 255, "g": 0, "b": 0}}),
        (["hs"], "red", {"color": {"h": 0.0, "s": 100.0}}),
        (["xy", "color_temp"], "red", {"color": {"x": 0.7006, "y": 0.2993}}),
        (["rgbw"], "green", {"color": {"r": 0, "g": 255, "b": 0, "w": 0}}),
        (["xy", "color_temp"], "warm white", {"color_temp": 370}),
    ],
)
def test_json_lights_get_colors_in_their_own_notation(
    modes: list[str], name: str, expected: dict[str, Any]
) -> None:
    made = planned(
        "light", Call("color", "l", name), schema="json", command_topic="l/set", supported_color_modes=modes
    )
    assert json.loads(made.messages[0].payload) == {"state": "ON", **expected}


def test_a_white_that_a_lamp_cannot_make_is_the_nearest_it_can() -> None:
    config = {"schema": "json", "command_topic": "l/set", "state_topic": "l", "max_mireds": 300}
    made = planned("light", Call("color", "l", "warm white"), **config, supported_color_modes=["color_temp"])
    assert json.loads(made.messages[0].payload)["color_temp"] == 300
    assert made.verdict is not None
    assert made.verdict(State(value="on", color="white")) is Verdict.YES


@pytest.mark.parametrize(
    ("config", "payload"),
    [
        ({}, "370"),
        ({"color_temp_kelvin": True}, "2700"),
        ({"color_temp_kelvin": True, "min_kelvin": 3000, "max_kelvin": 6000}, "3000"),
        ({"color_temp_command_template": "{{ value }} mired"}, "370 mired"),
    ],
)
def test_a_colour_temperature_is_sent_as_the_light_wants_it(config: dict[str, Any], payload: str) -> None:
    topics = {
        "command_topic": "l/set",
        "color_temp_command_topic": "l/ct/set",
        "color_temp_state_topic": "l/ct",
    }
    made = planned("light", Call("color_temperature", "l", 2700), **topics, **config)
    assert Publish("l/ct/set", payload) in made.messages


def test_a_colour_temperature_is_confirmed_within_what_mireds_can_say() -> None:
    config = {"schema": "json", "command_topic": "l/set", "state_topic": "l"}
    call = Call("color_temperature", "l", 2710)
    made = planned("light", call, **config, supported_color_modes=["color_temp"])
    assert json.loads(made.messages[0].payload) == {"state": "ON", "color_temp": 369}
    assert made.verdict is not None
    assert made.verdict(State(value="on", kelvin=2703)) is Verdict.YES
    assert made.verdict(State(value="on", kelvin=4000)) is Verdict.NO


def test_a_light_without_white_refuses_a_colour_temperature() -> None:
    with pytest.raises(Refused):
        planned("light", Call("color_temperature", "l", 2700), command_topic="l/set")


def test_a_cover_is_confirmed_as_soon_as_it_moves_the_right_way() -> None:
    config = {
        "command_topic": "c/set",
        "state_topic": "c",
        "position_topic": "c/p",
        "set_position_topic": "c/p/set",
    }
    made = planned("cover", Call("position", "c", 50), State(value="open", position=100), **config)
    assert messages(made) == [("c/p/set", "50")]
    assert made.verdict is not None
    assert made.verdict(State(value="closing", position=100)) is Verdict.YES
    assert made.verdict(State(value="open", position=90)) is Verdict.YES
    assert made.verdict(State(value="opening", position=100)) is Verdict.NO
    assert made.verdict(State(value="open", position=100)) is Verdict.NO


def test_a_lock_is_confirmed_only_when_it_is_locked() -> None:
    made = planned("lock", Call("lock", "k"), command_topic="k/set", state_topic="k")
    assert made.verdict is not None
    verdicts = [made.verdict(State(value=word)) for word in ("unlocked", "locking", "locked", "jammed")]
    assert verdicts == [Verdict.NO, Verdict.MOVING, Verdict.YES, Verdict.FAILED]


def test_a_thermostat_in_fahrenheit_is_set_in_fahrenheit() -> None:
    config = {"temperature_command_topic": "t/set", "temperature_state_topic": "t", "temperature_unit": "F"}
    assert messages(planned("climate", Call("temperature", "t", 20), **config)) == [("t/set", "68")]
    made = planned("climate", Call("temperature_step", "t", "+"), State(target=20.0), **config)
    assert messages(made) == [("t/set", "69.8")]


def test_steps_of_a_thermostat_stay_within_its_range() -> None:
    config = {"temperature_command_topic": "t/set", "min_temp": 5, "max_temp": 21}
    made = planned("climate", Call("temperature_step", "t", "+"), State(target=20.5), **config)
    assert messages(made) == [("t/set", "21")]
    with pytest.raises(Refused, match="not known"):
        planned("climate", Call("temperature_step", "t", "+"), **config)


@pytest.mark.parametrize(
    ("modes", "expected"),
    [(["off", "heat", "auto"], "auto"), (["off", "dry"], "dry"), (["cool", "heat"], "heat")],
)
def test_switching_a_thermostat_on_chooses_a_mode_it_has(modes: list[str], expected: str) -> None:
    made = planned("climate", Call("turn_on", "t"), modes=modes, mode_command_topic="t/m")
    assert messages(made) == [("t/m", expected)]


@pytest.mark.parametrize(("percent", "raw"), [(1, "1"), (33, "1"), (34, "2"), (100, "3")])
def test_a_fan_of_three_speeds_gets_one_of_them(percent: int, raw: str) -> None:
    made = planned(
        "fan", Call("speed", "f", percent), command_topic="f", percentage_command_topic="p", speed_range_max=3
    )
    assert messages(made) == [("p", raw), ("f", "ON")]


def test_what_has_no_state_to_wait_for_needs_only_the_broker() -> None:
    assert planned("scene", Call("scene", "s"), command_topic="s").verdict is None
    assert planned("switch", Call("turn_on", "s"), command_topic="s").verdict is None
    config = {"command_topic": "s", "state_topic": "s/state", "optimistic": True}
    assert planned("switch", Call("turn_on", "s"), **config).verdict is None


def test_only_a_press_must_not_be_done_twice() -> None:
    assert not planned("button", Call("press", "b"), command_topic="b").idempotent
    assert planned("scene", Call("scene", "b"), command_topic="b").idempotent


def test_command_templates_and_retained_commands_are_honoured() -> None:
    config = {"command_topic": "n/set", "command_template": '{"v": {{ value }}}', "retain": True}
    (message,) = planned("number", Call("set_value", "n", 7), **config).messages
    assert (message.payload, message.retain) == ('{"v": 7}', True)


@pytest.mark.parametrize(
    ("kind", "config", "call"),
    [
        ("cover", {"command_topic": "c"}, Call("position", "c", 40)),
        ("cover", {"command_topic": "c", "payload_stop": None}, Call("stop", "c")),
        ("light", {"command_topic": "l"}, Call("brightness", "l", 40)),
        ("light", {"command_topic": "l"}, Call("color", "l", "red")),
        ("climate", {}, Call("temperature", "t", 20)),
        ("climate", {"modes": ["heat"], "mode_command_topic": "m"}, Call("turn_off", "t")),
        ("switch", {"command_topic": "s", "command_template": "{{ 1 / 0 }}"}, Call("turn_on", "s")),
    ],
)
def test_what_a_device_cannot_do_is_refused(kind: str, config: dict[str, Any], call: Call) -> None:
    with pytest.raises(Refused):
        planned(kind, call, **config)


def demo() -> tuple[LiveHouse, dict[str, SimulatedDevice]]:
    house, devices = LiveHouse("homeassistant", {}, {}), {}
    for device_plan in load(DEMO_HOME).device:
        device = SimulatedDevice(device_plan, "home")
        for topic, payload in device.discovery("homeassistant").items():
            assert house.announce(topic, payload.encode()).problems == []
        for entity in device.entities:
            devices[entity.base] = device
            tell(house, device)
    return house, devices


def tell(house: LiveHouse, device: SimulatedDevice) -> None:
    for entity in device.entities:
        for topic, payload in entity.states().items():
            house.receive(topic, payload.encode(), 0)


def values_for(service: str, entity: Entity) -> st.SearchStrategy[Value | None]:
    match service:
        case "brightness" | "speed" | "position":
            return st.integers(0, 100)
        case "brightness_step" | "temperature_step":
            return st.sampled_from("+-")
        case "color":
            return st.sampled_from(COLORS)
        case "color_temperature":
            assert entity.minimum is not None
            assert entity.maximum is not None
            return st.integers(int(entity.minimum), int(entity.maximum))
        case "temperature" | "set_value":
            assert entity.minimum is not None
            assert entity.maximum is not None
            return st.integers(int(entity.minimum), int(entity.maximum))
        case "mode" | "option":
            return st.sampled_from(entity.options)
        case _:
            return st.none()


@settings(max_examples=150)
@given(data=st.data())
def test_a_simulated_device_obeys_every_call_that_its_entity_allows(data: st.DataObject) -> None:
    house, devices = demo()
    name = data.draw(st.sampled_from(sorted(house.things)))
    thing = house.things[name]
    service = data.draw(
        st.sampled_from([one for one in services_of(thing.entity) if one != "get"] or ["get"])
    )
    value = data.draw(values_for(service, thing.entity))
    call = Call(service, name, value)
    assert House(entities={name: thing.entity}).allows(call)
    if service == "get":
        return
    try:
        made = plan(thing.component, call, thing.state)
    except Refused:
        assert service == "position"
        assert "position" not in thing.entity.features
        assert value not in (0, 100)
        return
    for message in made.messages:
        base = message.topic.removesuffix("/set")
        base, part = (base, "") if base in devices else (base.rpartition("/")[0], base.rpartition("/")[2])
        entity = next(one for one in devices[base].entities if one.base == base)
        assert entity.command(part, message.payload, 0.0), message
        tell(house, devices[base])
    if made.verdict is not None:
        assert made.verdict(thing.state) is Verdict.YES, (call, thing.state)


def test_every_kind_of_component_is_in_the_demo_home() -> None:
    house, _ = demo()
    assert {name.partition(".")[0] for name in house.things} == set(KINDS)

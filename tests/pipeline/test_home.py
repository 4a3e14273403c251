"""The home daemon as a process, with a real Mosquitto and simulated devices."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from device.events import HomeChanged, HomeConnection, HomeEntity, MicrophoneMuted, TextRequested
from device.home.registry import Value
from device.home.simulated import DEMO_HOME, load
from tests.bench.home import big_house, processor_seconds
from tests.broker import MosquittoBroker
from tests.home_rig import HomeRig, Outsider, SimulatedHome, wait_for

FAULTY = """
[[device]]
name = "Silent Lamp"
fail = "silent"
entities = [{ id = "light.silent" }]
[[device]]
name = "Lost Lamp"
fail = true
entities = [{ id = "light.lost" }]
[[device]]
name = "Slow Lamp"
delay_ms = 600
announce = "device"
entities = [{ id = "light.slow" }]
[[device]]
name = "Lamp"
area = "Attic"
entities = [{ id = "light.lamp", features = ["dim"] }]
"""


@pytest.fixture
def rig(broker: MosquittoBroker, tmp_path: Path) -> Iterator[HomeRig]:
    rig = HomeRig(tmp_path / "run", broker.url)
    yield rig
    rig.stop()


@pytest.fixture
def home_file(tmp_path: Path) -> Path:
    file = tmp_path / "faulty.toml"
    file.write_text(FAULTY)
    return file


@pytest.fixture
def faulty_home(broker: MosquittoBroker, home_file: Path) -> Iterator[SimulatedHome]:
    home = SimulatedHome(home_file, broker.url)
    yield home
    home.stop()


CALLS: tuple[tuple[str, str, Value | None, str, str], ...] = (
    ("turn_on", "light.hallway", None, "home/light/hallway/set", "ON"),
    ("brightness", "light.desk_lamp", 75, "home/light/desk_lamp/brightness/set", "191"),
    (
        "color",
        "light.bedroom",
        "green",
        "home/light/bedroom/set",
        '{"state":"ON","color":{"r":0,"g":255,"b":0}}',
    ),
    ("speed", "fan.bedroom", 66, "home/fan/bedroom/speed/set", "66"),
    ("position", "cover.bedroom_curtains", 100, "home/cover/bedroom_curtains/set", "OPEN"),
    ("temperature", "climate.living_room", 22.5, "home/climate/living_room/temperature/set", "22.5"),
    ("mode", "climate.living_room", "auto", "home/climate/living_room/mode/set", "auto"),
    ("unlock", "lock.front_door", None, "home/lock/front_door/set", "UNLOCK"),
    ("scene", "scene.movie_night", None, "home/scene/movie_night/set", "ON"),
    ("press", "button.doorbell", None, "home/button/doorbell/set", "PRESS"),
    ("set_value", "number.water_heater", 60, "home/number/water_heater/set", "60"),
    ("option", "select.tv_mode", "night", "home/select/tv_mode/set", "night"),
)


def test_the_demo_home_is_discovered_and_obeys(
    broker: MosquittoBroker, rig: HomeRig, outsider: Outsider
) -> None:
    home = SimulatedHome(DEMO_HOME, broker.url)
    expected = {entity.id for device in load(DEMO_HOME).device for entity in device.entities}
    rig.until(lambda: set(rig.entities) == expected, "all entities")
    rig.until(lambda: rig.state("sensor.bathroom_humidity").value == 58, "all states")
    assert rig.entities["light.kitchen"].area == "kitchen"
    for tool, entity, value, topic, payload in CALLS:
        result = rig.ask(tool, entity, value)
        assert result.ok, result
        assert outsider.newest(topic) == payload
    assert rig.state("light.standing").value == "on", "the scene did what it does"
    assert rig.ask("brightness_step", "light.desk_lamp", "+").ok
    assert rig.state("light.desk_lamp").brightness == 95
    home.stop()
    rig.until(lambda: not rig.entities, "the home has left")


def test_a_device_that_does_not_do_its_work_is_reported_as_it_is(
    rig: HomeRig, faulty_home: SimulatedHome
) -> None:
    rig.until(lambda: len(rig.entities) == 4 and not rig.state("light.lost").available, "the house")
    assert rig.ask("turn_on", "light.silent").error == "no_answer"
    assert rig.ask("turn_on", "light.lost").error == "unavailable"
    assert rig.ask("turn_on", "light.none").error == "refused"
    slow = rig.ask("turn_on", "light.slow")
    assert slow.ok
    assert 600 <= slow.confirm_ms < 1000


def test_without_a_broker_calls_fail_at_once_and_the_house_is_found_again(
    broker: MosquittoBroker, rig: HomeRig, faulty_home: SimulatedHome
) -> None:
    rig.until(lambda: len(rig.entities) == 4, "the house")
    assert rig.ask("brightness", "light.lamp", 40).ok
    broker.stop()
    rig.until(lambda: not rig.connected, "the connection is lost")
    known = len(rig.of(HomeEntity))
    asked = time.monotonic()
    assert rig.ask("turn_off", "light.lamp").error == "unreachable"
    assert time.monotonic() - asked < 0.2
    rig.listen(2.0)
    broker.start()
    back = time.monotonic()
    rig.until(lambda: rig.connected, "the connection is back")
    assert time.monotonic() - back < 1.5
    wait_for(lambda: faulty_home.lines[-1].startswith("ready"), "the simulated home is back")
    rig.listen(0.3)
    assert not any(line == "light.lamp OFF" for line in faulty_home.lines), "nothing fires late"
    assert rig.ask("turn_off", "light.lamp").ok
    assert len(rig.of(HomeEntity)) == known, "no entity came or went"
    assert "is the broker running?" in reasons(rig)


def test_a_call_in_flight_survives_a_quick_restart_of_the_broker(
    broker: MosquittoBroker, rig: HomeRig, faulty_home: SimulatedHome
) -> None:
    rig.until(lambda: len(rig.entities) == 4, "the house")
    broker.pause()
    call = rig.call("turn_on", "light.lamp")
    rig.listen(0.1)
    broker.kill()
    broker.start()
    rig.until(lambda: rig.results(call), "a result")
    assert rig.results(call)[0].ok, rig.results(call)


def test_nonsense_on_the_broker_is_one_log_line_each(rig: HomeRig, outsider: Outsider) -> None:
    rig.until(lambda: rig.connected, "a connection")
    nonsense = {
        "homeassistant/light/a/config": b'{"x": "' + b"x" * 1_000_000 + b'"}',
        "homeassistant/light/b/config": b"not json",
        "homeassistant/light/c/config": b'{"command_topic": {"no": "topic"}}',
        "homeassistant/device/d/config": b"\xff\xfe\x00",
        "homeassistant/sensor/e/config": b'"' * 3,
    }
    for topic, payload in nonsense.items():
        outsider.say(topic, payload, retain=True)
    outsider.say(
        "homeassistant/switch/f/config", json.dumps({"name": "F", "command_topic": "f", "state_topic": "f/s"})
    )
    rig.until(lambda: rig.entities, "the only sound one")
    outsider.say("f/s", b"y" * 1_000_000)
    outsider.say("f/s", b"ON")
    rig.until(lambda: rig.state("switch.f").value == "on", "its state")
    assert list(rig.entities) == ["switch.f"]
    lines = [json.loads(line) for line in rig.log.splitlines()]
    problems = [line["problem"] for line in lines if "problem" in line]
    assert [line.partition(": ")[0] for line in problems] == [*nonsense, "f/s"]
    assert all(len(line) < 400 for line in problems)


def test_wren_shows_itself_and_takes_commands(rig: HomeRig, outsider: Outsider) -> None:
    outsider.say("wren/wren/text/set", "an old request", retain=True)
    wait_for(lambda: outsider.newest("wren/wren/status") == "online", "Wren is online")
    outsider.say("wren/wren/mute/set", "ON")
    outsider.say("wren/wren/mute/set", "perhaps")
    outsider.say("wren/wren/text/set", "turn on the light")
    rig.until(lambda: rig.of(TextRequested), "the request")
    assert [event.muted for event in rig.of(MicrophoneMuted)] == [True]
    assert [event.text for event in rig.of(TextRequested)] == ["turn on the light"]
    assert outsider.newest("homeassistant/device/wren-wren/config") is not None
    assert outsider.newest("wren/wren/state") == "idle"
    assert rig.entities == {}, "Wren is no tool of its own"
    rig.kill()
    wait_for(lambda: outsider.newest("wren/wren/status") == "offline", "the last will")
    rig.start()
    wait_for(lambda: outsider.newest("wren/wren/status") == "online", "Wren is back")
    rig.daemon.terminate()
    wait_for(lambda: outsider.newest("wren/wren/status") == "offline", "goodbye")


def test_what_left_while_the_daemon_was_down_is_forgotten(
    broker: MosquittoBroker, rig: HomeRig, outsider: Outsider, faulty_home: SimulatedHome
) -> None:
    rig.until(lambda: len(rig.entities) == 4, "the house")
    rig.kill()
    outsider.say("homeassistant/light/lamp/config", b"", retain=True)
    rig.start()
    rig.until(lambda: "light.lamp" not in rig.entities, "the lamp is gone")
    assert len(rig.entities) == 3
    assert rig.ask("turn_on", "light.slow").ok


def test_changed_settings_take_effect_without_a_restart(
    broker: MosquittoBroker, rig: HomeRig, faulty_home: SimulatedHome, tmp_path: Path
) -> None:
    rig.until(lambda: len(rig.entities) == 4, "the house")
    rig.configure(broker.url, 'aliases = { "light.lamp" = ["reading light"] }')
    rig.until(lambda: rig.entities["light.lamp"].aliases == ("reading light",), "the alias")
    assert rig.ask("turn_on", "light.lamp").ok
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with MosquittoBroker(elsewhere) as other:
        rig.configure(other.url)
        rig.until(lambda: not rig.entities, "the old house is left")
        home = SimulatedHome(DEMO_HOME, other.url)
        rig.until(lambda: "light.kitchen" in rig.entities, "the new house")
        assert rig.ask("turn_on", "light.kitchen").ok
        home.stop()


def test_a_simulated_home_introduces_itself_again_when_home_assistant_starts(
    broker: MosquittoBroker, outsider: Outsider, faulty_home: SimulatedHome
) -> None:
    topic = "homeassistant/light/lamp/config"
    wait_for(lambda: outsider.newest(topic), "the announcement")
    before = len(outsider.heard)
    outsider.say("homeassistant/status", "online")
    wait_for(lambda: any(m.topic == topic for m in outsider.heard[before:]), "the announcement again")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mqtt://127.0.0.1:1", "nothing listens at 127.0.0.1:1"),
        ("mqtt://broker.invalid", "host broker.invalid is not known"),
        ("http://127.0.0.1", "starts with neither mqtt:// nor mqtts://"),
    ],
)
def test_a_broker_that_cannot_be_had_is_explained_and_calls_are_answered(
    url: str, words: str, tmp_path: Path
) -> None:
    rig = HomeRig(tmp_path / "run", url)
    try:
        rig.until(lambda: words in reasons(rig), words, 15)
        assert rig.ask("turn_on", "light.lamp").error == "unreachable"
    finally:
        rig.stop()


def test_a_refused_login_says_what_to_check(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("secret\n")
    with MosquittoBroker(tmp_path, users={"wren": "secret"}) as broker:
        rig = HomeRig(tmp_path / "run", broker.url)
        named = broker.url.replace("//", "//wren@")
        known = HomeRig(tmp_path / "run2", named, f"password_file = {str(password)!r}")
        try:
            rig.until(lambda: "home.password_file" in reasons(rig), "the reason")
            known.until(lambda: known.connected, "a login")
        finally:
            rig.stop()
            known.stop()


def test_an_encrypted_broker_is_trusted_by_its_certificate_only(tmp_path: Path) -> None:
    with MosquittoBroker(tmp_path, tls=True) as broker:
        trust = {"SSL_CERT_FILE": str(broker.certificate)}
        rigs = (
            HomeRig(tmp_path / "one", broker.url, **trust),
            HomeRig(tmp_path / "two", broker.url, '[device]\nid = "two"\narea = "attic"', **trust),
            HomeRig(tmp_path / "doubting", broker.url),
            HomeRig(tmp_path / "mistaken", broker.url.replace("mqtts", "mqtt")),
        )
        one, two, doubting, mistaken = rigs
        try:
            one.until(lambda: "switch.wren_two_mute" in one.entities, "each Wren sees the other")
            two.until(lambda: "switch.wren_mute" in two.entities, "each Wren sees the other")
            assert one.entities["switch.wren_two_mute"].area == "attic"
            doubting.until(lambda: "not trusted" in reasons(doubting), "doubt")
            mistaken.until(lambda: "mqtts://" in reasons(mistaken), "a hint")
        finally:
            for rig in rigs:
                rig.stop()


def reasons(rig: HomeRig) -> str:
    return "; ".join(event.reason for event in rig.of(HomeConnection))


def test_a_house_of_a_thousand_entities_is_there_within_five_seconds(
    broker: MosquittoBroker, outsider: Outsider, tmp_path: Path
) -> None:
    outsider.say_all(big_house(1000), retain=True)
    rig = HomeRig(tmp_path / "run", broker.url)
    began = time.monotonic()
    try:
        rig.until(lambda: len(rig.of(HomeChanged)) == len(rig.of(HomeEntity)) == 1000, "the house", 30)
        took_s = time.monotonic() - began
        cpu_s = processor_seconds(rig.daemon.pid)
        print(f"1000 entities: {took_s:.2f} s from process start, {cpu_s:.2f} s of processor")
        assert cpu_s < 5, f"{took_s:.2f} s on this machine, {cpu_s:.2f} s of processor"
    finally:
        rig.stop()

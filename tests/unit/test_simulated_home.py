"""Home files and the devices they describe."""

from __future__ import annotations

from pathlib import Path

import pytest

from device.faults import Fault
from device.home.simulated import DEMO_HOME, load
from device.home.simulated_devices import EntityPlan, SimulatedEntity


def test_the_demo_home_is_small_and_believable() -> None:
    plan = load(DEMO_HOME)
    entities = [entity for device in plan.device for entity in device.entities]
    assert 20 <= len(entities) <= 30
    assert len({device.area for device in plan.device if device.area}) == 7
    assert {device.announce for device in plan.device} == {"components", "device"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "device"),
        ("device = 3", "device"),
        ("[[device]\n", "home.toml"),
        ('[[device]]\nname = "A"\nentities = []', "entities"),
        ('[[device]]\nname = "A"\nentities = [{ id = "toaster.a" }]', "id"),
        ('[[device]]\nname = "A"\nfial = true\nentities = [{ id = "light.a" }]', "fial"),
        ('[[device]]\nname = "A"\nfail = "loud"\nentities = [{ id = "light.a" }]', "fail"),
        (
            '[[device]]\nname = "A"\nentities = [{ id = "light.a" }, { id = "light.a" }]',
            "light.a is there twice",
        ),
    ],
)
def test_a_mistake_in_a_home_file_is_named(text: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "home.toml"
    file.write_text(text)
    with pytest.raises(Fault, match=words) as raised:
        load(file)
    assert "\n" not in str(raised.value)


def test_a_missing_home_file_is_named() -> None:
    with pytest.raises(Fault, match=r"nowhere\.toml cannot be read"):
        load(Path("nowhere.toml"))


def test_blinds_take_their_time_and_can_be_stopped() -> None:
    blinds = SimulatedEntity(EntityPlan(id="cover.b", travel_ms=4000), "home")
    assert blinds.command("", "OPEN", 0.0)
    blinds.advance(1.0)
    assert blinds.states() == {"home/cover/b/state": "opening", "home/cover/b/position": "25"}
    assert blinds.command("", "STOP", 2.0)
    assert blinds.states() == {"home/cover/b/state": "open", "home/cover/b/position": "50"}
    assert blinds.command("position", "100", 3.0)
    blinds.advance(5.0)
    assert blinds.states() == {"home/cover/b/state": "open", "home/cover/b/position": "100"}
    assert not blinds.is_moving


@pytest.mark.parametrize(
    ("entity", "part", "payload"),
    [
        ("light.l", "", "maybe"),
        ("light.l", "brightness", "much"),
        ("light.l", "rgb", "1,2"),
        ("cover.c", "", "FLY"),
        ("number.n", "", "101"),
        ("select.s", "", "none"),
        ("switch.s", "speed", "1"),
    ],
)
def test_a_command_without_sense_changes_nothing(entity: str, part: str, payload: str) -> None:
    device = SimulatedEntity(EntityPlan(id=entity), "home")
    before = device.states()
    assert not device.command(part, payload, 0.0)
    assert device.states() == before

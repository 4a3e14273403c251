"""Home Assistant's sentences behind the parser: only what this house allows comes out."""

from __future__ import annotations

import pytest

from device.home.registry import Call, Entity, House
from device.reasoning.sentences import recognise
from tests.houses import houses


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ("turn on the reading lamp", {Call("turn_on", "light.reading")}),
        (
            "turn off the lights in the master bedroom",
            {Call("turn_off", f"light.{n}") for n in ("master", "left", "right")},
        ),
        ("open the kitchen blind", {Call("position", "cover.kitchen_blind", 100)}),
        ("close the driveway gate", {Call("position", "cover.gate", 0)}),
        ("set the lounge shutters to 30%", {Call("position", "cover.shutters", 30)}),
        ("set the reading lamp brightness to 50 percent", {Call("brightness", "light.reading", 50)}),
        ("set the reading lamp to red", {Call("color", "light.reading", "red")}),
        ("lock the back door", {Call("lock", "lock.back")}),
        (
            "set the temperature in the master bedroom to 20 degrees",
            {Call("temperature", "climate.master", 20)},
        ),
        ("set the ceiling fan to 50%", {Call("speed", "fan.ceiling", 50)}),
        ("is the back door locked", {Call("get", "lock.back")}),
        ("what time is it", {Call("time")}),
        ("what's the date", {Call("date")}),
    ],
)
def test_a_home_assistant_sentence_becomes_calls(text: str, calls: set[Call]) -> None:
    assert set(recognise(text, houses()["cottage"])) == calls


@pytest.mark.parametrize(
    "text",
    [
        "the kettle",
        "chandelier",
        "play some jazz",
        "set a timer for five minutes",
        "add apples to my shopping list",
        "set the chandelier to blue",
        "set the temperature in the master bedroom to 60 degrees",
        "what is the weather in London like",
        "tell me a joke",
        "",
    ],
)
def test_what_this_house_does_not_offer_comes_to_nothing(text: str) -> None:
    assert recognise(text, houses()["cottage"]) == ()


def test_brackets_in_a_name_are_no_template() -> None:
    lamp = Entity(id="light.odd", name="Lamp [left|right] {x}", area="")
    assert recognise("turn on the lamp", House(entities={lamp.id: lamp})) == ()

"""What Wren says about calls and states."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.events import ToolResult
from device.home.registry import Call, House, State, Value
from device.reasoning import replies, states
from device.reasoning.intents import NotPossible, Understood, parse
from device.reasoning.spoken import number
from tests.houses import houses

COTTAGE = houses()["cottage"]
NOW = datetime(2026, 11, 23, 15, 25)


def calls(text: str) -> tuple[Call, ...]:
    result = parse(text, COTTAGE)
    assert isinstance(result, Understood)
    return result.calls


def with_states(**states: State) -> House:
    return msgspec.structs.replace(COTTAGE, states={name.replace("__", "."): s for name, s in states.items()})


@pytest.mark.parametrize(
    ("said", "confirmation"),
    [
        ("turn on the chandelier", "The chandelier is on."),
        ("turn off the fairy lights", "The fairy lights are off."),
        ("turn off the kettle and the tv", "The kettle and the television are off."),
        ("turn on the lights in the lounge", "The lounge lights are on."),
        ("turn off all the shutters and blinds", None),
        ("close the shutters", "The lounge shutters are closed."),
        ("open the kitchen blind halfway", "The kitchen blind is 50 percent open."),
        ("stop the shutters", "The lounge shutters have stopped."),
        ("set the chandelier to 40 percent", "The chandelier is at 40 percent."),
        ("dim the chandelier", "The chandelier is dimmer."),
        ("make the reading lamp blue", "The reading lamp is blue."),
        ("set the master bedroom to 21.5 degrees", "The master bedroom is set to 21.5 degrees."),
        ("make the master bedroom warmer", "The master bedroom is set to 20 degrees."),
        ("set the study air conditioner to cool", "The study air conditioner is set to cool."),
        ("lock the front door and the back door", "All the locks are locked."),
        ("unlock the back door", "The back door is unlocked."),
        ("film night", "Film night is on."),
        ("press the doorbell chime", "I pressed the doorbell chime."),
        ("set the hot water temperature to 55 degrees", "The hot water temperature is set to 55 degrees."),
        ("set sprinkler minutes to 20", "The sprinkler minutes are set to 20 minutes."),
        ("change the washing machine to quick wash", "The washing machine program is set to quick wash."),
        ("turn the kettle on and the tv off", "The kettle is on. The television is off."),
    ],
)
def test_a_confirmation_says_what_has_become_so(said: str, confirmation: str | None) -> None:
    if confirmation is not None:
        assert replies.confirm(calls(said), COTTAGE) == confirmation


def test_a_crowd_is_not_named_one_by_one() -> None:
    assert replies.confirm(calls("turn off all the lights except the kitchen"), COTTAGE).count(",") == 0


@pytest.mark.parametrize(
    ("entity", "state", "answer"),
    [
        ("light.reading", State(value="on", brightness=40), "The reading lamp is on, at 40 percent."),
        ("light.reading", State(value="on", color="red"), "The reading lamp is on and red."),
        ("light.fairy", State(value="off"), "The fairy lights are off."),
        ("cover.shutters", State(value="open", position=30), "The lounge shutters are 30 percent open."),
        ("cover.barn", State(value="closed"), "The barn door is closed."),
        ("cover.barn", State(value="opening", position=20), "The barn door is opening."),
        ("lock.back", State(value="locked"), "The back door is locked."),
        ("binary_sensor.front", State(value="off"), "The front door is closed."),
        ("binary_sensor.window", State(value="on"), "The study window is open."),
        ("binary_sensor.motion", State(value="off"), "There is no motion in the barn."),
        ("sensor.outside", State(value=-3.25), "It is minus 3.25 degrees outside."),
        ("sensor.lounge", State(value="21.5"), "It is 21.5 degrees in the lounge."),
        ("sensor.bath", State(value=55.0), "The bathroom humidity is 55 percent."),
        ("sensor.co2", State(value=612), "The study CO2 is 612 parts per million."),
        ("fan.ceiling", State(value="on", speed=50), "The ceiling fan is on, at 50 percent."),
        (
            "climate.master",
            State(value="heat", target=21.0, current=19.5),
            "The master bedroom is set to 21 degrees, and it is 19.5 degrees now.",
        ),
        (
            "climate.study",
            State(value="off", current=24.0),
            "The heating in the study is off, and it is 24 degrees now.",
        ),
        ("number.water", State(value=55.0), "The hot water temperature is set to 55 degrees."),
        ("select.washer", State(value="Quick Wash"), "The washing machine program is set to quick wash."),
        ("switch.tv", State(available=False), "The television is not available."),
        ("light.mirror", State(), "I do not know yet how the mirror light is."),
    ],
)
def test_an_answer_says_how_a_thing_is(entity: str, state: State, answer: str) -> None:
    house = msgspec.structs.replace(COTTAGE, states={entity: state})
    assert states.answers([Call("get", entity)], house, NOW) == answer


def test_time_and_date_are_words() -> None:
    assert states.answers([Call("time")], COTTAGE, NOW) == "It is three twenty five in the afternoon."
    assert states.answers([Call("date")], COTTAGE, NOW) == "It is Monday, November twenty third."
    assert (
        states.answers([Call("time")], COTTAGE, NOW.replace(hour=0, minute=5))
        == "It is twelve oh five at night."
    )
    assert (
        states.answers([Call("time")], COTTAGE, NOW.replace(hour=9, minute=0))
        == "It is nine o'clock in the morning."
    )


def test_many_things_are_summed_up_by_those_that_differ() -> None:
    house = with_states(
        **{e.replace(".", "__"): State(value="off") for e in COTTAGE.entities if e.startswith("light")}
    )
    known = {
        **house.states,
        "light.reading": State(value="on", brightness=30),
        "switch.porch": State(value="off"),
    }
    house = msgspec.structs.replace(house, states=known)
    assert (
        states.answers(calls("which lights are on"), house, NOW) == "The reading lamp is on and 14 are off."
    )


def outcome(
    entity: str, error: Literal["", "no_answer", "unreachable", "unavailable", "refused"] = ""
) -> ToolResult:
    arguments: dict[str, Value | None] = {"entity": entity, "value": None}
    return ToolResult(turn=1, call_id=entity, tool="turn_on", arguments=arguments, ok=not error, error=error)


@pytest.mark.parametrize(
    ("outcomes", "report"),
    [
        ([outcome("light.chandelier")], "The chandelier is on."),
        ([outcome("light.chandelier", "no_answer")], "The chandelier did not answer."),
        ([outcome("light.fairy", "unavailable")], "The fairy lights are not available."),
        ([outcome("switch.tv", "refused")], "The television cannot do that."),
        ([outcome("switch.tv", "unreachable")], "The house cannot be reached at the moment."),
        (
            [outcome("switch.kettle"), outcome("switch.tv", "no_answer")],
            "The kettle is on. The television did not answer.",
        ),
        (
            [outcome("switch.kettle"), outcome("switch.tv", "unreachable")],
            "The kettle is on. The television could not be reached.",
        ),
        (
            [outcome("switch.kettle", "no_answer"), outcome("switch.tv", "unreachable")],
            "The kettle did not answer. The television could not be reached.",
        ),
        (
            [outcome("switch.kettle"), outcome("light.gone_lamp", "refused")],
            "The kettle is on. The gone lamp cannot do that.",
        ),
        (
            [outcome("switch.kettle", "no_answer"), outcome("switch.tv", "no_answer")],
            "The kettle and the television did not answer.",
        ),
    ],
)
def test_a_report_says_what_is_done_and_what_failed(outcomes: list[ToolResult], report: str) -> None:
    assert replies.report(outcomes, COTTAGE) == report


def test_of_two_wishes_for_one_thing_the_one_that_failed_is_named() -> None:
    blue = outcome("light.reading", "refused")
    blue = msgspec.structs.replace(blue, tool="color", arguments={"entity": "light.reading", "value": "blue"})
    said = replies.report([outcome("light.reading"), blue], COTTAGE)
    assert said == "The reading lamp is on. I could not make the reading lamp blue."


def test_a_report_of_a_reading_uses_the_fresh_state() -> None:
    fresh = msgspec.structs.replace(outcome("lock.back"), tool="get", state=State(value="locked"))
    assert replies.report([fresh], COTTAGE) == "The back door is locked."


@pytest.mark.parametrize(
    ("said", "reply"),
    [
        ("turn on the dishwasher", "There is no dishwasher in this house."),
        ("turn on the lights in the cellar", "There are no lights in the cellar."),
        ("make the chandelier blue", "The chandelier cannot do that."),
        (
            "set the master bedroom radiator to 40 degrees",
            "The master bedroom radiator cannot be set that far.",
        ),
        ("set a timer for five minutes", "I cannot do that with timers yet."),
        ("turn up the volume", "I cannot change that volume yet."),
    ],
)
def test_what_is_not_possible_is_said_with_its_reason(said: str, reply: str) -> None:
    result = parse(said, COTTAGE)
    assert isinstance(result, NotPossible)
    assert replies.not_possible(result) == reply


@pytest.mark.parametrize(
    ("said", "question"),
    [
        ("open the driveway gate", "Shall I open the driveway gate?"),
        ("turn off the kettle and lock the back door", "Shall I turn off the kettle and lock the back door?"),
        ("set the master bedroom to 19 degrees", "Shall I set the master bedroom radiator to 19 degrees?"),
        ("film night", "Shall I start film night?"),
        ("dim the chandelier", "Shall I make the chandelier dimmer?"),
    ],
)
def test_a_proposal_is_a_question(said: str, question: str) -> None:
    assert replies.shall_i(calls(said), COTTAGE) == question


@given(st.floats(-1e5, 1e5))
def test_numbers_are_speakable(value: float) -> None:
    assert set(number(value)) <= set("0123456789. minus")


@given(
    st.sampled_from(sorted(COTTAGE.entities)),
    st.builds(
        State,
        value=st.none()
        | st.sampled_from(["on", "off", "open", "closed", "heat", "locked", "Eco"])
        | st.floats(-50, 50),
        brightness=st.none() | st.integers(0, 100),
        position=st.none() | st.integers(0, 100),
        target=st.none() | st.floats(5, 30),
        current=st.none() | st.floats(-20, 40),
        available=st.booleans(),
    ),
)
def test_every_answer_is_one_speakable_sentence(entity: str, state: State) -> None:
    if "get" not in ("scene", "button") and not entity.startswith(("scene", "button")):
        house = msgspec.structs.replace(COTTAGE, states={entity: state})
        said = states.answers([Call("get", entity)], house, NOW)
        assert said.endswith(".")
        assert not set(said) & set("_%°{}[]|:")

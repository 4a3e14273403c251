"""Requests that go on from the one before: it, the others too, more, less, undo."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.home.registry import Call, Entity, House, State, services_of
from device.reasoning.context import Context, Done, go_on, remember
from device.reasoning.goals import in_range
from device.reasoning.intents import AskBack, NotPossible, NotUnderstood, Result, Understood, parse
from tests.houses import houses

COTTAGE = houses()["cottage"]
KNOWN = msgspec.structs.replace(
    COTTAGE,
    states={
        **COTTAGE.states,
        "light.reading": State(value="on", brightness=60, color="red"),
        "light.study": State(value="off"),
        "switch.kettle": State(value="off"),
        "cover.gate": State(value="open", position=100),
        "climate.master": State(value="heat", target=20.0),
        "lock.front": State(value="unlocked"),
    },
)


def after(*said: str, house: House = KNOWN) -> Result:
    """What the last of these sentences comes to, each said after the one before was done."""
    context = Context()
    result: Result = NotUnderstood()
    for text in said:
        result = parse(text, house, context=context)
        if isinstance(result, Understood):
            context = remember(result.calls, house)
    return result


def calls(result: Result) -> list[str]:
    assert isinstance(result, Understood), result
    return [
        " ".join(str(part) for part in (c.service, c.entity, c.value) if part is not None)
        for c in result.calls
    ]


@pytest.mark.parametrize(
    ("before", "said", "wanted"),
    [
        ("turn on the kettle", "turn it off again", ["turn_off switch.kettle"]),
        ("is the kettle on", "turn it off", ["turn_off switch.kettle"]),
        ("turn on the reading lamp", "make it blue", ["color light.reading blue"]),
        ("turn on the reading lamp", "brighter", ["brightness_step light.reading +"]),
        ("turn on the reading lamp", "and the study lamp too", ["turn_on light.study"]),
        ("dim the reading lamp to 20 percent", "the study lamp as well", ["brightness light.study 20"]),
        ("make the reading lamp blue", "same for the guest room", ["color light.guest blue"]),
        ("turn off the lights in the kitchen", "and in the study", ["turn_off light.study"]),
        ("how warm is it in the lounge", "and in the study", ["get climate.study"]),
        ("dim the reading lamp", "a bit more", ["brightness_step light.reading -"]),
        ("dim the reading lamp", "a little less please", ["brightness_step light.reading +"]),
        ("set the reading lamp to 80 percent", "more", ["brightness_step light.reading +"]),
        ("set the reading lamp to 20 percent", "even more", ["brightness_step light.reading -"]),
        ("make the master bedroom warmer", "again", ["temperature_step climate.master +"]),
        ("turn on the kettle", "undo that", ["turn_off switch.kettle"]),
        ("turn off the reading lamp", "undo that", ["brightness light.reading 60"]),
        ("make the reading lamp blue", "put it back", ["color light.reading red"]),
        ("set the master bedroom radiator to 23", "no, undo that", ["temperature climate.master 20"]),
        ("turn on the study lamp and the kettle", "undo", ["turn_off switch.kettle", "turn_off light.study"]),
        ("turn on the fairy lights", "undo that", ["turn_off light.fairy"]),
    ],
)
def test_a_request_goes_on_from_the_one_before(before: str, said: str, wanted: list[str]) -> None:
    assert calls(after(before, said)) == wanted


@pytest.mark.parametrize("said", ["turn it off", "a bit more", "and the study lamp too", "less"])
def test_without_a_past_nothing_is_done(said: str) -> None:
    assert isinstance(parse(said, KNOWN), NotUnderstood | AskBack)


def test_nothing_can_be_undone_before_anything_was_done() -> None:
    assert parse("undo that", KNOWN) == NotPossible("", "nothing_done")


def test_what_has_no_way_back_is_said() -> None:
    assert after("good morning", "undo that") == NotPossible("Good Morning", "not_undone")


@pytest.mark.parametrize("before", ["close the driveway gate", "lock the front door"])
def test_undoing_what_would_open_is_asked(before: str) -> None:
    result = after(before, "undo that")
    assert isinstance(result, AskBack)
    assert len(result.candidates) == 1


def test_a_number_said_without_a_thing_is_for_this_room_and_not_for_what_was_spoken_of() -> None:
    assert calls(after("make the master bedroom warmer", "set the temperature to 21")) == [
        "temperature climate.kitchen 21"
    ]


def test_things_that_have_left_the_house_are_forgotten() -> None:
    context = Context((Done(Call("turn_on", "light.gone")),))
    assert isinstance(parse("turn it off", KNOWN, context=context), NotUnderstood)
    assert isinstance(parse("a bit more", KNOWN, context=context), NotUnderstood)


def values(service: str, entity: Entity) -> st.SearchStrategy[str | int | None]:
    match service:
        case "brightness" | "speed" | "position":
            return st.integers(0, 100)
        case "brightness_step" | "temperature_step":
            return st.sampled_from("+-")
        case "color":
            return st.sampled_from(("red", "blue", "white"))
        case "temperature" | "set_value":
            return st.integers(int(entity.minimum or 10), int(entity.maximum or 25))
        case "mode" | "option":
            return st.sampled_from(entity.options)
        case _:
            return st.none()


@given(st.data())
def test_whatever_was_done_going_on_only_makes_calls_the_house_allows(data: st.DataObject) -> None:
    done = []
    for entity in data.draw(st.lists(st.sampled_from(list(KNOWN.entities.values())), max_size=4)):
        able = [s for s in services_of(entity) if s not in ("mode", "option") or entity.options]
        service = data.draw(st.sampled_from(able))
        call = Call(service, entity.id, data.draw(values(service, entity)))
        state = data.draw(st.sampled_from([State(), KNOWN.states.get(entity.id, State()), State(value="on")]))
        done.append(Done(call, state))
    result = go_on(data.draw(st.sampled_from(("more", "less", "undo"))), Context(tuple(done)), KNOWN)
    if isinstance(result, Understood):
        assert result.calls
        assert all(in_range(call, KNOWN) for call in result.calls)

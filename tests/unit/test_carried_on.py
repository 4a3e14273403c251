"""A request that was cut off and goes on: joined with its end, and what its first half did too much put back."""

from __future__ import annotations

import msgspec
import pytest

from device.events import SpeechStopped, TurnCommitted, TurnStarted
from device.home.registry import Call, House, State
from device.reasoning.carried_on import CutRequest
from device.reasoning.context import Context, remember
from device.reasoning.intents import parse
from device.reasoning.results import Understood
from device.reasoning.router import Perform, Speak
from tests.houses import demo_house

HOUSE = demo_house()


def cut(before: str, *, pause_frames: int = 60) -> CutRequest:
    """After `before` was committed and somebody spoke again over the answer."""
    request = CutRequest()
    request.note(TurnStarted(turn=1, cause="wake"))
    request.note(SpeechStopped(turn=1, last_voiced_frame=100))
    request.note(TurnCommitted(turn=1, text=before))
    request.note(TurnStarted(turn=2, cause="barge_in", frame=100 + pause_frames))
    return request


def context_of(before: str, house: House = HOUSE) -> Context:
    found = parse(before, house)
    return remember(found.calls if isinstance(found, Understood) else (), house)


def calls_of(before: str, after: str, house: House = HOUSE) -> tuple[Call, ...] | None:
    found = cut(before).route(after, house, context_of(before, house))
    return found.calls if isinstance(found, Perform | Speak) else None


def test_the_two_halves_are_one_request() -> None:
    assert calls_of("Set the bedroom light to thirty.", "five percent") == (
        Call("brightness", "light.bedroom", 35),
    )


def test_what_was_done_already_is_not_done_again() -> None:
    assert calls_of("Turn on the kitchen light.", "and the hallway light") == (
        Call("turn_on", "light.hallway"),
    )


def test_what_was_done_too_much_is_put_back_to_how_it_was() -> None:
    states = {
        "light.kitchen": State(value="on"),
        "light.hallway": State(value="on"),
        "light.bathroom": State(value="off"),  # and stays so, as do those of which nothing is known
    }
    house = msgspec.structs.replace(HOUSE, states=states)
    assert calls_of("Turn off all lights.", "in the kitchen", house) == (Call("turn_on", "light.hallway"),)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Turn on the kitchen light.", "Turn off the hallway light."),
        ("Turn on the kitchen light.", "what is the weather"),
        ("Turn on the kitchen light.", "please"),
        ("Turn on the kitchen light.", "no wait"),
        ("Tell me a joke.", "about penguins"),
    ],
)
def test_a_request_of_its_own_and_what_adds_nothing_stand_alone(before: str, after: str) -> None:
    assert calls_of(before, after) is None


def test_the_end_of_a_request_is_judged_with_its_beginning() -> None:
    assert cut("Turn on the light.").judge("in the hallway", HOUSE) == "complete"
    assert cut("Turn on the light.").judge("in the", HOUSE) == "open"
    assert cut("Turn on the light.").judge("never mind", HOUSE) == "complete"
    assert CutRequest().judge("in the hallway", HOUSE) != "complete"


def test_what_comes_much_later_does_not_belong_to_it() -> None:
    request = cut("Turn on the light.", pause_frames=500)
    assert request.route("in the hallway", HOUSE, context_of("Turn on the light.")) is None
    assert request.with_end("in the hallway") == "in the hallway"


def test_a_request_may_be_cut_twice() -> None:
    request = cut("Turn on the kitchen light.")
    request.note(SpeechStopped(turn=2, last_voiced_frame=200))
    request.note(TurnCommitted(turn=2, text="and the hallway light"))
    request.note(TurnStarted(turn=3, cause="barge_in", frame=250))
    assert request.with_end("and the printer").count("and") == 2


def test_a_new_wake_word_begins_anew() -> None:
    request = cut("Turn on the light.")
    request.note(TurnStarted(turn=3, cause="wake", frame=170))
    assert request.with_end("in the hallway") == "in the hallway"

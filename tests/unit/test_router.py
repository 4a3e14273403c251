"""What is known of a request from its text alone: whether it ends the talk, whom it is for, what will be said."""

from __future__ import annotations

import pytest

from device.home.registry import Call
from device.reasoning import replies
from device.reasoning.decision import Decision
from device.reasoning.router import (
    AskModel,
    Perform,
    Speak,
    awaits_model,
    closes,
    declines,
    expected_words,
    route,
)
from tests.houses import houses

HOUSE = houses()["cottage"]
KETTLE = (Call("turn_on", "switch.kettle"),)


@pytest.mark.parametrize(
    "text",
    [
        "thanks",
        "Thank you!",
        "that's all, thank you",
        "No, that is it. Goodbye.",
        "nothing else",
        "okay great",
    ],
)
def test_words_of_parting_close_the_talk(text: str) -> None:
    assert closes(text)


@pytest.mark.parametrize(
    "text", ["", "thank you, now turn on the kettle", "what else", "is that all", "no turn it off"]
)
def test_words_that_want_something_do_not(text: str) -> None:
    assert not closes(text)


@pytest.mark.parametrize(("text", "closing"), [("okay", False), ("no thanks", False), ("thank you", True)])
def test_yes_and_no_to_an_offer_are_answers(text: str, closing: bool) -> None:
    assert closes(text, KETTLE) is closing


@pytest.mark.parametrize(
    ("beginning", "awaited"),
    [
        ("it's a bit dark", True),
        ("tell me a", True),
        ("why is the sky", True),
        ("turn on the", False),
        ("could you please switch off", False),
        ("tell", False),
    ],
)
def test_a_beginning_with_a_verb_of_command_is_not_expected_to_need_the_model(
    beginning: str, awaited: bool
) -> None:
    assert awaits_model(beginning, HOUSE) is awaited


def test_the_words_expected_for_a_command_are_those_of_its_success() -> None:
    found = route("turn on the kettle", HOUSE)
    assert isinstance(found, Perform)
    assert expected_words(found, HOUSE) == replies.confirm(found.calls, HOUSE) != ""
    assert expected_words(AskModel(may_act=True), HOUSE) == ""


@pytest.mark.parametrize(
    ("text", "may_act"),
    [
        ("what is the capital of france", False),
        ("tell me something about penguins", False),
        ("what do cats eat", False),
        ("how far is it to the moon", False),
        ("how many legs does a spider have", False),
        ("tell me something about the kitchen", True),
        ("i want to read", True),
        ("make it cozy", True),
    ],
)
def test_a_question_without_a_word_about_the_house_is_only_answered(text: str, may_act: bool) -> None:
    assert route(text, HOUSE) == AskModel(may_act=may_act)


@pytest.mark.parametrize(
    ("text", "only_asks"),
    [
        ("the bulb in the chandelier has gone", True),
        ("coffee is bad for me", True),
        ("coffee please", False),
        ("galvanise the kettle", False),
    ],
)
def test_what_only_tells_of_a_thing_is_at_most_offered(text: str, only_asks: bool) -> None:
    assert route(text, HOUSE) == AskModel(may_act=True, only_asks=only_asks)


def test_where_more_is_said_than_what_is_not_there_the_model_is_asked_first() -> None:
    assert isinstance(route("switch the oven on", HOUSE), Speak)
    found = route("preheat the oven to 180", HOUSE)
    assert isinstance(found, AskModel)
    assert found.may_act
    assert "oven" in found.decline


def test_what_would_be_declined_is_only_offered_when_it_is_likely_meant() -> None:
    asked = AskModel(may_act=True, decline="There is no lights man in this house.")
    calls = (Call("turn_off", "light.chandelier"),)
    assert declines(asked, Decision("ask", calls, 0.3))
    assert declines(asked, Decision("talk"))
    assert not declines(asked, Decision("ask", calls, 0.5))
    assert not declines(AskModel(may_act=True), Decision("ask", calls, 0.3))

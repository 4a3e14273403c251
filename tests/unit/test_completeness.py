"""Completeness: whole requests are known as such, unfinished ones too, and of the rest nothing is claimed."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.reasoning.completeness import Completeness, by_finality, completeness, is_doubtful
from device.reasoning.talk import Manner
from device.reasoning.thinker import Finality
from device.reasoning.words import lexicon
from tests.houses import houses

COTTAGE = houses()["cottage"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("turn on the", "open"),
        ("turn on the um", "open"),
        ("Turn off the kettle and", "open"),
        ("set the reading lamp to", "open"),
        ("turn on the light in the", "open"),
        ("and", "open"),
        ("could you please", "open"),
        ("I want you to", "open"),
        ("dim", "open"),
        ("turn on", "open"),
        ("turn the reading lamp", "open"),  # on, off?
        ("is the kettle", "open"),
        ("make it", "open"),
        ("set a timer for ten", "open"),
        ("what is the capital of", "open"),
        ("set the reading lamp, too.", "open"),  # to?
        ("turn on the light in it.", "open"),  # in the?
        ("turn on the kettle", "complete"),
        ("turn on the kettle please", "complete"),
        ("Hey Jarvis, turn on the lights.", "complete"),
        ("turn the reading lamp on", "complete"),
        ("set the reading lamp to twenty percent", "complete"),
        ("is the kettle on", "complete"),
        ("what time is it", "complete"),
        ("turn it off", "unsure"),  # what?
        ("turn off the lights in the kitchen", "complete"),
        ("turn off all lights", "unsure"),  # where?
        ("turn everything off", "unsure"),
        ("turn on lights", "unsure"),
        ("turn off all lights please", "complete"),
        ("turn off all the lights everywhere", "complete"),
        ("are all lights off", "complete"),  # only asked
        ("cancel", "likely"),  # the timer?
        ("never mind", "complete"),
        ("yes", "complete"),
        ("turn off the kitchen", "unsure"),  # light, heating, …
        ("set the reading lamp to twenty", "unsure"),  # five?
        ("turn on the dishwasher", "unsure"),
        ("what is the capital of France", "unsure"),
        ("I was thinking", "unsure"),
        ("", "unsure"),
    ],
)
def test_a_text_is_complete_open_or_unsure(text: str, expected: str) -> None:
    assert completeness(text, COTTAGE) == expected


@given(
    st.lists(st.sampled_from(sorted(lexicon().words)), max_size=8).map(" ".join),
    st.sampled_from(["the", "and", "to", "um", "of my"]),
)
def test_nothing_that_ends_on_a_word_that_needs_another_is_complete(begin: str, end: str) -> None:
    assert completeness(f"{begin} {end}", COTTAGE) == "open"


@given(st.text(max_size=60))
def test_any_text_is_judged(text: str) -> None:
    assert completeness(text, COTTAGE) in ("complete", "unsure", "open")


def test_it_is_complete_when_there_is_something_that_it_can_mean() -> None:
    assert completeness("turn it off", COTTAGE, refers=True) == "complete"
    assert completeness("turn it", COTTAGE, refers=True) == "open"


@pytest.mark.parametrize("text", ["Yes.", "yeah", "Yep"])
def test_what_says_go_on_is_no_request_where_it_answers_nothing(text: str) -> None:
    assert completeness(text, COTTAGE, answers=False) == "unsure"
    assert completeness(text, COTTAGE) == "complete"


@pytest.mark.parametrize("text", ["stop", "no", "yes please", "good night"])
def test_other_whole_requests_are_whole_before_anything_was_said(text: str) -> None:
    assert completeness(text, COTTAGE, answers=False) == "complete"


def test_judging_takes_less_than_five_milliseconds() -> None:
    texts = ["turn the lights in the living room", "what is the capital of France", "turn on the kettle"]
    for text in texts:
        completeness(text, COTTAGE)
    began = time.thread_time()
    for text in texts:
        completeness(text, COTTAGE)
    assert (time.thread_time() - began) / len(texts) < 0.005


@pytest.mark.parametrize("manner", ["asks", "says", "commands"])
@given(st.floats(0, 1), st.floats(0, 1))
def test_the_surer_the_model_is_the_wholer_is_the_text(manner: Manner, one: float, other: float) -> None:
    rising = ("open", "unsure", "likely", "talk")
    ranks = [rising.index(by_finality(Finality(sure, sure), manner)) for sure in sorted((one, other))]
    assert ranks == sorted(ranks)


@pytest.mark.parametrize(
    ("finality", "expected"),
    [
        (Finality(1.0, 1.0), ["talk", "talk", "likely"]),
        (Finality(0.3, 0.8), ["likely", "talk", "unsure"]),  # "tell me a joke … about cats"
        (Finality(0.001, 0.002), ["open", "open", "open"]),
    ],
)
def test_what_might_be_added_leaves_talk_whole_but_not_what_may_be_a_misheard_command(
    finality: Finality, expected: list[Completeness]
) -> None:
    assert [by_finality(finality, manner) for manner in ("asks", "says", "commands")] == expected


@pytest.mark.parametrize(
    ("judged", "manner", "finality", "is_asked", "expected"),
    [
        ("complete", "commands", None, False, False),
        ("unsure", "asks", None, False, False),
        ("unsure", "commands", "likely", False, True),
        ("unsure", "says", None, True, False),  # the model will tell
        ("unsure", "says", None, False, True),  # there is none, or it cannot tell
        ("unsure", "says", "unsure", False, True),
        ("talk", "says", "talk", False, False),
    ],
)
def test_what_may_be_a_misheard_command_is_worth_another_reading(
    judged: Completeness, manner: Manner, finality: Completeness | None, is_asked: bool, expected: bool
) -> None:
    assert is_doubtful(judged, manner, finality, is_asked=is_asked) is expected

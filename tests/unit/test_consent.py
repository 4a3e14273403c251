"""Answers of yes and no to what was offered, and what is neither."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.reasoning.consent import consents
from device.reasoning.intents import NO_CONTEXT
from device.reasoning.router import Perform, Speak, remembered, route
from tests.houses import houses

QUESTION = "Shall I unlock the front door?"
HOUSE = houses()["cottage"]


@pytest.mark.parametrize(
    "answer",
    [
        "yes",
        "Yes, please.",
        "yeah go ahead",
        "okay, do it",
        "sure, the front door",
        "yes unlock it",
        "please do",
        "okay thank you",
        "yes I would like that",
        "go ahead please, Wren",
    ],
)
def test_a_yes_may_be_polite_and_may_repeat_the_question(answer: str) -> None:
    assert consents(answer, QUESTION) is True


@pytest.mark.parametrize(
    "answer", ["no", "no thanks", "don't", "do not do that", "not now", "please don't", "stop"]
)
def test_a_no_is_heard_wherever_it_stands_first(answer: str) -> None:
    assert consents(answer, QUESTION) is False


@pytest.mark.parametrize(
    "said",
    [
        "please tell me a joke",
        "do you know any jokes",
        "okay play some music",
        "go to sleep",
        "right turn ahead",
        "yes and turn on the radio",
        "what time is it",
        "",
    ],
)
def test_what_goes_on_to_something_else_is_no_answer(said: str) -> None:
    assert consents(said, QUESTION) is None


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=9, max_size=12))
def test_an_unknown_word_after_a_yes_is_never_consent(word: str) -> None:
    assert consents(f"please {word}", QUESTION) is not True


@pytest.mark.parametrize("said", ["please tell me a joke", "please shut off", "do you know any jokes"])
def test_nothing_is_unlocked_by_a_sentence_that_only_begins_like_a_yes(said: str) -> None:
    question = route("is it okay to unlock the back door", HOUSE)
    assert isinstance(question, Speak)
    assert question.proposal
    context = remembered(question, NO_CONTEXT, HOUSE)
    assert not isinstance(route(said, HOUSE, question.proposal, context=context), Perform)


@pytest.mark.parametrize("said", ["shut off", "start over please", "please shut down"])
def test_a_bare_deed_is_not_done_to_what_was_spoken_of_before(said: str) -> None:
    context = remembered(route("turn on the chandelier", HOUSE), NO_CONTEXT, HOUSE)
    assert not isinstance(route(said, HOUSE, context=context), Perform)
    assert isinstance(route("shut it off", HOUSE, context=context), Perform)

"""Free answers: nothing that claims to have acted is spoken, nothing that a voice cannot say, not too much."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.reasoning.answer import Answer
from device.reasoning.prompt import load

RETRACTION = load().retraction
CLAIMS = (
    "I turned on the kitchen light.",
    "I've just switched the heating off.",
    "I have already locked the front door.",
    "I'll set a timer for five minutes.",
    "I am now closing the blinds.",
    "I will remind you tomorrow.",
    "I'm calling your sister.",
    "Let me play some jazz for you.",
    "The light is now on.",
    "The garage door is closed.",
    "The kitchen lights are off.",
    "The oven has been turned off.",
    "We just ordered a pizza.",
)
HONEST = (
    "I can't play music.",
    "I cannot open the sauna.",
    "I don't order food.",
    "I have not turned anything off.",
    "Paris is the capital of France.",
    "I'm Wren, the voice of this house.",
    "The sun sets in the west.",
    "You can switch off the lamp by hand.",
    "It is a great game to watch.",
    "Hello! What can I do for you?",
)


def whole(text: str, *, cut: bool = False) -> str:
    answer = Answer()
    said = answer.push(text)
    return said if answer.over else said + answer.finish(cut=cut)


@pytest.mark.parametrize("text", CLAIMS)
def test_a_claim_to_have_acted_is_taken_back(text: str) -> None:
    assert whole(text) == RETRACTION
    assert whole(f"Sure, {text}") == "Sure,"


@pytest.mark.parametrize("text", HONEST)
def test_honest_sentences_pass_as_they_are(text: str) -> None:
    assert whole(text) == text


def test_two_sentences_are_enough() -> None:
    assert whole("One. Two! Three? Four.") == "One. Two!"


def test_markup_and_emoji_are_not_spoken() -> None:
    assert whole("**Hi** there 😀, `friend`!") == "Hi there , friend!"


def test_an_unfinished_end_is_dropped_when_something_was_said() -> None:
    assert whole("The moon is far away. It has been there for", cut=True) == "The moon is far away."
    assert whole("The moon is far", cut=True) == "The moon is far"


def test_a_long_first_sentence_begins_to_be_spoken_before_it_is_over() -> None:
    answer, text = Answer(), "The sky up there is blue because the air scatters short waves of light."
    clauses = [clause for word in text.split(" ") if (clause := answer.push(f"{word} "))]
    assert clauses == ["The sky up there is blue", " because the air scatters short waves of light."]


@pytest.mark.parametrize(
    ("pieces", "first"),
    [
        (["I'm", " Wren", ","], "I'm Wren,"),
        (["Paris", " is", " the", " capital", " of"], "Paris is the capital"),
        (
            ["One", " two", " three", " four", " five", " six", " seven", " eight", " n"],
            "One two three four five six seven eight",
        ),
        (["Try", " reading", ' "'], "Try reading"),
    ],
)
def test_the_end_of_the_first_clause_is_not_waited_for(pieces: list[str], first: str) -> None:
    answer = Answer()
    assert [answer.push(piece) for piece in pieces] == [*[""] * (len(pieces) - 1), first]


def test_a_comma_in_a_number_ends_nothing() -> None:
    answer = Answer()
    assert [answer.push(piece) for piece in ("About", " 3", ",", "000")] == [""] * 4
    assert answer.finish(cut=False) == "About 3,000"


def test_a_claim_that_the_first_cut_divides_is_not_spoken_to_its_end() -> None:
    text = "Right away my friend I went and turned on the lights."
    assert whole(text) == "Right away my friend I went"


@given(
    st.sampled_from(
        (
            *HONEST,
            "The sky is blue and wide because the air scatters light of short waves.",
            "One, two; three. Four: five, six. Seven.",
        )
    ),
    st.lists(st.integers(1, 9)),
)
def test_the_answer_does_not_depend_on_how_it_arrives(text: str, cuts: list[int]) -> None:
    answer, said, rest = Answer(), "", f" {text}"
    for cut in cuts:
        said += answer.push(rest[:cut]) if not answer.over else ""
        rest = rest[cut:]
    said += answer.push(rest) if not answer.over else ""
    said += answer.finish(cut=False) if not answer.over else ""
    assert said == whole(text)

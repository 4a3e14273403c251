"""Talk: questions and words about somebody are known as such, what commands are misheard as is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.reasoning.talk import manner
from tests.houses import houses

COTTAGE = houses()["cottage"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Who are you?", "asks"),
        ("what is the capital of France", "asks"),
        ("Tell me a joke.", "asks"),
        ("I am so tired", "asks"),
        ("Hey Jarvis, do you like music?", "asks"),
        ("is it true that elephants never forget", "asks"),
        ("how many days are there in a leap year", "asks"),
        ("why is the sky blue", "asks"),
        ("who was the first man on the moon", "asks"),
        ("explain how a rainbow forms", "says"),
        ("my sister got married", "says"),
        ("Said bedroom light blue.", "commands"),  # set the
        ("make love every night", "commands"),
        ("This is the front door lock.", "commands"),
        ("I'm off base", "commands"),
        ("what's the kitchen like", "commands"),
        ("my body is out of breath", "commands"),
        ("turn it", "commands"),
        ("Thanks.", "commands"),
        ("", "commands"),
    ],
)
def test_questions_are_told_from_what_may_be_a_misheard_command(text: str, expected: str) -> None:
    assert manner(text, COTTAGE) == expected


@given(
    st.sampled_from([entity.name for entity in COTTAGE.entities.values()]),
    st.sampled_from(["why is", "who painted", "what do you think about", "tell me about", "I like"]),
)
def test_whatever_names_a_thing_of_the_house_may_be_a_command(name: str, begin: str) -> None:
    assert manner(f"{begin} the {name}", COTTAGE) == "commands"


@given(st.text(max_size=60))
def test_any_text_has_a_manner(text: str) -> None:
    assert manner(text, COTTAGE) in ("asks", "says", "commands")

"""Which of the texts recognised in one voice is the request."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.hearing.asr import Recognition
from device.hearing.choice import Choice, Given, Reading
from device.hearing.transcript import words

LONG = (0.9,) * 60  # two seconds of a voice
TEXTS = st.lists(
    st.sampled_from(["alexa", "turn", "on", "off", "the", "light", "fan", "stop"]), max_size=6
).map(" ".join)
GIVEN = st.sampled_from(["request", "word", "rest"])


def read(choice: Choice, text: str, given: Given, confidence: float = 1.0) -> tuple[str, bool]:
    reading = choice.final(Recognition(text, confidence), 0.0, given, LONG)
    return reading.text, reading.settled


@pytest.mark.parametrize(
    ("text", "given", "request_text"),
    [
        ("turn on the light", "request", "turn on the light"),
        ("Alexa, turn on the light.", "word", "turn on the light."),
        ("He turned on the light.", "word", ""),
        ("turn on the light", "rest", "turn on the light"),
    ],
)
def test_a_sure_text_settles_it(text: str, given: Given, request_text: str) -> None:
    choice = Choice("alexa")
    assert choice.partial(text, given) == request_text
    assert read(choice, text, given) == (request_text, True)


def test_an_unsure_text_without_the_wake_word_is_weighed_against_that_with_it() -> None:
    choice = Choice("alexa")
    assert read(choice, "urn on the light", "rest", 0.7) == ("urn on the light", False)
    assert choice.with_word
    assert read(choice, "Alexa, turn on the light", "rest", 0.8) == ("turn on the light", True)
    assert choice.readings(["Alexa, turn on the lights"], "rest", LONG) == (
        *("turn on the lights", "turn on the light", "urn on the light"),
    )


def test_more_words_than_anybody_speaks_in_that_time_are_no_text() -> None:
    choice = Choice()
    reading = choice.final(Recognition("this is more than one breath", 1.0), 0.0, "request", LONG[:5])
    assert (reading.text, reading.settled) == ("", True)
    read(choice, "turn on", "request")
    assert choice.readings(["this is more than one breath"], "request", LONG[:5]) == ()


def test_the_preferred_reading_takes_the_place_of_the_text_it_is_a_reading_of() -> None:
    choice = Choice()
    read(choice, "turn of the light", "request")
    choice.prefer("something else", "turn on the light")
    assert choice.reading == Reading("turn of the light", 0.9, 0.0)
    choice.prefer("turn of the light", "turn off the light")
    assert choice.reading == Reading("turn off the light", 0.9, 0.0)
    choice.forget()
    assert choice.reading is None


@given(text=TEXTS, found=st.lists(TEXTS), sound=GIVEN)
def test_readings_differ_in_their_words_and_hold_the_text_that_went_out(
    text: str, found: list[str], sound: Given
) -> None:
    choice = Choice("alexa")
    reading = choice.final(Recognition(text, 1.0), 0.0, sound, LONG)
    readings = choice.readings(found, sound, LONG)
    assert len({tuple(words(one)) for one in readings}) == len(readings)
    assert not readings or reading.text in readings
    assert readings != (reading.text,)

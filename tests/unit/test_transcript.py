"""What becomes of recognised text before anybody acts on it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.hearing.transcript import after_wake_word, agreement, cut_loop, distinct, invented, request_of

WORDS = st.lists(
    st.sampled_from(
        ["turn", "on", "off", "the", "kitchen", "light", "fan", "to", "thirty", "percent", "and", "stop"]
    ),
    max_size=9,
)


@pytest.mark.parametrize(
    ("text", "word", "request_text"),
    [
        ("Alexa, turn on the light.", "alexa", "turn on the light."),
        ("a lexus turn on the light", "alexa", "turn on the light"),
        ("The Lexus turned on the light.", "alexa", "turned on the light."),
        ("Alex, what time is it?", "alexa", "what time is it?"),
        ("So I told him. Alexa, stop.", "alexa", "stop."),
        ("hey Travis, what time is it", "hey jarvis", "what time is it"),
        ("Jarvis open the blinds", "hey jarvis", "open the blinds"),
        ("Hemicroft, turn it off", "hey mycroft", "turn it off"),
        ("Hey, Mick Roth, turn on the kitchen light.", "hey mycroft", "turn on the kitchen light."),
        ("Alexa.", "alexa", ""),
        ("Hey, Jarvis!", "hey jarvis", ""),
    ],
)
def test_the_wake_word_is_cut_off_however_it_was_heard(text: str, word: str, request_text: str) -> None:
    assert after_wake_word(text, word).text == request_text


@pytest.mark.parametrize(
    "text",
    [
        "turn on the kitchen light",
        "set the alarm to six",
        "turn off all the lights",
        "open the relax scene",
        "",
    ],
)
def test_a_request_without_the_wake_word_stays_whole(text: str) -> None:
    assert after_wake_word(text, "alexa") == (text, 0.0)


def test_only_the_wake_word_itself_is_certain() -> None:
    assert after_wake_word("Alexa stop", "alexa").certain
    assert not after_wake_word("Alexis top", "alexa").certain


@pytest.mark.parametrize(
    ("whole", "rest", "request_text"),
    [
        ("Alexa opened the garage door.", "Open the carriage door.", "Open the garage door."),
        ("Alexa turned off the light.", "urn off the light.", "turned off the light."),
        ("Alexa, set it to red.", "Said it to red.", "set it to red."),
        ("Alexa.", "Turn off the fan.", "Turn off the fan."),
        ("Alexis top.", "Stop.", "Stop."),
        ("Alexis top.", "", "top."),
        ("I think it's a stop", "", ""),
    ],
)
def test_two_readings_of_a_request_make_one(whole: str, rest: str, request_text: str) -> None:
    assert request_of(after_wake_word(whole, "alexa"), 0.9, rest, 0.8)[0] == request_text


def test_of_two_readings_the_surer_one_counts() -> None:
    whole = after_wake_word("Alexa set the firmest stat to twenty", "alexa")
    assert request_of(whole, 0.8, "Set the thermostat to twenty", 1.0) == (
        "Set the thermostat to twenty",
        1.0,
    )


@given(WORDS)
def test_no_word_after_the_wake_word_is_lost(request_words: list[str]) -> None:
    text = " ".join(request_words)
    assert after_wake_word(f"Alexa, {text}", "alexa").text == text


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("set it to 30% and 30% and 30% and 30% and", "set it to 30%"),
        ("What what what what what?", "What"),
        ("turn on the light turn on the light turn on the light", "turn on the light"),
    ],
)
def test_a_loop_is_cut_to_its_first_round(text: str, cut: str) -> None:
    assert cut_loop(text) == (cut, True)


@pytest.mark.parametrize(
    "text", ["very very good", "call 5 5 5", "no no no", "the light and the fan and the door"]
)
def test_what_people_repeat_themselves_is_kept(text: str) -> None:
    assert cut_loop(text) == (text, False)


@given(st.lists(st.sampled_from("abcde"), min_size=1, max_size=8), st.integers(4, 12))
def test_a_loop_leaves_at_most_what_was_said_once(once: list[str], rounds: int) -> None:
    text, looped = cut_loop(" ".join(once * rounds))
    assert looped
    assert len(text.split()) <= len(once)


@given(st.lists(st.sampled_from("abcde"), min_size=1, max_size=40))
def test_what_is_left_of_a_loop_is_the_beginning_of_what_was_said(said: list[str]) -> None:
    text, looped = cut_loop(" ".join(said))
    assert said[: len(text.split())] == text.split()
    assert looped or text.split() == said


def test_agreement_does_not_mind_how_the_last_word_of_a_growing_text_ends() -> None:
    assert agreement("turn on the kit", "Turn on the kitchen light.") == 1.0
    assert agreement("turn on the kit", "Turn on the kitchen light.", growing=False) < 1.0
    assert agreement("burn all", "Turn on the kitchen light.") < 0.8


def test_more_words_than_anyone_can_speak_are_invented() -> None:
    assert invented("thank you for watching see you next time", 200)
    assert not invented("turn on the light", 900)
    assert not invented("stop", 100)


def test_readings_with_the_same_words_are_one_and_stay_as_they_were_published() -> None:
    found = ["Turn on the light", "turn on the night.", "Turn on the light!", "...", "Turn on the night"]
    assert distinct(found, "turn on the light.") == ["turn on the light.", "turn on the night."]
    assert distinct(["..."], "?") == []

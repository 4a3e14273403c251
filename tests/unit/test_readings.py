"""Which of several readings of the same sound was meant."""

from __future__ import annotations

from functools import partial

from device.reasoning.readings import rather_said, sensible
from device.reasoning.router import AskModel, route
from device.reasoning.talk import manner
from tests.houses import demo_house


def chosen(*readings: str) -> str:
    return sensible(readings[0], readings, partial(route, house=demo_house()))


def test_the_likeliest_reading_stays_when_it_makes_sense() -> None:
    assert chosen("turn on the kitchen light", "turn off the kitchen light") == "turn on the kitchen light"


def test_a_reading_that_can_be_done_is_meant_rather_than_one_that_cannot() -> None:
    assert chosen("turn on the kitten lied at", "burn on the kitchen", "turn on the kitchen light") == (
        "turn on the kitchen light"
    )


def test_the_first_text_stays_when_no_reading_makes_sense() -> None:
    assert chosen("tell me a story", "sell me a story") == "tell me a story"


def test_a_request_that_cannot_be_fulfilled_is_meant_rather_than_none_and_less_than_one_that_can() -> None:
    find = partial(route, house=demo_house())
    garbled, impossible = "so the kitten latch to pull it", "lock the kitchen light"
    possible = "turn on the kitchen light"
    assert sensible(garbled, ("so the kitchen latch", impossible), find) == impossible
    assert sensible(garbled, (impossible, possible), find) == possible


def test_what_is_told_may_have_been_a_question_but_no_command() -> None:
    assert (
        chosen("he turned on the kitchen light", "turn on the kitchen light")
        == "he turned on the kitchen light"
    )
    assert chosen("this is the kitchen light on", "is the kitchen light on") == "is the kitchen light on"


def test_the_likeliest_reading_decides_whether_something_was_told() -> None:
    find = partial(route, house=demo_house())
    told, asked = "he turned on the kitchen light", "turn on the kitchen light"
    assert sensible(told, (asked, told), find) == asked
    assert sensible(told, (told, asked), find) == told


def talked_about(*readings: str) -> str:
    house = demo_house()
    return rather_said(readings[-1], readings, partial(route, house=house), partial(manner, house=house))


def test_of_what_nobody_makes_sense_of_the_likeliest_reading_is_talked_about() -> None:
    moon = "how far away is the moon"
    assert talked_about(moon, "half-hour away is the moon") == moon


def test_a_garbled_text_does_not_become_a_command_without_sense() -> None:
    garbled = "some off is light too"
    assert talked_about("so turn it off is light two", garbled) == garbled


def test_what_may_not_act_by_its_first_text_may_not_by_another() -> None:
    told, wish = "he said it was dark", "good night sleep well"
    routes = [route(text, demo_house()) for text in (told, wish)]
    assert [isinstance(found, AskModel) and found.may_act for found in routes] == [False, True]
    assert talked_about(wish, told) == told

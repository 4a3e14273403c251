"""Names behind other words: which texts are tried, and which of them the sound bears out."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.hearing.alike import Alike, Judge, with_names

NAMES = Alike(["TV Backlight", "Hallway Light", "Bedroom Light", "Bathroom Light", "Garage Door", "Garage"])


def favouring(*texts: str, by: float = 20.0) -> Judge:
    """A judge to whom `texts` fit better than all others, by so many natural logarithms."""
    return lambda asked: [0.0 if text in texts else -by for text in asked]


def indifferent(texts: Sequence[str]) -> list[float]:
    return [-1.0] * len(texts)


@pytest.mark.parametrize(
    ("heard", "meant"),
    [
        ("Set TV mark light color to pink.", "Set TV backlight color to pink"),
        ("Turn on the hall way right", "Turn on the hallway light"),
        ("Is mad room light working?", "Is bedroom light working"),
    ],
)
def test_what_sounds_like_a_name_may_be_the_name(heard: str, meant: str) -> None:
    assert meant in [instead.text for instead in NAMES.instead([heard])]


@pytest.mark.parametrize(
    "heard",
    [
        "turn off the bedroom light",
        "turn off the bed room light",
        "open the garage door",
        "tell me something about penguins",
    ],
)
def test_names_are_not_taken_for_each_other_nor_found_in_other_talk(heard: str) -> None:
    assert NAMES.instead([heard]) == []


def test_a_text_with_a_name_comes_behind_the_reading_that_it_was_made_of() -> None:
    readings = ["set the mark light", "set TV mark light to pink", "and so on"]
    named = "Set TV backlight to pink"
    found = with_names(readings, NAMES, [favouring(named)])
    assert found.index(named) == found.index("set TV mark light to pink") + 1


def test_a_name_that_fits_the_sound_much_worse_is_left_out() -> None:
    heard, named = "Set TV mark light to pink", "Set TV backlight to pink"
    assert named in with_names([heard], NAMES, [indifferent])
    assert with_names([heard], NAMES, [favouring(heard)]) == [heard]
    assert with_names([heard], NAMES, [favouring(heard, by=6), favouring(heard, by=6)]) == [heard]


def test_of_two_names_for_the_same_words_the_better_fit_comes_first() -> None:
    heard = "Activate the madroom light"
    for better in ("Activate the bathroom light", "Activate the bedroom light"):
        assert with_names([heard], NAMES, [favouring(heard, better, by=3)])[1] == better


def test_a_name_that_was_borne_out_may_stand_in_other_readings_as_well() -> None:
    readings = [f"it's mad room light{end}" for end in ("", " now", " then", " there")]
    found = with_names([*readings, "is mad room light working"], NAMES, [indifferent])
    assert "Is bedroom light working" in found
    assert with_names(
        [*readings, "is mad room light working"], NAMES, [favouring(*map(str.capitalize, readings))]
    ) == [
        *readings,
        "is mad room light working",
    ]


def test_a_reading_that_says_the_name_itself_comes_before_what_was_made_of_others() -> None:
    itself, made = "I'd like TV backlight white", "I'd like TV backlight to change the light"
    readings = ["I'd like TV mark light to change the light", itself]
    assert made in with_names(readings, NAMES, [indifferent])
    assert made not in with_names(readings, NAMES, [favouring(itself, by=5)])


def test_a_judge_is_not_asked_about_what_another_one_has_ruled_out() -> None:
    asked: list[str] = []

    def listening(texts: Sequence[str]) -> list[float]:
        asked.extend(texts)
        return indifferent(texts)

    heard = "Set TV mark light to pink"
    with_names([heard], NAMES, [favouring(heard), listening])
    assert asked == []


def test_without_anybody_to_judge_nothing_is_put_in() -> None:
    assert with_names(["set TV mark light to pink"], NAMES, []) == ["set TV mark light to pink"]


_WORDS = st.sampled_from(["turn", "on", "the", "TV", "mark", "light", "bed", "room", "mad", "hall", "way"])
_TEXTS = st.lists(st.lists(_WORDS, min_size=1, max_size=8).map(" ".join), max_size=5, unique=True)


@given(_TEXTS, st.floats(-10, 10))
def test_every_reading_stays_in_its_order(readings: list[str], fit: float) -> None:
    found = with_names(readings, NAMES, [lambda texts: [fit * len(text) for text in texts]])
    assert [text for text in found if text in readings] == readings

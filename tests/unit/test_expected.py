"""Phrases that count more in a recogniser's search."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.hearing.expected import Expected, spoken_letters

PHRASES = ("TV backlight", "turn", "turn on", "kitchen")
LETTER = 0.4

texts = st.lists(
    st.sampled_from(["tv", "backlight", "turn", "turned", "on", "kitchen", "kitchens", "light", "t"]),
    max_size=6,
).map(" ".join)


def worth(expected: Expected, *pieces: str) -> float:
    """What the text adds when it is found in these pieces."""
    node, total = expected.start, 0.0
    for piece in pieces:
        node, gain = expected.step(node, piece)
        total += gain
    return total + expected.end(node)


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        (" turn", 4),
        (" turn on", 6),
        (" turned on", 0),
        (" turn on the tv backlight", 6 + 11),
        (" turn on the tv back", 6),
        (" kitchens", 0),
        ("kitchen", 7),
        (" the kitchen light", 7),
    ],
)
def test_only_whole_phrases_count(text: str, letters: int) -> None:
    assert worth(Expected(PHRASES), text) == pytest.approx(LETTER * letters)


@given(texts, st.data())
def test_it_does_not_matter_how_tokens_cut_the_text(text: str, data: st.DataObject) -> None:
    said = f" {text}"
    cut = data.draw(st.integers(0, len(said)))
    expected = Expected(PHRASES)
    assert worth(expected, said[:cut], said[cut:]) == pytest.approx(worth(expected, said))


@given(texts)
def test_nothing_is_taken_from_any_text(text: str) -> None:
    assert worth(Expected(PHRASES), f" {text}") >= -1e-9


@given(texts)
def test_without_phrases_nothing_changes(text: str) -> None:
    assert worth(Expected(()), f" {text}") == 0.0


def test_case_and_punctuation_are_not_spoken() -> None:
    assert spoken_letters("Set, the TV-Light!") == "set the tv light "

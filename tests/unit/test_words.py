"""From text to plain words, and the phrases of the language."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.reasoning.language import load
from device.reasoning.words import lexicon, split

ONES = list(load().numbers)[:20]
TENS = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


def spelled(value: int) -> str:
    if value < 20:
        return ONES[value]
    if value < 100:
        return TENS[value // 10] + (f" {ONES[value % 10]}" if value % 10 else "")
    rest = value % 100
    return f"{ONES[value // 100]} hundred" + (f" and {spelled(rest)}" if rest else "")


@given(st.integers(0, 999))
def test_spelled_numbers_become_digits(value: int) -> None:
    assert split(f"set it to {spelled(value)} please", load())[3:-1] == [str(value)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Turn on the kitchen light.", "turn on the kitchen light ,"),
        ("What's the time?", "what is the time ,"),
        ("don't", "do not"),
        ("I can't see", "i can not see"),
        ("75%", "75 percent"),
        ("20.5°", "20.5 degrees"),
        ("22c", "22 c"),
        ("twenty-one point five degrees", "21.5 degrees"),
        ("nineteen and a half", "19.5"),
        ("a hundred percent", "100 percent"),
        ("two and three", "2 and 3"),
        ("twenty twenty", "20 20"),
        ("the kid’s room", "the kid s room"),
        ("bread & butter", "bread and butter"),
        ("Office CO2", "office co2"),
        ("", ""),
    ],
)
def test_text_becomes_plain_words(text: str, words: str) -> None:
    assert " ".join(split(text, load())) == words


@given(st.text(max_size=60))
def test_splitting_twice_changes_nothing_more(text: str) -> None:
    once = split(text, load())
    assert all(word == word.lower() and " " not in word for word in once)


def test_a_phrase_may_have_several_readings() -> None:
    (end, readings), *_ = (found for found in lexicon().at(["light"], 0) if found[0] == 1)
    assert end == 1
    assert readings["noun"] == "light"
    assert readings["act"] == "on"


def test_every_form_of_a_verb_is_known_with_its_form() -> None:
    (_, readings), *_ = lexicon().at(["closed"], 0)
    assert readings["act"] == "close"
    assert readings["form"] == "1"


def test_an_unknown_language_is_no_silent_default() -> None:
    with pytest.raises(FileNotFoundError):
        load("xx")

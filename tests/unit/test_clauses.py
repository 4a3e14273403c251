"""Clauses: early, whole, and the same however the text arrives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.speech.clauses import ClauseSplitter, split_clauses

PIECES = st.sampled_from(
    (
        "The light",
        " is on",
        ".",
        "!",
        "?",
        ",",
        " ",
        "\n",
        "21.5",
        " Dr. Smith",
        "...",
        " and",
        " but",
        " e.g.",
    )
) | st.sampled_from((" a.m.", " Then", " because", "“Yes.”", ";", " –", "3.", " 😀", " x", "1,000"))
TEXTS = st.lists(PIECES, max_size=60).map("".join) | st.text(max_size=200)


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("The kitchen light is on.", ["The kitchen light is on."]),
        ("Done. Anything else?", ["Done.", "Anything else?"]),
        ("It is 21.5 degrees.", ["It is 21.5 degrees."]),
        ("Dr. Smith called at 7.30 a.m. today.", ["Dr. Smith called at 7.30 a.m. today."]),
        ("He left at 8 p.m. She stayed.", ["He left at 8 p.m.", "She stayed."]),
        ("Use a soft one, e.g. the lamp.", ["Use a soft one,", "e.g. the lamp."]),
        ("It costs 1,000 euros.", ["It costs 1,000 euros."]),
        ("Wait... I will look.", ["Wait...", "I will look."]),
        ("Well... maybe not", ["Well... maybe not"]),
        ("She said “Stop!” Then she left.", ["She said “Stop!”", "Then she left."]),
        ("1. Open the window. 2. Close it.", ["1. Open the window.", "2. Close it."]),
        ("First line\nsecond line", ["First line", "second line"]),
        ("Yes, the light is on.", ["Yes, the light is on."]),
        ("Of course, the light is on.", ["Of course,", "the light is on."]),
        ("Is it red, green, or blue? It is a red, green, and blue one.",
         ["Is it red,", "green, or blue?", "It is a red, green, and blue one."]),
        ("", []),
        ("...", ["..."]),
    ],
)  # fmt: skip
def test_a_text_is_cut_where_a_speaker_would_pause(text: str, clauses: list[str]) -> None:
    assert split_clauses(text) == clauses


@given(TEXTS)
def test_joined_clauses_are_the_text_up_to_white_space(text: str) -> None:
    assert " ".join(split_clauses(text)).split() == text.split()


@given(TEXTS, st.randoms(use_true_random=False))
def test_the_same_text_gives_the_same_clauses_however_it_arrives(text: str, random) -> None:  # type: ignore[no-untyped-def]
    splitter, clauses, at = ClauseSplitter(), list[str](), 0
    while at < len(text):
        length = random.randint(1, 9)
        clauses += splitter.push(text[at : at + length])
        at += length
    assert clauses + splitter.finish() == split_clauses(text)


def test_the_first_clause_is_given_out_while_the_second_is_being_written() -> None:
    splitter = ClauseSplitter()
    assert splitter.push("Good morning") == []
    assert splitter.push(",") == []
    assert splitter.push(" the") == ["Good morning,"]


def test_text_without_any_mark_is_cut_after_a_dozen_words_at_first_and_later_at_two_dozen() -> None:
    clauses = split_clauses("word " * 60)
    assert [len(clause.split()) for clause in clauses] == [12, 24, 24]


def test_a_long_clause_ends_before_a_conjunction() -> None:
    text = "I have turned on all the lights upstairs and the heating will follow soon"
    assert split_clauses(text) == [
        "I have turned on all the lights upstairs",
        "and the heating will follow soon",
    ]


def test_a_finished_splitter_starts_again_with_an_early_clause() -> None:
    splitter = ClauseSplitter()
    splitter.push("One sentence. Another")
    splitter.finish()
    assert splitter.push("Of course, yes") == ["Of course,"]

"""Fillers: which are said, and that an answer does not begin with two."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.reasoning.fillers import filler, fillers, without_filler


def test_successive_questions_get_different_ones_and_what_is_told_is_not_pondered() -> None:
    assert filler("asks", 1) != filler("asks", 2)
    assert {filler("says", number) for number in range(4)} == {filler("commands", 0)} == {"Well,"}


@pytest.mark.parametrize(
    ("answer", "rest"),
    [
        ("Well, the moon is", "the moon is"),
        ("well, yes.", "yes."),
        (" So, it is", "it is"),
        ("Well done!", "Well done!"),
        ("Wells, in Somerset,", "Wells, in Somerset,"),
        ("So it is.", "So it is."),
        ("Well,", ""),
    ],
)
def test_an_answer_does_not_begin_with_a_second_one(answer: str, rest: str) -> None:
    assert without_filler(answer) == rest


@given(st.sampled_from(fillers()), st.text("abc ,.", min_size=1))
def test_what_follows_a_filler_stays_as_it_is(text: str, answer: str) -> None:
    assert without_filler(f"{text} {answer}").strip() == answer.strip()

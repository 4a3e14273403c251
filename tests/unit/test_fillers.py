"""Fillers: which are said, and that an answer does not begin with two."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.dialog.fillers import FILLERS, filler, without_filler


def test_successive_questions_get_different_ones_and_what_is_told_is_not_pondered() -> None:
    assert filler(1, is_asked=True) != filler(2, is_asked=True)
    assert {filler(number, is_asked=False) for number in range(4)} == {"Well,"}


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


@given(st.sampled_from(FILLERS), st.text("abc ,.", min_size=1))
def test_what_follows_a_filler_stays_as_it_is(text: str, answer: str) -> None:
    assert without_filler(f"{text} {answer}").strip() == answer.strip()


def test_the_speak_daemon_knows_them_without_the_parser() -> None:
    code = "import sys, device.services.speak; print('hassil' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"

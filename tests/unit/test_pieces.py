"""How a word is cut into tokens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.hearing.moonshine import Moonshine
from device.hearing.pieces import pieces
from tests.hearing import model_files

_TABLE = {b"l": 0, b"o": 1, b"w": 2, b"e": 3, b"r": 4, b"er": 5, b"lo": 6, b"low": 7, b"wer": 8, b"ow": 9}
_LETTERS = list(range(5))


def test_the_pair_that_training_joined_first_is_joined_first() -> None:
    assert pieces(b"lower", _TABLE) == [7, 5]
    assert pieces(b"wower", _TABLE) == [2, 1, 8]


@given(st.text("lower", max_size=12))
def test_the_pieces_of_a_word_are_the_word(word: str) -> None:
    tokens = {number: token for token, number in _TABLE.items()}
    assert b"".join(tokens[number] for number in pieces(word.encode(), _TABLE)) == word.encode()


def test_bytes_without_a_token_are_left_out() -> None:
    assert pieces("löw".encode(), _TABLE) == [0, 2]


@pytest.mark.models
def test_a_text_is_cut_as_the_model_wrote_it() -> None:
    files = model_files("asr")
    model = Moonshine(files["encoder"], files["decoder"], files["tokens"])
    cut = pieces("\u2581brightness".encode(), model._numbers)
    assert [model._tokens[number].decode() for number in cut] == ["\u2581bright", "ness"]

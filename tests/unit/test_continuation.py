"""A clause that was begun goes on as what it turned out to be, without a gap and without a repetition."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from device.speech import Samples
from device.speech.continuation import Sounding, Timed, continued

LENGTHS = st.lists(st.integers(1, 50), max_size=8)


def _timed(words: list[str]) -> Timed:
    return Timed(tuple(words), tuple(100 * number for number in range(1, len(words) + 1)))


@given(LENGTHS, st.lists(st.integers(0, 300), max_size=4))
def test_sound_comes_once_and_whole_wherever_it_is_cut(lengths: list[int], cuts: list[int]) -> None:
    total = sum(lengths)
    sound = np.arange(total, dtype=np.int16)
    sounding = Sounding(iter(np.split(sound, np.cumsum(lengths)[:-1]) if lengths else []))
    taken: list[Samples] = []
    for cut in sorted(cuts):
        taken += sounding.until(cut)
        assert sum(piece.size for piece in taken) == min(cut, total)
    taken += sounding.rest()
    assert np.concatenate([np.zeros(0, np.int16), *taken]).tolist() == sound.tolist()


def test_another_end_follows_the_words_that_were_said() -> None:
    begun, whole = _timed(["The", "lamp"]), _timed(["The", "lamp", "did", "not", "answer."])
    said, skipped = continued(begun, whole)
    assert said == Timed(whole.words, whole.ends)
    assert skipped == 200


def test_what_begins_otherwise_follows_as_a_whole() -> None:
    said, skipped = continued(_timed(["The", "lamp"]), _timed(["One", "moment."]))
    assert said.words == ("The", "lamp", "One", "moment.")
    assert said.ends == (100, 200, 300, 400)
    assert skipped == 0

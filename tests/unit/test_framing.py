"""Clauses cut into frames of the ring."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from device.speech import Samples
from device.speech.framing import Framer


@given(st.lists(st.integers(0, 1000), max_size=10), st.integers(1, 441))
def test_frames_hold_every_sample_once_and_only_the_last_is_marked(lengths: list[int], frame: int) -> None:
    clause = np.arange(1, sum(lengths) + 1, dtype=np.int16)
    framer, at = Framer(frame), 0
    frames: list[tuple[Samples, int, bool]] = []
    for length in lengths:
        frames += framer.push(clause[at : at + length], end=False)
        at += length
    frames += framer.push(clause[:0], end=True)
    written = np.concatenate([samples for samples, _, _ in frames])
    assert np.array_equal(written[: len(clause)], clause)
    assert not written[len(clause) :].any()
    assert len(written) - len(clause) < max(frame, 1) or not lengths or not len(clause)
    assert [position for _, position, _ in frames] == list(range(0, len(written), frame))
    assert [last for _, _, last in frames] == [False] * (len(frames) - 1) + [True]


def test_a_clause_without_sound_is_one_silent_frame() -> None:
    (frame,) = Framer(441).push(np.zeros(0, np.int16), end=True)
    assert not frame[0].any()
    assert frame[1:] == (0, True)

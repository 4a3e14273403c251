"""How much of a sentence is decoded at a time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from device.speech.schedule import LEFT, RIGHT, SILENT_MS, Schedule

FRAME_MS = 256 / 22.05


def _played(cost_ms: float, frames: int, silent_ms: float = 0.0, slower: float = 1.0) -> tuple[float, float]:
    """Milliseconds until the first sound, and of gaps afterwards, on a decoder of that speed.

    The first `silent_ms` of the sound are left out; everything takes `slower` times as long as was known.
    """
    schedule, begin = Schedule(cost_ms, FRAME_MS), 0
    first_ms, clock_ms, until_ms, gaps_ms = 0.0, 0.0, 0.0, 0.0
    while begin < frames:
        piece = schedule.next_frames(frames - begin)
        assert 0 < piece <= frames - begin
        computed = piece + min(begin, LEFT) + min(frames - begin - piece, RIGHT)
        clock_ms += slower * cost_ms * computed
        schedule.decoded(piece, computed, slower * cost_ms * computed)
        first_ms = first_ms or clock_ms
        gaps_ms += max(0.0, clock_ms - until_ms) if begin else 0.0
        left_out_ms = 0.0 if begin else min(silent_ms, piece * FRAME_MS)
        schedule.left_out(left_out_ms)
        until_ms = max(until_ms, clock_ms) + piece * FRAME_MS - left_out_ms
        begin += piece
    return first_ms, gaps_ms


@given(st.floats(0.1, 5.0), st.integers(1, 2000), st.floats(0, SILENT_MS))
def test_sound_never_breaks_off_on_a_decoder_twice_as_fast_as_speech(
    cost: float, frames: int, silent_ms: float
) -> None:
    assert _played(cost, frames, silent_ms)[1] == 0


@given(st.floats(0.1, 3.0), st.integers(1, 2000), st.floats(0, SILENT_MS))
def test_sound_does_not_break_off_when_other_work_slows_the_decoder_by_a_third(
    cost: float, frames: int, silent_ms: float
) -> None:
    assert _played(cost, frames, silent_ms, slower=1.33)[1] == 0


def test_a_fast_decoder_starts_sooner_than_a_slow_one() -> None:
    assert _played(0.5, 500)[0] < 25
    assert _played(1.0, 500)[0] < 45
    assert _played(4.0, 500)[0] < 310


def test_a_short_rest_is_decoded_together_with_the_piece_before_it() -> None:
    assert Schedule(1.0, FRAME_MS).next_frames(20) == 20

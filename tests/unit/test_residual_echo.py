"""What a canceller leaves of Wren's voice is residual echo, and a person is not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from device.audio.residual import ResidualEcho

Samples = NDArray[np.int16]


def noise(db: float, seed: int = 0) -> Samples:
    """A frame, int16[160], so many dB below full scale."""
    rng = np.random.default_rng(seed)
    sound: Samples = (rng.standard_normal(160) * 32768 * 10 ** (db / 20)).clip(-32767, 32767).astype(np.int16)
    return sound


def learnt(echo_db: float, left_db: float, frames: int = 400, *, seed: int = 0) -> ResidualEcho:
    """A room in which echo and what is left of it swing by some dB around these."""
    residual, rng = ResidualEcho(), np.random.default_rng(seed)
    for at in range(frames):
        swing_db = rng.uniform(-8, 8)
        residual.explains(noise(echo_db + swing_db, at), noise(left_db + swing_db / 2, at), speaks=True)
    return residual


def explained(residual: ResidualEcho, echo_db: float, left_db: float, frames: int = 50) -> float:
    """Share of frames of such levels that may be echo."""
    return float(
        np.mean(
            [residual.explains(noise(echo_db, at), noise(left_db, at), speaks=True) for at in range(frames)]
        )
    )


@settings(max_examples=25, deadline=None)
@given(st.floats(-35, -15), st.floats(36, 50), st.integers(0, 1000))
def test_what_is_usually_left_may_be_echo_and_a_person_20_db_below_the_echo_is_not(
    echo_db: float, erle_db: float, seed: int
) -> None:
    residual = learnt(echo_db, echo_db - erle_db, seed=seed)
    assert explained(residual, echo_db, echo_db - erle_db) > 0.9
    assert explained(residual, echo_db, echo_db - 20) == 0


def test_what_rings_on_while_wren_is_ducked_may_be_echo() -> None:
    residual = learnt(-25, -65)
    assert explained(residual, -45, -62, 40) == 1


def test_where_echo_is_cancelled_well_a_person_far_below_it_is_heard() -> None:
    assert explained(learnt(-15, -65), -15, -50) == 0


@pytest.mark.parametrize("left_db", [-42, -60])
def test_over_a_loudspeaker_that_has_been_ducked_for_a_while_a_faint_person_is_heard(left_db: float) -> None:
    residual = learnt(-25, -40)
    explained(residual, -45, -70, 60)
    assert explained(residual, -45, left_db) == 0


def test_in_a_noisy_room_a_person_no_louder_than_the_noise_is_heard() -> None:
    assert explained(learnt(-25, -45), -40, -42, 40) == 0


@pytest.mark.parametrize("spoke_frames", [400, 1300])
def test_somebody_who_speaks_for_a_second_does_not_become_what_is_usual(spoke_frames: int) -> None:
    residual = learnt(-15, -65, spoke_frames)
    assert explained(residual, -15, -50, 30 + spoke_frames // 12) == 0


def test_what_is_usual_follows_the_room() -> None:
    residual = learnt(-15, -65)
    assert explained(residual, -15, -50) == 0
    for at in range(1100):
        residual.explains(noise(-15, at), noise(-50, at), speaks=True)
    assert explained(residual, -15, -50) == 1


def test_before_enough_was_heard_nothing_is_explained() -> None:
    residual = learnt(-25, -65, 129)
    assert not residual.explains(noise(-25), noise(-80), speaks=False)
    assert not residual.explains(noise(-25), noise(-80), speaks=False)
    residual.explains(noise(-25), noise(-65), speaks=True)
    assert residual.explains(noise(-25), noise(-80), speaks=False)


def test_a_canceller_that_takes_little_away_tells_nothing() -> None:
    assert learnt(-25, -65).is_known
    assert not learnt(-25, -42, 1200).is_known
    assert learnt(-25, -42, 200).is_known  # and is still learning
    assert not learnt(-25, -35, 200).is_known


def test_a_canceller_that_has_lost_the_room_is_not_believed_for_long() -> None:
    residual = learnt(-25, -65, 1200)
    explained(residual, -25, -35, 250)
    assert not residual.is_known
    explained(residual, -25, -65, 450)
    assert residual.is_known

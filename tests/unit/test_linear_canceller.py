"""The canceller for recognition subtracts echo and leaves the voice."""

from __future__ import annotations

import numpy as np
import pytest

from device.audio.echo import Frame
from device.audio.linear import LinearCanceller
from device.audio.room import Convolver, echo_path
from device.bus.paths import MICROPHONE_FRAME

_SETTLED, _FRAMES = 300, 600


def frames(rms: float, count: int = _FRAMES, seed: int = 0) -> list[Frame]:
    """Noise with the falling spectrum of a voice."""
    white = np.random.default_rng(seed).standard_normal(count * MICROPHONE_FRAME)
    brown = np.convolve(white, 0.9 ** np.arange(40), mode="same")
    return list((brown * rms / brown.std()).astype(np.int16).reshape(count, MICROPHONE_FRAME))


def echo_of(far_end: list[Frame]) -> list[Frame]:
    room = Convolver(echo_path(None, 60, -6))
    blocks = [room.block(frame.astype(np.float32)) for frame in far_end]
    return [np.zeros(MICROPHONE_FRAME, np.int16) if b is None else b.astype(np.int16) for b in blocks]


def power_db(sound: list[Frame]) -> float:
    return 10 * float(np.log10(np.mean(np.square(np.concatenate(sound), dtype=np.float64)) + 1e-9))


def through(canceller: LinearCanceller, near_end: list[Frame], far_end: list[Frame]) -> list[Frame]:
    """What is left, from the frame on at which it has learnt the room."""
    cleaned = [canceller.clean(near, far) for near, far in zip(near_end, far_end, strict=True)]
    return [np.zeros(MICROPHONE_FRAME, np.int16) if frame is None else frame for frame in cleaned]


@pytest.fixture
def canceller() -> LinearCanceller:
    return LinearCanceller()


def test_echo_is_taken_out(canceller: LinearCanceller) -> None:
    far_end = frames(3000)
    echo = echo_of(far_end)
    left = through(canceller, echo, far_end)
    assert power_db(echo[_SETTLED:]) - power_db(left[_SETTLED:]) > 15


def test_a_voice_over_the_echo_stays_as_loud_as_it_is(canceller: LinearCanceller) -> None:
    far_end, voice = frames(3000), frames(3000, seed=1)
    silent = [np.zeros(MICROPHONE_FRAME, np.int16)] * _SETTLED + voice[_SETTLED:]
    mixed = [echo + near for echo, near in zip(echo_of(far_end), silent, strict=True)]
    left = through(canceller, mixed, far_end)
    assert power_db(left[_SETTLED:]) == pytest.approx(power_db(voice[_SETTLED:]), abs=1.5)


def test_without_playback_frames_pass_unchanged(canceller: LinearCanceller) -> None:
    voice = frames(3000)
    assert all(canceller.clean(frame, None) is frame for frame in voice)


def test_it_gives_nothing_before_it_has_learnt_the_room(canceller: LinearCanceller) -> None:
    far_end = frames(3000)
    cleaned = [canceller.clean(near, far) for near, far in zip(echo_of(far_end), far_end, strict=True)]
    learnt = next(number for number, frame in enumerate(cleaned) if frame is not None)
    assert 0 < learnt < _SETTLED
    assert all(frame is not None for frame in cleaned[learnt:])

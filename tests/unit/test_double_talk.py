"""Double talk: echo is explained, a person is not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from device.audio.backend import Captured
from device.audio.doubletalk import DoubleTalk
from device.audio.frontend import FrontEnd
from device.audio.playback import Block
from device.audio.room import Room, echo_path
from device.settings import Audio
from tests.hearing import frames
from tests.recordings import recordings

Samples = NDArray[np.int16]


def syllables(count: int, seed: int) -> Samples:
    """Noise in frames that swells and pauses like syllables, int16[160 * count]."""
    rng = np.random.default_rng(seed)
    swell = np.repeat(np.abs(rng.standard_normal(count // 12 + 1)), 12)[:count]
    sound: Samples = (rng.standard_normal((count, 160)) * 3000 * swell[:, None]).clip(-32767, 32767)
    return sound.astype(np.int16).ravel()


def heard(
    far_end: Samples, gains: NDArray[np.float64], person: Samples, path: NDArray[np.float32]
) -> list[bool]:
    """Of each frame, whether somebody is heard over `far_end`, which is played with `gains` (a frame each)."""
    played = (far_end * np.repeat(gains, 160)).astype(np.int16)
    echo = np.convolve(played, path)[: played.size]
    hiss = np.random.default_rng(3).standard_normal(played.size) * 10
    microphone = (echo + person + hiss).clip(-32768, 32767).astype(np.int16)
    detector = DoubleTalk()
    pairs = zip(frames(microphone), frames(played), strict=True)
    return [detector.is_heard(near, far) for near, far in pairs]


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 1000), st.integers(10, 140), st.floats(-15, 0))
def test_echo_alone_is_explained_and_a_person_over_ducked_echo_is_not(
    seed: int, delay_ms: int, level_db: float
) -> None:
    far_end, path = syllables(200, seed), echo_path(None, delay_ms, level_db)
    gains = np.where(np.arange(200) < 150, 1.0, 0.1)
    silence = np.zeros_like(far_end)
    alone = heard(far_end, gains, silence, path)
    assert np.mean(alone[60:]) < 0.2
    person = silence.copy()
    steady = np.random.default_rng(seed + 1).standard_normal(50 * 160) * 3000 * 10 ** (level_db / 20)
    person[150 * 160 :] = steady.clip(-32767, 32767)
    over = heard(far_end, gains, person, path)
    assert np.mean(over[170:]) > np.mean(alone[170:]) + 0.4


def test_nobody_is_heard_before_enough_echo_was() -> None:
    far_end = syllables(55, 0)
    assert not any(heard(far_end, np.ones(55), far_end, echo_path(None, 40, -6.0)))


def test_the_front_end_doubts_echo_before_and_after_it_has_learnt_the_room_and_then_no_person() -> None:
    front_end, room = FrontEnd(Audio()), Room(echo_path(None, 60, -10.0))
    speech = np.repeat(recordings("read_speech")[0].samples()[: 9 * 16_000], 3).reshape(-1, 480)
    person = np.random.default_rng(0).standard_normal((100, 160)).astype(np.float32) * np.float32(0.02)
    doubts = []

    def doubts_about(captured: Captured) -> bool:
        cleaned = front_end.clean(captured)
        assert cleaned is not None
        front_end.voice(captured, cleaned)
        return front_end.may_be_echo

    assert not doubts_about(Captured(room.hear(None, None)[0]))
    for at, played in enumerate(speech):
        microphone, _ = room.hear(None if at < 800 else person[at - 800], played)
        block = Block(played, 1, 0, "", 0, 0, 480, 48_000, first=False, last=False)
        doubts.append(doubts_about(Captured(microphone, playing=block, far_end=room.far_end)))
    front_end.close()
    assert np.mean(doubts[:100]) > 0.9
    assert np.mean(doubts[700:800]) > 0.9
    assert not any(doubts[810:])


@pytest.mark.parametrize("mode", ["gate", "threshold"])
def test_where_nothing_is_cancelled_nothing_is_doubted(mode: str) -> None:
    front_end = FrontEnd(Audio(echo=mode))  # type: ignore[arg-type]
    frame = syllables(1, 0)
    captured = Captured(frame, far_end=frame)
    front_end.voice(captured, frame)
    assert not front_end.may_be_echo

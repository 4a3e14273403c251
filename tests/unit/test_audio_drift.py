"""Two crystals: the far end follows the loudspeaker's clock, as its echo tells."""

from __future__ import annotations

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from device.audio.echometer import EchoMeter
from device.audio.farend import FarEnd

SECOND = 100
Samples = NDArray[np.int16]


def syllables(seconds: int, seed: int = 0) -> NDArray[np.float64]:
    """Noise in bursts of a tenth of a second, of a spectrum as speech has it."""
    rng = np.random.default_rng(seed)
    noise = np.convolve(rng.standard_normal(seconds * 16_000), [1.0, 0.8, 0.4], mode="same")
    loud = np.repeat(rng.uniform(0.05, 1.0, seconds * 10), 1600)
    return 4000 * noise * loud


def reverberant(seed: int = 0) -> NDArray[np.float64]:
    """An echo path of 40 ms and then 200 ms of room."""
    rng = np.random.default_rng(seed)
    tail = rng.standard_normal(3200) * np.exp(-np.arange(3200) / 800) * 0.1
    return np.concatenate([np.zeros(640), [0.3], tail])


def as_frames(sound: NDArray[np.float64]) -> list[Samples]:
    """int16[160] each."""
    whole = np.clip(np.rint(sound[: len(sound) // 160 * 160]), -32768, 32767).astype(np.int16)
    return list(whole.reshape(-1, 160))


def follow(
    ppm: float,
    seconds: int,
    *,
    hiss: float = 10.0,
    talk_s: int = 1000,
    seed: int = 0,
    meter: EchoMeter | None = None,
) -> list[float]:
    """What is found of a drift after each frame; Wren talks for `talk_s`, is silent as long, and so on."""
    played = syllables(seconds + 1, seed)
    played *= (np.arange(played.size) // 16_000 // talk_s) % 2 == 0
    echo = np.convolve(played, reverberant(seed))[: played.size]
    heard = soxr.resample(echo, 16_000 * (1 + ppm * 1e-6), 16_000, quality="VHQ")
    heard = heard + np.random.default_rng(seed).standard_normal(heard.size) * hiss
    far_end, meter, found = FarEnd(16_000), meter or EchoMeter(), list[float]()
    blocks = as_frames(played)
    for number, microphone in enumerate(as_frames(heard)[: seconds * SECOND]):
        for block in blocks[number + 10 if number else 0 : number + 11]:
            far_end.add(block if block.any() else None)
        far_end.drift_ppm = meter.drift.ppm
        meter.observe(microphone, far_end.frame(number * 160 * (1 + ppm * 1e-6)), microphone)
        found.append(meter.drift.ppm)
    return found


@settings(max_examples=8, deadline=None)
@given(st.floats(-150, 150), st.integers(0, 100))
def test_drift_is_known_after_some_seconds_of_wrens_voice(ppm: float, seed: int) -> None:
    found = follow(ppm, 20, seed=seed)
    assert abs(found[8 * SECOND] - ppm) < 3 + 0.1 * abs(ppm)
    assert found[-1] == pytest.approx(ppm, abs=3)


def test_noise_does_not_hide_it_and_silence_does_not_change_it() -> None:
    assert follow(60, 25, hiss=200)[-1] == pytest.approx(60, abs=6)
    found = follow(60, 40, talk_s=8)
    assert found[16 * SECOND - 1] == found[9 * SECOND]
    assert found[-1] == pytest.approx(60, abs=3)


def test_nothing_is_found_where_clocks_agree_or_nothing_of_wren_is_heard() -> None:
    assert max(map(abs, follow(0, 20)[3 * SECOND :])) < 1
    assert max(map(abs, follow(100, 10, hiss=30_000))) < 40


def test_other_streams_are_known_as_quickly_as_the_first() -> None:
    """A card that is opened again has another crystal: 80 ppm after 0."""
    meter = EchoMeter()
    assert follow(0, 40, meter=meter)[-1] == pytest.approx(0, abs=1)
    meter.slip()
    assert follow(80, 15, meter=meter)[-1] == pytest.approx(80, abs=20)


@pytest.mark.parametrize("hertz", [500, 3000, 6000])
def test_what_is_read_between_samples_is_the_sound_there(hertz: int) -> None:
    def tone(position: NDArray[np.float64]) -> NDArray[np.float64]:
        return 12_000 * np.sin(2 * np.pi * hertz * position / 16_000)

    far_end, worst = FarEnd(16_000), 0.0
    far_end.drift_ppm = 100
    for block in as_frames(tone(np.arange(16_000.0))):
        far_end.add(block)
    for number in range(80):
        begin = 400 + number * 160 * (1 + 100e-6)
        frame = far_end.frame(begin)
        assert frame is not None
        expected = tone(begin + np.arange(160.0))
        worst = max(worst, float(np.sqrt(np.mean((frame - expected) ** 2))))
    assert worst < 12_000 / np.sqrt(2) * 10 ** (-50 / 20)

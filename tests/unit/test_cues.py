"""The chimes: short, soft, told apart, and not taken for a voice."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import soxr
from numpy.typing import NDArray

from device.events import CUES
from device.speech.cues import make_cue
from models.errors import ModelMissing
from models.store import Store

RATE_HZ = 22_050


@pytest.mark.parametrize("name", CUES)
@pytest.mark.parametrize("rate_hz", [16_000, 22_050, 24_000])
def test_a_cue_lasts_100_to_150_ms_and_has_the_level_that_was_set(name: str, rate_hz: int) -> None:
    cue = make_cue(name, rate_hz, -18.0)
    assert cue.dtype == np.int16
    assert 100 <= 1000 * len(cue) / rate_hz <= 150
    assert 20 * np.log10(np.abs(cue).max() / 32767) == pytest.approx(-18, abs=0.1)


@pytest.mark.parametrize("name", CUES)
def test_a_cue_begins_and_ends_without_a_click(name: str) -> None:
    cue = np.abs(make_cue(name, RATE_HZ, -18.0)).astype(int)
    edge = RATE_HZ // 1000
    assert cue[:edge].max() < 0.05 * cue.max()
    assert cue[-edge:].max() < 0.05 * cue.max()


def test_no_two_cues_sound_alike() -> None:
    spectra = {}
    for name in CUES:
        halves = np.split(make_cue(name, RATE_HZ, -18.0)[:2646].astype(float), 2)
        spectra[name] = np.concatenate([np.abs(np.fft.rfft(half)) for half in halves])
    for one, other in itertools.combinations(CUES, 2):
        product = spectra[one] @ spectra[other]
        assert product < 0.75 * np.linalg.norm(spectra[one]) * np.linalg.norm(spectra[other])


def test_a_cue_without_a_name_is_refused() -> None:
    with pytest.raises(KeyError):
        make_cue("doorbell", RATE_HZ, -18.0)


@pytest.mark.models
@pytest.mark.parametrize("name", CUES)
@pytest.mark.parametrize("level_db", [-18.0, -6.0])
def test_the_voice_detector_does_not_take_a_cue_for_speech(name: str, level_db: float) -> None:
    detector = _Silero()
    cue = soxr.resample(make_cue(name, RATE_HZ, level_db).astype(np.float32) / 32768, RATE_HZ, 16_000)
    noise = np.random.default_rng(1)
    for offset, noise_level in itertools.product((0, 170, 340), (0.0, 0.003)):
        heard = np.zeros(12_000 + offset, np.float32)
        heard[8000 + offset : 8000 + offset + len(cue)] = cue[:4000]
        assert (
            detector.highest(heard + noise_level * noise.standard_normal(len(heard)).astype(np.float32)) < 0.3
        )


class _Silero:
    def __init__(self) -> None:
        import onnxruntime

        try:
            (model,) = Store().active("vad").files.values()
        except ModelMissing as error:
            pytest.skip(str(error))
        self._session = onnxruntime.InferenceSession(str(model))

    def highest(self, samples: NDArray[np.float32]) -> float:
        state, context, highest = np.zeros((2, 1, 128), np.float32), np.zeros(64, np.float32), 0.0
        for at in range(0, len(samples) - 511, 512):
            given = np.concatenate([context, samples[at : at + 512]])[None]
            probability, state = self._session.run(
                None, {"input": given, "state": state, "sr": np.array(16_000, np.int64)}
            )
            context, highest = given[0, -64:], max(highest, float(probability[0, 0]))
        return highest

"""Does that sound like the end of a turn? Smart Turn v3 (https://github.com/pipecat-ai/smart-turn).

The model hears the last 8 s and judges by melody and rhythm, not by words. Its input are the features of
Whisper (Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision", 2022, 2.2): the sound,
with silence before it when it is shorter, brought to zero mean and unit variance; power spectra of 25 ms
(Hann) every 10 ms, the sound mirrored at both ends; 80 triangular bands of equal area, spaced evenly in mel
after Slaney's Auditory Toolbox; decimal logarithm, at most 8 below the greatest, then (x + 4) / 4.

It is used to 200 ms of pause after the last word, so a shorter pause is prolonged by what was heard in it.

Border: int16[n], 16 kHz mono in; probability that the turn is complete out. About 60 ms of one core.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from device.hearing import RATE_HZ, Floats, Samples
from device.hearing.onnx import session

_WINDOW, _HOP, _BANDS = 400, 160, 80
_SAMPLES = 8 * RATE_HZ
_LEAST_VARIANCE, _LEAST_POWER, _RANGE = 1e-7, 1e-10, 8.0
_LINEAR_HZ, _LINEAR_MEL = 1000.0, 15.0  # up to here a mel is 200/3 Hz, above it a step of 6.4 ** (1 / 27)
_MEL_HZ, _LOG_STEP = 200.0 / 3, np.log(6.4) / 27


_PAUSE_SAMPLES = RATE_HZ // 5


class TurnModel:
    """The model; one call at a time."""

    def __init__(self, model: Path) -> None:
        self._session = session(model)

    def probability(self, samples: Samples) -> float:
        """How surely int16[n] is the end of a turn, 0 to 1; only the last 8 s count."""
        (output,) = self._session.run(None, {"input_features": features(samples)[None]})
        return float(output.flat[0])


def features(samples: Samples) -> Floats:
    """float32[80, 800] of the last 8 s of int16[n]."""
    sound = np.zeros(_SAMPLES, np.float32)
    if given := min(len(samples), _SAMPLES):
        sound[-given:] = samples[-given:].astype(np.float32) / np.float32(32768)
    sound = (sound - sound.mean()) / np.sqrt(sound.var() + np.float32(_LEAST_VARIANCE))
    mirrored = np.pad(sound, _WINDOW // 2, mode="reflect")
    pieces = np.lib.stride_tricks.sliding_window_view(mirrored, _WINDOW)[::_HOP][: _SAMPLES // _HOP]
    power = np.square(np.abs(np.fft.rfft(pieces * _HANN, axis=-1)))
    logarithms = np.log10(np.maximum(_FILTERS @ power.T, _LEAST_POWER))
    scaled: Floats = ((np.maximum(logarithms, logarithms.max() - _RANGE) + 4) / 4).astype(np.float32)
    return scaled


def with_pause(samples: Samples, pause_samples: int) -> Samples:
    """`samples`, whose last `pause_samples` are a pause, with a pause of 200 ms at the end."""
    missing = _PAUSE_SAMPLES - pause_samples
    if missing <= 0 or pause_samples <= 0:
        return samples
    pause = samples[-pause_samples:]
    mirrored = np.concatenate((pause[::-1], pause))
    return np.concatenate((samples, np.resize(mirrored, missing)))


def _filters() -> Floats:
    """Weights float32[80, 201] of the bins in each band."""
    top = _LINEAR_MEL + np.log(RATE_HZ / 2 / _LINEAR_HZ) / _LOG_STEP
    mels = np.linspace(0, top, _BANDS + 2)
    edges = np.where(
        mels < _LINEAR_MEL, mels * _MEL_HZ, _LINEAR_HZ * np.exp(_LOG_STEP * (mels - _LINEAR_MEL))
    )
    bins = np.linspace(0, RATE_HZ / 2, _WINDOW // 2 + 1)
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    triangles = np.minimum((bins - low) / (middle - low), (high - bins) / (high - middle))
    weights: Floats = (np.maximum(triangles, 0) * 2 / (high - low)).astype(np.float32)
    return weights


_HANN: Floats = np.hanning(_WINDOW + 1)[:-1].astype(np.float32)
_FILTERS: Floats = _filters()

"""The features of Whisper (Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision").

Power spectra of 25 ms (Hann) every 10 ms, the sound mirrored at both ends; 80 triangular bands of equal area,
spaced evenly in mel after Slaney's Auditory Toolbox; decimal logarithm, at most 8 below the greatest, then
(x + 4) / 4.

Border: float32[n], 16 kHz mono in; float32[80, n // 160] out.
"""

from __future__ import annotations

import numpy as np
from numpy.fft import rfft

from device.hearing import RATE_HZ, Floats

HOP = 160
_WINDOW, _BANDS = 400, 80
_LEAST_POWER, _RANGE = 1e-10, 8.0
_LINEAR_HZ, _LINEAR_MEL = 1000.0, 15.0  # up to here a mel is 200/3 Hz, above it a step of 6.4 ** (1 / 27)
_MEL_HZ, _LOG_STEP = 200.0 / 3, np.log(6.4) / 27


def log_mel(sound: Floats) -> Floats:
    """float32[80, n // 160] of float32[n]; n is at least 201."""
    mirrored = np.pad(sound, _WINDOW // 2, mode="reflect")
    pieces = np.lib.stride_tricks.sliding_window_view(mirrored, _WINDOW)[::HOP][: len(sound) // HOP]
    power = np.square(np.abs(rfft(pieces * _HANN, axis=-1)))
    logarithms = np.log10(np.maximum(_FILTERS @ power.T, _LEAST_POWER))
    scaled: Floats = ((np.maximum(logarithms, logarithms.max() - _RANGE) + 4) / 4).astype(np.float32)
    return scaled


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

"""How the spectrum of a sound moves, in its first moments: a hum keeps its shape, words do not. Pure.

A frame becomes `_BANDS` levels on the mel scale (O'Shaughnessy 1987, 2595 log10(1 + f / 700)), 100 to 7000
Hz. `shape` looks at the levels since the onset, relative to the loudest one: their mean and their spread in
each band, how much they change within `_STEP` frames, how the second half differs from the first, and how the
whole rises and falls.

Border: int16[160] at 16 kHz in; float32[SHAPE] out.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.fft import rfft

from device.hearing import FRAME_SAMPLES, RATE_HZ, Floats, Samples

_BANDS, _LOWEST_HZ, _HIGHEST_HZ = 20, 100.0, 7000.0
_WINDOW, _FFT = 400, 512
_FAINT = 1e-9
_LONGEST_FRAMES, _FEWEST_FRAMES = 60, 6
_RANGE_DB, _LOUD = 45.0, -0.4  # what is `_LOUD` of the range below the loudest level is silence
_STEP, _LATEST_FRAMES = 4, 4
SHAPE = 4 * _BANDS + 6


def _mel_filters() -> Floats:
    """Triangles over the bins of the transform, float32[257, bands], each with a sum of one."""
    ends = 2595 * np.log10(1 + np.array((_LOWEST_HZ, _HIGHEST_HZ)) / 700)
    corners = 700 * (10 ** (np.linspace(ends[0], ends[1], _BANDS + 2) / 2595) - 1)
    bins = np.arange(_FFT // 2 + 1)[:, None] * RATE_HZ / _FFT
    low, middle, high = corners[:-2], corners[1:-1], corners[2:]
    triangles = np.clip(np.minimum((bins - low) / (middle - low), (high - bins) / (high - middle)), 0, None)
    filters: Floats = (triangles / triangles.sum(0)).astype(np.float32)
    return filters


_FILTERS = _mel_filters()
_HANN = np.hanning(_WINDOW).astype(np.float32)


class Spectrum:
    """The latest frames of one sound; their levels are computed when somebody asks for a shape."""

    def __init__(self) -> None:
        self._frames: deque[Samples] = deque(maxlen=_LONGEST_FRAMES + 1 + _WINDOW // FRAME_SAMPLES)
        self._levels: Floats = np.zeros((0, _BANDS), np.float32)
        self._fresh = 0  # frames whose levels nobody has asked for yet

    def accept(self, samples: Samples) -> None:
        """Hears one frame."""
        self._frames.append(samples)
        self._fresh += 1

    def shape(self, frames: int) -> Floats:
        """Of the latest `frames` frames."""
        self._catch_up()
        wanted = min(max(frames, _FEWEST_FRAMES), len(self._levels))
        if wanted < _FEWEST_FRAMES:
            return np.zeros(SHAPE, np.float32)
        levels = self._levels[-wanted:]
        levels = np.clip(levels - levels.max(), -_RANGE_DB, 0) / _RANGE_DB
        is_loud = levels.max(1) > _LOUD
        voice = levels[is_loud] if is_loud.sum() >= _STEP else levels
        moved = np.abs(voice[_STEP:] - voice[:-_STEP]) if len(voice) > _STEP else np.zeros_like(voice[:1])
        half, whole = len(voice) // 2, levels.mean(1)
        course = np.array(
            (
                moved.mean(),
                moved.max(),
                whole.std(),
                whole[-_LATEST_FRAMES:].mean() - whole.max(),
                is_loud.mean(),
                np.abs(np.diff(whole)).max(),
            )
        )
        turned = voice[half:].mean(0) - voice[:half].mean(0)
        parts = (voice.mean(0), voice.std(0), moved.mean(0), turned, course)
        return np.concatenate(parts).astype(np.float32)

    def _catch_up(self) -> None:
        fresh = min(self._fresh, _LONGEST_FRAMES + 1)
        if not fresh:
            return
        sound = np.concatenate(self._frames).astype(np.float32) / np.float32(32768)
        sound = np.pad(sound, (_WINDOW, 0))
        windows = np.lib.stride_tricks.sliding_window_view(sound, _WINDOW)[::-FRAME_SAMPLES][:fresh][::-1]
        power = np.abs(rfft(windows * _HANN, _FFT)) ** 2
        levels = (10 * np.log10(power @ _FILTERS + _FAINT)).astype(np.float32)
        self._levels = np.concatenate((self._levels, levels))[-(_LONGEST_FRAMES + 1) :]
        self._fresh = 0

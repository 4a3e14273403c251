"""Voices taken apart and put together again by WORLD (Morise 2016, by way of pyworld).

Sounds are float32[n] at 16 kHz, a frame of an `Analysis` is 5 ms.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pyworld
from numpy.typing import NDArray

from device.hearing import RATE_HZ, Floats

FRAMES_PER_S = 200

_Contour = NDArray[np.float64]


class Analysis(NamedTuple):
    """What WORLD makes of a voice: pitch in Hz[n], spectra[n, 513] and their aperiodicity[n, 513]."""

    pitch: _Contour
    spectra: _Contour
    breath: _Contour

    def at(self, frames: NDArray[np.int_]) -> Analysis:
        """These frames, in this order."""
        return Analysis(self.pitch[frames], self.spectra[frames], self.breath[frames])

    def sound(self) -> Floats:
        """What it sounds like."""
        pitch, spectra, breath = (np.ascontiguousarray(part) for part in self)
        synthesised: Floats = pyworld.synthesize(pitch, spectra, breath, RATE_HZ).astype(np.float32)
        return synthesised


def joined(parts: Iterable[Analysis]) -> Analysis:
    """One after the other."""
    return Analysis(*(np.concatenate(some) for some in zip(*parts, strict=True)))


def analysed(sound: Floats) -> Analysis:
    """Of a sound, or of a fifth of a second at least."""
    samples = np.pad(sound, (0, max(0, RATE_HZ // 5 - len(sound)))).astype(np.float64)
    rough, times = pyworld.dio(samples, RATE_HZ)
    pitch = pyworld.stonemask(samples, rough, times, RATE_HZ)
    spectra = pyworld.cheaptrick(samples, pitch, times, RATE_HZ)
    return Analysis(pitch, spectra, pyworld.d4c(samples, pitch, times, RATE_HZ))


def warped(spectra: _Contour, factor: float) -> _Contour:
    """Spectra with all formants `factor` times as high."""
    bins = np.arange(spectra.shape[1])
    logs = np.log(spectra + 1e-16)
    moved: _Contour = np.exp(np.stack([np.interp(bins / factor, bins, row) for row in logs]))
    return moved

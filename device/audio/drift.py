"""How much faster the loudspeaker's clock runs than the microphone's, as the echo tells.

Two crystals differ by some 50 ppm, which moves the echo against its reference by a sample in 1.25 s. A
canceller that only subtracts loses 10 dB by one sample and nearly all by eight, and measured times of streams
are wrong by milliseconds. The echo itself is not: the room is the same in two successive windows, so that its
response cancels in the product of one cross-spectrum with the conjugate of the next, and what is left is the
phase of a delay, the way by which the echo has moved. Of 27 measured rooms each told it within 0.05 samples,
with noise 20 dB below the echo within 0.4. Windows overlap by half, and their noise agrees where they do:
noise as loud as the echo draws what is found towards 0, and where no echo is heard it is about 0.

The reference is read by what was found before (`device.audio.farend`), so each pair of windows tells the
error of that. Pure.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from device.bus.paths import MICROPHONE_HZ

MOST_PPM = 300.0
_BAND_HZ = (200, 4000)
_LAGS = np.arange(-5, 6)  # samples between two windows: `MOST_PPM` are 2.3
_COHERENT = 0.05  # share of the band that has to agree; windows that overlap agree by that alone at lag 0
_KNOWN_PAIRS, _ANEW_PAIRS = 10, 4
_SLOWEST = 0.02  # weight of a pair of windows when many were heard: memory of 25 s of speech

Spectrum = NDArray[np.complexfloating]


class Drift:
    """Compares cross-spectra of windows that lie `hop_s` apart; `size` is that of their Fourier transform."""

    def __init__(self, hop_s: float, size: int) -> None:
        self.ppm = 0.0
        self._hop_s = hop_s
        first, last = (hertz * size // MICROPHONE_HZ for hertz in _BAND_HZ)
        self._band = slice(first, last)
        turns = np.outer(_LAGS, np.arange(first, last)) / size
        self._delays = np.exp(2j * np.pi * turns).astype(np.complex64)
        self._before: Spectrum | None = None
        self._pairs = 0

    @property
    def is_known(self) -> bool:
        """Whether enough windows were heard."""
        return self._pairs >= _KNOWN_PAIRS

    def observe(self, cross: Spectrum) -> None:
        """The next window: microphone times conjugate far end, each bin of modulus 1."""
        spectrum = cross[self._band]
        before, self._before = self._before, spectrum
        if before is None:
            return
        correlation = np.real(self._delays @ (spectrum * np.conj(before))) / spectrum.size
        peak = int(np.argmax(correlation))
        if not 0 < peak < _LAGS.size - 1 or correlation[peak] < _COHERENT:
            return
        left, top, right = (float(value) for value in correlation[peak - 1 : peak + 2])
        bend = left - 2 * top + right
        later = int(_LAGS[peak]) + ((left - right) / (2 * bend) if bend else 0.0)  # the vertex of a parabola
        self._pairs += 1
        error_ppm = -1e6 * later / (self._hop_s * MICROPHONE_HZ)
        weight = max(_SLOWEST, 1 / (1 + self._pairs))
        self.ppm = float(np.clip(self.ppm + weight * error_ppm, -MOST_PPM, MOST_PPM))

    def interrupt(self) -> None:
        """The next window does not follow on the latest one."""
        self._before = None

    def begin_anew(self) -> None:
        """The streams may be others: what is found from now on counts nearly as much as at first."""
        self._before, self._pairs = None, min(self._pairs, _ANEW_PAIRS)

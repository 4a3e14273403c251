"""What left the loudspeaker during each microphone frame, as one continuous 16 kHz stream.

The blocks handed to the loudspeaker, silence included, are resampled by one soxr stream, so sample n of it is
known to leave n / 16,000 s after the loudspeaker's first. Microphone frames read it one after another: during
speech without a gap or a repetition, since a canceller's reference must not slip, but at the pace of the
loudspeaker's clock (`drift_ppm`), by windowed-sinc interpolation between samples. The clocks of both streams
say where a frame should read; measured times are wrong by some milliseconds, by up to ten for a while on a
sound server. Counted samples are not. So the reader moves to that place only while it reads silence, once it
is off by `ALIGN_MS`, or at once when it is off by `SLIP_MS`: then sound was lost or the loudspeaker paused,
and `slipped` tells so.

Pure. Positions are samples at 16 kHz since the opening of the loudspeaker.
"""

from __future__ import annotations

import numpy as np
import soxr
from numpy.typing import NDArray

from device.bus.paths import MICROPHONE_FRAME, MICROPHONE_HZ
from device.events import FRAME_MS

ALIGN_MS = 8
SLIP_MS = 20
_KEPT_FRAMES = 200
# of the interpolation between samples: its error lies 57 dB below what is read, up to 6 kHz
_TAPS, _PHASES, _KAISER = 32, 512, 8.0

Samples = NDArray[np.int16]
_SILENCE: Samples = np.zeros(MICROPHONE_FRAME, np.int16)


class FarEnd:
    """Blocks at `rate_hz` in, frames of int16[160] out."""

    def __init__(self, rate_hz: int) -> None:
        self._silence = np.zeros(rate_hz * FRAME_MS // 1000, np.int16)
        self._resampler = (  # at a constant rate; soxr's variable rate mode alone is at most 14 ms behind
            None
            if rate_hz == MICROPHONE_HZ
            else soxr.ResampleStream(rate_hz, MICROPHONE_HZ, 1, dtype="int16", quality="HQ", vr=True)
        )
        self._samples: Samples = np.zeros(0, np.int16)
        self._first = 0  # position of the oldest kept sample
        self._next: float | None = None  # where the next frame reads
        self.drift_ppm = 0.0  # how much faster the loudspeaker's clock runs than the microphone's
        self.slipped = False  # before the latest frame; what has drifted until a silence is no slip

    def add(self, block: Samples | None) -> None:
        """The next 10 ms that were handed to the loudspeaker; None is silence."""
        samples = self._silence if block is None else block
        if self._resampler is not None:
            samples = self._resampler.resample_chunk(samples)
        self._samples = np.concatenate([self._samples, samples])
        if self._samples.size > 2 * _KEPT_FRAMES * MICROPHONE_FRAME:
            cut = self._samples.size - _KEPT_FRAMES * MICROPHONE_FRAME
            self._samples, self._first = self._samples[cut:], self._first + cut

    def frame(self, position: float, *, lost: bool = False) -> Samples | None:
        """What leaves from about `position` on; None is silence. `lost`: the microphone lost samples."""
        if self._next is None:
            self._next = float(round(position))
        off_ms = abs(position - self._next) * 1000 // MICROPHONE_HZ
        self.slipped = lost or off_ms > SLIP_MS
        if self.slipped or (off_ms > ALIGN_MS and not self._read(self._next).any()):
            self._next = float(round(position))
        samples = self._read(self._next)
        self._next += MICROPHONE_FRAME * (1 + self.drift_ppm * 1e-6)
        return samples if samples.any() else None

    def _read(self, position: float) -> Samples:
        whole, phase = divmod(round(position * _PHASES), _PHASES)
        if phase == 0:
            return self._piece(whole, MICROPHONE_FRAME)
        around = self._piece(whole - _TAPS // 2 + 1, MICROPHONE_FRAME + _TAPS - 1)
        if not around.any():
            return _SILENCE
        between = np.convolve(around.astype(np.float32), _FRACTIONS[phase], mode="valid")
        return np.clip(np.rint(between), -32768, 32767).astype(np.int16)

    def _piece(self, position: int, size: int) -> Samples:
        begin = position - self._first
        piece = self._samples[max(0, begin) : max(0, begin + size)]
        if piece.size == size:
            return piece
        samples = np.zeros(size, np.int16)
        at = max(0, -begin) if begin < 0 else 0
        samples[at : at + piece.size] = piece
        return samples


def _fractions() -> NDArray[np.float32]:
    """Filters that read 0 to nearly 1 sample behind the middle of `_TAPS` samples, [_PHASES, _TAPS]."""
    away = np.arange(1 - _TAPS // 2, _TAPS // 2 + 1) - np.arange(_PHASES)[:, None] / _PHASES
    window = np.i0(_KAISER * np.sqrt(np.maximum(0, 1 - (2 * away / _TAPS) ** 2)))
    taps = np.sinc(away) * window
    filters: NDArray[np.float32] = (taps / taps.sum(axis=1, keepdims=True)).astype(np.float32)
    return filters[:, ::-1]  # convolution turns them round


_FRACTIONS = _fractions()

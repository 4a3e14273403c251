"""How late echo comes, how that changes and how well it is cancelled.

Delay: generalised cross-correlation with phase transform (Knapp and Carter 1976) of microphone and far end,
its spectrum averaged over windows in which the far end is loud. A peak counts as the delay when it stands out
from the rest; until then the delay is not known.

Echo return loss enhancement: power of the microphone over power of what was left of it (ITU-T G.168), in dB,
over the frames in which echo is to be expected, averaged over about two seconds of them. Somebody talking at
the same time lowers it.

Border: int16[160] at 16 kHz, 10 ms frames. Pure.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.fft import irfft, rfft
from numpy.typing import NDArray

from device.audio.drift import Drift
from device.bus.paths import MICROPHONE_FRAME, MICROPHONE_HZ
from device.events import FRAME_MS

MOST_MS = 400
_EARLY_MS = 50  # how much echo may seem to come before its reference where clocks are wrong
_WINDOW_FRAMES = 96
_HOP_FRAMES = 48
_SPECTRUM = 1 << (_WINDOW_FRAMES * MICROPHONE_FRAME - 1).bit_length()
_FORGET = 0.7  # weight of the older windows
_STANDS_OUT = 9.0  # peak over the root mean square of the correlation
_LOUD_DB = -50.0  # of the far end
_AUDIBLE_DB = -62.0  # of the microphone
_ECHO_FRAMES = 20  # in which a loud far end is still heard
_AVERAGED_FRAMES = 200

Frame = NDArray[np.int16]


class EchoMeter:
    """Watches a canceller, or a room without one."""

    def __init__(self) -> None:
        self._near = np.zeros((_WINDOW_FRAMES, MICROPHONE_FRAME), np.float32)
        self._far = np.zeros_like(self._near)
        self._frames, self._loud_frames, self._echo_until = 0, 0, -1
        self._cross: NDArray[np.complexfloating] | None = None
        self.drift = Drift(_HOP_FRAMES * FRAME_MS / 1000, 2 * _SPECTRUM)
        self._heard = self._left = 0.0
        self._measured = 0
        self.delay_ms: int | None = None
        self.certainty = 0.0  # of the delay: how far the peak stands out; at least `_STANDS_OUT` is certain

    @property
    def erle_db(self) -> float | None:
        """How much quieter echo became; None before enough of it was heard."""
        if self._measured < _AVERAGED_FRAMES // 2 or self._left <= 0 or self._heard <= 0:
            return None
        return 10 * math.log10(self._heard / self._left)

    def observe(self, near_end: Frame, far_end: Frame | None, cleaned: Frame) -> None:
        """One frame of microphone, loudspeaker, and what was made of them."""
        at = self._frames % _WINDOW_FRAMES
        loud = far_end is not None and power_db(far_end) > _LOUD_DB
        self._near[at] = near_end
        self._far[at] = 0 if far_end is None else far_end
        if loud:
            self._loud_frames += 1
            self._echo_until = self._frames + _ECHO_FRAMES
        if self._frames <= self._echo_until and power_db(near_end) > _AUDIBLE_DB:
            keep = 1 - 1 / _AVERAGED_FRAMES
            self._heard = self._heard * keep + _energy(near_end)
            self._left = self._left * keep + _energy(cleaned)
            self._measured += 1
        self._frames += 1
        if self._frames % _HOP_FRAMES == 0:
            if self._loud_frames >= _HOP_FRAMES // 2 and self._frames >= _WINDOW_FRAMES:
                self._correlate()
            else:
                self.drift.interrupt()
            self._loud_frames = 0

    def slip(self) -> None:
        """Echo may come at another time from now on, by other clocks: no window reaches back."""
        self._frames, self._loud_frames, self._echo_until = 0, 0, -1
        self.drift.begin_anew()

    def _correlate(self) -> None:
        begin = self._frames % _WINDOW_FRAMES
        near, far = (
            rfft(np.roll(sound, -begin, axis=0).ravel(), 2 * _SPECTRUM) for sound in (self._near, self._far)
        )
        cross = near * np.conj(far)
        cross /= np.abs(cross) + 1e-9
        self.drift.observe(cross)
        self._cross = cross if self._cross is None else _FORGET * self._cross + (1 - _FORGET) * cross
        correlation = irfft(self._cross)
        early = _EARLY_MS * MICROPHONE_HZ // 1000
        lags = np.concatenate([correlation[-early:], correlation[: MOST_MS * MICROPHONE_HZ // 1000]])
        peak = int(np.argmax(np.abs(lags)))
        self.certainty = float(np.abs(lags[peak]) / (np.sqrt(np.mean(correlation**2)) + 1e-12))
        if self.certainty >= _STANDS_OUT:
            self.delay_ms = round((peak - early) * 1000 / MICROPHONE_HZ)


def power_db(samples: Frame) -> float:
    """Mean power of int16 samples, dBFS; -100 for digital silence."""
    power = _energy(samples) / samples.size / 32768**2
    return 10 * math.log10(power) if power > 1e-10 else -100.0


def _energy(samples: Frame) -> float:
    floats = samples.astype(np.float32)
    return float(np.dot(floats, floats))

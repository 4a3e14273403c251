"""The acoustics of the simulated room, in 10 ms blocks.

Sound in: what people say and what the loudspeaker plays. Sound out: what the microphone hears, which is the
near end, plus the loudspeaker through a room impulse response, plus looped background noise, plus the hiss
of a real microphone (-70 dBFS, so that nobody meets digital zeros). The impulse response is applied by
uniformly partitioned overlap-save convolution (Stockham 1966; Gardner 1995), one partition a block.

Blocks are float32[160] at 16 kHz in -1…1; the loudspeaker comes as int16[480] at 48 kHz.
"""

from __future__ import annotations

import numpy as np
from numpy.fft import irfft, rfft
from numpy.typing import NDArray

from device.bus.paths import MICROPHONE_FRAME, MICROPHONE_HZ

LOUDSPEAKER_HZ = 48_000
LOUDSPEAKER_BLOCK = LOUDSPEAKER_HZ // 100
HISS_DB = -70.0
LONGEST_RESPONSE_S = 1.5

_FACTOR = LOUDSPEAKER_HZ // MICROPHONE_HZ
_HALF_TAPS = 48  # at 48 kHz on either side of the middle: a group delay of 16 samples at 16 kHz
_DECIMATION_DELAY = _HALF_TAPS // _FACTOR
_STEPS = np.arange(MICROPHONE_FRAME)
_SILENCE = np.zeros(MICROPHONE_FRAME, np.int16)
_HISS_SAMPLES, _HISS_STRIDE = 1 << 16, 7919  # drawn once; frames begin at ever other places of it

Block = NDArray[np.float32]


class Decimator:
    """48 kHz to 16 kHz by a linear-phase low-pass, exactly 1 ms late."""

    def __init__(self) -> None:
        cutoff = 0.9 / _FACTOR
        offsets = np.arange(-_HALF_TAPS, _HALF_TAPS + 1)
        taps = cutoff * np.sinc(cutoff * offsets) * np.kaiser(offsets.size, 7.0)
        self._taps = (taps / taps.sum()).astype(np.float32)
        self._history = np.zeros(2 * _HALF_TAPS + LOUDSPEAKER_BLOCK, np.float32)
        self._ringing = False

    def block(self, samples: NDArray[np.int16] | None) -> Block | None:
        """10 ms at 16 kHz; None, silence, once only silence has come in."""
        if samples is None and not self._ringing:
            return None
        self._ringing = samples is not None
        self._history[: 2 * _HALF_TAPS] = self._history[LOUDSPEAKER_BLOCK:]
        self._history[2 * _HALF_TAPS :] = 0 if samples is None else samples * np.float32(1 / 32768)
        return np.convolve(self._history, self._taps, mode="valid")[::_FACTOR]


class Convolver:
    """Convolves a stream of blocks with `response` (float32[n], 16 kHz)."""

    def __init__(self, response: NDArray[np.float32]) -> None:
        partitions = max(1, -(-response.size // MICROPHONE_FRAME))
        padded = np.zeros((partitions, 2 * MICROPHONE_FRAME), np.float32)
        padded[:, :MICROPHONE_FRAME] = np.pad(
            response, (0, partitions * MICROPHONE_FRAME - response.size)
        ).reshape(partitions, MICROPHONE_FRAME)
        self._response = rfft(padded, axis=1)
        self._spectra = np.zeros_like(self._response)
        self._input = np.zeros(2 * MICROPHONE_FRAME, np.float32)
        self._newest, self._silent_for = 0, partitions + 1

    def block(self, samples: Block | None) -> Block | None:
        """The next 10 ms of the output; None, silence, once the room has died away."""
        partitions = len(self._response)
        self._silent_for = self._silent_for + 1 if samples is None else 0
        if self._silent_for > partitions + 1:
            return None
        self._input[:MICROPHONE_FRAME] = self._input[MICROPHONE_FRAME:]
        self._input[MICROPHONE_FRAME:] = 0 if samples is None else samples
        self._newest = (self._newest - 1) % partitions
        self._spectra[self._newest] = rfft(self._input)
        older = partitions - self._newest
        total = (self._spectra[self._newest :] * self._response[:older]).sum(axis=0)
        total += (self._spectra[: self._newest] * self._response[older:]).sum(axis=0)
        block: Block = irfft(total)[MICROPHONE_FRAME:].astype(np.float32)
        return block


def echo_path(response: NDArray[np.float32] | None, delay_ms: int, level_db: float) -> NDArray[np.float32]:
    """Impulse response from loudspeaker to microphone, float32[n] at 16 kHz.

    Its strongest tap, the direct sound, lies at `delay_ms` (1 ms at least); its energy is `level_db`, so that
    noise from the loudspeaker arrives that much quieter. Without `response` it is one tap.
    """
    direct = max(delay_ms * MICROPHONE_HZ // 1000, _DECIMATION_DELAY)
    shape = np.ones(1, np.float32) if response is None else response
    peak = int(np.argmax(np.abs(shape)))
    early = shape[max(0, peak - direct + _DECIMATION_DELAY) : peak]
    late = shape[peak : peak + round(LONGEST_RESPONSE_S * MICROPHONE_HZ)]
    path = np.concatenate([np.zeros(direct - early.size, np.float32), early, late])
    gain = 10 ** (level_db / 20) / float(np.sqrt(np.sum(path**2)))
    return path * np.float32(gain)


class Room:
    """Mixes what the microphone hears and what a person hears. `path` as from `echo_path`."""

    def __init__(
        self, path: NDArray[np.float32], noise: NDArray[np.float32] | None = None, noise_db: float = 0.0
    ) -> None:
        self._decimator = Decimator()
        self._echo = Convolver(path[_DECIMATION_DELAY:])  # the decimator is that late already
        self._noise = None if noise is None else noise * np.float32(10 ** (noise_db / 20))
        self._noise_at = 0
        hiss = np.random.default_rng(1).standard_normal(_HISS_SAMPLES, np.float32)
        self._hiss, self._hiss_at = hiss * np.float32(10 ** (HISS_DB / 20)), 0
        self.far_end: NDArray[np.int16] | None = None  # what left the loudspeaker last, [160]; None: silence

    def hear(
        self, near_end: Block | None, loudspeaker: NDArray[np.int16] | None
    ) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
        """(microphone, person) of the next 10 ms, int16[160] each; None is silence."""
        self._hiss_at = (self._hiss_at + _HISS_STRIDE) % (_HISS_SAMPLES - MICROPHONE_FRAME)
        microphone = self._hiss[self._hiss_at : self._hiss_at + MICROPHONE_FRAME].copy()
        person = _SILENCE
        far_end = self._decimator.block(loudspeaker)
        self.far_end = None if far_end is None else to_int16(far_end)
        if (echo := self._echo.block(far_end)) is not None:
            microphone += echo
        if self._noise is not None:
            microphone += self._noise.take(_STEPS + self._noise_at, mode="wrap")
            self._noise_at = (self._noise_at + MICROPHONE_FRAME) % self._noise.size
        if near_end is not None:
            microphone += near_end
            person = to_int16(near_end if far_end is None else near_end + far_end)
        elif far_end is not None:
            person = to_int16(far_end)
        return to_int16(microphone), person


def to_int16(samples: Block) -> NDArray[np.int16]:
    """Rounded and clipped."""
    return np.clip(np.rint(samples * 32768), -32768, 32767).astype(np.int16)

"""A 16-bit mono WAV file that is valid at any moment, even when its writer is killed.

The 44 byte header of RIFF WAVE is brought up to date once a second of sound and on close. A writer that is
started again can go on behind what its predecessor wrote.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from device.faults import Fault

_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
_PCM, _CHANNELS, _SAMPLE_BYTES = 1, 1, 2


class Recording:
    """Writes `path` anew, or on from its end with `resume`. Raises Fault where the file cannot be written."""

    def __init__(self, path: str, rate_hz: int, *, resume: bool = False) -> None:
        self._rate_hz = rate_hz
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | (0 if resume else os.O_TRUNC), 0o644)
        except OSError as error:
            raise Fault(
                f"{path} cannot be written ({error.strerror})", "name another file", permanent=True
            ) from error
        size = os.fstat(self._file).st_size - _HEADER.size
        self._bytes = max(0, size - size % _SAMPLE_BYTES)
        self._described = self._bytes
        self._describe()

    def write(self, samples: NDArray[np.int16]) -> None:
        """Appends int16[n]."""
        self._bytes += os.pwrite(self._file, samples.tobytes(), _HEADER.size + self._bytes)
        if self._bytes - self._described >= self._rate_hz * _SAMPLE_BYTES:
            self._describe()

    def close(self) -> None:
        """Completes the file."""
        self._describe()
        os.close(self._file)

    def _describe(self) -> None:
        self._described = self._bytes
        header = _HEADER.pack(
            b"RIFF", _HEADER.size - 8 + self._bytes, b"WAVE", b"fmt ", 16, _PCM, _CHANNELS, self._rate_hz,
            self._rate_hz * _CHANNELS * _SAMPLE_BYTES, _CHANNELS * _SAMPLE_BYTES, 8 * _SAMPLE_BYTES,
            b"data", self._bytes,
        )  # fmt: skip
        os.pwrite(self._file, header, 0)

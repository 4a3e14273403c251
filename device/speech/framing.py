"""Cuts a clause's samples into whole frames of the speaker ring.

The last frame is filled up with silence; since nobody knows which frame is the last until the clause is
closed, one sample is always held back.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from device.speech import Samples


class Framer:
    """Collects int16 samples of one clause and gives frames of `frame_samples`."""

    def __init__(self, frame_samples: int) -> None:
        self._frame = frame_samples
        self._left = np.zeros(0, np.int16)
        self._position = 0

    def push(self, samples: Samples, *, end: bool) -> Iterator[tuple[Samples, int, bool]]:
        """Frames that are complete now: (samples, offset within the clause, whether it is the last)."""
        left = np.concatenate((self._left, samples))
        whole = max(0, len(left) - 1) // self._frame
        for index in range(whole):
            yield self._next(left[index * self._frame : (index + 1) * self._frame], last=False)
        self._left = left[whole * self._frame :]
        if end:
            padded = np.zeros(self._frame, np.int16)
            padded[: len(self._left)] = self._left
            self._left = self._left[:0]
            yield self._next(padded, last=True)

    def _next(self, samples: Samples, *, last: bool) -> tuple[Samples, int, bool]:
        position = self._position
        self._position += self._frame
        return samples, position, last

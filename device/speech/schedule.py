"""How much of a sentence to decode at a time: soon heard, never starved.

A piece of n frames costs the decoder n plus the `MARGIN` frames of context around it, so pieces must be
long enough for the decoder to gain on the sound. The first one must last until the second is ready, without
the silence that voices begin with and that is left out; each further one may take `_SHARE` of the sound that
is still unheard. On a slow or busy machine that makes the first pieces longer, on a fast one the start is
sooner; later pieces grow, which wastes less on the margin.
"""

from __future__ import annotations

LEFT, RIGHT = 24, 24  # frames the decoder sees around a piece: error at most 2e-4 of full scale (-74 dB)
MARGIN = LEFT + RIGHT
_FIRST, _LEAST, _MOST = 14, 16, 128
_SHARE = 0.6
_GAIN = 0.8  # of real time, that a piece may take at most
_LEARNING = 0.3
SILENT_MS = 50.0  # that voices begin with at most: 0 to 50 were seen
LARGEST = _MOST + _LEAST + MARGIN  # frames the decoder is given at most


class Schedule:
    """Sizes of successive pieces: `cost_ms` is the decoder's time per frame, `frame_ms` the sound's."""

    def __init__(self, cost_ms: float, frame_ms: float) -> None:
        self.cost_ms = cost_ms
        self._frame_ms = frame_ms
        self._unheard_ms = -1.0

    def next_frames(self, left: int) -> int:
        """Frames to decode now when `left` are left."""
        spare_ms = _GAIN * self._frame_ms - self.cost_ms
        least = max(_LEAST, min(_MOST, self.cost_ms * MARGIN / spare_ms)) if spare_ms > 0 else _MOST
        if self._unheard_ms < 0:
            wanted_ms = self.cost_ms * (least + MARGIN) / _SHARE + SILENT_MS
            frames = max(_FIRST, wanted_ms / self._frame_ms)
        else:
            frames = max(least, _SHARE * self._unheard_ms / self.cost_ms - MARGIN)
        frames = round(min(_MOST, frames))
        return left if left < frames + _LEAST else frames

    def decoded(self, frames: int, computed: int, took_ms: float) -> None:
        """A piece of `frames` is done; `computed` counts the margins that were there."""
        self._unheard_ms = max(0.0, self._unheard_ms - took_ms) + frames * self._frame_ms
        self.cost_ms += _LEARNING * (took_ms / max(1, computed) - self.cost_ms)

    def left_out(self, sound_ms: float) -> None:
        """So much of what was decoded is not played."""
        self._unheard_ms = max(0.0, self._unheard_ms - sound_ms)

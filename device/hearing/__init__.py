"""Engines that turn microphone samples into facts. No bus, no I/O.

Sound enters as frames of int16[160], 16 kHz mono, each with its index on the session's microphone clock.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from device.events import FRAME_MS

RATE_HZ = 16_000
FRAME_SAMPLES = RATE_HZ * FRAME_MS // 1000

Samples = NDArray[np.int16]
Floats = NDArray[np.float32]


def frames_of(duration_ms: float) -> int:
    """Whole frames in `duration_ms`."""
    return int(duration_ms // FRAME_MS)

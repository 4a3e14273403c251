"""From clauses to sound: synthesis, cues, what was heard."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]  # mono, at the voice's rate


class Style(NamedTuple):
    """How to speak. `deterministic` leaves out the noise that makes each rendering a little different."""

    speed: float = 1.0
    deterministic: bool = False
    voice: str = ""  # name of one that was loaded beside the first; "": the first
    speaker: int = 0  # of a voice with several

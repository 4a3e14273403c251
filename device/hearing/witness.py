"""How a voice sounds in its first moments: words, or a hum, a cough, a song. Pure.

Silero's recurrent layer holds more about the latest sound than the one probability that is read from it, and
it is there anyway. A logistic regression on it, on the length of the voice and on how steadily it was voiced
tells words from other voiced sounds. `tests.bench.train_witness` trains its weights, `witness.npz`;
NOTICE says what these were trained on. A decision is one scalar product, under 0.1 ms. Its limit: "oh" or
"mhm" by a synthetic voice, which pronounces it as a word, passes for one in two of three cases, as
`python -m tests.bench.barge_in` shows.

Border: `state` float32[256] of `VoiceActivity`; probabilities 0 to 1.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from device.hearing import Floats
from device.hearing.vad import CHUNK_FRAMES

WEIGHTS = Path(__file__).with_name("witness.npz")
_LONGEST_FRAMES = 50


def features(state: Floats, frames: int, voiced_chunks: int, mean_probability: float) -> Floats:
    """What the regression sees `frames` after the onset, float32[259]."""
    lasted = min(frames, _LONGEST_FRAMES) / _LONGEST_FRAMES
    share = min(1.0, CHUNK_FRAMES * voiced_chunks / max(1, frames))
    return np.concatenate((state, np.array([lasted, share, mean_probability], np.float32)))


class Witness:
    """The trained regression."""

    def __init__(self, weights: Path = WEIGHTS) -> None:
        with np.load(weights) as stored:
            self._weights: Floats = stored["weights"]
            self._bias = float(stored["bias"])

    def probability(self, given: Floats) -> float:
        """Probability that somebody speaks words, given `features`."""
        return float(0.5 + 0.5 * np.tanh(0.5 * (given @ self._weights + self._bias)))

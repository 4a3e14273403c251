"""How a voice sounds in its first moments: words, or a hum, a cough, a song. Pure.

Silero's recurrent layer holds more about the latest sound than the one probability that is read from it,
and it is there anyway; how it moves, and how the spectrum does (`device.hearing.spectrum`) in the
microphone without echo and in the sound for recognition, tells a hum from words. A logistic regression on
these, on the length of the voice and on how steadily it was voiced gives the probability of words.
`tests.bench.train_witness` trains its weights, `witness.npz`; NOTICE says what these were trained on. It
costs half a millisecond of CPU time in each chunk of 32 ms.

Border: `sound` float32[SOUND]; probabilities 0 to 1.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np

from device.hearing import Floats, Samples
from device.hearing.second_look import STATES
from device.hearing.spectrum import SHAPE, Spectrum
from device.hearing.vad import CHUNK_FRAMES

WEIGHTS = Path(__file__).with_name("witness.npz")
SOUND = STATES + 2 * SHAPE
_LONGEST_FRAMES = 50


class Sounds:
    """Both forms of the same sound: as voice activity hears it, and as recognition does."""

    def __init__(self) -> None:
        self._cleaned, self._voice = Spectrum(), Spectrum()

    def accept(self, samples: Samples, voice: Samples) -> None:
        """Hears one frame."""
        self._cleaned.accept(samples)
        self._voice.accept(voice)

    def latest(self, frames: int, states: Floats) -> Floats:
        """The latest `frames` frames, with the `states` of a second look at them, float32[STATES]."""
        return np.concatenate((states, self._cleaned.shape(frames), self._voice.shape(frames)))


def features(sound: Floats, frames: int, voiced_chunks: int, mean_probability: float) -> Floats:
    """What the regression sees `frames` after the beginning of the voice, float32[SOUND + 3]."""
    lasted = min(frames, _LONGEST_FRAMES) / _LONGEST_FRAMES
    share = min(1.0, CHUNK_FRAMES * voiced_chunks / max(1, frames))
    return np.concatenate((sound, np.array([lasted, share, mean_probability], np.float32)))


class Belief(Protocol):
    """What the rules of barge-in need of a witness."""

    def probability(self, given: Floats) -> float:
        """Probability that somebody speaks words, given `features`."""


class Witness:
    """The trained regression."""

    def __init__(self, weights: Path = WEIGHTS) -> None:
        with np.load(weights) as stored:
            self._weights: Floats = stored["weights"]
            self._bias = float(stored["bias"])

    def probability(self, given: Floats) -> float:
        """Probability that somebody speaks words, given `features`."""
        return float(0.5 + 0.5 * np.tanh(0.5 * (given @ self._weights + self._bias)))

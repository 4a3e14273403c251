"""Does that sound like the end of a turn? Smart Turn v3 (https://github.com/pipecat-ai/smart-turn).

The model hears the last 4 s (`models.smart_turn`) and judges by melody and rhythm, not by words. Its input
are Whisper's features (`device.hearing.mel`) of the sound, with silence before it when it is shorter, brought
to zero mean and unit variance.

It is used to 200 ms of pause after the last word, so a shorter pause is prolonged by what was heard in it.

Border: int16[n], 16 kHz mono in; probability that the turn is complete out. 30 to 40 ms of one core.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from device.hearing import RATE_HZ, Floats, Samples
from device.hearing.mel import log_mel
from device.hearing.onnx import Effort, GivenUp, computed, session

_SAMPLES = 4 * RATE_HZ
_LEAST_VARIANCE = 1e-7
_PAUSE_SAMPLES = RATE_HZ // 5


class TurnModel:
    """The model; one call at a time, which another thread may give up."""

    def __init__(self, model: Path) -> None:
        self._session = session(model, one_shape=True)
        self._effort = Effort()

    def probability(self, samples: Samples) -> float | None:
        """How surely int16[n] is the end of a turn, 0 to 1; only the last 4 s count. None: given up."""
        self._effort = effort = Effort()
        try:
            (output,) = computed(self._session, None, {"input_features": features(samples)[None]}, effort)
        except GivenUp:
            return None
        return float(output.flat[0])

    def give_up(self) -> None:
        """Whatever is being computed is in vain."""
        self._effort.give_up()


def features(samples: Samples) -> Floats:
    """float32[80, 400] of the last 4 s of int16[n]."""
    sound = np.zeros(_SAMPLES, np.float32)
    if given := min(len(samples), _SAMPLES):
        sound[-given:] = samples[-given:].astype(np.float32) / np.float32(32768)
    sound = (sound - sound.mean()) / np.sqrt(sound.var() + np.float32(_LEAST_VARIANCE))
    return log_mel(sound)


def with_pause(samples: Samples, pause_samples: int) -> Samples:
    """`samples`, whose last `pause_samples` are a pause, with a pause of 200 ms at the end."""
    missing = _PAUSE_SAMPLES - pause_samples
    if missing <= 0 or pause_samples <= 0:
        return samples
    pause = samples[-pause_samples:]
    mirrored = np.concatenate((pause[::-1], pause))
    return np.concatenate((samples, np.resize(mirrored, missing)))

"""Chimes of 120 ms that say without words what happens: heard, done, failed, cancelled, time is up.

Each is two short notes that fade; direction and pitch tell them apart: listening rises, done stays high,
cancelled falls, failed is low and rough, alarm is the highest and rises. The pitches were chosen among those
that Silero VAD does not take for a voice (it gives these at most 0.2; chimes between 300 and 500 Hz reach
0.9). A cue fills six speaker frames.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from device.speech import Samples

CUE_MS = 120
_FADE_MS = 8
_NOTES_HZ: dict[
    str, tuple[tuple[float, ...], tuple[float, ...]]
] = {  # first half, second half: tones at once
    "listening": ((880.0,), (1320.0,)),
    "done": ((1175.0,), (1175.0,)),
    "failed": ((523.0, 554.0), (523.0, 554.0)),
    "cancelled": ((880.0,), (587.0,)),
    "alarm": ((1568.0,), (2093.0,)),
}
_OVERTONES = (1.0, 0.25, 0.08)


def make_cue(name: str, rate_hz: int, level_db: float) -> Samples:
    """The chime `name` of `events.CUES`, its peak at `level_db` dBFS. Raises KeyError for another name."""
    half = rate_hz * CUE_MS // 2000
    sound = np.concatenate([_note(tones, half, rate_hz) for tones in _NOTES_HZ[name]])
    peak = 32767 * 10 ** (level_db / 20) / float(np.abs(sound).max())
    cue: Samples = np.round(sound * peak).astype(np.int16)
    return cue


def _note(tones_hz: tuple[float, ...], length: int, rate_hz: int) -> NDArray[np.float64]:
    time_s = np.arange(length) / rate_hz
    waves = [
        level * np.sin(2 * np.pi * tone * number * time_s)
        for tone in tones_hz
        for number, level in enumerate(_OVERTONES, 1)
    ]
    fade = min(length // 2, rate_hz * _FADE_MS // 1000)
    rise = (1 - np.cos(np.pi * np.arange(fade) / fade)) / 2
    envelope = np.exp(-time_s / (length / rate_hz))
    envelope[:fade] *= rise
    envelope[-fade:] *= rise[::-1]
    note: NDArray[np.float64] = np.sum(waves, axis=0) * envelope
    return note

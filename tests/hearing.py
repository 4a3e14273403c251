"""For the tests of the hearing: models, speech as samples, and rooms to hear it in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from device.audio.files import load
from device.hearing import FRAME_SAMPLES, RATE_HZ, Samples
from device.hearing.transcribe import to_samples
from models.catalog import Role
from models.errors import ModelMissing
from models.store import Store
from tests import voices
from tests.recordings import ambience

_LOUD = 300


def model_files(role: Role) -> dict[str, Path]:
    """Files of the active model; skips the test where it was not fetched."""
    try:
        return Store().active(role).files
    except ModelMissing as error:
        pytest.skip(str(error))


def say(text: str, voice: str = "slt") -> Samples:
    """`text` by a voice of `tests.voices`, cut tight; skips the test where there is none."""
    if not voices.available():
        pytest.skip("flite and espeak-ng are not installed")
    sound = to_samples(load(str(voices.spoken(text, voice)), RATE_HZ))
    loud = np.flatnonzero(np.abs(sound.astype(np.int32)) > _LOUD)
    return sound[loud[0] : loud[-1] + 1]


def in_room(*sounds: Samples | int, rms: float = 12.0) -> Samples:
    """Sounds one after another, numbers being pauses in frames, with the faint noise of a room under all."""
    whole = np.concatenate(
        [np.zeros(FRAME_SAMPLES * part, np.int16) if isinstance(part, int) else part for part in sounds]
    )
    mixed: Samples = whole + ambience(len(whole) // FRAME_SAMPLES + 1, rms)[: len(whole)]
    return mixed


def frames(sound: Samples) -> Iterator[Samples]:
    """`sound` cut into whole frames."""
    for at in range(0, len(sound) - FRAME_SAMPLES + 1, FRAME_SAMPLES):
        yield sound[at : at + FRAME_SAMPLES]

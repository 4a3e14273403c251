"""The recordings of people in the shared data, which is kept beside the repository and never in it."""

from __future__ import annotations

import csv
import os
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from device.audio.files import load
from device.hearing import RATE_HZ, Samples
from device.hearing.transcribe import to_samples

ROOT = Path(os.environ.get("WREN_SHARED_DATA", Path(__file__).parents[2] / "shared/data"))


class Recording(NamedTuple):
    """One file; `label` is its transcript, wake word or description."""

    path: Path
    category: str
    source: str
    label: str
    seconds: float

    def samples(self) -> Samples:
        """int16[n], 16 kHz mono."""
        return to_samples(load(str(self.path), RATE_HZ))


def available() -> bool:
    """Whether the shared data is on this machine."""
    return (ROOT / "MANIFEST.csv").is_file()


def recordings(category: str, *labels: str) -> list[Recording]:
    """All recordings of a category, of some labels or all; skips the test where there are none."""
    if not available():
        pytest.skip(f"no shared data in {ROOT}; set WREN_SHARED_DATA")
    return [
        recording
        for recording in _manifest()
        if recording.category == category and (not labels or recording.label in labels)
    ]


@cache
def _manifest() -> list[Recording]:
    with (ROOT / "MANIFEST.csv").open(newline="", encoding="utf-8") as file:
        return [
            Recording(
                ROOT / row["file"],
                row["category"],
                row["source_repo"],
                row["label"],
                float(row["seconds"] or 0),
            )
            for row in csv.DictReader(file)
        ]


def ambience(frames: int, rms: float = 12.0, seed: int = 0) -> Samples:
    """Faint noise of a quiet room, int16[160 * frames]; digital silence is nothing a microphone gives."""
    noise = np.random.default_rng(seed).standard_normal(frames * RATE_HZ // 100)
    sound: Samples = (noise * rms).astype(np.int16)
    return sound

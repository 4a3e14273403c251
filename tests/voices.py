"""Requests by voices that are not Wren's own, as 16 kHz mono files.

Synthesised ones (flite, espeak-ng) are made once and kept in the cache. Recorded ones are put together from a
person's "Alexa" and a person's command of the shared data, which may be absent.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile
import soxr

from device.settings import cache_dir

FLITE = ("slt", "rms")
ESPEAK = ("en-us+m7", "en-gb+f2")
VOICES = (*FLITE, *ESPEAK)
RATE_HZ = 16_000


def available() -> bool:
    """Whether both synthesisers are installed."""
    return shutil.which("flite") is not None and shutil.which("espeak-ng") is not None


def spoken(text: str, voice: str = "slt", *, phonemes: bool = False) -> Path:
    """A sound file of `text`, peak at -6 dBFS; flite has to be told of `phonemes`."""
    key = hashlib.sha256(f"{voice}\n{text}".encode()).hexdigest()[:16]
    path = cache_dir() / "test-voices" / f"{voice}-{key}.wav"
    if not path.exists():
        with tempfile.NamedTemporaryFile(suffix=".wav") as raw:
            command = (
                ["flite", "-voice", voice, "-p" if phonemes else "-t", text, "-o", raw.name]
                if voice in FLITE
                else ["espeak-ng", "-v", voice, "-s", "150", "-w", raw.name, text]
            )
            subprocess.run(command, check=True, capture_output=True)
            samples, rate = soundfile.read(raw.name, dtype="float32")
        resampled = soxr.resample(samples, rate, RATE_HZ)
        _keep(path, 0.5 * resampled / max(1e-6, float(np.abs(resampled).max())))
    return path


def murmured(espeak: str, flite: str, voice: str = "slt") -> Path:
    """A sound file of phonemes, in the notations of espeak-ng and of flite: both spell "mhm" by its letters."""
    return spoken(f"[[{espeak}]]" if voice in ESPEAK else f"pau {flite} pau", voice, phonemes=True)


def request(text: str, voice: str = "slt", wake_word: str = "Alexa") -> Path:
    """The wake word and a request as one breath."""
    return spoken(f"{wake_word}. {text}", voice)


SHARED = Path(os.environ.get("WREN_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))
_GAP_S = 0.25


def recorded(name: str, number: int) -> Path | None:
    """The command recording whose path ends with `name`, behind the `number`th "Alexa"; None without the data."""
    commands = sorted((SHARED / "cmd_speech").rglob(f"*{name}.flac"))
    wakes = sorted((SHARED / "wake_pos").rglob("audio__alexa__*.flac"))
    if not commands or number >= len(wakes):
        return None
    path = cache_dir() / "test-voices" / f"recorded-{number}-{name}.wav"
    if not path.exists():
        wake, command = _trimmed(wakes[number]), _trimmed(commands[0])
        room = np.random.default_rng(0).standard_normal(round(_GAP_S * RATE_HZ)) * 1e-3
        _keep(path, np.concatenate((wake, room, command)))
    return path


def _keep(path: Path, samples: np.ndarray[tuple[int], np.dtype[np.floating]]) -> None:
    """Writes a whole file or none: other tests may be looking for it at the same time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        soundfile.write(Path(scratch) / path.name, samples, RATE_HZ)
        (Path(scratch) / path.name).replace(path)


def _trimmed(path: Path) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The recording from its first to its last loud sample, peak at -6 dBFS."""
    samples, rate = soundfile.read(path)
    samples = soxr.resample(samples, rate, RATE_HZ)
    loud = np.flatnonzero(np.abs(samples) > 0.05 * np.abs(samples).max())
    margin = round(0.05 * RATE_HZ)
    cut = samples[max(0, loud[0] - margin) : loud[-1] + margin]
    level: np.ndarray[tuple[int], np.dtype[np.float64]] = 0.5 * cut / np.abs(cut).max()
    return level

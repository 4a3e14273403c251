"""Sentences spoken by voices that are not Wren's own (flite, espeak-ng), as 16 kHz mono files, made once."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import numpy as np
import soundfile
import soxr

from device.settings import cache_dir

FLITE = ("slt", "rms", "awb")
ESPEAK = ("en-us+f3", "en-gb+m3")
VOICES = (*FLITE, *ESPEAK)
RATE_HZ = 16_000


def available() -> bool:
    """Whether both synthesisers are installed."""
    return shutil.which("flite") is not None and shutil.which("espeak-ng") is not None


def spoken(text: str, voice: str = "slt") -> Path:
    """A sound file of `text`, peak at -6 dBFS."""
    key = hashlib.sha256(f"{voice}\n{text}".encode()).hexdigest()[:16]
    path = cache_dir() / "test-voices" / f"{voice}-{key}.wav"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        raw = path.with_suffix(f".raw{key}.wav")
        command = (
            ["flite", "-voice", voice, "-t", text, "-o", str(raw)]
            if voice in FLITE
            else ["espeak-ng", "-v", voice, "-s", "150", "-w", str(raw), text]
        )
        subprocess.run(command, check=True, capture_output=True)
        samples, rate = soundfile.read(raw, dtype="float32")
        raw.unlink()
        resampled = soxr.resample(samples, rate, RATE_HZ)
        soundfile.write(path, 0.5 * resampled / max(1e-6, float(np.abs(resampled).max())), RATE_HZ)
    return path


def request(text: str, voice: str = "slt", wake_word: str = "Alexa") -> Path:
    """The wake word and a request as one breath."""
    return spoken(f"{wake_word}. {text}", voice)

"""The recordings that the peer hears: requests, the same with a pause in the middle, and who talks over answers.

Where a voice begins and ends is measured once, by Wren's `VoiceActivity`, in the hiss in which both are heard.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import soundfile

from device.audio import files
from device.audio.room import HISS_DB
from device.events import FRAME_MS
from device.hearing import FRAME_SAMPLES, RATE_HZ, Samples
from device.hearing.loading import files_of
from device.hearing.transcribe import to_samples, voiced_spans
from device.hearing.vad import SileroVad
from device.settings import Settings, cache_dir
from tests.bench.peer.job import Clip, Line

PAUSE_MS = 700
_CUT_FROM, _CUT_TO = 0.5, 0.75  # of the voice: behind the wake word, within the request
_CUT_FRAMES = 8
_QUIET_FRAMES = 60


class Ruler:
    """Measures where voices begin and end."""

    def __init__(self) -> None:
        self._vad = SileroVad(files_of("vad")["model"])
        self._threshold = Settings().listen.vad_threshold

    def clip(self, path: Path) -> Clip:
        """`path` with the bounds of its voice. Raises ValueError when there is none."""
        quiet = hiss(_QUIET_FRAMES * FRAME_SAMPLES)
        samples = to_samples(files.load(str(path), RATE_HZ))
        heard = np.concatenate((quiet, samples, quiet))
        heard = heard[: len(heard) // FRAME_SAMPLES * FRAME_SAMPLES]
        spans = list(voiced_spans(heard, self._vad, self._threshold))
        if not spans:
            raise ValueError(f"nobody speaks in {path}")
        return Clip(str(path), spans[0][0] - _QUIET_FRAMES, spans[-1][1] - _QUIET_FRAMES)


def hiss(count: int) -> Samples:
    """int16[count] of a quiet microphone."""
    noise = np.random.default_rng(1).standard_normal(count) * 32768 * 10 ** (HISS_DB / 20)
    sound: Samples = np.rint(noise).astype(np.int16)
    return sound


def pause_frame(samples: Samples, first: int, last: int) -> int:
    """Where `samples` are quietest in the third quarter of the voice, which is from frame `first` to `last`.

    That is between two words more often than not, and behind the wake word. What comes before keeps the melody
    of a sentence that goes on.
    """
    begin, end = (first + round(share * (last - first)) for share in (_CUT_FROM, _CUT_TO))
    squares = np.square(samples.astype(np.float64))
    energies = [
        squares[frame * FRAME_SAMPLES : (frame + _CUT_FRAMES) * FRAME_SAMPLES].sum()
        for frame in range(begin, max(begin + 1, end - _CUT_FRAMES))
    ]
    return begin + int(np.argmin(energies)) + _CUT_FRAMES // 2


def with_pause(samples: Samples, frame: int) -> Samples:
    """`samples` with `PAUSE_MS` of hiss before `frame`."""
    cut = frame * FRAME_SAMPLES
    return np.concatenate((samples[:cut], hiss(PAUSE_MS // FRAME_MS * FRAME_SAMPLES), samples[cut:]))


def paused(clip: Clip, ruler: Ruler) -> Line:
    """`clip` with a pause in its middle; the file is made once and kept in the cache."""
    given = Path(clip.file)
    samples = to_samples(files.load(clip.file, RATE_HZ))
    frame = pause_frame(samples, clip.first_voiced_frame, clip.last_voiced_frame)
    key = hashlib.sha256(given.read_bytes() + repr((frame, PAUSE_MS)).encode()).hexdigest()[:16]
    path = cache_dir() / "test-voices" / f"paused-{key}.wav"
    if not path.exists():
        soundfile.write(path, with_pause(samples, frame), RATE_HZ)
    return Line(ruler.clip(path), pause_frame=frame)

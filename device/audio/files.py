"""Sound files as the pipeline wants them: mono float32 at one rate.

Whatever libsndfile can read is taken, by content and not by name, so an MP3 called .wav works. Several
channels are averaged, other rates resampled by soxr. The file is read piece by piece, so that an hour of
44.1 kHz stereo never lies in memory whole.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from device.faults import Fault

_PIECE = 1 << 16


def load(path: str, rate_hz: int) -> NDArray[np.float32]:
    """The sound of `path`: float32[n] in -1…1 at `rate_hz`. Raises Fault that names the file."""
    if not Path(path).is_file():
        raise Fault(f"sound file {path} does not exist", "check its name", permanent=True)
    try:
        with soundfile.SoundFile(path) as file:
            stream = soxr.ResampleStream(file.samplerate, rate_hz, 1)
            pieces = [
                stream.resample_chunk(np.nan_to_num(piece.mean(axis=1, dtype=np.float32)))
                for piece in file.blocks(_PIECE, dtype="float32", always_2d=True)
            ]
            pieces.append(stream.resample_chunk(np.zeros(0, np.float32), last=True))
    except (soundfile.SoundFileError, OSError) as error:
        reason = "is empty" if Path(path).stat().st_size == 0 else f"cannot be read ({error})"
        raise Fault(
            f"sound file {path} {reason}", "give a WAV, FLAC, Ogg or MP3 file", permanent=True
        ) from error
    samples = np.concatenate(pieces)
    if not samples.size:
        raise Fault(f"sound file {path} holds no samples", "record it again", permanent=True)
    return samples

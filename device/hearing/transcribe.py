"""Text of a whole recording.

The recording is cut at its pauses into pieces of at most `_LONGEST_MS`, as long as they can be, with a margin
on both sides; a longer stretch without a pause is cut where it is quietest. Where no voice is, nothing is
recognised, so silence invents no text.

Border: int16[n], 16 kHz mono in; `device.audio.files` reads other formats.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from device.events import FRAME_MS
from device.hearing import FRAME_SAMPLES, Floats, Samples, frames_of
from device.hearing.asr import Recogniser, Recognition
from device.hearing.transcript import invented
from device.hearing.vad import SileroVad, VoiceActivity, level_db

_LONGEST_MS = 12_000
_MARGIN_MS = 300
_SHORTEST_MS = 60
_QUIET_FRAMES = 5

Span = tuple[int, int]  # first and last voiced frame


def transcribe(samples: Samples, recogniser: Recogniser, vad: SileroVad, threshold: float) -> Recognition:
    """What is said in int16[n], 16 kHz mono; confidence is the mean of the pieces by their length."""
    texts: list[str] = []
    confidence = length = 0.0
    for first, last in pieces(samples, voiced_spans(samples, vad, threshold)):
        margin = frames_of(_MARGIN_MS)
        recogniser.reset()
        recogniser.accept(_between(samples, first - margin, last + 1 + margin))
        piece = recogniser.finish()
        duration_ms = (last + 1 - first) * FRAME_MS
        if piece.text and not invented(piece.text, duration_ms):
            texts.append(piece.text)
            confidence += piece.confidence * duration_ms
            length += duration_ms
    return Recognition(" ".join(texts), round(confidence / length, 3) if length else 0.0)


def voiced_spans(samples: Samples, vad: SileroVad, threshold: float) -> Iterator[Span]:
    """Stretches of voice in order."""
    activity = VoiceActivity(vad, threshold)
    first: int | None = None
    count = len(samples) // FRAME_SAMPLES
    for frame in range(count):
        voice = activity.accept(frame, _between(samples, frame, frame + 1))
        if voice is None:
            continue
        if voice.voiced and first is None:
            first = max(0, voice.frame - 3)
        elif not voice.voiced and first is not None:
            yield first, max(first, voice.last_voiced_frame)
            first = None
    if first is not None:
        yield first, count - 1


def pieces(samples: Samples, spans: Iterator[Span]) -> Iterator[Span]:
    """`spans` joined to pieces that can be recognised in one go; clicks are left out."""
    piece: Span | None = None
    for span in spans:
        if piece is not None and frames_of(_LONGEST_MS) >= span[1] - piece[0]:
            piece = (piece[0], span[1])
            continue
        if piece is not None:
            yield from _cut(samples, piece)
        piece = span
    if piece is not None:
        yield from _cut(samples, piece)


def _cut(samples: Samples, piece: Span) -> Iterator[Span]:
    first, last = piece
    while last - first > frames_of(_LONGEST_MS):
        half = first + frames_of(_LONGEST_MS) // 2
        cut = min(
            range(half, first + frames_of(_LONGEST_MS)),
            key=lambda frame: level_db(_between(samples, frame - _QUIET_FRAMES, frame + _QUIET_FRAMES)),
        )
        yield first, cut
        first = cut + 1
    if (last + 1 - first) * FRAME_MS >= _SHORTEST_MS:
        yield first, last


def _between(samples: Samples, first: int, end: int) -> Samples:
    return samples[max(0, first) * FRAME_SAMPLES : end * FRAME_SAMPLES]


def to_samples(sound: Floats) -> Samples:
    """int16 of float32 in -1…1."""
    clipped: Samples = (np.clip(sound, -1, 1) * 32767).astype(np.int16)
    return clipped

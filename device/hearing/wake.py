"""Wake words with openWakeWord's models: samples in, detections out.

The streaming pipeline of openWakeWord 0.6 (https://github.com/dscripka/openWakeWord), run with onnxruntime
alone: each 80 ms chunk gives 8 mel frames of 32 bins (`mel / 10 + 2`), the last 76 of them one embedding of
96 numbers (Google's speech_embedding), the last 16 embeddings a score from 0 to 1 per wake word. A test holds
it to the scores of the library itself, whose import would cost seconds and 100 MB.

A word is heard when its score has been at or over its threshold for `patience` chunks in a row, and then not
again for `refractory_ms`; a score that merely stays high is one word. Where the sound was interrupted (muted,
gated or lost frames) the memory of 1.9 s starts afresh from embeddings of noise and the first five scores
count as 0, so that the seam cannot fire.

Border: int16[160], 16 kHz mono frames with their index; detections carry the frame that completed them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from device.faults import Fault
from device.hearing import FRAME_SAMPLES, Floats, Samples, frames_of
from device.hearing.onnx import session
from device.settings import WakeWord

CHUNK_FRAMES = 8
FEATURES = ("melspectrogram", "embedding_model")
_CHUNK = CHUNK_FRAMES * FRAME_SAMPLES
_MEL_LOOK_BACK = 3 * FRAME_SAMPLES
_MEL_FRAMES, _MEL_BINS, _MEL_STEP = 76, 32, 8
_EMBEDDINGS = 16
_SETTLING_CHUNKS = 5
_PRIMING_SAMPLES = 4 * 16_000


class Detection(NamedTuple):
    """`word` was heard with `score`, which became known with `frame`."""

    word: str
    score: float
    frame: int


class Embeddings:
    """The feature extractor that all wake word models share."""

    def __init__(self, melspectrogram: Path, embedding: Path) -> None:
        self._melspectrogram, self._embedding = session(melspectrogram), session(embedding)
        noise = np.random.default_rng(0).integers(-1000, 1000, _PRIMING_SAMPLES)
        mel = self._mel(noise.astype(np.float32))  # as loud as in the library
        starts = range(0, len(mel) - _MEL_FRAMES + 1, _MEL_STEP)
        self._primed = np.stack([self._embed(mel[at : at + _MEL_FRAMES]) for at in starts])[-_EMBEDDINGS:]
        self._primed_mel = mel[-_MEL_FRAMES:]
        self.restart()

    def restart(self) -> None:
        """Forgets what was heard."""
        self._samples = np.zeros(0, np.float32)
        self._mel_frames = self._primed_mel  # the library's ones would score up to 0.4 in a quiet room
        self.window: Floats = self._primed

    def accept(self, chunk: Samples) -> None:
        """Moves `window` (float32[16, 96]) on by one chunk of int16[1280]."""
        self._samples = np.concatenate((self._samples[-_MEL_LOOK_BACK:], chunk.astype(np.float32)))
        mel = self._mel(self._samples)
        self._mel_frames = np.concatenate((self._mel_frames, mel))[-_MEL_FRAMES:]
        self.window = np.concatenate((self.window[1:], self._embed(self._mel_frames)[None]))

    def _mel(self, samples: Floats) -> Floats:
        mel: Floats = self._melspectrogram.run(None, {"input": samples[None]})[0]
        return mel.reshape(-1, _MEL_BINS) / np.float32(10) + np.float32(2)

    def _embed(self, mel: Floats) -> Floats:
        embedding: Floats = self._embedding.run(None, {"input_1": mel[None, :, :, None]})[0]
        return embedding.reshape(-1)


class _Word:
    """One wake word: its model, its thresholds, and what happened lately."""

    def __init__(self, model: Any, settings: WakeWord) -> None:
        self._model, self._input = model, model.get_inputs()[0].name
        self.settings = settings
        self._over = 0
        self._heard_frame: int | None = None

    def score(self, window: Floats) -> float:
        return float(self._model.run(None, {self._input: window[None]})[0].reshape(-1)[0])

    def heard(self, score: float, frame: int) -> bool:
        self._over = self._over + 1 if score >= self.settings.threshold else 0
        if self._over != self.settings.patience or self._deaf(frame):
            return False
        self._heard_frame = frame
        return True

    def refuse(self) -> None:
        self._heard_frame = None

    def _deaf(self, frame: int) -> bool:
        since = -1 if self._heard_frame is None else frame - self._heard_frame
        return 0 <= since < frames_of(self.settings.refractory_ms)


class WakeDetector:
    """Listens for several wake words at once. Raises Fault for a model that is missing or not known."""

    def __init__(self, files: Mapping[str, Path], words: Mapping[str, WakeWord]) -> None:
        missing = [name for name in FEATURES if not files.get(name, Path()).is_file()]
        if missing:
            raise Fault(
                f"the wake word models lack {' and '.join(missing)}", "wren models fetch", permanent=True
            )
        self._files = files
        self._models: dict[str, Any] = {}
        self._words: dict[str, _Word] = {}
        self._features = Embeddings(*(files[name] for name in FEATURES))
        self._chunk: deque[Samples] = deque()
        self._chunks = 0
        self._next_frame = -1
        self.configure(words)

    def configure(self, words: Mapping[str, WakeWord]) -> None:
        """Takes over words and thresholds while it runs; what was heard so far is kept. Raises Fault."""
        unknown = sorted({word.model for word in words.values()} - set(self._available()))
        if unknown:
            raise Fault(
                f"there is no wake word model {', '.join(unknown)}",
                f"set wake.words.*.model to one of {', '.join(self._available())}, or: wren models fetch",
                permanent=True,
            )
        for word in words.values():
            if word.model not in self._models:
                self._models[word.model] = session(self._files[word.model])
        before, self._words = self._words, {}
        for name, settings in words.items():
            known = before.get(name)
            if known is None or known.settings.model != settings.model:
                known = _Word(self._models[settings.model], settings)
            known.settings = settings
            self._words[name] = known

    def accept(self, frame: int, samples: Samples) -> list[Detection]:
        """Hears frame number `frame`; a jump in the numbers starts afresh. At most one chunk late."""
        if frame != self._next_frame:
            self.restart()
        self._next_frame = frame + 1
        self._chunk.append(samples)
        if len(self._chunk) < CHUNK_FRAMES:
            return []
        self._features.accept(np.concatenate(self._chunk))
        self._chunk.clear()
        self._chunks += 1
        scores = {name: word.score(self._features.window) for name, word in self._words.items()}
        if self._chunks <= _SETTLING_CHUNKS:
            return []
        return [
            Detection(name, round(score, 4), frame)
            for name, score in scores.items()
            if self._words[name].heard(score, frame)
        ]

    def refuse(self, word: str) -> None:
        """What was heard last was not meant: not deaf to `word` until it is heard again."""
        self._words[word].refuse()

    def restart(self) -> None:
        """Forgets what was heard: sound is missing before the next frame."""
        self._features.restart()
        self._chunk.clear()
        self._chunks = 0
        self._next_frame = -1

    @property
    def words(self) -> list[str]:
        """The words it listens for."""
        return list(self._words)

    @property
    def missing_frames(self) -> int:
        """Frames until the next chunk is complete."""
        return CHUNK_FRAMES - len(self._chunk)

    def _available(self) -> list[str]:
        return sorted(set(self._files) - set(FEATURES))

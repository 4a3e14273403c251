"""Speech recognition behind one streaming interface.

Two engines. `StreamingRecogniser` runs a true streaming model (sherpa-onnx's OnlineRecognizer), which keeps
its state from one piece of sound to the next. `SegmentRecogniser` runs a model of whole utterances
(Moonshine) and decodes the growing segment anew each time it is asked; early words of its partial text may
still change. Both are plain and blocking: `device.hearing.background` runs them in a thread.

The first text comes from a narrow search, so that it is there soon. Where nobody can make sense of it, a
wider search and a second pass by a larger model (Whisper), side by side, give the `readings` of the same
sound; names that are expected here count more in both searches. A streaming model has the second pass only.

`finish` does not end anything: when more sound is accepted after it, recognition goes on as if it had not
been called. So it can be asked for early, and the answer thrown away when the person speaks on.

Confidence, 0 to 1: a streaming model's is the mean probability of its tokens. That of a segment is the share
of the previous partial text that the final text kept (for want of a partial, of a second decoding with other
margins); over recordings of commands and read sentences, where the two agreed in full 9 % had
more than a fifth of their words wrong, where they agreed by less than 80 % half had. Text that loops
("30% and 30% and …") is cut to its first round and its confidence is divided by four.

Border: int16[n], 16 kHz mono in; text with the model's own case and punctuation out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import sherpa_onnx

from device.faults import Fault
from device.hearing import RATE_HZ, Floats, Samples
from device.hearing.alike import Alike, Judge, with_names
from device.hearing.moonshine import Encoded, Moonshine
from device.hearing.onnx import Effort, GivenUp
from device.hearing.transcript import agreement, cut_loop, words
from device.hearing.whisper import Heard, Whisper

_THREADS = 1  # two are slower: they wait for each other
_MARGIN_S = 0.2  # models of whole utterances mishear what is cut tight
_FAINT = 1e-4
_TAIL_S = 0.5  # what a streaming model has to see after the last word
_LOOP_DIVISOR = 4
_AGREED = 0.8  # an older partial text that fits worse than this is no witness
_WIDTH = 6  # eight found no more
_FARTHEST = 3.0  # natural logarithms behind the best reading; see docs/decisions/0013


class Recognition(NamedTuple):
    """What was said, and how sure that is (0 to 1)."""

    text: str
    confidence: float


class Recogniser(Protocol):
    """One utterance at a time."""

    def accept(self, samples: Samples) -> None:
        """Hears int16[n], 16 kHz mono."""

    def partial(self) -> str:
        """Text of what was accepted so far."""

    def give_up_partial(self) -> None:
        """From another thread: a partial text that is being made is in vain, and may be empty."""

    def finish(self) -> Recognition:
        """Text of what was accepted so far, as if nothing more followed."""

    def readings(self) -> Sequence[str]:
        """How what `finish` read may be read, likeliest first."""

    def expect(self, phrases: Iterable[str]) -> None:
        """Makes `phrases` likelier from now on."""

    def reset(self) -> None:
        """Forgets the utterance."""


def load(files: Mapping[str, Path], second: Whisper | None = None) -> Recogniser:
    """The recogniser for a model's files, told apart by their keys in the catalog, with a `second` pass.

    `encoder`, `decoder`, `tokens`: Moonshine; with `joiner`: a streaming transducer; `model`, `tokens`: a
    streaming CTC model of NeMo's kind. Raises Fault when a file is missing or cannot be loaded.
    """
    wanted = ("model", "tokens") if "model" in files else ("encoder", "decoder", "tokens")
    missing = [key for key in wanted if not files.get(key, Path()).is_file()]
    if missing:
        raise Fault(
            f"the recognition model lacks {' and '.join(missing)}", "run `wren models fetch`", permanent=True
        )
    names = {key: str(path) for key, path in files.items()}
    try:
        if "joiner" in names:
            parts = {key: names[key] for key in ("encoder", "decoder", "joiner", "tokens")}
            return StreamingRecogniser(
                sherpa_onnx.OnlineRecognizer.from_transducer(**parts, num_threads=_THREADS), second
            )
        parts = {key: names[key] for key in wanted}
        if "model" in names:
            return StreamingRecogniser(
                sherpa_onnx.OnlineRecognizer.from_nemo_ctc(**parts, num_threads=_THREADS), second
            )
        return SegmentRecogniser(Moonshine(files["encoder"], files["decoder"], files["tokens"]), second)
    except RuntimeError as error:
        raise Fault(
            f"the recognition model cannot be loaded ({error})", "run `wren models verify`", permanent=True
        ) from error


class SecondPass:
    """Runs a larger model, if there is one, while the first one searches."""

    def __init__(self, model: Whisper | None) -> None:
        self._model = model
        self._thread = ThreadPoolExecutor(1, "second-pass")
        self._answer: Future[tuple[Heard, list[str]] | None] | None = None

    def begin(self, pieces: Sequence[Samples]) -> None:
        """Starts to read the sound, int16[n] in pieces."""
        self._answer = None
        if self._model is not None and pieces:
            sound: Floats = np.concatenate(pieces).astype(np.float32) / np.float32(32768)
            self._answer = self._thread.submit(_read, self._model, sound)

    def texts(self) -> list[str]:
        """Its readings, best first, as soon as they are there."""
        found = self._found()
        return [cut_loop(text)[0] for text in found[1]] if found is not None else []

    def judges(self) -> list[Judge]:
        """What tells how well texts fit the sound, where something was read."""
        found = self._found()
        if self._model is None or found is None or not found[1]:
            return []
        return [partial(self._model.fit, found[0])]

    def _found(self) -> tuple[Heard, list[str]] | None:
        return self._answer.result() if self._answer is not None else None


def _read(model: Whisper, sound: Floats) -> tuple[Heard, list[str]] | None:
    heard = model.hear(sound)
    return (heard, model.read(heard)) if heard is not None else None


class SegmentRecogniser:
    """Growing-segment decoding with a model of whole utterances."""

    def __init__(self, model: Moonshine, second: Whisper | None = None) -> None:
        self._model, self._second, self._names = model, SecondPass(second), Alike(())
        noise = np.random.default_rng(0).standard_normal(round(_MARGIN_S * RATE_HZ))
        self._margin: Floats = (_FAINT * noise).astype(np.float32)
        self._pieces: list[Samples] = []
        self._earlier = ""
        self._effort = Effort()  # for the newest partial text
        self._finished = 0  # pieces that `finish` read
        self._encoded: Encoded | None = None

    def accept(self, samples: Samples) -> None:
        """Keeps the sound for the next decoding."""
        self._pieces.append(samples)

    def partial(self) -> str:
        """Decodes everything so far: about 30 ms of one core for each second of sound."""
        self._effort = effort = Effort()
        try:
            text, _ = self._read(self._encode(self._margin, effort), effort)
        except GivenUp:
            return ""
        if text:
            self._earlier = text
        return text

    def give_up_partial(self) -> None:
        """Unless `finish` has nothing else to compare with."""
        if len(words(self._earlier)) > 1:
            self._effort.give_up()

    def finish(self) -> Recognition:
        """Decodes everything so far, and again where there is no partial to compare with."""
        self._finished = len(self._pieces)
        self._encoded = self._encode(self._margin)
        text, looped = self._read(self._encoded)
        if not text:
            return Recognition("", 0.0)
        agreed = agreement(self._earlier, text) if len(words(self._earlier)) > 1 else None
        if agreed is not None and (agreed >= _AGREED or not self._effort.is_given_up):
            confidence = agreed
        else:
            other, _ = self._read(self._encode(self._margin[: len(self._margin) // 2]))
            confidence = agreement(other, text, growing=False)
        return Recognition(text, confidence / _LOOP_DIVISOR if looped else confidence)

    def readings(self) -> Sequence[str]:
        """Searches wider in what `finish` read: about 40 ms of one core for each second of sound.

        The second pass, where there is one, takes about 250 ms of another, and names 60 ms.
        """
        if self._encoded is None:
            return []
        self._second.begin(self._pieces[: self._finished])
        found = self._model.read(self._encoded, _WIDTH)
        near = [cut_loop(reading.text)[0] for reading in found if reading.behind <= _FARTHEST]
        pairs = zip_longest(self._second.texts(), near)
        readings = list(dict.fromkeys(text for pair in pairs for text in pair if text))
        judges: list[Judge] = [partial(self._model.fit, self._encoded), *self._second.judges()]
        return with_names(readings, self._names, judges)

    def expect(self, phrases: Iterable[str]) -> None:
        """Makes `phrases` likelier from now on."""
        phrases = list(phrases)
        self._model.expect(phrases)
        self._names = Alike(phrases)

    def reset(self) -> None:
        """Forgets the utterance."""
        self._pieces = []
        self._earlier = ""
        self._encoded = None

    def _encode(self, margin: Floats, effort: Effort | None = None) -> Encoded | None:
        if not self._pieces:
            return None
        sound = np.concatenate(self._pieces).astype(np.float32) / 32768
        return self._model.encode(np.concatenate((margin, sound, margin)), effort)

    def _read(self, encoded: Encoded | None, effort: Effort | None = None) -> tuple[str, bool]:
        found = self._model.read(encoded, effort=effort) if encoded is not None else []
        return cut_loop(found[0].text) if found else ("", False)


class StreamingRecogniser:
    """A true streaming model; sound is kept only to go on after `finish`."""

    def __init__(self, model: Any, second: Whisper | None = None) -> None:
        self._model, self._second, self._names = model, SecondPass(second), Alike(())
        self._stream = model.create_stream()
        self._pieces: list[Samples] = []
        self._finished = False

    def accept(self, samples: Samples) -> None:
        """Gives the sound to the model's stream."""
        if self._finished:
            pieces = self._pieces
            self.reset()
            for piece in pieces:
                self.accept(piece)
        self._pieces.append(samples)
        self._stream.accept_waveform(RATE_HZ, samples.astype(np.float32) / 32768)

    def partial(self) -> str:
        """Decodes what has not been decoded yet."""
        while self._model.is_ready(self._stream):
            self._model.decode_stream(self._stream)
        return str(self._model.get_result(self._stream)).strip()

    def give_up_partial(self) -> None:
        """What was decoded for it is needed in any case."""

    def finish(self) -> Recognition:
        """Decodes to the end, with silence after it."""
        if not self._pieces:
            return Recognition("", 0.0)
        if not self._finished:
            self._stream.accept_waveform(RATE_HZ, np.zeros(round(_TAIL_S * RATE_HZ), np.float32))
            self._stream.input_finished()
            self._finished = True
        text = self.partial()
        if not text:
            return Recognition("", 0.0)
        logarithms = self._model.ys_probs(self._stream)
        confidence = float(np.exp(np.mean(logarithms))) if len(logarithms) else 1.0
        cut, looped = cut_loop(text)
        return Recognition(cut, min(1.0, confidence) / (_LOOP_DIVISOR if looped else 1))

    def readings(self) -> Sequence[str]:
        """Those of the second pass; the model's stream keeps its best path only."""
        self._second.begin(self._pieces)
        return with_names(self._second.texts(), self._names, self._second.judges())

    def expect(self, phrases: Iterable[str]) -> None:
        """Makes `phrases` likelier in readings: sherpa-onnx takes them for some of its models only."""
        self._names = Alike(phrases)

    def reset(self) -> None:
        """Forgets the utterance."""
        self._stream, self._pieces, self._finished = self._model.create_stream(), [], False

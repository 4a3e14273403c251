"""Moonshine (Jeffries et al., 2024) with a beam search, run by onnxruntime.

sherpa-onnx decodes this model greedily. The best path is the same here, at the same cost; beside it there are
the next best readings of the same sound, and phrases that are expected count more (docs/decisions/0013).
Readings that differ only in case and punctuation are one. How well any text fits the sound can be asked too.

Border: float32[n] in -1…1, 16 kHz mono in; text with the model's own case and punctuation out.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from device.faults import Fault
from device.hearing import RATE_HZ, Floats
from device.hearing.expected import Expected, spoken_letters
from device.hearing.onnx import Effort, computed, session
from device.hearing.pieces import pieces

_BEGIN, _END = 1, 2
_WORD_START = "\u2581"
_TOKENS_PER_S, _TOKENS_AT_LEAST = 13, 4  # nobody speaks faster; a decoder that loops is stopped
_LAYERS, _HEADS, _HEAD_SIZE = 6, 8, 36
_CONSIDERED = 16  # tokens that may follow a beam
_IMPROBABLE = 9.0  # natural logarithms behind the best token
_HOPELESS = 4.0  # a beam so far behind a finished reading is given up
_LETTERS = re.compile(r"[^\w]+")
_SENTENCE_ENDS = (b".", b"?", b"!")


class Reading(NamedTuple):
    """One way to read the sound; `behind` the best one by so many natural logarithms."""

    text: str
    behind: float


class Encoded(NamedTuple):
    """What the encoder made of a sound: float32[1, frames, 288]."""

    hidden: Floats
    samples: int


class _Beam(NamedTuple):
    tokens: tuple[int, ...]
    score: float
    node: int
    letters: str


class Moonshine:
    """The model for `encoder`, `decoder` and `tokens`, a table of base64 and number."""

    def __init__(self, encoder: Path, decoder: Path, tokens: Path) -> None:
        self._encoder, self._decoder = session(encoder), session(decoder)
        self._tokens = _read_tokens(tokens)
        spoken = [
            ""
            if number <= _END
            else spoken_letters(token.decode("utf-8", "ignore").replace(_WORD_START, " "))
            for number, token in enumerate(self._tokens)
        ]
        self._spoken, self._letters = spoken, [_LETTERS.sub("", text) for text in spoken]
        self._expected = Expected(())
        self._numbers = {token: number for number, token in enumerate(self._tokens) if number > _END}
        self._ends = [_END, *(self._numbers[sign] for sign in _SENTENCE_ENDS if sign in self._numbers)]
        parts = [f"{layer}.decoder.{kind}" for layer in range(_LAYERS) for kind in ("key", "value")]
        self._past = [f"past_key_values.{part}" for part in parts]
        self._outputs = ["logits", *(f"present.{part}" for part in parts)]
        self._heard = [part.replace("decoder", "encoder") for part in parts]

    def expect(self, phrases: Iterable[str]) -> None:
        """Makes `phrases` likelier from now on."""
        self._expected = Expected(phrases)

    def encode(self, sound: Floats, effort: Effort | None = None) -> Encoded:
        """The sound as the decoder hears it. Raises GivenUp."""
        given = {"input_values": sound[None], "attention_mask": np.ones((1, len(sound)), np.int64)}
        return Encoded(computed(self._encoder, None, given, effort)[0], len(sound))

    def read(self, encoded: Encoded, width: int = 1, effort: Effort | None = None) -> list[Reading]:
        """The best readings, best first, found with `width` beams; empty where nothing was said.

        Raises GivenUp.
        """
        search = _Search(width, self._spoken, self._letters, self._expected)
        decoding = _Decoding(self, encoded, effort)
        probabilities = decoding.begin()
        for _ in range(encoded.samples * _TOKENS_PER_S // RATE_HZ + _TOKENS_AT_LEAST):
            sources = search.extend(probabilities)
            if not sources:
                break
            probabilities = decoding.go_on(sources, [beam.tokens[-1] for beam in search.beams])
        found = search.found()
        texts = [Reading(self._text(beam.tokens), found[0].score - beam.score) for beam in found]
        return [reading for reading in texts if reading.text]

    def fit(self, encoded: Encoded, texts: Sequence[str]) -> list[float]:
        """The log probability that each of `texts`, which have no signs, is what the sound says."""
        rows = [self._pieces(text) for text in texts]
        if not all(rows):
            raise ValueError("a text without words fits nothing")
        decoding = _Decoding(self, encoded)
        first = decoding.begin()[0]
        fits: list[float] = []
        for row, logits in zip(rows, decoding.along(rows), strict=True):
            following = _log_softmax(logits[: len(row)])
            within = following[np.arange(len(row) - 1), row[1:]].sum()
            fits.append(float(first[row[0]] + within + np.logaddexp.reduce(following[-1, self._ends])))
        return fits

    def _pieces(self, text: str) -> list[int]:
        words = ((_WORD_START + word).encode() for word in text.split())
        return [piece for word in words for piece in pieces(word, self._numbers)]

    def _text(self, tokens: tuple[int, ...]) -> str:
        joined = b"".join(self._tokens[token] for token in tokens if token > _END)
        return joined.decode("utf-8", "replace").replace(_WORD_START, " ").strip()


class _Decoding:
    """The decoder's cached state for the beams of one search."""

    def __init__(self, model: Moonshine, encoded: Encoded, effort: Effort | None = None) -> None:
        self._model, self._effort = model, effort
        self._state: list[Floats] = []
        self._sound: dict[str, Any] = {
            "encoder_attention_mask": np.ones((1, encoded.samples), np.int64),
            "encoder_hidden_states": encoded.hidden,
        }
        self._repeated: dict[int, dict[str, Any]] = {}  # the sound for so many beams

    def begin(self) -> Floats:
        """Log probabilities of the first token: float32[1, tokens]."""
        model, frames = self._model, self._sound["encoder_hidden_states"].shape[1]
        empty = np.zeros((1, _HEADS, 0, _HEAD_SIZE), np.float32)
        unheard = np.zeros((1, _HEADS, frames, _HEAD_SIZE), np.float32)
        given = dict.fromkeys(model._past, empty)
        given |= {f"past_key_values.{part}": unheard for part in model._heard}
        outputs = [*model._outputs, *(f"present.{part}" for part in model._heard)]
        logits, *rest = self._run(outputs, given | self._sound | _given([[_BEGIN]], cached=False))
        self._state, heard = rest[: len(model._past)], rest[len(model._past) :]
        self._sound |= {f"past_key_values.{p}": part for p, part in zip(model._heard, heard, strict=True)}
        return _log_probabilities(logits)

    def go_on(self, sources: list[int], tokens: list[int]) -> Floats:
        """Log probabilities after `tokens`, which follow the beams `sources`: float32[beams, tokens]."""
        model = self._model
        if sources != list(range(self._state[0].shape[0])):
            self._state = [part[sources] for part in self._state]
        given = self._for(len(tokens)) | dict(zip(model._past, self._state, strict=True))
        following = _given([[token] for token in tokens], cached=True)
        logits, *self._state = self._run(model._outputs, given | following)
        return _log_probabilities(logits)

    def along(self, rows: list[list[int]]) -> Floats:
        """Logits after each token of the `rows`, after `begin`: float32[rows, longest, tokens]."""
        model, longest = self._model, max(map(len, rows))
        states = [np.repeat(part, len(rows), 0) for part in self._state]
        filled = [[*row, *[_END] * (longest - len(row))] for row in rows]
        given = self._for(len(rows)) | dict(zip(model._past, states, strict=True))
        logits: Floats = self._run(["logits"], given | _given(filled, cached=True))[0]
        return logits

    def _run(self, outputs: list[str], given: dict[str, Any]) -> list[Any]:
        return computed(self._model._decoder, outputs, given, self._effort)

    def _for(self, count: int) -> dict[str, Any]:
        if count not in self._repeated:
            self._repeated[count] = {name: np.repeat(part, count, 0) for name, part in self._sound.items()}
        return self._repeated[count]


def _given(rows: list[list[int]], *, cached: bool) -> dict[str, Any]:
    return {"input_ids": np.array(rows, np.int64), "use_cache_branch": np.array([cached])}


class _Search:
    """A beam search in which every beam says something else."""

    def __init__(self, width: int, spoken: list[str], letters: list[str], expected: Expected) -> None:
        self._width, self._spoken, self._letters, self._expected = width, spoken, letters, expected
        self.beams = [_Beam((), 0.0, expected.start, "")]
        self._ended: list[_Beam] = []

    def extend(self, probabilities: Floats) -> list[int]:
        """Extends the beams by a token each; returns the numbers of those they come from, none at the end."""
        found: list[tuple[_Beam, int]] = []
        for number, (beam, row) in enumerate(zip(self.beams, probabilities, strict=True)):
            likely = np.argpartition(row, -_CONSIDERED)[-_CONSIDERED:]
            least = row[likely].max() - _IMPROBABLE
            for token in likely[row[likely] >= least].tolist():
                score = beam.score + float(row[token])
                if token == _END:
                    self._ended.append(beam._replace(score=score + self._expected.end(beam.node)))
                    continue
                node, gain = self._expected.step(beam.node, self._spoken[token])
                letters = beam.letters + self._letters[token]
                found.append((_Beam((*beam.tokens, token), score + gain, node, letters), number))
        found.sort(key=lambda pair: -pair[0].score)
        least = max((beam.score for beam in self._ended), default=-np.inf) - _HOPELESS * (self._width > 1)
        kept: dict[str, tuple[_Beam, int]] = {}
        for beam, number in found:
            if len(kept) == self._width or beam.score < least:
                break
            kept.setdefault(beam.letters, (beam, number))
        self.beams = [beam for beam, _ in kept.values()]
        return [number for _, number in kept.values()]

    def found(self) -> list[_Beam]:
        """What was read, best first; unfinished readings when none came to its end."""
        best: dict[str, _Beam] = {}
        for beam in sorted(self._ended or self.beams, key=lambda beam: -beam.score):
            best.setdefault(beam.letters, beam)
        return list(best.values())


def _log_probabilities(logits: Floats) -> Floats:
    return _log_softmax(logits[:, -1])


def _log_softmax(logits: Floats) -> Floats:
    shifted = logits - logits.max(1, keepdims=True)
    result: Floats = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    return result


def _read_tokens(path: Path) -> list[bytes]:
    try:
        rows = [line.split("\t") for line in path.read_text().splitlines()]
        table = {int(number): base64.b64decode(token) for token, number in rows}
    except (OSError, ValueError) as error:
        raise Fault(
            f"the token table {path.name} cannot be read ({error})",
            "run `wren models verify`",
            permanent=True,
        ) from error
    return [table.get(number, b"") for number in range(max(table) + 1)]

"""Whisper (Radford et al., 2022), run by CTranslate2: reads again what made no sense when it was first read.

It understands more of what is said in noise, in haste or in a voice that Moonshine was not trained for, and
costs several times as much (docs/decisions/0017). Instead of the 30 s that it was trained with, it hears
10 s, of which the sound is the beginning: a third of the cost, and no more mistakes. With much less it
repeats itself.

Signs of punctuation are left out, so that each of the beams says something else.

How well a text fits the sound can be asked too, though not whether anything follows. Only some of the silence
is looked at then, since it costs as much as speech.

Border: float32[n] in -1…1, 16 kHz mono in; texts without punctuation, and natural logarithms out.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import ctranslate2
import numpy as np

from device.faults import Fault
from device.hearing import RATE_HZ, Floats
from device.hearing.mel import HOP, log_mel
from device.hearing.pieces import pieces

_HEARS_S, _AT_MOST_S = 10, 30
_REST_S = 1  # of silence, without which it does not notice the end
_BEAMS = 8
_TOKENS_PER_S, _TOKENS_AT_LEAST = 13, 8  # nobody speaks faster; a decoder that loops is stopped
_NO_SPEECH = 0.6  # Whisper's own bound
_SIGNS = frozenset('.,!?;:"()-')
_CONTROL = "<|"
_ENCODED_SAMPLES = 2 * HOP  # that one frame of the encoder's stands for
_BEHIND_FRAMES = 100  # two seconds; with less than one, no text fits
_LEAST = 1e-9


class Heard(NamedTuple):
    """What the encoder made of a sound: a StorageView of float32[1, frames, size]."""

    encoded: Any
    samples: int


class Whisper:
    """The model in the folder of the file `model`; knows one language, or hears `language`."""

    def __init__(self, model: Path, vocabulary: Path, *, language: str = "en") -> None:
        try:
            self._model = ctranslate2.models.Whisper(
                str(model.parent), device="cpu", compute_type="int8", inter_threads=1, intra_threads=1
            )
            tokens = vocabulary.read_text("utf-8").splitlines()
            task = [f"<|{language}|>", "<|transcribe|>"] if self._model.is_multilingual else []
            self._prompt = ["<|startoftranscript|>", *task, "<|notimestamps|>"]
            self._start = [tokens.index(token) for token in self._prompt[:-1]]
        except (OSError, RuntimeError, ValueError) as error:
            raise Fault(
                f"the model {model.parent.name} cannot be loaded ({error})",
                "run `wren models verify`",
                permanent=True,
            ) from error
        self._signs = [number for number, token in enumerate(tokens) if _is_sign(token)]
        self._numbers = {_bytes_of(token): number for number, token in enumerate(tokens) if _is_text(token)}

    def hear(self, sound: Floats) -> Heard | None:
        """The sound as the decoder hears it; None where it is longer than it can hear."""
        length = min(max(_HEARS_S * RATE_HZ, len(sound) + _REST_S * RATE_HZ), _AT_MOST_S * RATE_HZ)
        if len(sound) > length:
            return None
        padded = np.zeros(length // (2 * HOP) * 2 * HOP, np.float32)
        padded[: len(sound)] = sound
        encoded = self._model.encode(ctranslate2.StorageView.from_array(log_mel(padded)[None]))
        return Heard(encoded, len(sound))

    def read(self, heard: Heard) -> list[str]:
        """The likeliest readings, best first; none where nobody speaks."""
        (found,) = self._model.generate(
            heard.encoded,
            [self._prompt],
            beam_size=_BEAMS,
            num_hypotheses=_BEAMS,
            max_length=len(self._prompt) + heard.samples * _TOKENS_PER_S // RATE_HZ + _TOKENS_AT_LEAST,
            suppress_tokens=[-1, *self._signs],
            return_no_speech_prob=True,
        )
        if found.no_speech_prob > _NO_SPEECH:
            return []
        return list(dict.fromkeys(text for tokens in found.sequences if (text := _text(tokens))))

    def fit(self, heard: Heard, texts: Sequence[str]) -> list[float]:
        """The log probability that each of `texts`, which have no signs, is what the sound says."""
        if not texts:
            return []
        frames = heard.samples // _ENCODED_SAMPLES + _BEHIND_FRAMES
        near = np.repeat(np.array(heard.encoded)[:, :frames], len(texts), 0)
        found = self._model.align(
            ctranslate2.StorageView.from_array(np.ascontiguousarray(near)),
            self._start,
            [self._pieces(text) for text in texts],
            2 * near.shape[1],
            median_filter_width=1,
        )
        probabilities = (np.maximum(_LEAST, one.text_token_probs) for one in found)
        return [float(np.log(each).sum()) for each in probabilities]

    def _pieces(self, text: str) -> list[int]:
        words = (f" {word}".encode() for word in text.split())
        return [piece for word in words for piece in pieces(word, self._numbers)]


def _text(tokens: list[str]) -> str:
    written = b"".join(_bytes_of(token) for token in tokens if not token.startswith(_CONTROL))
    return written.decode("utf-8", "replace").strip()


def _bytes_of(token: str) -> bytes:
    return bytes(_BYTES[letter] for letter in token if letter in _BYTES)


def _is_text(token: str) -> bool:
    return not token.startswith(_CONTROL)


def _is_sign(token: str) -> bool:
    letters = _text([token])
    return bool(letters) and _SIGNS.issuperset(letters)


def _bytes() -> dict[str, int]:
    """The byte that a letter of a token stands for (Radford et al., 2019: GPT-2's table)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(0x100) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(0x100 + n): byte for n, byte in enumerate(others)}


_BYTES: dict[str, int] = _bytes()

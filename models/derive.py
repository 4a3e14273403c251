"""Files that a library wants and no source ships, made once when a model is fetched and kept beside it.

- `moonshine-tokens`: sherpa-onnx wants `tokens.txt`, one line per token: base64 of its bytes, a tab, its
  number. Moonshine ships `tokenizer.bin`: for each token its length (one byte below 128, else low seven bits
  first and the rest in a second byte), then its bytes (sherpa-onnx, scripts/moonshine/v2).
- `piper-split`: a Piper voice is decoded in chunks after its graph was cut in two: see `piper.py`.
- `smart-turn-tail`: the turn model for less sound: see `smart_turn.py`.

A derivation whose result changes gets a new name: stores then make it again at the next fetch.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from pathlib import Path

from models.catalog import Derivation
from models.piper import split_voice
from models.smart_turn import shorten


def tokens_of(tokenizer: bytes) -> list[bytes]:
    """Token number to its bytes. Raises ValueError when the file is cut short."""
    tokens: list[bytes] = []
    at = 0
    while at < len(tokenizer):
        length = tokenizer[at]
        at += 1
        if length >= 128:
            if at == len(tokenizer):
                raise ValueError("tokenizer ends inside a length")
            length = length - 128 + tokenizer[at] * 128
            at += 1
        if at + length > len(tokenizer):
            raise ValueError("tokenizer ends inside a token")
        tokens.append(tokenizer[at : at + length])
        at += length
    return tokens


def tokens_text(tokens: list[bytes]) -> str:
    """The text of `tokens.txt`."""
    return "".join(f"{base64.b64encode(token).decode()}\t{number}\n" for number, token in enumerate(tokens))


def _moonshine_tokens(files: Mapping[str, Path], folder: Path) -> dict[str, Path]:
    path = folder / "tokens.txt"
    path.write_text(tokens_text(tokens_of(files["tokenizer"].read_bytes())), encoding="ascii")
    return {"tokens": path}


def _piper_split(files: Mapping[str, Path], folder: Path) -> dict[str, Path]:
    return split_voice(files["model"], folder)


def _smart_turn_tail(files: Mapping[str, Path], folder: Path) -> dict[str, Path]:
    return shorten(files["model"], folder)


_DERIVATIONS: dict[Derivation, Callable[[Mapping[str, Path], Path], dict[str, Path]]] = {
    "moonshine-tokens": _moonshine_tokens,
    "piper-split": _piper_split,
    "smart-turn-tail": _smart_turn_tail,
}


def derive(derivation: Derivation, files: Mapping[str, Path], folder: Path) -> dict[str, Path]:
    """Make the files of `derivation` in `folder` from a model's `files` (key to path).

    Returns the new files by key. Raises ValueError or KeyError when the downloaded files do not fit.
    """
    return _DERIVATIONS[derivation](files, folder)

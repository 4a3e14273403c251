"""How a text is cut into the tokens of a model, to ask how well it fits a sound. Pure.

Byte-pair encoding (Sennrich et al., 2016), word by word. SentencePiece (Kudo and Richardson, 2018) and GPT-2
number the pairs in the order in which training joined them, so that the table alone tells which neighbours
are joined next: those whose pair has the lowest number.

Border: UTF-8 text in; numbers of tokens out.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise


def pieces(word: bytes, numbers: Mapping[bytes, int]) -> list[int]:
    """The tokens of one word, which begins with what separates words; bytes that have none are left out."""
    parts = _letters(word, numbers)
    while len(parts) > 1:
        joined = [numbers.get(first + second) for first, second in pairwise(parts)]
        known = [number for number in joined if number is not None]
        if not known:
            break
        at = joined.index(min(known))
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
    return [numbers[part] for part in parts if part in numbers]


def _letters(word: bytes, numbers: Mapping[bytes, int]) -> list[bytes]:
    """Characters that have a token, and the bytes of those that have none."""
    parts: list[bytes] = []
    for character in word.decode("utf-8", "ignore"):
        encoded = character.encode()
        parts += [encoded] if encoded in numbers else [bytes([byte]) for byte in encoded]
    return parts

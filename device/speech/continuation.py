"""A clause that is begun before its end is known: "The hall lamp", then "is on" or "did not answer". Pure.

Offsets are samples from the beginning of the clause; samples are int16 mono.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from device.speech import Samples


class Timed(NamedTuple):
    """Words, and the offset at which each of them ends."""

    words: tuple[str, ...]
    ends: tuple[int, ...]


class Sounding:
    """The sound of a clause, taken up to one offset after another."""

    def __init__(self, chunks: Iterator[Samples]) -> None:
        self._chunks = chunks
        self._left: Samples = np.zeros(0, np.int16)
        self._position = 0

    def until(self, end: int) -> Iterator[Samples]:
        """What comes before the offset `end` and was not taken yet."""
        while self._position < end:
            if not self._left.size and (chunk := next(self._chunks, None)) is not None:
                self._left = chunk
            if not self._left.size:
                return
            taken = self._left[: end - self._position]
            self._left = self._left[taken.size :]
            self._position += taken.size
            yield taken

    def rest(self) -> Iterator[Samples]:
        """Everything that was not taken yet."""
        if self._left.size:
            yield self._left
        yield from self._chunks


def continued(begun: Timed, whole: Timed) -> tuple[Timed, int]:
    """`whole` after its beginning `begun` was said, and the offset in the sound of `whole` to go on from.

    Where it begins otherwise, all of it follows.
    """
    shared = len(begun.words)
    if whole.words[:shared] != begun.words:
        shared = 0
    skipped = whole.ends[shared - 1] if shared else 0
    said = begun.ends[-1] if begun.ends else 0
    ends = (*begun.ends, *(said + end - skipped for end in whole.ends[shared:]))
    return Timed((*begun.words, *whole.words[shared:]), ends), skipped

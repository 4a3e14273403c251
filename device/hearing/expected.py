"""Phrases that are likelier here than elsewhere, such as the names of this house, for a recogniser's search.

Shallow fusion with a context graph, as in sherpa-onnx's hotwords and in "Deep context" (Pundak et al., 2018):
every letter on the way through a phrase is worth `_PER_LETTER` of log probability, which is given back where
the text turns out to be another word. The graph is an Aho-Corasick automaton over letters, not tokens, so
that it does not matter how the model's tokens cut a word, nor how it writes it.

Border: lower-case text of letters, digits, "'" and single spaces in (see `spoken_letters`); natural
logarithms out.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable

_PER_LETTER = 0.4  # more adds names that nobody said, less misses those that were; see docs/decisions/0013
_NOT_SPOKEN = re.compile(r"[^\w']+")


def spoken_letters(text: str) -> str:
    """`text` in lower case, with one space for whatever is not spoken."""
    return _NOT_SPOKEN.sub(" ", text.lower())


class Expected:
    """A graph of `phrases`; its nodes are states of the search, `start` before the first word."""

    def __init__(self, phrases: Iterable[str]) -> None:
        self._next: list[dict[str, int]] = [{}]
        ends = {self._add(f" {said} ") for phrase in phrases if (said := spoken_letters(phrase).strip())}
        count = len(self._next)
        self._fallback = [0] * count
        self._pending, self._reward = [0.0] * count, [0.0] * count
        self._link(ends)
        self.start = self.step(0, " ")[0]

    def step(self, node: int, letters: str) -> tuple[int, float]:
        """Where `letters` lead from `node`, and what that adds to the log probability."""
        at, gain = node, 0.0
        for letter in letters:
            to = at
            while to and letter not in self._next[to]:
                to = self._fallback[to]
            to = self._next[to].get(letter, 0)
            gain += self._pending[to] - self._pending[at] + self._reward[to]
            at = to
        return at, gain

    def end(self, node: int) -> float:
        """What the end of the text at `node` adds: a phrase is complete, or its beginning is given back."""
        at, gain = self.step(node, " ")
        return gain - self._pending[at]

    def _add(self, letters: str) -> int:
        node = 0
        for letter in letters:
            if letter not in self._next[node]:
                self._next[node][letter] = len(self._next)
                self._next.append({})
            node = self._next[node][letter]
        return node

    def _link(self, ends: set[int]) -> None:
        """Breadth first, so that the fallback of a node is known before those of its children."""
        waiting = deque([0])
        while waiting:
            node = waiting.popleft()
            if node in ends:
                self._reward[node], self._pending[node] = self._pending[node], 0.0
            for letter, child in self._next[node].items():
                self._pending[child] = self._pending[node] + (letter != " ") * _PER_LETTER
                if node:
                    back = self._fallback[node]
                    while back and letter not in self._next[back]:
                        back = self._fallback[back]
                    self._fallback[child] = self._next[back].get(letter, 0)
                waiting.append(child)

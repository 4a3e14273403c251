"""Cuts text that is still being written into clauses to speak: the first one soon, later ones longer.

A clause ends after `.`, `!`, `?` or a line break, or after `,` `;` `:` or a dash once it is long enough.
Without any of them a long clause ends before a conjunction, and a very long one anywhere between words.
What follows the mark must have begun (a space and a letter), so that "21.5", "1,000", "Dr. Smith", "e.g.
this" and "Wait..." stay whole, and the same text gives the same clauses however it arrives.
"""

from __future__ import annotations

import itertools
import re
from typing import NamedTuple

_TITLES = frozenset(("dr", "mr", "mrs", "ms", "prof", "st", "sr", "jr"))
_SHORT = frozenset(
    ("no", "vs", "approx", "ca", "e.g", "i.e", "a.m", "p.m", "min", "max", "temp", "hr", "hrs", "inc")
)
_MONTHS = frozenset(("jan", "feb", "mar", "apr", "aug", "sept", "oct", "nov", "dec"))
_ABBREVIATIONS = _TITLES | _SHORT | _MONTHS
_MAY_END_SENTENCE = frozenset(("a.m", "p.m", "min", "max", "hr", "hrs", "inc"))
_CONJUNCTIONS = frozenset(
    ("and", "but", "or", "so", "because", "while", "which", "where", "when", "although", "then")
)
_WORD = re.compile(r"\S+")
_CLOSING = "\"')]”’*_"


class Lengths(NamedTuple):
    """Words a clause has at least before it may end at a comma, at a conjunction, and anywhere."""

    comma: int
    conjunction: int
    anywhere: int


FIRST = Lengths(comma=2, conjunction=7, anywhere=12)
LATER = Lengths(comma=6, conjunction=14, anywhere=24)


class ClauseSplitter:
    """Takes pieces of text, gives whole clauses without the white space around them."""

    def __init__(self) -> None:
        self._text = ""
        self._lengths = FIRST

    def push(self, text: str) -> list[str]:
        """The clauses that `text` completes."""
        self._text += text
        clauses = []
        while (end := _clause_end(self._text, self._lengths)) is not None:
            clauses.append(self._text[:end].strip())
            self._text = self._text[end:]
            self._lengths = LATER
        return clauses

    def finish(self) -> list[str]:
        """What is left; the splitter is as new afterwards."""
        rest, self._text, self._lengths = self._text.strip(), "", FIRST
        return [rest] if rest else []


def split_clauses(text: str) -> list[str]:
    """The clauses of a text that is already whole."""
    splitter = ClauseSplitter()
    return splitter.push(text) + splitter.finish()


def _clause_end(text: str, lengths: Lengths) -> int | None:
    """Where the first clause of `text` ends; None while that is not sure."""
    words = list(_WORD.finditer(text))
    spoken = 0
    for number, (match, following) in enumerate(itertools.pairwise(words), 1):
        spoken += any(map(str.isalnum, match[0]))
        gap = text[match.end() : following.start()]
        if spoken and (
            "\n" in gap
            or (_ends_sentence(match[0], following[0]) and not (number == 1 and _is_item(match[0])))
            or (
                spoken >= lengths.comma
                and match[0].rstrip(_CLOSING).endswith((",", ";", ":", "–", "—", "…", "..."))
            )
            or spoken >= lengths.anywhere
        ):
            return match.end()
        conjunction_is_whole = number + 1 < len(words)
        if spoken >= lengths.conjunction and conjunction_is_whole and following[0].lower() in _CONJUNCTIONS:
            return match.end()
    return None


def _is_item(word: str) -> bool:
    """Whether `word` numbers what follows, as "1." does."""
    return word[:-1].isdecimal()


def _ends_sentence(word: str, following: str) -> bool:
    bare = word.rstrip(_CLOSING)
    if bare.endswith(("!", "?")):
        return True
    if not bare.endswith(".") or bare.endswith(".."):
        return bare.endswith(("..", "…")) and following[:1].isupper()
    stem = bare[:-1].lstrip("\"'([“‘").lower()
    if stem in _MAY_END_SENTENCE:
        return following[:1].isupper()
    return stem not in _ABBREVIATIONS and not (len(stem) == 1 and stem.isalpha() and stem != "i")

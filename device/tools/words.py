"""From what was heard to words, and the phrases of a table that those words form."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

from device.reasoning import language as house_language
from device.reasoning import words as house_words
from device.tools.language import load

# Signs that the word splitter would drop: times of day become "7h30", signs between numbers become words.
_SIGNS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), into)
    for pattern, into in (
        (r"(?<=\d),(?=\d{3}\b)", ""),
        (r"\b(\d{1,2})[:.](\d{2})(?=\s*[ap]\.?\s?m\b)", r"\1h\2 "),
        (r"\b(\d{1,2}):(\d{2})\b|\b(\d{1,2})\s+(0\d)\b", r"\1\3h\2\4 "),
        (r"(\d)\s*([ap])\.?\s?m\b\.?", r"\1 \2m "),
        (r"\b([a-z]+)\s+([ap])\.?\s?m\b\.?", r"\1 \2m "),
        (r"\b1/2\b|½", " half "),
        (r"\bo'? ?clock\b", "oclock"),
        (r"\bto[- ](morrow|night|day)\b", r"to\1"),
        (r"\bper cent\b", "percent"),
        (r"(?<=[\d )])\s*[x×*]\s*(?=[\d(])", " times "),
        (r"(?<=[\d )])\s*\+\s*(?=[\d(])", " plus "),
        (r"(?<=[\d )])\s*[÷/]\s*(?=[\d(])", " divided by "),
        (r"(?<=\d)\s+[-\u2212]\s*(?=\d)|(?<=\d)\s*\u2212\s*(?=\d)", " minus "),
    )
)


class Item(NamedTuple):
    """A phrase of a table, or a word of none ("open"), at `start` to `end` of the words."""

    kind: str
    text: str
    start: int
    end: int


def split(text: str, language: str = "en") -> list[str]:
    """The words of `text` without pauses; numbers in digits, times of day as 7h30, "am" and "pm" as such."""
    return [word for word in split_with_pauses(text, language) if word != ","]


def split_with_pauses(text: str, language: str = "en") -> list[str]:
    """The same with "," for a pause."""
    plain = text.lower().replace("’", "'")
    for pattern, into in _SIGNS:
        plain = pattern.sub(into, plain)
    return house_words.split(plain, house_language.load(language))


def request(text: str, language: str = "en") -> list[str]:
    """The words without whom they are said to, and without politeness at either end."""
    words, known = split(text, language), load(language)
    starts, ends = _compiled(known.polite), _compiled(known.polite_ends)
    while words and (end := starts.longest(words, 0)):
        words = words[end:]
    while words:
        for start in range(len(words)):
            if ends.longest(words, start) == len(words):
                words = words[:start]
                break
        else:
            break
    return words


def holds(words: Sequence[str], phrases: tuple[str, ...]) -> bool:
    """Whether one of the phrases is among the words."""
    table = _compiled(phrases)
    return any(table.longest(words, start) for start in range(len(words)))


def begins_with(words: Sequence[str], phrases: tuple[str, ...]) -> int:
    """Where the longest of the phrases that the words begin with ends; 0 when they begin with none."""
    return _compiled(phrases).longest(words, 0)


def is_one_of(words: Sequence[str], phrases: tuple[str, ...]) -> bool:
    """Whether the words are one or several of the phrases, and nothing else."""
    table, at = _compiled(phrases), 0
    while at < len(words) and (end := table.longest(words, at)):
        at = end
    return bool(words) and at == len(words)


class Table:
    """Phrases by kind."""

    def __init__(self, kinds: Mapping[str, Sequence[str]]) -> None:
        self._by_first: dict[str, list[tuple[tuple[str, ...], str]]] = {}
        for kind, phrases in kinds.items():
            for phrase in phrases:
                words = tuple(phrase.split())
                self._by_first.setdefault(words[0], []).append((words, kind))
        for entries in self._by_first.values():
            entries.sort(key=lambda entry: -len(entry[0]))

    def at(self, words: Sequence[str], start: int) -> Item | None:
        """The longest phrase that starts there."""
        for phrase, kind in self._by_first.get(words[start], ()):
            if tuple(words[start : start + len(phrase)]) == phrase:
                return Item(kind, " ".join(phrase), start, start + len(phrase))
        return None

    def longest(self, words: Sequence[str], start: int) -> int:
        """Where the longest phrase that starts there ends; 0 when none does."""
        item = self.at(words, start) if start < len(words) else None
        return item.end if item else 0


@cache
def _compiled(phrases: tuple[str, ...]) -> Table:
    return Table({"": phrases})


def joined(words: Sequence[str]) -> str:
    """Words as text again: the "s" of a possessive on its own goes back to its word."""
    return " ".join(words).replace(" s ", "'s ").removesuffix(" s")

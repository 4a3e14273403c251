"""Which agent is addressed, by closed phrases: "let me speak to the storyteller", "ask Nora to …". Pure.

The lead-in is a phrase of the language; the name behind it is compared letter by letter without spaces (ratio
of the longest common subsequence, rapidfuzz), since recognition makes "story teller" as easily as
"storyteller". A name alone in front of a request ("Nora, tell me a story") must be heard exactly, and be
no common word.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

from rapidfuzz import fuzz

from device.dialog.language import load

ALIKE = 82.0  # of 100
_MOST_WORDS = 5  # in a name
_NOT_IN_WORDS = re.compile(r"[^\w']+")

Names = Mapping[str, Sequence[str]]  # agent to what it is called, its proper name first


class Addressed(NamedTuple):
    """The agent, and the request it shall go on with ("" when it is only called)."""

    agent: str
    request: str


def addressed(text: str, names: Names, language: str = "en") -> Addressed | None:
    """Whom `text` asks for; None when it asks for no agent."""
    raw, words = _words(text)
    start = _length(_compiled(load(language).polite), words)
    raw, words = raw[start:], words[start:]
    for lead in load(language).speak_to:
        at = _length(_compiled(lead), words)
        if at and (found := _named(words[at:], names, language)):
            agent, length = found
            if re.fullmatch(load(language).tails, "".join(f" {word}" for word in words[at + length :])):
                return Addressed(agent, "")
    for lead in load(language).ask:
        at = _length(_compiled(lead), words)
        if at and (found := _named(words[at:], names, language)):
            agent, length = found
            if request := _request(raw[at + length :], words[at + length :], language):
                return Addressed(agent, request)
    return _by_name(raw, words, names)


def parting(text: str, names: Sequence[str], language: str = "en") -> bool:
    """Whether `text` says goodbye, perhaps to one of `names`."""
    _, words = _words(text)
    if not (end := _length(_compiled(load(language).goodbye), words)):
        return False
    rest = words[end:]
    return not rest or _alike(rest, names, language) >= ALIKE


def _words(text: str) -> tuple[list[str], list[str]]:
    """The words as they are, and lower-case without punctuation; one for one."""
    pairs = [(raw, _NOT_IN_WORDS.sub("", raw.lower().replace("’", "'"))) for raw in text.split()]
    return [raw for raw, word in pairs if word], [word for _, word in pairs if word]


def _length(pattern: re.Pattern[str], words: Sequence[str]) -> int:
    """How many words at the start the pattern takes; 0 when it does not fit."""
    found = pattern.match(" ".join(words) + " ")
    return len(found[0].split()) if found else 0


def _named(words: Sequence[str], names: Names, language: str) -> tuple[str, int] | None:
    """The agent whose name begins the words, and how many of them it takes."""
    best: tuple[float, int, str] = (ALIKE, 0, "")
    for length in range(1, min(_MOST_WORDS, len(words)) + 1):
        for agent, called in names.items():
            best = max(best, (_alike(words[:length], called, language), length, agent))
    return (best[2], best[1]) if best[1] else None


def _alike(words: Sequence[str], names: Sequence[str], language: str) -> float:
    said = _bare(" ".join(words), language)
    return (
        max((fuzz.ratio(said, _bare(name.lower(), language)) for name in names), default=0.0) if said else 0.0
    )


def _bare(name: str, language: str) -> str:
    words = name.split()
    return "".join(words[1:] if words and words[0] in load(language).articles else words)


def _request(raw: Sequence[str], words: Sequence[str], language: str) -> str:
    for link, stead in load(language).links.items():
        length = len(link.split())
        if link.split() == list(words[:length]) and len(words) > length:
            return stead + " ".join(raw[length:])
    return ""


def _by_name(raw: Sequence[str], words: Sequence[str], names: Names) -> Addressed | None:
    for agent, called in names.items():
        name = called[0].lower().split()
        if words[: len(name)] == name:
            return Addressed(agent, " ".join(raw[len(name) :]))
    return None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(f"{pattern}(?<= )" if pattern.endswith(")*") else f"(?:{pattern}) ")

"""Whether an answer says yes or no to what was offered. Pure.

A "no" at the start is enough, for nothing then happens. After a "yes" nothing may follow that belongs
neither to the answer nor to the question: "yes, turn it on" is one, "please tell me a joke" is not.
"""

from __future__ import annotations

from functools import cache

from device.reasoning.intents import addressed
from device.reasoning.words import Lexicon, lexicon, split

_MOST_WORDS = 8
_SMALL = frozenset(("filler", "determiner", "pronoun", "conjunction"))


def consents(text: str, question: str = "", language: str = "en") -> bool | None:
    """True for yes, False for no, None when `text` is no answer to `question`."""
    known = lexicon(language)
    words = [word for word in addressed(split(text, known.language), known) if word != ","]
    yes, no = _phrases(known)
    start = _size(words, yes)
    if not words or len(words) > _MOST_WORDS:
        return None
    if _size(words, no) > start:
        return False
    asked = set(split(question, known.language))
    rest = words[start:]
    while start and rest:
        small = [end for end, readings in known.at(rest, 0) if readings.keys() & _SMALL]
        if _size(rest, no):
            return False
        size = _size(rest, yes) or max(small, default=0) or int(rest[0] in asked)
        if not size:
            return None
        rest = rest[size:]
    return True if start else None


def _size(words: list[str], phrases: list[tuple[str, ...]]) -> int:
    """How many words the longest phrase they begin with has."""
    return next((len(phrase) for phrase in phrases if tuple(words[: len(phrase)]) == phrase), 0)


@cache
def _phrases(known: Lexicon) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """The phrases of yes and of no, the longest first."""
    language = known.language
    both = [{tuple(split(phrase, language)) for phrase in some} for some in (language.yes, language.no)]
    yes, no = (sorted(some, key=len, reverse=True) for some in both)
    return yes, no

"""Facts that people ask Wren to remember: what is said about them, and how they are kept.

Only words are kept, never sound; they stay on the device, can be listed and erased. A question is answered
from memory only when a fact holds every word of substance of it, and one that does not name the memory
("where is the key") only after the house had its say; all other questions are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import msgspec
from rapidfuzz import fuzz

from device.home.registry import Call
from device.tools import say, words
from device.tools.language import Language, load
from device.tools.request import ToolRequest, ToolState, call
from device.tools.store import Store
from device.tools.words import Table

MOST_FACTS, FACT_CHARACTERS = 200, 300
_LISTED = 5
_ALIKE = 85
_EDGES = re.compile(r"^[\s,.;:!?]+|[\s,.;:!?]+$")


class Facts(msgspec.Struct, frozen=True):
    """The content of the file; the newest last."""

    texts: tuple[str, ...] = ()


class Memory:
    """The facts in `folder`; every change is on the disk when its method returns."""

    def __init__(self, folder: Path) -> None:
        self._store = Store(folder / "memory.json", Facts())

    def facts(self) -> tuple[str, ...]:
        """All facts, the newest last."""
        return self._store.load().texts

    def keep(self, fact: str) -> None:
        """Remembers a fact; beyond `MOST_FACTS` the oldest is forgotten."""
        fact = fact.strip()[:FACT_CHARACTERS]
        with self._store.locked():
            others = [text for text in self.facts() if text.casefold() != fact.casefold()]
            self._store.save(Facts((*others, fact)[-MOST_FACTS:]))

    def forget(self, fact: str) -> bool:
        """Forgets a fact; false when it was not known."""
        with self._store.locked():
            before = self.facts()
            after = tuple(text for text in before if text.casefold() != fact.casefold())
            if len(after) < len(before):
                self._store.save(Facts(after))
            return len(after) < len(before)

    def clear(self) -> None:
        """Forgets everything."""
        with self._store.locked():
            self._store.save(Facts())


def recognise(text: str, said: list[str], state: ToolState, language: str = "en") -> ToolRequest | None:
    """What is asked of the memory: `text` as heard, `said` its words by `words.request`."""
    known = load(language)
    if words.is_one_of(said, known.recall_all):
        return _list(state.facts)
    if words.is_one_of(said, known.forget_all):
        if not state.facts:
            return ToolRequest(say="I remember nothing.")
        question = f"Shall I forget everything, {_count(len(state.facts))}?"
        return ToolRequest(say=question, calls=(Call("memory_clear"),), confirm=True)
    if words.is_one_of(said, known.forget_last):
        return _offer(state.facts[-1]) if state.facts else None
    return (
        _keep(text, said, known)
        or _forget(said, state, known)
        or _recall(said, state, known, known.recall_about)
    )


def recall(said: list[str], state: ToolState, language: str = "en") -> ToolRequest | None:
    """The answer to a question that nobody else can answer, when a fact holds it."""
    known = load(language)
    return _recall(said, state, known, known.recall)


def _keep(text: str, said: list[str], known: Language) -> ToolRequest | None:
    end = Table({"": known.remember}).longest(said, 0)
    rest = said[end:] if end else []
    if len(rest) < 2 or Table({"": known.remember_not}).longest(rest, 0):
        return None
    fact = _as_heard(text, rest, known)
    return call("memory_keep", fact)


def _as_heard(text: str, rest: Sequence[str], known: Language) -> str:
    """The words of the fact as they were written; what followed the phrase that asks to remember."""
    plain = text.lower()
    starts = [plain.find(phrase) + len(phrase) for phrase in known.remember if phrase in plain]
    return _EDGES.sub("", text[max(starts) :]) if starts else words.joined(rest)


def _forget(said: list[str], state: ToolState, known: Language) -> ToolRequest | None:
    end = Table({"": known.forget}).longest(said, 0)
    found = _matching(said[end:], state.facts, known) if end else []
    if not found:
        return None
    if len(found) > 1 and said[end:] != words.split(found[-1]):
        return ToolRequest(say=f"I remember {_count(len(found))} of that. {_told(found)} Which one?")
    return call("memory_forget", found[-1])


def _offer(fact: str) -> ToolRequest:
    """Asks first: "forget that" is also said of what nobody asked Wren to remember."""
    return ToolRequest(
        say=f"Shall I forget that {_heard(fact)}?", calls=(Call("memory_forget", fact),), confirm=True
    )


def _recall(
    said: list[str], state: ToolState, known: Language, starts: tuple[str, ...]
) -> ToolRequest | None:
    end = Table({"": starts}).longest(said, 0)
    found = _matching(said[end:], state.facts, known) if end else []
    return ToolRequest(say=_told(found[-_LISTED:])) if found else None


def _matching(said: Sequence[str], facts: Sequence[str], known: Language) -> list[str]:
    """The facts that hold every word of substance."""
    wanted = [word for word in said if word not in known.recall_glue]
    if not wanted:
        return []
    return [fact for fact in facts if all(_is_in(word, _words_of(fact)) for word in wanted)]


@cache
def _words_of(fact: str) -> tuple[str, ...]:
    return tuple(words.split(fact))


def _is_in(word: str, among: Sequence[str]) -> bool:
    return any(word == other or (len(word) > 3 and fuzz.ratio(word, other) >= _ALIKE) for other in among)


def _list(facts: Sequence[str]) -> ToolRequest:
    if not facts:
        return ToolRequest(say="You have not asked me to remember anything.")
    more = len(facts) - _LISTED
    head = f"I remember {_count(len(facts))}, the last ones first. " if more > 0 else ""
    return ToolRequest(say=head + _told(list(reversed(facts))[:_LISTED]))


def _told(facts: Sequence[str]) -> str:
    return say.sentences([f"You told me that {_heard(fact)}." for fact in facts])


def _heard(fact: str) -> str:
    return say.turned(words.joined(_words_of(fact)))


def _count(number: int) -> str:
    return "1 thing" if number == 1 else f"{number} things"

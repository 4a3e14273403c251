"""A short answer to "Which one: the desk lamp or the floor lamp?". Pure.

"The desk one", "the second", "both", "neither", "not the desk lamp", "the one in the kitchen". Every word of
an answer must belong to it, else it is no answer but something new. What still fits several is asked again.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from device.home.registry import House
from device.reasoning.context import Choice
from device.reasoning.names import Likely, NameIndex
from device.reasoning.words import Lexicon, split

_SMALL = frozenset(("determiner", "preposition", "filler", "copula", "ignored"))
_LIKE = 0.75  # how sure a heard word must be to stand for a word of an offered name


class Picked(NamedTuple):
    """What was picked, none of it for "neither"; without `is_final` the words fit all of these alike."""

    choices: list[Choice]
    is_final: bool = True


def choose(words: Sequence[str], offered: Sequence[Choice], house: House, index: NameIndex) -> Picked | None:
    """What of the offered the words pick; None when they are no answer."""
    return _Chooser(offered, house, index).choose(list(words))


class _Chooser:
    def __init__(self, offered: Sequence[Choice], house: House, index: NameIndex) -> None:
        self.offered, self.house, self.index = list(offered), house, index
        self.known = index.lexicon
        self.phrases = _phrases(self.known)
        self.names = [frozenset(split(one.name, self.known.language)) for one in offered]
        self.spoken = frozenset().union(*self.names)

    def choose(self, words: list[str]) -> Picked | None:
        words = self._without(self._without(words, "leads"), "ends", is_end=True)
        said = tuple(word for word in words if word != ",")
        if not said:
            return None
        if said in self.phrases["every"]:
            return Picked(self.offered)
        if said in self.phrases["none"]:
            return Picked([])
        for denied in self.phrases["denied"]:
            if said[: len(denied)] == denied:
                left_out = self._picked(said[len(denied) :])
                rest = [one for one in self.offered if one not in left_out]
                return Picked(rest, is_final=len(rest) < 2) if left_out else None
        picked = [self._picked(part) for part in self._parts(words)]
        if not picked or not all(picked) or (len(picked) > 1 and any(len(some) > 1 for some in picked)):
            return None
        chosen = [one for one in self.offered if any(one in some for some in picked)]
        return Picked(chosen, is_final=len(picked) > 1 or len(chosen) < 2)

    def _without(self, words: list[str], kind: str, *, is_end: bool = False) -> list[str]:
        """The words without the phrases of a kind, and pauses, at their start or end."""
        sizes = {len(phrase) for phrase in self.phrases[kind]}
        pieces = [*self.phrases[kind], (",",)]
        for size in sorted(sizes, reverse=True):
            cut = words[len(words) - size :] if is_end else words[:size]
            if words and tuple(cut) in pieces:
                rest = words[: len(words) - size] if is_end else words[size:]
                return self._without(rest, kind, is_end=is_end)
        return words

    def _parts(self, words: Sequence[str]) -> list[list[str]]:
        """The words between pauses and joining words."""
        parts: list[list[str]] = [[]]
        for word in words:
            if word in (",", self.known.language.number_joiner):
                parts.append([])
            else:
                parts[-1].append(word)
        return [part for part in parts if part]

    def _picked(self, words: Sequence[str]) -> list[Choice]:
        """Those of the offered that all the words fit, by their place, their name, or their other names."""
        if (place := self._place(words)) is not None:
            return [self.offered[place]]
        core = self._core(words)
        if not core:
            return []
        exact = [
            one
            for one, name in zip(self.offered, self.names, strict=True)
            if set(core) == set(self._core(list(name)))
        ]
        if len(exact) == 1:
            return exact
        places = self.index.likely(words)
        heard = [(words[at], places[at]) for at in self._telling(words)]
        for more in (False, True):
            fitting = [
                one
                for one, name in zip(self.offered, self.names, strict=True)
                if _fit(heard, name | self._other_names(one) if more else name)
            ]
            if fitting:
                return fitting
        return []

    def _core(self, words: Sequence[str]) -> list[str]:
        return [words[at] for at in self._telling(words)]

    def _telling(self, words: Sequence[str]) -> list[int]:
        """Where the words are that are neither small nor "one", unless in an offered name."""
        ones = {word for phrase in self.phrases["one"] for word in phrase}
        names = {word for word in self.spoken if not self._is_article(word)}
        following = [*words[1:], ""]
        return [
            at
            for at, (word, after) in enumerate(zip(words, following, strict=False))
            if word in names or not (word in ones or self._is_small(word, after))
        ]

    def _is_small(self, word: str, after: str) -> bool:
        """Whether a word names nothing; one that may be an act ("on") only before an article."""
        readings = self.known.readings(word).keys()
        is_act = "act" in readings and not self._is_article(after)
        return bool(readings & _SMALL) and "noun" not in readings and not is_act

    def _is_article(self, word: str) -> bool:
        return "determiner" in self.known.readings(word)

    def _place(self, words: Sequence[str]) -> int | None:
        """The place among the offered that is said: "the second one", "number 2", "the last"."""
        ones = {word for phrase in self.phrases["one"] for word in phrase}
        kept = [word for word in words if not self._is_article(word)]
        core = tuple(word for word in kept if word not in ones) or tuple(kept)
        if len(core) > 1 and (self.known.noun(core[-1]) or self.known.noun(core[0])):
            core = core[:-1] if self.known.noun(core[-1]) else core[1:]  # "the second lamp", "lamp 2"
        if core == ("1",) and self._is_article(words[0]):
            return None  # "the one"
        for place in range(min(len(self.offered), len(self.known.language.ordinals))):
            if core in self.phrases[str(place)]:
                return place
        if core in self.phrases["last"]:
            return len(self.offered) - 1
        is_numbered = len(core) == 1 and core[0].isdecimal() and 1 <= int(core[0]) <= len(self.offered)
        return int(core[0]) - 1 if is_numbered else None

    def _other_names(self, one: Choice) -> frozenset[str]:
        """The words of the other names of what a choice is about, and of the rooms it is in."""
        words: set[str] = set()
        for call in one.calls:
            if call.entity in self.house.entities:
                words.update(word for name in self.index.words_of[call.entity] for word in name)
                words.update(self.index.area_words.get(self.house.entities[call.entity].area, ()))
        return frozenset(words)


@cache
def _phrases(known: Lexicon) -> dict[str, list[tuple[str, ...]]]:
    language = known.language
    compiled = {
        kind: sorted({tuple(split(phrase, language)) for phrase in phrases}, key=len, reverse=True)
        for kind, phrases in language.choosing.items()
    }
    for place, phrases in enumerate(language.ordinals):
        compiled[str(place)] = [tuple(split(phrase, language)) for phrase in phrases]
    return compiled


def _fit(heard: Sequence[tuple[str, Sequence[Likely]]], names: frozenset[str]) -> bool:
    return all(
        word in names
        or any(one.span == 1 and one.score >= _LIKE and names.issuperset(one.words) for one in likely)
        for word, likely in heard
    )

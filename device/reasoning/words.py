"""From what was heard to plain words, and the phrases of a language that those words form.

Text is lower-cased, contractions are written out, number words become digits and punctuation becomes ",".
A phrase may have several readings ("open" is an act and a state); the parser chooses by context.
"""

from __future__ import annotations

import re
from functools import cache

from device.reasoning.language import Language, load

Readings = dict[str, str]

DOING, DONE = "0", "1"  # forms of a verb: turning, turned

_TOKEN = re.compile(r"\d+(?:\.\d+)?(?![\w.])|\w+(?:[.']\w+)*|,")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_SIGNS = (
    ("%", " percent "),
    ("°", " degrees "),
    ("º", " degrees "),
    ("&", " and "),
    ("’", "'"),
    ("-", " "),
    ("_", " "),
)
_UNIT_GLUED = re.compile(r"(\d)(c|f|k)\b")
_PAUSES = re.compile(r"[;!?:]|\.(?=\s|$)|,")


def is_number(word: str) -> bool:
    """Whether a word of `split` is a number in digits."""
    return _NUMBER.fullmatch(word) is not None


def split(text: str, language: Language) -> list[str]:
    """The words of `text`: numbers in digits, "," for a pause, the "s" of a possessive on its own."""
    plain = text.lower()
    for sign, word in _SIGNS:
        plain = plain.replace(sign, word)
    plain = _PAUSES.sub(" , ", _UNIT_GLUED.sub(r"\1 \2", plain))
    words: list[str] = []
    for raw in _TOKEN.findall(plain):
        expanded = language.contractions.get(raw)
        if expanded:
            words.extend(expanded.split())
        elif raw.endswith("'s"):
            words.extend((raw[:-2], "s"))
        else:
            words.extend(raw.replace("'", "").split())
    return _numbers(words, language)


def _numbers(words: list[str], language: Language) -> list[str]:
    result: list[str] = []
    at = 0
    while at < len(words):
        value, end = _number_at(words, at, language)
        if value is None:
            result.append(words[at])
            at += 1
        else:
            result.append(f"{value:g}")
            at = end
    return result


def _number_at(words: list[str], at: int, language: Language) -> tuple[float | None, int]:
    """The number that starts at `at` and where it ends; None when none does."""
    value, end = _integer_at(words, at, language)
    if value is None:
        return None, at
    if end + 1 < len(words) and words[end] in language.decimal_point:
        digits = ""
        after = end + 1
        while (
            after < len(words)
            and 0 <= (digit := language.numbers.get(words[after], _digits(words[after]))) <= 9
        ):
            digits, after = f"{digits}{digit}", after + 1
        if digits:
            return float(f"{value:g}.{digits}"), after
    for phrase, fraction in language.fraction_words.items():
        parts = phrase.split()
        if words[end : end + len(parts)] == parts:
            return value + fraction, end + len(parts)
    return value, end


def _digits(word: str) -> int:
    return int(word) if word.isdigit() else -1


def _integer_at(words: list[str], at: int, language: Language) -> tuple[float | None, int]:
    numbers = language.numbers
    if is_number(words[at]):
        return float(words[at]), at + 1
    if words[at] == language.hundred_article and words[at + 1 : at + 2] == ["hundred"]:
        at += 1
    total, end, last = 0, at, 1000
    while end < len(words):
        word = words[end]
        value = numbers.get(word)
        if value is None:
            following = numbers.get(words[end + 1], 100) if end + 1 < len(words) else 100
            if word == language.number_joiner and last == 100 and following < 100:
                end += 1
                continue
            break
        if value == 100 and last > 9 and total:
            break
        if value == 100:
            total = (total or 1) * 100
        elif value < last and (last >= 100 or (last >= 20 and value < 10 and value > 0)):
            total += value
        else:
            break
        last = value
        end += 1
    return (float(total), end) if end > at else (None, at)


class Lexicon:
    """The phrases of a language: `at(words, i)` gives every phrase that starts there, with its readings."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._phrases: dict[str, dict[tuple[str, ...], Readings]] = {}
        self.words: set[str] = set()
        for kind, phrases in language.words.items():
            self._add(kind, "", phrases)
        for table, kind in (
            (language.acts, "act"),
            (language.attributes, "attribute"),
            (language.nouns, "noun"),
            (language.areas, "area"),
            (language.colors, "color"),
            (language.whites, "color"),
            (language.senses, "sense"),
            (language.levels, "level"),
            (language.guards, "guard"),
            (language.not_yet, "not_yet"),
            (language.houseless, "houseless"),
        ):
            for value, phrases in table.items():
                self._add(kind, value, phrases)
        for phrases in language.attributes.values():
            asking = [phrase for phrase in phrases if phrase.split()[0] in language.words["wh"]]
            self._add("asks", "", tuple(asking))
        for state, phrases in language.states.items():
            self._add("state", state, phrases)
        for step in language.steps:
            self._add("step", f"{step.of}{step.sign}", step.phrases)
        for factor in language.factors:
            self._add("factor", f"{factor.times:g} {factor.of}", factor.phrases)
        for complaint in language.complaints:
            pairs = tuple(f"{too} {adjective}" for too in language.too for adjective in complaint.adjectives)
            self._add("complaint", complaint.goal, complaint.phrases + pairs)
            if complaint.bare:
                self._add("bare", "", complaint.phrases)
            if complaint.lacks:
                self._add("lacks", "", complaint.phrases)
        for activity in language.activities:
            self._add("activity", f"{activity.domain}:{'|'.join(activity.names)}", activity.phrases)
        self._inflect()
        self.known = self.words | {
            word for phrase in (*language.things, *language.rooms) for word in phrase.split()
        }
        self.things = frozenset(" ".join(split(phrase, language)) for phrase in language.things)
        self.rooms = frozenset(language.rooms)
        self.follow = [split(phrase, language) for phrase in language.follow]
        self.corrections = sorted((split(p, language) for p in language.corrections), key=len, reverse=True)
        self.again = {" ".join(split(p, language)): way for way, ps in language.again.items() for p in ps}
        self._beyond: dict[str, list[tuple[list[str], str, bool]]] = {}
        for beyond in language.beyond:
            for phrases, is_start in ((beyond.starts, True), (beyond.mentions, False)):
                for spoken in (split(phrase, language) for phrase in phrases):
                    self._beyond.setdefault(spoken[0], []).append((spoken, beyond.deed, is_start))
        self.vocatives = sorted((split(v, language) for v in language.vocative), key=len, reverse=True)

    def _add(self, kind: str, value: str, phrases: tuple[str, ...]) -> None:
        article, *others = self.language.articles
        for phrase in phrases:
            words = split(phrase, self.language)
            self._put(tuple(words), {kind: value})
            if kind in ("attribute", "activity") and article in words[1:]:
                for other in others:
                    self._put(tuple(other if word == article else word for word in words), {kind: value})

    def _put(self, words: tuple[str, ...], readings: Readings) -> None:
        self.words.update(words)
        self._phrases.setdefault(words[0], {}).setdefault(words, {}).update(readings)

    def _inflect(self) -> None:
        """Adds the other forms of every verb, marked with a `form` reading: DOING or DONE."""
        for base, forms in self.language.verb_forms.items():
            verbs = {
                words: {kind: value for kind, value in readings.items() if kind in ("act", "neutral")}
                for words, readings in self._phrases.get(base, {}).items()
            }
            for mark, form in zip((DOING, DONE), forms, strict=True):
                for words, readings in verbs.items():
                    if readings and form != base:
                        self._put((form, *words[1:]), {**readings, "form": mark})

    def at(self, words: list[str], start: int) -> list[tuple[int, Readings]]:
        """Every phrase that starts at `start`: where it ends, and its readings."""
        return [
            (start + len(phrase), readings)
            for phrase, readings in self._phrases.get(words[start], {}).items()
            if words[start : start + len(phrase)] == list(phrase)
        ]

    def readings(self, word: str) -> Readings:
        """The readings of one word alone."""
        return self._phrases.get(word, {}).get((word,), {})

    def is_verb(self, word: str) -> bool:
        """Whether a word may be the verb of a command."""
        readings = self.readings(word)
        is_particle = word in self.language.particles
        return bool({"act", "neutral"} & readings.keys()) and "form" not in readings and not is_particle

    def follows(self, words: list[str]) -> bool:
        """Whether `words` say that they go on from what was said before."""
        starts = [word for word in words if word != ","][:1]
        return starts == [self.language.number_joiner] or any(
            words[at : at + len(phrase)] == phrase for phrase in self.follow for at in range(len(words))
        )

    def beyond(self, words: list[str]) -> str:
        """The deed that `words` ask for and no tool does; "" when they ask for none, or merely tell of it."""
        at = 0
        while at < len(words):
            ends = [end for end, kinds in self.at(words, at) if kinds.keys() & {"filler", "desire"}]
            at, before = max(ends, default=at + (words[at] == ",")), at
            if at == before:
                break
        said = words[at:]
        if not said or "subject" in self.readings(said[0]):
            return ""
        found = [
            (len(phrase), deed)
            for at, word in enumerate(said)
            for phrase, deed, is_start in self._beyond.get(word, ())
            if said[at : at + len(phrase)] == phrase and not (is_start and at)
        ]
        return max(found, default=(0, ""))[1]

    def onward(self, words: list[str]) -> str:
        """Which way (more, less or undo) `words` go on, where they say nothing else; else ""."""
        said = " ".join(word for word in words if word != ",")
        if said in self.again:
            return self.again[said]
        kept = [word for word in words if word != "," and set(self.readings(word)) != {"filler"}]
        return self.again.get(" ".join(kept), "")

    def act(self, *words: str) -> str:
        """The act that these words together are ("light", "up"), "" when they are none."""
        return self._phrases.get(words[0], {}).get(words, {}).get("act", "")

    def noun(self, word: str) -> str:
        """The noun class of a word ("lamps" is a "light"), "" when it has none."""
        return self.readings(word).get("noun", "")


@cache
def lexicon(code: str = "en") -> Lexicon:
    """The compiled phrases of a language."""
    return Lexicon(load(code))

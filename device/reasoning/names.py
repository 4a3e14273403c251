"""The names of a house, found in words as speech recognition mangles them.

A name is matched word by word and in order. A word matches by being equal, a plural, a synonym of the same
noun class ("lamp" for "light"), two halves of one word ("bed room"), or, when it is not a word the language
or the house knows, by edit distance and sound ("lite"). Known words never match another word by likeness, so
that "bathroom" is not taken for "bedroom" nor "dishwasher" for "dimmer", but for the confusions that the
language lists ("night like"): they count beside a word of the name that was heard well.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rapidfuzz import fuzz, process

from device.home.registry import Entity, House
from device.reasoning.words import Lexicon, split

EXACT, PLURAL, SYNONYM, ALIAS_AREA = 1.0, 0.97, 0.9, 0.98
CONFUSED = 0.8  # a word that is often written for another
LIKE = 0.68  # least likeness of one word
LOOKS_PART = 0.75  # least likeness in writing of a word that is but a part of a name
LIKE_JOINED = 0.85  # the same for a word put together from pieces
LOOKS, LOOKS_SHORT = 0.45, 0.55  # least likeness in writing of what sounds alike; the same for few sounds
SURE = 0.84  # a name heard less well than this is asked back
SOUND = 0.95  # what equal sound is worth
MIN_FUZZY = 3  # letters below which likeness means nothing
_JOIN = 3  # words that may be pieces of one
_SKIPPED = frozenset(("the", "s", "of", "a"))
FLOOR = "@floor:"  # before the name of a floor, it stands for the area ids of its rooms

_MEASURES = ("number", "select", "sensor")
_CLASS_NOUNS = {
    "light": ("light",),
    "fan": ("fan",),
    "climate": ("thermostat",),
    "lock": ("lock", "door"),
    "scene": ("scene",),
    "switch": ("switch",),
    "sensor": ("sensor",),
    "binary_sensor": ("sensor",),
}
_COVER_NOUNS = {
    "garage": ("garage", "door"),
    "gate": ("gate", "door"),
    "door": ("door",),
    "curtain": ("curtain", "cover"),
    "awning": ("awning", "cover"),
    "window": ("window",),
}


class Name(NamedTuple):
    """One way to call things of the house: its words and the entities (or the one area) they mean."""

    words: tuple[str, ...]
    ids: tuple[str, ...]
    area: str
    weight: float


class Found(NamedTuple):
    """A name heard from word `start` up to `end`, with how sure (0 to 1)."""

    start: int
    end: int
    score: float
    name: Name


class Likely(NamedTuple):
    """What may stand at some place: words of names, how many heard words they cover, how sure."""

    words: tuple[str, ...]
    span: int
    score: float
    looks: float = 1.0  # likeness in writing alone


def nouns_of(entity: Entity, words: Iterable[str], lexicon: Lexicon) -> frozenset[str]:
    """The kinds by which `entity` may be called, from its domain, its class and the words of its name."""
    if entity.domain == "cover":
        window = ("blind", "cover") if entity.device_class in ("blind", "shade", "shutter") else ("cover",)
        nouns = set(_COVER_NOUNS.get(entity.device_class, window))
    else:
        nouns = set(_CLASS_NOUNS.get(entity.domain, ()))
    if entity.domain == "binary_sensor":
        nouns |= {entity.device_class} & {"door", "window", "garage", "lock"}
        nouns |= {"garage", "door"} if entity.device_class == "garage_door" else set()
    if entity.domain not in ("sensor", "binary_sensor", "number", "select", "button"):
        nouns |= {noun for word in words if (noun := lexicon.noun(word))}
    return frozenset(nouns)


def _looks(word: str, other: str) -> float:
    return fuzz.ratio(word, other) / 100


class NameIndex:
    """Every name of one house, compiled once per set of entities and areas."""

    def __init__(self, house: House, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        self._whole = lexicon.things | lexicon.rooms
        self.entities = house.entities
        self.areas = house.areas
        self.floors = house.floors
        self._own: dict[str, tuple[str, ...]] = {}
        self.words_of: dict[str, tuple[frozenset[str], ...]] = {}
        self.heads_of: dict[str, frozenset[str]] = {}
        self.nouns_of: dict[str, frozenset[str]] = {}
        self.area_words: dict[str, tuple[str, ...]] = {}
        self._names: dict[tuple[str, ...], Name] = {}
        self._by_first: dict[str, list[Name]] = defaultdict(list)
        self._by_word: dict[str, list[str]] = defaultdict(list)
        self._by_noun: dict[str, list[str]] = defaultdict(list)
        self._joined: dict[str, list[tuple[str, ...]]] = defaultdict(list)
        for entity in house.entities.values():
            self._add_entity(entity)
        for area, spoken in house.areas.items():
            self._add_area(area, spoken)
        for floor in house.floors:
            self._add_area(f"{FLOOR}{floor}", floor)
        self._add_short_names()
        self._add_area_tails()
        self._add_area_synonyms()
        for name in self._names.values():
            self._by_first[name.words[0]].append(name)
            for pair in zip(name.words, name.words[1:], strict=False):
                if pair not in self._joined["".join(pair)]:
                    self._joined["".join(pair)].append(pair)
        self.option_words = {
            word
            for entity in house.entities.values()
            for option in entity.options
            for word in self._words(option)
        }
        self.vocabulary = sorted({word for name in self._names for word in name})
        self._vocabulary = set(self.vocabulary)
        for word in self.vocabulary:
            if noun := lexicon.noun(word):
                self._by_noun[noun].append(word)
        self._confused: dict[str, list[str]] = defaultdict(list)
        for meant, confusions in lexicon.language.confusions.items():
            for word in confusions if meant in self._vocabulary else ():
                self._confused[word].append(meant)
        self._like = [word for word in self.vocabulary if len(word) >= MIN_FUZZY and not word[0].isdigit()]
        self._sounds = [self.sound(word) for word in self._like]
        outdoor = set(lexicon.language.outdoor_words)
        gardens = {area for area, words in self.area_words.items() if outdoor & set(words)}
        self.outdoor = {
            e
            for e, names in self.words_of.items()
            if house.entities[e].area in gardens or any(outdoor & words for words in names)
        }

    def _add_entity(self, entity: Entity) -> None:
        spoken = [words for name in (entity.name, *entity.aliases) if (words := self._words(name))]
        every = dict.fromkeys(word for words in spoken for word in words)
        self._own[entity.id] = spoken[0] if spoken else ()
        self.words_of[entity.id] = tuple(frozenset(words) for words in spoken)
        self.heads_of[entity.id] = frozenset(words[-1] for words in spoken)
        self.nouns_of[entity.id] = nouns_of(entity, every, self.lexicon)
        for word in every:
            self._by_word[word].append(entity.id)
        for words in dict.fromkeys(spoken):
            old = self._names.get(words)
            ids = (*(old.ids if old else ()), entity.id)
            self._names[words] = Name(words, ids, "", EXACT)

    def _add_short_names(self) -> None:
        """What is set or measured may go without its last word ("hot water") where that is but one thing.

        A single word is left of what is set alone ("the pool"), unless it is a kind of room.
        """
        shorts: dict[tuple[str, ...], set[str]] = defaultdict(set)
        for name in self._names.values():
            for entity in name.ids:
                is_set = len(name.words) == 2 and self.entities[entity].domain == "number"
                is_short = is_set and name.words[0] not in self.lexicon.rooms
                if is_short or (len(name.words) > 2 and self.entities[entity].domain in _MEASURES):
                    shorts[name.words[:-1]].add(entity)
        for words, ids in shorts.items():
            if len(ids) == 1 and words not in self._names and words not in self.area_words.values():
                self._names[words] = Name(words, tuple(ids), "", EXACT)

    def _add_area(self, area: str, spoken: str, weight: float = EXACT) -> None:
        words = self._words(spoken)
        if words:
            old = self._names.get(words)
            self._names[words] = Name(words, old.ids if old else (), area, weight)
            if weight == EXACT:
                self.area_words[area] = words

    def _add_area_synonyms(self) -> None:
        for name, synonyms in self.lexicon.language.area_synonyms.items():
            spoken = [self._words(word) for word in (name, *synonyms)]
            areas = {self._names[words].area for words in spoken if words in self._names} - {""}
            if len(areas) == 1:
                for synonym, words in zip((name, *synonyms), spoken, strict=True):
                    if words not in self._names:
                        self._add_area(next(iter(areas)), synonym, ALIAS_AREA)

    def _add_area_tails(self) -> None:
        """The last word of a room's name is a name too where it is a kind of room and no other room's."""
        tails: dict[str, list[str]] = defaultdict(list)
        for area, spoken in self.area_words.items():
            tails[spoken[-1]].append(area)
        for tail, areas in tails.items():
            if len(areas) == 1 and tail in self.lexicon.rooms and (tail,) not in self._names:
                self._add_area(areas[0], tail, ALIAS_AREA)

    def _words(self, name: str) -> tuple[str, ...]:
        words = [word for word in split(name, self.lexicon.language) if word not in (",", "s")]
        return tuple(words[1:] if len(words) > 1 and words[0] in _SKIPPED else words)

    def sound(self, word: str) -> str:
        """A rough key of how a word sounds: equal for "lite" and "light"."""
        language = self.lexicon.language
        for letters, plain in language.sounds:
            word = word.replace(letters, plain)
        key = "".join(letter for letter in word if letter not in language.vowels)
        return "".join(letter for letter, before in zip(key, f" {key}", strict=False) if letter != before)

    def likely(self, words: Sequence[str]) -> list[list[Likely]]:
        """For each place in `words`, the words of names that may stand there."""
        unknown = [w not in self._vocabulary and w not in self.lexicon.known and w.isalpha() for w in words]
        places: list[list[Likely]] = []
        for at, word in enumerate(words):
            here = [Likely(pair, 1, EXACT) for pair in self._joined.get(word, ())]
            if word in self._vocabulary:
                here.append(Likely((word,), 1, EXACT))
            here += [Likely((other,), 1, self._kinship(word, other)) for other in self._relatives(word)]
            meant = self._confused.get(word, ()) if word not in self._vocabulary else ()
            here += [Likely((other,), 1, CONFUSED, 0.0) for other in meant]
            if unknown[at]:
                here += [Likely((o,), 1, score, _looks(word, o)) for o, score in self._alike(word, LIKE)]
            for span in range(2, min(_JOIN, len(words) - at) + 1):
                pieces = words[at : at + span]
                joined = "".join(pieces)
                if joined in self._vocabulary:
                    here.append(Likely((joined,), span, PLURAL))
                elif any(unknown[at : at + span]) and not any(map(self._means_itself, pieces)):
                    alike = self._alike(joined, LIKE_JOINED)
                    here += [Likely((o,), span, score, _looks(joined, o)) for o, score in alike]
            places.append(here)
        return places

    def _means_itself(self, word: str) -> bool:
        """Whether a word is no piece of a badly heard name: "lamp", and "not" in "the telivision not yet"."""
        return word in self.lexicon.things or "guard" in self.lexicon.readings(word)

    def _relatives(self, word: str) -> list[str]:
        noun = self.lexicon.noun(word)
        related = [other for other in self._by_noun.get(noun, ()) if other != word] if noun else []
        language = self.lexicon.language
        variants = [v for ending in language.plural for v in (word + ending, word.removesuffix(ending))]
        variants += [other for group in language.synonyms if word in group for other in group]
        return related + [v for v in variants if v != word and v in self._vocabulary]

    def _kinship(self, word: str, other: str) -> float:
        short, long = sorted((word, other), key=len)
        return PLURAL if any(short + ending == long for ending in self.lexicon.language.plural) else SYNONYM

    def _alike(self, word: str, least: float) -> list[tuple[str, float]]:
        if len(word) < MIN_FUZZY:
            return []
        written = {
            at: score / 100
            for _, score, at in process.extract(
                word, self._like, scorer=fuzz.ratio, score_cutoff=least * 100, limit=8
            )
        }
        for _, score, at in process.extract(
            self.sound(word), self._sounds, scorer=fuzz.ratio, score_cutoff=least * 100 / SOUND, limit=8
        ):
            looks = _looks(word, self._like[at])
            heard = SOUND * score / 100 if looks >= (LOOKS if least == LIKE else LOOKS_SHORT) else 0.0
            if heard >= least and (len(self._sounds[at]) > 2 or looks >= LOOKS_SHORT):
                written[at] = max(
                    written.get(at, 0.0), heard if word[0] == self._like[at][0] else (heard + looks) / 2
                )
        return [(self._like[at], score) for at, score in written.items() if score >= least]

    def is_group(self, name: Name) -> bool:
        """Whether a name is a further one that the person gave to several things, to mean all of them."""
        return len(name.ids) > 1 and all(self._own[entity] != name.words for entity in name.ids)

    def called(self, word: str) -> list[str]:
        """The entities that have this one word for a name."""
        name = self._names.get((word,))
        return list(name.ids) if name else []

    def resemblance(self, words: Sequence[str], entity: str) -> float:
        """How much, 0 to 1, words look or sound like a name of `entity`; kinds ("lamp") are left out."""
        said = self._telling(words)
        entry = self.entities[entity]
        names = [self._telling(self._words(name)) for name in (entry.name, *entry.aliases)]
        return max((self._alikeness(said, name) for name in names if name and said), default=0.0)

    def _telling(self, words: Sequence[str]) -> str:
        return "".join(word for word in words if not self.lexicon.noun(word))

    def _alikeness(self, word: str, other: str) -> float:
        looks = _looks(word, other)
        return max(looks, SOUND * _looks(self.sound(word), self.sound(other)) if looks >= LOOKS else 0.0)

    def continues(self, words: Sequence[str]) -> bool:
        """Whether some longer name begins with these words."""
        size = len(words)
        names = self._by_first.get(words[0], ())
        return any(len(name.words) > size and list(name.words[:size]) == list(words) for name in names)

    def is_changeable(self, name: Name) -> bool:
        """Whether anything of this name can be more than read."""
        return any(self.entities[e].domain not in ("sensor", "binary_sensor") for e in name.ids)

    def find(self, words: Sequence[str], places: list[list[Likely]], least: float) -> list[Found]:
        """Every whole name in `words` at least `least` sure, several per span where they compete."""
        found: list[Found] = []
        for start in range(len(words)):
            for first in places[start]:
                for name in self._by_first.get(first.words[0], ()):
                    for end, score in self._finish(name, 0, words, places, start, 0.0, 0):
                        if score * name.weight >= least:
                            found.append(Found(start, end, score * name.weight, name))
        return found

    def _finish(
        self,
        name: Name,
        have: int,
        words: Sequence[str],
        places: list[list[Likely]],
        at: int,
        weighed: float,
        letters: int,
    ) -> list[tuple[int, float]]:
        if have == len(name.words):
            return [(at, weighed / letters)] if weighed / letters > CONFUSED else []
        if at >= len(words):
            return []
        results: list[tuple[int, float]] = []
        for likely in places[at]:
            size = len(likely.words)
            if name.words[have : have + size] == likely.words:
                length = sum(map(len, likely.words))
                results += self._finish(
                    name,
                    have + size,
                    words,
                    places,
                    at + likely.span,
                    weighed + likely.score * length,
                    letters + length,
                )
        if have and words[at] in _SKIPPED:
            results += self._finish(name, have, words, places, at + 1, weighed, letters)
        return results

    def partly(
        self, heard: Sequence[tuple[str, Sequence[Likely]]], noun: str, *, is_strict: bool = True
    ) -> dict[str, float]:
        """Entities whose name holds every heard word, though not all of the name was said, and how sure.

        A word that names a kind of thing or room ("tv") must, when strict, be the last word of the name.
        """
        scores: dict[str, float] = {}
        first = True
        for word, likely in heard:
            here: dict[str, float] = {}
            for option in likely:
                is_kind = bool(self.lexicon.noun(option.words[-1])) and option.score < SYNONYM
                if option.span != 1 or option.looks < LOOKS_PART or is_kind:
                    continue
                for entity in self._by_word.get(option.words[0], ()):
                    is_part = word in self._whole and option.words[-1] not in self.heads_of[entity]
                    if not (is_part and not noun and is_strict):
                        here[entity] = max(here.get(entity, 0.0), option.score)
            scores = here if first else {e: (s + here[e]) / 2 for e, s in scores.items() if e in here}
            first = False
        return {e: s for e, s in scores.items() if not noun or noun in self.nouns_of[e]}

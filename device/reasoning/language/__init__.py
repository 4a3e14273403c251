"""A language as data: what the command parser must know of it, read from `<code>.toml` beside this file.

Each field is one table of the file. Phrases are plain lower-case words; `words.Lexicon` compiles them.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import msgspec

Phrases = tuple[str, ...]


class Steps(msgspec.Struct, frozen=True):
    """Comparatives: `of` brightness, temperature, speed, strength (of these) or "" (whatever there is)."""

    of: str
    sign: str
    phrases: Phrases


class Complaints(msgspec.Struct, frozen=True):
    """States that beg for a change (goals.py knows the goals); `bare` words need a subject.

    `adjectives` are complaints behind any of `too`. Those that say what is lacking (`lacks`) mean the same
    where they are wished, the others the opposite.
    """

    goal: str
    phrases: Phrases
    adjectives: Phrases = ()
    bare: bool = False
    lacks: bool = False


class Factors(msgspec.Struct, frozen=True):
    """So many times as much: `of` as in Steps."""

    of: str
    times: float
    phrases: Phrases


class Activities(msgspec.Struct, frozen=True):
    """Words for an activity, and the words of which one stands in the name of the thing that does it."""

    phrases: Phrases
    names: Phrases
    domain: str = ""


class Beyond(msgspec.Struct, frozen=True):
    """What no tool does: the deed as in "I cannot …", how a wish for it starts, and what it mentions."""

    deed: str
    starts: Phrases = ()
    mentions: Phrases = ()


class Language(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    yes: Phrases
    no: Phrases
    stop: Phrases
    backchannel: Phrases
    murmurs: Phrases

    plural: Phrases
    particles: Phrases
    decimal_point: Phrases
    fraction_words: dict[str, float]
    number_joiner: str
    hundred_article: str
    closing: Phrases
    numbers: dict[str, int]
    synonyms: tuple[Phrases, ...]
    vocative: Phrases
    hesitations: Phrases
    openings: Phrases
    whole: Phrases
    deeds: Phrases
    open_ends: Phrases
    corrections: Phrases
    follow: Phrases
    again: dict[str, Phrases]
    choosing: dict[str, Phrases]
    ordinals: tuple[Phrases, ...]
    correcting: dict[str, Phrases]
    adverb_ending: str
    too: Phrases
    done_ending: str
    remarks: dict[str, Phrases]
    adverbs: dict[str, Phrases]
    articles: Phrases
    sounds: tuple[tuple[str, str], ...]
    vowels: str
    confusions: dict[str, Phrases]
    contractions: dict[str, str]
    verb_forms: dict[str, Phrases]
    words: dict[str, Phrases]
    acts: dict[str, Phrases]
    states: dict[str, Phrases]
    steps: tuple[Steps, ...]
    complaints: tuple[Complaints, ...]
    factors: tuple[Factors, ...]
    attributes: dict[str, Phrases]
    senses: dict[str, Phrases]
    nouns: dict[str, Phrases]
    areas: dict[str, Phrases]
    area_synonyms: dict[str, Phrases]
    outdoor_words: Phrases
    colors: dict[str, Phrases]
    whites: dict[str, Phrases]
    levels: dict[str, Phrases]
    guards: dict[str, Phrases]
    not_yet: dict[str, Phrases]
    beyond: tuple[Beyond, ...]
    things: Phrases
    rooms: Phrases
    activities: tuple[Activities, ...]
    houseless: dict[str, Phrases]


@cache
def load(code: str = "en") -> Language:
    """The language `code`. Raises FileNotFoundError without its file, msgspec errors if malformed."""
    text = files(__package__).joinpath(f"{code}.toml").read_bytes()
    return msgspec.toml.decode(text, type=Language)

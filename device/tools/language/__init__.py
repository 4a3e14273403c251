"""The words of a language that the tools listen for, read from `<code>.toml` beside this file."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import msgspec

Phrases = tuple[str, ...]


class Days(msgspec.Struct, frozen=True):
    """Phrases for a day, counted from today or by weekday (Monday is 0), and perhaps a half of it."""

    phrases: Phrases
    offset: int | None = None
    weekday: int | None = None
    half: str = ""  # am, pm


class Language(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file. Phrases are plain lower-case words as `tools.words.split` gives them."""

    polite: Phrases
    polite_ends: Phrases
    never: Phrases
    not_in_names: Phrases
    articles: Phrases
    name_leads: Phrases
    clock_leads: Phrases
    hour_leads: Phrases
    length_leads: Phrases
    amount_leads: Phrases
    taken_from: Phrases
    snooze_links: Phrases
    rest_words: Phrases
    ordinals: Phrases
    more_words: Phrases
    particle_verbs: Phrases
    particles: Phrases
    misheard_for: Phrases
    misheard_set: Phrases
    joiner: str
    oclock: str
    oh: Phrases
    units: dict[str, str]
    amounts: dict[str, float]
    fraction_ends: dict[str, float]
    clock_fractions: dict[str, float]
    clock_sides: dict[str, int]
    named_times: dict[str, int]  # minutes after midnight; 1440 for midnight
    hour_of: dict[str, int]  # of a day or a half of it, when no time was said
    halves: dict[str, Phrases]
    days: tuple[Days, ...]
    repeat_leads: Phrases
    repeat_days: dict[str, tuple[int, ...]]  # after a lead; Monday is 0
    repeat_alone: dict[str, tuple[int, ...]]
    repeat_halves: dict[str, str]
    repeat_ranges: Phrases
    repeat_exceptions: Phrases
    repeat_counts: Phrases
    repeat_units: Phrases
    skip_wishes: Phrases
    possessive: str
    timer_words: dict[str, Phrases]
    ring_stop: Phrases
    ring_snooze: Phrases
    reminder_starts: Phrases
    reminder_content: Phrases
    answer_links: Phrases
    swaps: dict[str, str]
    help: Phrases
    sum_starts: Phrases
    sum_ends: Phrases
    operators: dict[str, str]
    imperatives: dict[str, str]
    powers: dict[str, str]
    magnitudes: dict[str, int]
    sum_links: Phrases
    sum_turned: Phrases
    negative: Phrases
    roots: Phrases
    percent: Phrases
    conversion_cues: Phrases
    unit_words: Phrases
    unit_names: dict[str, Phrases]
    voice_words: dict[str, Phrases]
    date_words: dict[str, Phrases]
    remember: Phrases
    remember_not: Phrases
    forget: Phrases
    forget_last: Phrases
    forget_all: Phrases
    recall_about: Phrases
    recall: Phrases
    recall_all: Phrases
    recall_glue: Phrases


@cache
def load(code: str = "en") -> Language:
    """The language `code`. Raises FileNotFoundError without its file, msgspec errors if malformed."""
    text = files(__package__).joinpath(f"{code}.toml").read_bytes()
    return msgspec.toml.decode(text, type=Language)

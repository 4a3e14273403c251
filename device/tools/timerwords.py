"""The words of a sentence about timers by their roles. Pure.

Every word belongs to a length of time, a time of day, a phrase of the table or the name of a timer, and a
name stands where names stand ("pasta timer", "timer called pasta", "timer for the pasta"); else there is no
sentence.
"""

from __future__ import annotations

from functools import cache

import msgspec

from device.tools import times, words
from device.tools.language import Language, load
from device.tools.repeats import Repeat, repeat_at
from device.tools.times import Clock, Day, Half, Length
from device.tools.words import Item, Table

NOUNS = ("timer", "alarm", "reminder")
_NAME_WORDS = 4


class Sentence(msgspec.Struct):
    """What was found, by role."""

    known: Language
    kinds: list[str] = []  # of the phrases, in order
    noun: str = ""
    lengths: list[tuple[float, Item]] = []
    clock: Clock | None = None
    half: Half = ""
    day: Day | None = None
    repeat: Repeat | None = None
    name: str = ""
    items: list[Item] = []

    def has(self, *kinds: str) -> bool:
        """Whether a phrase of one of the kinds was said."""
        return any(kind in self.kinds for kind in kinds)


@cache
def table(language: str) -> Table:
    """The phrases of a language by kind; halves of the day are "am" and "pm", days "day" and their number."""
    known = load(language)
    days = {f"day{number}": day.phrases for number, day in enumerate(known.days)}
    return Table({**known.timer_words, **known.halves, **days})


def plain(seconds: float) -> float:
    """Whole seconds as an integer."""
    return int(seconds) if seconds == int(seconds) else seconds


def parse(said: list[str], known: Language, language: str) -> Sentence | None:
    """Every word by its role; None when one has none."""
    found, at = Sentence(known), 0
    said = _in_order(_without_misheard_for(said, known), known)
    opened: list[Item] = []
    while at < len(said):
        item, length = table(language).at(said, at), times.length_at(said, at, known)
        if length is not None and not _is_ordinal(said, at, length, language):
            item = Item("length", "", at, length.end)
            found.lengths.append((length.seconds, item))
        elif (repeat := repeat_at(said, at, known)) is not None and found.repeat is None:
            item = Item("repeat", "", at, repeat.end)
            found.repeat, found.half = repeat, found.half or repeat.half
        elif (clock := _clock(said, at, known, found)) is not None:
            if found.clock is not None:
                return None
            found.clock, item = clock, Item("clock", "", at, clock.end)
        elif said[at] == known.possessive and found.kinds and found.kinds[-1].startswith("day"):
            item = Item("glue", said[at], at, at + 1)  # "tomorrow's alarm"
        elif item is None:
            item = Item("open", said[at], at, at + 1)
            opened.append(item)
        elif item.kind in NOUNS:
            if found.noun not in ("", item.kind):
                return None
            found.noun = item.kind
        elif item.kind in ("am", "pm"):
            found.half = "am" if item.kind == "am" else "pm"
        elif item.kind.startswith("day"):
            day = known.days[int(item.kind[3:])]
            found.day = Day(day.offset, day.weekday)
            found.half = found.half or ("am" if day.half == "am" else "pm" if day.half else "")
        found.kinds.append(item.kind)
        found.items.append(item)
        at = item.end
    if found.has("wake"):
        found.noun = found.noun or "alarm"
    if opened and not _name(found, opened, known):
        return None
    return found


def _without_misheard_for(said: list[str], known: Language) -> list[str]:
    """Without the "four" that speech recognition makes of "for" ("timer four half an hour")."""
    nouns = known.timer_words["timer"]
    return [
        word
        for at, word in enumerate(said)
        if not (
            word in known.misheard_for
            and at
            and said[at - 1] in nouns
            and times.length_at(said, at + 1, known)
        )
    ]


def _in_order(said: list[str], known: Language) -> list[str]:
    """With "turn … off" as "turn off …", and "two more minutes" as "more two minutes"."""
    if said[:1] and said[0] in known.particle_verbs and said[-1] in known.particles:
        said = [said[0], said[-1], *said[1:-1]]
    said = list(said)
    for at in range(1, len(said) - 1):
        if said[at] in known.more_words and said[at - 1].isdecimal() and said[at + 1] in known.units:
            said[at - 1], said[at] = said[at], said[at - 1]
    return said


def _is_ordinal(said: list[str], at: int, length: Length, language: str) -> bool:
    """Whether "a second" is not a length but says which timer."""
    following = table(language).at(said, length.end) if length.end < len(said) else None
    is_noun = following is not None and following.kind in NOUNS
    return is_noun and " ".join(said[at : length.end]) in load(language).ordinals


def _clock(said: list[str], at: int, known: Language, found: Sentence) -> Clock | None:
    """A time of day; a mere number only after a preposition."""
    clock = times.clock_at(said, at, known)
    if clock is None or clock.certain:
        return clock
    is_led = found.items and found.items[-1].text in known.clock_leads
    return clock if is_led else None


def _name(found: Sentence, opened: list[Item], known: Language) -> bool:
    """Takes the words that no table has as a name, where they stand like one."""
    first, last = opened[0], opened[-1]
    texts = [item.text for item in opened]
    if len(opened) > _NAME_WORDS or last.start - first.start != len(opened) - 1:
        return False
    if any(text in known.not_in_names or text.isdecimal() for text in texts):
        return False
    before = [item for item in found.items if item.end <= first.start]
    after = [item for item in found.items if item.start >= last.end]
    while before and before[-1].text in known.articles:
        before = before[:-1]
    is_before_noun = bool(after) and after[0].kind in NOUNS
    is_called = bool(before) and before[-1].kind == "called"
    is_for = bool(before) and before[-1].text in known.name_leads and any(i.kind in NOUNS for i in before)
    found.name = words.joined(texts)
    return is_before_noun or is_called or is_for

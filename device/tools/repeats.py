"""Days on which something repeats, as people say them. Pure.

"every weekday", "each monday and thursday", "daily", "on weekends", "monday to friday", "every morning".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from device.tools.language import Language
from device.tools.times import Half


class Repeat(NamedTuple):
    """Weekdays (Monday is 0), a half of the day where that was said, and where the words end.

    Without weekdays it is an interval that days of the week cannot tell ("every other day", "every 2 hours").
    """

    weekdays: tuple[int, ...]
    half: Half
    end: int


def repeat_at(words: Sequence[str], start: int, language: Language) -> Repeat | None:
    """The days that start there; None when the words are about no repetition."""
    lead = _longest(words, start, language.repeat_leads)
    known = language.repeat_days if lead > start else language.repeat_alone
    all_days = {**language.repeat_alone, **language.repeat_days}
    days, at = _days(words, max(lead, start), known)
    if not days and lead > start:
        return _interval(words, lead, language)
    if not days:
        return _span(words, start, language)
    half = language.repeat_halves.get(words[at - 1], "")
    while at < len(words):
        if not half and (half := language.repeat_halves.get(words[at], "")):
            at += 1
            continue
        left_out = _longest(words, at, language.repeat_exceptions)
        joined = left_out or at + (words[at] == language.joiner)
        more, end = _days(words, _longest(words, joined, language.repeat_leads) or joined, all_days)
        if not more or (end == joined + 1 and words[joined] in language.repeat_halves):
            break
        days, at = days - more if left_out else days | more, end
    return Repeat(tuple(sorted(days)), "am" if half == "am" else "pm" if half else "", at)


def _days(words: Sequence[str], start: int, known: dict[str, tuple[int, ...]]) -> tuple[set[int], int]:
    end = _longest(words, start, tuple(known))
    return set(known.get(" ".join(words[start:end]), ())), end


def _span(words: Sequence[str], start: int, language: Language) -> Repeat | None:
    """From one day of the week to another."""
    if len(words) < start + 3 or words[start + 1] not in language.repeat_ranges:
        return None
    first, last = (language.repeat_days.get(words[at], ()) for at in (start, start + 2))
    if len(first) != 1 or len(last) != 1:
        return None
    count = (last[0] - first[0]) % 7 + 1
    return Repeat(tuple(sorted((first[0] + number) % 7 for number in range(count))), "", start + 3)


def _interval(words: Sequence[str], start: int, language: Language) -> Repeat | None:
    at = start
    while at < len(words) and (words[at] in language.repeat_counts or words[at].isdecimal()):
        at += 1
    units = {*language.units, *language.repeat_units, *language.repeat_days}
    return Repeat((), "", at + 1) if at < len(words) and words[at] in units else None


def _longest(words: Sequence[str], start: int, phrases: Sequence[str]) -> int:
    """Where the longest of the phrases that starts there ends; 0 when none does."""
    ends = [
        start + len(parts)
        for parts in (phrase.split() for phrase in phrases)
        if list(words[start : start + len(parts)]) == parts
    ]
    return max(ends, default=0)

"""Lengths of time and times of day, as people say and speech recognition writes them. Pure.

Words are those of `words.split`: "half an hour" is ["half", "an", "hour"], 7:30 is ["7h30"], "seven thirty"
is ["7", "30"]. Local times are naive datetimes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from device.reasoning.words import is_number
from device.tools.language import Language

Half = Literal["am", "pm", ""]

_WRITTEN = re.compile(r"(\d{1,2})h(\d{2})")
_RUN_TOGETHER = re.compile(r"(\d{1,2})(\d{2})")
_UNITS_S = {"week": 604_800, "day": 86_400, "hour": 3600, "minute": 60, "second": 1}
_SMALLER = {"hour": 60, "minute": 1}  # what a number after the unit counts: "an hour thirty"


class Length(NamedTuple):
    """A length of time and where its words end."""

    seconds: float
    end: int


class Clock(NamedTuple):
    """A time of day and where its words end; `certain` unless it is a number that may mean anything."""

    hour: int
    minute: int
    half: Half
    end: int
    certain: bool = True


class Day(NamedTuple):
    """Days from today, or a weekday (Monday is 0)."""

    offset: int | None = None
    weekday: int | None = None


def length_at(words: Sequence[str], start: int, language: Language) -> Length | None:
    """The length of time that starts there: "5 minutes", "1 hour and 15 minutes", "an hour and a half"."""
    total, at, before = 0.0, start, ""
    while True:
        follows = at + 1 if before and words[at : at + 1] == [language.joiner] else at
        part = _part(words, follows, language)
        if part is None or (before and _UNITS_S[part[1]] >= _UNITS_S[before]):
            break
        seconds, before, at = part
        total += seconds
    if not before:
        return None
    if at < len(words) and before in _SMALLER and words[at].isdecimal() and int(words[at]) < 60:
        total, at = total + int(words[at]) * _SMALLER[before], at + 1
    return Length(total, at)


def _part(words: Sequence[str], start: int, language: Language) -> tuple[float, str, int] | None:
    """Seconds, unit and end of one amount and its unit."""
    amount, at = _amount(words, start, language)
    if amount is None or at >= len(words) or words[at] not in language.units:
        return None
    unit = language.units[words[at]]
    fraction, end = _phrase(words, at + 1, language.fraction_ends)
    return (amount + (fraction or 0.0)) * _UNITS_S[unit], unit, end


def _amount(words: Sequence[str], start: int, language: Language) -> tuple[float | None, int]:
    amount, end = _phrase(words, start, language.amounts)
    if amount is None and start < len(words) and is_number(words[start]):
        return float(words[start]), start + 1
    return amount, end


def _phrase(words: Sequence[str], start: int, values: dict[str, float]) -> tuple[float | None, int]:
    for phrase in sorted(values, key=len, reverse=True):
        parts = phrase.split()
        if list(words[start : start + len(parts)]) == parts:
            return values[phrase], start + len(parts)
    return None, start


def clock_at(words: Sequence[str], start: int, language: Language) -> Clock | None:
    """The time of day that starts there: "7", "7h30", "quarter past 7", "7 30 pm", "noon"."""
    if named := language.named_times.get(words[start]):
        hour, minute = divmod(named, 60)
        return Clock(hour % 24, minute, "am" if hour % 24 < 12 else "pm", start + 1)
    found = _relative(words, start, language) or _plain(words, start, language)
    if found is None or not 0 <= found.hour <= 23 or not 0 <= found.minute <= 59:
        return None
    at, half, certain = found.end, found.half, found.certain
    if words[at : at + 1] == [language.oclock]:
        at, certain = at + 1, True
    if at < len(words) and words[at] in ("am", "pm"):
        half, at, certain = "am" if words[at] == "am" else "pm", at + 1, True
    return Clock(found.hour, found.minute, half, at, certain)


def _relative(words: Sequence[str], start: int, language: Language) -> Clock | None:
    """As in "half past 7", "10 to 7", "20 minutes past 7"."""
    minutes, at = _phrase(words, start, language.clock_fractions)
    if minutes is None and words[start].isdecimal():
        minutes, at = float(words[start]), start + 1
        if at < len(words) and language.units.get(words[at]) == "minute":
            at += 1
    if minutes is None or not 0 < minutes < 60 or at + 1 >= len(words):
        return None
    sign = language.clock_sides.get(words[at])
    if sign is None or not words[at + 1].isdecimal() or not 1 <= int(words[at + 1]) <= 12:
        return None
    past = int(words[at + 1]) * 60 + sign * round(minutes)
    hour, minute = divmod(past, 60)
    return Clock(hour or 12, minute, "", at + 2)


def _plain(words: Sequence[str], start: int, language: Language) -> Clock | None:
    word = words[start]
    if written := _WRITTEN.fullmatch(word):
        return Clock(int(written[1]), int(written[2]), "", start + 1)
    if not word.isdecimal():
        return None
    if len(word) > 2:
        together = _RUN_TOGETHER.fullmatch(word)
        return Clock(int(together[1]), int(together[2]), "", start + 1, certain=False) if together else None
    following = list(words[start + 1 : start + 3])
    if following and following[0].isdecimal() and 10 <= int(following[0]) <= 59:
        return Clock(int(word), int(following[0]), "", start + 2)
    if len(following) == 2 and following[0] in language.oh and following[1].isdecimal():
        return Clock(int(word), int(following[1]), "", start + 3)
    return Clock(int(word), 0, "", start + 1, certain=False)


def resolve(clock: Clock, half: Half, day: Day | None, now: datetime, *, morning: bool) -> datetime:
    """The local time meant: the next that fits.

    Without a half of the day either will do; on a later day `morning` decides, or what people are awake at.
    """
    half = clock.half or half
    hours = [clock.hour]
    if clock.hour <= 12 and not (clock.hour == 0 and not half):
        base = clock.hour % 12
        hours = {"am": [base], "pm": [base + 12], "": [base, base + 12]}[half]
        if not half and day is not None and day.offset != 0:
            hours = [base if morning or base >= 7 else base + 12]
    first = now.replace(hour=0, minute=clock.minute, second=0, microsecond=0)
    if day is not None:
        offset = day.offset if day.offset is not None else ((day.weekday or 0) - now.weekday()) % 7
        dates = [offset] if day.offset is not None else [offset, offset + 7]
    else:
        dates = [0, 1]
    times = [first.replace(hour=hour) + timedelta(days=days) for days in dates for hour in hours]
    return next((time for time in sorted(times) if time > now), max(times))

"""Sentences that ask to be reminded: when, and of what. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from device.tools import recurrence, times, words
from device.tools.language import load
from device.tools.repeats import Repeat, repeat_at
from device.tools.request import ToolRequest, call
from device.tools.timerwords import plain, table
from device.tools.times import Clock, Day, Half
from device.tools.words import Table

ONLY_WEEKDAYS = "I can only repeat that on days of the week."


def recognise(said: list[str], now: datetime, language: str = "en") -> ToolRequest | None:
    """As in "remind me in ten minutes to …", "in ten minutes remind me to …", "remind me to … at five"."""
    known = load(language)
    starts = Table({"": known.reminder_starts})
    when, at = when_at(said, 0, now, language)
    end = starts.longest(said, at)
    if not end:
        return None
    rest = said[end:]
    if when is None:
        when, at = when_at(rest, 0, now, language)
        rest = rest[at:]
    if when is None:
        for start in range(1, len(rest)):
            when, at = when_at(rest, start, now, language)
            if when is not None and at == len(rest):
                rest = rest[:start]
                break
            when = None
    if len(rest) < 2 or rest[0] not in known.reminder_content:
        return None
    if when == "":
        return ToolRequest(say=ONLY_WEEKDAYS)
    if when is None:
        return ToolRequest(say="When shall I remind you?", asks=True)
    return call("reminder_set", words.joined(rest), when)


def when_at(said: Sequence[str], start: int, now: datetime, language: str) -> tuple[float | str | None, int]:
    """Seconds, a local time in ISO 8601 or a rule of days, with its prepositions, and where it ends.

    An interval that days of the week cannot tell is "".
    """
    known, at = load(language), start
    if start >= len(said):
        return None, start
    if said[start] in known.length_leads and (length := times.length_at(said, start + 1, known)):
        return plain(length.seconds), length.end
    clock: Clock | None = None
    repeat: Repeat | None = None
    half: Half = ""
    day: Day | None = None
    while at < len(said):
        led = at + (said[at] in known.hour_leads)
        if repeat is None and led < len(said) and (found_days := repeat_at(said, led, known)):
            repeat, at, half = found_days, found_days.end, half or found_days.half
            continue
        item = table(language).at(said, at)
        if item is not None and item.kind in ("am", "pm"):
            half, at = ("am" if item.kind == "am" else "pm"), item.end
        elif item is not None and item.kind.startswith("day"):
            chosen = known.days[int(item.kind[3:])]
            day, at = Day(chosen.offset, chosen.weekday), item.end
            half = half or ("am" if chosen.half == "am" else "pm" if chosen.half else "")
        elif clock is None and said[at] in known.hour_leads and at + 1 < len(said):
            clock = times.clock_at(said, at + 1, known)
            if clock is None:
                break
            at = clock.end
        elif clock is None and (found := times.clock_at(said, at, known)) and found.certain:
            clock, at = found, found.end
        else:
            break
    if clock is None and (day is not None or repeat is not None):
        clock = Clock(known.hour_of[half or "day"], 0, half, at)
    if clock is None:
        return None, start
    if repeat is not None:
        return repeating(repeat, clock, half, now, morning=False), at
    return times.resolve(clock, half, day, now, morning=False).isoformat(), at


def repeating(repeat: Repeat, clock: Clock, half: Half, now: datetime, *, morning: bool) -> str:
    """The rule of those days at that time; "" for an interval that days of the week cannot tell."""
    if not repeat.weekdays:
        return ""
    first = times.resolve(clock, half or repeat.half, Day(offset=1), now, morning=morning)
    return recurrence.weekly(repeat.weekdays, first.hour, first.minute)

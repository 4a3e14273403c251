"""What is said of timers, alarms and reminders: short sentences from templates, pure. English."""

from __future__ import annotations

from calendar import day_name
from collections.abc import Sequence
from datetime import datetime, timedelta

from device.reasoning.spoken import clock, listed
from device.tools import recurrence
from device.tools.language import load

_UNITS = ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def duration(seconds: float, plural: str = "s") -> str:
    """A length of time in its two largest units: "1 hour and 5 minutes"; before a noun without `plural`."""
    rest = max(0, round(seconds))
    said = []
    for size, unit in _UNITS:
        count, rest = divmod(rest, size)
        if count:
            said.append(f"{count} {unit}{plural if count != 1 else ''}")
    return listed(said[:2]) if said else f"0 second{plural}"


def moment(due: datetime, now: datetime) -> str:
    """A local time and, unless it is today, its day, as "seven o'clock in the morning tomorrow"."""
    days = (due.date() - now.date()).days
    if days == 0:
        return clock(due)
    if days == 1:
        return f"{clock(due)} tomorrow"
    return f"{clock(due)} on {due:%A}" if days < 7 else f"{clock(due)} on {due:%A}, {due:%B} {due.day}"


def day(due: datetime, now: datetime) -> str:
    """The day of a local time: "today", "tomorrow", "on Friday", "on Friday, December 4"."""
    ahead = (due.date() - now.date()).days
    if ahead in (0, 1):
        return "tomorrow" if ahead else "today"
    return f"on {due:%A}" if 0 < ahead < 7 else f"on {due:%A}, {due:%B} {due.day}"


def repeated(rule: str) -> str:
    """When a rule rings, as "every weekday at seven o'clock in the morning"."""
    weekdays, hour, minute = recurrence.read(rule)
    return f"{days(weekdays)} at {clock(datetime(1, 1, 1, hour, minute))}"


def days(weekdays: Sequence[int]) -> str:
    """Days of the week (Monday is 0) as "every weekday", "every Monday and Thursday"."""
    known = {recurrence.EVERY_DAY: "day", recurrence.EVERY_DAY[:5]: "weekday"}
    return f"every {known.get(tuple(weekdays)) or listed([day_name[number] for number in weekdays])}"


def called(kind: str, name: str, seconds: float, due: datetime, now: datetime, repeats: str = "") -> str:
    """What a timer is called, without its article: "pasta timer", "5 minute timer", "alarm for …"."""
    if kind == "timer":
        return f"{name or duration(seconds, plural='')} timer"
    if kind == "reminder":
        return f"reminder {turned(name)}"
    when = repeated(repeats) if repeats else moment(due, now)
    return f"{name} alarm".strip() if name or seconds else f"alarm for {when}"


def rings(kind: str, name: str, due: datetime) -> str:
    """What is said while it rings."""
    if kind == "reminder":
        return f"Here is your reminder {turned(name)}."
    if kind == "alarm":
        return f"{f'Your {name} alarm. ' if name else ''}It is {clock(due)}."
    return f"Your {name} timer is done." if name else "Your timer is done."


def missed(kind: str, name: str, due: datetime, now: datetime) -> str:
    """What is said of one that ended while Wren was off."""
    what = f"reminder {turned(name)}" if kind == "reminder" else f"{name} {kind}".strip()
    when = clock(due) if now - due < timedelta(hours=20) else moment(due, now)
    return f"I was off when your {what} was due, at {when}."


def turned(text: str) -> str:
    """A person's words said back to them: "my" becomes "your"."""
    swaps = load().swaps
    return " ".join(swaps.get(word, word) for word in text.split())


def sentences(parts: Sequence[str]) -> str:
    """Each once, one after the other."""
    return " ".join(dict.fromkeys(parts))

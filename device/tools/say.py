"""What is said of timers, alarms and reminders: short sentences from templates, pure. English."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from device.reasoning.spoken import clock, listed
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


def called(kind: str, name: str, seconds: float, due: datetime, now: datetime) -> str:
    """What a timer is called, without its article: "pasta timer", "5 minute timer", "alarm for …"."""
    if kind == "timer":
        return f"{name or duration(seconds, plural='')} timer"
    if kind == "reminder":
        return f"reminder {turned(name)}"
    return f"{name} alarm".strip() if name or seconds else f"alarm for {moment(due, now)}"


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

"""What repeats on days of the week, as a recurrence rule of RFC 5545. Pure but for the system's time zone.

A rule is text such as "FREQ=WEEKLY;BYDAY=MO,TU;BYHOUR=7;BYMINUTE=0"; dateutil reckons with it in local time.
As RFC 5545 (3.3.5) has it, a local time that a change of the clocks leaves out is taken by the clock before
the change (half past two comes at half past three), and of one that comes twice the first counts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from dateutil.rrule import WEEKLY, rrule

EVERY_DAY = tuple(range(7))
PREFIX = "FREQ="
_NAMES = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_KEYS = ("FREQ", "BYDAY", "BYHOUR", "BYMINUTE")


class Weekly(NamedTuple):
    """Days of the week (Monday is 0), sorted, and a local time of day."""

    weekdays: tuple[int, ...]
    hour: int
    minute: int


def weekly(weekdays: Iterable[int], hour: int, minute: int) -> str:
    """The rule of these days at this time."""
    days = ",".join(_NAMES[day] for day in sorted(set(weekdays)))
    return f"{PREFIX}WEEKLY;BYDAY={days};BYHOUR={hour};BYMINUTE={minute}"


def read(rule: str) -> Weekly:
    """The days and the time of a rule. Raises ValueError for any other kind of rule."""
    parts = [part.partition("=")[::2] for part in rule.split(";")]
    if tuple(key for key, _ in parts) != _KEYS or parts[0][1] != "WEEKLY":
        raise ValueError(f"not a rule of days and a time: {rule!r}")
    _, days, hour, minute = (value for _, value in parts)
    found = Weekly(tuple(sorted({_NAMES.index(day) for day in days.split(",")})), int(hour), int(minute))
    if not (0 <= found.hour <= 23 and 0 <= found.minute <= 59):
        raise ValueError(f"not a time of day: {rule!r}")
    return found


def next_due(rule: str, after_s: float, skipped: Collection[str] = ()) -> float:
    """The first time (seconds since the epoch) after `after_s` that is on no `skipped` day (ISO 8601)."""
    days, hour, minute = read(rule)
    start = datetime.fromtimestamp(after_s).replace(hour=0, minute=0, second=0, microsecond=0)
    times: Iterable[datetime] = rrule(
        WEEKLY,
        dtstart=start - timedelta(days=1),  # a time of yesterday may have been moved to after midnight
        byweekday=days,
        byhour=hour,
        byminute=minute,
        bysecond=0,
    )
    return next(
        due.timestamp()
        for due in times
        if due.timestamp() > after_s and due.date().isoformat() not in skipped
    )

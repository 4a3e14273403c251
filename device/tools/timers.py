"""Timers, alarms and reminders as a book that survives restarts, lost power and a clock that jumps. Pure.

Rules:

1. The book keeps a wall clock of its own: the last time it trusted, plus what the boot clock
   (CLOCK_BOOTTIME, which counts suspension too) has counted since.
2. When the system's clock is set (it moves against the boot clock by more than `JUMP_S`), the book takes the
   new time. What was set as a length of time in this boot keeps its rest; a time of day keeps its time.
3. After a reboot the book takes the later of the system's clock and its own last time plus the time since
   the boot: a device without a battery for its clock begins in the past and never waits longer than it
   would have. When the clock is set later, rule 2 holds, and what was set before the reboot keeps its time.
4. What repeats is due the first time its rule gives after the clock, reckoned anew whenever the clock was
   set or the machine was started; one that is overdue stays so until it has rung or was told of.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

import msgspec
from msgspec.structs import replace

from device.tools import recurrence

JUMP_S = 2.0
MOST = 50
SHORTEST_S, LONGEST_S = 1.0, 366 * 86_400.0
CLOCK_IS_SET_S = 1_735_689_600.0  # 2025-01-01: a clock before this was never set

Kind = Literal["timer", "alarm", "reminder"]


class Refused(Exception):  # noqa: N818 - an answer, not an error of the program
    """It cannot be done; the message is fit to be spoken."""


class Now(msgspec.Struct, frozen=True):
    """The system's clocks at one moment."""

    wall_s: float  # since the epoch
    boot_s: float  # CLOCK_BOOTTIME
    boot: str  # the kernel's id of this boot


class Timer(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the book."""

    id: str
    kind: Kind
    name: str = ""
    seconds: float = 0.0  # as it was set and prolonged; 0 for a time of day
    due_s: float  # by the book's clock
    paused_s: float | None = None  # what was left when it was paused
    boot: str  # in which it was set or resumed
    repeats: str = ""  # the rule by which it is due again (see recurrence.py)
    skipped: tuple[str, ...] = ()  # days on which it is not, ISO 8601


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is kept, with the clock it goes by."""

    timers: tuple[Timer, ...] = ()
    wall_s: float = 0.0
    boot_s: float = 0.0
    boot: str = ""
    offset_s: float = 0.0  # of the system's wall clock against its boot clock

    def clock(self, now: Now) -> float:
        """The time by which timers are due; the book must have observed `now`'s boot."""
        return self.wall_s + now.boot_s - self.boot_s

    def remaining(self, timer: Timer, now: Now) -> float:
        """Seconds until it rings; negative when it should have."""
        return timer.due_s - self.clock(now) if timer.paused_s is None else timer.paused_s

    def due(self, now: Now) -> tuple[Timer, ...]:
        """What should be ringing, the earliest first."""
        late = [timer for timer in self.timers if self.remaining(timer, now) <= 0]
        return tuple(sorted(late, key=lambda timer: timer.due_s))

    def timer(self, timer_id: str) -> Timer:
        """The timer of that id. Raises Refused."""
        for timer in self.timers:
            if timer.id == timer_id:
                return timer
        raise Refused("There is no such timer.")


def observe(book: Book, now: Now) -> Book:
    """The book with its clock right at `now`; the same object when nothing happened to the clock."""
    offset_s = now.wall_s - now.boot_s
    if now.boot != book.boot:
        wall_s = max(book.wall_s + now.boot_s, now.wall_s) if book.boot else now.wall_s
        book = replace(book, wall_s=wall_s, boot_s=now.boot_s, boot=now.boot, offset_s=offset_s)
        return reckoned(book, now)
    if abs(offset_s - book.offset_s) <= JUMP_S:
        return book
    shift_s = now.wall_s - book.clock(now)
    book = replace(
        book,
        timers=tuple(
            replace(timer, due_s=timer.due_s + shift_s) if timer.seconds and timer.boot == now.boot else timer
            for timer in book.timers
        ),
        wall_s=now.wall_s,
        boot_s=now.boot_s,
        offset_s=offset_s,
    )
    return reckoned(book, now)


def reckoned(book: Book, now: Now) -> Book:
    """The book with what repeats due at the next time its rule gives; the same object when it is already."""
    clock_s = book.clock(now)
    timers = tuple(
        replace(timer, due_s=recurrence.next_due(timer.repeats, clock_s, timer.skipped))
        if timer.repeats and timer.due_s > clock_s
        else timer
        for timer in book.timers
    )
    return book if timers == book.timers else replace(book, timers=timers)


def start(book: Book, now: Now, kind: Kind, name: str, seconds: float) -> tuple[Book, Timer]:
    """Sets one that rings after `seconds`. Raises Refused."""
    if not SHORTEST_S <= seconds <= LONGEST_S:
        raise Refused("I cannot set it for that long.")
    timer = Timer(
        id=_free_id(book),
        kind=kind,
        name=name,
        seconds=seconds,
        due_s=book.clock(now) + seconds,
        boot=now.boot,
    )
    return replace(book, timers=(*book.timers, timer)), timer


def set_at(book: Book, now: Now, kind: Kind, name: str, due_s: float) -> tuple[Book, Timer]:
    """Sets one that rings at a time of day. Raises Refused."""
    clock_s = book.clock(now)
    if clock_s < CLOCK_IS_SET_S:
        raise Refused("I do not know what time it is yet.")
    if not 0 < due_s - clock_s <= LONGEST_S:
        raise Refused("That time has passed.")
    timer = Timer(id=_free_id(book), kind=kind, name=name, due_s=due_s, boot=now.boot)
    return replace(book, timers=(*book.timers, timer)), timer


def set_repeating(book: Book, now: Now, kind: Kind, name: str, rule: str) -> tuple[Book, Timer]:
    """Sets one that rings whenever `rule` says. Raises Refused, and ValueError for what is no such rule."""
    clock_s = book.clock(now)
    if clock_s < CLOCK_IS_SET_S:
        raise Refused("I do not know what time it is yet.")
    due_s = recurrence.next_due(rule, clock_s)
    timer = Timer(id=_free_id(book), kind=kind, name=name, due_s=due_s, boot=now.boot, repeats=rule)
    return replace(book, timers=(*book.timers, timer)), timer


def ended(book: Book, now: Now, timer_id: str) -> Book:
    """The book after one has rung or was missed: it is gone, or due the next time. Raises Refused."""
    timer = book.timer(timer_id)
    if not timer.repeats:
        return remove(book, timer_id)[0]
    due_s = recurrence.next_due(timer.repeats, book.clock(now), timer.skipped)
    coming = tuple(day for day in timer.skipped if day >= date.fromtimestamp(book.clock(now)).isoformat())
    return _put(book, timer, replace(timer, due_s=due_s, skipped=coming))[0]


def skip(book: Book, now: Now, timer_id: str, day: date) -> tuple[Book, Timer]:
    """Leaves one day out of what repeats. Raises Refused."""
    timer = book.timer(timer_id)
    if not timer.repeats or day.weekday() not in recurrence.read(timer.repeats).weekdays:
        raise Refused("It does not ring on that day.")
    skipped = tuple(sorted({*timer.skipped, day.isoformat()}))
    due_s = timer.due_s
    if due_s > book.clock(now):
        due_s = recurrence.next_due(timer.repeats, book.clock(now), skipped)
    return _put(book, timer, replace(timer, due_s=due_s, skipped=skipped))


def remove(book: Book, timer_id: str) -> tuple[Book, Timer]:
    """Takes one out of the book. Raises Refused."""
    timer = book.timer(timer_id)
    return replace(book, timers=tuple(other for other in book.timers if other is not timer)), timer


def prolong(book: Book, now: Now, timer_id: str, seconds: float) -> tuple[Book, Timer]:
    """Adds time, or takes some off. Raises Refused."""
    timer = book.timer(timer_id)
    if timer.repeats:
        raise Refused("That one repeats. Cancel it and set it anew.")
    left_s = book.remaining(timer, now) + seconds
    if left_s < SHORTEST_S:
        raise Refused("There is less time left than that.")
    if left_s > LONGEST_S:
        raise Refused("I cannot set it for that long.")
    changed = replace(
        timer,
        seconds=max(SHORTEST_S, timer.seconds + seconds) if timer.seconds else 0.0,
        due_s=timer.due_s + seconds,
        paused_s=None if timer.paused_s is None else left_s,
    )
    return _put(book, timer, changed)


def pause(book: Book, now: Now, timer_id: str) -> tuple[Book, Timer]:
    """Holds it. Raises Refused for what rings, is held already or goes by the time of day."""
    timer = book.timer(timer_id)
    left_s = book.remaining(timer, now)
    if timer.kind != "timer" or left_s <= 0:
        raise Refused("That cannot be paused.")
    if timer.paused_s is not None:
        raise Refused("It is paused already.")
    return _put(book, timer, replace(timer, paused_s=left_s))


def resume(book: Book, now: Now, timer_id: str) -> tuple[Book, Timer]:
    """Lets it go on. Raises Refused."""
    timer = book.timer(timer_id)
    if timer.paused_s is None:
        raise Refused("It is running already.")
    due_s = book.clock(now) + timer.paused_s
    return _put(book, timer, replace(timer, paused_s=None, due_s=due_s, boot=now.boot))


def _put(book: Book, before: Timer, after: Timer) -> tuple[Book, Timer]:
    timers = tuple(after if timer is before else timer for timer in book.timers)
    return replace(book, timers=timers), after


def _free_id(book: Book) -> str:
    used = {timer.id for timer in book.timers}
    if len(used) >= MOST:
        raise Refused("There are too many timers already.")
    return next(str(number) for number in range(1, MOST + 1) if str(number) not in used)

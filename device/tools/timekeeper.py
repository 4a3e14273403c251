"""From a call to a change of the book of timers, and what to say of it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from device.home.registry import Call, Value
from device.tools import say, timers
from device.tools.timers import Book, Kind, Now, Refused, Timer

_KINDS: dict[str, Kind] = {"timer_start": "timer", "alarm_set": "alarm", "reminder_set": "reminder"}
NAME_CHARACTERS = 200


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """The book afterwards; `stopped` are timers that rang and do so no longer."""

    book: Book
    said: str
    stopped: tuple[Timer, ...] = ()
    snoozed: bool = False


def carry_out(book: Book, call: Call, now: Now, ringing: Sequence[Timer], snooze_s: float) -> Done:
    """Does what `call` asks. Raises Refused with what to say instead."""
    match call.service:
        case "timer_start" | "alarm_set" | "reminder_set":
            return _set(book, call, now)
        case "timer_cancel":
            book, timer = timers.remove(book, call.entity)
            stopped = (timer,) if timer in ringing else ()
            said = f"The {named(book, timer, now)} is {'off' if stopped else 'cancelled'}."
            return Done(book=book, said=said, stopped=stopped)
        case "timer_add":
            book, timer = timers.prolong(book, now, call.entity, _seconds(call.value))
            left = say.duration(book.remaining(timer, now))
            return Done(book=book, said=f"The {named(book, timer, now)} now has {left} left.")
        case "timer_pause":
            book, timer = timers.pause(book, now, call.entity)
            left = say.duration(book.remaining(timer, now))
            return Done(book=book, said=f"The {named(book, timer, now)} is paused, with {left} left.")
        case "timer_resume":
            book, timer = timers.resume(book, now, call.entity)
            left = say.duration(book.remaining(timer, now))
            return Done(book=book, said=f"The {named(book, timer, now)} goes on, with {left} left.")
        case "ring_stop" | "ring_snooze":
            return _silence(book, call, now, ringing, snooze_s)
        case _:
            raise Refused("I cannot do that.")


def named(book: Book, timer: Timer, now: Now) -> str:
    """What a timer of the book is called."""
    return say.called(timer.kind, timer.name, timer.seconds, local(timer.due_s), local(book.clock(now)))


def local(moment_s: float) -> datetime:
    """Seconds since the epoch as local time."""
    return datetime.fromtimestamp(moment_s)


def _set(book: Book, call: Call, now: Now) -> Done:
    kind, name = _KINDS[call.service], call.entity[:NAME_CHARACTERS]
    if isinstance(call.value, str):
        try:
            due_s = datetime.fromisoformat(call.value).timestamp()
        except (ValueError, OverflowError) as error:
            raise Refused("I do not know that time.") from error
        book, timer = timers.set_at(book, now, kind, name, due_s)
        when = f"for {say.moment(local(due_s), local(book.clock(now)))}"
    else:
        seconds = _seconds(call.value)
        book, timer = timers.start(book, now, kind, name, seconds)
        when = f"in {say.duration(seconds)}"
    if kind == "reminder":
        return Done(book=book, said=f"I will remind you {when.replace('for', 'at', 1)}.")
    if kind == "alarm":
        return Done(book=book, said=f"The {f'{name} alarm'.strip()} is set {when}.")
    said = f"The {name} timer is" if name else "Your timer is"
    return Done(book=book, said=f"{said} set for {say.duration(timer.seconds)}.")


def _silence(book: Book, call: Call, now: Now, ringing: Sequence[Timer], snooze_s: float) -> Done:
    if not ringing:
        raise Refused("Nothing is ringing.")
    for timer in ringing:
        book, _ = timers.remove(book, timer.id)
    if call.service == "ring_stop":
        names = [named(book, timer, now) for timer in ringing]
        return Done(
            book=book,
            said=f"The {names[0]} is off." if len(names) == 1 else "They are off.",
            stopped=tuple(ringing),
        )
    seconds = snooze_s if call.value is None else _seconds(call.value)
    for timer in ringing:
        book, _ = timers.start(book, now, timer.kind, timer.name, seconds)
    return Done(
        book=book, said=f"I ring again in {say.duration(seconds)}.", stopped=tuple(ringing), snoozed=True
    )


def _seconds(value: Value | None) -> float:
    if isinstance(value, int | float):
        return float(value)
    raise Refused("I do not know for how long.")

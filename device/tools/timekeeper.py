"""From a call to a change of the book of timers, and what to say of it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time

import msgspec

from device.home.registry import Call, Value
from device.tools import recurrence, say, timers
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
            return _cancel(book, call, now, ringing)
        case "timer_skip":
            return _skip(book, call, now)
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
    due, moment = local(timer.due_s), local(book.clock(now))
    return say.called(timer.kind, timer.name, timer.seconds, due, moment, timer.repeats)


def local(moment_s: float) -> datetime:
    """Seconds since the epoch as local time."""
    return datetime.fromtimestamp(moment_s)


def _set(book: Book, call: Call, now: Now) -> Done:
    kind, name = _KINDS[call.service], call.entity[:NAME_CHARACTERS]
    if isinstance(call.value, str) and call.value.startswith(recurrence.PREFIX):
        return _set_repeating(book, call.value, kind, name, now)
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


def _set_repeating(book: Book, rule: str, kind: Kind, name: str, now: Now) -> Done:
    try:
        book, timer = timers.set_repeating(book, now, kind, name, rule)
    except ValueError as error:
        raise Refused("I do not know those days.") from error
    first = say.day(local(timer.due_s), local(book.clock(now)))
    when = f"{say.repeated(rule)}, for the first time {first}"
    if kind == "reminder":
        return Done(book=book, said=f"I will remind you {when}.")
    return Done(book=book, said=f"The {f'{name} {kind}'.strip()} is set for {when}.")


def _cancel(book: Book, call: Call, now: Now, ringing: Sequence[Timer]) -> Done:
    """Takes it out of the book; of what rings and repeats only this time is over."""
    timer = book.timer(call.entity)
    if timer not in ringing:
        book, _ = timers.remove(book, timer.id)
        return Done(book=book, said=f"The {named(book, timer, now)} is cancelled.")
    book = timers.ended(book, now, timer.id)
    return Done(book=book, said=_off(book, timer, now), stopped=(timer,))


def _off(book: Book, timer: Timer, now: Now) -> str:
    """That a timer rings no longer, and when it does again."""
    again = next((other for other in book.timers if other.id == timer.id and other.repeats), None)
    if again is None:
        return f"The {named(book, timer, now)} is off."
    what = timer.kind if timer.kind == "reminder" else f"{timer.name} {timer.kind}".strip()
    return f"The {what} is off until {say.moment(local(again.due_s), local(book.clock(now)))}."


def _skip(book: Book, call: Call, now: Now) -> Done:
    try:
        day = date.fromisoformat(str(call.value))
    except ValueError as error:
        raise Refused("I do not know that day.") from error
    book, timer = timers.skip(book, now, call.entity, day)
    clock = local(book.clock(now))
    on = say.day(datetime.combine(day, time()), clock)
    following = say.moment(local(timer.due_s), clock)
    return Done(
        book=book, said=f"The {named(book, timer, now)} is skipped {on}. It is due next at {following}."
    )


def _silence(book: Book, call: Call, now: Now, ringing: Sequence[Timer], snooze_s: float) -> Done:
    if not ringing:
        raise Refused("Nothing is ringing.")
    for timer in ringing:
        book = timers.ended(book, now, timer.id)
    if call.service == "ring_stop":
        said = _off(book, ringing[0], now) if len(ringing) == 1 else "They are off."
        return Done(book=book, said=said, stopped=tuple(ringing))
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

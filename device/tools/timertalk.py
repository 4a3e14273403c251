"""Sentences about timers, alarms and reminders. Pure.

A sentence is a request when all of it is explained: every word belongs to a length of time, a time of day, a
phrase of the table or the name of a timer, and a name stands where names stand ("pasta timer", "timer called
pasta", "timer for the pasta"). What is denied, past, supposed or told has words that nothing explains.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from functools import cache

import msgspec
from rapidfuzz import fuzz

from device.events import TimerChanged
from device.home.registry import Call
from device.reasoning.spoken import listed
from device.tools import say, times, words
from device.tools.language import Language, load
from device.tools.request import ToolRequest, ToolState, call
from device.tools.times import Clock, Day, Half, Length
from device.tools.words import Item, Table

_NOUNS = ("timer", "alarm", "reminder")
_NAME_WORDS = 4
_ALIKE = 85
_ALIKE_ALONE = 75
_CHANGES = ("cancel", "more", "less", "pause", "resume")


class _Sentence(msgspec.Struct):
    """What was found, by role."""

    kinds: list[str] = []  # of the phrases, in order
    noun: str = ""
    lengths: list[tuple[float, Item]] = []
    clock: Clock | None = None
    half: Half = ""
    day: Day | None = None
    name: str = ""
    items: list[Item] = []

    def has(self, *kinds: str) -> bool:
        """Whether a phrase of one of the kinds was said."""
        return any(kind in self.kinds for kind in kinds)


@cache
def _table(language: str) -> Table:
    known = load(language)
    days = {f"day{number}": day.phrases for number, day in enumerate(known.days)}
    return Table({**known.timer_words, **known.halves, **days})


def silence(said: list[str], state: ToolState, language: str = "en") -> ToolRequest | None:
    """What the words ask of what rings; None when nothing rings or they are about something else."""
    if not any(timer.state == "ringing" for timer in state.timers):
        return None
    known = load(language)
    if words.is_one_of(said, known.ring_stop) or _sounds_like_stop(said, known):
        return call("ring_stop")
    return _snooze(said, known)


def _sounds_like_stop(said: list[str], known: Language) -> bool:
    """Whether a word alone is nearly one that stops: of one short word a recogniser has little to go by."""
    single = [phrase for phrase in known.ring_stop if " " not in phrase]
    return len(said) == 1 and any(fuzz.ratio(said[0], phrase) >= _ALIKE_ALONE for phrase in single)


def recognise(said: list[str], now: datetime, state: ToolState, language: str = "en") -> ToolRequest | None:
    """What the words of `words.request` ask of timers, alarms and reminders; None when nothing."""
    known = load(language)
    if words.holds(said, known.never):
        return None
    if reminder := _reminder(said, now, known):
        return reminder
    found = _parse(said, known, language)
    if found is None or _is_of_the_house(found, state):
        return None
    if _is_question(found):
        return _answer(found, now, state)
    if found.has("ask", "asked"):
        return None
    return _change(found, now, state)


# --- while it rings ---------------------------------------------------------------------------------------


def _snooze(said: list[str], known: Language) -> ToolRequest | None:
    """As in "snooze", "five more minutes", "snooze for ten minutes"."""
    plain = [word for word in said if word not in ("more", "for", "another")]
    for start in range(len(plain)):
        length = times.length_at(plain, start, known)
        if length is not None:
            rest = plain[:start] + plain[length.end :]
            fits = not rest or words.is_one_of(rest, known.ring_snooze)
            return call("ring_snooze", value=length.seconds) if fits else None
    return call("ring_snooze") if words.is_one_of(said, known.ring_snooze) else None


# --- reminders --------------------------------------------------------------------------------------------


def _reminder(said: list[str], now: datetime, known: Language) -> ToolRequest | None:
    """As in "remind me in ten minutes to …", "in ten minutes remind me to …", "remind me to … at five"."""
    starts = Table({"": known.reminder_starts})
    when, at = _when_at(said, 0, known, now)
    end = starts.longest(said, at)
    if not end:
        return None
    rest = said[end:]
    if when is None:
        when, at = _when_at(rest, 0, known, now)
        rest = rest[at:]
    if when is None:
        for start in range(1, len(rest)):
            when, at = _when_at(rest, start, known, now)
            if when is not None and at == len(rest):
                rest = rest[:start]
                break
            when = None
    if len(rest) < 2 or rest[0] not in known.reminder_content:
        return None
    if when is None:
        return ToolRequest(say="When shall I remind you?", asks=True)
    return call("reminder_set", words.joined(rest), when)


def _when_at(
    said: Sequence[str], start: int, known: Language, now: datetime
) -> tuple[float | str | None, int]:
    """Seconds or a local time in ISO 8601, with the prepositions before it, and where it ends."""
    table, at = _table("en"), start
    if start >= len(said):
        return None, start
    if said[start] == "in" and (length := times.length_at(said, start + 1, known)):
        return _plain(length.seconds), length.end
    clock: Clock | None = None
    half: Half = ""
    day: Day | None = None
    while at < len(said):
        item = table.at(said, at)
        if item is not None and item.kind in ("am", "pm"):
            half, at = ("am" if item.kind == "am" else "pm"), item.end
        elif item is not None and item.kind.startswith("day"):
            chosen = known.days[int(item.kind[3:])]
            day, at = Day(chosen.offset, chosen.weekday), item.end
            half = half or ("am" if chosen.half == "am" else "pm" if chosen.half else "")
        elif clock is None and said[at] in ("at", "by", "around") and at + 1 < len(said):
            clock = times.clock_at(said, at + 1, known)
            if clock is None:
                break
            at = clock.end
        elif clock is None and (found := times.clock_at(said, at, known)) and found.certain:
            clock, at = found, found.end
        else:
            break
    if clock is None and day is not None:
        clock = Clock(known.hour_of[half or "day"], 0, half, at)
    if clock is None:
        return None, start
    return times.resolve(clock, half, day, now, morning=False).isoformat(), at


def _plain(seconds: float) -> float:
    return int(seconds) if seconds == int(seconds) else seconds


def _is_of_the_house(found: _Sentence, state: ToolState) -> bool:
    """Whether it is about a thing of the house that is called so ("turn on the alarm")."""
    is_set = any(timer.kind == found.noun for timer in state.timers)
    return found.noun in state.house_words and not (found.lengths or found.clock or is_set)


def _is_question(found: _Sentence) -> bool:
    """Whether it begins as a question does ("at what time …") or ends with what is asked ("timer status")."""
    kinds = [item.kind for item in found.items if item.text != "at"]
    return kinds[0] == "ask" or (kinds[-1] == "ask" and "set" not in kinds)


# --- timers and alarms ------------------------------------------------------------------------------------


def _parse(said: list[str], known: Language, language: str) -> _Sentence | None:
    """Every word by its role; None when one has none."""
    found, at = _Sentence(), 0
    said = _without_misheard_for(said, known)
    opened: list[Item] = []
    while at < len(said):
        item, length = _table(language).at(said, at), times.length_at(said, at, known)
        if length is not None and not _is_ordinal(said, at, length, language):
            item = Item("length", "", at, length.end)
            found.lengths.append((length.seconds, item))
        elif (clock := _clock(said, at, known, found)) is not None:
            if found.clock is not None:
                return None
            found.clock, item = clock, Item("clock", "", at, clock.end)
        elif item is None:
            item = Item("open", said[at], at, at + 1)
            opened.append(item)
        elif item.kind in _NOUNS:
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
        if not (word == "4" and at and said[at - 1] in nouns and times.length_at(said, at + 1, known))
    ]


def _is_ordinal(said: list[str], at: int, length: Length, language: str) -> bool:
    """Whether "a second" is not a length but says which timer."""
    following = _table(language).at(said, length.end) if length.end < len(said) else None
    is_noun = following is not None and following.kind in _NOUNS
    return is_noun and said[at : length.end] == ["a", "second"]


def _clock(said: list[str], at: int, known: Language, found: _Sentence) -> Clock | None:
    """A time of day; a mere number only after a preposition."""
    clock = times.clock_at(said, at, known)
    if clock is None or clock.certain:
        return clock
    is_led = found.items and found.items[-1].text in ("at", "for", "by", "around", "to")
    return clock if is_led else None


def _name(found: _Sentence, opened: list[Item], known: Language) -> bool:
    """Takes the words that no table has as a name, where they stand like one."""
    first, last = opened[0], opened[-1]
    texts = [item.text for item in opened]
    if len(opened) > _NAME_WORDS or last.start - first.start != len(opened) - 1:
        return False
    if any(text in known.not_in_names or text.isdecimal() for text in texts):
        return False
    before = [item for item in found.items if item.end <= first.start]
    after = [item for item in found.items if item.start >= last.end]
    while before and before[-1].text in ("the", "my", "a", "our"):
        before = before[:-1]
    is_before_noun = bool(after) and after[0].kind in _NOUNS
    is_called = bool(before) and before[-1].kind == "called"
    is_for = bool(before) and before[-1].text in ("for", "in") and any(i.kind in _NOUNS for i in before)
    found.name = words.joined(texts)
    return is_before_noun or is_called or is_for


def _change(found: _Sentence, now: datetime, state: ToolState) -> ToolRequest | None:
    actions = [kind for kind in _CHANGES if found.has(kind)]
    if found.has("more", "less") and found.lengths:
        return _prolong(found, now, state, 1 if found.has("more") else -1)
    if actions == ["cancel"] and len(found.lengths) == 2:
        return _prolong(found, now, state, -1)  # "remove five minutes from the one hour timer"
    if actions == ["cancel"] and len(found.lengths) == 1 and _is_taken_off(found):
        return _prolong(found, now, state, -1)
    if not found.noun or len(actions) > 1:
        return None
    if actions:
        return _act_on(actions[0], found, now, state)
    if found.noun == "alarm" and not found.has("pause", "resume"):
        return _set_alarm(found, now)
    return _start(found)


def _is_taken_off(found: _Sentence) -> bool:
    """Whether the length is an amount ("remove 5 minutes from the timer"), not the timer's own."""
    _, length = found.lengths[0]
    nouns = [item for item in found.items if item.kind in _NOUNS]
    following = next((item for item in found.items if item.start == length.end), None)
    return (
        bool(nouns)
        and length.end < nouns[0].start
        and following is not None
        and following.text in ("from", "off", "of")
    )


def _start(found: _Sentence) -> ToolRequest | None:
    if found.noun != "timer" or found.clock is not None or found.day or found.half or found.has("all"):
        return None
    if len(found.lengths) == 1:
        return call("timer_start", found.name, _plain(found.lengths[0][0]))
    if not found.lengths and (found.has("set") or set(found.kinds) <= {"glue", "timer"}):
        return ToolRequest(say="For how long?", asks=True)
    return None


def _set_alarm(found: _Sentence, now: datetime) -> ToolRequest | None:
    is_meant = found.has("set", "wake") or found.kinds[-1] != "alarm"
    if found.has("all") or len(found.lengths) > 1 or not is_meant:
        return None
    if found.lengths and found.clock is None:
        return call("alarm_set", found.name, _plain(found.lengths[0][0]))
    if found.clock is None or found.lengths:
        return ToolRequest(say="At what time?", asks=True)
    due = times.resolve(found.clock, found.half, found.day, now, morning=True)
    return call("alarm_set", found.name, due.isoformat())


def _prolong(found: _Sentence, now: datetime, state: ToolState, sign: int) -> ToolRequest | None:
    """The amount follows "by" or comes first; another length says which timer."""
    lengths = list(found.lengths)
    amount = next((entry for entry in lengths if _before(found, entry[1]) == "by"), lengths[0])
    lengths.remove(amount)
    if len(lengths) > 1 or found.has("set", "ask", "pause", "resume") or found.noun == "reminder":
        return None
    if not found.noun and not any(timer.kind == "timer" for timer in state.timers):
        return None
    kind = found.noun or "timer"
    which = _resolve(kind, found.name, lengths[0][0] if lengths else None, now, state)
    if isinstance(which, ToolRequest):
        return which
    return call("timer_add", which[0].timer_id, sign * amount[0])


def _before(found: _Sentence, item: Item) -> str:
    return next((other.text for other in found.items if other.end == item.start), "")


def _act_on(action: str, found: _Sentence, now: datetime, state: ToolState) -> ToolRequest | None:
    if len(found.lengths) > 1 or found.has("set", "more", "less"):
        return None
    length = found.lengths[0][0] if found.lengths else None
    is_all = found.has("all") or _is_plural(found)
    which = _resolve(found.noun, found.name, length, now, state, is_all=is_all, due=_due(found, now))
    if isinstance(which, ToolRequest):
        return which
    service = {"cancel": "timer_cancel", "pause": "timer_pause", "resume": "timer_resume"}[action]
    return ToolRequest(calls=tuple(Call(service, timer.timer_id) for timer in which))


def _due(found: _Sentence, now: datetime) -> datetime | date | None:
    """The time or the day by which a timer is named ("the six am alarm", "the alarm for tomorrow")."""
    if found.clock is not None:
        return times.resolve(found.clock, found.half, found.day, now, morning=True)
    if found.day is None:
        return None
    noon = Clock(23, 59, "", 0)
    return times.resolve(noon, "", found.day, now, morning=True).date()


def _is_plural(found: _Sentence) -> bool:
    """Whether "timers", not "timer", was said."""
    return any(item.kind in _NOUNS and item.text.endswith("s") for item in found.items)


def _resolve(
    kind: str,
    name: str,
    length: float | None,
    now: datetime,
    state: ToolState,
    *,
    is_all: bool = False,
    due: datetime | date | None = None,
) -> list[TimerChanged] | ToolRequest:
    """The timers that are meant, or what to say instead."""
    of_kind = [timer for timer in state.timers if timer.kind == kind]
    found = [
        timer
        for timer in of_kind
        if (not name or fuzz.token_set_ratio(name, timer.name) >= _ALIKE)
        and (length is None or timer.seconds == length)
        and _is_at(timer, due)
    ]
    if not of_kind:
        return ToolRequest(say=f"There is no {kind} set.")
    if not found:
        what = name or (say.duration(length, plural="") if length else "")
        return ToolRequest(say=f"There is no {what} {kind}.".replace("  ", " "))
    if len(found) == 1 or is_all:
        return found
    ringing = [timer for timer in found if timer.state == "ringing"]
    if ringing:
        return ringing
    names = [f"the {_called(timer, now)}" for timer in found]
    return ToolRequest(say=f"Which one, {listed(names, 'or')}?", asks=True)


def _is_at(timer: TimerChanged, due: datetime | date | None) -> bool:
    rings = datetime.fromtimestamp(timer.due_s)
    return due is None or (rings if isinstance(due, datetime) else rings.date()) == due


def _called(timer: TimerChanged, now: datetime) -> str:
    return say.called(timer.kind, timer.name, timer.seconds, datetime.fromtimestamp(timer.due_s), now)


# --- questions --------------------------------------------------------------------------------------------


def _answer(found: _Sentence, now: datetime, state: ToolState) -> ToolRequest | None:
    is_about_rest = any(
        item.text in ("left", "remaining", "remain", "time left", "time remaining") for item in found.items
    )
    if not found.noun and not (is_about_rest and state.timers):
        return None
    kind = found.noun or "timer"
    length = found.lengths[0][0] if found.lengths else None
    which = _resolve(kind, found.name, length, now, state, is_all=True)
    if isinstance(which, ToolRequest):
        return which
    if len(which) == 1:
        return ToolRequest(say=_sentence(which[0], now))
    parts = " ".join(_sentence(timer, now) for timer in which)
    return ToolRequest(say=f"There are {len(which)} {kind}s. {parts}")


def _sentence(timer: TimerChanged, now: datetime) -> str:
    due = datetime.fromtimestamp(timer.due_s)
    what = f"The {_called(timer, now)}"
    if timer.state == "ringing":
        return f"{what} is ringing."
    left = say.duration(timer.remaining_s if timer.state == "paused" else timer.due_s - now.timestamp())
    if timer.state == "paused":
        return f"{what} is paused, with {left} left."
    if timer.kind == "timer":
        return f"{what} has {left} left."
    if timer.kind == "alarm" and not timer.name and not timer.seconds:
        return f"The alarm is set for {say.moment(due, now)}."
    return f"{what} is due at {say.moment(due, now)}."

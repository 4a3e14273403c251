"""Sentences about timers and alarms: from their words to calls, answers and questions. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

from rapidfuzz import fuzz

from device.events import TimerChanged
from device.home.registry import Call
from device.reasoning.context import Choice
from device.reasoning.spoken import listed
from device.tools import recurrence, remindertalk, say, times, words
from device.tools.language import Language, load
from device.tools.remindertalk import ONLY_WEEKDAYS, repeating
from device.tools.request import ToolRequest, ToolState, call
from device.tools.timerwords import NOUNS, Sentence, parse, plain
from device.tools.times import Clock
from device.tools.words import Item

_ALIKE = 85
_ALIKE_ALONE = 75
Due = datetime | date | tuple[int, ...] | None  # by what a timer is named: time, day, days of the week

_CHANGES = ("cancel", "skip", "more", "less", "pause", "resume")


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
    if said[0] in known.misheard_set and said[1:2] and said[1] in known.articles:
        said = [known.timer_words["set"][0], *said[1:]]  # nobody begins with "said a timer"
    if (end := words.begins_with(said, known.skip_wishes)) and not words.holds(said[end:], known.never):
        said = [known.timer_words["skip"][0], known.timer_words["alarm"][0], *said[end:]]
    if words.holds(said, known.never):
        return None
    if reminder := remindertalk.recognise(said, now, language):
        return reminder
    found = parse(said, known, language)
    if found is None or _is_of_the_house(found, state):
        return None
    if _is_question(found):
        return _answer(found, now, state)
    if found.has("ask", "asked") and not found.has("skip"):  # "skip the next alarm"
        return None
    return _change(found, now, state)


# --- while it rings ---------------------------------------------------------------------------------------


def _snooze(said: list[str], known: Language) -> ToolRequest | None:
    """As in "snooze", "five more minutes", "snooze for ten minutes"."""
    core = [word for word in said if word not in known.snooze_links]
    for start in range(len(core)):
        length = times.length_at(core, start, known)
        if length is not None:
            rest = core[:start] + core[length.end :]
            fits = not rest or words.is_one_of(rest, known.ring_snooze)
            return call("ring_snooze", value=length.seconds) if fits else None
    return call("ring_snooze") if words.is_one_of(said, known.ring_snooze) else None


# --- timers and alarms ------------------------------------------------------------------------------------


def _is_of_the_house(found: Sentence, state: ToolState) -> bool:
    """Whether it is about a thing of the house that is called so ("turn on the alarm")."""
    is_set = any(timer.kind == found.noun for timer in state.timers)
    return found.noun in state.house_words and not (found.lengths or found.clock or is_set)


def _is_question(found: Sentence) -> bool:
    """Whether it begins as a question does ("at what time …") or ends with what is asked ("timer status")."""
    kinds = [item.kind for item in found.items if item.text not in found.known.hour_leads]
    return kinds[:1] == ["ask"] or (kinds[-1:] == ["ask"] and "set" not in kinds)


def _change(found: Sentence, now: datetime, state: ToolState) -> ToolRequest | None:
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


def _is_taken_off(found: Sentence) -> bool:
    """Whether the length is an amount ("remove 5 minutes from the timer"), not the timer's own."""
    _, length = found.lengths[0]
    nouns = [item for item in found.items if item.kind in NOUNS]
    following = next((item for item in found.items if item.start == length.end), None)
    return (
        bool(nouns)
        and length.end < nouns[0].start
        and following is not None
        and following.text in found.known.taken_from
    )


def _start(found: Sentence) -> ToolRequest | None:
    if found.noun != "timer" or found.clock is not None or found.day or found.half or found.has("all"):
        return None
    if found.repeat is not None:
        return None
    if len(found.lengths) == 1:
        return call("timer_start", found.name, plain(found.lengths[0][0]))
    if not found.lengths and (found.has("set") or set(found.kinds) <= {"glue", "timer"}):
        return ToolRequest(say="For how long?", asks=True)
    return None


def _set_alarm(found: Sentence, now: datetime) -> ToolRequest | None:
    is_meant = found.has("set", "wake") or found.kinds[-1] != "alarm"
    if found.has("all") or len(found.lengths) > 1 or not is_meant:
        return None
    if found.repeat is not None or found.has("repeating"):
        return _set_repeating(found, now)
    if found.lengths and found.clock is None:
        return call("alarm_set", found.name, plain(found.lengths[0][0]))
    if found.clock is None or found.lengths:
        return ToolRequest(say="At what time?", asks=True)
    due = times.resolve(found.clock, found.half, found.day, now, morning=True)
    return call("alarm_set", found.name, due.isoformat())


def _set_repeating(found: Sentence, now: datetime) -> ToolRequest | None:
    if found.lengths or (found.day is not None and found.repeat is None):
        return None
    if found.repeat is None:
        return ToolRequest(say="On which days?", asks=True)
    if not found.repeat.weekdays:
        return ToolRequest(say=ONLY_WEEKDAYS)
    if found.clock is None:
        return ToolRequest(say="At what time?", asks=True)
    return call("alarm_set", found.name, repeating(found.repeat, found.clock, found.half, now, morning=True))


def _prolong(found: Sentence, now: datetime, state: ToolState, sign: int) -> ToolRequest | None:
    """The amount follows "by" or comes first; another length says which timer."""
    lengths = list(found.lengths)
    amount = next(
        (entry for entry in lengths if _before(found, entry[1]) in found.known.amount_leads), lengths[0]
    )
    lengths.remove(amount)
    if len(lengths) > 1 or found.has("set", "ask", "pause", "resume") or found.noun == "reminder":
        return None
    if not found.noun and not any(timer.kind == "timer" for timer in state.timers):
        return None
    kind = found.noun or "timer"

    def prolonged(timer: TimerChanged) -> Call:
        return Call("timer_add", timer.timer_id, sign * amount[0])

    which = _resolve(kind, found.name, lengths[0][0] if lengths else None, now, state, prolonged)
    return which if isinstance(which, ToolRequest) else ToolRequest(calls=(prolonged(which[0]),))


def _before(found: Sentence, item: Item) -> str:
    return next((other.text for other in found.items if other.end == item.start), "")


def _act_on(action: str, found: Sentence, now: datetime, state: ToolState) -> ToolRequest | None:
    if len(found.lengths) > 1 or found.has("set", "more", "less"):
        return None
    length = found.lengths[0][0] if found.lengths else None
    is_all = found.has("all") or _is_plural(found)
    if action == "skip" and found.noun == "timer":
        return None
    service = {"pause": "timer_pause", "resume": "timer_resume"}.get(action)

    def made(timer: TimerChanged) -> Call:
        return Call(service, timer.timer_id) if service else _left_out(action, timer, found, now)

    which = _resolve(found.noun, found.name, length, now, state, made, is_all=is_all, due=_due(found, now))
    return which if isinstance(which, ToolRequest) else ToolRequest(calls=tuple(map(made, which)))


def _left_out(action: str, timer: TimerChanged, found: Sentence, now: datetime) -> Call:
    """Of what repeats, one day is left out when that was said, and when the day is not all there is."""
    if not timer.repeats or timer.state == "ringing":
        return Call("timer_cancel", timer.timer_id)
    is_only_day = found.day is not None and recurrence.read(timer.repeats).weekdays == (found.day.weekday,)
    if action == "cancel" and (found.day is None or is_only_day):
        return Call("timer_cancel", timer.timer_id)
    day = _day(found, now) or datetime.fromtimestamp(timer.due_s).date()
    return Call("timer_skip", timer.timer_id, day.isoformat())


def _due(found: Sentence, now: datetime) -> Due:
    """What a timer is named by ("the six am alarm", "the alarm for tomorrow", "the weekday alarm")."""
    if found.repeat is not None:
        return found.repeat.weekdays
    if found.clock is not None:
        return times.resolve(found.clock, found.half, found.day, now, morning=True)
    return _day(found, now)


def _day(found: Sentence, now: datetime) -> date | None:
    if found.day is None:
        return None
    return times.resolve(Clock(23, 59, "", 0), "", found.day, now, morning=True).date()


def _is_plural(found: Sentence) -> bool:
    """Whether "timers", not "timer", was said."""
    return any(item.kind in NOUNS and item.text.endswith("s") for item in found.items)


def _resolve(
    kind: str,
    name: str,
    length: float | None,
    now: datetime,
    state: ToolState,
    made: Callable[[TimerChanged], Call] | None = None,
    *,
    is_all: bool = False,
    due: Due = None,
) -> list[TimerChanged] | ToolRequest:
    """The timers that are meant, or what to say instead; `made` is the call for one of them."""
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
        return ToolRequest(say=f"There is no {what} {kind}{_when(due, now)}.".replace("  ", " "))
    if len(found) == 1 or is_all:
        return found
    ringing = [timer for timer in found if timer.state == "ringing"]
    if ringing:
        return ringing
    names = [f"the {_called(timer, now)}" for timer in found]
    pairs = zip(names, found, strict=True) if made else ()
    choices = tuple(Choice(name, (made(timer),)) for name, timer in pairs if made)
    return ToolRequest(say=f"Which one, {listed(names, 'or')}?", asks=True, choices=choices)


def _is_at(timer: TimerChanged, due: Due) -> bool:
    """Whether it is the one due then; what repeats is due on all its days at its time."""
    rings = datetime.fromtimestamp(timer.due_s)
    if due is None:
        return True
    if not timer.repeats:
        return (rings if isinstance(due, datetime) else rings.date()) == due
    days, hour, minute = recurrence.read(timer.repeats)
    match due:
        case datetime():
            return (hour, minute) == (due.hour, due.minute)
        case date():
            return due.weekday() in days and due >= rings.date() and due.isoformat() not in timer.skipped
        case _:
            return due == days


def _when(due: Due, now: datetime) -> str:
    """As in "There is no alarm for tomorrow"."""
    match due:
        case datetime():
            return f" for {say.moment(due, now)}"
        case date():
            return f" {say.day(datetime.combine(due, now.time()), now)}"
        case None:
            return ""
        case _:
            return f" for {say.days(due)}"


def _called(timer: TimerChanged, now: datetime) -> str:
    due = datetime.fromtimestamp(timer.due_s)
    return say.called(timer.kind, timer.name, timer.seconds, due, now, timer.repeats)


# --- questions --------------------------------------------------------------------------------------------


def _answer(found: Sentence, now: datetime, state: ToolState) -> ToolRequest | None:
    is_about_rest = any(item.text in found.known.rest_words for item in found.items)
    if not found.noun and not (is_about_rest and state.timers):
        return None
    kind = found.noun or "timer"
    length = found.lengths[0][0] if found.lengths else None
    which = _resolve(kind, found.name, length, now, state, is_all=True, due=_due(found, now))
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
    if timer.repeats:
        return _repeating_sentence(timer, due, now)
    if timer.kind == "alarm" and not timer.name and not timer.seconds:
        return f"The alarm is set for {say.moment(due, now)}."
    return f"{what} is due at {say.moment(due, now)}."


def _repeating_sentence(timer: TimerChanged, due: datetime, now: datetime) -> str:
    """When it rings, and which of the days it leaves out."""
    what = {"alarm": f"{timer.name} alarm".strip()}.get(timer.kind, _called(timer, now))
    skipped = [
        say.day(datetime.fromisoformat(day), now) for day in timer.skipped if day >= now.date().isoformat()
    ]
    but = f", but not {listed(skipped)}" if skipped else ""
    return (
        f"The {what} is set for {say.repeated(timer.repeats)}{but}. It is due next at {say.moment(due, now)}."
    )

"""Sentences about Wren itself: how loud and how fast it speaks, what it can do, which day it is. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache

from device.reasoning.spoken import calendar_day
from device.reasoning.words import is_number
from device.tools import times, words
from device.tools.language import load
from device.tools.request import ToolRequest, ToolState, call
from device.tools.words import Table

VOLUME_STEP, SPEED_STEP = 15, 15
LOWEST_VOLUME = 5  # by steps: further down only when asked to be mute
SPEEDS = (50, 200)
_TENTHS = 10  # "volume 4" is of ten, unless percent are named
_MOST_SAID = "The volume goes up to 100."
CAPABILITIES = (
    "I can switch and ask about everything in the house, set timers, alarms and reminders, "
    "remember things for you, calculate and convert units, and tell the time. "
    "Say for instance: set a pasta timer for ten minutes."
)


def recognise(said: list[str], now: datetime, state: ToolState, language: str = "en") -> ToolRequest | None:
    """What the words ask of Wren itself; None when nothing."""
    if words.is_one_of(said, load(language).help):
        return ToolRequest(say=CAPABILITIES, group="help")
    return _voice(said, state, language) or _day(said, now, language)


@cache
def _table(language: str) -> Table:
    return Table(load(language).voice_words)


def _voice(said: list[str], state: ToolState, language: str) -> ToolRequest | None:
    known, kinds, numbers, at = load(language), set[str](), list[float](), 0
    leads = ""
    while at < len(said):
        item = _table(language).at(said, at)
        if item is not None:
            kinds.add(item.kind)
            at = item.end
        elif is_number(said[at]):
            leads = said[at - 1] if at else ""
            numbers.append(float(said[at]))
            at += 1
        else:
            return None
    meant = kinds - {"glue", "verb"}
    if not numbers:
        found = _alone(next(iter(meant)), state) if len(meant) == 1 else None
        return found or (_named_volume(meant - {"volume"}, state) if "volume" in meant else None)
    if len(numbers) > 1 or "volume" not in meant:
        return None
    sign = {"up": 1, "down": -1}.get(next(iter(meant - {"volume"}), ""), 0)
    if len(meant) > 2 or (len(meant) == 2 and not sign):
        return None
    if sign and (leads in known.amount_leads or "glue" not in kinds):
        return call("volume", value=round(max(0, min(100, state.volume + sign * numbers[0]))))
    is_percent = bool(set(said) & set(known.percent))
    percent = numbers[0] if is_percent or numbers[0] > _TENTHS else 10 * numbers[0]
    return call("volume", value=round(percent)) if percent <= 100 else ToolRequest(say=_MOST_SAID)


def _alone(kind: str, state: ToolState) -> ToolRequest | None:
    """What needs no number."""
    match kind:
        case "louder":
            return call("volume", value=min(100, state.volume + VOLUME_STEP))
        case "quieter":
            return call("volume", value=max(min(LOWEST_VOLUME, state.volume), state.volume - VOLUME_STEP))
        case "mute":
            return call("volume", value=0)
        case "unmute":
            return call("volume", value=state.volume or state.unmuted_volume)
        case "microphone":
            return call("microphone_mute")
        case "faster":
            return call("speech_speed", value=min(SPEEDS[1], state.speed + SPEED_STEP))
        case "slower":
            return call("speech_speed", value=max(SPEEDS[0], state.speed - SPEED_STEP))
        case "normal":
            return call("speech_speed", value=100)
        case _:
            return None


def _named_volume(meant: set[str], state: ToolState) -> ToolRequest | None:
    """The volume asked about, moved, or put to a level that has a name."""
    if meant == {"ask"}:
        return ToolRequest(say=f"The volume is {state.volume} percent.")
    levels = {"most": 100, "least": LOWEST_VOLUME, "half": 50}
    named = meant - {"up", "down"}
    if len(named) == 1 and (level := levels.get(next(iter(named)))):
        return call("volume", value=level)
    sign = {"up": 1, "down": -1}.get(next(iter(meant)), 0) if len(meant) == 1 else 0
    step = max(min(LOWEST_VOLUME, state.volume), min(100, state.volume + sign * VOLUME_STEP))
    return call("volume", value=step) if sign else None


# --- days -------------------------------------------------------------------------------------------------


def _day(said: list[str], now: datetime, language: str) -> ToolRequest | None:
    """As in "what day is it tomorrow", "what is the date in three days"."""
    known = load(language)
    table = Table({**known.date_words, **{f"day{n}": day.phrases for n, day in enumerate(known.days)}})
    kinds, at = set[str](), 0
    days: int | None = None
    while at < len(said):
        length = (
            times.length_at(said, at + 1, known)
            if said[at] in known.length_leads and at + 1 < len(said)
            else None
        )
        item = table.at(said, at)
        if length is not None and length.seconds % 86_400 == 0:
            days, at = round(length.seconds / 86_400), length.end
            continue
        if item is None:
            return None
        kinds.add(item.kind)
        if item.kind == "yesterday":
            days = -1
        elif item.kind.startswith("day"):
            chosen = known.days[int(item.kind[3:])]
            weekday = chosen.weekday if chosen.weekday is not None else now.weekday()
            days = chosen.offset if chosen.offset is not None else (weekday - now.weekday() - 1) % 7 + 1
        at = item.end
    if days is None or not {"ask", "date"} <= kinds:
        return None
    be = "was" if days < 0 else "is" if days == 0 else "will be"
    return ToolRequest(say=f"It {be} {calendar_day(now + timedelta(days=days))}.")

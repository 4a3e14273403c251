"""Sentences about Wren itself: how loud and how fast it speaks, what it can do, which day it is. Pure."""

from __future__ import annotations

from collections.abc import Sequence
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
CAPABILITIES = (
    "I can switch and ask about everything in the house, set timers, alarms and reminders, "
    "remember things for you, calculate and convert units, and tell the time. "
    "Say for instance: set a pasta timer for ten minutes."
)


def recognise(said: list[str], now: datetime, state: ToolState, language: str = "en") -> ToolRequest | None:
    """What the words ask of Wren itself; None when nothing."""
    if words.is_one_of(said, load(language).help):
        return ToolRequest(say=CAPABILITIES)
    return _voice(said, state, language) or _day(said, now, language)


@cache
def _table(language: str) -> Table:
    return Table(load(language).voice_words)


def _voice(said: list[str], state: ToolState, language: str) -> ToolRequest | None:
    kinds, numbers, at = [], list[float](), 0
    leads = ""
    while at < len(said):
        item = _table(language).at(said, at)
        if item is not None:
            kinds.append(item.kind)
            at = item.end
        elif is_number(said[at]):
            leads = said[at - 1] if at else ""
            numbers.append(float(said[at]))
            at += 1
        else:
            return None
    meant = set(kinds) - {"glue", "verb"}
    if len(numbers) > 1:
        return None
    if len(meant) == 1 and not numbers and (found := _alone(next(iter(meant)), state)):
        return found
    if "volume" not in meant:
        return None
    return _volume(
        meant - {"volume"}, numbers, state, is_step=leads == "by" or not {"glue"} & set(kinds), said=said
    )


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


def _volume(
    meant: set[str], numbers: list[float], state: ToolState, *, is_step: bool, said: Sequence[str]
) -> ToolRequest | None:
    if meant == {"ask"} and not numbers:
        return ToolRequest(say=f"The volume is {state.volume} percent.")
    levels = {"most": 100, "least": LOWEST_VOLUME, "half": 50}
    if (
        len(meant - {"up", "down"}) == 1
        and not numbers
        and (level := levels.get(next(iter(meant - {"up", "down"}))))
    ):
        return call("volume", value=level)
    if meant - {"up", "down"} or len(meant) > 1:
        return None
    sign = {"up": 1, "down": -1}.get(next(iter(meant), ""), 0)
    if not numbers:
        step = max(min(LOWEST_VOLUME, state.volume), min(100, state.volume + sign * VOLUME_STEP))
        return call("volume", value=step) if sign else None
    number = numbers[0]
    if sign and is_step:
        return call("volume", value=round(max(0, min(100, state.volume + sign * number))))
    if "percent" not in said and number <= 10:
        number *= 10  # "volume 4": of ten
    return (
        call("volume", value=round(number))
        if number <= 100
        else ToolRequest(say="The volume goes up to 100.")
    )


# --- days -------------------------------------------------------------------------------------------------


def _day(said: list[str], now: datetime, language: str) -> ToolRequest | None:
    """As in "what day is it tomorrow", "what is the date in three days"."""
    known = load(language)
    table = Table({**known.date_words, **{f"day{n}": day.phrases for n, day in enumerate(known.days)}})
    kinds, at = set[str](), 0
    days: int | None = None
    while at < len(said):
        length = times.length_at(said, at + 1, known) if said[at] == "in" and at + 1 < len(said) else None
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

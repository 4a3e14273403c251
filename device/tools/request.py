"""What a recognised sentence comes to, and what must be known to recognise it."""

from __future__ import annotations

import msgspec

from device.events import TimerChanged
from device.home.registry import Call


class Spoken(msgspec.Struct, frozen=True, kw_only=True):
    """A tool that sentences of its own call, as hassil templates with `{value}` (a number) or `{text}`."""

    service: str  # of the call
    sentences: tuple[str, ...]
    description: str  # as in "open the gate"
    ask_first: bool = False


class ToolRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Calls to run, or (without calls) what to say.

    With `confirm` a "yes" to what is said runs the calls; with `asks` the sentence lacks something, and is
    whole when the answer is put behind it.
    """

    calls: tuple[Call, ...] = ()
    say: str = ""
    confirm: bool = False
    asks: bool = False
    group: str = ""  # of the tools that know; "help": what Wren itself can do


class ToolState(msgspec.Struct, frozen=True, kw_only=True):
    """What the sentences may be about."""

    timers: tuple[TimerChanged, ...] = ()
    facts: tuple[str, ...] = ()  # the newest last
    volume: int = 100  # percent
    speed: int = 100  # percent of the voice's own pace
    unmuted_volume: int = 50  # what "unmute" goes back to
    house_words: frozenset[str] = frozenset()  # in the names of the things of the house
    custom: dict[str, Spoken] = {}  # by name


def call(service: str, entity: str = "", value: str | int | float | None = None) -> ToolRequest:
    """A request of one call."""
    return ToolRequest(calls=(Call(service, entity, value),))

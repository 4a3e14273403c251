"""What a recognised sentence comes to, and what must be known to recognise it."""

from __future__ import annotations

import msgspec

from device.events import TimerChanged
from device.home.registry import Call
from device.settings import MqttTool


class ToolRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Calls to run, or (without calls) what to say; with `confirm` a "yes" to what is said runs the calls."""

    calls: tuple[Call, ...] = ()
    say: str = ""
    confirm: bool = False


class ToolState(msgspec.Struct, frozen=True, kw_only=True):
    """What the sentences may be about."""

    timers: tuple[TimerChanged, ...] = ()
    facts: tuple[str, ...] = ()  # the newest last
    volume: int = 100  # percent
    speed: int = 100  # percent of the voice's own pace
    unmuted_volume: int = 50  # what "unmute" goes back to
    mqtt: dict[str, MqttTool] = {}


def call(service: str, entity: str = "", value: str | int | float | None = None) -> ToolRequest:
    """A request of one call."""
    return ToolRequest(calls=(Call(service, entity, value),))

"""The reading of a sound that Wren goes on with, for benchmarks that have no dialog."""

from __future__ import annotations

from collections.abc import Callable

from device.hearing.asr import Recogniser
from device.reasoning.readings import makes_sense, sensible
from device.reasoning.router import Route


def chosen(text: str, recogniser: Recogniser, find: Callable[[str], Route]) -> str:
    """`text`, which `recogniser` read last, or another reading of it, where `find` makes no sense of it."""
    return text if makes_sense(find(text)) else sensible(text, recogniser.readings(), find)

"""What a call to a device comes to: the messages to publish, and how a state confirms that it was done."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any

import msgspec

from device.home.registry import Call, State

PERCENT_TOLERANCE = 2


class Verdict(enum.Enum):
    """What a state says about a call."""

    NO = enum.auto()
    MOVING = enum.auto()  # the device is at it and needs longer
    YES = enum.auto()
    FAILED = enum.auto()


Check = Callable[[State], Verdict]


class Publish(msgspec.Struct, frozen=True):
    """One MQTT message."""

    topic: str
    payload: str
    retain: bool = False


class Plan(msgspec.Struct, frozen=True):
    """How to carry out a call; without `verdict` the broker's acknowledgement is all there is to wait for."""

    messages: tuple[Publish, ...]
    verdict: Check | None = None
    idempotent: bool = True  # sending it twice does what sending it once does


class Refused(Exception):  # noqa: N818 - an answer, not an error of the program
    """The device cannot do what the call asks."""


def number_of(call: Call) -> float:
    """The call's number. Raises Refused."""
    if isinstance(call.value, int | float):
        return call.value
    raise Refused("a number is missing")


def is_equal(field: str, wanted: Any) -> Check:
    """YES when the state's `field` is `wanted`."""
    return lambda now: Verdict.YES if getattr(now, field) == wanted else Verdict.NO


def is_near(field: str, wanted: float, tolerance: float) -> Check:
    """YES when the state's `field` is a number within `tolerance` of `wanted`."""

    def check(now: State) -> Verdict:
        value = getattr(now, field)
        close = isinstance(value, int | float) and abs(value - wanted) <= tolerance + 1e-6
        return Verdict.YES if close else Verdict.NO

    return check


def all_of(*checks: Check | None) -> Check | None:
    """YES when all that can be checked say so; None when nothing can."""
    known = [check for check in checks if check is not None]
    if not known:
        return None
    return lambda now: Verdict.YES if all(check(now) is Verdict.YES for check in known) else Verdict.NO

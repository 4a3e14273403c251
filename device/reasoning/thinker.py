"""What every language model is to the rest of Wren, whether it runs here or behind an endpoint.

A thinker first learns a house, which may take long; it then decides about requests, held to the calls that
the house allows, and answers those that are only talk. All methods belong to one thread and ask `cancelled`
often enough to stop within a token. With `brief` a request is read behind a much shorter prompt: fewer
examples, no history.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

import msgspec

from device.home.registry import House
from device.reasoning.decision import ACT, ASK, Decision

Cancel = Callable[[], bool]
Begun = Callable[[], None]
History = Sequence[tuple[str, str]]  # ("user" or "assistant", text), oldest first


class ModelError(Exception):
    """The language model cannot be used: the cause, and what to do about it."""

    def __init__(self, cause: str, next_step: str) -> None:
        super().__init__(f"{cause}; {next_step}")
        self.cause, self.next_step = cause, next_step


class UnavailableError(ModelError):
    """It cannot be used now; that may change without anything here, so it is tried again."""


class Cancelled(Exception):  # noqa: N818
    """The caller no longer wants the result."""


class TooSlow(Exception):  # noqa: N818
    """The deadline passed before there was a decision."""


class Finality(NamedTuple):
    """How probable it is that a request is over.

    Talk may go on with what it does not need ("tell me a joke … about cats"), and mostly does not: `talk` is
    the probability among the continuations that add nothing of that kind. What is added to a command
    changes it ("turn off all lights … in the office"), so of what may be one `over` counts.
    """

    over: float
    talk: float


class Limits(msgspec.Struct, frozen=True):
    """How sure the model must be to act and to offer, and how long an answer may become."""

    act: float = ACT
    ask: float = ASK
    answer_tokens: int = 60
    sentences: int = 2
    deadline_s: float = 8.0


DEFAULT_LIMITS = Limits()


class Thinker(Protocol):
    """A language model that can be thought with; `limits` and `spared` may be replaced at any time."""

    limits: Limits
    spared: int  # cores of this machine that it leaves to others

    def set_house(self, house: House, cancelled: Cancel = ...) -> bool:
        """Prepare for `house`; whether that was remembered from before. Raises ModelError."""
        ...

    def recall(self, history: History, cancelled: Cancel = ...) -> None:
        """Read what has been said before the next request; changes nothing but the cost of its answer."""
        ...

    def prefill(self, text: str, history: History = (), cancelled: Cancel = ...) -> None:
        """Read a request that may still go on; changes nothing but the cost of what follows."""
        ...

    def finality(
        self, text: str, history: History = (), cancelled: Cancel = ..., *, whole: bool = ...
    ) -> Finality | None:
        """How probable it is that a request is over; None where the model cannot tell.

        With `history` it is read where it will be answered, without it where it will be decided about.
        `whole`: nobody speaks any more, so an answer is likely to follow.
        """
        ...

    def decide(self, text: str, house: House, cancelled: Cancel = ..., *, brief: bool = False) -> Decision:
        """What `text` asks for; every call of the decision is allowed by `house`. Raises TooSlow."""
        ...

    def talk(
        self,
        text: str,
        history: History = (),
        cancelled: Cancel = ...,
        *,
        brief: bool = False,
        begun: Begun = ...,
    ) -> Iterator[str]:
        """A spoken answer clause by clause; `begun` is called at its first token."""
        ...

    def close(self) -> None:
        """Free everything."""
        ...


def never() -> bool:
    """For work that nobody cancels."""
    return False


def unnoticed() -> None:
    """For answers whose beginning nobody waits for."""


def stop_if(cancelled: Cancel, deadline: float | None = None) -> Callable[[], None]:
    """A check that raises Cancelled, or TooSlow once the monotonic clock has passed `deadline`."""

    def check() -> None:
        if cancelled():
            raise Cancelled
        if deadline is not None and time.monotonic() > deadline:
            raise TooSlow("the deadline passed")

    return check

"""Recognition and the turn model in threads of their own, so that whoever listens never waits for them.

Orders are carried out one after another: sound to accept, partial or final text to make, an utterance to
forget. Whoever asked collects the texts with `poll`; those of a forgotten utterance are left out. A final
text carries the ticket of its request, by which one that no longer matters is told apart. An error in the
thread is raised by `poll`. The turn model answers only the newest question: older ones that it has not begun
with are left out.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

from device.hearing import Samples
from device.hearing.asr import Recogniser, Recognition
from device.hearing.turn import TurnModel


class Partial(NamedTuple):
    """Text so far."""

    text: str
    decode_ms: float


class Final(NamedTuple):
    """Text of everything accepted before the request that returned `ticket`."""

    ticket: int
    recognition: Recognition
    decode_ms: float


class Readings(NamedTuple):
    """How the sound of the last final text may be read, likeliest first."""

    ticket: int
    texts: tuple[str, ...]


class Transcription(Protocol):
    """What an utterance needs of a recogniser in the background."""

    @property
    def busy(self) -> bool:
        """Whether a text that was asked for has not been collected yet."""

    def accept(self, samples: Samples) -> None:
        """More sound of the utterance."""

    def reset(self) -> None:
        """Another utterance begins."""

    def request_partial(self) -> None:
        """Asks for the text so far."""

    def request_final(self) -> int:
        """Asks for the text as if the utterance were over; returns the ticket of the answer."""

    def request_readings(self) -> int:
        """Asks how the sound of the last final text may be read; returns the ticket of the answer."""

    def poll(self) -> list[Partial | Final | Readings]:
        """What was recognised since the last call."""


class TurnWitness(Protocol):
    """What an utterance needs of a turn model in the background."""

    def ask(self, samples: Samples) -> int:
        """Asks whether int16[n] sounds like the end of a turn; returns the ticket of the answer."""

    def poll(self) -> list[tuple[int, float]]:
        """Tickets and probabilities since the last call."""


class Transcriber:
    """Runs `recogniser`, which belongs to the thread from now on."""

    def __init__(self, recogniser: Recogniser) -> None:
        self._recogniser = recogniser
        self._orders: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._texts: queue.SimpleQueue[tuple[int, Partial | Final | Readings]] = queue.SimpleQueue()
        self._error: Exception | None = None
        self._utterance = 0
        self._tickets = 0
        self._unanswered = 0
        self._busy_since: float | None = None
        self._thread = threading.Thread(target=self._run, name="recognition", daemon=True)
        self._thread.start()

    @property
    def busy(self) -> bool:
        """Whether a text that was asked for has not been collected yet."""
        return self._unanswered > 0

    @property
    def stalled_s(self) -> float:
        """How long it has been at the same order."""
        since = self._busy_since
        return 0.0 if since is None else time.monotonic() - since

    def accept(self, samples: Samples) -> None:
        """More sound of the utterance."""
        self._orders.put(lambda: self._recogniser.accept(samples))

    def reset(self) -> None:
        """Another utterance begins."""
        self._utterance += 1
        self._orders.put(self._recogniser.reset)

    def request_partial(self) -> None:
        """Asks for the text so far."""
        self._unanswered += 1
        utterance = self._utterance
        self._orders.put(lambda: self._partial(utterance))

    def request_final(self) -> int:
        """Asks for the text as if the utterance were over; returns the ticket of the answer."""
        self._recogniser.give_up_partial()  # the whole text is there sooner
        self._tickets += 1
        self._unanswered += 1
        ticket, utterance = self._tickets, self._utterance
        self._orders.put(lambda: self._final(utterance, ticket))
        return ticket

    def request_readings(self) -> int:
        """Asks how the sound of the last final text may be read; returns the ticket of the answer."""
        self._tickets += 1
        self._unanswered += 1
        ticket, utterance = self._tickets, self._utterance
        self._orders.put(lambda: self._readings(utterance, ticket))
        return ticket

    def expect(self, phrases: tuple[str, ...]) -> None:
        """Makes `phrases` likelier from now on."""
        self._orders.put(lambda: self._recogniser.expect(phrases))

    def poll(self) -> list[Partial | Final | Readings]:
        """What was recognised since the last call."""
        if self._error is not None:
            raise self._error
        texts = [self._texts.get_nowait() for _ in range(self._texts.qsize())]
        self._unanswered -= len(texts)
        return [text for utterance, text in texts if utterance == self._utterance]

    def close(self) -> None:
        """Ends the thread after what it is doing."""
        self._orders.put(None)
        self._thread.join(1)

    def _run(self) -> None:
        try:
            while (order := self._orders.get()) is not None:
                self._busy_since = time.monotonic()
                order()
                self._busy_since = None
        except Exception as error:
            self._error = error

    def _partial(self, utterance: int) -> None:
        began = time.monotonic()
        text = self._recogniser.partial()
        self._texts.put((utterance, Partial(text, 1000 * (time.monotonic() - began))))

    def _final(self, utterance: int, ticket: int) -> None:
        began = time.monotonic()
        recognition = self._recogniser.finish()
        self._texts.put((utterance, Final(ticket, recognition, 1000 * (time.monotonic() - began))))

    def _readings(self, utterance: int, ticket: int) -> None:
        self._texts.put((utterance, Readings(ticket, tuple(self._recogniser.readings()))))


class TurnListener:
    """Runs `model`, which belongs to the thread from now on."""

    def __init__(self, model: TurnModel) -> None:
        self._model = model
        self._questions: queue.SimpleQueue[tuple[int, Samples] | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[tuple[int, float]] = queue.SimpleQueue()
        self._error: Exception | None = None
        self._tickets = 0
        self._thread = threading.Thread(target=self._run, name="turn", daemon=True)
        self._thread.start()

    def ask(self, samples: Samples) -> int:
        """Asks whether int16[n] sounds like the end of a turn; returns the ticket of the answer."""
        self._model.give_up()  # before there is a new question, which it must not meet
        self._tickets += 1
        self._questions.put((self._tickets, samples))
        return self._tickets

    def poll(self) -> list[tuple[int, float]]:
        """Tickets and probabilities since the last call."""
        if self._error is not None:
            raise self._error
        return [self._answers.get_nowait() for _ in range(self._answers.qsize())]

    def close(self) -> None:
        """Ends the thread after what it is doing."""
        self._questions.put(None)
        self._thread.join(1)

    def _run(self) -> None:
        try:
            while (question := self._questions.get()) is not None:
                ticket, samples = question
                if ticket != self._tickets:
                    continue
                if (probability := self._model.probability(samples)) is not None:
                    self._answers.put((ticket, probability))
        except Exception as error:
            self._error = error

"""Recognition and turn model in simulated time: every answer comes as late as its cost in CPU time says.

What is asked is worked out at once in the calling thread, its CPU time is measured (once for the same sound,
then remembered), and the answer can be collected when the clock has gone on for as long, and for as long as what
was asked before it takes. So the load of the machine does not count.
"""

from __future__ import annotations

import hashlib
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from device.hearing import Floats, Samples
from device.hearing.asr import SegmentRecogniser
from device.hearing.background import Final, Partial, Readings
from device.hearing.moonshine import Encoded, Moonshine, Reading
from device.hearing.onnx import Effort
from device.hearing.transcript import words
from device.hearing.turn import TurnModel
from device.hearing.vad import SileroVad
from device.hearing.whisper import Heard, Whisper

T = TypeVar("T")


class Clock:
    """Simulated time in ms."""

    ms = 0.0


def _digest(sound: np.ndarray[Any, Any]) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(sound).data, digest_size=16).digest()


class RememberingVad(SileroVad):
    """Silero that does not judge the same sound in the same state twice."""

    def __init__(self, model: Path) -> None:
        super().__init__(model)
        self._known: dict[bytes, tuple[float, Floats]] = {}

    def run(self, given: Floats, state: Floats) -> tuple[float, Floats]:
        """As SileroVad."""
        key = _digest(np.concatenate((given, state.ravel())))
        if key not in self._known:
            self._known[key] = super().run(given, state)
        return self._known[key]


class Costs:
    """Results that are worked out once, and every time add up what that cost in ms of `clock`."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.ms = 0.0
        self._clock = clock
        self._known: dict[Hashable, tuple[Any, float]] = {}

    def of(self, key: Hashable, work: Callable[[], T]) -> T:
        """What `work` returns, or returned for the same `key` before."""
        if key not in self._known:
            began = self._clock()
            result = work()
            self._known[key] = result, 1000 * (self._clock() - began)
        result, cost_ms = self._known[key]
        self.ms += cost_ms
        return result


class CountedModel(Moonshine):
    """Moonshine that remembers what it has encoded and read, and adds up what that cost in CPU ms."""

    def __init__(self, encoder: Path, decoder: Path, tokens: Path) -> None:
        super().__init__(encoder, decoder, tokens)
        self.costs = Costs(time.thread_time)

    def encode(self, sound: Floats, effort: Effort | None = None) -> Encoded:
        """As Moonshine; the same sound gives the same object."""
        work = partial(super().encode, sound)
        return self.costs.of(("encode", _digest(sound)), work)

    def read(self, encoded: Encoded, width: int = 1, effort: Effort | None = None) -> list[Reading]:
        """As Moonshine."""
        work = partial(super().read, encoded, width)
        return self.costs.of(("read", id(encoded), width), work)

    def fit(self, encoded: Encoded, texts: Sequence[str]) -> list[float]:
        """As Moonshine."""
        work = partial(super().fit, encoded, texts)
        return self.costs.of(("fit", id(encoded), *texts), work)


class CountedSecondPass(Whisper):
    """Whisper, once for each sound, that says what it costs; the wide search beside it counts as well."""

    def __init__(self, model: Path, vocabulary: Path) -> None:
        super().__init__(model, vocabulary)
        self.costs = Costs(time.process_time)

    def hear(self, sound: Floats) -> Heard | None:
        """As Whisper; the same sound gives the same object."""
        work = partial(super().hear, sound)
        return self.costs.of(("hear", _digest(sound)), work)

    def read(self, heard: Heard) -> list[str]:
        """As Whisper."""
        work = partial(super().read, heard)
        return self.costs.of(("read", id(heard)), work)

    def fit(self, heard: Heard, texts: Sequence[str]) -> list[float]:
        """As Whisper."""
        work = partial(super().fit, heard, texts)
        return self.costs.of(("fit", id(heard), *texts), work)


class SimulatedTranscriber:
    """Answers as late as a thread of its own would; see `device.hearing.background.Transcriber`."""

    def __init__(self, model: CountedModel, second: CountedSecondPass, clock: Clock) -> None:
        self._model, self._second, self._clock = model, second, clock
        self._recogniser = SegmentRecogniser(model, second)
        self._earlier = ""  # the partial text before the last
        self._answers: deque[tuple[float, int, Partial | Final | Readings]] = deque()
        self._free_at_ms, self._utterance, self._tickets = 0.0, 0, 0

    @property
    def busy(self) -> bool:
        """Whether an answer has not been collected yet."""
        return bool(self._answers)

    def accept(self, samples: Samples) -> None:
        """More sound."""
        self._recogniser.accept(samples)

    def reset(self) -> None:
        """Another utterance begins."""
        self._utterance += 1
        self._recogniser.reset()

    def request_partial(self) -> None:
        """The text so far, later."""
        self._earlier = self._recogniser._earlier
        self._answer(lambda: Partial(self._recogniser.partial(), 0.0))

    def request_final(self) -> int:
        """The text of all, later, and instead of a partial one, unless that is the first."""
        is_partial = self._answers and isinstance(self._answers[-1][2], Partial)
        if is_partial and len(words(self._earlier)) > 1:
            self._answers.pop()
            self._recogniser._earlier = self._earlier
            self._recogniser.give_up_partial()
            self._free_at_ms = self._answers[-1][0] if self._answers else self._clock.ms
        self._tickets += 1
        self._answer(lambda: Final(self._tickets, self._recogniser.finish(), 0.0))
        return self._tickets

    def request_readings(self) -> int:
        """All readings, later."""
        self._tickets += 1
        self._answer(lambda: Readings(self._tickets, tuple(self._recogniser.readings())))
        return self._tickets

    def poll(self) -> list[Partial | Final | Readings]:
        """The answers that are there by now."""
        found = []
        while self._answers and self._answers[0][0] <= self._clock.ms:
            _, utterance, answer = self._answers.popleft()
            if utterance == self._utterance:
                found.append(answer)
        return found

    def _answer(self, decode: Callable[[], Partial | Final | Readings]) -> None:
        first, second = self._model.costs.ms, self._second.costs.ms
        answer = decode()
        cost_ms = max(self._model.costs.ms - first, self._second.costs.ms - second)  # they run side by side
        self._free_at_ms = max(self._free_at_ms, self._clock.ms) + cost_ms
        if not isinstance(answer, Readings):
            answer = answer._replace(decode_ms=cost_ms)
        self._answers.append((self._free_at_ms, self._utterance, answer))


class SimulatedTurnListener:
    """The same for the turn model; see `device.hearing.background.TurnListener`."""

    def __init__(self, model: TurnModel, known: dict[bytes, tuple[float, float]], clock: Clock) -> None:
        self._model, self._known, self._clock = model, known, clock
        self._answer: tuple[float, int, float] | None = None  # when, to which ticket, and what
        self._tickets = 0

    def ask(self, samples: Samples) -> int:
        """The probability, later, instead of what was asked before."""
        self._tickets += 1
        key = _digest(samples)
        if key not in self._known:
            began = time.thread_time()
            found = self._model.probability(samples)
            assert found is not None
            self._known[key] = found, 1000 * (time.thread_time() - began)
        probability, cost_ms = self._known[key]
        self._answer = self._clock.ms + cost_ms, self._tickets, probability
        return self._tickets

    def poll(self) -> list[tuple[int, float]]:
        """The answers that are there by now."""
        if self._answer is None or self._answer[0] > self._clock.ms:
            return []
        (_, ticket, probability), self._answer = self._answer, None
        return [(ticket, probability)]

"""How benchmarks, which have no daemons, read a voice: as wren-listen does, its texts judged as wren-reason does.

`Ear` feeds the real `Utterance` in simulated time (`turn_simulation`); `chosen` has no time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import NamedTuple

from device.events import FRAME_MS
from device.hearing import Samples
from device.hearing.asr import Recogniser
from device.hearing.loading import files_of, turn_model
from device.hearing.patience import Completeness
from device.hearing.utterance import Fact, Hypothesis, PartialText, Utterance
from device.hearing.vad import SileroVad
from device.home.registry import House
from device.reasoning.carried_on import CutRequest
from device.reasoning.completeness import is_doubtful, weighed
from device.reasoning.context import Context
from device.reasoning.intents import NO_CONTEXT
from device.reasoning.readings import makes_sense, rather_said, sensible
from device.reasoning.router import AskModel, Perform, Route, Speak, route
from device.reasoning.talk import manner
from device.settings import Listen
from device.tools.recognise import recognise
from device.tools.request import ToolState
from tests.bench.turn_simulation import (
    Clock,
    CountedModel,
    CountedSecondPass,
    SimulatedTranscriber,
    SimulatedTurnListener,
)

Finality = Callable[[str], tuple[Completeness, float]]  # what the language model says, and after how many ms

_BUS_MS = 5.0  # there and back, for an event and its answer


def understood(text: str, house: House) -> Route:
    """What wren-reason would do about `text` while nothing is set or remembered."""
    tool = recognise(text, datetime.now(), ToolState())
    if tool is None:
        return route(text, house)
    return Perform(tool.calls, "tools") if tool.calls else Speak(tool.say, "tools")


def chosen(text: str, recogniser: Recogniser, find: Callable[[str], Route]) -> str:
    """`text`, which `recogniser` read last, or another reading of it, where `find` makes no sense of it."""
    return text if makes_sense(find(text)) else sensible(text, recogniser.readings(), find)


class _Answer(NamedTuple):
    """What the house has to say of a text by `due_ms`; `text` is the reading of `instead_of` that makes sense."""

    due_ms: float
    text: str
    completeness: Completeness
    doubtful: bool
    instead_of: str


class Begun(NamedTuple):
    """A request that was cut off, which may be gone on with, and the context that it left."""

    request: CutRequest
    context: Context


class SimulatedJudge:
    """wren-reason's part before the commit: of each text, which reading makes sense, and how whole it is."""

    def __init__(self, house: House, clock: Clock, begun: Begun, finality: Finality | None) -> None:
        self._house, self._clock, self._begun, self._finality = house, clock, begun, finality
        self._answers: list[_Answer] = []

    def hear(self, facts: Iterable[Fact]) -> None:
        """Works on the texts among `facts`."""
        for fact in facts:
            if isinstance(fact, Hypothesis | PartialText):
                self._hear(fact)

    def answer(self, utterance: Utterance) -> list[Fact]:
        """Tells `utterance` what is known by now; what follows from it."""
        facts: list[Fact] = []
        due = [answer for answer in self._answers if answer.due_ms <= self._clock.ms]
        self._answers = [answer for answer in self._answers if answer.due_ms > self._clock.ms]
        for answer in due:
            utterance.prefer(answer.instead_of, answer.text)
            facts += utterance.judge(answer.text, answer.completeness, doubtful=answer.doubtful)
        return facts

    def _hear(self, fact: Hypothesis | PartialText) -> None:
        began = time.thread_time()
        readings = fact.readings if isinstance(fact, Hypothesis) else ()
        text = sensible(fact.text, readings, self._route)
        if (
            text == fact.text
            and readings
            and self._finality
            and self._finality(text)[0] in ("unsure", "open")
        ):
            text = rather_said(text, readings, self._route, lambda said: manner(said, self._house))
        judgement = self._begun.request.judge(text, self._house)
        due_ms = self._clock.ms + _BUS_MS + 1000 * (time.thread_time() - began)
        how, has_model = manner(text, self._house), self._finality is not None
        doubtful = is_doubtful(judgement, how, None, is_asked=has_model)
        self._answers.append(_Answer(due_ms, text, judgement, doubtful, fact.text))
        is_for_model = isinstance(fact, Hypothesis) and isinstance(self._route(text), AskModel)
        if is_for_model and self._finality is not None:
            finality, took_ms = self._finality(text)
            judgement = weighed(judgement, finality)
            doubtful = is_doubtful(judgement, how, finality)
            self._answers.append(_Answer(due_ms + took_ms, text, judgement, doubtful, fact.text))

    def _route(self, text: str) -> Route:
        goes_on = self._begun.request.route(text, self._house, self._begun.context)
        return goes_on or understood(text, self._house)


class Ended(NamedTuple):
    """In which frame an utterance ended, and with which fact; None: it did not."""

    frame: int
    last: Fact | None


class Ear:
    """The models that hear a request for `house`, and what they have already answered."""

    def __init__(self, vad: SileroVad, house: House, finality: Finality | None = None) -> None:
        files = files_of("asr")
        self.asr = CountedModel(files["encoder"], files["decoder"], files["tokens"])
        self.asr.expect(house.names())
        files = files_of("second_pass")
        self.second_pass = CountedSecondPass(files["model"], files["vocabulary"])
        self._turn = turn_model()
        self._turns: dict[bytes, tuple[float, float]] = {}
        self._vad, self._house, self._finality = vad, house, finality

    def hear(
        self,
        frames: Iterable[tuple[int, Samples, Samples]],
        since: int,
        rules: Listen,
        *,
        wake_word: str = "",
        said_since: int | None = None,
        with_turn_model: bool = True,
        begun: Begun | None = None,
    ) -> Ended:
        """One utterance from `since` on; a frame is its number, its sound, and that for recognition."""
        clock = Clock()
        turn = SimulatedTurnListener(self._turn, self._turns, clock) if with_turn_model else None
        transcriber = SimulatedTranscriber(self.asr, self.second_pass, clock)
        utterance = Utterance(
            self._vad, transcriber, rules, since, wake_word=wake_word, said_since=said_since, turn=turn
        )
        begun = begun or Begun(CutRequest(), NO_CONTEXT)
        house = SimulatedJudge(self._house, clock, begun, self._finality)
        number = since
        for number, samples, voice in frames:
            clock.ms = FRAME_MS * (number + 1.0)
            facts = utterance.accept(number, samples, voice=voice) + utterance.poll()
            facts += house.answer(utterance)
            house.hear(facts)
            if utterance.done:
                return Ended(number, facts[-1])
        return Ended(number, None)

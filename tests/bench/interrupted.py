"""Whether the request that interrupted Wren is understood: read as wren-listen reads it, and judged as a house would.

After the interruption an `Utterance` reads the frames from `PRE_ROLL_FRAMES` before the voice on, and the text is
the one that it commits, with recognition and the turn model as late as their CPU time says. It is understood
when the parser makes the same calls of it as of the transcript, in the house of the shared data; where the
parser makes nothing of the transcript, when at most `_WRONG_WORDS` of the words are wrong.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import jiwer

from device.events import FRAME_MS
from device.hearing import Samples
from device.hearing.asr import SegmentRecogniser
from device.hearing.loading import files_of
from device.hearing.transcribe import transcribe
from device.hearing.turn import TurnModel
from device.hearing.utterance import Fact, Finished, Hypothesis, PartialText, Utterance
from device.hearing.vad import SileroVad
from device.reasoning.completeness import completeness
from device.reasoning.intents import Understood, parse
from device.reasoning.readings import sensible
from device.reasoning.router import Route, route
from device.settings import Listen
from tests.bench.reading import chosen
from tests.bench.speech_eval import normalised
from tests.bench.text_eval import DATA, load_home
from tests.bench.turn_simulation import Clock, CountedModel, SimulatedTranscriber, SimulatedTurnListener
from tests.hearing import in_room
from tests.recordings import Recording

PRE_ROLL_FRAMES = 40
_LONGEST_S = 6.0
_WRONG_WORDS = 0.2
_AROUND_FRAMES = 60


class Heard(NamedTuple):
    """A frame as the microphone ring and as the ring for recognition have it."""

    frame: int
    samples: Samples
    voice: Samples


class Reader:
    """The models that read a request, and the house it is for."""

    def __init__(self, vad: SileroVad) -> None:
        files = files_of("asr")
        self._asr = CountedModel(files["encoder"], files["decoder"], files["tokens"])
        self._turn = TurnModel(files_of("turn")["model"])
        self._turns: dict[bytes, tuple[float, float]] = {}
        self._house, self._vad = load_home(DATA / "home_requests" / "home.json"), vad
        self._asr.expect(self._house.names())

    def read(self, frames: Iterable[Heard], since: int) -> str:
        """The text that is committed of a voice that began at `since`; "" when none is."""
        clock = Clock()
        utterance = Utterance(
            self._vad,
            SimulatedTranscriber(self._asr, clock),
            Listen(),
            since,
            turn=SimulatedTurnListener(self._turn, self._turns, clock),
        )
        for heard in frames:
            clock.ms = FRAME_MS * (heard.frame + 1.0)
            facts = utterance.accept(heard.frame, heard.samples, voice=heard.voice) + utterance.poll()
            facts += self._judge(utterance, facts)
            if utterance.done:
                return facts[-1].text if isinstance(facts[-1], Finished) else ""
        return ""

    def _judge(self, utterance: Utterance, facts: list[Fact]) -> list[Fact]:
        more: list[Fact] = []
        for fact in facts:
            if isinstance(fact, Hypothesis | PartialText):
                others = fact.readings if isinstance(fact, Hypothesis) else ()
                text = sensible(fact.text, others, self._route)
                utterance.prefer(fact.text, text)
                more += utterance.judge(text, completeness(text, self._house))
        return more

    def _route(self, text: str) -> Route:
        return route(text, self._house)

    def without_echo(self, samples: Samples) -> str:
        """The text of the same voice in a quiet room, all of it known."""
        recogniser = SegmentRecogniser(self._asr, self._second)
        room = in_room(_AROUND_FRAMES, samples, _AROUND_FRAMES)
        text = transcribe(room, recogniser, self._vad, Listen().vad_threshold).text
        return chosen(text, recogniser, self._route)

    def understood(self, text: str, transcript: str) -> bool:
        """Whether `text` says the same as `transcript`."""
        wanted, got = parse(transcript, self._house), parse(text, self._house)
        if isinstance(wanted, Understood):
            return isinstance(got, Understood) and got.calls == wanted.calls
        return jiwer.wer(normalised(transcript), normalised(text)) <= _WRONG_WORDS


def transcript_of(recording: Recording) -> str:
    """What is said in a short recording of a request or a sentence; "" where that is not known."""
    label = recording.label
    is_known = (
        recording.seconds <= _LONGEST_S and label[:1] not in ("", "{", "(") and "seconds of" not in label
    )
    return label if is_known and normalised(label) else ""

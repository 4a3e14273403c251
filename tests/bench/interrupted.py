"""Whether the request that interrupted Wren is understood: read as wren-listen reads it, and judged as a house would.

After the interruption an `Utterance` reads the frames from `PRE_ROLL_FRAMES` before the voice on, and the text is
the one that it commits, with recognition and the turn model as late as their CPU time says. It is understood
when tools and parser make the same of it as of the transcript, in the house of the shared data; where they
make nothing of the transcript, when at most `_WRONG_WORDS` of the words are wrong; "Firefox" is "fire fox".
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from typing import NamedTuple

import jiwer

from device.hearing import Samples
from device.hearing.asr import SegmentRecogniser
from device.hearing.transcribe import transcribe
from device.hearing.utterance import Finished
from device.hearing.vad import SileroVad
from device.reasoning.intents import Understood, parse
from device.settings import Listen
from device.tools.recognise import recognise
from device.tools.request import ToolState
from tests.bench.reading import Ear, chosen, understood
from tests.bench.speech_eval import normalised
from tests.bench.text_eval import DATA, load_home
from tests.bench.turn_simulation import Clock, SimulatedTranscriber
from tests.hearing import in_room
from tests.recordings import Recording

PRE_ROLL_FRAMES = 40
_LONGEST_S = 6.0
_WRONG_WORDS = 0.2
_AROUND_FRAMES = 60


class Heard(NamedTuple):
    """A frame as the microphone ring and as the ring for recognition have it, and its tag."""

    frame: int
    samples: Samples
    voice: Samples
    may_be_echo: bool = False


class Reader:
    """The models that read a request, and the house it is for."""

    def __init__(self, vad: SileroVad) -> None:
        self._house, self._vad = load_home(DATA / "home_requests" / "home.json"), vad
        self._ear = Ear(vad, self._house)

    def read(self, frames: Iterable[Heard], since: int, begun: int) -> str:
        """The text that is committed of a voice since `since`, what is said began at `begun`; "" when none is."""
        sound = ((one.frame, one.samples, one.voice) for one in frames)
        last = self._ear.hear(sound, since, Listen(), said_since=begun).last
        return last.text if isinstance(last, Finished) else ""

    def recogniser(self, clock: Clock) -> SimulatedTranscriber:
        """One that takes the time it takes."""
        return SimulatedTranscriber(self._ear.asr, self._ear.second_pass, clock)

    def without_echo(self, samples: Samples) -> str:
        """The text of the same voice in a quiet room, all of it known."""
        recogniser = SegmentRecogniser(self._ear.asr, self._ear.second_pass)
        room = in_room(_AROUND_FRAMES, samples, _AROUND_FRAMES)
        text = transcribe(room, recogniser, self._vad, Listen().vad_threshold).text
        return chosen(text, recogniser, partial(understood, house=self._house))

    def understood(self, text: str, transcript: str) -> bool:
        """Whether `text` says the same as `transcript`."""
        now, nothing_set = datetime.now(), ToolState()
        tool = recognise(transcript, now, nothing_set)
        if tool is not None:
            return recognise(text, now, nothing_set) == tool
        wanted, got = parse(transcript, self._house), parse(text, self._house)
        if isinstance(wanted, Understood):
            return isinstance(got, Understood) and got.calls == wanted.calls
        said, heard = normalised(transcript), normalised(text)
        return said.replace(" ", "") == heard.replace(" ", "") or jiwer.wer(said, heard) <= _WRONG_WORDS


def transcript_of(recording: Recording) -> str:
    """What is said in a short recording of a request or a sentence; "" where that is not known."""
    label = recording.label
    is_known = (
        recording.seconds <= _LONGEST_S and label[:1] not in ("", "{", "(") and "seconds of" not in label
    )
    return label if is_known and normalised(label) else ""

"""For the tests of the hearing: models, speech as samples, rooms to hear it in, and ears."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from device.audio.files import load
from device.hearing import FRAME_SAMPLES, RATE_HZ, Samples, frames_of
from device.hearing.asr import load as load_recogniser
from device.hearing.background import Transcriber, TurnWitness
from device.hearing.patience import Completeness
from device.hearing.transcribe import to_samples
from device.hearing.utterance import Fact, Hypothesis, Utterance
from device.hearing.vad import SileroVad
from device.hearing.wake import WakeDetector
from device.settings import Listen, WakeWord
from device.speech.cues import make_cue
from models.catalog import Role
from models.errors import ModelMissing
from models.store import Store
from tests import voices
from tests.recordings import ambience

_LOUD = 300
_CUE_AFTER, _CUE_FRAMES, _ECHO_AFTER = 8, 12, 6  # from the wake word to the cue; its length; to its echo
_ECHO_DB = -28.0
RULES = Listen()


def model_files(role: Role) -> dict[str, Path]:
    """Files of the active model; skips the test where it was not fetched."""
    try:
        return Store().active(role).files
    except ModelMissing as error:
        pytest.skip(str(error))


def say(text: str, voice: str = "slt") -> Samples:
    """`text` by a voice of `tests.voices`, cut tight; skips the test where there is none."""
    if not voices.available():
        pytest.skip("flite and espeak-ng are not installed")
    sound = to_samples(load(str(voices.spoken(text, voice)), RATE_HZ))
    loud = np.flatnonzero(np.abs(sound.astype(np.int32)) > _LOUD)
    return sound[loud[0] : loud[-1] + 1]


def in_room(*sounds: Samples | int, rms: float = 12.0) -> Samples:
    """Sounds one after another, numbers being pauses in frames, with the faint noise of a room under all."""
    whole = np.concatenate(
        [np.zeros(FRAME_SAMPLES * part, np.int16) if isinstance(part, int) else part for part in sounds]
    )
    mixed: Samples = whole + ambience(len(whole) // FRAME_SAMPLES + 1, rms)[: len(whole)]
    return mixed


def frames(sound: Samples) -> Iterator[Samples]:
    """`sound` cut into whole frames."""
    for at in range(0, len(sound) - FRAME_SAMPLES + 1, FRAME_SAMPLES):
        yield sound[at : at + FRAME_SAMPLES]


class Ears:
    """The real models, fed frame by frame as fast as they can hear.

    After each frame the recogniser may finish what it does, as on a machine with power to spare.
    """

    def __init__(self, word: str = "alexa", model: str = "alexa_v0.1") -> None:
        self.wake = WakeDetector(model_files("wake"), {word: WakeWord(model=model, refractory_ms=0)})
        self.vad = SileroVad(model_files("vad")["model"])
        self.transcriber = Transcriber(load_recogniser(model_files("asr")))
        self.frame = 0  # the last one that was heard

    def listen(
        self,
        sound: Samples,
        rules: Listen = RULES,
        *,
        turn: TurnWitness | None = None,
        judge: Callable[[str], Completeness] | None = None,
        prefer: str = "",
    ) -> list[Fact]:
        """What an ear that opens with the first frame of `sound` makes of it; `prefer` makes sense, if offered."""
        utterance = Utterance(self.vad, self.transcriber, rules, 0, turn=turn)
        return self._follow(utterance, list(frames(sound)), 0, judge=judge, prefer=prefer)

    def after_wake_word(self, sound: Samples, rules: Listen = RULES, *, cue: bool = True) -> list[Fact]:
        """What is made of `sound` from the wake word on, with the echo of the cue that is played then.

        Nothing when the wake word is not noticed.
        """
        self.wake.restart()
        heard = list(frames(sound))
        found = (self.wake.accept(number, frame) for number, frame in enumerate(heard))
        detection = next((detections[0] for detections in found if detections), None)
        if detection is None:
            return []
        cues = range(0)
        if cue:
            cues = range(detection.frame + _CUE_AFTER, detection.frame + _CUE_AFTER + _CUE_FRAMES)
            for number, piece in enumerate(
                frames(make_cue("listening", RATE_HZ, _ECHO_DB)), cues.start + _ECHO_AFTER
            ):
                if number < len(heard):
                    heard[number] = heard[number] + piece
        first = max(0, detection.frame - frames_of(rules.pre_roll_ms))
        utterance = Utterance(self.vad, self.transcriber, rules, detection.frame, wake_word=detection.word)
        return self._follow(utterance, heard[first:], first, cues)

    def follow(
        self,
        utterance: Utterance,
        sound: Samples,
        voice: Samples,
        judge: Callable[[str], Completeness] | None = None,
    ) -> list[Fact]:
        """What `utterance` makes of `sound`, of which the recogniser hears `voice`."""
        return self._follow(utterance, list(frames(sound)), 0, judge=judge, voice=list(frames(voice)))

    def _follow(
        self,
        utterance: Utterance,
        sound: list[Samples],
        first: int,
        cues: range = range(0),
        judge: Callable[[str], Completeness] | None = None,
        prefer: str = "",
        voice: list[Samples] | None = None,
    ) -> list[Fact]:
        facts: list[Fact] = []
        self.frame = first
        for number, frame in enumerate(sound, first):
            self.frame = number
            spoken = None if voice is None else voice[number - first]
            facts += utterance.accept(number, frame, voice=spoken, cue=number in cues)
            facts += utterance.poll()
            while self.transcriber.busy:
                time.sleep(0.0005)
                facts += utterance.poll()
            if judge is not None and facts and isinstance(facts[-1], Hypothesis):
                text = facts[-1].text
                if prefer and facts[-1].readings:
                    utterance.prefer(text, prefer)
                    text = prefer
                facts += utterance.judge(text, judge(text))
            if utterance.done:
                break
        return facts

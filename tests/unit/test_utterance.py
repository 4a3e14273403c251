"""An utterance from the open ear to its text, with the real models. Needs the embedded default models.

Sound goes in frame by frame as fast as it can be heard; after each frame the recogniser may finish what it
does, as it would in time on a machine with power to spare.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import NamedTuple

import msgspec
import pytest

from device.hearing import Samples, frames_of
from device.hearing.asr import load
from device.hearing.background import Transcriber
from device.hearing.transcript import words
from device.hearing.utterance import Abandoned, Began, Fact, Finished, Hypothesis, PartialText, Utterance
from device.hearing.vad import SileroVad
from device.hearing.wake import WakeDetector
from device.settings import Listen, WakeWord
from device.speech.cues import make_cue
from tests.hearing import frames, in_room, model_files, say
from tests.recordings import recordings

pytestmark = pytest.mark.models
RULES = Listen()
QUICK = msgspec.structs.replace(RULES, no_speech_timeout_ms=2500)
REQUEST = "close the blinds"
CUE_AFTER = 8  # frames from the wake word to the cue


class Ears(NamedTuple):
    """The models, loaded once."""

    wake: WakeDetector
    vad: SileroVad
    transcriber: Transcriber


@pytest.fixture(scope="module")
def ears() -> Iterator[Ears]:
    transcriber = Transcriber(load(model_files("asr")))
    alexa = {"alexa": WakeWord(model="alexa_v0.1", refractory_ms=0)}
    yield Ears(WakeDetector(model_files("wake"), alexa), SileroVad(model_files("vad")["model"]), transcriber)
    transcriber.close()


def listen(ears: Ears, sound: Samples, rules: Listen = RULES, first: int = 0) -> list[Fact]:
    """An ear that is opened at frame `first`."""
    utterance = Utterance(ears.vad, ears.transcriber, rules, first)
    return follow(ears, utterance, list(frames(sound))[first:], first)


def after_wake_word(ears: Ears, sound: Samples, rules: Listen = RULES, *, cue: bool = True) -> list[Fact]:
    """What is made of `sound` once the wake word in it was noticed, with the cue that is played then."""
    ears.wake.restart()
    heard = list(frames(sound))
    found = (ears.wake.accept(number, frame) for number, frame in enumerate(heard))
    detection = next((detections[0] for detections in found if detections), None)
    assert detection is not None
    cues = range(0)
    if cue:
        cues = range(detection.frame + CUE_AFTER, detection.frame + CUE_AFTER + 12)
        chime = list(frames(make_cue("listening", 16_000, -28.0)))
        for number, piece in enumerate(chime, cues.start + 6):
            heard[number] = heard[number] + piece
    first = max(0, detection.frame - frames_of(rules.pre_roll_ms))
    utterance = Utterance(ears.vad, ears.transcriber, rules, detection.frame, wake_word=detection.word)
    return follow(ears, utterance, heard[first:], first, cues)


def follow(
    ears: Ears, utterance: Utterance, sound: list[Samples], first: int, cues: range = range(0)
) -> list[Fact]:
    facts: list[Fact] = []
    for number, frame in enumerate(sound, first):
        facts += utterance.accept(number, frame, cue=number in cues)
        while True:
            facts += utterance.poll()
            if not ears.transcriber.busy:
                break
            time.sleep(0.0005)
        if utterance.done:
            break
    return facts


def test_a_request_is_announced_guessed_and_finished_in_this_order(ears: Ears) -> None:
    facts = listen(ears, in_room(50, say(REQUEST, "rms"), 80))
    kinds = [type(fact) for fact in facts]
    assert kinds[0] is Began
    assert kinds[-2:] == [Hypothesis, Finished]
    assert set(kinds[1:-2]) == {PartialText}
    finished = facts[-1]
    assert isinstance(finished, Finished)
    assert words(finished.text) == REQUEST.split()
    assert finished.confidence > 0.4


def test_the_last_voiced_frame_is_where_the_voice_ended(ears: Ears) -> None:
    request = say(REQUEST, "rms")
    finished = listen(ears, in_room(50, request, 80))[-1]
    assert isinstance(finished, Finished)
    assert abs(finished.last_voiced_frame - (50 + len(request) // 160)) <= 5


def test_speech_after_a_pause_belongs_to_the_same_request(ears: Ears) -> None:
    facts = listen(
        ears, in_room(50, say("turn on the kitchen light", "rms"), 25, say("and the fan", "rms"), 80)
    )
    finished = facts[-1]
    assert isinstance(finished, Finished)
    assert words(finished.text)[:5] == ["turn", "on", "the", "kitchen", "light"]
    assert words(finished.text)[-1] == "fan"
    assert sum(isinstance(fact, Hypothesis) for fact in facts) == 2


def test_nobody_speaks(ears: Ears) -> None:
    assert listen(ears, in_room(300), QUICK) == [Abandoned("no_speech")]


def test_a_slammed_door_does_not_end_the_wait_for_the_request(ears: Ears) -> None:
    slam = in_room(12, rms=6000)
    facts = listen(ears, in_room(50, slam, 100, say(REQUEST, "rms"), 80))
    finished = facts[-1]
    assert isinstance(finished, Finished)
    assert words(finished.text) == REQUEST.split()


@pytest.mark.parametrize("gap_ms", [0, 100, 300, 800, 2000])
@pytest.mark.parametrize("cue", [True, False])
def test_no_word_after_the_wake_word_is_lost_whatever_the_gap(ears: Ears, gap_ms: int, cue: bool) -> None:
    sound = in_room(200, say("Alexa", "rms"), gap_ms // 10, say(REQUEST, "rms"), 80)
    finished = after_wake_word(ears, sound, cue=cue)[-1]
    assert isinstance(finished, Finished)
    assert words(finished.text) == REQUEST.split()


def test_commands_in_the_same_breath_as_the_wake_word_are_kept(ears: Ears) -> None:
    for clip in recordings("wake_plus_command"):
        if clip.label.startswith("alexa"):
            finished = after_wake_word(ears, in_room(150, clip.samples(), 80))[-1]
            assert isinstance(finished, Finished)
            assert words(finished.text.replace("-", " ")) == clip.label.split()[1:]


def test_the_wake_word_alone_is_no_request_and_neither_is_the_cue(ears: Ears) -> None:
    for clip in recordings("wake_pos", "alexa")[::25]:
        facts = after_wake_word(ears, in_room(150, clip.samples(), 350), QUICK)
        assert facts == [Abandoned("no_speech")], clip.path.name


def test_talk_before_the_wake_word_is_not_part_of_the_request(ears: Ears) -> None:
    sound = in_room(
        100, say("and then he told me", "slt"), 3, say("Alexa", "rms"), 3, say(REQUEST, "rms"), 80
    )
    finished = after_wake_word(ears, sound)[-1]
    assert isinstance(finished, Finished)
    assert words(finished.text) == REQUEST.split()


def test_somebody_who_talks_on_is_cut_off_at_the_longest_request(ears: Ears) -> None:
    short = msgspec.structs.replace(RULES, maximum_turn_ms=3000)
    talk = say(
        "turn on the kitchen light and the bedroom light and the garage light and the office light", "rms"
    )
    finished = listen(ears, in_room(50, talk, 80), short)[-1]
    assert isinstance(finished, Finished)
    assert words(finished.text)[:5] == ["turn", "on", "the", "kitchen", "light"]


def test_silenced_frames_pass_the_time(ears: Ears) -> None:
    utterance = Utterance(ears.vad, ears.transcriber, QUICK, 0)
    facts = [fact for number in range(300) for fact in utterance.skip(number)]
    assert facts == [Abandoned("no_speech")]

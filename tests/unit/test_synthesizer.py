"""The real voice, decoded in pieces. Needs the embedded default models."""

from __future__ import annotations

import os
import threading
import time

import numpy as np
import pytest

from device.faults import Fault
from device.services.memory import give_back
from device.speech import Samples, Style
from device.speech.cancellation import Cancellation, Cancelled
from device.speech.synthesizer import Synthesizer, VoiceFiles, phonemizer
from models.errors import ModelMissing
from models.store import Store
from tests.bench.processes import usage

pytestmark = pytest.mark.models

SAME = Style(deterministic=True)
SHORT = "The kitchen light is on."
LONG = (
    "It will be mostly cloudy this afternoon with a light breeze from the west, and the temperature should "
    "reach about twenty one degrees by five o'clock today. Anything else?"
)


def _files() -> VoiceFiles:
    try:
        files = Store().active("voice").files
    except ModelMissing as error:
        pytest.skip(str(error))
    return VoiceFiles(files["frontend"], files["decoder"], files["config"])


@pytest.fixture(scope="module")
def synthesizer() -> Synthesizer:
    return Synthesizer(_files())


def _sound(synthesizer: Synthesizer, text: str, style: Style = SAME) -> Samples:
    return np.concatenate(list(synthesizer.say(text, style, Cancellation()).chunks))


def test_the_pieces_are_what_the_voice_says_in_one(
    synthesizer: Synthesizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces = _sound(synthesizer, LONG)
    monkeypatch.setattr("device.speech.schedule.Schedule.next_frames", lambda _self, left: left)
    whole = _sound(synthesizer, LONG)
    assert len(pieces) == len(whole)
    assert np.abs(pieces.astype(int) - whole).max() <= 6


def test_a_deterministic_voice_says_the_same_twice_and_a_lively_one_does_not(
    synthesizer: Synthesizer,
) -> None:
    assert np.array_equal(_sound(synthesizer, SHORT), _sound(synthesizer, SHORT))
    assert not np.array_equal(_sound(synthesizer, SHORT, Style()), _sound(synthesizer, SHORT, Style()))


def test_sound_is_there_long_before_the_sentence_is_synthesised(synthesizer: Synthesizer) -> None:
    began = time.perf_counter()
    utterance = synthesizer.say(LONG, SAME, Cancellation())
    first = time.perf_counter() - began
    chunks = list(utterance.chunks)
    assert len(chunks) > 3
    assert len(chunks[0]) < synthesizer.rate_hz / 4
    assert first < (time.perf_counter() - began) / 2


@pytest.mark.parametrize("text", [SHORT, LONG, "One of the lights in a room is 21.5 °C – or so."])
def test_every_word_has_an_end_within_the_sound(synthesizer: Synthesizer, text: str) -> None:
    utterance = synthesizer.say(text, SAME, Cancellation())
    length = sum(len(chunk) for chunk in utterance.chunks)
    assert list(utterance.words) == text.split()
    assert list(utterance.word_ends) == sorted(utterance.word_ends)
    assert 0.9 * length - synthesizer.rate_hz / 4 < utterance.word_ends[-1] <= length


def test_between_two_sentences_the_word_end_falls_into_the_pause(synthesizer: Synthesizer) -> None:
    utterance = synthesizer.say("The light is on. The fan is off.", SAME, Cancellation())
    sound = np.concatenate(list(utterance.chunks)).astype(float)
    pause = utterance.word_ends[3] + np.arange(synthesizer.rate_hz // 20)
    assert np.sqrt(np.mean(sound[pause] ** 2)) < 0.1 * np.sqrt(np.mean(sound**2))


def test_speech_begins_at_once_and_does_not_clip(synthesizer: Synthesizer) -> None:
    sound = np.abs(_sound(synthesizer, SHORT, Style()).astype(int))
    assert np.flatnonzero(sound > 100)[0] < 0.02 * synthesizer.rate_hz
    assert 5000 < sound.max() < 32767


def test_twice_the_speed_takes_about_half_the_time(synthesizer: Synthesizer) -> None:
    ratio = len(_sound(synthesizer, SHORT, Style(2.0, True))) / len(_sound(synthesizer, SHORT))
    assert 0.4 < ratio < 0.65


@pytest.mark.parametrize("text", ["", "…", "😀", "- –"])
def test_a_text_without_words_is_silence(synthesizer: Synthesizer, text: str) -> None:
    assert len(_sound(synthesizer, text)) == 0


def test_a_cancelled_synthesis_stops_within_a_tenth_of_a_second(synthesizer: Synthesizer) -> None:
    cancellation, requested = Cancellation(), list[float]()
    utterance = synthesizer.say(LONG, SAME, cancellation)

    def cancel() -> None:
        requested.append(time.perf_counter())
        cancellation.request()

    threading.Timer(0.15, cancel).start()
    with pytest.raises(Cancelled):
        for _ in utterance.chunks:
            pass
    assert time.perf_counter() - requested[0] < 0.1
    with pytest.raises(Cancelled):
        synthesizer.say(LONG, SAME, cancellation)


def test_the_voice_works_again_after_a_cancellation(synthesizer: Synthesizer) -> None:
    cancellation = Cancellation()
    utterance = synthesizer.say(LONG, SAME, cancellation)
    cancellation.request()
    with pytest.raises(Cancelled):
        list(utterance.chunks)
    assert len(_sound(synthesizer, SHORT)) > synthesizer.rate_hz


def test_a_voice_whose_files_do_not_fit_says_what_to_do() -> None:
    files = _files()
    with pytest.raises(Fault, match="wren models fetch"):
        Synthesizer(VoiceFiles(files.decoder, files.frontend, files.config))


def _memory_mb() -> float:
    give_back()
    return usage(os.getpid()).anonymous_mb


def test_a_long_sentence_leaves_no_memory_behind(synthesizer: Synthesizer) -> None:
    synthesizer.warm_up(Cancellation())
    synthesizer.say(LONG.replace(".", ","), SAME, Cancellation())
    before_mb = _memory_mb()
    synthesizer.say(3 * LONG.replace(".", ",").replace("?", ","), SAME, Cancellation())
    assert _memory_mb() - before_mb < 4


def test_espeak_does_not_grow_with_every_word_it_is_asked_for() -> None:
    phonemes = phonemizer()
    phonemes.phonemize("en-us", "kitchen")
    before_mb = _memory_mb()
    for _ in range(5000):
        phonemes.phonemize("en-us", "kitchen")
    assert _memory_mb() - before_mb < 3

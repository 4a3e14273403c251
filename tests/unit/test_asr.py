"""Speech recognition: both engines for real. Needs the embedded default models."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from device.faults import Fault
from device.hearing import Samples
from device.hearing.asr import Recogniser, StreamingRecogniser, load
from device.hearing.transcribe import transcribe
from device.hearing.transcript import words
from device.hearing.vad import SileroVad
from tests.ctc import write_ctc_model
from tests.hearing import in_room, model_files, say
from tests.recordings import ambience, recordings

pytestmark = pytest.mark.models
COMMAND = "turn on the kitchen light"


@pytest.fixture(scope="module")
def moonshine() -> Recogniser:
    return load(model_files("asr"))


@pytest.fixture(scope="module")
def streaming(tmp_path_factory: pytest.TempPathFactory) -> Recogniser:
    return load(write_ctc_model(tmp_path_factory.mktemp("ctc")))


@pytest.fixture(scope="module")
def vad() -> SileroVad:
    return SileroVad(model_files("vad")["model"])


def tens(sound: Samples) -> list[Samples]:
    """`sound` in pieces of 100 ms."""
    return [sound[at : at + 1600] for at in range(0, len(sound), 1600)]


def test_a_spoken_command_is_recognised_with_confidence(moonshine: Recogniser) -> None:
    moonshine.reset()
    for piece in tens(in_room(30, say(COMMAND, "rms"), 20)):
        moonshine.accept(piece)
    text, confidence = moonshine.finish()
    assert words(text) == COMMAND.split()
    assert confidence > 0.9


def test_a_partial_text_is_given_up_at_once_unless_the_whole_one_needs_it(moonshine: Recogniser) -> None:
    moonshine.reset()
    sound = in_room(30, say(COMMAND, "rms"), 20)
    moonshine.accept(sound)

    def begun_and_given_up() -> str:
        with ThreadPoolExecutor(1) as thread:
            text = thread.submit(moonshine.partial)
            time.sleep(0.01)  # reading takes ten times as long
            moonshine.give_up_partial()
            return text.result()

    assert words(begun_and_given_up()) == COMMAND.split()
    assert begun_and_given_up() == ""
    text, confidence = moonshine.finish()
    assert words(text) == COMMAND.split()
    assert confidence > 0.9


def test_partial_text_grows_and_finishing_early_loses_nothing(moonshine: Recogniser) -> None:
    moonshine.reset()
    pieces = tens(in_room(30, say(COMMAND, "rms"), 20))
    for piece in pieces[:11]:
        moonshine.accept(piece)
    early = moonshine.partial()
    assert 0 < len(words(early)) < 5
    moonshine.finish()
    for piece in pieces[11:]:
        moonshine.accept(piece)
    assert words(moonshine.finish().text) == COMMAND.split()


def test_nothing_accepted_gives_no_text(moonshine: Recogniser, streaming: Recogniser) -> None:
    for recogniser in (moonshine, streaming):
        recogniser.reset()
        assert recogniser.partial() == ""
        assert recogniser.finish() == ("", 0.0)


def test_an_utterance_is_forgotten_by_reset(moonshine: Recogniser) -> None:
    moonshine.reset()
    moonshine.accept(in_room(30, say("open the garage door", "rms"), 20))
    moonshine.reset()
    moonshine.accept(in_room(30, say(COMMAND, "rms"), 20))
    assert words(moonshine.finish().text) == COMMAND.split()


def test_a_streaming_model_gives_the_same_text_in_any_pieces(streaming: Recogniser) -> None:
    assert isinstance(streaming, StreamingRecogniser)
    sound = in_room(30, say(COMMAND), 30)
    texts = set()
    for size in (160, 1600, len(sound)):
        streaming.reset()
        for at in range(0, len(sound), size):
            streaming.accept(sound[at : at + size])
            streaming.partial()
        texts.add(streaming.finish().text)
    assert len(texts) == 1
    assert texts != {""}


def test_a_streaming_model_goes_on_after_an_early_finish(streaming: Recogniser) -> None:
    sound = in_room(30, say(COMMAND), 30)
    streaming.reset()
    streaming.accept(sound)
    whole = streaming.finish()
    streaming.reset()
    streaming.accept(sound[: len(sound) // 2])
    streaming.finish()
    streaming.accept(sound[len(sound) // 2 :])
    assert streaming.finish() == whole


def test_a_streaming_model_has_the_confidence_of_its_tokens(streaming: Recogniser) -> None:
    streaming.reset()
    streaming.accept(in_room(30, say(COMMAND), 30))
    assert 0 < streaming.finish().confidence <= 1


@pytest.mark.parametrize("key", ["encoder", "decoder", "tokens"])
def test_a_missing_file_says_how_to_get_it(key: str, tmp_path: Path) -> None:
    with pytest.raises(Fault, match=rf"{key}.*wren models fetch") as told:
        load({**model_files("asr"), key: tmp_path / "gone"})
    assert told.value.permanent


def test_a_damaged_model_is_a_fault_and_not_a_crash(tmp_path: Path) -> None:
    damaged = tmp_path / "encoder_model.ort"
    damaged.write_bytes(b"not a model")
    with pytest.raises(Fault, match=r"wren models verify"):
        load({**model_files("asr"), "encoder": damaged})


def test_a_recording_with_long_pauses_is_transcribed_whole(moonshine: Recogniser, vad: SileroVad) -> None:
    parts: list[Samples | int] = [100]
    expected: list[str] = []
    for text in (COMMAND, "what time is it", COMMAND, "what time is it"):
        parts += [say(text, "rms"), 300]
        expected += text.split()
    text, confidence = transcribe(in_room(*parts), moonshine, vad, 0.5)
    assert words(text) == expected
    assert confidence > 0.8


def test_silence_and_noise_invent_no_text(moonshine: Recogniser, vad: SileroVad) -> None:
    for sound in (ambience(500), np.zeros(80_000, np.int16), ambience(500, rms=800), ambience(0)):
        assert transcribe(sound, moonshine, vad, 0.5).text == ""


def test_people_reading_are_transcribed_with_few_errors(moonshine: Recogniser, vad: SileroVad) -> None:
    jiwer = pytest.importorskip("jiwer")
    clips = [clip for clip in recordings("read_speech") if clip.source.startswith("cmusphinx")]
    said = [" ".join(words(clip.label)) for clip in clips]
    heard = [" ".join(words(transcribe(clip.samples(), moonshine, vad, 0.5).text)) for clip in clips]
    assert jiwer.wer(said, heard) < 0.08


def test_other_readings_of_the_same_sound_are_told_apart_by_their_words(moonshine: Recogniser) -> None:
    moonshine.reset()
    moonshine.accept(in_room(30, say("raise the garage door", "slt"), 20))
    moonshine.finish()
    readings = moonshine.readings()
    assert len(readings) > 1
    assert len({tuple(words(text)) for text in readings}) == len(readings)


def test_a_name_of_the_house_is_heard_where_it_was_said_and_not_elsewhere(moonshine: Recogniser) -> None:
    def heard(text: str) -> str:
        moonshine.reset()
        moonshine.accept(in_room(30, say(text, "slt"), 20))
        moonshine.finish()
        return " ".join(words(moonshine.readings()[0]))

    request, other = "i want tv backlight at a green setting", "i want to go at a green light"
    assert "tv backlight" not in heard(request)
    moonshine.expect(["TV Backlight"])
    try:
        assert "tv backlight" in heard(request)
        assert "tv" not in heard(other)
    finally:
        moonshine.expect(())


def test_silence_that_is_heard_meanwhile_changes_no_reading(moonshine: Recogniser) -> None:
    moonshine.reset()
    moonshine.accept(in_room(30, say("raise the garage door", "slt"), 20))
    moonshine.finish()
    readings = list(moonshine.readings())
    moonshine.accept(in_room(30, np.zeros(0, np.int16), 0))
    assert list(moonshine.readings()) == readings


def test_nothing_accepted_has_no_readings(moonshine: Recogniser, streaming: Recogniser) -> None:
    for recogniser in (moonshine, streaming):
        recogniser.reset()
        assert list(recogniser.readings()) == []

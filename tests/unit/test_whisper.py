"""The second pass of recognition: what it reads, what it leaves out, and how it joins the first."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from device.faults import Fault
from device.hearing import RATE_HZ, Floats, Samples
from device.hearing.asr import load
from device.hearing.loading import second_pass
from device.hearing.transcript import words
from device.hearing.whisper import Whisper
from tests.hearing import in_room, model_files, say


@pytest.fixture(scope="module")
def whisper() -> Whisper:
    model_files("second_pass")  # skips where it is not there
    return second_pass()


def as_floats(samples: Samples) -> Floats:
    return samples.astype(np.float32) / np.float32(32768)


def read(whisper: Whisper, sound: Samples) -> list[str]:
    heard = whisper.hear(as_floats(sound))
    return whisper.read(heard) if heard is not None else []


def test_the_readings_are_what_was_said_and_differ_in_words(whisper: Whisper) -> None:
    readings = read(whisper, in_room(20, say("turn on the kitchen light", "slt"), 20))
    assert words(readings[0]) == ["turn", "on", "the", "kitchen", "light"]
    assert len({text.lower() for text in readings}) > 1
    assert not any(sign in text for text in readings for sign in ".,!?")


def test_where_nobody_speaks_nothing_is_read(whisper: Whisper) -> None:
    assert read(whisper, in_room(150, np.zeros(0, np.int16), 0)) == []


def test_what_is_longer_than_it_can_hear_is_not_read(whisper: Whisper) -> None:
    assert whisper.hear(np.zeros(31 * RATE_HZ, np.float32)) is None


def test_what_was_said_fits_a_sound_better_than_what_was_not(whisper: Whisper) -> None:
    heard = whisper.hear(as_floats(in_room(20, say("turn on the kitchen light", "slt"), 20)))
    assert heard is not None
    said, alike, other = whisper.fit(
        heard, ["Turn on the kitchen light", "Turn on the chicken light", "Close the garage door"]
    )
    assert 0 >= said > alike > other


def test_a_damaged_model_is_a_permanent_fault_that_names_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"none")
    (tmp_path / "vocabulary.txt").write_text("a\nb\n")
    with pytest.raises(Fault, match="cannot be loaded") as caught:
        Whisper(tmp_path / "model.bin", tmp_path / "vocabulary.txt")
    assert caught.value.permanent
    assert "wren models verify" in caught.value.hint


def test_both_passes_give_readings_in_turn_and_the_second_one_begins(whisper: Whisper) -> None:
    sound = in_room(20, say("raise the garage door", "slt"), 20)
    first, both = load(model_files("asr")), load(model_files("asr"), whisper)
    for recogniser in (first, both):
        recogniser.accept(sound)
        recogniser.finish()
    of_first, of_both = list(first.readings()), list(both.readings())
    assert of_both[0] == read(whisper, sound)[0]
    assert set(of_first) < set(of_both)
    assert min(map(of_both.index, of_first)) <= 1


def test_a_name_that_neither_model_knows_is_heard_where_it_is_expected(whisper: Whisper) -> None:
    recogniser, meant = load(model_files("asr"), whisper), "Set TV backlight color to pink"
    recogniser.accept(in_room(20, say(meant, "en-us+m7"), 20))
    recogniser.finish()
    assert meant not in recogniser.readings()
    recogniser.expect(["TV Backlight", "Night Light", "Hallway Light"])
    assert meant in recogniser.readings()

"""The turn model: its features, what it makes of people beside the model it was cut from, and its thread."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from device.hearing import RATE_HZ, Samples
from device.hearing.background import TurnListener
from device.hearing.mel import log_mel
from device.hearing.onnx import session
from device.hearing.turn import TurnModel, features, with_pause
from models.smart_turn import shorten
from tests.hearing import model_files
from tests.recordings import recordings

SECOND = RATE_HZ


def tone(hz: float, seconds: float) -> Samples:
    """int16 of a tone."""
    sound: Samples = (9000 * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)).astype(
        np.int16
    )
    return sound


def test_features_are_eighty_bands_over_four_seconds_however_long_the_sound() -> None:
    for seconds in (0.0, 0.5, 4.0, 9.0):
        assert features(tone(440, seconds)).shape == (80, 400)


def test_a_tone_lights_the_band_of_its_mel() -> None:
    # 1 kHz is 15 mel of 45.2 (8 kHz), in 81 steps; 250 Hz is 3.75 mel
    for hz, band in ((1000, 26), (250, 6)):
        assert abs(int(features(tone(hz, 4))[:, 200].argmax()) - band) <= 1


def test_features_do_not_depend_on_loudness_and_only_on_the_last_four_seconds() -> None:
    quiet = (tone(300, 2) // 4).astype(np.int16)
    assert np.allclose(features(tone(300, 2)), features(quiet), atol=0.05)
    assert np.array_equal(features(np.concatenate((tone(900, 3), tone(300, 4)))), features(tone(300, 4)))


def test_a_short_pause_is_prolonged_to_200_ms_by_itself() -> None:
    voice, pause = tone(300, 1), np.arange(960, dtype=np.int16)
    longer = with_pause(np.concatenate((voice, pause)), len(pause))
    assert len(longer) == len(voice) + SECOND // 5
    assert set(longer[len(voice) :]) == set(pause)
    assert np.array_equal(with_pause(voice, SECOND), voice)


class Guess:
    """Knows how long the sound is."""

    def probability(self, samples: Samples) -> float:
        time.sleep(0.02)
        return len(samples) / SECOND

    def give_up(self) -> None:
        """It is too quick for that."""


def test_only_the_newest_question_that_waits_is_answered() -> None:
    all_asked = threading.Event()

    class Busy(Guess):
        def probability(self, samples: Samples) -> float:
            all_asked.wait(5)
            return super().probability(samples)

    listener = TurnListener(Busy())  # type: ignore[arg-type]
    tickets = [listener.ask(tone(300, seconds)) for seconds in (0.1, 0.2, 0.3)]
    all_asked.set()
    answers: list[tuple[int, float]] = []
    deadline = time.monotonic() + 5
    while not any(ticket == tickets[-1] for ticket, _ in answers) and time.monotonic() < deadline:
        answers += listener.poll()
    listener.close()
    assert answers[-1] == (tickets[-1], 0.3)
    assert tickets[1] not in [ticket for ticket, _ in answers]


@pytest.mark.models
def test_a_newer_question_does_not_wait_for_the_answer_to_the_one_before() -> None:
    listener = TurnListener(TurnModel(model_files("turn")["tail"]))
    first = listener.ask(tone(300, 2))
    time.sleep(0.01)
    second = listener.ask(tone(300, 3))
    answers: list[tuple[int, float]] = []
    deadline = time.monotonic() + 30
    while second not in [ticket for ticket, _ in answers] and time.monotonic() < deadline:
        answers += listener.poll()
        time.sleep(0.002)
    listener.close()
    assert [ticket for ticket, _ in answers] == [second] != [first]


@pytest.mark.models
def test_people_who_are_cut_in_the_middle_sound_less_final_than_those_who_have_ended() -> None:
    model = TurnModel(model_files("turn")["tail"])
    whole, cut = list[float](), list[float]()
    for clip in recordings("cmd_speech_slots")[::11]:
        sound = clip.samples()
        loud = np.flatnonzero(np.abs(sound) > 1000)
        begin, end = int(loud[0]), int(loud[-1])
        middle = begin + (end - begin) * 2 // 5
        begun = with_pause(np.concatenate((sound[:middle], sound[: SECOND // 50])), SECOND // 50)
        for found, heard in ((whole, sound[: end + SECOND // 5]), (cut, begun)):
            probability = model.probability(heard)
            assert probability is not None
            found.append(probability)
    assert np.mean(whole) > np.mean(cut) + 0.2


@pytest.mark.models
def test_the_model_that_was_cut_to_four_seconds_tells_whole_from_cut_commands_as_the_whole_model_does() -> (
    None
):
    files = model_files("turn")
    whole, tail = session(files["model"]), TurnModel(files["tail"])
    by_whole, by_tail = list[float](), list[float]()
    for clip in recordings("cmd_speech_slots")[::5]:
        sound = clip.samples()
        loud = np.flatnonzero(np.abs(sound) > 1000)
        middle = loud[0] + (loud[-1] - loud[0]) * 2 // 5
        for end in (int(middle), int(loud[-1]) + SECOND // 5):
            heard = np.zeros(8 * SECOND, np.float32)
            last = sound[max(0, end - 4 * SECOND) : end]
            heard[-len(last) :] = last / np.float32(32768)
            given = log_mel((heard - heard.mean()) / np.sqrt(heard.var() + np.float32(1e-7)))
            by_whole.append(float(whole.run(None, {"input_features": given[None]})[0].flat[0]))
            by_tail.append(tail.probability(sound[:end]) or 0.0)
    assert len(by_tail) > 20
    assert np.corrcoef(by_whole, by_tail)[0, 1] > 0.7


def test_another_graph_than_smart_turn_is_refused(tmp_path: Path) -> None:
    from onnx import TensorProto, helper, save

    shape = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 80, 800])
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "other", [shape], [shape])
    save(helper.make_model(graph), str(tmp_path / "other.onnx"))
    with pytest.raises(ValueError, match="not Smart Turn"):
        shorten(tmp_path / "other.onnx", tmp_path)

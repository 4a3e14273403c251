"""The rules of barge-in, with the real witness and real sounds where sound matters."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.hearing import Floats, Samples
from device.hearing.barge_in import BargeInDetector, Signal, Vocabulary
from device.hearing.rise import LevelRise
from device.hearing.vad import SileroVad, VoiceActivity
from device.hearing.witness import Witness, features
from device.settings import BargeIn
from tests.hearing import frames, in_room, model_files
from tests.recordings import ambience, recordings

_RULES = BargeIn()
_VOCABULARY = Vocabulary(["stop"], ["mhm"])
_WORDS, _HUM = np.ones(256, np.float32), np.zeros(256, np.float32)


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    """Takes a state of ones for words and one of zeros for a hum."""
    weights = np.zeros(259, np.float32)
    weights[:256] = 1
    np.savez(tmp_path / "weights.npz", weights=weights, bias=np.float32(-100))
    return Witness(tmp_path / "weights.npz")


def _signals(
    detector: BargeInDetector, chunks: int, probability: float, state: Floats, first: int = 0
) -> list[Signal]:
    signals = (detector.accept(3 * at, probability, state) for at in range(first, first + chunks))
    return [signal for signal in signals if signal is not None]


def test_words_stop_wren_as_soon_as_the_voice_is_long_enough(witness: Witness) -> None:
    detector = BargeInDetector(_RULES, _VOCABULARY, 0.5, witness)
    assert _signals(detector, 3, 0.9, _WORDS) == [Signal.DUCK]
    assert _signals(detector, 1, 0.9, _WORDS, 3) == [Signal.STOP]


def test_a_long_hum_ducks_and_is_then_let_pass(witness: Witness) -> None:
    detector = BargeInDetector(_RULES, _VOCABULARY, 0.5, witness)
    assert _signals(detector, 100, 0.9, _HUM) == [Signal.DUCK, Signal.RESTORE]


def test_a_rise_ducks_at_once_and_is_undone_without_a_voice(witness: Witness) -> None:
    detector = BargeInDetector(_RULES, _VOCABULARY, 0.5, witness)
    assert detector.rise(7) is Signal.DUCK
    assert detector.onset_frame == 5
    assert _signals(detector, 12, 0.1, _WORDS, 3) == [Signal.RESTORE]


def test_a_short_stop_is_found_by_its_text(witness: Witness) -> None:
    detector = BargeInDetector(_RULES, _VOCABULARY, 0.5, witness)
    _signals(detector, 3, 0.9, _HUM)
    assert _signals(detector, 6, 0.1, _HUM, 3) == [Signal.LOOK]
    assert detector.read("Stop.") is Signal.STOP


def test_where_echo_is_left_in_neither_level_nor_sound_stops_wren(witness: Witness) -> None:
    detector = BargeInDetector(_RULES, _VOCABULARY, 0.5, witness, has_echo=True)
    assert detector.rise(7) is None
    assert _signals(detector, 6, 0.9, _WORDS) == [Signal.DUCK, Signal.LOOK]
    assert detector.read("") is None
    assert _signals(detector, 6, 0.9, _WORDS, 6) == [Signal.LOOK]
    assert detector.read("turn on the light") is Signal.STOP


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans(), st.booleans()), max_size=150))
def test_every_duck_is_followed_by_a_stop_or_a_restore(chunks: list[tuple[float, bool, bool]]) -> None:
    detector = BargeInDetector(_RULES, _VOCABULARY, 0.5, Witness())
    ducked = False
    silence = [(0.0, False, False)] * 20
    for at, (probability, rises, words) in enumerate(chunks + silence):
        signals = [detector.rise(3 * at)] if rises else []
        signals.append(detector.accept(3 * at, probability, _WORDS if words else _HUM))
        if Signal.LOOK in signals:
            signals.append(detector.read(""))
        for signal in signals:
            assert signal is not Signal.DUCK or not ducked
            ducked = signal is Signal.DUCK or (ducked and signal is not Signal.RESTORE)
            if signal is Signal.STOP:
                return
    assert not ducked


def test_a_quiet_room_does_not_rise() -> None:
    rise = LevelRise()
    assert not any(rise.accept(frame) for frame in frames(ambience(500)))


def test_a_person_rises_out_of_a_quiet_room() -> None:
    person = recordings("cmd_speech")[0].samples()
    rise = LevelRise()
    risen = [at for at, frame in enumerate(frames(in_room(100, person))) if rise.accept(frame)]
    assert risen
    assert risen[0] >= 100


def test_people_sound_more_like_words_than_music_does() -> None:
    vad, witness = SileroVad(model_files("vad")["model"]), Witness()

    def belief(sound: Samples) -> float:
        activity, heard = VoiceActivity(vad, 0.5), []
        for at, frame in enumerate(frames(in_room(50, sound))):
            voice = activity.accept(at, frame)
            if voice is not None and voice.voiced:
                heard.append(voice.probability)
                if len(heard) == 8:
                    return witness.probability(features(activity.state, 26, 8, float(np.mean(heard))))
        return 0.0

    people = [belief(one.samples()[:48_000]) for one in recordings("cmd_speech")[::3]]
    music = [belief(one.samples()[160_000:208_000]) for one in recordings("music")]
    assert np.median(people) > 0.6
    assert max(music) < np.median(people)


def test_a_decision_costs_less_than_five_milliseconds() -> None:
    witness = Witness()
    began = time.thread_time()
    for _ in range(100):
        witness.probability(features(_WORDS, 20, 5, 0.9))
    assert (time.thread_time() - began) / 100 < 5e-3

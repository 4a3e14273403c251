"""The rules of barge-in, with the real witness and real sounds where sound matters."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.hearing import FRAME_SAMPLES, Floats, Samples
from device.hearing.asr import load as load_recogniser
from device.hearing.background import Transcriber
from device.hearing.barge_in import BargeInDetector, Signal, Sound, Vocabulary, needed_confidence
from device.hearing.interruption import Duck, Interruption, Pause, Restore
from device.hearing.rise import LevelRise
from device.hearing.second_look import STATES, SecondLook
from device.hearing.vad import SileroVad, level_db
from device.hearing.witness import SOUND, Sounds, Witness, features
from device.reasoning.language import load as load_language
from device.settings import BargeIn
from tests.hearing import frames, in_room, model_files
from tests.recordings import ambience, recordings

_RULES = BargeIn()
_VOCABULARY = Vocabulary(["stop"], ["mhm", "and"], ["mhm"])
_WORD_SOUND, _HUM_SOUND = np.ones(SOUND, np.float32), np.zeros(SOUND, np.float32)


def _words(frames: int) -> Floats:
    return _WORD_SOUND


def _hum(frames: int) -> Floats:
    return _HUM_SOUND


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    """Takes a sound of ones for words and one of zeros for a hum."""
    weights = np.zeros(SOUND + 3, np.float32)
    weights[:SOUND] = 1
    np.savez(tmp_path / "weights.npz", weights=weights, bias=np.float32(-100))
    return Witness(tmp_path / "weights.npz")


class _Believes:
    """A witness who believes the same of every sound."""

    def __init__(self, belief: float) -> None:
        self.belief = belief

    def probability(self, given: Floats) -> float:
        return self.belief


def _signals(
    detector: BargeInDetector, chunks: int, probability: float, sound: Sound, first: int = 0
) -> list[Signal]:
    signals = (detector.accept(3 * at, probability, sound) for at in range(first, first + chunks))
    return [signal for signal in signals if signal is not None]


def test_words_stop_wren_as_soon_as_the_voice_is_long_enough(witness: Witness) -> None:
    detector = BargeInDetector(_RULES, _VOCABULARY, 0.5, witness)
    assert _signals(detector, 2, 0.9, _words) == [Signal.DUCK]
    assert _signals(detector, 1, 0.9, _words, 2) == [Signal.STOP]


def test_a_voice_shorter_than_the_rule_says_does_not_stop_wren(witness: Witness) -> None:
    detector = BargeInDetector(msgspec.structs.replace(_RULES, confirm_ms=200), _VOCABULARY, 0.5, witness)
    assert _signals(detector, 6, 0.9, _words) == [Signal.DUCK]
    assert _signals(detector, 1, 0.9, _words, 6) == [Signal.STOP]


def test_what_is_heard_more_clearly_counts_instead(witness: Witness) -> None:
    detector = BargeInDetector(_RULES, _VOCABULARY, 0.5, witness)
    assert detector.rise(7) is Signal.DUCK
    detector.hear_again([(6, 0.1), (9, 0.9)])
    assert _signals(detector, 1, 0.9, _words, 4) == [Signal.STOP]


def test_a_long_hum_ducks_and_is_then_let_pass(witness: Witness) -> None:
    detector = BargeInDetector(_RULES, _VOCABULARY, 0.5, witness)
    assert _signals(detector, 100, 0.9, _hum) == [Signal.DUCK, Signal.RESTORE]


def test_a_rise_ducks_at_once_and_is_undone_without_a_voice(witness: Witness) -> None:
    detector = BargeInDetector(_RULES, _VOCABULARY, 0.5, witness)
    assert detector.rise(7) is Signal.DUCK
    assert detector.onset_frame == 5
    assert _signals(detector, 12, 0.1, _words, 3) == [Signal.RESTORE]


@pytest.mark.parametrize(
    ("pause_chunks", "text", "own", "may_be_echo", "same_breath"),
    [
        (12, "", False, False, True),
        (18, "turn off", False, False, True),
        (30, "turn off", False, False, False),
        (12, "Mhm.", False, False, False),
        (12, "", True, False, False),
        (12, "turn off", False, True, False),
    ],
)
def test_what_was_said_begins_with_the_voice_that_was_let_go(
    pause_chunks: int, text: str, own: bool, may_be_echo: bool, same_breath: bool, witness: Witness
) -> None:
    detector = BargeInDetector(_RULES, _VOCABULARY, 0.5, witness)
    detector.may_be_echo = may_be_echo
    assert _signals(detector, 4, 0.9, _hum) == [Signal.DUCK]
    first = detector.onset_frame
    looks = _signals(detector, 6, 0.1, _hum, 4)
    assert detector.read(text, own=own) is None
    assert [*looks, *_signals(detector, pause_chunks - 6, 0.1, _hum, 10)] == [Signal.LOOK, Signal.RESTORE]
    detector.may_be_echo = False
    assert _signals(detector, 3, 0.9, _words, 4 + pause_chunks) == [Signal.DUCK, Signal.STOP]
    assert detector.begin_frame == (first if same_breath else detector.onset_frame)


def test_what_was_said_begins_with_a_rise_in_which_no_voice_was_found(witness: Witness) -> None:
    detector = BargeInDetector(_RULES, _VOCABULARY, 0.5, witness)
    assert detector.rise(7) is Signal.DUCK
    assert _signals(detector, 12, 0.1, _words, 3) == [Signal.RESTORE]
    assert _signals(detector, 3, 0.9, _words, 15) == [Signal.DUCK, Signal.STOP]
    assert detector.begin_frame == 5


def test_a_short_stop_is_found_by_its_text(witness: Witness) -> None:
    detector = BargeInDetector(_RULES, _VOCABULARY, 0.5, witness)
    _signals(detector, 3, 0.9, _hum)
    assert _signals(detector, 6, 0.1, _hum, 3) == [Signal.LOOK]
    assert detector.read("Stop.") is Signal.STOP


def test_what_may_be_a_murmur_is_told_by_its_text() -> None:
    detector = BargeInDetector(_RULES, _VOCABULARY, 0.5, _Believes(0.97))
    assert _signals(detector, 3, 0.9, _words) == [Signal.DUCK, Signal.LOOK]
    assert detector.read("Mhm.") is None
    assert _signals(detector, 2, 0.9, _words, 3) == [Signal.LOOK]
    assert detector.read("And") is Signal.STOP


def test_a_text_does_not_stop_wren_when_the_sound_had_no_words() -> None:
    detector = BargeInDetector(_RULES, _VOCABULARY, 0.5, _Believes(0.4))
    assert _signals(detector, 8, 0.9, _words) == [Signal.DUCK]
    assert _signals(detector, 6, 0.1, _words, 8) == [Signal.LOOK]
    assert detector.read("I guess") is None


def test_a_witness_who_becomes_sure_does_not_wait_for_the_text() -> None:
    witness = _Believes(0.97)
    detector = BargeInDetector(_RULES, _VOCABULARY, 0.5, witness)
    assert _signals(detector, 3, 0.9, _words) == [Signal.DUCK, Signal.LOOK]
    witness.belief = 0.99
    assert _signals(detector, 1, 0.9, _words, 3) == [Signal.STOP]


def test_what_may_be_wrens_own_voice_stops_it_only_by_a_stop_word() -> None:
    detector = BargeInDetector(_RULES, _VOCABULARY, 0.5, _Believes(0.99))
    detector.may_be_echo = True
    assert Signal.STOP not in _signals(detector, 8, 0.9, _words)
    assert detector.read("I know") is None
    assert detector.read("Stop.") is Signal.STOP


def test_words_that_were_doubted_count_once_the_voice_is_louder_than_echo() -> None:
    detector = BargeInDetector(_RULES, _VOCABULARY, 0.5, _Believes(0.97))
    detector.may_be_echo = True
    assert _signals(detector, 3, 0.9, _words) == [Signal.DUCK, Signal.LOOK]
    assert detector.read("Turn on") is None
    detector.may_be_echo = False
    assert _signals(detector, 1, 0.9, _words, 3) == [Signal.STOP]


def test_the_text_of_a_short_word_that_was_louder_than_echo_counts_when_the_word_is_over() -> None:
    detector = BargeInDetector(_RULES, _VOCABULARY, 0.5, _Believes(0.97))
    assert _signals(detector, 3, 0.9, _words) == [Signal.DUCK, Signal.LOOK]
    detector.may_be_echo = True
    assert _signals(detector, 3, 0.1, _words, 3) == []
    assert detector.read("Next") is Signal.STOP


def test_a_murmur_also_says_go_on_once_all_was_said() -> None:
    words = load_language("en")
    vocabulary = Vocabulary(words.stop, words.backchannel, words.murmurs)
    assert not [word for word in words.murmurs if vocabulary.speaks(word) or vocabulary.interrupts(word)]


def test_a_stop_word_is_told_by_its_sound_but_not_from_other_words_that_sound_so() -> None:
    words = load_language("en")
    vocabulary = Vocabulary(words.stop, words.backchannel, words.murmurs)
    assert vocabulary.stops("Enuff!")
    assert not vocabulary.stops("And uh?")


def test_yes_is_no_stop_word_though_it_sounds_like_one() -> None:
    words = load_language("en")
    vocabulary = Vocabulary(words.stop, words.backchannel, words.murmurs)
    assert all(vocabulary.stops(phrase) for phrase in words.stop)
    assert not any(vocabulary.stops(text) for text in ("Yes.", "Yes, yes.", "Okay.", "Right."))


def test_where_echo_is_left_in_neither_level_nor_sound_stops_wren(witness: Witness) -> None:
    detector = BargeInDetector(_RULES, _VOCABULARY, 0.5, witness, has_echo=True)
    assert detector.rise(7) is None
    assert _signals(detector, 6, 0.9, _words) == [Signal.DUCK, Signal.LOOK]
    assert detector.read("") is None
    assert _signals(detector, 6, 0.9, _words, 6) == [Signal.LOOK]
    assert detector.read("turn on the light") is Signal.STOP


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans(), st.booleans()), max_size=150))
def test_every_duck_is_followed_by_a_stop_or_a_restore(chunks: list[tuple[float, bool, bool]]) -> None:
    detector = BargeInDetector(_RULES, _VOCABULARY, 0.5, Witness())
    ducked = False
    silence = [(0.0, False, False)] * 20
    for at, (probability, rises, words) in enumerate(chunks + silence):
        signals = [detector.rise(3 * at)] if rises else []
        signals.append(detector.accept(3 * at, probability, _words if words else _hum))
        if Signal.LOOK in signals:
            signals.append(detector.read(""))
        for signal in signals:
            assert signal is not Signal.DUCK or not ducked
            ducked = signal is Signal.DUCK or (ducked and signal is not Signal.RESTORE)
            if signal is Signal.STOP:
                return
    assert not ducked


def _stops(cleaned: Samples, voice: Samples, transcriber: Transcriber) -> bool:
    """Whether a sound of which the canceller leaves `cleaned` stops Wren; `voice` is the same for recognition."""
    over = Interruption(SileroVad(model_files("vad")["model"]), transcriber, _RULES, _VOCABULARY, 0.5)
    for at, (frame, spoken) in enumerate(zip(frames(cleaned), frames(voice), strict=True)):
        over.accept(at, frame, voice=spoken)
        while transcriber.busy and not over.done:
            over.poll()
    return over.done


def test_people_whom_the_canceller_nearly_swallows_are_heard_once_wren_is_ducked() -> None:
    transcriber = Transcriber(load_recogniser(model_files("asr")))
    heard: list[tuple[bool, bool]] = []
    for person in recordings("cmd_speech")[::8]:
        voice = in_room(100, person.samples()[:32_000])
        loud = next(at for at, frame in enumerate(frames(voice)) if level_db(frame) > -40)
        left = in_room(100, np.rint(0.01 * person.samples()[:32_000]).astype(np.int16))
        first = slice(FRAME_SAMPLES * loud, FRAME_SAMPLES * (loud + 4))  # what ducks Wren
        left[first] = voice[first]
        heard.append((_stops(left, voice, transcriber), _stops(left, left, transcriber)))
    transcriber.close()
    with_second_look, without = np.mean(heard, axis=0)
    assert with_second_look >= 0.8
    assert with_second_look >= without + 0.2


def test_wren_waits_while_a_voice_lasts_that_may_be_a_hum_and_not_for_what_may_be_its_own() -> None:
    transcriber = Transcriber(load_recogniser(model_files("asr")))
    person = recordings("cmd_speech")[0].samples()[:32_000]

    def heard(*, may_be_echo: bool, pause_ms: int) -> list[type]:
        rules = msgspec.structs.replace(_RULES, confirm_ms=2000, pause_ms=pause_ms)
        vad = SileroVad(model_files("vad")["model"])
        over = Interruption(vad, transcriber, rules, _VOCABULARY, 0.5)
        facts: list[type] = []
        for at, frame in enumerate(frames(in_room(100, person, 60))):
            facts += map(type, over.accept(at, frame, may_be_echo=may_be_echo))
            while transcriber.busy:
                facts += map(type, over.poll())
        return facts

    facts = heard(may_be_echo=False, pause_ms=128)
    at = facts.index(Pause)
    assert facts[at - 1 : at + 2] == [Duck, Pause, Restore]
    assert facts[-1] is Restore
    assert Pause not in heard(may_be_echo=False, pause_ms=2000)
    assert Pause not in heard(may_be_echo=True, pause_ms=128)
    transcriber.close()


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
        look, sounds, voiced = SecondLook(vad, 0.5, 48, []), Sounds(), 0
        for at, frame in enumerate(frames(in_room(50, sound))):
            sounds.accept(frame, frame)
            voice = look.accept(at, frame)
            voiced += voice is not None and voice.voiced
            if voiced == 8:
                mean = float(np.mean([probability for _, probability in look.chunks[-8:]]))
                return witness.probability(features(sounds.latest(26, look.states), 26, 8, mean))
        return 0.0

    people = [belief(one.samples()[:48_000]) for one in recordings("cmd_speech")[::3]]
    music = [belief(one.samples()[160_000:208_000]) for one in recordings("music")]
    assert np.median(people) > 0.6
    assert max(music) < np.median(people)


def test_a_decision_costs_less_than_five_milliseconds() -> None:
    witness, sounds, states = Witness(), Sounds(), np.ones(STATES, np.float32)
    for frame in frames(ambience(60)):
        sounds.accept(frame, frame)
    began = time.thread_time()
    for _ in range(100):
        witness.probability(features(sounds.latest(20, states), 20, 5, 0.9))
    assert (time.thread_time() - began) / 100 < 5e-3


@given(st.floats(0, 1), st.integers(0, 200))
def test_an_early_decision_must_be_surer_than_a_late_one(confidence: float, lasted: int) -> None:
    now, later = needed_confidence(confidence, lasted), needed_confidence(confidence, lasted + 1)
    assert confidence - 1e-9 <= later <= now + 1e-9 <= 1 + 2e-9


def test_the_least_confidence_is_reached_in_three_tenths_of_a_second() -> None:
    assert needed_confidence(0.5, 30) == 0.5
    assert needed_confidence(0.5, 10) > 0.8

"""Patience: the surer the witnesses, the less silence ends a turn."""

from __future__ import annotations

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.hearing.patience import Completeness, Pause, Talker, is_over, needed_ms
from device.settings import Listen

RULES = Listen()
RISING: tuple[Completeness, ...] = ("complete", "talk", "likely", "unsure", "open")
texts = st.sampled_from([*RISING, None])
probabilities = st.none() | st.floats(0, 1)


def test_a_whole_request_that_sounds_final_needs_the_least_silence() -> None:
    assert needed_ms(RULES, "complete", 0.9) == RULES.complete_silence_ms
    assert needed_ms(RULES, "complete", 0.9) < needed_ms(RULES, "complete", 0.1)
    assert needed_ms(RULES, "complete", 0.9) < needed_ms(RULES, "unsure", 0.9)


def test_obviously_missing_words_are_waited_for_however_final_it_sounds() -> None:
    assert needed_ms(RULES, "open", 1.0) == RULES.open_silence_ms


def test_without_the_turn_model_the_text_decides() -> None:
    rising = [needed_ms(RULES, text, None) for text in RISING]
    assert rising == sorted(set(rising))


@given(texts, probabilities)
def test_no_verdict_waits_longer_than_the_cap_or_shorter_than_the_least(
    text: Completeness | None, turn: float | None
) -> None:
    assert RULES.complete_silence_ms <= needed_ms(RULES, text, turn) <= RULES.open_silence_ms


@given(probabilities, st.floats(0, 1), st.floats(0, 1))
def test_better_evidence_never_makes_it_wait_longer(turn: float | None, one: float, other: float) -> None:
    for better, worse in itertools.pairwise(RISING):
        assert needed_ms(RULES, better, turn) <= needed_ms(RULES, worse, turn)
    for text, doubtful in itertools.product(RISING, (False, True)):
        final, hardly = (
            needed_ms(RULES, text, p, doubtful=doubtful) for p in (max(one, other), min(one, other))
        )
        assert needed_ms(RULES, text, max(one, other)) <= final <= hardly


def test_settings_are_the_milliseconds_that_count() -> None:
    rules = msgspec.structs.replace(RULES, complete_silence_ms=111, turn_threshold=0.95)
    assert needed_ms(rules, "complete", 0.96) == 111
    assert needed_ms(rules, "complete", 0.94) == RULES.hesitant_silence_ms


def test_what_may_have_been_misheard_waits_like_what_is_unsure_unless_it_sounds_final() -> None:
    assert needed_ms(RULES, "likely", 0.9, doubtful=True) == RULES.likely_silence_ms
    assert needed_ms(RULES, "likely", None, doubtful=True) == RULES.likely_silence_ms
    assert needed_ms(RULES, "likely", 0.1, doubtful=True) == needed_ms(RULES, "unsure", 0.1)
    assert needed_ms(RULES, "likely", 0.1) == RULES.likely_silence_ms


def test_what_is_no_known_request_waits_the_longer_the_less_final_it_sounds() -> None:
    waits = [needed_ms(RULES, "unsure", probability) for probability in (1.0, 0.9, 0.5, 0.1, 0.0)]
    assert waits == sorted(set(waits))
    assert (waits[0], waits[-1]) == (RULES.unsure_silence_ms, RULES.open_silence_ms)
    assert needed_ms(RULES, None, 0.5) == needed_ms(RULES, "unsure", 0.5)


@given(st.integers(0, 2000), st.integers(0, 2000), st.integers(0, 900))
def test_a_turn_ends_by_silence_or_later_by_a_quieter_voice(silence: int, quieter: int, enough: int) -> None:
    over = is_over(RULES, Pause(silence, quieter), enough)
    assert over == (silence >= enough or quieter >= enough + RULES.far_voice_ms)


@pytest.mark.parametrize(("level_db", "near"), [(-20.0, True), (-32.0, True), (-45.0, False)])
def test_a_voice_far_below_the_talker_is_not_near(level_db: float, near: bool) -> None:
    talker = Talker()
    assert all(talker.is_near(level) for level in [-22.0, -20.0, -28.0, -20.0, -24.0])
    assert talker.is_near(level_db) is near


def test_far_voices_do_not_become_the_talker_however_long_they_go_on() -> None:
    talker = Talker()
    talker.is_near(-20.0)
    assert not any(talker.is_near(-42.0) for _ in range(500))

"""Endpointing: every utterance begins, pauses and ends by the rules, whatever the verdicts are."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.hearing import frames_of
from device.hearing.endpoint import Endpointer, Signal
from device.settings import Listen

RULES = Listen()
SINCE = 1000
CHUNK = 3  # frames, rounded down: times below are multiples of it


class Told(NamedTuple):
    """A signal and the frame it came with."""

    signal: Signal
    frame: int


def told(endpointer: Endpointer, verdicts: list[bool], first: int = SINCE) -> list[Told]:
    """Gives a verdict every three frames; a perfect VAD says when the last voice was."""
    signals, last_voiced = [], -1
    for number, voiced in enumerate(verdicts):
        frame = first + CHUNK * (number + 1)
        last_voiced = frame if voiced else last_voiced
        if (signal := endpointer.accept(frame, voiced, last_voiced)) is not None:
            signals.append(Told(signal, frame))
    return signals


def chunks(duration_ms: int) -> int:
    return frames_of(duration_ms) // CHUNK


def voice(duration_ms: int) -> list[bool]:
    return [True] * chunks(duration_ms)


def silence(duration_ms: int) -> list[bool]:
    return [False] * chunks(duration_ms)


def test_a_request_has_an_onset_a_hypothesis_and_an_end() -> None:
    endpointer = Endpointer(RULES, SINCE)
    signals = told(endpointer, silence(300) + voice(900) + silence(600))
    assert [s.signal for s in signals] == [Signal.ONSET, Signal.HYPOTHESIS, Signal.END]
    voiced_until = SINCE + CHUNK * (chunks(300) + chunks(900))
    assert endpointer.onset_frame == pytest.approx(SINCE + frames_of(300), abs=CHUNK)
    assert endpointer.last_voiced_frame == voiced_until
    assert signals[1].frame - voiced_until == pytest.approx(frames_of(RULES.hypothesis_silence_ms), abs=CHUNK)
    assert signals[2].frame - voiced_until == pytest.approx(frames_of(RULES.end_silence_ms), abs=CHUNK)


def test_speech_after_a_pause_takes_the_hypothesis_back() -> None:
    pause = voice(600) + silence(240) + voice(600) + silence(600)
    signals = [s.signal for s in told(Endpointer(RULES, SINCE), pause)]
    assert signals == [Signal.ONSET, Signal.HYPOTHESIS, Signal.RESUMED, Signal.HYPOTHESIS, Signal.END]


def test_a_click_in_the_silence_neither_resumes_nor_prolongs_the_turn() -> None:
    signals = told(Endpointer(RULES, SINCE), voice(600) + silence(240) + [True] + silence(600))
    assert [s.signal for s in signals] == [Signal.ONSET, Signal.HYPOTHESIS, Signal.END]
    silent_ms = 10 * (signals[-1].frame - SINCE) - 600
    assert silent_ms == pytest.approx(RULES.end_silence_ms, abs=10 * CHUNK)


def test_nobody_speaking_ends_at_the_timeout() -> None:
    (only,) = told(Endpointer(RULES, SINCE, timeout_ms=900), silence(2000))
    assert only == Told(Signal.NO_SPEECH, SINCE + frames_of(900))


def test_somebody_who_never_stops_is_ended_at_the_maximum() -> None:
    signals = told(Endpointer(RULES, SINCE), voice(RULES.maximum_turn_ms + 1000))
    assert [s.signal for s in signals] == [Signal.ONSET, Signal.END]
    assert signals[-1].frame - SINCE == pytest.approx(frames_of(RULES.maximum_turn_ms), abs=CHUNK)


def test_silence_before_the_wake_word_was_noticed_does_not_end_the_turn() -> None:
    endpointer = Endpointer(RULES, SINCE)
    talk = voice(600) + silence(600)
    assert Signal.END not in [s.signal for s in told(endpointer, talk, first=SINCE - frames_of(1200))]
    assert endpointer.onset_frame is None  # that voice was somebody else's


def test_after_a_voice_that_reached_the_wake_word_silence_counts_from_there() -> None:
    endpointer = Endpointer(RULES, SINCE)
    signals = told(endpointer, voice(900) + silence(1200), first=SINCE - frames_of(1050))
    assert [s.signal for s in signals] == [Signal.ONSET, Signal.HYPOTHESIS, Signal.END]
    assert signals[-1].frame - SINCE == pytest.approx(frames_of(RULES.end_silence_ms), abs=CHUNK)


def test_what_was_no_request_is_waited_over_until_the_same_deadline() -> None:
    endpointer = Endpointer(RULES, SINCE, timeout_ms=3000)
    assert told(endpointer, voice(600) + silence(600))[-1].signal is Signal.END
    endpointer.discard()
    again = told(endpointer, silence(300) + voice(600) + silence(600), first=SINCE + frames_of(1200))
    assert [s.signal for s in again] == [Signal.ONSET, Signal.HYPOTHESIS, Signal.END]
    endpointer.discard()
    late = told(endpointer, silence(900), first=SINCE + frames_of(2700))
    assert [s.signal for s in late] == [Signal.NO_SPEECH]


def test_time_without_sound_ends_a_turn_too() -> None:
    endpointer = Endpointer(RULES, SINCE)
    told(endpointer, voice(600))
    after = SINCE + frames_of(600) + frames_of(RULES.end_silence_ms)
    assert endpointer.skip(after) is Signal.END


verdicts = st.lists(st.tuples(st.booleans(), st.integers(1, 40)), max_size=40).map(
    lambda runs: [voiced for voiced, length in runs for _ in range(length)]
)


@given(verdicts)
def test_an_utterance_ends_by_silence_or_by_its_length_and_never_earlier(given_verdicts: list[bool]) -> None:
    endpointer = Endpointer(RULES, SINCE)
    frame = SINCE
    last_voiced = -1
    for voiced in given_verdicts:
        frame += CHUNK
        last_voiced = frame if voiced else last_voiced
        signal = endpointer.accept(frame, voiced, last_voiced)
        if signal is Signal.END:
            silent = frame - max(endpointer.last_voiced_frame, SINCE)
            long = frame - max(endpointer.onset_frame or 0, SINCE)
            assert long >= frames_of(RULES.maximum_turn_ms) or (
                not voiced and silent >= frames_of(RULES.end_silence_ms)
            )
        if signal is Signal.NO_SPEECH:
            assert endpointer.onset_frame is None
            assert frame - SINCE >= frames_of(RULES.no_speech_timeout_ms)


@given(verdicts)
def test_signals_come_in_the_order_of_the_diagram(given_verdicts: list[bool]) -> None:
    follows = {
        None: {Signal.ONSET, Signal.NO_SPEECH},
        Signal.ONSET: {Signal.HYPOTHESIS, Signal.END},
        Signal.HYPOTHESIS: {Signal.RESUMED, Signal.END},
        Signal.RESUMED: {Signal.HYPOTHESIS, Signal.END},
        Signal.END: set[Signal](),
        Signal.NO_SPEECH: set[Signal](),
    }
    before: Signal | None = None
    for signal, _ in told(Endpointer(RULES, SINCE), given_verdicts):
        assert signal in follows[before]
        before = signal


@given(verdicts, st.booleans())
def test_every_utterance_ends_by_itself(given_verdicts: list[bool], then_voiced: bool) -> None:
    endpointer = Endpointer(RULES, SINCE)
    longest = RULES.no_speech_timeout_ms + RULES.maximum_turn_ms + 1000
    told(endpointer, given_verdicts + [then_voiced] * chunks(longest))
    assert endpointer.ended


@given(verdicts)
def test_the_last_voiced_frame_never_lies_in_the_future_nor_goes_back(given_verdicts: list[bool]) -> None:
    endpointer = Endpointer(RULES, SINCE)
    last = -1
    for number, voiced in enumerate(given_verdicts):
        frame = SINCE + CHUNK * (number + 1)
        endpointer.accept(frame, voiced, frame if voiced else last)
        assert last <= endpointer.last_voiced_frame <= frame
        last = max(last, endpointer.last_voiced_frame)


def test_a_doubtful_stretch_is_neither_voice_nor_silence() -> None:
    endpointer = Endpointer(RULES, SINCE)
    told(endpointer, voice(600))
    frame = SINCE + frames_of(600)
    for _ in range(chunks(600)):
        frame += CHUNK
        assert endpointer.accept(frame, False, SINCE + frames_of(600), doubtful=True) is None
    assert endpointer.last_voiced_frame == SINCE + frames_of(600)
    after = told(endpointer, silence(600), first=frame)
    assert [s.signal for s in after] == [Signal.HYPOTHESIS, Signal.END]
    assert after[-1].frame - frame == pytest.approx(frames_of(RULES.end_silence_ms), abs=CHUNK)

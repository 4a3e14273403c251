"""Endpointing: every utterance begins, pauses and at last ends by the rules, whatever the verdicts are."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.hearing import frames_of
from device.hearing.endpoint import Endpointer, Signal
from device.hearing.patience import Pause
from device.settings import Listen

RULES = Listen()
SINCE = 1000
CHUNK = 3  # frames, rounded down: times below are multiples of it


class Told(NamedTuple):
    """A signal and the frame it came with."""

    signal: Signal
    frame: int


def told(
    endpointer: Endpointer, verdicts: list[bool], first: int = SINCE, *, near: bool = True
) -> list[Told]:
    """Gives a verdict every three frames; a perfect VAD says when the last voice was."""
    signals, last_voiced = [], -1
    for number, voiced in enumerate(verdicts):
        frame = first + CHUNK * (number + 1)
        last_voiced = frame if voiced else last_voiced
        if (signal := endpointer.accept(frame, voiced, last_voiced, near=voiced and near)) is not None:
            signals.append(Told(signal, frame))
    return signals


def chunks(duration_ms: int) -> int:
    return frames_of(duration_ms) // CHUNK


def voice(duration_ms: int) -> list[bool]:
    return [True] * chunks(duration_ms)


def silence(duration_ms: int) -> list[bool]:
    return [False] * chunks(duration_ms)


def after(endpointer: Endpointer, *parts: list[bool], first: int = SINCE) -> int:
    """The frame after the parts, none of which gave a signal but an onset."""
    verdicts = [verdict for part in parts for verdict in part]
    assert {one.signal for one in told(endpointer, verdicts, first)} <= {Signal.ONSET}
    return first + CHUNK * len(verdicts)


def test_a_request_has_an_onset_and_then_a_pause_that_grows() -> None:
    endpointer = Endpointer(RULES, SINCE)
    signals = told(endpointer, silence(300) + voice(900) + silence(600))
    assert [s.signal for s in signals] == [Signal.ONSET]
    voiced_until = SINCE + CHUNK * (chunks(300) + chunks(900))
    assert endpointer.onset_frame == pytest.approx(SINCE + frames_of(300), abs=CHUNK)
    assert endpointer.last_voiced_frame == voiced_until
    assert endpointer.pause(voiced_until + 60) == Pause(600, 600)


def test_speech_after_a_pause_ends_the_pause() -> None:
    endpointer = Endpointer(RULES, SINCE)
    frame = after(endpointer, voice(600), silence(240), voice(600))
    assert endpointer.pause(frame) == Pause(0, 0)
    assert endpointer.speaking


def test_a_click_in_the_silence_holds_the_pause_up_but_does_not_shorten_it() -> None:
    endpointer = Endpointer(RULES, SINCE)
    frame = after(endpointer, voice(600), silence(240), [True])
    assert endpointer.pause(frame).silence_ms == 0
    frame = after(endpointer, silence(60), first=frame)
    assert endpointer.pause(frame).silence_ms == pytest.approx(330, abs=10 * CHUNK)


def test_a_much_quieter_voice_after_a_pause_is_silence() -> None:
    endpointer = Endpointer(RULES, SINCE)
    frame = after(endpointer, voice(600), silence(120))
    told(endpointer, voice(900), frame, near=False)
    assert endpointer.pause(frame + frames_of(900)).silence_ms == pytest.approx(1020, abs=10 * CHUNK)
    assert not endpointer.speaking


def test_a_much_quieter_voice_right_after_the_talker_is_told_apart_from_silence() -> None:
    endpointer = Endpointer(RULES, SINCE)
    frame = after(endpointer, voice(600))
    told(endpointer, voice(900), frame, near=False)
    pause = endpointer.pause(frame + frames_of(900))
    assert (pause.silence_ms, pause.quieter_ms) == (0, 900)


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
    frame = after(endpointer, voice(900), silence(600), first=SINCE - frames_of(1050))
    assert frame - SINCE == frames_of(450)
    assert endpointer.pause(frame) == Pause(450, 450)


def test_what_was_no_request_is_waited_over_until_the_same_deadline() -> None:
    endpointer = Endpointer(RULES, SINCE, timeout_ms=3000)
    frame = after(endpointer, voice(600), silence(600))
    endpointer.discard()
    again = told(endpointer, silence(300) + voice(600) + silence(600), first=frame)
    assert [s.signal for s in again] == [Signal.ONSET]
    endpointer.discard()
    late = told(endpointer, silence(900), first=SINCE + frames_of(2700))
    assert [s.signal for s in late] == [Signal.NO_SPEECH]


def test_time_without_sound_is_silence_too() -> None:
    endpointer = Endpointer(RULES, SINCE)
    frame = after(endpointer, voice(600))
    assert endpointer.skip(frame + 50) is None
    assert endpointer.pause(frame + 50).silence_ms == 500


verdicts = st.lists(st.tuples(st.booleans(), st.integers(1, 40)), max_size=40).map(
    lambda runs: [voiced for voiced, length in runs for _ in range(length)]
)


@given(verdicts)
def test_a_pause_never_reaches_back_before_the_last_voice_or_the_beginning(
    given_verdicts: list[bool],
) -> None:
    endpointer = Endpointer(RULES, SINCE)
    last_voiced, signals = -1, 0
    for number, voiced in enumerate(given_verdicts):
        frame = SINCE + CHUNK * (number + 1)
        last_voiced = frame if voiced else last_voiced
        signal = endpointer.accept(frame, voiced, last_voiced)
        pause = endpointer.pause(frame)
        assert 0 <= pause.silence_ms <= 10 * (frame - max(SINCE, endpointer.last_voiced_frame))
        assert pause.silence_ms <= pause.quieter_ms
        signals += signal is not None
        if signal is Signal.END:
            assert frame - max(endpointer.onset_frame or 0, SINCE) >= frames_of(RULES.maximum_turn_ms)
        if signal is Signal.NO_SPEECH:
            assert endpointer.onset_frame is None
            assert frame - SINCE >= frames_of(RULES.no_speech_timeout_ms)
    assert signals <= 2


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
    frame = after(endpointer, voice(600))
    for _ in range(chunks(600)):
        frame += CHUNK
        assert endpointer.accept(frame, False, SINCE + frames_of(600), doubtful=True) is None
        assert endpointer.pause(frame) == Pause(0, 0)
    assert endpointer.last_voiced_frame == SINCE + frames_of(600)
    assert endpointer.pause(after(endpointer, silence(600), first=frame)).silence_ms == 600

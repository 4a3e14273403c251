"""Recognition in the background: whoever listens never waits, and old answers are not taken for new ones."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

import numpy as np
import pytest

from device.hearing import Samples
from device.hearing.asr import Recognition
from device.hearing.background import Final, Partial, Readings, Transcriber

FRAME: Samples = np.zeros(160, np.int16)


class Counting:
    """Recognises how many frames it was given, as slowly as `hold` allows."""

    def __init__(self) -> None:
        self.hold = threading.Event()
        self.hold.set()
        self.frames = self.given_up = 0
        self.broken = False

    def accept(self, samples: Samples) -> None:
        self.frames += 1

    def partial(self) -> str:
        self.hold.wait(5)
        return f"{self.frames} so far"

    def give_up_partial(self) -> None:
        self.given_up += 1

    def finish(self) -> Recognition:
        self.hold.wait(5)
        if self.broken:
            raise RuntimeError("no memory")
        return Recognition(f"{self.frames} in all", 1.0)

    def readings(self) -> list[str]:
        return [f"{self.frames} perhaps"]

    def expect(self, phrases: Iterable[str]) -> None:
        pass

    def reset(self) -> None:
        self.frames = 0


def collect(transcriber: Transcriber, count: int) -> list[Partial | Final | Readings]:
    found: list[Partial | Final | Readings] = []
    deadline = time.monotonic() + 5
    while len(found) < count and time.monotonic() < deadline:
        found += transcriber.poll()
        time.sleep(0.001)
    return found


def test_texts_are_of_the_sound_accepted_before_they_were_asked_for() -> None:
    transcriber = Transcriber(Counting())
    for _ in range(3):
        transcriber.accept(FRAME)
    transcriber.request_partial()
    transcriber.accept(FRAME)
    ticket = transcriber.request_final()
    transcriber.accept(FRAME)
    partial, final = collect(transcriber, 2)
    assert partial.text == "3 so far" if isinstance(partial, Partial) else False
    assert isinstance(final, Final)
    assert (final.ticket, final.recognition.text) == (ticket, "4 in all")
    assert not transcriber.busy
    transcriber.close()


def test_nobody_waits_for_a_slow_recogniser() -> None:
    recogniser = Counting()
    recogniser.hold.clear()
    transcriber = Transcriber(recogniser)
    began = time.monotonic()
    transcriber.request_partial()
    for _ in range(1000):
        transcriber.accept(FRAME)
    transcriber.request_final()
    assert transcriber.poll() == []
    assert transcriber.busy
    assert time.monotonic() - began < 0.5
    time.sleep(0.02)
    assert transcriber.stalled_s > 0.01
    recogniser.hold.set()
    assert len(collect(transcriber, 2)) == 2
    transcriber.close()


def test_the_whole_text_does_not_wait_for_a_partial_one_that_was_begun_before() -> None:
    class GivingUp(Counting):
        def partial(self) -> str:
            return super().partial() if not self.given_up and not self.hold.wait(5) else ""

        def give_up_partial(self) -> None:
            super().give_up_partial()
            self.hold.set()

    recogniser = GivingUp()
    recogniser.hold.clear()
    transcriber = Transcriber(recogniser)
    transcriber.request_partial()
    ticket = transcriber.request_final()
    partial, final = collect(transcriber, 2)
    assert isinstance(partial, Partial)
    assert isinstance(final, Final)
    assert (partial.text, final.ticket) == ("", ticket)
    transcriber.close()


def test_texts_of_a_forgotten_utterance_are_left_out() -> None:
    recogniser = Counting()
    recogniser.hold.clear()
    transcriber = Transcriber(recogniser)
    transcriber.request_partial()
    transcriber.request_final()
    transcriber.reset()
    transcriber.accept(FRAME)
    ticket = transcriber.request_final()
    recogniser.hold.set()
    (final,) = collect(transcriber, 1)
    assert isinstance(final, Final)
    assert (final.ticket, final.recognition.text) == (ticket, "1 in all")
    assert not transcriber.busy
    transcriber.close()


def test_an_error_in_the_thread_is_raised_to_whoever_polls() -> None:
    recogniser = Counting()
    recogniser.broken = True
    transcriber = Transcriber(recogniser)
    transcriber.request_final()
    with pytest.raises(RuntimeError, match="no memory"):
        collect(transcriber, 1)


def test_readings_come_in_their_turn_with_their_own_ticket() -> None:
    transcriber = Transcriber(Counting())
    transcriber.accept(FRAME)
    final = transcriber.request_final()
    others = transcriber.request_readings()
    answers = collect(transcriber, 2)
    assert answers[1] == Readings(others, ("1 perhaps",))
    assert others != final
    transcriber.close()

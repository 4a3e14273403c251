"""The synthesis thread: order, back-pressure, dropping, and what happens when the voice fails."""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from device.faults import Fault
from device.speech import Samples, Style, fallback
from device.speech.cancellation import Cancellation, Cancelled
from device.speech.messages import Clause, Failure, Message, Opening, Sound, Spent
from device.speech.voice import Spoken
from device.speech.worker import Worker

RATE_HZ = 22_050


VOICES: list[Voice] = []  # that were loaded


class Voice:
    """Says every word as a tenth of a second; "broken" breaks, "slow" lasts until it is cancelled.

    "pause" waits until it may go on.
    """

    rate_hz = RATE_HZ

    def __init__(self) -> None:
        self.known: set[str] = set()
        self.said: list[str] = []
        self.chunks = 0  # that were made
        self.pausing, self.go_on = threading.Event(), threading.Event()
        VOICES.append(self)

    def knows(self, text: str, style: Style) -> bool:
        return text in self.known

    def say(self, text: str, style: Style, cancellation: Cancellation) -> Spoken:
        self.said.append(text)
        words = tuple(word for word in text.split() if word != "_")  # which is a silence
        ends = tuple(RATE_HZ // 10 * number for number in range(1, len(words) + 1))
        return Spoken(words, ends, self._chunks(text, cancellation), cached=False)

    def _chunks(self, text: str, cancellation: Cancellation) -> Iterator[Samples]:
        for word in text.split():
            if word == "broken":
                raise RuntimeError("the voice failed: out of memory")
            while word == "slow" and not cancellation.requested:
                time.sleep(0.001)
            if word == "pause":
                self.pausing.set()
                assert self.go_on.wait(5)
            if cancellation.requested:
                raise Cancelled
            self.chunks += 1
            yield np.ones(RATE_HZ // 10, np.int16)
        self.known.add(text)


@pytest.fixture
def worker() -> Iterator[Worker]:
    VOICES.clear()
    worker = Worker(lambda _: Voice(), RATE_HZ)
    yield worker
    worker.close()


def _collect(worker: Worker, clauses: int, timeout_s: float = 5.0) -> list[Message]:
    """What is made until that many clauses have ended."""
    made: list[Message] = []
    deadline = time.monotonic() + timeout_s
    while sum(isinstance(message, Sound) and message.end for message in made) < clauses:
        assert time.monotonic() < deadline, made
        select.select([worker.fileno()], [], [], 0.1)
        if (message := worker.take()) is not None:
            made.append(message)
    return made


def _samples(made: list[Message]) -> int:
    return sum(len(message.samples) for message in made if isinstance(message, Sound))


def _texts(made: list[Message]) -> list[str]:
    """What each clause was said to be in the end."""
    openings = {message.clause: message.text for message in made if isinstance(message, Opening)}
    return list(openings.values())


def test_clauses_come_in_order_each_with_its_words_before_its_sound(worker: Worker) -> None:
    worker.submit(Clause(1, 0, "one two"))
    worker.submit(Clause(1, 1, "three", last=True))
    made = _collect(worker, 2)
    assert _texts(made) == ["one two", "three"]
    assert [type(message) for message in made[:2]] == [Opening, Sound]
    assert sum(len(m.samples) for m in made if isinstance(m, Sound)) == 3 * RATE_HZ // 10


def test_a_higher_turn_ends_the_work_for_older_ones_at_once(worker: Worker) -> None:
    worker.submit(Clause(1, 0, "one slow two"))
    worker.submit(Clause(1, 1, "three"))
    while worker.take() is None:
        time.sleep(0.001)
    began = time.monotonic()
    worker.drop(2)
    worker.submit(Clause(2, 0, "new"))
    made = _collect(worker, 1)
    assert time.monotonic() - began < 0.05
    assert {message.clause.turn for message in made if message.clause} == {2}
    assert worker.idle


def test_the_voice_waits_while_nobody_takes_its_sound(worker: Worker) -> None:
    worker.submit(Clause(1, 0, "word " * 100))
    _until(lambda: bool(VOICES) and VOICES[-1].chunks > 0)
    time.sleep(0.2)
    assert worker.stalled_s == 0
    assert VOICES[-1].chunks <= 50  # five seconds of sound


def _until(condition: Callable[[], bool], timeout_s: float = 5.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def _spent(made: list[Message]) -> list[tuple[int, bool]]:
    return [(message.turn, message.used) for message in made if isinstance(message, Spent)]


def test_expected_words_are_silent_until_they_are_said_and_are_then_not_made_again(worker: Worker) -> None:
    worker.expect(1, "one two", Style())
    _until(lambda: worker.idle)
    assert worker.take() is None
    assert VOICES[-1].said == ["one two"]
    worker.submit(Clause(1, 0, "one two", last=True))
    made = _collect(worker, 1)
    assert VOICES[-1].said == ["one two"]
    assert sum(len(m.samples) for m in made if isinstance(m, Sound)) == 2 * RATE_HZ // 10
    assert _spent(made) == [(1, True)]


def test_expected_words_that_are_said_while_they_are_made_go_on_from_there(worker: Worker) -> None:
    worker.expect(1, "one pause two", Style())
    _until(lambda: VOICES[-1].pausing.is_set())
    worker.submit(Clause(1, 0, "one pause two"))
    VOICES[-1].go_on.set()
    made = _collect(worker, 1)
    assert VOICES[-1].said == ["one pause two"]
    assert sum(len(m.samples) for m in made if isinstance(m, Sound)) == 3 * RATE_HZ // 10


def test_expected_words_give_way_at_once_to_others_and_are_accounted_for_as_wasted(worker: Worker) -> None:
    worker.expect(1, "one slow two", Style())
    _until(lambda: VOICES[-1].said == ["one slow two"])
    began = time.monotonic()
    worker.submit(Clause(1, 0, "something else"))
    made = _collect(worker, 1)
    assert time.monotonic() - began < 0.2
    assert _texts(made) == ["something else"]
    assert _spent(made) == [(1, False)]


@pytest.mark.parametrize("end", ["drop", "expect_nothing", "expect"])
def test_expected_words_that_are_never_said_are_forgotten(worker: Worker, end: str) -> None:
    worker.expect(1, "one two", Style())
    _until(lambda: worker.idle)
    if end == "drop":
        worker.drop(2)
    elif end == "expect":
        worker.expect(1, "three", Style())
    else:
        worker.expect_nothing()
    worker.submit(Clause(2, 0, "one two"))
    made = _collect(worker, 1)
    assert (1, False) in _spent(made)
    assert VOICES[-1].said.count("one two") == 2


def test_a_clause_that_is_begun_waits_for_its_end_before_it_says_it(worker: Worker) -> None:
    worker.submit(Clause(1, 0, "the lamp is on", ahead=2))
    _until(lambda: worker.stalled_s == 0 and VOICES[-1].said == ["the lamp is on"])
    made = list[Message]()
    while _samples(made) < 2 * RATE_HZ // 10:
        select.select([worker.fileno()], [], [], 5)
        made += [message] if (message := worker.take()) is not None else []
    time.sleep(0.02)
    assert worker.take() is None
    assert _texts(made) == ["the lamp"]
    worker.submit(Clause(1, 1, "and that is that"))
    worker.submit(Clause(1, 0, "the lamp is on", last=True))
    made += _collect(worker, 2)
    assert _texts(made)[-2:] == ["the lamp is on", "and that is that"]
    assert VOICES[-1].said == ["the lamp is on", "and that is that"]
    assert _samples(made) == 8 * RATE_HZ // 10


def test_a_clause_that_is_clipped_ends_soon_after_its_last_word_and_is_kept_whole(worker: Worker) -> None:
    worker.submit(Clause(1, 0, "well _", clipped=True))
    made = _collect(worker, 1)
    assert RATE_HZ // 10 < _samples(made) < 2 * RATE_HZ // 10
    assert _texts(made) == ["well _"]
    _until(lambda: "well _" in VOICES[-1].known)
    worker.submit(Clause(1, 1, "well _"))
    assert _samples(_collect(worker, 1)) == 2 * RATE_HZ // 10


def test_a_clause_that_is_begun_can_end_otherwise(worker: Worker) -> None:
    worker.submit(Clause(1, 0, "the lamp is on", ahead=2))
    worker.submit(Clause(1, 0, "the lamp did not answer", last=True))
    made = _collect(worker, 1)
    opening = [message for message in made if isinstance(message, Opening)][-1]
    assert opening.text == "the lamp did not answer"
    assert opening.clause.last
    assert _samples(made) == opening.word_ends[-1] == 5 * RATE_HZ // 10


def test_a_clause_that_is_begun_is_dropped_with_its_turn(worker: Worker) -> None:
    worker.submit(Clause(1, 0, "the lamp is on", ahead=2))
    _until(lambda: bool(VOICES[-1:]) and VOICES[-1].said == ["the lamp is on"])
    worker.drop(2)
    worker.submit(Clause(2, 0, "new"))
    made = _collect(worker, 1)
    assert _texts([message for message in made if message.clause and message.clause.turn == 2]) == ["new"]


def test_a_clause_that_breaks_is_finished_with_the_recorded_phrase_and_tells_what_was_heard(
    worker: Worker,
) -> None:
    worker.submit(Clause(1, 0, "one two broken four"))
    made = _collect(worker, 1)
    (failure,) = [message for message in made if isinstance(message, Failure)]
    assert "out of memory" in failure.reason
    openings = [message for message in made if isinstance(message, Opening)]
    assert openings[-1].text == f"one two {fallback.TEXT}"
    samples = sum(len(message.samples) for message in made if isinstance(message, Sound))
    assert openings[-1].word_ends[-1] == samples
    assert samples > 2 * RATE_HZ


def test_the_apology_is_said_once_in_a_turn(worker: Worker) -> None:
    for number in range(3):
        worker.submit(Clause(1, number, "broken", last=number == 2))
    worker.submit(Clause(2, 0, "broken"))
    assert _texts(_collect(worker, 4)) == [fallback.TEXT, "", "", fallback.TEXT]


def test_without_a_voice_the_reason_is_told_and_every_turn_gets_the_recorded_phrase() -> None:
    def load(_: Cancellation) -> Voice:
        raise Fault("the voice en_US-joe-medium is missing", "run `wren models fetch`")

    worker = Worker(load, 16_000)
    worker.submit(Clause(1, 0, "hello"))
    made = _collect(worker, 1)
    worker.close()
    assert made[0] == Failure(None, "the voice en_US-joe-medium is missing", "run `wren models fetch`")
    assert _texts(made) == [fallback.TEXT]
    assert sum(len(m.samples) for m in made if isinstance(m, Sound)) == pytest.approx(2.8 * 16_000, rel=0.05)


def test_a_voice_that_is_loading_is_given_up_when_the_worker_ends() -> None:
    given_up = threading.Event()

    def load(cancellation: Cancellation) -> Voice:
        cancellation.on_request(given_up.set)
        given_up.wait(5)
        raise Cancelled

    worker = Worker(load, RATE_HZ)
    worker.close()
    assert given_up.is_set()


def test_a_voice_that_appears_later_is_used_without_a_restart() -> None:
    missing = [Fault("missing", "fetch it"), Fault("missing", "fetch it")]

    def load(_: Cancellation) -> Voice:
        if missing:
            raise missing.pop()
        return Voice()

    worker = Worker(load, RATE_HZ)
    worker.submit(Clause(1, 0, "hello"))
    worker.submit(Clause(1, 1, "hello"))
    texts = _texts(_collect(worker, 2))
    worker.close()
    assert texts == [fallback.TEXT, "hello"]


def test_phrases_are_prepared_only_while_there_is_nothing_to_say(worker: Worker) -> None:
    worker.warm("slow phrase", Style())
    while worker.idle or worker.stalled_s == 0:
        time.sleep(0.001)
    worker.submit(Clause(1, 0, "hello"))
    assert _texts(_collect(worker, 1)) == ["hello"]

"""Work ahead of the commit: handed over when the text is the same, else nothing of it is ever seen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.dialog.speculation import Ended, Speculation, key_of

Ahead = Speculation[str, str]


@pytest.mark.parametrize("committed", ["turn on the light", "Turn on the light.", " turn on,  the LIGHT ?"])
def test_what_was_found_is_handed_over_when_the_text_is_the_same(committed: str) -> None:
    ahead = Ahead()
    ahead.hold(1, "Turn on the light", "found", 2.0)
    held = ahead.commit(1, committed)
    assert held is not None
    assert held.found == "found"
    assert ahead.ended() == [Ended(1, True, 2.0, "route")]


def test_numbers_keep_their_points() -> None:
    assert key_of("to 21.5 degrees.") == "to 21.5 degrees"


@pytest.mark.parametrize(("turn", "text"), [(1, "turn on the lights"), (2, "turn on the light")])
def test_another_text_or_turn_gets_nothing(turn: int, text: str) -> None:
    ahead = Ahead()
    ahead.hold(1, "turn on the light", "found", 2.0)
    assert ahead.commit(turn, text) is None
    assert ahead.ended() == [Ended(1, False, 2.0, "route")]


def test_outcomes_wait_for_the_commit_and_then_pass_through() -> None:
    ahead = Ahead()
    ahead.hold(1, "tell me a joke", "model", 1.0)
    ahead.work(1, 7, decides=True)
    assert not ahead.passes(7, "first")
    held = ahead.commit(1, "tell me a joke")
    assert held is not None
    assert held.outcomes == ["first"]
    assert ahead.passes(7, "second")
    ahead.spent(7, 300.0)
    assert Ended(1, True, 300.0, "model") in ahead.ended()


def test_a_job_that_read_ahead_is_of_use_when_the_model_is_asked_at_last() -> None:
    ahead = Ahead()
    ahead.work(1, 3, decides=False)
    ahead.spent(3, 40.0)
    assert ahead.ended() == []
    ahead.hold(1, "tell me a joke", "model", 1.0)
    ahead.commit(1, "tell me a joke")
    ahead.settle(used=True)
    assert Ended(1, True, 40.0, "model") in ahead.ended()


steps = st.lists(
    st.one_of(
        st.tuples(st.just("hold"), st.integers(1, 3), st.sampled_from(["a", "b"])),
        st.tuples(st.just("commit"), st.integers(1, 3), st.sampled_from(["a", "b"])),
        st.tuples(st.just("outcome"), st.integers(1, 30), st.just("")),
        st.tuples(st.just("drop"), st.just(0), st.just("")),
    ),
    max_size=30,
)


@given(steps)
def test_nothing_of_a_text_that_was_not_committed_passes_and_every_job_is_accounted_for_once(
    taken: list[tuple[str, int, str]],
) -> None:
    ahead, jobs, open_jobs = Ahead(), dict[int, tuple[int, str]](), set[int]()
    for kind, number, text in taken:
        if kind == "hold":
            job = len(jobs) + 1
            jobs[job] = (number, text)
            ahead.hold(number, text, "", 0.0)
            ahead.work(number, job, decides=True)
        elif kind == "commit":
            held = ahead.commit(number, text)
            if held is not None:
                assert jobs[held.job] == (number, text)
                open_jobs.add(held.job)
        elif kind == "drop":
            ahead.drop()
        elif ahead.passes(number, "outcome"):
            assert number in open_jobs
    ahead.drop()
    ahead.settle(used=False)
    for job in jobs:
        ahead.spent(job, 1.0)
    models = [ended for ended in ahead.ended() if ended.what == "model"]
    assert len(models) == len(jobs)
    assert sum(ended.used for ended in models) == len(open_jobs)

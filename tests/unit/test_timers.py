"""The book of timers: nothing is lost, early or late, whatever becomes of clocks and power."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.home.registry import Call
from device.tools import timekeeper, timers
from device.tools.ringing import QUIET_S, Loudness, Ringer
from device.tools.timekeeper import local
from device.tools.timers import Book, Now, Refused

START_S = 1_790_000_000.0  # 2026
EPOCH_S = 0.0
LOUDNESS = Loudness(ring_every_s=2, ring_limit_s=60, first_db=-30, step_db=3, last_db=-8)


def at(seconds: float, *, wall_s: float = START_S, boot: str = "one", up_s: float = 100) -> Now:
    return Now(wall_s + seconds, up_s + seconds, boot)


def book_with(seconds: float, kind: timers.Kind = "timer") -> Book:
    return timers.start(timers.observe(Book(), at(0)), at(0), kind, "pasta", seconds)[0]


def rest(book: Book, now: Now) -> float:
    book = timers.observe(book, now)
    return book.remaining(book.timers[0], now)


@given(st.floats(1, 86_400), st.floats(0, 86_400), st.floats(-3e8, 3e8))
def test_a_clock_that_is_set_changes_nothing_for_a_length_of_time(
    length: float, passed: float, jump: float
) -> None:
    book = timers.observe(book_with(length), at(passed, wall_s=START_S + jump))
    assert rest(book, at(passed, wall_s=START_S + jump)) == pytest.approx(
        length - passed, abs=timers.JUMP_S + 0.01
    )


@given(st.floats(1, 86_400), st.floats(0, 80_000), st.floats(0, 1000))
def test_after_a_reboot_a_length_of_time_goes_by_the_clock_on_the_wall(
    length: float, off: float, up: float
) -> None:
    found = Now(START_S + off + up, up, "two")
    assert rest(book_with(length), found) == pytest.approx(length - off - up, abs=0.01)


@given(st.floats(1, 86_400), st.floats(0, 80_000), st.floats(0, 3600))
def test_without_a_battery_for_the_clock_it_rings_no_later_than_its_length_after_the_reboot(
    length: float, off: float, up: float
) -> None:
    lost = Now(EPOCH_S + up, up, "two")
    assert rest(book_with(length), lost) == pytest.approx(length - up, abs=0.01)
    found = Now(START_S + off + up, up, "two")
    book = timers.observe(timers.observe(book_with(length), lost), found)
    assert rest(book, found) == pytest.approx(length - off - up, abs=timers.JUMP_S + 0.01)


@given(st.floats(60, 80_000), st.floats(0, 59))
def test_a_time_of_day_follows_the_clock_when_it_is_set(ahead: float, behind: float) -> None:
    book = timers.observe(Book(), at(0))
    book, _ = timers.set_at(book, at(0), "alarm", "", START_S + ahead)
    assert rest(book, at(0, wall_s=START_S - behind)) == pytest.approx(
        ahead + behind, abs=timers.JUMP_S + 0.01
    )


def test_a_second_reboot_without_a_clock_does_not_lose_what_the_first_knew() -> None:
    book = timers.observe(book_with(600), Now(50.0, 50.0, "two"))
    assert rest(book, Now(20.0, 20.0, "three")) == pytest.approx(600 - 50 - 20)


def test_the_clock_creeping_by_itself_is_not_taken_for_being_set() -> None:
    book = book_with(600)
    assert timers.observe(book, at(300, wall_s=START_S + 1.5)) is book


@given(st.lists(st.sampled_from(("start", "cancel", "add", "pause", "resume", "wait")), max_size=30))
def test_whatever_is_done_ids_stay_unique_and_pausing_keeps_the_rest(steps: list[str]) -> None:
    book, passed = timers.observe(Book(), at(0)), 0.0
    for step in steps:
        now = at(passed)
        first = book.timers[0].id if book.timers else "1"
        before = book.remaining(book.timers[0], now) if book.timers else 0
        try:
            match step:
                case "start":
                    book, _ = timers.start(book, now, "timer", "", 1000)
                case "cancel":
                    book, _ = timers.remove(book, first)
                case "add":
                    book, timer = timers.prolong(book, now, first, 30)
                    assert book.remaining(timer, now) == pytest.approx(before + 30)
                case "pause":
                    book, timer = timers.pause(book, now, first)
                    assert book.remaining(timer, at(passed + 500)) == pytest.approx(before)
                case "resume":
                    book, timer = timers.resume(book, now, first)
                    assert book.remaining(timer, now) == pytest.approx(before)
                case _:
                    passed += 10
        except Refused:
            pass
        assert len({timer.id for timer in book.timers}) == len(book.timers)


def test_a_clock_that_was_never_set_takes_no_time_of_day() -> None:
    book = timers.observe(Book(), Now(1000.0, 1000.0, "one"))
    with pytest.raises(Refused, match="what time it is"):
        timers.set_at(book, Now(1000.0, 1000.0, "one"), "alarm", "", 90_000.0)


def test_more_than_a_timer_holds_cannot_be_taken_off() -> None:
    with pytest.raises(Refused, match="less time left"):
        timers.prolong(book_with(60), at(0), "1", -120)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (Call("timer_start", "egg", 300), "The egg timer is set for 5 minutes."),
        (Call("timer_start", "", 5400), "Your timer is set for 1 hour and 30 minutes."),
        (Call("alarm_set", "", 1200), "The alarm is set in 20 minutes."),
        (Call("reminder_set", "to call my mother", 60), "I will remind you in 1 minute."),
        (Call("timer_cancel", "1"), "The pasta timer is cancelled."),
        (Call("timer_add", "1", 120), "The pasta timer now has 12 minutes left."),
        (Call("timer_pause", "1"), "The pasta timer is paused, with 10 minutes left."),
    ],
)
def test_what_is_said_names_what_was_done(call: Call, said: str) -> None:
    assert timekeeper.carry_out(book_with(600), call, at(0), (), 540).said == said


def test_an_alarm_for_tomorrow_says_so() -> None:
    book = timers.observe(Book(), at(0))
    tomorrow = local(START_S + 86_400).replace(hour=7, minute=0, second=0, microsecond=0)
    done = timekeeper.carry_out(book, Call("alarm_set", "", tomorrow.isoformat()), at(0), (), 540)
    assert done.said == "The alarm is set for seven o'clock in the morning tomorrow."
    assert done.book.timers[0].due_s == tomorrow.timestamp()


def test_stopping_takes_everything_that_rings_out_of_the_book_and_snoozing_sets_it_anew() -> None:
    book = book_with(60)
    late = at(61)
    done = timekeeper.carry_out(book, Call("ring_stop"), late, book.due(late), 540)
    assert (done.book.timers, len(done.stopped)) == ((), 1)
    done = timekeeper.carry_out(book, Call("ring_snooze"), late, book.due(late), 540)
    assert done.book.remaining(done.book.timers[0], late) == 540
    with pytest.raises(Refused, match="Nothing is ringing"):
        timekeeper.carry_out(book, Call("ring_stop"), at(0), (), 540)


def test_rings_get_louder_up_to_a_limit_and_say_the_name() -> None:
    ringer = Ringer()
    ringer.begin(book_with(60).timers[0], 0)
    rounds = [found for now in range(40) if (found := ringer.step(now, LOUDNESS, quiet=False))]
    chimes = [found.level_db for found in rounds if not found.spoken]
    assert chimes[:3] == [-30, -24, -21]
    assert chimes == sorted(chimes)
    assert max(chimes) == -8
    assert [number for number, found in enumerate(rounds) if found.spoken] == [1, 11]


def test_it_is_quiet_while_somebody_talks_but_not_for_ever() -> None:
    ringer = Ringer()
    ringer.begin(book_with(60).timers[0], 0)
    assert ringer.step(0, LOUDNESS, quiet=True) is None
    assert ringer.step(QUIET_S - 1, LOUDNESS, quiet=True) is None
    assert ringer.step(QUIET_S + 1, LOUDNESS, quiet=True) is not None


def test_it_gives_up_after_its_limit() -> None:
    ringer = Ringer()
    ringer.begin(book_with(60).timers[0], 0)
    assert list(ringer.worn_out(59, LOUDNESS)) == []
    assert list(ringer.worn_out(60, LOUDNESS)) == ["1"]

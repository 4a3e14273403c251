"""What repeats: the same local time on its days, through changes of the clocks, reboots and clocks that are set."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import date, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.events import TimerChanged
from device.home.registry import Call
from device.tools import recurrence, timekeeper, timers
from device.tools.recognise import completed, recognise
from device.tools.recurrence import next_due, read, weekly
from device.tools.request import ToolState
from device.tools.timers import Book, Now, Refused
from tests.bench.tools_eval import rows_of

WEEKDAYS = weekly(range(5), 7, 0)
WEDNESDAY = datetime(2026, 11, 25, 16, 0)
SKIP_DAY = "2026-11-26"


@pytest.fixture(autouse=True)
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A time zone whose clocks change on 2026-03-29 at 2 and on 2026-10-25 at 3."""
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


def at(moment: datetime, *, boot: str = "one", up_s: float = 1e6) -> Now:
    return Now(moment.timestamp(), up_s, boot)


def book_at(moment: datetime, rule: str = WEEKDAYS) -> Book:
    now = at(moment)
    return timers.set_repeating(timers.observe(Book(), now), now, "alarm", "", rule)[0]


def local_due(book: Book) -> datetime:
    return datetime.fromtimestamp(book.timers[0].due_s)


@given(
    st.sets(st.integers(0, 6), min_size=1),
    st.integers(0, 23),
    st.integers(0, 59),
    st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1)),
    st.sets(st.integers(0, 6), max_size=5),
)
def test_the_next_time_is_the_first_on_a_day_of_the_rule_that_is_not_skipped(
    days: set[int], hour: int, minute: int, moment: datetime, ahead: set[int]
) -> None:
    skipped = {(moment.date() + timedelta(days=number)).isoformat() for number in ahead}
    rule = weekly(days, hour, minute)
    due_s = next_due(rule, moment.timestamp(), skipped)
    due = datetime.fromtimestamp(due_s)
    assert due_s > moment.timestamp()
    assert due.weekday() in days
    assert due.date().isoformat() not in skipped
    is_left_out = (hour, due.month, due.isoweekday()) == (2, 3, 7)  # may fall into the missing hour
    assert (due.hour, due.minute) == (hour, minute) or (is_left_out and due.hour == 3)
    between = (moment.date() + timedelta(days=n) for n in range((due.date() - moment.date()).days))
    for day in between:
        earlier = datetime(day.year, day.month, day.day, hour, minute).timestamp()
        is_right = day.weekday() in days and day.isoformat() not in skipped
        assert not is_right or earlier <= moment.timestamp()


@given(st.sets(st.integers(0, 6), min_size=1), st.integers(0, 23), st.integers(0, 59))
def test_a_rule_is_read_as_it_was_written(days: set[int], hour: int, minute: int) -> None:
    assert read(weekly(days, hour, minute)) == (tuple(sorted(days)), hour, minute)


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "FREQ=DAILY",
        "FREQ=WEEKLY;BYDAY=XX;BYHOUR=7;BYMINUTE=0",
        "FREQ=WEEKLY;BYDAY=MO;BYHOUR=25;BYMINUTE=0",
    ],
)
def test_other_rules_are_refused(rule: str) -> None:
    with pytest.raises(ValueError, match=r"not|day|index"):
        read(rule)
    with pytest.raises(Refused):
        timekeeper.carry_out(Book(), Call("alarm_set", "", rule or "FREQ="), at(WEDNESDAY), (), 540)


def test_seven_o_clock_stays_seven_o_clock_when_the_clocks_change() -> None:
    daily = weekly(recurrence.EVERY_DAY, 7, 0)
    before, after = datetime(2026, 10, 24, 8), datetime(2026, 10, 25, 8)
    first = next_due(daily, before.timestamp())
    second = next_due(daily, after.timestamp())
    assert first - next_due(daily, datetime(2026, 10, 23, 8).timestamp()) == 25 * 3600
    assert second - first == 24 * 3600
    assert datetime.fromtimestamp(first).hour == datetime.fromtimestamp(second).hour == 7


def test_a_time_that_is_left_out_comes_an_hour_later_and_one_that_comes_twice_rings_once() -> None:
    rule = weekly(recurrence.EVERY_DAY, 2, 30)
    spring = next_due(rule, datetime(2026, 3, 28, 12).timestamp())
    assert datetime.fromtimestamp(spring) == datetime(2026, 3, 29, 3, 30)
    autumn = next_due(rule, datetime(2026, 10, 24, 12).timestamp())
    rung = datetime.fromtimestamp(next_due(rule, autumn + 1))
    assert rung == datetime(2026, 10, 26, 2, 30)


def test_it_rings_is_stopped_and_is_due_again_the_next_day() -> None:
    book, late = book_at(WEDNESDAY), at(datetime(2026, 11, 26, 7, 0, 5), up_s=1e6 + 15 * 3600 + 5)
    assert local_due(book) == datetime(2026, 11, 26, 7)
    done = timekeeper.carry_out(book, Call("ring_stop"), late, book.due(late), 540)
    assert local_due(done.book) == datetime(2026, 11, 27, 7)
    assert done.said == "The alarm is off until seven o'clock in the morning tomorrow."
    done = timekeeper.carry_out(book, Call("timer_cancel", "1"), late, book.due(late), 540)
    assert [timer.repeats for timer in done.book.timers] == [WEEKDAYS]
    done = timekeeper.carry_out(book, Call("ring_snooze"), late, book.due(late), 540)
    assert sorted(timer.repeats for timer in done.book.timers) == ["", WEEKDAYS]
    assert len(done.book.due(late)) == 0


def test_after_days_without_power_it_was_missed_once_and_is_due_on_the_next_of_its_days() -> None:
    book = book_at(WEDNESDAY)
    back = at(datetime(2026, 11, 28, 12), boot="two", up_s=10)
    book = timers.observe(book, back)
    assert len(book.due(back)) == 1
    book = timers.ended(book, back, "1")
    assert local_due(book) == datetime(2026, 11, 30, 7)


@given(st.datetimes(datetime(2026, 6, 1), datetime(2027, 6, 1)), st.booleans())
def test_whatever_a_clock_is_set_to_it_is_due_within_the_week_or_overdue(
    moment: datetime, reboot: bool
) -> None:
    book = book_at(WEDNESDAY, weekly([2], 7, 0))
    now = at(moment, boot="two" if reboot else "one", up_s=5.0 if reboot else 1e6)
    book = timers.observe(book, now)
    left_s = book.remaining(book.timers[0], now)
    assert left_s <= 7 * 86_400 + 3600
    assert left_s < 0 or (local_due(book).weekday(), local_due(book).hour) == (2, 7)


def test_it_survives_the_file_it_is_kept_in() -> None:
    book = timers.skip(book_at(WEDNESDAY), at(WEDNESDAY), "1", date(2026, 11, 27))[0]
    assert msgspec.json.decode(msgspec.json.encode(book), type=Book) == book


def test_a_skipped_day_is_left_out_once() -> None:
    book = book_at(WEDNESDAY)
    done = timekeeper.carry_out(book, Call("timer_skip", "1", SKIP_DAY), at(WEDNESDAY), (), 540)
    assert done.said == (
        "The alarm for every weekday at seven o'clock in the morning is skipped tomorrow. "
        "It is due next at seven o'clock in the morning on Friday."
    )
    assert local_due(done.book) == datetime(2026, 11, 27, 7)
    ended = timers.ended(done.book, at(datetime(2026, 11, 27, 7, 1), up_s=1e6 + 39 * 3600 + 60), "1")
    assert (local_due(ended), ended.timers[0].skipped) == (datetime(2026, 11, 30, 7), ())
    with pytest.raises(Refused, match="does not ring on that day"):
        timekeeper.carry_out(book, Call("timer_skip", "1", "2026-11-28"), at(WEDNESDAY), (), 540)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            Call("alarm_set", "", WEEKDAYS),
            "The alarm is set for every weekday at seven o'clock in the morning, for the first time tomorrow.",
        ),
        (
            Call("reminder_set", "to feed the cat", weekly(range(7), 18, 0)),
            "I will remind you every day at six o'clock in the evening, for the first time today.",
        ),
        (
            Call("alarm_set", "gym", weekly((5, 0), 8, 30)),
            "The gym alarm is set for every Monday and Saturday at eight thirty in the morning, "
            "for the first time on Saturday.",
        ),
    ],
)
def test_what_is_set_is_said_with_its_days_its_time_and_its_first_day(call: Call, said: str) -> None:
    book = timers.observe(Book(), at(WEDNESDAY))
    assert timekeeper.carry_out(book, call, at(WEDNESDAY), (), 540).said == said


# --- sentences --------------------------------------------------------------------------------------------


def changed(number: str, rule: str = WEEKDAYS, **more: object) -> TimerChanged:
    due_s = next_due(rule, WEDNESDAY.timestamp())
    given: dict[str, object] = {"timer_id": number, "kind": "alarm", "state": "running", "due_s": due_s}
    return msgspec.convert({**given, "repeats": rule, **more}, TimerChanged)


STATE = ToolState(timers=(changed("1"), changed("2", weekly([6], 10, 0))))
ALL, WORK, END = "MO,TU,WE,TH,FR,SA,SU", "MO,TU,WE,TH,FR", "SA,SU"


@pytest.mark.parametrize(
    ("text", "days", "hour", "minute"),
    [
        ("wake me at seven every weekday", WORK, 7, 0),
        ("set an alarm for 6:30 on weekdays", WORK, 6, 30),
        ("could you wake me monday to friday at six please", WORK, 6, 0),
        ("wake me at seven every weekday except friday", "MO,TU,WE,TH", 7, 0),
        ("set a daily alarm for seven", ALL, 7, 0),
        ("wake me up every morning at six thirty", ALL, 6, 30),
        ("set alarm for weekends at ten", END, 10, 0),
        ("set an alarm for nine on saturdays and sundays", END, 9, 0),
        ("wake me at 7 every monday, wednesday and friday", "MO,WE,FR", 7, 0),
        ("every day at 6 pm remind me to feed the cat", ALL, 18, 0),
        ("remind me every sunday evening to put the bins out", "SU", 18, 0),
        ("remind me to take my pills every evening at eight", ALL, 20, 0),
        ("set a reminder for every friday at 5 pm to submit the timesheet", "FR", 17, 0),
    ],
)
def test_days_and_time_are_read_as_they_are_said(text: str, days: str, hour: int, minute: int) -> None:
    found = recognise(text, WEDNESDAY, ToolState())
    assert found is not None
    assert [call.value for call in found.calls] == [
        f"FREQ=WEEKLY;BYDAY={days};BYHOUR={hour};BYMINUTE={minute}"
    ]


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("cancel the weekday alarm", ("timer_cancel", "1", "")),
        ("delete my sunday alarm", ("timer_cancel", "2", "")),
        ("turn off the seven am alarm", ("timer_cancel", "1", "")),
        ("skip tomorrow's alarm", ("timer_skip", "1", SKIP_DAY)),
        ("don't wake me tomorrow", ("timer_skip", "1", SKIP_DAY)),
        ("cancel tomorrow's alarm", ("timer_skip", "1", SKIP_DAY)),
        ("skip the alarm on sunday", ("timer_skip", "2", "2026-11-29")),
    ],
)
def test_one_of_them_or_one_day_of_it_is_left_out(text: str, row: tuple[str, str, str]) -> None:
    found = recognise(text, WEDNESDAY, STATE)
    assert found is not None
    assert rows_of(found.calls) == (row,)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("set a repeating alarm for seven", "On which days?"),
        ("set an alarm every weekday", "At what time?"),
        ("remind me every two hours to drink water", "I can only repeat that on days of the week."),
        ("set an alarm every other day at eight", "I can only repeat that on days of the week."),
        ("cancel the daily alarm", "There is no alarm for every day."),
        ("skip saturday's alarm", "There is no alarm on Saturday."),
    ],
)
def test_what_is_lacking_or_not_there_is_said(text: str, said: str) -> None:
    found = recognise(text, WEDNESDAY, STATE)
    assert found is not None
    assert (found.calls, found.say) == ((), said)


def test_an_answer_completes_what_was_lacking() -> None:
    found = completed("set a repeating alarm for seven", "every weekday", WEDNESDAY, ToolState())
    assert found is not None
    assert [call.value for call in found.calls] == [WEEKDAYS]


def test_alarms_are_listed_with_their_days_and_what_they_leave_out() -> None:
    state = ToolState(timers=(changed("1", skipped=(SKIP_DAY,)), changed("2", weekly([6], 10, 0))))
    found = recognise("what alarms do I have", WEDNESDAY, state)
    assert found is not None
    assert found.say.startswith(
        "There are 2 alarms. The alarm is set for every weekday at seven o'clock in the morning, "
        "but not tomorrow."
    )
    assert "every Sunday at ten o'clock in the morning" in found.say


@pytest.mark.parametrize(
    "text",
    [
        "i wake up at seven every day",
        "every time i wake up i feel tired",
        "he wakes me every weekday at seven",
        "the alarm rings every day",
        "the reminder comes every monday",
        "turn on the kettle every morning",
    ],
)
def test_what_is_told_of_every_day_sets_nothing(text: str) -> None:
    assert recognise(text, WEDNESDAY, STATE) is None

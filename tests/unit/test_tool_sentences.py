"""Sentences for the tools: what they ask for, what is said at once, and what is left alone."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from device.home.registry import Call
from device.tools import custom, times, words
from device.tools.language import load
from device.tools.measures import spoken
from device.tools.recognise import recall, recognise
from device.tools.request import Spoken, ToolState
from tests.bench.tools_eval import NOW, OWN, OWN_STATE, judge, rows_of, sets, timer, written

ENGLISH = load()


@pytest.mark.parametrize(("text", "wanted"), OWN["calls"]["cases"])
def test_a_request_becomes_its_calls(text: str, wanted: str) -> None:
    found = recognise(text, NOW, OWN_STATE)
    assert found is not None
    assert rows_of(found.calls) == written(wanted)


@pytest.mark.parametrize(("text", "wanted"), OWN["said"]["cases"])
def test_a_question_is_answered(text: str, wanted: str) -> None:
    found = recognise(text, NOW, OWN_STATE) or recall(text, OWN_STATE)
    assert found is not None
    assert (found.calls, found.say) == ((), wanted)


@pytest.mark.parametrize("text", OWN["never"]["cases"])
def test_what_is_for_somebody_else_is_left_alone(text: str) -> None:
    assert (recognise(text, NOW, OWN_STATE), recall(text, OWN_STATE)) == (None, None)


def test_erasing_is_asked_about_first() -> None:
    found = recognise("forget everything you know about me", NOW, OWN_STATE)
    assert found is not None
    assert (found.confirm, found.say, rows_of(found.calls)) == (
        True,
        "Shall I forget everything, 2 things?",
        (("memory_clear", "", ""),),
    )
    found = recognise("forget that", NOW, OWN_STATE)
    assert found is not None
    assert found.confirm
    assert rows_of(found.calls) == (("memory_forget", "my shoe size is 43", ""),)


RINGING = ToolState(timers=(msgspec.structs.replace(timer(1, "timer", "pizza", 600, 0), state="ringing"),))


@pytest.mark.parametrize(
    "text", ["stop", "Stop!", "that is enough", "step", "stop the timer", "turn it off", "stop please"]
)
def test_what_rings_is_stopped_by_the_words_people_have_for_it(text: str) -> None:
    found = recognise(text, NOW, RINGING)
    assert found is not None
    assert found.calls[0].service in ("ring_stop", "timer_cancel")


@pytest.mark.parametrize(
    ("text", "seconds"), [("snooze", None), ("five more minutes", 300), ("snooze for ten minutes", 600)]
)
def test_what_rings_is_put_off(text: str, seconds: float | None) -> None:
    found = recognise(text, NOW, RINGING)
    assert found is not None
    assert found.calls == (Call("ring_snooze", "", seconds),)


@pytest.mark.parametrize(
    "text", ["okay", "thank you", "don't stop", "do not turn it off", "the stop sign", "I like it"]
)
def test_other_words_do_not_silence_an_alarm(text: str) -> None:
    assert recognise(text, NOW, RINGING) is None


def test_a_thing_of_the_house_that_is_called_an_alarm_is_left_to_the_house() -> None:
    state = ToolState(house_words=frozenset(("garden", "alarm")))
    assert recognise("turn off the alarm", NOW, state) is None
    assert recognise("is the alarm on", NOW, state) is None
    found = recognise("set an alarm for seven", NOW, state)
    assert found is not None
    assert found.calls[0].service == "alarm_set"
    found = recognise("turn off the alarm", NOW, ToolState())
    assert found is not None
    assert found.say == "There is no alarm set."


@pytest.mark.parametrize(
    ("heard", "calls"),
    [
        ("Timer four half an hour.", (Call("timer_start", "", 1800),)),
        ("said a timer for two minutes.", (Call("timer_start", "", 120),)),
        ("Wake me at seven to-morrow", (Call("alarm_set", "", "2026-11-26T07:00:00"),)),
        ("Turn up the volume by twenty per cent.", (Call("volume", "", 70),)),
        ("set an alarm for seven, thirty p m.", (Call("alarm_set", "", "2026-11-25T19:30:00"),)),
    ],
)
def test_spellings_of_speech_recognition_are_understood(heard: str, calls: tuple[Call, ...]) -> None:
    found = recognise(heard, NOW, OWN_STATE)
    assert found is not None
    assert found.calls == calls


# --- lengths and times ------------------------------------------------------------------------------------

COUNTS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
          "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")  # fmt: skip
TENS = ("", "", "twenty", "thirty", "forty", "fifty")


def in_words(number: int) -> str:
    if number < 20:
        return COUNTS[number]
    return f"{TENS[number // 10]} {COUNTS[number % 10]}" if number % 10 else TENS[number // 10]


@given(
    st.integers(0, 59),
    st.integers(0, 59),
    st.integers(0, 59),
    st.booleans(),
    st.sampled_from((" and ", ", ", " ")),
)
def test_any_length_is_read_as_it_is_said(h: int, m: int, s: int, spelt: bool, joiner: str) -> None:
    assume(h or m or s)
    parts = [
        f"{in_words(count) if spelt else count} {unit}{'s' if count != 1 else ''}"
        for count, unit in ((h, "hour"), (m, "minute"), (s, "second"))
        if count
    ]
    said = words.split(joiner.join(parts))
    length = times.length_at(said, 0, ENGLISH)
    assert length == times.Length(h * 3600 + m * 60 + s, len(said))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("half an hour", 1800),
        ("an hour and a half", 5400),
        ("one and a half hours", 5400),
        ("a quarter of an hour", 900),
        ("three quarters of an hour", 2700),
        ("two and a half minutes", 150),
        ("an hour thirty", 5400),
        ("a couple of minutes", 120),
        ("1/2 a minute", 30),
        ("a hundred seconds", 100),
        ("five-minute", 300),
    ],
)
def test_lengths_have_their_idioms(text: str, seconds: float) -> None:
    said = words.split(text)
    assert times.length_at(said, 0, ENGLISH) == times.Length(seconds, len(said))


@given(st.integers(0, 23), st.integers(0, 59), st.sampled_from(("digits", "colon", "spelt")))
def test_any_time_of_day_is_read_as_it_is_said(hour: int, minute: int, how: str) -> None:
    half, shown = "am" if hour < 12 else "pm", (hour - 1) % 12 + 1
    match how:
        case "colon":
            text = f"{shown}:{minute:02} {half[0]}.m."
        case "digits":
            text = f"{shown} {minute:02} {half}" if minute else f"{shown} {half}"
        case _:
            spelt = f" {'oh ' if minute < 10 else ''}{in_words(minute)}" if minute else " o'clock"
            text = f"{in_words(shown)}{spelt} {half}"
    clock = times.clock_at(words.split(text), 0, ENGLISH)
    assert clock is not None
    due = times.resolve(clock, "", None, NOW, morning=False)
    assert (due.hour, due.minute) == (hour, minute)
    assert NOW < due <= NOW + timedelta(days=1)


@given(
    st.integers(1, 12),
    st.integers(0, 59),
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)),
    st.booleans(),
)
def test_a_time_without_its_half_of_the_day_is_the_next_that_fits(
    hour: int, minute: int, now: datetime, morning: bool
) -> None:
    due = times.resolve(times.Clock(hour, minute, "", 0), "", None, now, morning=morning)
    assert now < due <= now + timedelta(hours=12)
    assert (due.hour % 12, due.minute) == (hour % 12, minute)


@given(st.floats(-1e9, 1e9), st.integers(2, 10))
def test_a_number_is_spoken_without_signs_and_near_its_value(value: float, digits: int) -> None:
    text = spoken(value, digits)
    assert set(text.removeprefix("minus ")) <= set("0123456789.")
    assert float(text.replace("minus ", "-")) == pytest.approx(value, rel=10 ** -(digits - 1), abs=1.1e-9)


@given(st.integers(-999, 999), st.integers(1, 999))
def test_sums_are_right(one: int, other: int) -> None:
    for said, value in ((f"{one} plus {other}", one + other), (f"{one} times {other}", one * other)):
        found = recognise(f"what is {said.replace('-', 'minus ')}", NOW, OWN_STATE)
        assert found is not None
        assert found.say.endswith(f" is {spoken(value)}.")


@given(st.text(max_size=60))
def test_no_text_is_too_strange(text: str) -> None:
    recognise(text, NOW, OWN_STATE)


def strings(value: object) -> set[str]:
    """The words of all phrases in `value`."""
    if isinstance(value, str):
        return set(value.split())
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return set().union(*map(strings, inner))


KNOWN_WORDS = sorted(strings(msgspec.to_builtins(ENGLISH)))


@given(st.lists(st.sampled_from(KNOWN_WORDS), min_size=1, max_size=5).map(" ".join))
def test_no_heap_of_known_words_is_too_strange(text: str) -> None:
    recognise(text, NOW, OWN_STATE)


@pytest.mark.parametrize("word", KNOWN_WORDS)
def test_no_known_word_alone_is_too_strange(word: str) -> None:
    recognise(word, NOW, OWN_STATE)


# --- tools of the settings file -----------------------------------------------------------------------------

GATE = {
    "gate": Spoken(
        service="run",
        sentences=("(open|unlock) [the] [big] gate",),
        ask_first=True,
        description="open the gate",
    ),
    "pump": Spoken(service="run", sentences=("set [the] pump to {value} percent",), description="pump"),
}


def test_sentences_of_the_settings_call_their_tool() -> None:
    state = ToolState(custom=GATE)
    found = recognise("please set the pump to forty percent", NOW, state)
    assert found is not None
    assert found.calls == (Call("run", "pump", 40),)
    found = recognise("open the big gate", NOW, state)
    assert found is not None
    assert (found.confirm, found.say) == (True, "Shall I open the gate?")
    for text in ("do not open the gate", "the gate", "set the pump to red"):
        assert recognise(text, NOW, state) is None


def test_a_tool_whose_sentence_makes_no_sense_is_named_and_left_out() -> None:
    broken = {
        "a": Spoken(service="run", sentences=("(open the gate",), description="a"),
        "b": Spoken(service="run", sentences=("go to {nowhere}",), description="b"),
    }
    tools, problems = custom.usable(GATE | broken)
    assert tools == GATE
    assert [problem.partition(": ")[0] for problem in problems] == [
        "the sentences of a",
        "the sentences of b",
    ]


# --- what others have collected -----------------------------------------------------------------------------


def test_of_what_others_have_collected_hardly_a_sentence_is_misunderstood() -> None:
    collected = {name: cases for name, cases in sets().items() if name != "tools_own"}
    if not collected:
        pytest.skip("the shared data is absent")
    assert [case.text for case in collected["tools_must_not_act"] if judge(case) != "exact"] == []
    for name in ("tools_ha_timers", "tools_requests"):
        wrong = [case.text for case in collected[name] if judge(case) in ("wrong", "false_action")]
        understood = sum(judge(case) == "exact" for case in collected[name])
        assert (wrong, understood / len(collected[name]) > 0.95) == ([], True)

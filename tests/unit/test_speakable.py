"""Written words as they are said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.speech.speakable import speakable_words


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("It is 21.5 °C.", "It is 21.5 degrees."),
        ("21.5°C, outside", "21.5 degrees, outside"),
        ("1 °C or 2 °F", "1 degree or 2 degrees Fahrenheit"),
        ("at 50% now", "at 50 percent now"),
        ("€5 or 1 € or £3.50", "5 euros or 1 euro or 3 pounds 50"),
        ("CO2 is 600 ppm", "C O 2 is 600 parts per million"),
        ("at 7:30, 7:00, 7:00 PM and 14:05", "at 7 30, 7 o'clock, 7 PM and 14 oh 5"),
        ("12 km/h of wind", "12 kilometers per hour of wind"),
        ("W is a letter", "W is a letter"),
        ("10–20% and 2026-11-23", "10 to 20 percent and 2026-11-23"),
        ("Dr. Smith and/or Mr. Jones", "Doctor Smith and or Mister Jones"),
        ("Wait... it is **bold**…", "Wait, it is bold."),
        ("👍 fine 😀", " fine "),
    ],
)
def test_a_text_is_said_as_people_say_it(written: str, said: str) -> None:
    assert " ".join(speech for _, speech in speakable_words(written)) == said


@given(st.text(max_size=100))
def test_every_written_word_keeps_its_place(text: str) -> None:
    assert [word for word, _ in speakable_words(text)] == text.split()

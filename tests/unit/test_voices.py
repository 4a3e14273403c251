"""Several voices as one: each speaks when it is named, all at the rate of the first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from device.speech import Samples, Style
from device.speech.cancellation import Cancellation
from device.speech.voice import Spoken
from device.speech.voices import Voices


class Tone:
    """A second of a tone for every text, in ten pieces."""

    def __init__(self, rate_hz: int, tone_hz: float) -> None:
        self.rate_hz, self._tone_hz = rate_hz, tone_hz

    def knows(self, text: str, style: Style) -> bool:
        return self._tone_hz == 200.0

    def say(self, text: str, style: Style, cancellation: Cancellation) -> Spoken:
        return Spoken((text,), (self.rate_hz,), self._chunks(), cached=False)

    def _chunks(self) -> Iterator[Samples]:
        phase = 2 * np.pi * self._tone_hz * np.arange(self.rate_hz) / self.rate_hz
        yield from np.split((np.sin(phase) * 8000).astype(np.int16), 10)


def tone_of(samples: Samples, rate_hz: int) -> float:
    return float(np.argmax(np.abs(np.fft.rfft(samples))) * rate_hz / len(samples))


@pytest.mark.parametrize(
    ("name", "tone_hz"),
    [("", 100.0), ("same", 200.0), ("slower", 300.0), ("faster", 400.0), ("absent", 100.0)],
)
def test_the_named_voice_speaks_at_the_rate_of_the_first(name: str, tone_hz: float) -> None:
    others: Any = {"same": Tone(22_050, 200.0), "slower": Tone(16_000, 300.0), "faster": Tone(24_000, 400.0)}
    first: Any = Tone(22_050, 100.0)
    voices = Voices(first, others)
    spoken = voices.say("Hello", Style(voice=name), Cancellation())
    samples = np.concatenate(list(spoken.chunks))
    assert voices.rate_hz == 22_050
    assert spoken.word_ends == (22_050,)
    assert abs(len(samples) - 22_050) < 50
    assert samples.dtype == np.int16
    assert abs(tone_of(samples, 22_050) - tone_hz) < 2
    assert voices.knows("Hello", Style(voice=name)) is (name == "same")

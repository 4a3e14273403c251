"""The voice's memory: what it said or was asked about is said again without synthesis and without the disk."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from device.speech import Style
from device.speech.cancellation import Cancellation
from device.speech.phrases import PhraseCache
from device.speech.synthesizer import Utterance
from device.speech.voice import Voice

RATE_HZ = 22_050


class Synthesizer:
    """A second of sound for each text."""

    rate_hz = RATE_HZ

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str, style: Style, cancellation: Cancellation) -> Utterance:
        self.said.append(text)
        return Utterance((text,), (RATE_HZ,), iter((np.ones(RATE_HZ, np.int16),)))


def voice(synthesizer: Any, folder: Path) -> Voice:
    return Voice(synthesizer, "joe", PhraseCache(folder))


def length(voice: Voice, text: str) -> int:
    return sum(map(len, voice.say(text, Style(), Cancellation()).chunks))


@pytest.mark.parametrize("again", [False, True], ids=["said before", "asked about before"])
def test_a_known_phrase_starts_without_the_disk(tmp_path: Path, again: bool) -> None:
    folder, synthesizer = tmp_path / "phrases", Synthesizer()
    speaker = voice(synthesizer, folder)
    assert length(speaker, "Done.") == RATE_HZ
    if again:
        speaker = voice(synthesizer, folder)
        assert speaker.knows("Done.", Style())
    shutil.rmtree(folder)
    assert length(speaker, "Done.") == RATE_HZ
    assert synthesizer.said == ["Done."]


def test_the_memory_is_small_and_gives_up_what_was_not_said_for_longest(tmp_path: Path) -> None:
    folder, synthesizer = tmp_path / "phrases", Synthesizer()
    speaker = voice(synthesizer, folder)
    for number in range(300):  # 44 kB each
        length(speaker, f"phrase {number}")
    shutil.rmtree(folder)
    assert speaker.knows("phrase 299", Style())
    assert not speaker.knows("phrase 0", Style())

"""Where a restarted audio daemon goes on, read from the rings of its killed predecessor."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from device.audio.resume import Resume, find
from device.bus.paths import MUTED, microphone_spec, speaker_spec
from device.bus.ring import RingReader, RingWriter

SECOND = 1_000_000_000
MIC = np.zeros(160, np.int16)
VOICE = np.zeros(441, np.int16)


class Rings:
    def __init__(self, folder: Path) -> None:
        self.mic = RingWriter(folder / "mic", microphone_spec())
        self.speaker = RingWriter(folder / "speaker", speaker_spec(22_050))
        self._folder = folder

    def find(self, now_ns: int) -> Resume:
        return find(RingReader(self._folder / "mic"), RingReader(self._folder / "speaker"), now_ns)


@pytest.fixture
def rings(tmp_path: Path) -> Rings:
    return Rings(tmp_path)


def test_playback_goes_on_with_the_sample_that_the_last_frame_names(rings: Rings) -> None:
    for _ in range(50):
        rings.speaker.write(VOICE, t_ns=SECOND, turn=3)
    for number in range(20):
        rings.mic.write(MIC, t_ns=SECOND, position=number * 220, turn=3)
    frame, skip = divmod(19 * 220, 441)
    assert rings.find(SECOND + SECOND // 3) == Resume(True, 3, False, frame, skip)


def test_in_a_pause_it_goes_on_behind_what_was_heard(rings: Rings) -> None:
    for _ in range(10):
        rings.speaker.write(VOICE, t_ns=SECOND, turn=3)
    for number in range(20):
        rings.mic.write(MIC, t_ns=SECOND, position=round(number * 220.5), turn=3)
    for _ in range(30):
        rings.mic.write(MIC, t_ns=SECOND, turn=3)
    rings.speaker.write(VOICE, t_ns=SECOND, turn=3)
    assert rings.find(SECOND + 1) == Resume(True, 3, False, 10, 0)


def test_after_long_silence_it_plays_what_was_written_since(rings: Rings) -> None:
    for second in range(1, 8):
        rings.speaker.write(VOICE, t_ns=second * SECOND)
    for number in range(100):
        rings.mic.write(MIC, t_ns=6 * SECOND + number)
    assert rings.find(7 * SECOND).frame == 5


def test_a_sentence_that_nobody_waits_for_is_not_taken_up_but_mute_is(rings: Rings) -> None:
    rings.speaker.write(VOICE, t_ns=SECOND)
    rings.mic.write(MIC, t_ns=SECOND, position=0, turn=9, tag=MUTED)
    assert rings.find(10 * SECOND) == Resume(muted=True)
    assert rings.find(SECOND - 5) == Resume(muted=True)  # the rings of an earlier boot


def test_a_first_start_takes_up_nothing(tmp_path: Path) -> None:
    assert find(RingReader(tmp_path / "mic"), RingReader(tmp_path / "speaker"), SECOND) == Resume()


def test_a_speaker_ring_that_is_younger_is_played_from_now_on(rings: Rings) -> None:
    rings.mic.write(MIC, t_ns=SECOND, position=44_100, turn=1)
    assert rings.find(SECOND + 1) == Resume(True, 1)

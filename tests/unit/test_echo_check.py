"""`wren doctor --echo`: what is made of what the microphone heard."""

from __future__ import annotations

import socket
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from device.audio.backend import Captured
from device.audio.room import LOUDSPEAKER_BLOCK, Room, echo_path
from device.bus.paths import events_socket
from device.console import echo_check
from device.faults import Fault
from device.settings import Audio, Settings
from device.speech.fallback import load_fallback

DELAY_MS = 70


@cache
def sound() -> NDArray[np.int16]:
    """Sweep and the recorded phrase, three times."""
    return np.concatenate([echo_check.sweep(), np.tile(load_fallback(echo_check.RATE_HZ), 3)])


def heard(level_db: float, reference: str = "none") -> list[Captured]:
    """The test sound in a room; `reference`: what the array's loopback channel carries."""
    room, captured, hiss = Room(echo_path(None, DELAY_MS, level_db)), [], np.random.default_rng(1)
    for at in range(-100 * LOUDSPEAKER_BLOCK, sound().size - LOUDSPEAKER_BLOCK, LOUDSPEAKER_BLOCK):
        microphone, _ = room.hear(None, None if at < 0 else sound()[at : at + LOUDSPEAKER_BLOCK])
        if reference == "none":
            captured.append(Captured(microphone, far_end=room.far_end))
            continue
        played = np.zeros(160, np.int16) if room.far_end is None else room.far_end
        loopback = played if reference == "playing" else hiss.integers(-3000, 3000, 160).astype(np.int16)
        captured.append(Captured(microphone, far_end=room.far_end, raw=microphone, loopback=loopback))
    return captured


def test_delay_level_and_cancellation_are_measured_and_software_is_recommended() -> None:
    report = echo_check.assess(heard(-12.0), Audio())
    assert report.mode == "software"
    assert report.delay_ms == pytest.approx(DELAY_MS, abs=2)
    assert report.erle_db is not None
    assert report.erle_db > 15
    assert report.noise_db == pytest.approx(-70, abs=1)
    assert report.echo_db > report.noise_db + 20
    assert report.residual_db < report.echo_db - 15
    assert not report.clipped


@pytest.mark.parametrize(("reference", "mode"), [("playing", "hardware"), ("other", "software")])
def test_an_array_is_recommended_only_when_its_reference_carries_the_sound(reference: str, mode: str) -> None:
    report = echo_check.assess(heard(-12.0, reference), Audio())
    assert report.reference is (reference == "playing")
    assert report.mode == mode


def test_a_loudspeaker_that_cannot_be_heard_is_told() -> None:
    report = echo_check.assess(heard(-90.0), Audio())
    assert report.mode == "threshold"
    assert "does not hear the loudspeaker" in report.reason


def test_a_microphone_that_delivers_nothing_is_a_fault() -> None:
    with pytest.raises(Fault, match="delivered nothing"):
        echo_check.assess([Captured(None)] * 100, Audio())


def test_a_running_wren_has_the_card(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as hub:
        hub.bind(str(events_socket(tmp_path)))
        hub.listen()
        with pytest.raises(Fault, match="a Wren is running here"):
            echo_check.check(Settings(runtime_dir=str(tmp_path)))

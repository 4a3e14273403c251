"""What `wren doctor` finds of a chat endpoint, and of the sound of a Wren that runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from device.bus.client import HubClient
from device.bus.paths import events_socket, microphone_ring, microphone_spec
from device.bus.ring import RingWriter
from device.console import doctor
from device.console.doctor import Finding
from device.events import AudioState, HomeChanged
from device.home.registry import State
from device.settings import Reason, Settings
from tests.chat_server import KEY, ChatServer, chat_server
from tests.home_rig import hub_worker


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with chat_server() as server:
        yield server


def found(**reason: str) -> list[Finding]:
    return list(doctor._endpoint(Settings(reason=Reason(**reason))))  # type: ignore[arg-type]


def test_nothing_is_asked_without_an_endpoint() -> None:
    assert found() == []


def test_an_endpoint_that_answers_is_well_and_its_faults_say_what_to_do(
    server: ChatServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "key"
    key.write_text(KEY)
    place = f"model at {server.url.split('/')[2]}"
    assert found(endpoint=server.url, endpoint_key_file=str(key)) == [Finding("ok", "chat endpoint", place)]
    (refused,) = found(endpoint=server.url)
    assert (refused.verdict, refused.found) == ("fault", f"{place} refuses the key (401)")
    assert "reason.endpoint_key_file" in refused.remedy
    (elsewhere,) = found(endpoint="http://192.0.2.1/v1")
    assert "endpoint_remote" in elsewhere.remedy
    server.behaviour = "silent"
    monkeypatch.setattr(doctor, "ENDPOINT_S", 0.1)
    (silent,) = found(endpoint=server.url, endpoint_key_file=str(key))
    assert silent.found == "no answer within 0.1 s"


def running(runtime: Path, state: AudioState, *, dies: bool = False) -> dict[str, Finding]:
    """What is found by its name while a hub retains `state`, after what a large house has.

    The audio daemon goes on recording, or has written one frame when it `dies`.
    """
    hub, audio = hub_worker(runtime), HubClient(events_socket(runtime))
    ring, over = RingWriter(microphone_ring(runtime), microphone_spec()), threading.Event()

    def records() -> None:
        while True:
            ring.write(np.zeros(ring.spec.frame_samples, np.int16))
            if dies or over.wait(0.01):
                return

    recording = threading.Thread(target=records)
    recording.start()
    try:
        for number in range(600):
            audio.send(HomeChanged(entity_id=f"light.{number}", state=State(value="on")))
        audio.send(state)
        for _ in range(20):
            audio.wait(0.02)
            audio.poll()
        return {one.what: one for one in doctor._running(Settings(runtime_dir=str(runtime)))}
    finally:
        over.set()
        recording.join()
        ring.close(unlink=True)
        audio.close()
        hub.stop()


def test_what_the_sound_of_a_running_wren_counts_is_shown(tmp_path: Path) -> None:
    state = AudioState(
        input="USB microphone",
        output="HDMI",
        rate_hz=48_000,
        xruns=3,
        echo="software",
        echo_delay_ms=62,
        erle_db=41.0,
        drift_ppm=-35,
    )
    found = running(tmp_path, state)
    assert found["running"].found == "yes"
    assert found["in use"].found == "USB microphone; HDMI"
    assert found["xruns"].found == "3 since audio started"
    assert (
        found["echo"].found == "software cancellation, 62 ms late, 41 dB quieter (ERLE), clocks -35 ppm apart"
    )


def test_a_running_wren_without_a_microphone_says_so(tmp_path: Path) -> None:
    found = running(tmp_path, AudioState(input="", output="HDMI", rate_hz=0))
    assert found["in use"].verdict == "fault"
    assert found["in use"].found == "no microphone"
    assert "xruns" not in found


def test_the_state_that_a_dead_audio_daemon_left_is_not_believed(tmp_path: Path) -> None:
    found = running(tmp_path, AudioState(input="USB microphone", output="HDMI", rate_hz=48_000), dies=True)
    assert found["in use"].verdict == "fault"
    assert "has died" in found["in use"].found
    assert "xruns" not in found

"""A timer outlives the death of everything and a reboot without network, and rings at its time."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from device.bus.client import HubClient
from device.bus.paths import events_socket
from device.console.scenes import simulator_environment
from device.events import (
    AnnouncementRequested,
    DialogState,
    Event,
    HomeConnection,
    PlaybackStarted,
    PlaybackStopped,
    ReplyClause,
    SceneReady,
    TextRequested,
    TimerChanged,
    TimerRang,
    TimerStopped,
    ToolCalled,
    TurnStarted,
)
from device.services.supervisor import DAEMONS, Supervisor
from tests import voices

pytestmark = [pytest.mark.models, pytest.mark.timeout(400)]

NOWHERE = "mqtt://127.0.0.1:9"


class Device:
    """All daemons of one Wren in a simulated room, without any broker; `dies` as by the mains plug."""

    def __init__(self, folder: Path, *said: Path, **more: str) -> None:
        environment = simulator_environment({"mic": [str(path) for path in said], "gap_s": 1.0}) | {
            "WREN_RUNTIME_DIR": str(folder / "run"),
            "WREN_STATE_DIR": str(folder / "state"),
            "WREN_HOME__BROKER": NOWHERE,
            "WREN_REASON__MODEL": "false",
            "WREN_SPEECH__DETERMINISTIC": "true",
        }
        self._supervisor = Supervisor(folder / "run", environment | more, folder / "log")
        self.bus = HubClient(events_socket(folder / "run"))
        self.seen: list[Event] = []
        self._supervisor.start_daemon("hub")
        self._supervisor.wait_ready("hub")
        for name in DAEMONS:
            if name != "hub":
                self._supervisor.start_daemon(name)

    def ready(self) -> None:
        """Returns when every daemon works."""
        while not self._supervisor.ready:
            self.step()

    def step(self) -> list[Event]:
        self._supervisor.step(0)
        self.bus.wait(0.05)
        events = self.bus.poll()
        self.seen += events
        return events

    def ask(self, text: str) -> str:
        """Types a request; returns the whole answer when it has been spoken."""
        answer = self.answer(text)
        self.until(lambda e: isinstance(e, DialogState) and e.state == "idle", 20, "the end of the turn")
        return answer

    def answer(self, text: str) -> str:
        """Types a request; returns the whole answer as soon as it is known."""
        self.bus.send(TextRequested(text=text))
        turn = self.until(lambda e: isinstance(e, TurnStarted), 5, "a turn").turn
        self.until(
            lambda e: isinstance(e, ReplyClause) and e.turn == turn and e.last, 15, f"the answer to {text}"
        )
        return " ".join(e.text for e in self.seen if isinstance(e, ReplyClause) and e.turn == turn)

    def until(self, what: Callable[[Event], bool], timeout_s: float, name: str) -> Event:
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            for event in self.step():
                if what(event):
                    return event
        raise AssertionError(f"{name} did not happen; the last events were {self.seen[-12:]}")

    def kill(self, name: str) -> None:
        """SIGKILL for one daemon, which is started again."""
        self._supervisor.kill(name)

    def dies(self) -> None:
        """SIGKILL for every process at once."""
        for child in self._supervisor.children.values():
            if child.process is not None:
                os.killpg(child.process.pid, signal.SIGKILL)
        self.close()

    def close(self) -> None:
        self.bus.close()
        self._supervisor.stop()


@contextmanager
def device(folder: Path, *said: Path, **more: str) -> Iterator[Device]:
    running = Device(folder, *said, **more)
    try:
        running.ready()
        yield running
    finally:
        running.close()


def alarm(event: Event) -> bool:
    return isinstance(event, PlaybackStarted) and event.cue == "alarm"


def test_a_timer_rings_on_time_after_everything_was_killed_and_started_without_a_broker(
    tmp_path: Path,
) -> None:
    before = Device(tmp_path)
    try:
        before.ready()
        assert before.ask("remember that the key is under the mat") == "I will remember that."
        assert before.answer("set a pasta timer for 16 seconds") == "The pasta timer is set for 16 seconds."
        (due_s,) = [e.due_s for e in before.seen if isinstance(e, TimerChanged)]
    finally:
        before.dies()
    time.sleep(1)
    after = Device(tmp_path)
    try:
        rang = after.until(lambda e: isinstance(e, TimerRang), 60, "the ring")
        assert abs(time.time() - due_s) < 1.0
        assert isinstance(rang, TimerRang)
        assert (rang.name, rang.late_s < 0.5) == ("pasta", True)
        after.until(alarm, 5, "the sound of the ring")
        assert time.time() - due_s < 3.0
        after.until(
            lambda e: isinstance(e, AnnouncementRequested) and e.text == "Your pasta timer is done.",
            5,
            "its name",
        )
        assert not any(isinstance(e, HomeConnection) and e.connected for e in after.seen)
        assert after.ask("stop") == "The pasta timer is off."
        assert after.ask("where is the key") == "You told me that the key is under the mat."
        assert [e.reason for e in after.seen if isinstance(e, TimerStopped)] == ["stopped"]
    finally:
        after.close()


def test_a_ring_is_stopped_by_voice_with_and_without_the_wake_word(tmp_path: Path) -> None:
    if not voices.available():
        pytest.skip("flite and espeak-ng are not installed; make setup installs them")
    timer = voices.request("Set a timer for three seconds.", "rms")
    with device(tmp_path, timer, voices.spoken("Stop."), timer, voices.request("Stop.")) as running:
        running.bus.send(SceneReady())
        for cause in ("follow_up", "wake"):
            running.until(alarm, 40, "the ring")
            stopped = running.until(lambda e: isinstance(e, TimerStopped), 40, "the end of the ring")
            assert isinstance(stopped, TimerStopped)
            assert stopped.reason == "stopped"
            assert [e.cause for e in running.seen if isinstance(e, TurnStarted)][-1] == cause


def test_a_killed_timers_daemon_rings_on_and_does_not_hear_itself(tmp_path: Path) -> None:
    with device(tmp_path) as running:
        running.ask("set a timer for two seconds")
        running.until(alarm, 20, "the ring")
        running.kill("timers")
        running.until(lambda e: isinstance(e, TimerRang), 10, "the ring of the next one")
        running.until(lambda e: isinstance(e, AnnouncementRequested), 10, "that it says what is done")
        ends = time.monotonic() + 8
        while time.monotonic() < ends:
            running.step()
        assert sum(isinstance(e, TurnStarted) for e in running.seen) == 1
        running.bus.send(ToolCalled(call_id="button", tool="ring_stop", arguments={}))
        running.until(lambda e: isinstance(e, TimerStopped), 5, "the end by a button")


def test_what_ended_long_ago_while_it_was_off_is_told_and_not_rung(tmp_path: Path) -> None:
    late = {"WREN_TIMERS__LATE_S": "1"}
    before = Device(tmp_path, **late)
    try:
        before.ready()
        before.answer("remind me in 3 seconds to take out the bread")
        (due_s,) = [e.due_s for e in before.seen if isinstance(e, TimerChanged)]
    finally:
        before.dies()
    time.sleep(max(0.0, due_s + 1.5 - time.time()))
    with device(tmp_path, **late) as after:
        after.until(lambda _: any(isinstance(e, PlaybackStopped) for e in after.seen), 20, "it is told")
        (told,) = [e.text for e in after.seen if isinstance(e, AnnouncementRequested)]
        assert told.startswith("I was off when your reminder to take out the bread was due, at ")
        assert not any(isinstance(e, TimerRang) for e in after.seen)

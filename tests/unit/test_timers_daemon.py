"""The timers daemon in this process, on a bus that nobody else is on: disks that fail, calls, and what it tells."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from device.bus.client import HubClient
from device.events import (
    AnnouncementRequested,
    CueRequested,
    DaemonFailed,
    DaemonReady,
    DialogState,
    Event,
    ListenRequested,
    TimerChanged,
    TimerRang,
    TimerStopped,
    ToolCalled,
    ToolResult,
    TurnCancelled,
)
from device.services.timers import TimersDaemon
from device.settings import Settings, Timers
from device.tools.recurrence import weekly
from device.tools.store import Store
from device.tools.timers import Book, Timer

E = TypeVar("E", bound=Event)


class Bus(HubClient):
    """Keeps what is sent; waits for nothing."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "nowhere.sock")
        self.sent: list[Event] = []

    def send(self, event: Event) -> None:
        self.sent.append(event)

    def wait(self, timeout_s: float, *others: int) -> None:
        time.sleep(min(timeout_s, 0.02))

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.sent if isinstance(event, kind)]


Make = Callable[..., tuple[TimersDaemon, Bus]]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def made(**timers: int | bool) -> tuple[TimersDaemon, Bus]:
        settings = Settings(
            runtime_dir=str(tmp_path / "run"),
            state_dir=str(tmp_path / "state"),
            timers=Timers(**timers),  # type: ignore[arg-type]
        )
        bus = Bus(tmp_path)
        daemon = TimersDaemon(settings, bus)
        daemon.start()
        daemon.on_event(DaemonReady(daemon="speak", pid=1))
        return daemon, bus

    return made


def call(
    daemon: TimersDaemon, bus: Bus, tool: str, entity: str = "", value: float | None = None
) -> ToolResult:
    name = f"{len(bus.sent)}"
    daemon.on_event(ToolCalled(call_id=name, tool=tool, arguments={"entity": entity, "value": value}))
    (result,) = [result for result in bus.of(ToolResult) if result.call_id == name]
    return result


def run(daemon: TimersDaemon, until: Callable[[], object], timeout_s: float = 5.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not until():
        assert time.monotonic() < deadline
        daemon.step()


def test_a_timer_rings_until_it_is_stopped_and_is_then_gone(make: Make) -> None:
    daemon, bus = make(ring_every_ms=1000)
    assert call(daemon, bus, "timer_start", "egg", 1).said == "The egg timer is set for 1 second."
    run(daemon, lambda: bus.of(AnnouncementRequested))
    assert [event.name for event in bus.of(TimerRang)] == ["egg"]
    assert len(bus.of(CueRequested)) == 3
    assert bus.of(AnnouncementRequested)[0].text == "Your egg timer is done."
    assert all(event.about == "ringing" for event in bus.of(ListenRequested))
    assert call(daemon, bus, "ring_stop").said == "The egg timer is off."
    assert [event.state for event in bus.of(TimerChanged)] == ["running", "ringing", "gone"]
    again, other = make()
    again.step()
    assert other.of(TimerRang) == []


def test_a_window_that_closed_is_opened_again_while_it_rings(make: Make) -> None:
    daemon, bus = make(ring_every_ms=60_000)
    call(daemon, bus, "timer_start", "", 1)
    run(daemon, lambda: bus.of(ListenRequested))
    daemon.on_event(TurnCancelled(reason="no_speech"))
    assert len(bus.of(ListenRequested)) == 2


def test_the_same_call_that_arrives_twice_is_done_once(make: Make) -> None:
    daemon, bus = make()
    twice = ToolCalled(call_id="7", tool="timer_start", arguments={"entity": "", "value": 60})
    daemon.on_event(twice)
    daemon.on_event(twice)
    assert len(bus.of(ToolResult)) == 1
    assert {event.timer_id for event in bus.of(TimerChanged)} == {"1"}


def test_a_full_disk_refuses_a_new_timer_but_silences_none(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon, bus = make()
    call(daemon, bus, "timer_start", "egg", 1)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    refused = call(daemon, bus, "timer_start", "rice", 60)
    assert (refused.ok, refused.said) == (False, "Sorry, I cannot write that down: No space left on device.")
    run(daemon, lambda: bus.of(TimerRang))
    assert call(daemon, bus, "ring_stop").ok
    assert [event.name for event in bus.of(TimerChanged) if event.state == "running"] == ["egg"]


def test_a_state_folder_that_is_none_is_told_once_and_the_work_goes_on(make: Make, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("not a folder")
    daemon, bus = make()
    for _ in range(3):
        daemon.step()
    assert [event.reason for event in bus.of(DaemonFailed)] == ["timers cannot be written: File exists"]


def test_it_is_quiet_during_a_conversation(make: Make) -> None:
    daemon, bus = make(ring_every_ms=1000)
    daemon.on_event(DialogState(state="speaking"))
    call(daemon, bus, "timer_start", "", 1)
    run(daemon, lambda: bus.of(TimerRang))
    daemon.step()
    assert bus.of(CueRequested) == []
    daemon.on_event(DialogState(state="idle"))
    run(daemon, lambda: bus.of(CueRequested))


def test_it_stops_by_itself_after_its_limit(make: Make) -> None:
    daemon, bus = make(ring_limit_s=5, ring_every_ms=1000, stop_without_wake_word=False)
    call(daemon, bus, "timer_start", "", 1)
    run(daemon, lambda: bus.of(TimerStopped), timeout_s=10)
    assert [event.reason for event in bus.of(TimerStopped)] == ["limit"]
    assert bus.of(ListenRequested) == []


def test_what_repeats_and_was_due_while_all_was_off_rings_and_is_due_again_when_it_is_stopped(
    make: Make, tmp_path: Path
) -> None:
    due = datetime.now() - timedelta(minutes=1)
    rule = weekly(range(7), due.hour, due.minute)
    alarm = Timer(id="4", kind="alarm", due_s=due.timestamp(), boot="before", repeats=rule)
    book = Book(timers=(alarm,), wall_s=due.timestamp() - 30 * 86_400, boot="before")
    Store(tmp_path / "state" / "timers.json", Book()).save(book)
    daemon, bus = make()
    run(daemon, lambda: bus.of(TimerRang))
    assert call(daemon, bus, "ring_stop").said.startswith("The alarm is off until ")
    assert [stopped.reason for stopped in bus.of(TimerStopped)] == ["stopped"]
    now = bus.of(TimerChanged)[-1]
    assert (now.timer_id, now.state, now.repeats) == ("4", "running", rule)
    assert 23 * 3600 < now.due_s - time.time() < 25 * 3600


def test_a_repeating_alarm_is_set_skipped_listed_and_cancelled(make: Make) -> None:
    daemon, bus = make()
    rule = weekly(range(7), 7, 0)
    daemon.on_event(ToolCalled(call_id="set", tool="alarm_set", arguments={"entity": "", "value": rule}))
    view = bus.of(TimerChanged)[-1]
    day = datetime.fromtimestamp(view.due_s).date()
    arguments: dict[str, str | int | float | None] = {"entity": view.timer_id, "value": day.isoformat()}
    daemon.on_event(ToolCalled(call_id="skip", tool="timer_skip", arguments=arguments))
    skipped = bus.of(TimerChanged)[-1]
    assert (skipped.skipped, datetime.fromtimestamp(skipped.due_s).date()) == (
        (day.isoformat(),),
        day + timedelta(days=1),
    )
    assert call(daemon, bus, "timer_cancel", view.timer_id).ok
    assert bus.of(TimerChanged)[-1].state == "gone"

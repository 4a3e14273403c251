"""The event bus: late joiners, restarts, unknown and malformed events, slow readers."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from device import events
from device.bus.client import HubClient
from device.bus.hub import Hub
from device.bus.recorder import Recorder
from device.events import (
    DaemonFailed,
    DaemonReady,
    DaemonStopped,
    DialogState,
    Event,
    HomeChanged,
    ReplyClause,
    TurnStarted,
)
from device.home.registry import State


class RunningHub:
    """A hub on a thread that can be stopped and started again on the same path."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.start()

    def start(self) -> None:
        self.hub = Hub(self.path)
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def stop(self) -> None:
        self.stopping.set()
        self.thread.join()
        self.hub.close()

    def _serve(self) -> None:
        while not self.stopping.is_set():
            self.hub.step(0.02)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[RunningHub]:
    running = RunningHub(tmp_path / "events.sock")
    yield running
    running.stop()


def receive(client: HubClient, until: Callable[[list[Event]], bool], timeout_s: float = 2) -> list[Event]:
    got: list[Event] = []
    deadline = time.monotonic() + timeout_s
    while not until(got):
        assert time.monotonic() < deadline, f"only got {got}"
        client.wait(0.05)
        got += client.poll()
    return got


def joined(hub: RunningHub) -> HubClient:
    """A client whose hello has passed through the hub."""
    client = HubClient(hub.path)
    client.wait(0)
    time.sleep(0.05)
    return client


def test_an_event_reaches_everyone_but_its_sender(hub: RunningHub) -> None:
    sender, one, two = joined(hub), joined(hub), joined(hub)
    sender.send(ReplyClause(turn=3, clause=0, text="hello"))
    for client in (one, two):
        (got,) = receive(client, lambda seen: len(seen) == 1)
        assert isinstance(got, ReplyClause)
        assert (got.turn, got.text) == (3, "hello")
        assert got.t_ns > 0
    assert sender.poll() == []


def test_a_late_joiner_gets_the_newest_of_each_retained_event(hub: RunningHub) -> None:
    sender = joined(hub)
    sender.send(TurnStarted(turn=1, cause="wake"))
    sender.send(TurnStarted(turn=2, cause="wake"))
    sender.send(HomeChanged(entity_id="light.a", state=State(value="on")))
    sender.send(HomeChanged(entity_id="light.b", state=State(value="off")))
    sender.send(ReplyClause(turn=2, clause=0, text="not kept"))
    time.sleep(0.1)
    late = HubClient(hub.path)
    got = receive(late, lambda seen: len(seen) == 3)
    assert {(e.turn, getattr(e, "entity_id", "")) for e in got} == {(2, ""), (0, "light.a"), (0, "light.b")}


def test_a_restarted_hub_loses_nobody_and_nothing_retained(hub: RunningHub) -> None:
    one, two = joined(hub), joined(hub)
    one.send(DialogState(state="listening"))
    receive(two, lambda seen: len(seen) == 1)
    hub.stop()
    one.wait(0.01)
    one.poll()
    one.send(ReplyClause(turn=1, clause=0, text="sent while the hub was away"))
    hub.start()
    time.sleep(0.1)
    one.wait(0.05)
    one.poll()
    got = receive(two, lambda seen: any(isinstance(e, ReplyClause) for e in seen))
    assert any(isinstance(e, DialogState) and e.state == "listening" for e in got)
    late = HubClient(hub.path)
    receive(late, lambda seen: any(isinstance(e, DialogState) for e in seen))


def test_unknown_events_are_passed_on_and_skipped_by_readers(hub: RunningHub) -> None:
    reader, raw = joined(hub), joined(hub)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as foreign:
        foreign.connect(str(hub.path))
        time.sleep(0.05)
        foreign.send(b'{"event":"from.the.future","x":1}')
        foreign.send(events.encode(DialogState(state="idle")))
        assert [type(e) for e in receive(reader, lambda seen: len(seen) == 1)] == [DialogState]
    time.sleep(0.05)
    assert b"from.the.future" in raw.poll_raw()[0]


@pytest.mark.parametrize(
    "garbage", [b"\xff\x00", b"[]", b'{"event":"dialog.state","state":"flying"}', b"{" * 900]
)
def test_malformed_events_are_dropped_and_the_hub_lives(hub: RunningHub, garbage: bytes) -> None:
    reader = joined(hub)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as foreign:
        foreign.connect(str(hub.path))
        foreign.send(garbage)
        foreign.send(events.encode(DialogState(state="idle")))
        assert len(receive(reader, lambda seen: len(seen) == 1)) == 1


def test_a_client_that_does_not_read_holds_nobody_up(hub: RunningHub) -> None:
    sleeper, reader, sender = joined(hub), joined(hub), joined(hub)
    for n in range(3000):
        sender.send(ReplyClause(turn=1, clause=n, text="x" * 200))
        if n % 100 == 99:
            receive(reader, lambda seen: len(seen) == 100)
    assert len(receive(sleeper, lambda seen: len(seen) == 3000)) == 3000


def test_a_daemon_that_vanishes_is_announced_and_one_that_stops_is_not(hub: RunningHub) -> None:
    watcher, killed, stopped = joined(hub), joined(hub), joined(hub)
    killed.send(DaemonReady(daemon="listen", pid=1))
    stopped.send(DaemonReady(daemon="wake", pid=2))
    stopped.send(DaemonStopped(daemon="wake"))
    receive(watcher, lambda seen: len(seen) == 3)
    stopped.close()
    killed.close()
    (failure,) = receive(watcher, lambda seen: len(seen) == 1)
    assert isinstance(failure, DaemonFailed)
    assert failure.daemon == "listen"
    assert joined(hub).poll() == []


def test_the_recorder_writes_the_timeline(hub: RunningHub, tmp_path: Path) -> None:
    recorder = Recorder(hub.path, tmp_path / "t" / "timeline.jsonl")
    recorder.start()
    time.sleep(0.1)
    sender = HubClient(hub.path, clock=lambda: 42)
    sender.send(DialogState(state="thinking", turn=7))
    time.sleep(0.2)
    recorder.close()
    (row,) = [json.loads(line) for line in (tmp_path / "t" / "timeline.jsonl").read_text().splitlines()]
    assert row["event"] == "dialog.state"
    assert (row["frame"], row["turn"], row["session"], row["state"]) == (42, 7, "room", "thinking")


@pytest.mark.parametrize("name", sorted(events.EVENTS))
def test_every_event_survives_the_wire(name: str) -> None:
    kind = events.EVENTS[name]
    fields = {
        field.encode_name: _example(field.type)
        for field in msgspec.structs.fields(kind)
        if field.required or field.name == "turn"
    }
    event = msgspec.convert(fields | {"event": name}, kind)
    assert events.decode(events.encode(event)) == event


def _example(kind: object) -> object:
    info = msgspec.inspect.type_info(kind)
    match info:
        case msgspec.inspect.LiteralType(values=values):
            return values[0]
        case msgspec.inspect.UnionType(types=types):
            return None if any(isinstance(t, msgspec.inspect.NoneType) for t in types) else "x"
        case msgspec.inspect.StrType():
            return "x"
        case msgspec.inspect.BoolType():
            return True
        case msgspec.inspect.IntType() | msgspec.inspect.FloatType():
            return 3
        case msgspec.inspect.StructType() | msgspec.inspect.DictType():
            return {}
        case _:
            return []

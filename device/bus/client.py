"""A daemon's end of the event bus: never blocks the caller for the hub, survives its restart.

While the hub is away, outgoing events wait in a bounded queue and the connection is tried again. After a
reconnect the client repeats the retained events it once sent, since a new hub knows none of them, and what
it sent in the last `_REPEATED_S`, which the old one may have taken with it: events can arrive twice.
"""

from __future__ import annotations

import collections
import select
import socket
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from device import events
from device.events import Event

DATAGRAM_BYTES = 192 * 1024
_RECONNECT_S = 0.1
_WAITING_EVENTS = 20_000  # a large house repeats two retained events for each entity
_REPEATED_S = 0.3


class HubClient:
    """Sends and receives events. `clock` gives the current microphone frame for events that name none."""

    def __init__(self, path: Path, clock: Callable[[], int] = lambda: -1) -> None:
        self._path, self._clock = path, clock
        self._socket: socket.socket | None = None
        self._next_try = self._broken_s = 0.0
        self._outgoing: collections.deque[bytes] = collections.deque(maxlen=_WAITING_EVENTS)
        self._retained: dict[tuple[str, ...], bytes] = {}
        self._sent: collections.deque[tuple[float, bytes]] = collections.deque()

    @property
    def connected(self) -> bool:
        """Whether the hub is there."""
        return self._socket is not None

    def send(self, event: Event) -> None:
        """Stamps time and frame where they are missing and hands the event to the hub."""
        event = msgspec.structs.replace(
            event,
            t_ns=event.t_ns or time.monotonic_ns(),
            frame=event.frame if event.frame >= 0 else self._clock(),
        )
        data = events.encode(event)
        if (key := retained_key(event)) is not None:
            self._retained[key] = data
        self._outgoing.append(data)
        self._flush()

    def wait(self, timeout_s: float, *others: int) -> None:
        """Sleeps until something can be received, one of the file descriptors is readable, or the timeout."""
        if self._socket is None and not self._connect():
            timeout_s = min(timeout_s, _RECONNECT_S)
        mine: list[int] = [] if self._socket is None else [self._socket.fileno()]
        writers: list[int] = mine if self._outgoing else []
        nothing: list[int] = []
        select.select([*mine, *others], writers, nothing, timeout_s)

    def poll(self) -> list[Event]:
        """Everything that has arrived; unknown events are skipped."""
        return [event for data in self.poll_raw() if (event := events.decode(data)) is not None]

    def poll_raw(self) -> list[bytes]:
        """Everything that has arrived, as the JSON it was sent as."""
        self._flush()
        received: list[bytes] = []
        while self._socket is not None:
            try:
                data = self._socket.recv(DATAGRAM_BYTES)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            if not data:
                self._disconnect()
                break
            received.append(data)
        return received

    def close(self) -> None:
        """Sends what waits, then hangs up."""
        deadline = time.monotonic() + 0.2
        while self._outgoing and self.connected and time.monotonic() < deadline:
            self._flush()
            time.sleep(0.005)
        self._disconnect()

    def _flush(self) -> None:
        if self._socket is None and not self._connect():
            return
        while self._outgoing and self._socket is not None:
            try:
                self._socket.send(self._outgoing[0])
            except BlockingIOError:
                return
            except OSError:
                self._disconnect()
                return
            self._remember(self._outgoing.popleft())

    def _connect(self) -> bool:
        if time.monotonic() < self._next_try:
            return False
        self._next_try = time.monotonic() + _RECONNECT_S
        candidate = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
        try:
            candidate.connect(str(self._path))
        except OSError:
            candidate.close()
            return False
        candidate.setblocking(False)
        lost = [data for sent_s, data in self._sent if self._broken_s - sent_s < _REPEATED_S]
        self._sent.clear()
        retained = list(self._retained.values())
        again = [data for data in (*lost, *self._outgoing) if data not in retained]
        self._outgoing = collections.deque([*retained, *again], maxlen=_WAITING_EVENTS)
        self._socket = candidate
        return True

    def _remember(self, data: bytes) -> None:
        now = time.monotonic()
        self._sent.append((now, data))
        while now - self._sent[0][0] > _REPEATED_S:
            self._sent.popleft()

    def _disconnect(self) -> None:
        self._broken_s = time.monotonic()
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def retained_key(event: Event) -> tuple[str, ...] | None:
    """What a retained event replaces its predecessor by; None when it is not retained."""
    fields = event.retained_by
    if fields is None:
        return None
    return (events.name_of(event), event.session, *(str(getattr(event, field)) for field in fields))

"""The event hub: passes every event to every other client, and what is retained to whoever comes later.

AF_UNIX SEQPACKET keeps message borders and shows a dead peer at once. A daemon that vanishes without having
said that it stops is announced as failed, so that the person can be told within the second. A client whose
queue is full is dropped: it reconnects and gets the snapshot. Peers must have this process's user or group,
or be root.
"""

from __future__ import annotations

import collections
import logging
import os
import selectors
import socket
import struct
import time
from pathlib import Path

import msgspec

from device import events
from device.bus.client import DATAGRAM_BYTES, retained_key
from device.events import DaemonFailed, DaemonReady, DaemonStopped

log = logging.getLogger(__name__)

_QUEUED_EVENTS = 5000
_LISTEN_FDS_START = 3
# Right after a restart events are held until the clients of the hub before this one have come back.
_GATHER_S = 0.25


class _Peer:
    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.queue: collections.deque[bytes] = collections.deque()
        self.daemon = ""  # the daemon that said on this connection that it is ready


class Hub:
    """Serves the socket at `path`, or the one that systemd passed on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._selector = selectors.DefaultSelector()
        self._retained: dict[tuple[str, ...], bytes] = {}
        self._peers: dict[socket.socket, _Peer] = {}
        self._activated = os.environ.get("LISTEN_PID") == str(os.getpid())
        self._listener = self._listen()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._held: list[tuple[bytes, _Peer]] = []
        self._gather_until_s = time.monotonic() + _GATHER_S

    def step(self, timeout_s: float) -> None:
        """Serves what is ready, waiting at most `timeout_s`."""
        if self._held and time.monotonic() > self._gather_until_s:
            held, self._held = self._held, []
            for data, sender in held:
                self._pass_on(data, sender)
        for key, mask in self._selector.select(timeout_s):
            peer: _Peer | None = key.data
            if peer is None:
                self._accept()
                continue
            if mask & selectors.EVENT_WRITE:
                self._flush(peer)
            if mask & selectors.EVENT_READ:
                self._receive(peer)

    def close(self) -> None:
        """Hangs up on everyone; removes the socket unless systemd owns it."""
        for peer in list(self._peers.values()):
            self._drop(peer)
        self._selector.close()
        self._listener.close()
        if not self._activated:
            self._path.unlink(missing_ok=True)

    def _listen(self) -> socket.socket:
        if self._activated:
            return socket.socket(fileno=_LISTEN_FDS_START)
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
        self._path.unlink(missing_ok=True)
        listener.bind(str(self._path))
        self._path.chmod(0o660)
        listener.listen(32)
        listener.setblocking(False)
        return listener

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        connection.setblocking(False)
        pid, uid, gid = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if uid not in (0, os.geteuid()) and gid != os.getegid():
            log.warning("refused a client of another user", extra={"pid": pid, "uid": uid})
            connection.close()
            return
        peer = _Peer(connection)
        peer.queue.extend(self._retained.values())
        self._peers[connection] = peer
        self._selector.register(connection, selectors.EVENT_READ, peer)
        self._flush(peer)

    def _receive(self, peer: _Peer) -> None:
        while peer.socket in self._peers:
            try:
                data = peer.socket.recv(DATAGRAM_BYTES)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._drop(peer)
                return
            self._publish(peer, data)

    def _publish(self, sender: _Peer, data: bytes) -> None:
        try:
            event = events.decode(data)
        except msgspec.DecodeError as error:
            log.warning("dropped a malformed event", extra={"error": str(error)})
            return
        match event:
            case DaemonReady(daemon=name):
                sender.daemon = name
            case DaemonStopped(daemon=name):
                sender.daemon = ""
                self._forget(name)
        if event is not None and (key := retained_key(event)) is not None:
            self._retained[key] = data
        if self._held or time.monotonic() < self._gather_until_s:
            self._held.append((data, sender))
        else:
            self._pass_on(data, sender)

    def _pass_on(self, data: bytes, sender: _Peer) -> None:
        for peer in list(self._peers.values()):
            if peer is not sender:
                peer.queue.append(data)
                self._flush(peer)

    def _flush(self, peer: _Peer) -> None:
        try:
            while peer.queue:
                peer.socket.send(peer.queue[0])
                peer.queue.popleft()
        except BlockingIOError:
            if len(peer.queue) > _QUEUED_EVENTS:
                log.warning("dropped a client that does not read")
                self._drop(peer)
                return
        except OSError:
            self._drop(peer)
            return
        interest = selectors.EVENT_READ | (selectors.EVENT_WRITE if peer.queue else 0)
        if peer.socket in self._peers and self._selector.get_key(peer.socket).events != interest:
            self._selector.modify(peer.socket, interest, peer)

    def _drop(self, peer: _Peer) -> None:
        if self._peers.pop(peer.socket, None) is not None:
            self._selector.unregister(peer.socket)
            peer.socket.close()
            if peer.daemon:
                self._announce_failure(peer)

    def _announce_failure(self, peer: _Peer) -> None:
        failure = DaemonFailed(
            t_ns=time.monotonic_ns(),
            daemon=peer.daemon,
            reason="it ended unexpectedly",
            hint="it is started again",
        )
        self._forget(peer.daemon)
        self._pass_on(events.encode(failure), peer)

    def _forget(self, daemon: str) -> None:
        """It is no longer ready."""
        self._retained.pop(("daemon.ready", events.ROOM, daemon), None)

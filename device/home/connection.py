"""One MQTT 5 connection that comes back by itself, driven by its owner's loop.

`step` does what is due and hands over what happened; only the blocking part of connecting runs on a thread.
Each connection is a new client, so nothing outlives a lost connection unsent: a command never fires late.
Tries again after 0.1 s, doubling to 1 s while the broker has been away for less than half a minute, then to a
thirtieth of its absence, at most 15 s.
"""

from __future__ import annotations

import random
import select
import socket
import ssl
import threading
import time
from collections.abc import Iterable
from typing import Any

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from device.home.broker import Broker, explain, explain_code
from device.home.plans import Publish

_KEEPALIVE_S = 15
_CONNECT_S = 5.0
_GOODBYE_S = 0.3
_FIRST_RETRY_S = 0.1
_LONGEST_RETRY_S = 15.0
_PACKET_BYTES = 8 * 1024 * 1024
_TOPICS_AT_ONCE = 200
_MESSAGES_AT_ONCE = 50


class Connected(msgspec.Struct, frozen=True):
    """The broker has accepted this client; subscriptions have to be made again."""


class Lost(msgspec.Struct, frozen=True):
    """There is no connection, or none came about."""

    reason: str


class Received(msgspec.Struct, frozen=True):
    """A message; `retained` when it is the broker's memory rather than news."""

    topic: str
    payload: bytes
    retained: bool


class Acked(msgspec.Struct, frozen=True):
    """The broker's answer to the message that `publish` gave `number`; `code` is MQTT 5's reason code."""

    number: int
    code: int


Incoming = Connected | Lost | Received | Acked


def retry_delay(tries: int, away_s: float) -> float:
    """Seconds until the next try, before jitter."""
    return min(_FIRST_RETRY_S * 2.0 ** min(tries, 10), max(1.0, away_s / 30), _LONGEST_RETRY_S)


class Connection:
    """A client's way to the broker; `will` is what the broker says when it is gone."""

    def __init__(self, broker: Broker, client_id: str, will: Publish) -> None:
        self._broker, self._client_id, self._will = broker, client_id, will
        self._client: mqtt.Client | None = None
        self._attempt: _Attempt | None = None
        self._happened: list[Incoming] = []
        self._began = self._away_since = self._next_try = time.monotonic()
        self._tries = 0
        self.connected = False
        self.has_more = False  # `step` ran out of time before it had read everything

    def descriptors(self) -> tuple[int, ...]:
        """What to wait for."""
        sock = self._client.socket() if self._client else None
        return (sock.fileno(),) if sock else ()

    def wait(self, timeout_s: float) -> None:
        """Waits until there is something to do, for owners that wait for nothing else."""
        sock = self._client.socket() if self._client else None
        if sock is None or self._client is None:
            time.sleep(min(timeout_s, 0.02))
        elif not self.has_more:
            select.select([sock], [sock] if self._client.want_write() else [], [], timeout_s)

    def step(self, budget_s: float = 0.02) -> list[Incoming]:
        """Connects, reads and writes for about `budget_s`; returns what happened, in order."""
        now = time.monotonic()
        if self._attempt is not None:
            self._adopt(self._attempt, now)
        elif self._client is None and now >= self._next_try:
            self._attempt = _Attempt(self._broker, self._new_client())
        if self._client is not None:
            self._serve(self._client, now + budget_s)
        happened, self._happened = self._happened, []
        return happened

    def publish(self, message: Publish, expiry_s: int = 0) -> int | None:
        """Sends with QoS 1; the number that `Acked` will name, None when there is no connection.

        A broker drops the message when a subscriber has not taken it for `expiry_s` seconds (0: keeps it).
        """
        if self._client is None or not self.connected:
            return None
        properties = _properties(PacketTypes.PUBLISH)
        if expiry_s:
            properties.MessageExpiryInterval = expiry_s
        info = self._client.publish(message.topic, message.payload, 1, message.retain, properties)
        return info.mid if info.rc == mqtt.MQTT_ERR_SUCCESS else None

    def subscribe(self, topics: Iterable[str]) -> None:
        """Subscribes with QoS 0: brokers drop QoS 1 messages when more than they queue are retained."""
        client = self._client
        if client is not None and self.connected:
            for part in _parts(topics):
                client.subscribe([(topic, 0) for topic in part])

    def unsubscribe(self, topics: Iterable[str]) -> None:
        """Takes no further messages on `topics`."""
        client = self._client
        if client is not None and self.connected:
            for part in _parts(topics):
                client.unsubscribe(part)

    def close(self) -> None:
        """Hangs up; the broker then publishes the will."""
        client, was_connected = self._client, self.connected
        self._client = self._attempt = None
        self.connected = False
        if client is not None and was_connected:
            client.disconnect(ReasonCode(PacketTypes.DISCONNECT, "Disconnect with will message"))
            deadline = time.monotonic() + _GOODBYE_S
            while client.want_write() and time.monotonic() < deadline:
                client.loop_write()

    def _serve(self, client: mqtt.Client, until: float) -> None:
        self.has_more = True
        while self.has_more and self._client is client:
            if client.want_write():
                client.loop_write()
            self.has_more = _is_readable(client)
            if self.has_more:
                client.loop_read()
                _acknowledge_now(client)
            if time.monotonic() >= until or len(self._happened) >= _MESSAGES_AT_ONCE:
                break
        if self._client is client:
            client.loop_misc()
        if self._client is client and not self.connected and time.monotonic() > self._began + _CONNECT_S:
            self._lost(f"{self._broker} does not answer as an MQTT broker does")

    def _adopt(self, attempt: _Attempt, now: float) -> None:
        if attempt.is_alive():
            return
        self._attempt = None
        if attempt.error is not None:
            self._lost(explain(self._broker, attempt.error))
            return
        self._client, self._began = attempt.client, now

    def _lost(self, reason: str) -> None:
        now = time.monotonic()
        if self.connected:
            self._away_since, self._tries = now, 0
        self.connected = self.has_more = False
        self._client = None
        self._next_try = now + retry_delay(self._tries, now - self._away_since) * random.uniform(0.8, 1.2)
        self._tries += 1
        self._happened.append(Lost(reason))

    def _new_client(self) -> mqtt.Client:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, self._client_id, protocol=mqtt.MQTTv5)
        client.connect_timeout = _CONNECT_S
        client.will_set(self._will.topic, self._will.payload, 1, self._will.retain)
        if self._broker.user:
            client.username_pw_set(self._broker.user, self._broker.password or None)
        if self._broker.tls:
            client.tls_set_context(ssl.create_default_context())
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        return client

    def _on_connect(self, client: mqtt.Client, _data: Any, _flags: Any, code: ReasonCode, _more: Any) -> None:
        if client is not self._client:
            return
        if code.is_failure:
            self._lost(explain_code(self._broker, code.value, str(code)))
            return
        self.connected = True
        self._happened.append(Connected())

    def _on_disconnect(
        self, client: mqtt.Client, _data: Any, flags: mqtt.DisconnectFlags, code: ReasonCode, _more: Any
    ) -> None:
        if client is not self._client:
            return
        if flags.is_disconnect_packet_from_server:
            self._lost(explain_code(self._broker, code.value, str(code)))
        elif self.connected:
            self._lost(f"the connection to {self._broker} was lost")
        else:
            self._lost(f"{self._broker} hung up at once; check mqtt:// against mqtts:// in home.broker")

    def _on_message(self, client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            return
        if client is self._client:
            self._happened.append(Received(topic, bytes(message.payload), message.retain))

    def _on_publish(self, client: mqtt.Client, _data: Any, number: int, code: ReasonCode, _more: Any) -> None:
        if client is self._client:
            self._happened.append(Acked(number, code.value))


class _Attempt(threading.Thread):
    """Looks the host up, connects and shakes hands, all of which may block for seconds."""

    def __init__(self, broker: Broker, client: mqtt.Client) -> None:
        super().__init__(name="mqtt-connect", daemon=True)
        self.broker, self.client = broker, client
        self.error: BaseException | None = None
        self.start()

    def run(self) -> None:
        properties = _properties(PacketTypes.CONNECT)
        properties.MaximumPacketSize = _PACKET_BYTES
        try:
            self.client.connect(
                self.broker.host, self.broker.port, _KEEPALIVE_S, clean_start=True, properties=properties
            )
            sock = self.client.socket()
            if isinstance(sock, socket.socket):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except (OSError, ValueError) as error:
            self.error = error


def _properties(packet: int) -> Properties:
    return Properties(packet)  # type: ignore[no-untyped-call]


def _acknowledge_now(client: mqtt.Client) -> None:
    """Spares 40 ms: brokers hold a second small packet back until the first is acknowledged (Nagle)."""
    sock = client.socket()
    if isinstance(sock, socket.socket):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def _is_readable(client: mqtt.Client) -> bool:
    sock = client.socket()
    if sock is None:
        return False
    if isinstance(sock, ssl.SSLSocket) and sock.pending():
        return True
    return bool(select.select([sock], [], [], 0)[0])


def _parts(topics: Iterable[str]) -> Iterable[list[str]]:
    ordered = sorted(topics)
    for start in range(0, len(ordered), _TOPICS_AT_ONCE):
        yield ordered[start : start + _TOPICS_AT_ONCE]

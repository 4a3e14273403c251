"""Where the MQTT broker is and how to log in, and what its failures mean to a person."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec

from device.faults import Fault

_PORTS = {"mqtt": 1883, "mqtts": 8883}
_HINT = "write [home] broker as mqtt://host:1883, mqtt://user@host or mqtts://host"
_LOGIN = "the broker refused the login; check the user in home.broker and home.password_file"
_REFUSALS = {
    0x84: "the broker speaks no MQTT 5; it needs one that does, such as Mosquitto 1.6 or newer",
    0x86: _LOGIN,
    0x87: _LOGIN,
    0x8A: "the broker has banned this client",
    0x8E: "another client took this connection over; give each Wren its own device.id",
}


class Broker(msgspec.Struct, frozen=True):
    """A broker's address and login."""

    host: str
    port: int
    tls: bool = False
    user: str = ""
    password: str = ""

    def __str__(self) -> str:
        """`host:port`, without the login."""
        return f"{self.host}:{self.port}"


def parse(url: str, password_file: str = "") -> Broker:
    """The broker of `mqtt://[user[:password]@]host[:port]` or `mqtts://…`. Raises Fault."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Fault(f"broker {url!r} is not an address: {error}", _HINT) from None
    if parts.scheme not in _PORTS:
        raise Fault(f"broker {url!r} starts with neither mqtt:// nor mqtts://", _HINT)
    if not parts.hostname or parts.path.strip("/") or parts.query:
        raise Fault(f"broker {url!r} is not a host", _HINT)
    password = unquote(parts.password or "")
    if password_file:
        try:
            password = Path(password_file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise Fault(
                f"the broker password cannot be read: {error}", "check home.password_file and its owner"
            ) from None
    return Broker(
        host=parts.hostname,
        port=port or _PORTS[parts.scheme],
        tls=parts.scheme == "mqtts",
        user=unquote(parts.username or ""),
        password=password,
    )


def explain(broker: Broker, error: BaseException) -> str:
    """Why no connection came about, and what to look at."""
    match error:
        case socket.gaierror():
            return f"the broker's host {broker.host} is not known; check home.broker and the name server"
        case ConnectionRefusedError():
            return f"nothing listens at {broker}; is the broker running?"
        case ssl.SSLCertVerificationError():
            return f"the certificate of {broker} is not trusted: {error.verify_message}"
        case ssl.SSLError():
            return f"{broker} does not speak TLS as expected ({error.reason}); check mqtt:// against mqtts://"
        case TimeoutError():
            return f"{broker} does not answer; check the network and the firewall"
        case _:
            return f"{broker} cannot be reached: {error}"


def explain_code(broker: Broker, code: int, name: str) -> str:
    """Why the broker said no or hung up, from the MQTT 5 reason code."""
    return _REFUSALS.get(code) or f"{broker} ended the connection ({name})"

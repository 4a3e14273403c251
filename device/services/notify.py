"""sd_notify(3): tells systemd, or the laptop supervisor, that a daemon is ready, alive or stopping."""

from __future__ import annotations

import os
import socket

_READY_S = 1.0


def notify(**fields: str | int) -> None:
    """Sends `READY=1`-style fields to `$NOTIFY_SOCKET`; does nothing without one.

    Only the news of readiness waits for a busy supervisor; anything else is dropped rather than late.
    """
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    message = "\n".join(f"{name.upper()}={value}" for name, value in fields.items())
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        sender.settimeout(_READY_S if "ready" in fields else 0)
        try:
            sender.connect("\0" + address[1:] if address.startswith("@") else address)
            sender.send(message.encode())
        except OSError:
            return

"""A real Mosquitto on a free loopback port, for tests: can be stopped and started again on the same port."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType

import pytest

_PLACES = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))


class MosquittoBroker:
    """A broker with its files in `folder`; `users` (name to password) makes it ask for a login.

    With `tls` it speaks TLS with the self-signed certificate `folder/certificate.pem`.
    """

    def __init__(self, folder: Path, users: dict[str, str] | None = None, *, tls: bool = False) -> None:
        self._program = shutil.which("mosquitto", path=_PLACES)
        if self._program is None:
            pytest.skip("mosquitto is not installed; make setup installs it")
        self._folder = folder
        self.port = _free_port()
        self._config = folder / "mosquitto.conf"
        lines = [f"listener {self.port} 127.0.0.1", "persistence true", f"persistence_location {folder}/"]
        if os.geteuid() == 0:
            lines.append("user root")
        if users:
            passwords = folder / "passwords"
            passwords.write_text("".join(f"{name}:{word}\n" for name, word in users.items()))
            subprocess.run(["mosquitto_passwd", "-U", str(passwords)], check=True)
            lines.append(f"password_file {passwords}")
        self._scheme = "mqtts" if tls else "mqtt"
        if tls:
            self.certificate, key = folder / "certificate.pem", folder / "key.pem"
            _make_certificate(self.certificate, key)
            lines += [f"certfile {self.certificate}", f"keyfile {key}"]
        lines.append(f"allow_anonymous {'false' if users else 'true'}")
        self._config.write_text("\n".join(lines) + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """`mqtt://127.0.0.1:PORT`, or mqtts."""
        return f"{self._scheme}://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Returns when the broker listens."""
        log = (self._folder / "mosquitto.log").open("ab")
        self._process = subprocess.Popen(
            [str(self._program), "-c", str(self._config)], stdout=log, stderr=log, cwd=self._folder
        )
        log.close()
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=0.5).close()
                return
            except OSError:
                time.sleep(0.02)
        raise TimeoutError(f"mosquitto does not listen; see {self._folder}/mosquitto.log")

    def stop(self) -> None:
        """Ends the broker, which saves what is retained."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Ends the broker without a chance to save or to say goodbye."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Keeps the sockets open and answers nothing, as a hung machine does."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Undoes `pause`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.send_signal(signal.SIGCONT)
            self._process.wait(5)
            self._process = None

    def __enter__(self) -> MosquittoBroker:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end(signal.SIGKILL)


def _make_certificate(certificate: Path, key: Path) -> None:
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject, *files]
    subprocess.run(command, check=True, capture_output=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

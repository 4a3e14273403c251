"""The laptop's stand-in for systemd: starts the daemons as children and keeps them running.

It speaks the same protocol as systemd (sd_notify readiness and watchdog, SIGTERM to stop), restarts what
exits with a growing delay, kills what stops feeding its watchdog, and gives up on exit status 78, which
says that a restart cannot mend it.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from device.faults import Fault
from device.services.daemon import EX_CONFIG

DAEMONS = ("hub", "audio", "wake", "listen", "reason", "home", "speak", "timers")
ENDS_WITH_PARENT = ("setpriv", "--pdeathsig", "TERM", "--")  # util-linux; put before a command
WATCHDOG_S = 10.0
START_S = 60.0
STOP_S = 2.0
_FIRST_DELAY_S, _LONGEST_DELAY_S, _SETTLED_S = 0.05, 5.0, 10.0


class Child:
    """One supervised process."""

    def __init__(self, name: str, command: Sequence[str], *, notifies: bool) -> None:
        self.name, self.command, self.notifies = name, list(command), notifies
        self.process: subprocess.Popen[bytes] | None = None
        self.ready = False
        self.status = ""
        self.restarts = 0
        self.delay_s = _FIRST_DELAY_S
        self.started_s = self.alive_s = self.start_at_s = 0.0
        self.inbox: socket.socket | None = None


class Supervisor:
    """Runs the daemons of one Wren (and helpers such as a broker) in `runtime`."""

    def __init__(self, runtime: Path, environment: Mapping[str, str], log: Path) -> None:
        runtime.mkdir(parents=True, exist_ok=True, mode=0o700)
        log.parent.mkdir(parents=True, exist_ok=True)
        self._runtime, self._environment = runtime, {**os.environ, **environment}
        self._log = log.open("ab")
        self._log_path = log
        self._selector = selectors.DefaultSelector()
        self.children: dict[str, Child] = {}

    @property
    def ready(self) -> bool:
        """Whether everything that was started does its work."""
        return all(child.ready for child in self.children.values())

    def start_daemon(self, name: str) -> None:
        """Starts `device.services.<name>`."""
        self._add(Child(name, [sys.executable, "-m", f"device.services.{name}"], notifies=True))

    def start_helper(self, name: str, command: Sequence[str]) -> None:
        """Starts any other program, which ends with the calling thread; it counts as ready at once."""
        self._add(Child(name, [*ENDS_WITH_PARENT, *command], notifies=False))

    def wait_ready(self, *names: str, timeout_s: float = START_S) -> None:
        """Steps until the named children (or all) are ready. Raises Fault when they are not in time."""
        deadline = time.monotonic() + timeout_s
        while not all(self.children[name].ready for name in names or self.children):
            self.step(0.1)
            if time.monotonic() > deadline:
                late = ", ".join(name for name in names or self.children if not self.children[name].ready)
                raise Fault(f"not ready after {timeout_s:.0f} s: {late}", f"see {self._log_path}")

    def step(self, timeout_s: float) -> None:
        """Reads notifications, restarts what died. Raises Fault for what a restart cannot mend."""
        for key, _ in self._selector.select(timeout_s):
            self._notified(key.data)
        now = time.monotonic()
        for child in self.children.values():
            self._look_after(child, now)

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """Sends a signal to a child, for fault tests."""
        process = self.children[name].process
        if process is not None:
            process.send_signal(number)

    def stop(self) -> None:
        """Stops everything, last started first; what does not end in two seconds is killed."""
        running = [child for child in reversed(self.children.values()) if child.process is not None]
        daemons = [child for child in running if child.notifies and child.name != "hub"]
        for group in (daemons, [child for child in running if child not in daemons]):
            self._stop_group([child.process for child in group if child.process is not None])
        self._selector.close()
        for child in self.children.values():
            if child.inbox is not None:
                child.inbox.close()
                self._inbox_path(child).unlink(missing_ok=True)
        self._log.close()

    def _stop_group(self, processes: list[subprocess.Popen[bytes]]) -> None:
        for process in processes:
            process.terminate()
        deadline = time.monotonic() + STOP_S
        for process in processes:
            try:
                process.wait(max(0.01, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _inbox_path(self, child: Child) -> Path:
        return self._runtime / f"notify.{child.name}"

    def _add(self, child: Child) -> None:
        self.children[child.name] = child
        if child.notifies:
            self._inbox_path(child).unlink(missing_ok=True)
            child.inbox = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            child.inbox.setblocking(False)
            child.inbox.bind(str(self._inbox_path(child)))
            self._selector.register(child.inbox, selectors.EVENT_READ, child)
        self._spawn(child)

    def _spawn(self, child: Child) -> None:
        environment = dict(self._environment)
        environment["WREN_SUPERVISOR_PID"] = str(os.getpid())
        if child.notifies:
            environment["NOTIFY_SOCKET"] = str(self._inbox_path(child))
        child.process = subprocess.Popen(
            child.command,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            env=environment,
            start_new_session=True,
        )
        child.ready = not child.notifies
        child.started_s = child.alive_s = time.monotonic()

    def _notified(self, child: Child) -> None:
        assert child.inbox is not None
        while True:
            try:
                message = child.inbox.recv(4096).decode(errors="replace")
            except BlockingIOError:
                return
            child.alive_s = time.monotonic()
            for line in message.splitlines():
                name, _, value = line.partition("=")
                child.ready |= name == "READY"
                child.status = value if name == "STATUS" else child.status

    def _look_after(self, child: Child, now: float) -> None:
        if child.process is None:
            if now >= child.start_at_s:
                self._spawn(child)
            return
        code = child.process.poll()
        if code is None:
            limit = WATCHDOG_S if child.ready else START_S
            if child.notifies and now - child.alive_s > limit:
                child.process.kill()
            return
        if code == EX_CONFIG or (not child.notifies and now - child.started_s < 1):
            raise Fault(f"{child.name} cannot work", self._last_words(child), permanent=True)
        child.restarts += 1
        child.ready = False
        child.process = None
        child.delay_s = (
            _FIRST_DELAY_S if now - child.started_s > _SETTLED_S else min(child.delay_s * 2, _LONGEST_DELAY_S)
        )
        child.start_at_s = now + child.delay_s

    def _last_words(self, child: Child) -> str:
        """What the child printed last: the cause and what to do, as one line."""
        lines = self._log_path.read_text(errors="replace").splitlines()
        for line in reversed(lines):
            if line.startswith(f"wren-{child.name}: "):
                return line.partition(": ")[2]
        return f"see {self._log_path}"

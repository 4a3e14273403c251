"""What every daemon does the same way: start, readiness, events, settings, watchdog, clean stop.

A daemon is a class with `start` (load everything, may take seconds), `step` (one piece of work, at most
100 ms), `on_event`, `on_settings` and `close`. All are called from one thread. The watchdog is fed after
each round of that loop, so a daemon that hangs in its work is killed and started again.
Exit status: 0 after SIGTERM, 78 (EX_CONFIG) for what a restart cannot mend, 1 otherwise.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from device import settings as settings_module
from device.bus.client import HubClient
from device.bus.paths import events_socket, microphone_ring
from device.bus.ring import RingReader
from device.events import DaemonFailed, DaemonReady, DaemonStopped, Event, SettingsChanged
from device.faults import Fault
from device.services import logs
from device.services.memory import use_one_heap
from device.services.notify import notify
from device.settings import Settings, SettingsError

EX_CONFIG = 78
STEP_S = 0.05
WATCHDOG_EVERY_S = 1.0

log = logging.getLogger(__name__)


class Daemon:
    """Base of all daemons: holds the settings, the event bus and the microphone clock."""

    name = ""

    def __init__(self, settings: Settings, bus: HubClient) -> None:
        self.settings, self.bus = settings, bus
        self.runtime = settings_module.runtime_dir(settings)

    def start(self) -> None:
        """Loads what the daemon needs. Raises Fault when it cannot work."""

    def step(self) -> None:
        """One piece of work; waits for events when there is none."""
        self.bus.wait(STEP_S)

    def on_event(self, event: Event) -> None:
        """Handles one event."""

    def on_settings(self, settings: Settings) -> None:
        """Takes over changed settings."""
        self.settings = settings

    def close(self) -> None:
        """Releases what `start` took."""

    def status(self, text: str) -> None:
        """One line for `systemctl status`."""
        notify(status=text)

    def failed(self, reason: str, hint: str = "") -> None:
        """Tells everyone that a part of the work failed; the daemon goes on."""
        log.warning(reason, extra={"hint": hint})
        self.bus.send(DaemonFailed(daemon=self.name, reason=reason, hint=hint))


class _Signals:
    """SIGTERM and SIGINT end the loop, SIGHUP asks for the settings to be loaded again."""

    def __init__(self) -> None:
        self.stopping = self.reload = False
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        signal.signal(signal.SIGHUP, self._hang_up)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stopping = True

    def _hang_up(self, _number: int, _frame: FrameType | None) -> None:
        self.reload = True


class MicrophoneClock:
    """The index of the frame being recorded now, read from the head of the microphone ring."""

    def __init__(self, runtime: Path) -> None:
        self._ring = RingReader(microphone_ring(runtime))

    def __call__(self) -> int:
        """Current frame; -1 while there is no ring."""
        self._ring.wait(0)
        return self._ring.head - 1


def run(kind: type[Daemon]) -> int:
    """Runs a daemon until it is told to stop; returns the exit status."""
    use_one_heap()
    signals = _Signals()
    try:
        settings = settings_module.load()
    except SettingsError as error:
        print(f"wren-{kind.name}: {error}", file=sys.stderr)
        return EX_CONFIG
    logs.configure(kind.name, settings.log_level)
    runtime = settings_module.runtime_dir(settings)
    bus = HubClient(events_socket(runtime), clock=MicrophoneClock(runtime))
    daemon = kind(settings, bus)
    try:
        daemon.start()
        bus.send(DaemonReady(daemon=kind.name, pid=os.getpid(), start_ms=_since_start_ms()))
        notify(ready=1, status="running")
        fed_s = 0.0
        while not signals.stopping and not _orphaned():
            daemon.step()
            for event in bus.poll():
                signals.reload |= isinstance(event, SettingsChanged)
                daemon.on_event(event)
            if signals.reload:
                signals.reload = False
                _reload(daemon)
            if time.monotonic() - fed_s > WATCHDOG_EVERY_S:
                fed_s = time.monotonic()
                notify(watchdog=1)
        notify(stopping=1)
        bus.send(DaemonStopped(daemon=kind.name))
    except Fault as fault:
        print(f"wren-{kind.name}: {fault}", file=sys.stderr)
        bus.send(DaemonFailed(daemon=kind.name, reason=fault.message, hint=fault.hint))
        return EX_CONFIG if fault.permanent else 1
    except Exception as error:
        log.exception("crashed")
        bus.send(
            DaemonFailed(
                daemon=kind.name, reason=f"{type(error).__name__}: {error}", hint="it is started again"
            )
        )
        return 1
    finally:
        daemon.close()
        bus.close()
    return 0


def _since_start_ms() -> int:
    """Milliseconds since this process was made, imports included (proc(5): start time in clock ticks)."""
    ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    return round((time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")) * 1000)


def _orphaned() -> bool:
    """Whether the laptop supervisor that started this daemon is gone; never under systemd."""
    supervisor = os.environ.get("WREN_SUPERVISOR_PID")
    return supervisor is not None and int(supervisor) != os.getppid()


def _reload(daemon: Daemon) -> None:
    try:
        settings = settings_module.load()
    except SettingsError as error:
        daemon.failed(str(error), "the settings in use stay; correct the file")
        return
    daemon.on_settings(settings)

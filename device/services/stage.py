"""One whole Wren for as long as a `with` block lasts: broker, house, daemons, timeline.

`wren run`, `wren demo`, `wren simulate`, the pipeline tests and the benchmarks all stand on it. Everything
runs in real processes under the laptop supervisor; the broker is a real Mosquitto on a loopback port.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

from device import settings as settings_module
from device.bus.client import HubClient
from device.bus.paths import events_socket
from device.bus.recorder import Recorder
from device.events import DaemonFailed, Event, HomeConnection, HomeEntity, ModelReady, SceneReady
from device.faults import Fault
from device.services.supervisor import DAEMONS, Supervisor
from models.errors import ModelMissing
from models.store import Store

DEMO_HOUSE = Path(__file__).parents[1] / "home" / "houses" / "demo.toml"
HOUSE_S, HOUSE_QUIET_S = 10.0, 0.5
MODEL_S = 900.0  # a small board evaluates the prompt of a new house for minutes, once

Watch = Callable[[Event], None]


def _ignore(_event: Event) -> None:
    """Nobody watches."""


class Stage:
    """Starts in `__enter__`, stops and leaves nothing behind in `__exit__`.

    `environment` overrides settings (`WREN_AUDIO__BACKEND=simulator`); a simulated room without a `state_dir`
    remembers nothing of earlier ones. Without `broker` a private one is
    started; `house` is a TOML file of simulated devices, None for none. `watch` sees every event. The
    simulated people speak as soon as everything is ready, or with `start_scene=False` when told to.
    """

    def __init__(
        self,
        *,
        environment: Mapping[str, str],
        timeline: Path | None = None,
        log: Path | None = None,
        broker: str | None = None,
        house: Path | None = DEMO_HOUSE,
        watch: Watch = _ignore,
        notice: Callable[[str], None] = lambda _text: None,
        start_scene: bool = True,
    ) -> None:
        self._scratch = Path(tempfile.mkdtemp(prefix="wren-"))
        self.runtime = self._scratch / "run"
        self.broker = broker or f"mqtt://127.0.0.1:{_free_port()}"
        self._own_broker, self._house = broker is None, house
        config = environment.get("WREN_CONFIG")
        self._settings = settings_module.load(Path(config) if config else None, {**os.environ, **environment})
        forgets = {"WREN_STATE_DIR": str(self._scratch / "state")}
        if self._settings.audio.backend != "simulator" or self._settings.state_dir:
            forgets = {}
        self._environment = {
            **forgets,
            **environment,
            "WREN_RUNTIME_DIR": str(self.runtime),
            "WREN_HOME__BROKER": self.broker,
        }
        self._timeline, self._watch, self._notice = timeline, watch, notice
        self._start_scene = start_scene
        self.supervisor = Supervisor(self.runtime, self._environment, log or self._scratch / "wren.log")
        self.bus = HubClient(events_socket(self.runtime))
        self._recorder: Recorder | None = None
        self._entities = 0
        self._last_entity_s = 0.0
        self._connection: HomeConnection | None = None
        self._model_settled = False

    def __enter__(self) -> Stage:
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def step(self, timeout_s: float = 0.05) -> list[Event]:
        """Looks after the daemons and returns what happened. Raises Fault when one cannot go on."""
        self.supervisor.step(0)
        self.bus.wait(timeout_s)
        events = self.bus.poll()
        for event in events:
            self._note(event)
            self._watch(event)
        return events

    def wait_for(self, what: Callable[[Event], bool], timeout_s: float, name: str) -> Event:
        """The first event that `what` accepts. Raises Fault when none comes in time."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            for event in self.step():
                if what(event):
                    return event
        raise Fault(f"{name} did not happen within {timeout_s:.0f} s")

    def start_scene(self) -> None:
        """Lets the simulated people speak."""
        self.bus.send(SceneReady())

    def _start(self) -> None:
        if self._own_broker:
            self.supervisor.start_helper("mosquitto", [_mosquitto(), "-c", str(self._broker_config())])
        _await_broker(self.broker)
        self.supervisor.start_daemon("hub")
        self.supervisor.wait_ready("hub")
        if self._timeline is not None:
            self._recorder = Recorder(events_socket(self.runtime), self._timeline)
            self._recorder.start()
        if self._house is not None:
            command = [
                sys.executable,
                "-m",
                "device.cli",
                "home-sim",
                str(self._house),
                "--broker",
                self.broker,
            ]
            self.supervisor.start_helper("house", command)
        for name in DAEMONS:
            if name != "hub":
                self.supervisor.start_daemon(name)
        while not self.supervisor.ready:
            self.supervisor.wait_ready()
            self.step()
        self._await_house()
        self._await_model()
        if self._start_scene:
            self.start_scene()

    def _stop(self) -> None:
        self.bus.close()
        self.supervisor.stop()
        if self._recorder is not None:
            self._recorder.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _note(self, event: Event) -> None:
        match event:
            case HomeEntity():
                self._entities += 1
                self._last_entity_s = time.monotonic()
            case HomeConnection():
                self._connection = event
            case ModelReady() | DaemonFailed(daemon="reason"):
                self._model_settled = True

    def _await_house(self) -> None:
        """Waits until discovery has gone quiet; a house may also be empty."""
        deadline = time.monotonic() + HOUSE_S
        while time.monotonic() < deadline:
            self.step()
            connected = self._connection is not None and self._connection.connected
            quiet = time.monotonic() - self._last_entity_s > HOUSE_QUIET_S
            if connected and quiet and (self._entities or self._house is None):
                return
        if self._connection is None or not self._connection.connected:
            reason = self._connection.reason if self._connection else "no answer"
            raise Fault(f"the broker {self.broker} cannot be used: {reason}", "check its address and login")
        if self._house is not None:
            raise Fault(f"the simulated house {self._house} announced no devices", "check the file")

    def _await_model(self) -> None:
        if not self._settings.reason.model:
            return
        self._notice("warming up the language model (half a minute the first time, a moment after that)")
        deadline = time.monotonic() + MODEL_S
        while not self._model_settled:
            self.step()
            if time.monotonic() > deadline:
                raise Fault(f"the language model was not ready after {MODEL_S:.0f} s", "see `wren doctor`")

    def _broker_config(self) -> Path:
        path = self._scratch / "mosquitto.conf"
        port = urlsplit(self.broker).port
        path.write_text(
            f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nuser {_user()}\n"
        )
        return path


def check_models(*, language_model: bool) -> None:
    """Raises Fault when a model that every run needs is not installed."""
    store = Store()
    for role in ("wake", "vad", "asr", "voice", *(("llm",) if language_model else ())):
        try:
            store.active(role)
        except ModelMissing as error:
            raise Fault(str(error), permanent=True) from error


def _mosquitto() -> str:
    found = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if found is None:
        raise Fault("Mosquitto is not installed", "run `make setup`, or name a broker with --broker")
    return found


def _user() -> str:
    import pwd

    return pwd.getpwuid(os.geteuid()).pw_name


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _await_broker(url: str, timeout_s: float = 5.0) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
        raise Fault(f"{url} is not a broker address", "write mqtt://HOST:PORT", permanent=True)
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            port = parts.port or (8883 if parts.scheme == "mqtts" else 1883)
            with socket.create_connection((parts.hostname, port), timeout=1):
                return
        except OSError as error:
            if time.monotonic() > deadline:
                reason = error.strerror or str(error)
                raise Fault(
                    f"no MQTT broker answers at {url} ({reason})", "start it or correct --broker"
                ) from error
            time.sleep(0.05)

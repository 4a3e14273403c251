"""A whole house for tests: a real broker, hub and home daemon, and simulated devices."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from device.bus.client import HubClient
from device.bus.hub import Hub
from device.bus.paths import events_socket
from device.events import (
    Event,
    HomeChanged,
    HomeConnection,
    HomeEntity,
    SettingsChanged,
    ToolCalled,
    ToolResult,
)
from device.home import simulated
from device.home.registry import Entity, State, Value

E = TypeVar("E", bound=Event)


class Worker:
    """Runs `serve(stopping)` on a thread until `stop`."""

    def __init__(self, serve: Callable[[Callable[[], bool]], None]) -> None:
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=serve, args=(self._stopping.is_set,), daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Ends it and waits for its end."""
        self._stopping.set()
        self._thread.join(5)


def hub_worker(runtime: Path) -> Worker:
    """A hub in `runtime`."""
    hub = Hub(events_socket(runtime))

    def serve(stopping: Callable[[], bool]) -> None:
        while not stopping():
            hub.step(0.02)
        hub.close()

    return Worker(serve)


class SimulatedHome:
    """A simulated home on a thread, started when everything is announced."""

    def __init__(self, path: Path, url: str) -> None:
        self.lines: list[str] = []
        self._worker = Worker(
            lambda stopping: simulated.run(path, url, report=self.lines.append, stopping=stopping)
        )
        wait_for(lambda: any(line.startswith("ready") for line in self.lines), "the simulated home is ready")

    def stop(self) -> None:
        """Takes the home off the broker."""
        self._worker.stop()


class Outsider:
    """Somebody else on the broker, who hears everything."""

    def __init__(self, port: int) -> None:
        self.heard: list[mqtt.MQTTMessage] = []
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.on_message = lambda _client, _data, message: self.heard.append(message)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        wait_for(self._client.is_connected, "the outsider is connected")
        self._client.subscribe("#")

    def say(self, topic: str, payload: str | bytes, *, retain: bool = False) -> None:
        """Publishes, and returns when the broker has it."""
        self.say_all({topic: payload}, retain=retain)

    def say_all(self, messages: Mapping[str, str | bytes], *, retain: bool = False) -> None:
        """Publishes many messages, and returns when the broker has them."""
        under_way = [self._client.publish(topic, said, 1, retain) for topic, said in messages.items()]
        for message in under_way:
            message.wait_for_publish(30)

    def newest(self, topic: str) -> str | None:
        """The newest payload on a topic."""
        return next((m.payload.decode() for m in reversed(self.heard) if m.topic == topic), None)

    def leave(self) -> None:
        """Hangs up."""
        self._client.disconnect()
        self._client.loop_stop()


class HomeRig:
    """A running home daemon with the events it sends."""

    def __init__(self, runtime: Path, url: str, settings: str = "", **environment: str) -> None:
        runtime.mkdir(parents=True, exist_ok=True)
        self.events: list[Event] = []
        self._hub = hub_worker(runtime)
        self.bus = HubClient(events_socket(runtime))
        self._numbers = itertools.count()
        self._environment = {
            **os.environ,
            "WREN_RUNTIME_DIR": str(runtime),
            "WREN_CONFIG": str(runtime / "wren.toml"),
            **environment,
        }
        self._log = runtime / "home.log"
        self._config = runtime / "wren.toml"
        self.configure(url, settings)
        wait_for(lambda: self.bus.connected, "the hub is there", between=self.listen)
        self.start()

    def start(self) -> None:
        """Starts the daemon."""
        with self._log.open("ab") as log:
            self.daemon = subprocess.Popen(
                [sys.executable, "-m", "device.services.home"], env=self._environment, stderr=log
            )

    def configure(self, url: str, settings: str = "") -> None:
        """Writes the settings file and says so; `settings` are further lines of [home]."""
        self._config.write_text(f"[home]\nbroker = {url!r}\nconfirm_ms = 1000\n{settings}")
        self.bus.send(SettingsChanged())

    def kill(self) -> None:
        """Kills the daemon."""
        self.daemon.kill()
        self.daemon.wait(5)

    def stop(self) -> None:
        """Stops daemon and hub."""
        self.daemon.terminate()
        self.daemon.wait(5)
        self.bus.close()
        self._hub.stop()

    @property
    def log(self) -> str:
        """What the daemon logged."""
        return self._log.read_text()

    def listen(self, seconds: float = 0.02) -> None:
        """Takes the events that come within `seconds`."""
        self.bus.wait(seconds)
        self.events += self.bus.poll()

    def of(self, kind: type[E]) -> list[E]:
        """The events of one kind so far."""
        return [event for event in self.events if isinstance(event, kind)]

    def until(self, condition: Callable[[], object], what: str, timeout_s: float = 8.0) -> None:
        """Listens until `condition()` is true."""
        wait_for(condition, what, timeout_s, between=self.listen)

    @property
    def entities(self) -> dict[str, Entity]:
        """The house as the events tell it."""
        newest = {event.entity_id: event.entity for event in self.of(HomeEntity)}
        return {name: entity for name, entity in newest.items() if entity is not None}

    def state(self, entity: str) -> State:
        """The newest state of an entity."""
        return next((e.state for e in reversed(self.of(HomeChanged)) if e.entity_id == entity), State())

    @property
    def connected(self) -> bool:
        """Whether the daemon says that it has the broker."""
        told = self.of(HomeConnection)
        return bool(told) and told[-1].connected

    def call(self, tool: str, entity: str, value: Value | None = None) -> str:
        """Sends a call; returns its id."""
        name = f"call-{next(self._numbers)}"
        self.bus.send(
            ToolCalled(turn=1, call_id=name, tool=tool, arguments={"entity": entity, "value": value})
        )
        return name

    def results(self, call_id: str) -> list[ToolResult]:
        """The results of a call so far."""
        return [result for result in self.of(ToolResult) if result.call_id == call_id]

    def ask(self, tool: str, entity: str, value: Value | None = None, timeout_s: float = 8.0) -> ToolResult:
        """Sends a call and waits for its result."""
        name = self.call(tool, entity, value)
        self.until(lambda: self.results(name), f"a result of {tool} {entity}", timeout_s)
        return self.results(name)[0]


def wait_for(
    condition: Callable[[], object],
    what: str,
    timeout_s: float = 8.0,
    between: Callable[[], None] = lambda: time.sleep(0.01),
) -> None:
    """Waits until `condition()` is true. Raises TimeoutError that says `what` was expected."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout_s} s in vain: {what}")
        between()

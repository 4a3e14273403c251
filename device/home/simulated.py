"""A simulated home on a real broker: announces its devices and behaves like them until it is told to stop.

It announces everything again when the broker comes back and when Home Assistant starts (`online` on
`<prefix>/status`), as real devices do, and takes what it announced off the broker when it stops.
"""

from __future__ import annotations

import functools
import heapq
import itertools
import random
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import msgspec

from device.faults import Fault
from device.home import broker
from device.home.connection import Connected, Connection, Incoming, Lost, Received
from device.home.plans import Publish
from device.home.simulated_devices import HomePlan, SimulatedDevice, SimulatedEntity

DEMO_HOME = Path(__file__).parent / "houses" / "demo.toml"
_STEP_S = 0.05
_REMOVAL_S = 2.0


def load(path: Path) -> HomePlan:
    """The home that a file describes. Raises Fault with the place that is wrong."""
    hint = f"see docs/mqtt.md, or begin with a copy of {DEMO_HOME.name}"
    try:
        plan = msgspec.toml.decode(path.read_bytes(), type=HomePlan)
    except OSError as error:
        raise Fault(f"home file {path} cannot be read: {error.strerror}", hint, permanent=True) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.DecodeError) as error:
        raise Fault(f"home file {path}: {error}", hint, permanent=True) from error
    names = [entity.id for device in plan.device for entity in device.entities]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Fault(f"home file {path}: {twice[0]} is there twice", hint, permanent=True)
    return plan


def run(
    path: Path,
    broker_url: str,
    *,
    prefix: str = "homeassistant",
    report: Callable[[str], None] = functools.partial(print, flush=True),  # noqa: B008 - has no state
    stopping: Callable[[], bool] = lambda: False,
) -> None:
    """Runs the home of `path` until `stopping()` or KeyboardInterrupt; `report` gets a line per happening.

    The line that begins with "ready" says that everything is announced. Raises Fault for a bad file or URL.
    """
    home = _Home(load(path), broker.parse(broker_url), f"home-sim-{path.stem}", prefix, report)
    try:
        while not stopping():
            home.step()
    except KeyboardInterrupt:
        pass
    finally:
        home.close()


class _Home:
    def __init__(
        self, plan: HomePlan, address: broker.Broker, name: str, prefix: str, report: Callable[[str], None]
    ) -> None:
        self._topic, self._prefix, self._address, self._report = plan.topic, prefix, address, report
        self._devices = [SimulatedDevice(device, plan.topic) for device in plan.device]
        self._bases = {
            entity.base: (device, entity) for device in self._devices for entity in device.entities
        }
        self._ids = {entity.plan.id: entity for device in self._devices for entity in device.entities}
        self._said: dict[str, str] = {}
        self._due: list[tuple[float, int, functools.partial[None]]] = []
        self._numbers = itertools.count()
        self._told = ""
        self._bridge = f"{plan.topic}/bridge/state"
        self._connection = Connection(address, name, Publish(self._bridge, "offline", retain=True))

    def step(self) -> None:
        """Waits for commands, carries out what is due."""
        moving = any(entity.is_moving for entity in self._ids.values())
        wait_s = _STEP_S if not self._due else min(_STEP_S, max(0.0, self._due[0][0] - time.monotonic()))
        self._connection.wait(wait_s)
        for happened in self._connection.step():
            self._handle(happened)
        now = time.monotonic()
        while self._due and self._due[0][0] <= now:
            heapq.heappop(self._due)[2]()
        if moving:
            for entity in self._ids.values():
                entity.advance(now)
                self._say(entity)

    def close(self) -> None:
        """Takes everything off the broker and hangs up."""
        topics = {topic for device in self._devices for topic in device.discovery(self._prefix)}
        topics |= self._said.keys() | {device.availability for device in self._devices}
        waiting = {self._connection.publish(Publish(topic, "", retain=True)) for topic in topics} - {None}
        deadline = time.monotonic() + _REMOVAL_S
        while waiting and self._connection.connected and time.monotonic() < deadline:
            self._connection.wait(_STEP_S)
            waiting -= {getattr(happened, "number", None) for happened in self._connection.step()}
        self._connection.close()

    def _handle(self, happened: Incoming) -> None:
        match happened:
            case Connected():
                topics = [f"{self._topic}/+/+/set", f"{self._topic}/+/+/+/set", f"{self._prefix}/status"]
                self._connection.subscribe(topics)
                self._announce()
                self._told = ""
                self._report(f"ready: {len(self._ids)} entities at {self._address}")
            case Lost(reason=reason) if reason != self._told:
                self._told = reason
                self._report(reason)
            case Received(topic=topic, payload=payload, retained=False):
                if topic == f"{self._prefix}/status":
                    if payload == b"online":
                        self._announce()
                else:
                    self._take(topic, payload.decode("utf-8", "replace"))
            case _:
                pass

    def _announce(self) -> None:
        self._publish(self._bridge, "online")
        for device in self._devices:
            for topic, payload in device.discovery(self._prefix).items():
                self._publish(topic, payload)
            self._publish(device.availability, "online" if device.is_online else "offline")
        self._said.clear()
        for entity in self._ids.values():
            self._say(entity)

    def _take(self, topic: str, payload: str) -> None:
        base, part = topic.removesuffix("/set"), ""
        if base not in self._bases:
            base, _, part = base.rpartition("/")
        if base not in self._bases:
            return
        device, entity = self._bases[base]
        fail = device.plan.fail
        is_deaf = fail in (True, "silent") or (isinstance(fail, float) and random.random() < fail)
        self._report(
            f"{entity.plan.id} {part + ' ' if part else ''}{payload}{' (ignored)' if is_deaf else ''}"
        )
        if not is_deaf:
            due = time.monotonic() + device.plan.delay_ms / 1000
            act = functools.partial(self._act, entity, part, payload)
            heapq.heappush(self._due, (due, next(self._numbers), act))

    def _act(self, entity: SimulatedEntity, part: str, payload: str) -> None:
        now = time.monotonic()
        if not entity.command(part, payload, now):
            self._report(f"{entity.plan.id} does not understand {payload}")
            return
        if entity.domain == "scene":
            for name, value in entity.plan.sets.items():
                if (other := self._ids.get(name)) is not None:
                    other.value = value
                    self._say(other)
        self._say(entity, again=True)

    def _say(self, entity: SimulatedEntity, *, again: bool = False) -> None:
        """Publishes the states that are new, or all of them."""
        for topic, payload in entity.states().items():
            if again or self._said.get(topic) != payload:
                self._said[topic] = payload
                self._publish(topic, payload)

    def _publish(self, topic: str, payload: str) -> None:
        self._connection.publish(Publish(topic, payload, retain=True))

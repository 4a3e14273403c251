"""wren-home: the MQTT connection, the live house, and tool calls that end when the device confirms them."""

from __future__ import annotations

import sys
import time
from collections import deque

from device.events import (
    AudioState,
    DialogState,
    Event,
    HomeChanged,
    HomeConnection,
    HomeEntity,
    TimerChanged,
    ToolCalled,
)
from device.faults import Fault
from device.home import broker
from device.home.calls import Calls
from device.home.connection import Acked, Connected, Connection, Incoming, Lost, Received
from device.home.discovery import is_discovery, topic_filters
from device.home.house import Changes, LiveHouse
from device.home.own import OwnDevice
from device.home.plans import Publish
from device.services.daemon import STEP_S, Daemon, log, run
from device.services.mcpservers import McpServers
from device.settings import Settings
from device.tools.mqtt import MqttTools
from device.tools.services import MCP_SERVICE, MQTT_SERVICE, NOT_OF_THE_HOUSE

SETTLE_S = 3.0  # after this long with a broker, what it has not announced does not exist


class HomeDaemon(Daemon):
    """Carries messages between the broker, the live house and the event bus."""

    name = "home"
    _connection: Connection | None = None
    _mcp: McpServers | None = None

    def start(self) -> None:
        """Looks for the broker; a house that cannot be reached is no reason not to start."""
        self._dialog, self._muted = "idle", False
        self._remembered: set[str] = set()  # entities that an earlier run told the hub of
        self._settled_at = float("inf")
        self._told = ""
        self._begun: deque[str] = deque(maxlen=64)  # call ids; events may arrive twice
        self._timers: dict[str, TimerChanged] = {}
        self._enter_house()

    def step(self) -> None:
        """Waits for events and messages, handles the messages."""
        now = time.monotonic()
        connection = self._connection
        for event in self._mcp.poll() if self._mcp else ():
            self.bus.send(event)
        mcp = (self._mcp.fileno(),) if self._mcp else ()
        wait_s = max(0.0, min(STEP_S, self._calls.next_due() - now, self._tools.next_due() - now))
        if connection is None:
            self.bus.wait(wait_s, *mcp)
            return
        self.bus.wait(0 if connection.has_more else wait_s, *connection.descriptors(), *mcp)
        for happened in connection.step():
            self._handle(happened, time.monotonic())
        now = time.monotonic()
        self._tell(self._house.tick(now), now, is_news=True)
        self._calls.tick(now)
        self._tools.tick(now)
        if now >= self._settled_at:
            self._settle()

    def on_event(self, event: Event) -> None:
        """Carries out calls; shows what Wren is doing."""
        match event:
            case ToolCalled() if event.tool in NOT_OF_THE_HOUSE:
                pass
            case ToolCalled() if event.call_id not in self._begun:
                self._begun.append(event.call_id)
                self._begin(event)
            case DialogState():
                self._dialog = event.state
                self._publish(self._own.dialog(event.state))
            case AudioState() if event.muted != self._muted:
                self._muted = event.muted
                self._publish(self._own.mute(muted=event.muted))
            case TimerChanged():
                self._timers[event.timer_id] = event
                self._show_timers()
            case HomeEntity() if event.entity is not None:
                self._remembered.add(event.entity_id)
            case _:
                pass

    def on_settings(self, settings: Settings) -> None:
        """Takes over names at once; another broker, id or prefix means a new connection and a new house."""
        before, self.settings = self.settings, settings
        home = settings.home
        self._calls.confirm_s = home.confirm_ms / 1000
        place = (home.broker, home.password_file, home.discovery_prefix, settings.device, settings.tools)
        if place == (
            before.home.broker,
            before.home.password_file,
            before.home.discovery_prefix,
            before.device,
            before.tools,
        ):
            self._tell(self._house.rename(home.areas, home.aliases), time.monotonic(), is_news=False)
            return
        self._calls.abandon(time.monotonic())
        self._tools.disconnected()
        for name in self._house.things:
            self.bus.send(HomeEntity(entity_id=name, entity=None))
        self.close()
        self._enter_house()

    def close(self) -> None:
        """Hangs up."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._mcp is not None:
            self._mcp.close()
            self._mcp = None

    def _enter_house(self) -> None:
        home = self.settings.home
        self._own = OwnDevice(self.settings.device, home.discovery_prefix)
        self._house = LiveHouse(home.discovery_prefix, home.areas, home.aliases)
        if self.settings.tools.mcp:
            self._mcp = McpServers(self.settings.tools.mcp)
        self._tools = MqttTools(self.settings.tools.mqtt, self._publish, self.bus.send)
        self._calls = Calls(self._house.things, self._publish, self.bus.send, home.confirm_ms / 1000)
        try:
            self._broker = broker.parse(home.broker, home.password_file)
        except Fault as fault:
            self.failed(fault.message, fault.hint)
            self._show(connected=False, address="", reason=str(fault))
            return
        self._connection = Connection(self._broker, f"wren-{self.settings.device.id}", self._own.will)
        self._show(connected=False, address=str(self._broker), reason="connecting")

    def _begin(self, called: ToolCalled) -> None:
        if called.tool == MCP_SERVICE and self._mcp is not None:
            self._mcp.begin(called)
        elif called.tool == MQTT_SERVICE:
            self._tools.begin(called, time.monotonic())
        else:
            self._calls.begin(called, time.monotonic())

    def _handle(self, happened: Incoming, now: float) -> None:
        match happened:
            case Connected():
                self._greet(now)
            case Lost(reason=reason):
                self._settled_at = float("inf")
                self._calls.disconnected(now)
                self._tools.disconnected()
                self._show(connected=False, address=str(self._broker), reason=reason)
            case Acked(number=number, code=code):
                self._calls.acked(number, code, now)
                self._tools.acked(number, code, now)
            case Received():
                self._receive(happened, now)

    def _greet(self, now: float) -> None:
        """Subscribes before anything is sent, so that no confirmation is missed."""
        if self._connection is not None:
            filters = topic_filters(self.settings.home.discovery_prefix)
            self._connection.subscribe([*filters, *self._own.command_topics])
            self._connection.subscribe({*self._house.topics, *self._tools.topics})
        for message in (
            self._own.announcement(),
            self._own.online,
            self._own.dialog(self._dialog),
            self._own.mute(muted=self._muted),
        ):
            self._publish(message)
        self._show_timers()
        self._calls.connected(now)
        self._tools.connected()
        self._settled_at = now + SETTLE_S
        self._show(connected=True, address=str(self._broker))

    def _receive(self, message: Received, now: float) -> None:
        if message.topic in self._tools.topics:
            self._tools.receive(message.topic, message.payload, now, is_news=not message.retained)
        if message.topic in self._own.command_topics:
            command = None if message.retained else self._own.command(message.topic, message.payload)
            if command is not None:
                self.bus.send(command)
        elif not is_discovery(message.topic, self.settings.home.discovery_prefix):
            self._tell(
                self._house.receive(message.topic, message.payload, now), now, is_news=not message.retained
            )
        elif message.topic != self._own.discovery_topic:
            self._tell(self._house.announce(message.topic, message.payload), now, is_news=False)

    def _tell(self, changes: Changes, now: float, *, is_news: bool) -> None:
        for problem in changes.problems:
            log.warning("ignored a message", extra={"problem": problem})
        if self._connection is not None:
            self._connection.unsubscribe(set(changes.unsubscribe) - self._tools.topics)
            self._connection.subscribe(changes.subscribe)
        for name, entity in changes.entities.items():
            self.bus.send(HomeEntity(entity_id=name, entity=entity))
            if entity is None:
                self._calls.changed(name, now, is_news=True)
        for name, state in changes.states.items():
            self.bus.send(HomeChanged(entity_id=name, state=state))
        for name in changes.heard:
            self._calls.changed(name, now, is_news=is_news)

    def _settle(self) -> None:
        self._settled_at = float("inf")
        for name in self._remembered - self._house.things.keys():
            self.bus.send(HomeEntity(entity_id=name, entity=None))
        self._remembered.clear()
        self.status(f"{len(self._house.things)} entities at {self._broker}")

    def _show_timers(self) -> None:
        for message in self._own.timers(self._timers.values()):
            self._publish(message)

    def _publish(self, message: Publish, expiry_s: int = 0) -> int | None:
        return self._connection.publish(message, expiry_s) if self._connection is not None else None

    def _show(self, *, connected: bool, address: str, reason: str = "") -> None:
        """Tells of the connection when there is something new to tell."""
        if (told := f"{connected} {address} {reason}") == self._told:
            return
        self._told = told
        log.info("broker connection", extra={"connected": connected, "broker": address, "reason": reason})
        self.bus.send(HomeConnection(connected=connected, broker=address, reason=reason))


if __name__ == "__main__":
    sys.exit(run(HomeDaemon))

"""How Wren itself appears on MQTT: a device with its dialog state, a mute switch, a text field and timers.

| topic                    | direction | payload                                          |
|--------------------------|-----------|--------------------------------------------------|
| `wren/<id>/status`       | out       | `online`, `offline` (retained; last will)        |
| `wren/<id>/state`        | out       | dialog state, such as `listening` (retained)     |
| `wren/<id>/mute`         | out       | `ON` while the microphone is muted (retained)    |
| `wren/<id>/mute/set`     | in        | `ON`, `OFF`                                      |
| `wren/<id>/text/set`     | in        | a request, as if it had been spoken              |
| `wren/<id>/timer/state`  | out       | all timers, alarms and reminders, JSON (retained)|
| `wren/<id>/timer/ringing`| out       | `ON` while one rings (retained)                  |
| `wren/<id>/timer/start/set`  | in    | seconds, or `{"seconds": 300, "name": "pasta"}`  |
| `wren/<id>/timer/cancel/set` | in    | the id of a timer                                |
| `wren/<id>/timer/stop/set`   | in    | anything: what rings is stopped                  |
"""

from __future__ import annotations

import typing
import uuid
from collections.abc import Iterable

import msgspec

from device.events import DialogState, Event, MicrophoneMuted, TextRequested, TimerChanged, ToolCalled
from device.home.plans import Publish
from device.settings import Device

TEXT_CHARACTERS = 255
_CALLS = {"start": "timer_start", "cancel": "timer_cancel", "stop": "ring_stop"}


class _Start(msgspec.Struct, frozen=True):
    """What `timer/start/set` takes."""

    seconds: float
    name: str = ""


class OwnDevice:
    """Wren's own topics, announcement and commands. Pure."""

    def __init__(self, device: Device, prefix: str) -> None:
        self._device = device
        self._base = f"wren/{device.id}"
        self.discovery_topic = f"{prefix}/device/wren-{device.id}/config"
        self.will = Publish(f"{self._base}/status", "offline", retain=True)
        self.online = Publish(f"{self._base}/status", "online", retain=True)
        self._timer_topics = {f"{self._base}/timer/{word}/set": _CALLS[word] for word in _CALLS}
        self.command_topics = (f"{self._base}/mute/set", f"{self._base}/text/set", *self._timer_topics)

    def announcement(self) -> Publish:
        """Device-based discovery of this Wren."""
        states = typing.get_args(typing.get_type_hints(DialogState)["state"])
        unique = f"wren_{self._device.id}"
        config = {
            "device": {
                "identifiers": [unique],
                "name": "Wren" if self._device.id == "wren" else f"Wren {self._device.id}",
                "manufacturer": "Wren",
                "suggested_area": self._device.area.replace("_", " ").title(),
            },
            "origin": {"name": "wren"},
            "availability": [{"topic": self.will.topic}],
            "components": {
                "state": {
                    "platform": "sensor",
                    "name": "State",
                    "unique_id": f"{unique}_state",
                    "device_class": "enum",
                    "options": states,
                    "state_topic": f"{self._base}/state",
                },
                "mute": {
                    "platform": "switch",
                    "name": "Mute",
                    "unique_id": f"{unique}_mute",
                    "state_topic": f"{self._base}/mute",
                    "command_topic": f"{self._base}/mute/set",
                },
                "text": {
                    "platform": "text",
                    "name": "Request",
                    "unique_id": f"{unique}_text",
                    "max": TEXT_CHARACTERS,
                    "command_topic": f"{self._base}/text/set",
                },
                "ringing": {
                    "platform": "binary_sensor",
                    "name": "Ringing",
                    "unique_id": f"{unique}_ringing",
                    "state_topic": f"{self._base}/timer/ringing",
                },
                "stop_ringing": {
                    "platform": "button",
                    "name": "Stop ringing",
                    "unique_id": f"{unique}_stop_ringing",
                    "command_topic": f"{self._base}/timer/stop/set",
                },
            },
        }
        return Publish(self.discovery_topic, msgspec.json.encode(config).decode(), retain=True)

    def dialog(self, state: str) -> Publish:
        """The dialog state."""
        return Publish(f"{self._base}/state", state, retain=True)

    def mute(self, *, muted: bool) -> Publish:
        """The state of the mute switch."""
        return Publish(f"{self._base}/mute", "ON" if muted else "OFF", retain=True)

    def timers(self, timers: Iterable[TimerChanged]) -> tuple[Publish, Publish]:
        """All timers, and whether one rings."""
        known = [timer for timer in timers if timer.state != "gone"]
        fields = ("kind", "state", "name", "seconds", "due_s", "remaining_s", "repeats", "skipped")
        rows = [
            {"id": timer.timer_id} | {field: getattr(timer, field) for field in fields} for timer in known
        ]
        rings = any(timer.state == "ringing" for timer in known)
        return (
            Publish(f"{self._base}/timer/state", msgspec.json.encode(rows).decode(), retain=True),
            Publish(f"{self._base}/timer/ringing", "ON" if rings else "OFF", retain=True),
        )

    def command(self, topic: str, payload: bytes) -> Event | None:
        """The event that a command stands for; None when it makes no sense."""
        text = payload.decode("utf-8", "replace").strip()
        if topic in self._timer_topics:
            return _timer_call(self._timer_topics[topic], text)
        if topic == self.command_topics[0] and text in ("ON", "OFF"):
            return MicrophoneMuted(muted=text == "ON")
        if topic == self.command_topics[1] and 0 < len(text) <= TEXT_CHARACTERS:
            return TextRequested(text=text)
        return None


def _timer_call(service: str, text: str) -> ToolCalled | None:
    arguments: dict[str, str | int | float | None] = {}
    if service == "timer_start":
        try:
            wanted = msgspec.json.decode(text, type=_Start | float)
        except msgspec.MsgspecError:
            return None
        start = wanted if isinstance(wanted, _Start) else _Start(wanted)
        arguments = {"entity": start.name, "value": start.seconds}
    elif service == "timer_cancel":
        arguments = {"entity": text}
    return ToolCalled(call_id=f"mqtt.{uuid.uuid4().hex}", tool=service, arguments=arguments)

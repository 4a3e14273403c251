"""How Wren itself appears on MQTT: a device with its dialog state, a mute switch and a text field.

| topic                    | direction | payload                                          |
|--------------------------|-----------|--------------------------------------------------|
| `wren/<id>/status`       | out       | `online`, `offline` (retained; last will)        |
| `wren/<id>/state`        | out       | dialog state, such as `listening` (retained)     |
| `wren/<id>/mute`         | out       | `ON` while the microphone is muted (retained)    |
| `wren/<id>/mute/set`     | in        | `ON`, `OFF`                                      |
| `wren/<id>/text/set`     | in        | a request, as if it had been spoken              |
"""

from __future__ import annotations

import typing

import msgspec

from device.events import DialogState, Event, MicrophoneMuted, TextRequested
from device.home.plans import Publish
from device.settings import Device

TEXT_CHARACTERS = 255


class OwnDevice:
    """Wren's own topics, announcement and commands. Pure."""

    def __init__(self, device: Device, prefix: str) -> None:
        self._device = device
        self._base = f"wren/{device.id}"
        self.discovery_topic = f"{prefix}/device/wren-{device.id}/config"
        self.will = Publish(f"{self._base}/status", "offline", retain=True)
        self.online = Publish(f"{self._base}/status", "online", retain=True)
        self.command_topics = (f"{self._base}/mute/set", f"{self._base}/text/set")

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
            },
        }
        return Publish(self.discovery_topic, msgspec.json.encode(config).decode(), retain=True)

    def dialog(self, state: str) -> Publish:
        """The dialog state."""
        return Publish(f"{self._base}/state", state, retain=True)

    def mute(self, *, muted: bool) -> Publish:
        """The state of the mute switch."""
        return Publish(f"{self._base}/mute", "ON" if muted else "OFF", retain=True)

    def command(self, topic: str, payload: bytes) -> Event | None:
        """The event that a command stands for; None when it makes no sense."""
        text = payload.decode("utf-8", "replace").strip()
        if topic == self.command_topics[0] and text in ("ON", "OFF"):
            return MicrophoneMuted(muted=text == "ON")
        if topic == self.command_topics[1] and 0 < len(text) <= TEXT_CHARACTERS:
            return TextRequested(text=text)
        return None

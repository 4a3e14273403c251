"""The services beyond the house, in the vocabulary of `Call`: service, entity, value.

| service           | entity                      | value                              | carried out by |
|-------------------|-----------------------------|------------------------------------|----------------|
| `timer_start`     | name or ""                  | seconds                            | timers         |
| `alarm_set`       | name or ""                  | local time, ISO 8601; or seconds   | timers         |
| `reminder_set`    | what to be reminded of      | local time, ISO 8601; or seconds   | timers         |
| `timer_cancel`    | timer id                    |                                    | timers         |
| `timer_add`       | timer id                    | seconds, negative to shorten       | timers         |
| `timer_pause`     | timer id                    |                                    | timers         |
| `timer_resume`    | timer id                    |                                    | timers         |
| `ring_stop`       |                             |                                    | timers         |
| `ring_snooze`     |                             | seconds or none                    | timers         |
| `memory_keep`     | the fact                    |                                    | reason         |
| `memory_forget`   | the fact                    |                                    | reason         |
| `memory_clear`    |                             |                                    | reason         |
| `volume`          |                             | percent                            | reason         |
| `speech_speed`    |                             | percent of the voice's own pace    | reason         |
| `microphone_mute` |                             |                                    | reason         |
| `run`             | a tool of the settings file | what was said for `{value}`        | home           |
| `mcp`             | server.tool of an MCP server| its argument, or all as JSON       | home           |
| `handoff`         | the agent that goes on      | the request it goes on with        | reason         |
| `consult`         | the agent that is asked     | what it is asked                   | reason         |
"""

from __future__ import annotations

from typing import Literal

from device.home.persona import AGENT_SERVICES

TIMER_SERVICES = frozenset(
    (
        "timer_start",
        "alarm_set",
        "reminder_set",
        "timer_cancel",
        "timer_add",
        "timer_pause",
        "timer_resume",
        "ring_stop",
        "ring_snooze",
    )
)
MEMORY_SERVICES = frozenset(("memory_keep", "memory_forget", "memory_clear"))
VOICE_SERVICES = frozenset(("volume", "speech_speed", "microphone_mute"))
REASON_SERVICES = MEMORY_SERVICES | VOICE_SERVICES
MQTT_SERVICE, MCP_SERVICE = "run", "mcp"
SERVICES = TIMER_SERVICES | REASON_SERVICES | {MQTT_SERVICE, MCP_SERVICE}
NOT_OF_THE_HOUSE = TIMER_SERVICES | REASON_SERVICES | AGENT_SERVICES

Group = Literal["timers", "memory", "voice", "answers"]
GROUPS: dict[str, Group] = {
    **dict.fromkeys(TIMER_SERVICES, "timers"),
    **dict.fromkeys(MEMORY_SERVICES, "memory"),
    **dict.fromkeys(VOICE_SERVICES, "voice"),
}

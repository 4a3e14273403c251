"""What wren-reason has to do with tools: asks the recogniser, carries out its own calls, words the results.

The timers' state comes from their events, the facts from the memory file, the volume from the settings.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime

from device import settings as settings_module
from device.events import (
    DaemonFailed,
    DialogState,
    Event,
    HomeEntity,
    ListenRequested,
    MicrophoneMuted,
    SettingsChanged,
    TimerChanged,
    ToolCalled,
    ToolOffered,
    ToolResult,
    TurnCancelled,
    TurnCommitted,
    TurnStarted,
)
from device.home.registry import Call
from device.reasoning.router import Perform, Route, Speak
from device.settings import Settings
from device.tools import custom, mcp, measures
from device.tools.memory import Memory
from device.tools.recognise import completed, recall, recognise
from device.tools.request import Spoken, ToolState
from device.tools.services import MQTT_SERVICE, REASON_SERVICES, SERVICES

NOT_DONE = "Sorry, that did not work."
_SHOUT_WORDS = 2
_RING_SERVICES = ("ring_stop", "ring_snooze")


class Toolbox:
    """The tools of one conversation; `send` puts an event on the bus."""

    def __init__(self, settings: Settings, send: Callable[[Event], None]) -> None:
        self._settings, self._send = settings, send
        self._memory = Memory(settings_module.state_dir(settings))
        self._timers: dict[str, TimerChanged] = {}
        self._names: dict[str, str] = {}  # of the things of the house, by id
        self._offers: dict[str, ToolOffered] = {}
        self._custom: dict[str, Spoken] = {}
        self._reported: set[str] = set()
        self._take_up()
        self._unmuted = max(50, round(settings.audio.volume * 100))
        self._dialog = "idle"
        self._ring_turn, self._ring_window_s = -1, 0.0
        self._asking = self._begun = ""  # a sentence that lacks something; and when its answer is being given
        threading.Thread(target=measures.prepare, name="units", daemon=True).start()

    def configure(self, settings: Settings) -> None:
        """Takes over changed settings."""
        is_other = settings.tools != self._settings.tools
        self._settings = settings
        if is_other:
            self._take_up()

    def observe(self, event: Event) -> Event:
        """Follows timers and turns; gives back the event that the conversation shall see.

        While it rings, a turn may begin without a wake word: what is then said counts only when it is about
        the ringing, and everything else was not meant.
        """
        match event:
            case TimerChanged(state="gone"):
                self._timers.pop(event.timer_id, None)
            case TimerChanged():
                self._timers[event.timer_id] = event
            case HomeEntity():
                self._names[event.entity_id] = event.entity.name if event.entity is not None else ""
            case ToolOffered():
                self._offers.pop(event.name, None)
                if event.offered:
                    self._offers[event.name] = event
                self._take_up()
            case ListenRequested():
                is_for_ring = event.about == "ringing"
                self._ring_window_s = time.monotonic() + event.window_ms / 1000 + 1 if is_for_ring else 0
            case TurnStarted():
                is_in_window = self._dialog == "idle" and time.monotonic() < self._ring_window_s
                is_ring_turn = event.cause == "follow_up" and is_in_window
                self._ring_turn = event.turn if is_ring_turn else -1
                self._begun = self._asking if self._dialog == "follow_up" else ""
                self._asking = ""
            case TurnCommitted() if event.turn == self._ring_turn and not self._is_about_ringing(event.text):
                return TurnCancelled(turn=event.turn, reason="not_meant")
            case TurnCancelled() if event.turn == self._ring_turn:
                return TurnCancelled(turn=event.turn, reason="not_meant")
        return event

    def follow(self, action: Event) -> None:
        """The conversation has moved on."""
        if isinstance(action, DialogState):
            self._dialog = action.state

    def route(self, text: str) -> Route | None:
        """What the tools make of `text`; None when it is for the house or the language model.

        Texts may be tried that are not committed: what a sentence lacks is remembered of the last one only.
        """
        self._asking = ""
        now, state, language = datetime.now(), self._state(), self._settings.device.language
        found = recognise(text, now, state, language)
        if self._begun and (found is None or found.asks):
            found = completed(self._begun, text, now, state, language) or found
        if found is None:
            return None
        if found.asks:
            self._asking = text
            return Speak(found.say, "tools", expects_answer=True, group=found.group)
        if found.confirm:
            return Speak(found.say, "tools", expects_answer=True, proposal=found.calls)
        return Perform(found.calls, "tools") if found.calls else Speak(found.say, "tools", group=found.group)

    def otherwise(self, text: str) -> Route | None:
        """What becomes of a text that neither tools nor house understand: remembered facts may answer it.

        A word or two while something rings, to a Wren that was addressed, can only mean that it shall stop:
        of so little sound a recogniser makes "stut" as easily as "stop".
        """
        rings = any(timer.state == "ringing" for timer in self._timers.values())
        if rings and len(text.split()) <= _SHOUT_WORDS:
            return Perform((Call("ring_stop"),), "tools")
        found = recall(text, self._state(), self._settings.device.language)
        return Speak(found.say, "tools", group=found.group) if found else None

    def _state(self) -> ToolState:
        return ToolState(
            timers=tuple(self._timers.values()),
            facts=self._memory.facts(),
            volume=round(self._settings.audio.volume * 100),
            speed=round(self._settings.speech.speed * 100),
            unmuted_volume=self._unmuted,
            house_words=frozenset(word for name in self._names.values() for word in name.lower().split()),
            custom=self._custom,
        )

    def carry_out(self, called: ToolCalled) -> ToolResult | None:
        """Does a call that is done here; None for those of other daemons."""
        if called.tool not in REASON_SERVICES:
            return None
        try:
            said, is_done = self._do(called)
        except OSError as error:
            said, is_done = f"Sorry, I cannot write that down: {error.strerror}.", False
        return called.result("" if is_done else "refused", said=said)

    def report(self, outcomes: Sequence[ToolResult]) -> str:
        """What to say of calls of tools; empty for those of the house."""
        said = [outcome.said or NOT_DONE for outcome in outcomes if outcome.tool in SERVICES]
        return " ".join(dict.fromkeys(said))

    def _do(self, called: ToolCalled) -> tuple[str, bool]:
        entity, value = str(called.arguments.get("entity") or ""), called.arguments.get("value")
        match called.tool:
            case "memory_keep":
                self._memory.keep(entity)
                return "I will remember that.", True
            case "memory_forget":
                is_done = self._memory.forget(entity)
                return ("I have forgotten it.", True) if is_done else ("I did not know that.", False)
            case "memory_clear":
                self._memory.clear()
                return "I have forgotten everything.", True
            case "microphone_mute":
                self._send(MicrophoneMuted(muted=True))
                return "The microphone is off. Press the button to turn it on again.", True
            case "volume" if isinstance(value, int | float):
                self._unmuted = round(self._settings.audio.volume * 100) or self._unmuted
                said = f"The volume is {value:g} percent." if value else "I am mute."
                return self._adjust("audio.volume", value / 100, said)
            case "speech_speed" if isinstance(value, int | float):
                faster = value / 100 > self._settings.speech.speed
                said = "I speak faster now." if faster else "I speak more slowly now."
                return self._adjust(
                    "speech.speed", value / 100, "I speak normally." if value == 100 else said
                )
            case _:
                return NOT_DONE, False

    def _adjust(self, name: str, value: float, said: str) -> tuple[str, bool]:
        settings_module.adjust(self._settings, {name: value})
        self._settings = settings_module.load()
        section, _, field = name.partition(".")
        if getattr(getattr(self._settings, section), field) != value:
            return "That is fixed by the settings of this device.", False
        self._send(SettingsChanged())
        return said, True

    def _take_up(self) -> None:
        """Takes the sentences of the settings and of what MCP servers offer; tells once of each mistake."""
        tools = self._settings.tools
        mqtt = {
            name: Spoken(
                service=MQTT_SERVICE,
                sentences=tool.sentences,
                description=tool.description or name.replace("_", " "),
                ask_first=tool.ask_first,
            )
            for name, tool in tools.mqtt.items()
        }
        self._custom, problems = custom.usable(mqtt | mcp.spoken(self._offers.values(), tools.mcp))
        for problem in problems:
            if problem not in self._reported:
                self._reported.add(problem)
                self._send(DaemonFailed(daemon="reason", reason=problem, hint="correct them in the settings"))

    def _is_about_ringing(self, text: str) -> bool:
        found = self.route(text)
        return isinstance(found, Perform) and all(call.service in _RING_SERVICES for call in found.calls)

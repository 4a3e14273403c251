"""Tools of the settings file under way: one message each, done when the confirmation topic says so. Pure.

A call is done when, after the broker has taken the message, news on the confirmation topic are what they must
be, or when what was last heard there is that already. Without a confirmation topic the broker's
acknowledgement ends the call, and only that the message was sent is said. Nothing is kept for later: without
a connection, or when it breaks, a call is `unreachable`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import msgspec

from device.events import ToolCalled, ToolError, ToolResult
from device.home.plans import Publish
from device.home.registry import Value
from device.settings import MqttTool

SENT = "I have sent it."
_WORDS = {
    "no_answer": "I have sent it, but nothing confirmed it.",
    "unreachable": "The house cannot be reached at the moment.",
    "refused": "That was refused.",
}
_FIRST_FAILURE = 0x80
_NO_TOPIC = frozenset("+#\0")  # a message goes to one topic


class _Pending(msgspec.Struct, eq=False):
    called: ToolCalled
    tool: MqttTool
    wanted: str  # on the confirmation topic; "" for anything
    began: float
    number: int
    acked: bool = False


class MqttTools:
    """`publish(message, expiry_s)` gives a number or None; `result` is called once for every call."""

    def __init__(
        self,
        tools: Mapping[str, MqttTool],
        publish: Callable[[Publish, int], int | None],
        result: Callable[[ToolResult], None],
    ) -> None:
        self._tools, self._publish, self._result = tools, publish, result
        self.topics = frozenset(tool.confirm_topic for tool in tools.values() if tool.confirm_topic)
        self._heard: dict[str, str] = {}
        self._pending: list[_Pending] = []
        self._connected = False

    def next_due(self) -> float:
        """When `tick` has something to do; infinity when no call is under way."""
        return min((_deadline(call) for call in self._pending), default=math.inf)

    def begin(self, called: ToolCalled, now: float) -> None:
        """Sends the message of a tool, or refuses."""
        tool = self._tools.get(str(called.arguments.get("entity") or ""))
        value = called.arguments.get("value")
        if tool is None or (value is None and _needs_value(tool)):
            self._answer(called, "refused", _WORDS["refused"], 0.0)
            return
        topic = _filled(tool.topic, value)
        if not topic or set(topic) & _NO_TOPIC:
            self._answer(called, "refused", _WORDS["refused"], 0.0)
            return
        expiry_s = max(1, math.ceil(tool.confirm_ms / 1000))
        number = self._publish(Publish(topic, _filled(tool.payload, value)), expiry_s)
        if number is None or not self._connected:
            self._answer(called, "unreachable", _WORDS["unreachable"], 0.0)
            return
        self._pending.append(_Pending(called, tool, _filled(tool.confirm_payload, value), now, number))

    def acked(self, number: int, code: int, now: float) -> None:
        """Takes the broker's answer to a message."""
        for call in [call for call in self._pending if call.number == number]:
            call.acked = True
            if code >= _FIRST_FAILURE:
                self._finish(call, "refused", _WORDS["refused"], now)
            elif not call.tool.confirm_topic:
                self._finish(call, "", SENT, now)
            elif call.wanted and _is_same(self._heard.get(call.tool.confirm_topic, ""), call.wanted):
                self._finish(call, "", call.tool.reply, now)

    def receive(self, topic: str, payload: bytes, now: float, *, is_news: bool) -> None:
        """Takes a message on a confirmation topic; `is_news` unless the broker only remembers it."""
        text = payload.decode("utf-8", "replace").strip()
        self._heard[topic] = text
        for call in [call for call in self._pending if call.tool.confirm_topic == topic]:
            if _is_same(text, call.wanted) if call.wanted else is_news:
                self._finish(call, "", call.tool.reply, now)

    def connected(self) -> None:
        """There is a connection; what was heard before it may have changed."""
        self._connected = True
        self._heard.clear()

    def disconnected(self) -> None:
        """Ends what is under way."""
        self._connected = False
        for call in list(self._pending):
            self._finish(call, "unreachable", _WORDS["unreachable"], call.began)

    def tick(self, now: float) -> None:
        """Ends what took too long."""
        for call in [call for call in self._pending if now >= _deadline(call)]:
            self._finish(call, "no_answer", _WORDS["no_answer"], now)

    def _finish(self, call: _Pending, error: ToolError, said: str, now: float) -> None:
        self._pending.remove(call)
        self._answer(call.called, error, said, (now - call.began) * 1000)

    def _answer(self, called: ToolCalled, error: ToolError, said: str, took_ms: float) -> None:
        self._result(called.result(error, said=said, took_ms=took_ms))


def _deadline(call: _Pending) -> float:
    return call.began + call.tool.confirm_ms / 1000


def _needs_value(tool: MqttTool) -> bool:
    return any(slot in text for slot in ("{value}", "{text}") for text in (tool.topic, tool.payload))


def _filled(template: str, value: Value | None) -> str:
    text = "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
    return template.replace("{value}", text).replace("{text}", text)


def _is_same(heard: str, wanted: str) -> bool:
    """The same text, or the same number."""
    try:
        return heard == wanted or float(heard) == float(wanted)
    except ValueError:
        return False

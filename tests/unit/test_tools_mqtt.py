"""Tools of the settings file on MQTT: done only after their confirmation, never late."""

from __future__ import annotations

from typing import Any

import pytest

from device.events import ToolCalled, ToolResult
from device.home.plans import Publish
from device.settings import MqttTool
from device.tools.mqtt import SENT, MqttTools

TOOLS = {
    "gate": MqttTool(sentences=("x",), topic="gate/set", payload="OPEN", confirm_topic="gate/state", confirm_payload="open", reply="The gate is open."),
    "pump": MqttTool(sentences=("x",), topic="pump/set", payload='{"level": {value}}', confirm_topic="pump/level", confirm_payload="{value}"),
    "bell": MqttTool(sentences=("x",), topic="bell/ring"),
    "any": MqttTool(sentences=("x",), topic="any/set", confirm_topic="any/state"),
    "wild": MqttTool(sentences=("x",), topic="rooms/{text}/say"),
}  # fmt: skip


class Rig:
    def __init__(self) -> None:
        self.sent: list[Publish] = []
        self.results: list[ToolResult] = []
        self.tools = MqttTools(TOOLS, self._publish, self.results.append)
        self.tools.connected()

    def _publish(self, message: Publish, expiry_s: int) -> int:
        assert expiry_s >= 1
        self.sent.append(message)
        return len(self.sent)

    def begin(self, name: str, value: Any = None) -> None:
        self.tools.begin(ToolCalled(call_id="1", tool="run", arguments={"entity": name, "value": value}), 0.0)

    @property
    def outcome(self) -> tuple[bool, str, str] | None:
        assert len(self.results) <= 1
        return (self.results[0].ok, self.results[0].error, self.results[0].said) if self.results else None


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_the_acknowledgement_alone_does_not_make_it_done(rig: Rig) -> None:
    rig.begin("gate")
    rig.tools.acked(1, 0, 0.1)
    rig.tools.receive("gate/state", b"opening", 0.2, is_news=True)
    assert (rig.sent, rig.outcome) == ([Publish("gate/set", "OPEN")], None)
    rig.tools.receive("gate/state", b"open", 0.3, is_news=True)
    assert rig.outcome == (True, "", "The gate is open.")


def test_without_a_confirmation_in_time_it_is_not_done(rig: Rig) -> None:
    rig.begin("gate")
    rig.tools.acked(1, 0, 0.1)
    rig.tools.tick(1.9)
    assert rig.outcome is None
    assert rig.tools.next_due() == 2.0
    rig.tools.tick(2.0)
    assert rig.outcome == (False, "no_answer", "I have sent it, but nothing confirmed it.")


def test_what_is_so_already_is_confirmed_when_the_broker_has_the_message(rig: Rig) -> None:
    rig.tools.receive("gate/state", b"open", 0.0, is_news=False)
    rig.begin("gate")
    assert rig.outcome is None
    rig.tools.acked(1, 0, 0.1)
    assert rig.outcome == (True, "", "The gate is open.")


def test_a_value_goes_into_payload_and_confirmation_and_numbers_compare_as_such(rig: Rig) -> None:
    rig.begin("pump", 40)
    assert rig.sent == [Publish("pump/set", '{"level": 40}')]
    rig.tools.receive("pump/level", b"39", 0.1, is_news=True)
    assert rig.outcome is None
    rig.tools.receive("pump/level", b"40.0", 0.2, is_news=True)
    assert rig.outcome == (True, "", "Done.")


def test_any_news_will_do_where_no_payload_is_named_but_no_memory_of_the_broker(rig: Rig) -> None:
    rig.begin("any")
    rig.tools.receive("any/state", b"1", 0.1, is_news=False)
    assert rig.outcome is None
    rig.tools.receive("any/state", b"1", 0.2, is_news=True)
    assert rig.outcome == (True, "", "Done.")


def test_without_a_confirmation_topic_only_sending_is_claimed(rig: Rig) -> None:
    rig.begin("bell")
    rig.tools.acked(1, 0, 0.1)
    assert rig.outcome == (True, "", SENT)


@pytest.mark.parametrize(
    ("name", "value"), [("nothing", None), ("pump", None), ("wild", "a/+"), ("wild", "#")]
)
def test_what_cannot_be_sent_is_refused(rig: Rig, name: str, value: Any) -> None:
    rig.begin(name, value)
    assert (rig.sent, rig.outcome) == ([], (False, "refused", "That was refused."))


def test_a_lost_connection_ends_a_call_and_nothing_fires_late(rig: Rig) -> None:
    rig.begin("gate")
    rig.tools.disconnected()
    rig.tools.connected()
    rig.tools.receive("gate/state", b"open", 0.3, is_news=True)
    assert rig.outcome == (False, "unreachable", "The house cannot be reached at the moment.")
    assert len(rig.sent) == 1


def test_a_broker_that_denies_the_message_is_believed(rig: Rig) -> None:
    rig.begin("gate")
    rig.tools.acked(1, 0x87, 0.1)
    assert rig.outcome == (False, "refused", "That was refused.")

"""Timers and tools of the settings file on a real broker, through the home daemon."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from device.events import TimerChanged, ToolCalled
from tests.broker import MosquittoBroker
from tests.home_rig import HomeRig, Outsider, wait_for

GATE = """
[tools.mqtt.gate]
sentences = ["open the gate"]
topic = "gate/set"
payload = "OPEN"
confirm_topic = "gate/state"
confirm_payload = "open"
confirm_ms = 500
reply = "The gate is open."
"""


@pytest.fixture
def rig(broker: MosquittoBroker, outsider: Outsider, tmp_path: Path) -> Iterator[HomeRig]:
    rig = HomeRig(tmp_path / "run", broker.url, GATE)
    rig.until(lambda: rig.connected, "the connection")
    wait_for(lambda: outsider.newest("wren/wren/status") == "online", "Wren is online")
    yield rig
    rig.stop()


def test_timers_are_shown_and_commanded_on_the_broker(rig: HomeRig, outsider: Outsider) -> None:
    assert outsider.newest("wren/wren/timer/state") == "[]"
    egg = TimerChanged(timer_id="1", kind="timer", state="running", name="egg", seconds=300, due_s=1e9)
    rig.bus.send(egg)
    wait_for(lambda: "egg" in str(outsider.newest("wren/wren/timer/state")), "the timer")
    (row,) = json.loads(outsider.newest("wren/wren/timer/state") or "")
    assert (row["id"], row["state"], row["seconds"]) == ("1", "running", 300)
    rig.bus.send(TimerChanged(timer_id="1", kind="timer", state="ringing", name="egg"))
    wait_for(lambda: outsider.newest("wren/wren/timer/ringing") == "ON", "the ring")
    rig.bus.send(TimerChanged(timer_id="1", kind="timer", state="gone"))
    wait_for(lambda: outsider.newest("wren/wren/timer/ringing") == "OFF", "the end")
    assert outsider.newest("wren/wren/timer/state") == "[]"
    outsider.say("wren/wren/timer/start/set", '{"seconds": 90, "name": "tea"}')
    outsider.say("wren/wren/timer/start/set", "60")
    outsider.say("wren/wren/timer/start/set", "soon")
    outsider.say("wren/wren/timer/cancel/set", "1")
    outsider.say("wren/wren/timer/stop/set", "")
    rig.until(lambda: any(call.tool == "ring_stop" for call in rig.of(ToolCalled)), "the commands")
    assert [(call.tool, call.arguments) for call in rig.of(ToolCalled)] == [
        ("timer_start", {"entity": "tea", "value": 90.0}),
        ("timer_start", {"entity": "", "value": 60.0}),
        ("timer_cancel", {"entity": "1"}),
        ("ring_stop", {}),
    ]
    assert len({call.call_id for call in rig.of(ToolCalled)}) == 4


def test_a_tool_of_the_settings_is_done_when_its_topic_confirms(
    rig: HomeRig, outsider: Outsider, broker: MosquittoBroker
) -> None:
    silent = rig.ask("run", "gate")
    assert (silent.ok, silent.error) == (False, "no_answer")
    name = rig.call("run", "gate")
    wait_for(lambda: outsider.newest("gate/set") == "OPEN", "the message")
    outsider.say("gate/state", "open")
    rig.until(lambda: rig.results(name), "the result")
    (done,) = rig.results(name)
    assert (done.ok, done.said) == (True, "The gate is open.")
    broker.stop()
    rig.until(lambda: not rig.connected, "the broker's end")
    lost = rig.ask("run", "gate")
    assert (lost.ok, lost.error) == (False, "unreachable")


def test_calls_for_other_daemons_are_none_of_the_house(rig: HomeRig) -> None:
    name = rig.call("timer_start", "egg", 60)
    last = rig.ask("turn_on", "light.nowhere")
    assert last.error == "refused"
    assert rig.results(name) == []

"""Calls under way: one result each, in time, whatever broker and device do meanwhile."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from device.events import ToolCalled, ToolResult
from device.home.calls import MOVING_S, Calls
from device.home.house import LiveHouse
from device.home.plans import Publish

HEARD, UNHEARD, DENIED = 0x00, 0x10, 0x87
CONFIRM_S = 2.0

DEVICES = {
    "light/lamp": {
        "name": "Lamp",
        "command_topic": "l/set",
        "state_topic": "l",
        "availability_topic": "l/up",
    },
    "button/bell": {"name": "Bell", "command_topic": "b/set"},
    "lock/door": {"name": "Door", "command_topic": "k/set", "state_topic": "k"},
}


class Bench:
    """A house with a lamp, a bell and a lock, and a broker that does what the test says."""

    def __init__(self) -> None:
        self.house = LiveHouse("ha", {}, {})
        for topic, config in DEVICES.items():
            self.house.announce(f"ha/{topic}/config", json.dumps(config).encode())
        self.sent: list[tuple[int, Publish, int]] = []
        self.results: list[ToolResult] = []
        self.online = False
        self.now = 100.0
        self.calls = Calls(self.house.things, self._publish, self.results.append, CONFIRM_S)
        self.connect()

    def _publish(self, message: Publish, expiry_s: int) -> int | None:
        if not self.online:
            return None
        self.sent.append((len(self.sent), message, expiry_s))
        return len(self.sent) - 1

    def connect(self) -> None:
        self.online = True
        self.calls.connected(self.now)

    def disconnect(self) -> None:
        self.online = False
        self.calls.disconnected(self.now)

    def call(self, tool: str = "turn_on", entity: str = "light.lamp") -> None:
        name = f"c{self.now}-{len(self.sent)}-{len(self.results)}"
        self.calls.begin(ToolCalled(call_id=name, tool=tool, arguments={"entity": entity}), self.now)

    def ack(self, code: int = HEARD, number: int = -1) -> None:
        self.calls.acked(self.sent[number][0], code, self.now)

    def say(self, topic: str, payload: str, *, retained: bool = False) -> None:
        for name in self.house.receive(topic, payload.encode(), self.now).heard:
            self.calls.changed(name, self.now, is_news=not retained)

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.calls.tick(self.now)

    @property
    def errors(self) -> list[str]:
        return [result.error or "ok" for result in self.results]


def test_a_call_is_done_when_the_device_says_so() -> None:
    bench = Bench()
    bench.call()
    bench.ack()
    assert bench.errors == []
    bench.now += 0.12
    bench.say("l", "ON")
    assert bench.errors == ["ok"]
    assert bench.results[0].confirm_ms == 120
    assert bench.results[0].state == bench.house.things["light.lamp"].state


def test_a_device_that_is_there_already_need_not_repeat_itself() -> None:
    bench = Bench()
    bench.say("l", "ON")
    bench.call()
    assert bench.errors == []
    bench.ack()
    assert bench.errors == ["ok"]


def test_what_the_broker_remembers_confirms_nothing_before_it_took_the_message() -> None:
    bench = Bench()
    bench.call()
    bench.say("l", "ON", retained=True)
    assert bench.errors == []
    bench.ack()
    assert bench.errors == ["ok"]


def test_a_silent_device_gave_no_answer() -> None:
    bench = Bench()
    bench.call()
    bench.ack()
    bench.wait(CONFIRM_S - 0.1)
    assert bench.errors == []
    bench.wait(0.2)
    assert bench.errors == ["no_answer"]


def test_a_silent_broker_is_unreachable() -> None:
    bench = Bench()
    bench.call()
    bench.wait(CONFIRM_S)
    assert bench.errors == ["unreachable"]


def test_without_a_connection_nothing_is_sent_and_nothing_is_kept() -> None:
    bench = Bench()
    bench.disconnect()
    bench.call()
    assert bench.errors == ["unreachable"]
    bench.connect()
    assert bench.sent == []


def test_a_call_in_flight_is_sent_again_when_the_connection_is_back() -> None:
    bench = Bench()
    bench.call()
    bench.disconnect()
    bench.wait(0.5)
    bench.connect()
    assert [message.payload for _, message, _ in bench.sent] == ["ON", "ON"]
    bench.ack()
    bench.say("l", "ON")
    assert bench.errors == ["ok"]


def test_a_call_whose_time_is_over_is_not_sent_again() -> None:
    bench = Bench()
    bench.call()
    bench.disconnect()
    bench.wait(CONFIRM_S)
    bench.connect()
    assert bench.errors == ["unreachable"]
    assert len(bench.sent) == 1


def test_an_unacknowledged_press_is_not_repeated() -> None:
    bench = Bench()
    bench.call("press", "button.bell")
    bench.disconnect()
    bench.connect()
    assert bench.errors == ["unreachable"]
    assert len(bench.sent) == 1


def test_a_press_that_nobody_heard_may_be_repeated_on_the_next_connection() -> None:
    bench = Bench()
    bench.call("press", "button.bell")
    bench.ack(UNHEARD)
    bench.disconnect()
    bench.wait(0.5)
    bench.connect()
    bench.ack(HEARD)
    assert bench.errors == ["ok"]
    assert len(bench.sent) == 2


def test_what_nobody_heard_is_sent_again_until_somebody_does() -> None:
    bench = Bench()
    bench.call("press", "button.bell")
    for _ in range(3):
        bench.ack(UNHEARD)
        bench.wait(0.3)
    assert len(bench.sent) == 4
    bench.ack(HEARD)
    bench.wait(1)
    assert bench.errors == ["ok"]
    assert len(bench.sent) == 4


def test_a_device_that_nobody_is_gave_no_answer() -> None:
    bench = Bench()
    bench.call()
    while not bench.results:
        bench.ack(UNHEARD)
        bench.wait(0.3)
    assert bench.errors == ["no_answer"]


def test_messages_expire_with_their_call() -> None:
    bench = Bench()
    bench.call()
    bench.disconnect()
    bench.wait(1.5)
    bench.connect()
    assert [expiry for _, _, expiry in bench.sent] == [2, 1]


def test_a_lock_that_moves_gets_more_time() -> None:
    bench = Bench()
    bench.call("lock", "lock.door")
    bench.ack()
    bench.say("k", "LOCKING")
    bench.wait(CONFIRM_S + 3)
    assert bench.errors == []
    bench.say("k", "LOCKED")
    assert bench.errors == ["ok"]


def test_a_lock_that_jams_refused() -> None:
    bench = Bench()
    bench.say("k", "JAMMED")
    bench.call("lock", "lock.door")
    bench.ack()
    assert bench.errors == [], "it was jammed before; this try is not judged by that"
    bench.say("k", "JAMMED")
    assert bench.errors == ["refused"]


def test_a_device_that_is_offline_is_not_even_asked() -> None:
    bench = Bench()
    bench.say("l/up", "offline")
    bench.call()
    assert bench.errors == ["unavailable"]
    assert bench.sent == []


def test_a_device_that_goes_offline_ends_its_call_unless_that_is_only_remembered() -> None:
    bench = Bench()
    bench.call()
    bench.ack()
    bench.say("l/up", "offline", retained=True)
    assert bench.errors == []
    bench.say("l/up", "offline")
    assert bench.errors == ["unavailable"]


def test_a_broker_that_denies_and_calls_without_sense_are_refused() -> None:
    bench = Bench()
    bench.call()
    bench.ack(DENIED)
    bench.call("turn_on", "light.moon")
    bench.call("brightness", "light.lamp")
    bench.call("lock", "light.lamp")
    assert bench.errors == ["refused"] * 4
    assert len(bench.sent) == 1


def test_get_tells_the_state_that_is_known() -> None:
    bench = Bench()
    bench.call("get")
    bench.say("l", "OFF")
    bench.call("get")
    assert bench.errors == ["no_answer", "ok"]
    assert bench.results[1].state is not None
    assert bench.results[1].state.value == "off"


happenings = st.lists(
    st.sampled_from(
        [
            *("on", "off", "press", "lock", "get", "nonsense"),
            *("heard", "unheard", "denied", "disconnect", "connect"),
            *("l=ON", "l=OFF", "k=LOCKED", "k=LOCKING", "l/up=offline", "l/up=online", "old", "gone", "back"),
            *("0.1", "0.3", "1", "3"),
        ]
    ),
    max_size=40,
)


@settings(max_examples=400)
@given(happenings=happenings)
def test_every_call_has_exactly_one_result_and_nothing_is_sent_after_it(happenings: list[str]) -> None:
    bench, began = Bench(), dict[str, float]()
    asked = {
        "on": ("turn_on", "light.lamp"),
        "off": ("turn_off", "light.lamp"),
        "press": ("press", "button.bell"),
    }
    asked |= {"lock": ("lock", "lock.door"), "get": ("get", "lock.door"), "nonsense": ("scene", "light.lamp")}
    for number, what in enumerate(happenings):
        match what:
            case "heard" | "unheard" | "denied":
                code = {"heard": HEARD, "unheard": UNHEARD, "denied": DENIED}[what]
                for sent in list(bench.sent):
                    bench.calls.acked(sent[0], code, bench.now)
            case "disconnect" if bench.online:
                bench.disconnect()
            case "connect" if not bench.online:
                bench.connect()
            case "old":
                bench.say("l", "ON", retained=True)
            case "gone":
                for name in bench.house.announce("ha/light/lamp/config", b"").entities:
                    bench.calls.changed(name, bench.now, is_news=True)
            case "back":
                bench.house.announce("ha/light/lamp/config", json.dumps(DEVICES["light/lamp"]).encode())
            case _ if "=" in what:
                bench.say(*what.split("="))
            case _ if what in asked:
                tool, entity = asked[what]
                began[str(number)] = bench.now
                bench.calls.begin(
                    ToolCalled(call_id=str(number), tool=tool, arguments={"entity": entity}), bench.now
                )
            case _ if what[0].isdigit():
                bench.wait(float(what))
        assert all(bench.now - began[name] <= MOVING_S + 3 for name in began.keys() - _answered(bench))
    bench.wait(MOVING_S)
    count = len(bench.sent)
    assert sorted(result.call_id for result in bench.results) == sorted(began)
    bench.disconnect()
    bench.connect()
    bench.wait(10)
    assert len(bench.sent) == count, "nothing fires late"


def _answered(bench: Bench) -> set[str]:
    return {result.call_id for result in bench.results}

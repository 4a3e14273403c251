"""Every daemon killed in the middle of a conversation, and the broker stopped: nobody is left in silence."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from device.console.scenes import simulator_environment
from device.events import (
    DialogState,
    Event,
    PlaybackStarted,
    PlaybackStopped,
    ReplyClause,
    SpeechStarted,
    TurnCommitted,
    WakeDetected,
)
from device.services.stage import DEMO_HOUSE, Stage
from device.services.supervisor import DAEMONS
from tests import voices
from tests.broker import MosquittoBroker

pytestmark = [pytest.mark.models, pytest.mark.timeout(400)]

HEARD_WITHIN_S = 2.0
# without the language model a Wren is up in seconds; the model's own failures have their own tests
NO_MODEL = {"WREN_REASON__MODEL": "false", "WREN_SPEECH__DETERMINISTIC": "true"}


@pytest.fixture(autouse=True)
def _voices() -> None:
    if not voices.available():
        pytest.skip("flite and espeak-ng are not installed; make setup installs them")


def room(files: list[Path], gap_s: float = 1.5) -> dict[str, str]:
    return NO_MODEL | simulator_environment({"mic": [str(file) for file in files], "gap_s": gap_s})


def requests(count: int) -> list[Path]:
    texts = ("Turn on the kitchen light.", "Turn off the kitchen light.")
    return [voices.request(texts[n % 2]) for n in range(count)]


def follow(stage: Stage, until: Callable[[Event], bool], timeout_s: float, name: str) -> list[Event]:
    """Everything up to and including the awaited event."""
    seen: list[Event] = []
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        for event in stage.step():
            seen.append(event)
            if until(event):
                return seen
    raise AssertionError(f"{name} did not happen; the last events were {seen[-12:]}")


def audible(event: Event) -> bool:
    return isinstance(event, PlaybackStarted | PlaybackStopped)


def finished(event: Event) -> bool:
    return isinstance(event, PlaybackStopped) and event.reason == "finished" and event.heard_text != ""


# the moment in a turn at which a daemon's death hurts most
MOMENTS: dict[str, Callable[[Event], bool]] = {
    "hub": lambda e: isinstance(e, TurnCommitted),
    "audio": lambda e: isinstance(e, TurnCommitted),
    "wake": lambda e: isinstance(e, WakeDetected),
    "listen": lambda e: isinstance(e, SpeechStarted),
    "reason": lambda e: isinstance(e, TurnCommitted),
    "home": lambda e: isinstance(e, TurnCommitted),
    "speak": lambda e: isinstance(e, ReplyClause),
    "timers": lambda e: isinstance(e, TurnCommitted),
}


def test_every_daemon_may_be_killed_in_a_turn_and_the_next_request_works(tmp_path: Path) -> None:
    silent: dict[str, float] = {}
    with Stage(
        environment=room(requests(3 * len(DAEMONS))), timeline=tmp_path / "t.jsonl", log=tmp_path / "log"
    ) as stage:
        for name in DAEMONS:
            follow(stage, MOMENTS[name], 40, f"the moment to kill {name}")
            stage.supervisor.kill(name)
            killed = time.monotonic()
            follow(stage, audible, 20, f"a sound after {name} was killed")
            silent[name] = time.monotonic() - killed
            follow(stage, lambda e: isinstance(e, WakeDetected), 60, f"the wake word after {name} was killed")
            follow(stage, finished, 30, f"the answer to the request after {name} was killed")
            assert stage.supervisor.children[name].restarts >= 1
            follow(stage, lambda e: isinstance(e, DialogState) and e.state == "idle", 20, "idle")
    print("seconds of silence after the kill:", {name: round(s, 2) for name, s in silent.items()})
    assert max(silent.values()) <= HEARD_WITHIN_S, silent


def test_without_the_broker_the_conversation_goes_on_and_recovers_by_itself(tmp_path: Path) -> None:
    broker = MosquittoBroker(tmp_path)
    broker.start()
    with Stage(
        environment=room(requests(8), gap_s=2.0), broker=broker.url, house=DEMO_HOUSE, log=tmp_path / "log"
    ) as stage:
        follow(stage, finished, 40, "the first answer")
        broker.stop()
        away = time.monotonic()
        follow(
            stage,
            lambda e: isinstance(e, ReplyClause) and "cannot be reached" in e.text,
            60,
            "an answer that says so",
        )
        while time.monotonic() - away < 10:
            stage.step()
        broker.start()
        back = time.monotonic()
        follow(
            stage,
            lambda e: isinstance(e, ReplyClause) and e.text.startswith("The kitchen light is"),
            60,
            "a confirmed request after the broker came back",
        )
        assert time.monotonic() - back < 30
    broker.stop()

"""Of two things asked for in one sentence one is done and one is not: the person is told which, never "done"."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from device.events import DaemonReady, PlaybackStopped, ReplyClause, ToolResult, TurnCommitted, TurnStarted
from tests.broker import MosquittoBroker
from tests.home_rig import HomeRig, SimulatedHome

SLOW_MS = 60_000  # longer than anybody waits for a confirmation
HOME = f"""
[[device]]
name = "Lamp"
entities = [{{ id = "light.lamp" }}]
[[device]]
name = "Heater"
delay_ms = {SLOW_MS}
entities = [{{ id = "switch.heater" }}]
"""
REQUEST = "turn on the lamp and the heater"


class Conversation:
    """A real reason daemon beside the home daemon of a rig, on a broker with a simulated home."""

    def __init__(self, folder: Path, broker: MosquittoBroker) -> None:
        file = folder / "home.toml"
        file.write_text(HOME)
        self.home = SimulatedHome(file, broker.url)
        self.rig = HomeRig(
            folder / "run", broker.url, "[reason]\nmodel = false\n", WREN_STATE_DIR=str(folder)
        )
        environment = {
            **os.environ,
            "WREN_RUNTIME_DIR": str(folder / "run"),
            "WREN_CONFIG": str(folder / "run" / "wren.toml"),
            "WREN_STATE_DIR": str(folder),
        }
        command = [sys.executable, "-m", "device.services.reason"]
        with (folder / "reason.log").open("wb") as log:
            self.reason = subprocess.Popen(command, env=environment, stderr=log)
        self.rig.until(lambda: len(self.rig.entities) == 2, "the house")
        self.rig.until(lambda: self._is_ready(), "the reason daemon")
        self.turn = 0

    def _is_ready(self) -> bool:
        return any(ready.daemon == "reason" for ready in self.rig.of(DaemonReady))

    def ask(self, text: str) -> None:
        self.turn += 1
        self.rig.bus.send(TurnStarted(turn=self.turn, cause="text"))
        self.rig.bus.send(TurnCommitted(turn=self.turn, text=text))

    def result_of(self, entity: str) -> list[ToolResult]:
        mine = [result for result in self.rig.of(ToolResult) if result.turn == self.turn]
        return [result for result in mine if result.arguments["entity"] == entity]

    def answer(self) -> str:
        """The last word of the turn, which is then heard."""

        def clauses() -> list[ReplyClause]:
            return [clause for clause in self.rig.of(ReplyClause) if clause.turn == self.turn]

        self.rig.until(lambda: any(clause.last for clause in clauses()), "an answer")
        self.rig.bus.send(PlaybackStopped(turn=self.turn, reason="finished"))
        return clauses()[-1].text

    def close(self) -> None:
        self.reason.terminate()
        self.reason.wait(5)
        self.rig.stop()
        self.home.stop()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[MosquittoBroker]:
    with MosquittoBroker(tmp_path) as running:
        yield running


def test_whichever_way_the_second_of_two_fails_the_person_is_told_of_both(
    tmp_path: Path, broker: MosquittoBroker
) -> None:
    talk = Conversation(tmp_path, broker)
    try:
        talk.ask(REQUEST)
        assert talk.answer() == "The lamp is on. The heater did not answer."
        talk.ask("turn off the lamp and turn on the heater")
        talk.rig.until(lambda: talk.result_of("light.lamp"), "the lamp")
        broker.kill()
        assert talk.answer() == "The lamp is off. The heater could not be reached."
        assert [result.ok for result in talk.result_of("light.lamp")] == [True]
        talk.ask(REQUEST)
        assert talk.answer() == "The house cannot be reached at the moment."
    finally:
        talk.close()

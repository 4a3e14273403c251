"""The broker dies again and again while people ask for things: every call ends once, and nothing fires late."""

from __future__ import annotations

import random
import time
from pathlib import Path

from tests.broker import MosquittoBroker
from tests.home_rig import HomeRig, SimulatedHome, Worker, wait_for

KILLS = 5
CONFIRM_S = 1.0

HOME = """
[[device]]
name = "Lamp"
delay_ms = 30
entities = [{ id = "light.lamp" }]
[[device]]
name = "Bell"
entities = [{ id = "button.bell" }]
[[device]]
name = "Heater"
delay_ms = 10
entities = [{ id = "number.heater", minimum = 0, maximum = 1000 }]
"""


def test_every_call_ends_exactly_once_however_often_the_broker_dies(tmp_path: Path) -> None:
    file = tmp_path / "home.toml"
    file.write_text(HOME)
    chance = random.Random(7)
    with MosquittoBroker(tmp_path) as broker:
        home = SimulatedHome(file, broker.url)
        rig = HomeRig(tmp_path / "run", broker.url)
        try:
            rig.until(lambda: len(rig.entities) == 3, "the house")

            def torment(_stopping: object) -> None:
                for _ in range(KILLS):
                    time.sleep(chance.uniform(0.3, 1.0))
                    chance.choice((broker.kill, broker.stop))()
                    time.sleep(chance.uniform(0.0, 0.6))
                    broker.start()

            tormentor = Worker(torment)
            calls, presses, temperature = [], 0, 0
            while tormentor.is_alive:
                temperature += 1
                calls.append(rig.call("set_value", "number.heater", temperature))
                calls.append(rig.call(chance.choice(("turn_on", "turn_off")), "light.lamp"))
                calls.append(rig.call("press", "button.bell"))
                presses += 1
                rig.listen(0.02)
                time.sleep(0.02)
            rig.until(lambda: all(rig.results(call) for call in calls), "all results", CONFIRM_S + 3)
            results = [result for call in calls for result in rig.results(call)]
            assert len(results) == len(calls)
            print(
                f"{len(calls)} calls over {KILLS} broker deaths:",
                _counted([r.error or "ok" for r in results]),
            )
            errors = {result.error for result in results}
            assert {"", "unreachable"} <= errors <= {"", "unreachable", "no_answer", "unavailable"}
            done = [r.arguments["value"] for r in results if r.ok and r.tool == "set_value"]
            heard = {int(line.split()[1]) for line in home.lines if line.startswith("number.heater")}
            assert heard >= set(done), "what is said to be done was done"
            rung = sum(line.startswith("button.bell") for line in home.lines)
            assert sum(r.ok for r in results if r.tool == "press") <= rung <= presses, "no press is repeated"

            wait_for(
                lambda: home.lines[-1].startswith(("ready", "light", "number", "button")), "the home is back"
            )
            rig.until(lambda: rig.connected, "the connection is back")
            lines = len(home.lines)
            rig.listen(CONFIRM_S)
            time.sleep(CONFIRM_S)
            assert home.lines[lines:] == [], "nothing fires late"
            assert rig.ask("turn_on", "light.lamp").ok
        finally:
            rig.stop()
            home.stop()


def _counted(words: list[str]) -> dict[str, int]:
    return {word: words.count(word) for word in sorted(set(words))}

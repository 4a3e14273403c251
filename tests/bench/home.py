"""Figures of the house: time from tool call to confirmed result, start with 1,000 entities, cost of idling.

`python -m tests.bench.home` prints them; a Mosquitto must be installed.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path

import msgspec

from device.events import HomeChanged, HomeEntity
from tests.broker import MosquittoBroker
from tests.home_rig import HomeRig, Outsider, SimulatedHome

CALLS = 200
ENTITIES = 1000
IDLE_S = 5.0
HOME = '[[device]]\nname = "Lamp"\nentities = [{ id = "light.lamp", features = ["dim"] }]\n'


def main() -> None:
    """Prints all figures."""
    folder = Path(tempfile.mkdtemp())
    with MosquittoBroker(folder) as broker:
        _round_trip(folder, broker)
        _start(folder, broker)


def big_house(entities: int) -> dict[str, str | bytes]:
    """Discovery and state messages of that many dimmable lights in 40 areas."""
    messages: dict[str, str | bytes] = {}
    for number in range(entities):
        config = {
            "name": None,
            "schema": "json",
            "cmd_t": f"z/{number}/set",
            "stat_t": f"z/{number}",
            "brightness": True,
            "uniq_id": f"u{number}",
            "avty_t": "z/bridge",
            "dev": {"ids": [f"{number}"], "name": f"Light {number}", "sa": f"Room {number % 40}"},
        }
        messages[f"homeassistant/light/l{number}/config"] = msgspec.json.encode(config)
        messages[f"z/{number}"] = '{"state": "OFF", "brightness": 200}'
    return messages


def processor_seconds(pid: int) -> float:
    """Processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int) -> float:
    """Resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _round_trip(folder: Path, broker: MosquittoBroker) -> None:
    file = folder / "home.toml"
    file.write_text(HOME)
    home = SimulatedHome(file, broker.url)
    rig = HomeRig(folder / "run", broker.url)
    rig.until(lambda: rig.entities, "the lamp")
    took_ms = []
    for number in range(CALLS):
        began = time.perf_counter()
        rig.ask("brightness", "light.lamp", 10 + number % 2 * 80)
        took_ms.append((time.perf_counter() - began) * 1000)
        rig.events = rig.events[:1]
    used = processor_seconds(rig.daemon.pid)
    time.sleep(IDLE_S)
    idle = (processor_seconds(rig.daemon.pid) - used) / IDLE_S
    cuts = statistics.quantiles(took_ms, n=20)
    print(f"tool call to confirmed result, instant device, {CALLS} calls:", end=" ")
    print(f"p50 {statistics.median(took_ms):.1f} ms, p95 {cuts[-1]:.1f} ms, longest {max(took_ms):.1f} ms")
    print(f"idle: {idle * 100:.1f} % of a core, {memory_mb(rig.daemon.pid):.0f} MB")
    rig.stop()
    home.stop()


def _start(folder: Path, broker: MosquittoBroker) -> None:
    outsider = Outsider(broker.port)
    outsider.say_all(big_house(ENTITIES), retain=True)
    outsider.leave()
    began = time.monotonic()
    rig = HomeRig(folder / "run2", broker.url)
    rig.until(lambda: len(rig.of(HomeChanged)) == len(rig.of(HomeEntity)) == ENTITIES, "the house", 60)
    took_s, pid = time.monotonic() - began, rig.daemon.pid
    print(f"{ENTITIES} entities: {took_s:.2f} s after process start,", end=" ")
    print(f"{processor_seconds(pid):.2f} s of processor, {memory_mb(pid):.0f} MB")
    rig.stop()


if __name__ == "__main__":
    main()

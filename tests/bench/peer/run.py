"""The comparison with a Pipecat pipeline: `measure` for the benchmark, `python -m tests.bench.peer.run` alone.

The peer runs as a child process in its own virtual environment, in real time, and hears the same recordings
that Wren hears. `python -m tests.bench.peer.run` prints what it took down; `--smart-turn-stop-s` tries other
settings of Smart Turn's fallback.
"""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from device.home.house import LiveHouse
from device.home.registry import House, areas_of
from device.home.simulated import DEMO_HOME, load
from device.home.simulated_devices import SimulatedDevice
from tests.bench.house import many_requests
from tests.bench.peer import environment, metrics
from tests.bench.peer.clips import Ruler, paused
from tests.bench.peer.environment import PeerUnavailableError
from tests.bench.peer.job import Job, Line, Log
from tests.voices import VOICES, spoken

BUILD = environment.ROOT / "build"
IDLE_S = 10.0
SMART_TURN_STOP_S = 1.0  # see pipeline.py
OVER = "Wait, turn off the hallway light."
LONG_ANSWER = (
    "The kitchen light is on, the bathroom light is off, the hallway light is off, the printer is on, "
    "the garage door is closed, and the bedroom light is blue."
)
_PATIENCE_S = 15.0  # for each line; a turn takes about eight at most
_START_S = 60.0
_DISCOVERY = "homeassistant"


def measure(
    files: Sequence[Path],
    *,
    wake_word: str = "alexa",
    smart_turn_stop_s: float = SMART_TURN_STOP_S,
    report: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Figures of the peer over `files` (16 kHz mono, wake word and request); the keys are in `metrics.summary`.

    Each different file is also heard with a pause in it, and its answer is talked over once. Raises
    PeerUnavailableError when the peer cannot be installed or fails.
    """
    python = environment.python(report)
    ruler = Ruler()
    clips = {path: ruler.clip(path) for path in dict.fromkeys(files)}
    overs = [ruler.clip(spoken(OVER, voice)) for voice in VOICES]
    job = Job(
        phases={
            "warm_up": tuple(map(Line, list(clips.values())[:1])),
            "idle": (),
            "requests": tuple(Line(clips[path]) for path in files),
            "paused": tuple(paused(clip, ruler) for clip in clips.values()),
            "barge_in": tuple(
                Line(clip, over=overs[number % len(overs)], answer=LONG_ANSWER)
                for number, clip in enumerate(clips.values())
            ),
        },
        house=demo_house(),
        wake_word=wake_word,
        language="en",
        idle_s=IDLE_S,
        smart_turn_stop_s=smart_turn_stop_s,
    )
    return metrics.summary(job, _run(python, job))


def demo_house() -> House:
    """The house of the benchmark's room, as its devices announce it."""
    plan, house = load(DEMO_HOME), LiveHouse(_DISCOVERY, {}, {})
    for device in (SimulatedDevice(given, plan.topic) for given in plan.device):
        for topic, payload in device.discovery(_DISCOVERY).items():
            house.announce(topic, payload.encode())
        for topic, payload in (said for entity in device.entities for said in entity.states().items()):
            house.receive(topic, payload.encode(), 0.0)
    entities = {name: thing.entity for name, thing in house.things.items()}
    states = {name: thing.state for name, thing in house.things.items()}
    return House(entities=entities, areas=areas_of(entities.values()), states=states)


def _run(python: Path, job: Job) -> Log:
    BUILD.mkdir(exist_ok=True)
    given, log, complaints = BUILD / "peer-job.json", BUILD / "peer-log.json", BUILD / "peer.log"
    given.write_bytes(msgspec.json.encode(job))
    lines = sum(map(len, job.phases.values()))
    command = [str(python), "-m", "tests.bench.peer.child", str(given), str(log)]
    with complaints.open("w") as errors:
        try:
            subprocess.run(
                command,
                cwd=environment.ROOT,
                stdout=errors,
                stderr=errors,
                check=True,
                timeout=_START_S + job.idle_s + lines * _PATIENCE_S,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise PeerUnavailableError(f"the peer failed ({error}); see {complaints}") from error
    return msgspec.json.decode(log.read_bytes(), type=Log)


def measured(files: Sequence[Path], console: Console) -> dict[str, Any] | None:
    """`measure`, or None and a line on the console where the peer is not to be had."""
    try:
        return measure(files, report=console.print)
    except PeerUnavailableError as error:
        console.print(f"without Pipecat: {error}")
        return None


def show(wren: Mapping[str, Any], pipecat: Mapping[str, Any], console: Console) -> None:
    """Prints the benchmark's results beside the peer's figures; what one of them lacks is a dash."""
    ours, theirs = wren["mouth_to_ear_ms"]["house"], pipecat["mouth_to_ear_ms"]
    rows = [(f"mouth-to-ear {key.upper()}, ms", ours[key], theirs[key], "{:.0f}") for key in ("p50", "p95")]
    rows += [
        ("requests answered", ours["n"], theirs["n"], "{:.0f}"),
        ("cut off in a pause", wren.get("false_cut_off_rate"), pipecat["false_cut_off_rate"], "{:.0%}"),
        ("CPU per turn, s", wren["cpu_s_per_turn"], pipecat["cpu_s_per_turn"], "{:.2f}"),
        (
            "idle CPU, % of a core",
            sum(wren["idle_cpu_percent"].values()),
            pipecat["idle_cpu_percent"],
            "{:.1f}",
        ),
        ("memory, MB (PSS)", sum(wren["rss_mb"].values()), pipecat["rss_mb"], "{:.0f}"),
    ]
    rows += [
        (f"talked over: {label}", wren.get("barge_in", {}).get(key), pipecat["barge_in"][key], form)
        for key, label, form in (
            ("detected_rate", "stops", "{:.0%}"),
            ("stop_ms_p95", "silent after, P95, ms", "{:.0f}"),
        )
    ]
    table = Table(title=f"Wren / Pipecat {pipecat['version']}", title_justify="left")
    table.add_column("")
    for column in ("Wren", "Pipecat"):
        table.add_column(column, justify="right")
    for label, *values, form in rows:
        table.add_row(label, *("–" if value is None else form.format(value) for value in values))
    console.print(table)
    console.print(f"mouth-to-ear P50, Pipecat over Wren: {theirs['p50'] / ours['p50']:.2f}")


def main() -> None:
    """Measures and prints the peer alone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=36)
    parser.add_argument("--smart-turn-stop-s", type=float, default=SMART_TURN_STOP_S)
    options = parser.parse_args()
    figures = measure(many_requests(options.requests), smart_turn_stop_s=options.smart_turn_stop_s)
    print(msgspec.json.format(msgspec.json.encode(figures, enc_hook=float)).decode())


if __name__ == "__main__":
    main()

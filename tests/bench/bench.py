"""`make bench`: a whole Wren in the simulated room, timed by microphone frames; writes `build/bench.json`.

Prints mouth-to-ear P50/P95 and each stage over spoken house requests and language model requests, CPU per
turn, idle CPU and memory of every daemon, the audio ring against polling, chunked against whole-sentence
synthesis, the time to the first token after a cold and a warm restart, patience against false cut-offs, who
interrupts Wren and who does not, and what it hears of its own voice. A Pipecat pipeline with the same models
hears the same house requests (`--without-peer` leaves it out).
`--requests N` sets how many house requests are spoken; all takes about 25 minutes on two cores that nobody
else uses.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from device.console import latency
from device.console.scenes import play_through, simulator_environment
from device.console.timeline import Turn, percentile, read, turns
from device.services.stage import Stage
from tests.bench import barge_in, echo, restart, ring, speech, turn_taking
from tests.bench.house import TALK_REQUESTS, many_requests
from tests.bench.peer import run as peer
from tests.bench.processes import Usage, usage
from tests.recordings import available
from tests.voices import VOICES, request

BUILD = Path(__file__).parents[2] / "build"
IDLE_S = 10.0
PEER_REQUESTS = 24


def measure(files: list[Path], timeline: Path) -> dict[str, Any]:
    """One run over `files`: turns, idle CPU in percent of a core, memory in MB, CPU seconds per turn."""
    fields = {"mic": [str(path) for path in files], "gap_s": 1.0, "until_idle_s": 2.0}
    with Stage(environment=simulator_environment(fields), timeline=timeline, start_scene=False) as stage:
        idle_before = _usages(stage)
        deadline = time.monotonic() + IDLE_S
        while time.monotonic() < deadline:
            stage.step()
        idle_after = _usages(stage)
        stage.start_scene()
        began = time.monotonic()
        play_through(stage)
        after = _usages(stage)
        busy_s = time.monotonic() - began
    idle = {name: (idle_after[name].cpu_s - idle_before[name].cpu_s) / IDLE_S for name in idle_after}
    rows = read([timeline])
    done = turns(rows)
    cpu_s = sum(after[name].cpu_s - idle_after[name].cpu_s - idle[name] * busy_s for name in after)
    return {
        "turns": done,
        "idle_cpu_percent": {name: 100 * share for name, share in idle.items()},
        "rss_mb": {name: after[name].memory_mb for name in after},
        "cpu_s_per_turn": cpu_s / max(1, len(done)),
        "speculation_ms_per_turn": _speculation(rows, max(1, len(done))),
    }


def _speculation(rows: list[dict[str, Any]], count: int) -> dict[str, dict[str, float]]:
    """Processor time of work ahead of the commit, by kind: what was of use, and what was thrown away."""
    cpu_ms = {what: {"used": 0.0, "wasted": 0.0} for what in ("route", "model", "voice")}
    for row in rows:
        if row["event"] == "speculation.ended":
            cpu_ms[row["what"]]["used" if row["used"] else "wasted"] += row["cpu_ms"] / count
    return cpu_ms


def _usages(stage: Stage) -> dict[str, Usage]:
    return {
        name: usage(child.process.pid)
        for name, child in stage.supervisor.children.items()
        if child.process is not None and child.notifies
    }


def _mouth_to_ear(done: list[Turn], kind: str) -> dict[str, float]:
    return _spread([t.mouth_to_ear_ms for t in done if t.kind == kind])


def _spread(times_ms: list[int | None]) -> dict[str, float]:
    values = [float(time_ms) for time_ms in times_ms if time_ms is not None]
    return {"p50": percentile(values, 50), "p95": percentile(values, 95), "n": len(values)}


def main() -> None:
    """Runs everything and prints it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=60)
    parser.add_argument("--without-peer", action="store_true", help="leave the Pipecat pipeline out")
    options = parser.parse_args()
    console = Console(soft_wrap=True)
    BUILD.mkdir(exist_ok=True)
    timeline = BUILD / "bench.jsonl"
    talk = [request(text, VOICES[number % 2]) for number, text in enumerate(TALK_REQUESTS)]
    files = many_requests(options.requests) + talk
    console.print(f"{len(files)} requests in the simulated room, in real time")
    run = measure(files, timeline)
    done: list[Turn] = run.pop("turns")
    peer_files = many_requests(min(options.requests, PEER_REQUESTS))
    pipecat = None if options.without_peer else peer.measured(peer_files, console)
    ring_figures, speech_figures, echo_figures = ring.run(), speech.run(), echo.run()
    patience = turn_taking.run(quick=True)
    restarted = restart.run()
    results: dict[str, Any] = {
        "mouth_to_ear_ms": {kind: _mouth_to_ear(done, kind) for kind in ("house", "model")},
        "mouth_to_answer_ms": _spread([t.mouth_to_answer_ms for t in done if t.kind == "model"]),
        "fillers": sum(bool(turn.bridges) for turn in done),
        "answered": sum(bool(turn.heard) for turn in done),
        "requests": len(files),
        "stages_ms": latency.summary(done),
        "ring": ring_figures,
        "speech": speech_figures,
        "peer": {"pipecat": pipecat} if pipecat else {},
        "echo": echo_figures,
        "restart": restarted,
        "turn_taking": patience,
        "false_cut_off_rate": patience["false_cut_off_rate"],
        **run,
    }
    if available():
        interruptions = barge_in.run()
        stop_ms = {f"stop_ms_{share}": value for share, value in interruptions["stop_ms"].items()}
        results["barge_in"] = interruptions | stop_ms
    (BUILD / "bench.json").write_bytes(msgspec.json.format(msgspec.json.encode(results, enc_hook=float)))
    latency.draw(done, BUILD / "bench.svg")
    turn_taking.draw(patience, BUILD / "turn_taking.svg")
    _print(console, results, done)


def _print(console: Console, results: dict[str, Any], done: list[Turn]) -> None:
    latency.print_table(done, console)
    for kind, row in results["mouth_to_ear_ms"].items():
        console.print(
            f"mouth-to-ear, {kind}: P50 {row['p50']:.0f} ms, P95 {row['p95']:.0f} ms, {row['n']} requests"
        )
    answer = results["mouth_to_answer_ms"]
    console.print(
        f"of model the answer itself, behind {results['fillers']} fillers: "
        f"P50 {answer['p50']:.0f} ms, P95 {answer['p95']:.0f} ms"
    )
    console.print(f"answered: {results['answered']} of {results['requests']}")
    console.print(f"CPU per turn: {results['cpu_s_per_turn']:.2f} s")
    for what, ahead in results["speculation_ms_per_turn"].items():
        console.print(
            f"ahead of the commit, {what}: {ahead['used']:.1f} ms per turn used, {ahead['wasted']:.1f} wasted"
        )
    if pipecat := results["peer"].get("pipecat"):
        peer.show(results, pipecat, console)
    table = Table(title="Daemons", title_justify="left")
    for column in ("daemon", "idle CPU, % of a core", "memory, MB (PSS)"):
        table.add_column(column, justify="left" if column == "daemon" else "right")
    idle, memory = results["idle_cpu_percent"], results["rss_mb"]
    for name in idle:
        table.add_row(name, f"{idle[name]:.1f}", f"{memory[name]:.0f}")
    table.add_row("all", f"{sum(idle.values()):.1f}", f"{sum(memory.values()):.0f}", style="bold")
    console.print(table)
    futex, polling = results["ring"]["futex"], results["ring"]["polling_5_ms"]
    console.print(
        f"audio ring wake-up, one writer and {ring.READERS} readers: P50 {futex['p50_us']:.0f} us, "
        f"P99 {futex['p99_us']:.0f} us, {futex['cpu_percent']:.1f} % CPU; "
        f"{polling['p50_us'] / futex['p50_us']:.1f} times sooner than polling every 5 ms"
    )
    restart.show(results["restart"], console)
    speech.show(results["speech"], console)
    echo.show(results["echo"], console)
    turn_taking.show(results["turn_taking"], console)
    if "barge_in" in results:
        barge_in.show(results["barge_in"])
    else:
        console.print("the recordings of the shared data are absent: nobody interrupts")
    for name in ("bench.json", "bench.svg", "bench.jsonl", "turn_taking.svg"):
        console.print(f"written: {BUILD / name}")


if __name__ == "__main__":
    main()

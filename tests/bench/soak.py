"""`make soak`: an hour of conversation in the simulated room while daemons are killed; `--minutes` for less.

People ask for things in the house and for talk, now and then over Wren's own voice, with noise in the
background. In the first half of the time a daemon is killed twice a minute or so, in the second none. Printed,
and written to `build/soak.json`:

- hangs: the conversation stayed in one state for longer than any deadline of the dialog allows;
- lost requests: a request that woke Wren, that no kill disturbed, and that was neither answered nor asked about;
- requests whose wake word was not noticed, which are not lost: nobody was told that Wren listens;
- the growth of each daemon's memory that is no file's: the median slope between any two minutes (Theil and Sen) of
  the process that lived longest, by the least of each minute but for the first ones. What is in use while somebody
  speaks comes and goes, and in a busy minute nothing else is seen.

Ends with status 1 when something hung, a request was lost, or a daemon grew by more than `_GROWTH_MB_H`.
"""

from __future__ import annotations

import argparse
import itertools
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import soundfile
from rich.console import Console
from rich.table import Table
from scipy.stats import theilslopes

from device.console.scenes import simulator_environment
from device.console.timeline import read, turns
from device.events import DialogState, Event, PlaybackStopped, SceneEnded, SceneSpeech, TurnStarted
from device.services.stage import Stage
from device.services.supervisor import DAEMONS
from tests import voices
from tests.bench.house import MODEL_REQUESTS, many_requests
from tests.bench.processes import usage

BUILD = Path(__file__).parents[2] / "build"
_SAMPLE_S, _SETTLED_S = 10.0, 300.0
_KILL_S = (25.0, 45.0)
_KILLED_SHARE = 0.5  # of the time; afterwards each daemon lives long enough to show whether it grows
_DISTURBED_S = 12.0  # a request this near to a kill may fail, if that is said
_HANG_S = 70.0  # longer than the longest deadline of the dialog
_GROWTH_MB_H = 8.0
_FEWEST_MINUTES = 3
_NOISE_DB = -45.0
_OVER = ("turn on the printer", "stop", "what time is it", "turn off the bathroom light")


@dataclass
class _Watch:
    """What happened so far; times are seconds since the start."""

    state: str = "idle"
    since_s: float = 0.0
    hangs: list[str] = field(default_factory=list)
    said_s: list[tuple[float, str]] = field(default_factory=list)
    woken_s: list[float] = field(default_factory=list)
    answered_s: list[float] = field(default_factory=list)
    kills: list[tuple[float, str]] = field(default_factory=list)
    memory: dict[str, list[tuple[int, float, float]]] = field(default_factory=dict)  # pid, time, MB
    over: bool = False

    def note(self, event: Event, now_s: float) -> None:
        match event:
            case DialogState(state=state):
                self.state, self.since_s = state, now_s
            case SceneSpeech(over=False, file=file):
                self.said_s.append((now_s, Path(file).stem))
            case TurnStarted(cause="wake"):
                self.woken_s.append(now_s)
            case PlaybackStopped(cue=""):
                self.answered_s.append(now_s)
            case SceneEnded():
                self.over = True

    def look(self, now_s: float) -> None:
        if self.state != "idle" and now_s - self.since_s > _HANG_S:
            self.hangs.append(f"{self.state} since {self.since_s:.0f} s")
            self.since_s = now_s


def _noise() -> Path:
    """A minute of pink noise, such as a fan makes."""
    path = BUILD / "soak-noise.wav"
    white = np.random.default_rng(0).standard_normal(60 * voices.RATE_HZ)
    spectrum = np.fft.rfft(white)
    spectrum[1:] /= np.sqrt(np.arange(1, spectrum.size))
    pink = np.fft.irfft(spectrum, white.size)
    soundfile.write(path, pink * 10 ** (_NOISE_DB / 20) / float(np.std(pink)), voices.RATE_HZ)
    return path


def _requests(count: int) -> list[Path]:
    """Requests to the house, every fourth one talk, which is what people interrupt."""
    house = itertools.cycle(many_requests(12))
    talk = itertools.cycle([voices.request(text) for text in MODEL_REQUESTS])
    return [next(talk) if number % 4 == 3 else next(house) for number in range(count)]


def _samples(stage: Stage) -> Iterator[tuple[str, int, float]]:
    for name, child in stage.supervisor.children.items():
        if child.process is not None and child.notifies and child.process.poll() is None:
            try:
                memory_mb = usage(child.process.pid).anonymous_mb
            except ProcessLookupError:  # it dies just now
                continue
            yield name, child.process.pid, memory_mb


def run(minutes: float, timeline: Path, seed: int = 1) -> _Watch:
    """Runs the conversation for `minutes`."""
    chance = random.Random(seed)
    fields = {
        "mic": [str(path) for path in _requests(round(minutes * 12))],
        "over": [str(voices.spoken(text, "rms")) for text in _OVER] * round(minutes),
        "over_after_s": 1.2,
        "noise": str(_noise()),
        "gap_s": 0.8,
    }
    watch, began = _Watch(), time.monotonic()
    with Stage(environment=simulator_environment(fields), timeline=timeline) as stage:
        began = time.monotonic()
        sample_s, kill_s = 0.0, chance.uniform(*_KILL_S)
        while (now_s := time.monotonic() - began) < 60 * minutes and not watch.over:
            for event in stage.step():
                watch.note(event, now_s)
            watch.look(now_s)
            if now_s >= kill_s and now_s < _KILLED_SHARE * 60 * minutes:
                name = chance.choice(DAEMONS)
                watch.kills.append((now_s, name))
                stage.supervisor.kill(name)
                kill_s = now_s + chance.uniform(*_KILL_S)
            if now_s >= sample_s:
                sample_s = now_s + _SAMPLE_S
                for name, pid, memory_mb in _samples(stage):
                    watch.memory.setdefault(name, []).append((pid, now_s, memory_mb))
    return watch


def unanswered(watch: _Watch) -> tuple[list[str], list[str]]:
    """Requests that got no answer before the next one, though nothing was killed near them: lost, and not woken."""
    lost: list[str] = []
    unnoticed: list[str] = []
    for (said_s, name), (next_s, _) in itertools.pairwise(watch.said_s):
        disturbed = any(said_s - _DISTURBED_S < kill_s < next_s for kill_s, _ in watch.kills)
        if not disturbed and not any(said_s < answer_s <= next_s for answer_s in watch.answered_s):
            is_woken = any(said_s < woken_s <= next_s for woken_s in watch.woken_s)
            (lost if is_woken else unnoticed).append(f"{name} at {said_s:.0f} s")
    return lost, unnoticed


def growth_mb_h(samples: list[tuple[int, float, float]]) -> float | None:
    """Slope of the memory of the process that was observed longest; None when none was long enough."""
    slopes = []
    for _, group in itertools.groupby(samples, key=lambda sample: sample[0]):
        series = list(group)
        settled = [(t, mb) for _, t, mb in series if t - series[0][1] > _SETTLED_S]
        minutes = [list(some) for _, some in itertools.groupby(settled, key=lambda sample: sample[0] // 60)]
        if len(minutes) >= _FEWEST_MINUTES:
            least = [min(some, key=lambda sample: sample[1]) for some in minutes]
            times, memory_mb = zip(*least, strict=True)
            slopes.append((len(minutes), 3600 * float(theilslopes(memory_mb, times)[0])))
    return max(slopes)[1] if slopes else None


def main() -> None:
    """Runs and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=60.0)
    options = parser.parse_args()
    BUILD.mkdir(exist_ok=True)
    console, timeline = Console(soft_wrap=True), BUILD / "soak.jsonl"
    watch = run(options.minutes, timeline)
    done = turns(read([timeline]))
    missing, unnoticed = unanswered(watch)
    growth = {name: growth_mb_h(samples) for name, samples in watch.memory.items()}
    grown = [name for name, slope in growth.items() if slope is not None and slope > _GROWTH_MB_H]
    results: dict[str, Any] = {
        "minutes": options.minutes,
        "requests": len(watch.said_s),
        "turns": len(done),
        "barge_ins": sum("barge_in" in turn.t_ns for turn in done),
        "kills": len(watch.kills),
        "hangs": watch.hangs,
        "lost": missing,
        "not_woken": unnoticed,
        "growth_mb_per_hour": growth,
        "memory_pid_s_mb": watch.memory,
    }
    (BUILD / "soak.json").write_bytes(msgspec.json.format(msgspec.json.encode(results)))
    console.print(
        f"{results['requests']} requests, {results['turns']} turns, {results['barge_ins']} interruptions, "
        f"{results['kills']} kills in {options.minutes:g} minutes"
    )
    table = Table(title="Memory", title_justify="left")
    for column in ("daemon", "first, MB", "last, MB", "growth, MB an hour"):
        table.add_column(column, justify="left" if column == "daemon" else "right")
    for name, samples in watch.memory.items():
        slope = growth[name]
        rate = "observed too briefly" if slope is None else f"{slope:.1f}"
        table.add_row(name, f"{samples[0][2]:.0f}", f"{samples[-1][2]:.0f}", rate)
    console.print(table)
    console.print(
        f"hangs: {watch.hangs or 'none'}; lost requests: {missing or 'none'}; not woken: {len(unnoticed)}"
    )
    if watch.hangs or missing or grown:
        sys.exit(1)


if __name__ == "__main__":
    main()

"""Time to the first token after a restart, without and with the prompt's evaluated beginning on disk.

`python -m tests.bench.restart` starts the language model's part of the reason daemon (`device.services.mind`)
twice in processes of their own, the second time with what the first one left, and asks both the same. Times are
milliseconds of wall clock and of processor, all threads; on a busy machine the latter is the better guide.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import tempfile
import time
from typing import TypeVar

import msgspec
from rich.console import Console

from device.services.mind import Consider, Failed, FirstToken, Mind, Outcome, Ready
from device.settings import Reason
from models.store import default_root
from tests.houses import houses

T = TypeVar("T", bound=Outcome)

QUESTION = "why is the sky blue"


class Start(msgspec.Struct):
    """One start; `ready_ms` counts from the loaded model, `first_token_ms` from there as well."""

    restored: bool
    load_ms: float
    ready_ms: float
    first_token_ms: float
    cpu_ms: float  # of the whole process until the first token


class Restart(msgspec.Struct):
    """Both starts, and how many times sooner the second one begins to answer."""

    cold: Start
    warm: Start
    times_sooner: float
    times_sooner_cpu: float
    times_sooner_with_load: float


def run() -> Restart:
    """A cold start and a warm one."""
    with tempfile.TemporaryDirectory() as folder:
        cold, warm = _start(folder), _start(folder)
    assert (cold.restored, warm.restored) == (False, True)
    return Restart(
        cold,
        warm,
        times_sooner=cold.first_token_ms / warm.first_token_ms,
        times_sooner_cpu=cold.cpu_ms / warm.cpu_ms,
        times_sooner_with_load=(cold.load_ms + cold.first_token_ms) / (warm.load_ms + warm.first_token_ms),
    )


def show(restart: Restart, console: Console) -> None:
    """Prints both starts and their ratio."""
    for name, start in (("cold", restart.cold), ("warm", restart.warm)):
        console.print(
            f"restart, {name}: model loaded in {start.load_ms:.0f} ms, then first token after "
            f"{start.first_token_ms:.0f} ms, of which the prompt "
            f"{start.ready_ms:.0f} ms; {start.cpu_ms:.0f} ms CPU of the whole process"
        )
    console.print(
        f"time to first token after a restart: {restart.times_sooner:.1f} times shorter warm than cold "
        f"(with the loading of the model {restart.times_sooner_with_load:.1f}, by CPU time of the whole process "
        f"{restart.times_sooner_cpu:.1f})"
    )


def _start(cache: str) -> Start:
    environment = os.environ | {"WREN_CACHE_DIR": cache, "WREN_MODELS": str(default_root())}
    command = [sys.executable, "-m", "tests.bench.restart", "--start"]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    return msgspec.json.decode(done.stdout, type=Start)


def start() -> Start:
    """Starts the mind in this process and asks it something."""
    house = houses()["cottage"]
    mind = Mind(Reason())
    mind.learn(house)
    ready = _await(mind, Ready)
    mind.post(Consider(1, QUESTION, house, (), may_act=False), committed=True)
    first = _await(mind, FirstToken)
    cpu_ms = time.process_time() * 1000
    mind.close()
    return Start(
        restored=ready.restored,
        load_ms=ready.load_ms,
        ready_ms=ready.prefix_ms,
        first_token_ms=ready.prefix_ms + first.after_ms,
        cpu_ms=cpu_ms,
    )


def _await(mind: Mind, kind: type[T]) -> T:
    """The first outcome of a kind."""
    while True:
        select.select([mind], [], [])
        for outcome in mind.poll():
            if isinstance(outcome, Failed):
                raise SystemExit(f"{outcome.reason}; {outcome.hint}")
            if isinstance(outcome, kind):
                return outcome


if __name__ == "__main__":
    if sys.argv[1:] == ["--start"]:
        print(msgspec.json.encode(start()).decode())
    else:
        show(run(), Console(soft_wrap=True))

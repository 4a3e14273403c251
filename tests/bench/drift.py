"""Two crystals: Wren talks, and people talk over it, while its loudspeaker's clock differs from the microphone's.

Offline, in the simulated room and in measured ones, with the loudspeaker ducked as in the device: ducks, pauses
and interruptions by its own voice in a minute, what was found of the drift in the end, and how soon people stop
it at 0, 5 and 10 dB over the echo, as in `tests.bench.barge_in`. Run with `python -m tests.bench.drift`.
"""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table

from device.audio.files import load
from device.hearing import RATE_HZ
from device.settings import BargeIn
from tests import recordings
from tests.bench.barge_in import LEVELS_DB, Alone, Bench, talkers

DRIFTS_PPM = (0.0, 20.0, 50.0, 100.0, -100.0)
ROOMS = ("dry", "living_room_1", "Hotel_SkalskyDvur_Room112", "room-z02-micstep-3", "room-sport01")
SECONDS, PEOPLE = 60.0, 12


class Row(NamedTuple):
    """One room and drift; times in ms from the onset of each person to silence, None: never."""

    room: str
    drift_ppm: float
    alone: Alone
    stop_ms: list[int | None]


def row(room: str, drift_ppm: float) -> Row:
    """Minutes of sound in a quarter of that."""
    response = None
    if room != "dry":
        response = next(
            load(str(one.path), RATE_HZ) for one in recordings.recordings("rir") if room in one.label
        )
    bench = Bench(BargeIn(), response, drift_ppm)
    sounds = list(talkers(PEOPLE)) if recordings.available() else []
    outcomes = [
        bench.play(sound._replace(said=""), LEVELS_DB[number % len(LEVELS_DB)], 97 * number)
        for number, sound in enumerate(sounds)
    ]
    return Row(room, drift_ppm, bench.alone(SECONDS), [outcome.stop_ms for outcome in outcomes])


def main() -> None:
    """Prints a line for each room and drift."""
    table = Table("room", "drift ppm", "found", "ducks", "pauses", "stops itself", "people", "P50", "P95")
    rooms = ROOMS if recordings.available() else ROOMS[:1]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for one in pool.map(row, *zip(*product(rooms, DRIFTS_PPM), strict=True)):
            times = [time_ms for time_ms in one.stop_ms if time_ms is not None]
            middle, late = np.percentile(times, (50, 95)) if times else (np.nan, np.nan)
            counts = (*one.alone[:3], f"{len(times)} of {len(one.stop_ms)}")
            table.add_row(
                one.room,
                f"{one.drift_ppm:.0f}",
                f"{one.alone.drift_ppm:.1f}",
                *map(str, counts),
                f"{middle:.0f}",
                f"{late:.0f}",
            )
    Console(width=110).print(table)


if __name__ == "__main__":
    main()

"""Wake-up latency and CPU of the audio ring: one writer, five readers, against polling every 5 ms."""

from __future__ import annotations

import multiprocessing
import os
import resource
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TypedDict

import numpy as np

from device.bus.ring import RingReader, RingSpec, RingWriter

READERS, FRAMES, LAST = 5, 1000, 1
SPEC = RingSpec(16_000, 160, 5.0)


class Wakeups(TypedDict):
    """Microseconds from the stamp in the frame to the reader having it; CPU of all six processes."""

    p50_us: float
    p99_us: float
    cpu_percent: float


def measure(path: Path, *, polling_s: float = 0.0) -> Wakeups:
    """Runs ten seconds of 10 ms frames."""
    writer = RingWriter(path, SPEC)
    context = multiprocessing.get_context("spawn")
    pipes, processes = [], []
    for _ in range(READERS):
        mine, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_read, args=(path, polling_s, theirs))
        process.start()
        pipes.append(mine)
        processes.append(process)
    for pipe in pipes:
        pipe.recv()  # attached
    began, cpu = time.monotonic(), time.process_time()
    block = np.zeros(SPEC.frame_samples, np.int16)
    for number in range(FRAMES):
        time.sleep(max(0.0, began + number * 0.01 - time.monotonic()))
        writer.write(block, tag=LAST if number == FRAMES - 1 else 0)
    cpu = time.process_time() - cpu
    results = [pipe.recv() for pipe in pipes]
    for process in processes:
        process.join()
    writer.close(unlink=True)
    delays = np.concatenate([delay for delay, _ in results])
    total = cpu + sum(used for _, used in results)
    return Wakeups(
        p50_us=float(np.percentile(delays, 50)) / 1000,
        p99_us=float(np.percentile(delays, 99)) / 1000,
        cpu_percent=100 * total / (FRAMES * 0.01),
    )


def _read(path: Path, polling_s: float, report: Connection) -> None:
    reader = RingReader(path)
    report.send(None)
    delays: list[int] = []
    last = False
    before = resource.getrusage(resource.RUSAGE_SELF)
    while not last:
        if polling_s:
            time.sleep(polling_s)
        else:
            reader.wait(0.1)
        while (frame := reader.read()) is not None:
            delays.append(time.monotonic_ns() - frame.t_ns)
            last = frame.tag == LAST
    after = resource.getrusage(resource.RUSAGE_SELF)
    report.send((np.array(delays), after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime))


def run() -> dict[str, Wakeups]:
    """Both ways, in one run."""
    with tempfile.TemporaryDirectory() as folder:
        return {
            "futex": measure(Path(folder, "futex")),
            "polling_5_ms": measure(Path(folder, "polling"), polling_s=0.005),
        }


if __name__ == "__main__":
    print(f"audio ring, one writer, {READERS} readers, {os.cpu_count()} cores")
    figures = run()
    for name, row in figures.items():
        print(f"{name:>14}: " + ", ".join(f"{key} {value:.1f}" for key, value in row.items()))
    print(f"ratio of median wake-up: {figures['polling_5_ms']['p50_us'] / figures['futex']['p50_us']:.1f}")

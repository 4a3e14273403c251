"""The audio ring: what readers are promised under any interleaving, stalls and killed writers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.bus.ring import RingBusyError, RingReader, RingSpec, RingWriter

SPEC = RingSpec(rate_hz=16_000, frame_samples=160, seconds=0.08)  # eight slots, so that lapping is easy

WRITER = """
import sys, time
from pathlib import Path
import numpy as np
from device.bus.ring import RingSpec, RingWriter
ring = RingWriter(Path(sys.argv[1]), RingSpec(16_000, 160, 1.0))
print(ring.head, flush=True)
while True:
    ring.write(np.full(160, ring.head % 30_000, np.int16), position=ring.head)
    time.sleep(0.001)
"""


def frame(value: int) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    return np.full(SPEC.frame_samples, value, np.int16)


def start_writer(path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    return process


@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("write"), st.integers(1, 20)),
            st.tuples(st.just("read"), st.integers(1, 20)),
            st.tuples(st.just("seek"), st.integers(0, 30)),
        ),
        max_size=40,
    )
)
def test_a_reader_gets_every_frame_or_is_told_how_many_it_lost(
    steps: list[tuple[str, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("ring") / "room.mic"
    writer = RingWriter(path, SPEC)
    reader = RingReader(path)
    expected = 0
    try:
        for action, count in steps:
            if action == "write":
                for _ in range(count):
                    writer.write(frame(writer.head), position=writer.head * 2, turn=writer.head, tag=7)
            elif action == "seek":
                expected = min(count, writer.head)
                reader.seek(expected)
            else:
                for _ in range(count):
                    got = reader.read()
                    if got is None:
                        assert expected == writer.head
                        break
                    assert got.index == expected + got.lapped
                    assert got.lapped == max(0, writer.head - SPEC.slots - expected)
                    assert (got.samples == got.index).all()
                    assert (got.position, got.turn, got.tag) == (got.index * 2, got.index, 7)
                    expected = got.index + 1
    finally:
        reader.close()
        writer.close(unlink=True)


def test_a_reader_starts_in_the_past(tmp_path: Path) -> None:
    writer = RingWriter(tmp_path / "r", SPEC)
    for n in range(6):
        writer.write(frame(n))
    reader = RingReader(tmp_path / "r")
    assert reader.read() is None
    reader.seek(reader.head - 4)
    assert [f.index for f in iter(reader.read, None)] == [2, 3, 4, 5]


def test_a_stalled_reader_loses_frames_and_harms_nobody(tmp_path: Path) -> None:
    spec = RingSpec(16_000, 160, seconds=0.5)
    writer = RingWriter(tmp_path / "r", spec)
    stalled, steady = RingReader(tmp_path / "r"), RingReader(tmp_path / "r")
    seen: list[int] = []

    def follow() -> None:
        while len(seen) < 200:
            if steady.wait(0.5) and (got := steady.read()) is not None:
                seen.append(got.index)

    thread = threading.Thread(target=follow)
    thread.start()
    for n in range(200):  # two seconds of sound
        writer.write(frame(n))
        time.sleep(0.01)
    thread.join(timeout=5)
    assert seen == list(range(200))
    assert steady.lapped == 0
    first = stalled.read()
    assert first is not None
    assert (first.index, first.lapped, stalled.lapped) == (150, 150, 150)


def test_a_killed_writer_is_succeeded_within_100_ms_and_no_frame_is_torn(tmp_path: Path) -> None:
    path = tmp_path / "r"
    reader: RingReader | None = None
    restarts = 0
    last = -1
    for _ in range(4):
        writer = start_writer(path)
        began = time.monotonic()
        reader = reader or RingReader(path)
        reader.seek(last + 1)
        assert reader.wait(0.1), "the new writer's frames were not seen within 100 ms"
        while time.monotonic() - began < 0.15:
            if reader.wait(0.05) and (got := reader.read()) is not None:
                assert got.index == last + 1 + got.lapped
                assert (got.samples == got.index % 30_000).all()
                last = got.index
                restarts += got.restarted
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        while (got := reader.read()) is not None:
            last = got.index
    assert last > 100
    assert restarts == 3


def test_only_one_writer_at_a_time(tmp_path: Path) -> None:
    first = RingWriter(tmp_path / "r", SPEC)
    with pytest.raises(RingBusyError, match="another Wren"):
        RingWriter(tmp_path / "r", SPEC)
    first.close()
    RingWriter(tmp_path / "r", SPEC).close()


def test_a_clean_stop_leaves_no_file_behind(tmp_path: Path) -> None:
    writer = RingWriter(tmp_path / "r", SPEC)
    writer.write(frame(1))
    writer.close(unlink=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("stale", [b"", b"not a ring at all", b"\0" * 100_000])
def test_a_stale_file_is_replaced(tmp_path: Path, stale: bytes) -> None:
    path = tmp_path / "r"
    path.write_bytes(stale)
    reader = RingReader(path)
    writer = RingWriter(path, SPEC)
    reader.wait(0.1)
    writer.write(frame(5))
    assert reader.wait(0.1)
    got = reader.read()
    assert got is not None
    assert got.samples[0] == 5


def test_a_reader_moves_over_to_a_replaced_ring(tmp_path: Path) -> None:
    path = tmp_path / "r"
    old = RingWriter(path, SPEC)
    reader = RingReader(path)
    old.close(unlink=True)
    fresh = RingWriter(path, RingSpec(16_000, 320, 0.2))
    assert not reader.wait(0.01)
    fresh.write(np.full(320, 9, np.int16))
    assert reader.wait(0.1)
    got = reader.read()
    assert got is not None
    assert got.samples.shape == (320,)


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    RingWriter(tmp_path / "r", SPEC).write(frame(1))
    reader = RingReader(tmp_path / "r")
    reader.seek(0)
    got = reader.read()
    assert got is not None
    with pytest.raises(ValueError, match="read-only"):
        got.samples[0] = 1


def test_frames_of_the_wrong_shape_are_refused(tmp_path: Path) -> None:
    writer = RingWriter(tmp_path / "r", SPEC)
    with pytest.raises(ValueError, match="a frame is int16"):
        writer.write(np.zeros(161, np.int16))

"""The audio bus: one writer, any number of readers, a memory-mapped ring of fixed frames.

A frame is `frame_samples` int16 mono samples with a little metadata; its index counts from 0 for the life
of the file and is the clock of a session. The writer never waits. A reader keeps its own cursor, maps the
file read-only, can start in the past, and learns how many frames it lost when the writer lapped it.

Each slot is guarded as a seqlock: its sequence number is made invalid, the payload and a CRC-32 are written,
then the number; the header's head is stored last and is also the futex word. A reader checks the number
before and after copying, and the CRC, so a torn frame is never returned. A writer that was killed leaves a
valid ring: its successor takes the file lock, continues after the head and raises the epoch, which marks its
first frame as `restarted`. Readers of a file that was replaced move over to the new one by its inode.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import struct
import time
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from device.bus import futex

MAGIC = b"WRENRNG1"
HEADER_BYTES = 4096
_GEOMETRY = struct.Struct("<8sIIII")  # magic, rate_hz, frame_samples, slots, slot bytes
_HEAD = struct.Struct("<Q")
_HEAD_AT = 64  # little endian: its low half is the futex word
_EPOCH = struct.Struct("<I")
_EPOCH_AT = 128
_SLOT = struct.Struct("<QqqIIII")  # sequence, t_ns, position, turn, tag, epoch, crc32
_GUARDED = struct.Struct("<QqII")  # what the CRC covers besides the samples
_SEQUENCE = struct.Struct("<Q")
_INVALID = 2**64 - 1
_RETRIES = 50
_RETRY_S = 0.0001

Samples = NDArray[np.int16]


class RingSpec(NamedTuple):
    """Geometry of a ring; `seconds` is how far readers can look back."""

    rate_hz: int
    frame_samples: int
    seconds: float

    @property
    def slots(self) -> int:
        """Frames that the ring holds."""
        return max(2, round(self.seconds * self.rate_hz / self.frame_samples))


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame as read. `position`, `turn` and `tag` mean what the writer says they mean."""

    index: int
    samples: Samples
    t_ns: int  # CLOCK_MONOTONIC when it was written
    position: int
    turn: int
    tag: int
    lapped: int  # frames lost just before this one
    restarted: bool  # first frame of a new writer


class RingBusyError(Exception):
    """Another process is writing this ring."""


class RingWriter:
    """Creates or takes over the ring at `path`. Raises RingBusyError while another writer lives."""

    def __init__(self, path: Path, spec: RingSpec) -> None:
        self.path, self.spec = path, spec
        self._slot_bytes = _SLOT.size + 2 * spec.frame_samples
        self._size = HEADER_BYTES + spec.slots * self._slot_bytes
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = _lock(path)
        geometry = _GEOMETRY.pack(MAGIC, spec.rate_hz, spec.frame_samples, spec.slots, self._slot_bytes)
        if os.fstat(self._file).st_size != self._size or os.pread(self._file, _GEOMETRY.size, 0) != geometry:
            self._file = _replace(path, self._file, self._size, geometry)
        self._map = mmap.mmap(self._file, self._size)
        self._bytes = memoryview(self._map)
        self._base = np.frombuffer(self._map, np.uint8)
        self._futex = int(self._base.ctypes.data) + _HEAD_AT
        self.head: int = _HEAD.unpack_from(self._map, _HEAD_AT)[0]
        self.epoch: int = _EPOCH.unpack_from(self._map, _EPOCH_AT)[0] + 1
        _EPOCH.pack_into(self._map, _EPOCH_AT, self.epoch)

    def write(
        self, samples: Samples, *, t_ns: int = 0, position: int = -1, turn: int = 0, tag: int = 0
    ) -> int:
        """Appends one frame (int16[frame_samples]) and wakes the readers; returns its index."""
        if samples.shape != (self.spec.frame_samples,) or samples.dtype != np.int16:
            raise ValueError(
                f"a frame is int16[{self.spec.frame_samples}], not {samples.dtype}{samples.shape}"
            )
        index = self.head
        at = HEADER_BYTES + (index % self.spec.slots) * self._slot_bytes
        payload = np.ascontiguousarray(samples).data.cast("B")
        _SEQUENCE.pack_into(self._map, at, _INVALID)
        futex.fence()
        self._bytes[at + _SLOT.size : at + self._slot_bytes] = payload
        crc = _checksum(payload, index, position, turn, tag)
        _SLOT.pack_into(
            self._map, at, _INVALID, t_ns or time.monotonic_ns(), position, turn, tag, self.epoch, crc
        )
        futex.fence()
        _SEQUENCE.pack_into(self._map, at, index)
        futex.fence()
        self.head = index + 1
        _HEAD.pack_into(self._map, _HEAD_AT, self.head)
        futex.wake(self._futex)
        return index

    def close(self, *, unlink: bool = False) -> None:
        """Lets go of the ring; `unlink` on a clean stop, so that nothing is left behind."""
        if unlink:
            self.path.unlink(missing_ok=True)
        self._bytes.release()
        del self._base
        with contextlib.suppress(BufferError):
            self._map.close()
        os.close(self._file)


class RingReader:
    """Reads the ring at `path` from now on; the file may appear, be replaced or vanish at any time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.cursor = 0
        self.lapped = 0
        self.spec: RingSpec | None = None
        self._map: mmap.mmap | None = None
        self._inode = 0
        self._epoch = 0
        self._attach()

    @property
    def head(self) -> int:
        """Index of the next frame to be written; 0 while there is no ring."""
        return int(_HEAD.unpack_from(self._map, _HEAD_AT)[0]) if self._map else 0

    def seek(self, index: int) -> None:
        """Continues at frame `index`, which may lie in the past; what is gone counts as lapped."""
        self.cursor = max(0, index)

    def wait(self, timeout_s: float) -> bool:
        """Whether a frame is ready, after waiting at most `timeout_s`."""
        if self._map is None:
            if not self._attach():
                time.sleep(min(timeout_s, 0.02))
            return False
        head = self.head
        if head > self.cursor:
            return True
        futex.wait(self._futex, head & 0xFFFFFFFF, timeout_s)
        if self.head > self.cursor:
            return True
        if self._moved():
            self._attach()
        return False

    def read(self) -> Frame | None:
        """The frame at the cursor, or the oldest left when it was lapped; None when there is none yet."""
        lapped = 0
        for _ in range(_RETRIES):
            if self._map is None or self.spec is None or self.cursor >= self.head:
                return None
            oldest = self.head - self.spec.slots
            if self.cursor < oldest:
                lapped += oldest - self.cursor
                self.lapped += oldest - self.cursor
                self.cursor = oldest
            if (frame := self._copy(self.cursor, lapped)) is not None:
                self.cursor += 1
                return frame
            time.sleep(_RETRY_S)
        self.cursor += 1
        self.lapped += 1
        return None

    def close(self) -> None:
        """Unmaps the ring."""
        if self._map is not None:
            del self._base
            with contextlib.suppress(BufferError):
                self._map.close()
            self._map = None

    def _copy(self, index: int, lapped: int) -> Frame | None:
        assert self._map is not None
        assert self.spec is not None
        slot_bytes = _SLOT.size + 2 * self.spec.frame_samples
        at = HEADER_BYTES + (index % self.spec.slots) * slot_bytes
        sequence, t_ns, position, turn, tag, epoch, crc = _SLOT.unpack_from(self._map, at)
        if sequence != index:
            return None
        futex.fence()
        payload = self._map[at + _SLOT.size : at + slot_bytes]
        futex.fence()
        if _SEQUENCE.unpack_from(self._map, at)[0] != index or crc != _checksum(
            payload, index, position, turn, tag
        ):
            return None
        restarted = self._epoch not in (0, epoch)
        self._epoch = epoch
        return Frame(index, np.frombuffer(payload, np.int16), t_ns, position, turn, tag, lapped, restarted)

    def _moved(self) -> bool:
        try:
            return self.path.stat().st_ino != self._inode
        except FileNotFoundError:
            return False

    def _attach(self) -> bool:
        try:
            with self.path.open("rb") as file:
                magic, rate_hz, frame_samples, slots, slot_bytes = _GEOMETRY.unpack(file.read(_GEOMETRY.size))
                status = os.fstat(file.fileno())
                if magic != MAGIC or status.st_size != HEADER_BYTES + slots * slot_bytes:
                    return False
                mapping = mmap.mmap(file.fileno(), status.st_size, prot=mmap.PROT_READ)
        except (FileNotFoundError, struct.error):
            return False
        self.close()
        self._map, self._inode = mapping, status.st_ino
        self._base = np.frombuffer(mapping, np.uint8)
        self._futex = int(self._base.ctypes.data) + _HEAD_AT
        self.spec = RingSpec(rate_hz, frame_samples, slots * frame_samples / rate_hz)
        self.cursor, self._epoch = self.head, _EPOCH.unpack_from(mapping, _EPOCH_AT)[0]
        return True


def _checksum(payload: bytes | memoryview, index: int, position: int, turn: int, tag: int) -> int:
    return zlib.crc32(payload, zlib.crc32(_GUARDED.pack(index, position, turn, tag)))


def _lock(path: Path) -> int:
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        raise RingBusyError(f"{path} has a writer already; is another Wren running?") from None
    return file


def _replace(path: Path, old: int, size: int, geometry: bytes) -> int:
    """A new, zeroed file in place of a stale or foreign one; readers notice the inode."""
    fresh = path.with_suffix(f"{path.suffix}.new")
    fresh.unlink(missing_ok=True)
    file = _lock(fresh)
    os.ftruncate(file, size)
    os.pwrite(file, geometry, 0)
    fresh.replace(path)
    os.close(old)
    return file

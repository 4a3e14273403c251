"""A small file that survives a power cut at any moment: the old content or the new one, never a part.

The new content goes to a file beside it, is flushed to the disk, and takes the old one's name; the folder is
flushed too, since the name lives there (the write-fsync-rename-fsync sequence of LWN 457667, "Ensuring data
reaches disk"). What cannot be read is set aside as `<name>.bad` rather than lost or obeyed.
"""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")

log = logging.getLogger(__name__)


class Store(Generic[T]):
    """One value of the type of `empty`, kept as JSON in `path`."""

    def __init__(self, path: Path, empty: T) -> None:
        self._path, self._empty = path, empty
        self._decoder: msgspec.json.Decoder[T] = msgspec.json.Decoder(type(empty))

    def load(self) -> T:
        """What was saved last; `empty` when there is nothing that can be read."""
        try:
            return self._decoder.decode(self._path.read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            return self._empty
        except msgspec.MsgspecError as error:
            aside = self._path.with_name(f"{self._path.name}.bad")
            log.warning("set aside what cannot be read", extra={"file": str(aside), "error": str(error)})
            self._path.replace(aside)
            return self._empty

    def save(self, value: T) -> None:
        """Returns when `value` is on the disk. Raises OSError when it is not."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = self._path.with_name(f"{self._path.name}.new")
        data = msgspec.json.format(msgspec.json.encode(value))
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            while data:
                data = data[os.write(descriptor, data) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        fresh.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other processes from changing the file between `load` and `save`."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._path.with_name(f"{self._path.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

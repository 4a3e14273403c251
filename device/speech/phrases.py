"""Speech that was synthesised before, kept on disk: what Wren says often starts without synthesis.

One file for each phrase, named by the SHA-256 of voice, style and text; a msgpack record with a CRC-32 of
its samples. The least recently used go when the folder exceeds its size. The cache is never needed: a file
that is damaged or half written is removed and missed, and a full disk or a read-only folder only means
nothing is kept.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import zlib
from pathlib import Path

import msgspec
import numpy as np

from device.speech import Samples, Style

LIMIT_BYTES = 48 * 1024 * 1024
_SUFFIX = ".phrase"
_RENDERING = 1  # raised whenever the same text would be rendered differently

log = logging.getLogger(__name__)


class _Record(msgspec.Struct, frozen=True, array_like=True):
    key: str
    words: tuple[str, ...]
    word_ends: tuple[int, ...]
    crc: int
    samples: bytes  # int16, little endian


class Phrase(msgspec.Struct, frozen=True):
    """A spoken text: int16 mono at the voice's rate, and where its words end."""

    words: tuple[str, ...]
    word_ends: tuple[int, ...]
    samples: Samples


def phrase_key(voice: str, style: Style, text: str) -> str:
    """Names a phrase; `voice` must differ between any two voices that sound different."""
    return hashlib.sha256(msgspec.msgpack.encode((_RENDERING, voice, style, text))).hexdigest()


class PhraseCache:
    """The phrases in `folder`, at most `limit_bytes` of them. Not for use by several threads."""

    def __init__(self, folder: Path, limit_bytes: int = LIMIT_BYTES) -> None:
        self._folder, self._limit = folder, limit_bytes
        self._decoder = msgspec.msgpack.Decoder(_Record)
        self._writable = True

    def __contains__(self, key: str) -> bool:
        return self._path(key).exists()

    def get(self, key: str) -> Phrase | None:
        """The phrase, which becomes the most recently used; None when it is not there or damaged."""
        path = self._path(key)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        try:
            record = self._decoder.decode(data)
        except msgspec.MsgspecError:
            record = None
        if record is None or record.key != key or zlib.crc32(record.samples) != record.crc:
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        self.touch(key)
        return Phrase(record.words, record.word_ends, np.frombuffer(record.samples, "<i2").astype(np.int16))

    def touch(self, key: str) -> None:
        """Makes a phrase that is kept the most recently used."""
        with contextlib.suppress(OSError):
            os.utime(self._path(key))

    def put(self, key: str, phrase: Phrase) -> None:
        """Keeps the phrase if that is possible."""
        samples = phrase.samples.astype("<i2").tobytes()
        record = _Record(key, phrase.words, phrase.word_ends, zlib.crc32(samples), samples)
        partial = self._path(key).with_suffix(".part")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(msgspec.msgpack.encode(record))
            partial.replace(self._path(key))
            self._trim()
        except OSError as error:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
            if self._writable:
                log.warning(
                    "phrases are not kept", extra={"folder": str(self._folder), "reason": error.strerror}
                )
            self._writable = False

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}{_SUFFIX}"

    def _trim(self) -> None:
        entries = [(path.stat(), path) for path in self._folder.iterdir()]
        size = sum(status.st_size for status, _ in entries)
        for status, path in sorted(entries, key=lambda entry: entry[0].st_mtime_ns):
            if size <= self._limit:
                return
            path.unlink(missing_ok=True)
            size -= status.st_size

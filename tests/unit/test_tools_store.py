"""The file that must survive: power cut at any moment leaves the old content or the new one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.tools.store import Store


class Note(msgspec.Struct, frozen=True):
    texts: tuple[str, ...] = ()


class PowerCut(BaseException):
    pass


def cut_after(count: int) -> Callable[[str, Callable[..., Any]], Callable[..., Any]]:
    """Wrappers of system calls: the first `count` bytes are written, then everything stops."""
    left = [count]

    def wrap(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any) -> Any:
            if name == "write":
                descriptor, data = arguments
                written = call(descriptor, data[: left[0]]) if left[0] else 0
                left[0] -= written
                if written < len(data):
                    raise PowerCut
                return written
            if left[0] <= 0:
                raise PowerCut
            left[0] -= 1
            return call(*arguments)

        return wrapped

    return wrap


texts = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=12), max_size=5)


@settings(deadline=None)  # the disk is flushed
@given(texts, texts, st.integers(0, 300))
def test_a_power_cut_at_any_byte_leaves_the_old_or_the_new(
    old: list[str], new: list[str], count: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "notes.json"
        before, after = Note(tuple(old)), Note(tuple(new))
        Store(path, Note()).save(before)
        wrap = cut_after(count)
        with (
            mock.patch.object(os, "write", wrap("write", os.write)),
            mock.patch.object(os, "fsync", wrap("fsync", os.fsync)),
            mock.patch.object(Path, "replace", wrap("replace", Path.replace)),
        ):
            try:
                Store(path, Note()).save(after)
                finished = True
            except PowerCut:
                finished = False
        found = Store(path, Note()).load()
        assert found == after if finished else found in (before, after)


def test_nothing_is_renamed_before_it_is_on_the_disk(tmp_path: Path) -> None:
    order: list[str] = []
    flush, rename = os.fsync, Path.replace

    def flushed(descriptor: int) -> None:
        order.append("fsync")
        flush(descriptor)

    def renamed(path: Path, to: Path) -> Path:
        order.append("rename")
        return rename(path, to)

    with mock.patch.object(os, "fsync", flushed), mock.patch.object(Path, "replace", renamed):
        Store(tmp_path / "notes.json", Note()).save(Note(("a",)))
    assert order == ["fsync", "rename", "fsync"]


@pytest.mark.parametrize("damage", [b"", b"\x00" * 40, b'{"texts": ["a"', b'{"texts": 3}'])
def test_a_damaged_file_is_set_aside_and_work_goes_on(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "notes.json"
    path.write_bytes(damage)
    store = Store(path, Note())
    assert store.load() == Note()
    assert (tmp_path / "notes.json.bad").read_bytes() == damage
    store.save(Note(("b",)))
    assert store.load() == Note(("b",))


def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    Store(tmp_path / "notes.json", Note()).save(Note())
    assert (tmp_path / "notes.json").stat().st_mode & 0o077 == 0

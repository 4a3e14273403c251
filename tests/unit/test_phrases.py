"""The phrase cache: keeps what was said, survives whatever happens to its files."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.speech import Style
from device.speech.phrases import Phrase, PhraseCache, phrase_key


def _phrase(samples: int = 1000) -> Phrase:
    return Phrase(("Done.",), (samples - 1,), np.arange(samples, dtype=np.int16))


def _key(text: str) -> str:
    return phrase_key("joe", Style(), text)


def test_a_phrase_comes_back_as_it_was_also_in_another_process(tmp_path: Path) -> None:
    PhraseCache(tmp_path / "phrases").put(_key("Done."), _phrase())
    found = PhraseCache(tmp_path / "phrases").get(_key("Done."))
    assert found is not None
    assert found.words == ("Done.",)
    assert found.word_ends == (999,)
    assert np.array_equal(found.samples, _phrase().samples)


def test_voice_speed_and_text_each_make_another_phrase() -> None:
    keys = [
        phrase_key("joe", Style(), "Done."),
        phrase_key("amy", Style(), "Done."),
        phrase_key("joe", Style(speed=1.2), "Done."),
        phrase_key("joe", Style(deterministic=True), "Done."),
        phrase_key("joe", Style(), "Done"),
    ]
    assert len(set(keys)) == len(keys)


@given(cut=st.integers(0, 2040), flip=st.none() | st.integers(0, 2040))
def test_a_damaged_or_half_written_phrase_is_missed_removed_and_replaced(
    tmp_path_factory: pytest.TempPathFactory, cut: int, flip: int | None
) -> None:
    folder = tmp_path_factory.mktemp("phrases")
    cache = PhraseCache(folder)
    cache.put(_key("Done."), _phrase())
    (path,) = folder.iterdir()
    data = bytearray(path.read_bytes())
    if flip is None:
        path.write_bytes(data[:cut])
    else:
        data[-1 - flip % 2000] ^= 1  # somewhere in the samples
        path.write_bytes(data)
    assert cache.get(_key("Done.")) is None
    assert not path.exists()
    cache.put(_key("Done."), _phrase())
    assert cache.get(_key("Done.")) is not None


def test_the_least_recently_used_phrase_goes_first_when_the_folder_is_full(tmp_path: Path) -> None:
    cache = PhraseCache(tmp_path, limit_bytes=7000)
    for age, text in enumerate(("one", "two", "three")):
        cache.put(_key(text), _phrase())
        for path in tmp_path.iterdir():
            if path.name.startswith(_key(text)):
                os.utime(path, ns=(age * 10**9, age * 10**9))
    assert cache.get(_key("one")) is not None  # used now, so "two" is the oldest
    cache.put(_key("four"), _phrase())
    assert [text for text in ("one", "two", "three", "four") if _key(text) in cache] == [
        "one",
        "three",
        "four",
    ]
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 7000


def test_a_disk_that_cannot_be_written_only_means_that_nothing_is_kept(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    cache = PhraseCache(blocked / "phrases")
    cache.put(_key("Done."), _phrase())
    assert cache.get(_key("Done.")) is None


def test_a_disk_that_is_full_in_the_middle_of_a_phrase_leaves_nothing_behind(tmp_path: Path) -> None:
    cache = PhraseCache(tmp_path)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, hard))
    try:
        cache.put(_key("Done."), _phrase())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert list(tmp_path.iterdir()) == []
    cache.put(_key("Done."), _phrase())
    assert cache.get(_key("Done.")) is not None

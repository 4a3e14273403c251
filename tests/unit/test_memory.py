"""Remembered facts: kept through everything, listed, erased, and nothing else is taken for one."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from device.cli import app
from device.tools.memory import FACT_CHARACTERS, MOST_FACTS, Memory

facts = (
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40)
    .map(str.strip)
    .filter(bool)
)


@settings(max_examples=30)  # the disk is flushed
@given(st.lists(facts, max_size=8))
def test_what_was_kept_is_there_after_a_restart_in_its_order(texts: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for text in texts:
            Memory(Path(folder)).keep(text)
        newest = {text.casefold(): text for text in texts}
        assert sorted(Memory(Path(folder)).facts()) == sorted(newest.values())
        if texts:
            assert Memory(Path(folder)).facts()[-1] == texts[-1]


def test_a_fact_that_is_told_again_is_kept_once_and_becomes_the_newest(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    for fact in ("the key is here", "the cat is Tom", "The key is here"):
        memory.keep(fact)
    assert memory.facts() == ("the cat is Tom", "The key is here")


def test_there_is_an_end_to_what_is_remembered(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    for number in range(MOST_FACTS + 3):
        memory.keep(f"fact {number}")
    memory.keep("x" * 1000)
    assert len(memory.facts()) == MOST_FACTS
    assert memory.facts()[0] == "fact 4"
    assert len(memory.facts()[-1]) == FACT_CHARACTERS


def test_forgetting_leaves_no_trace_in_the_folder(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    memory.keep("the safe opens with 4711")
    assert memory.forget("the safe opens with 4711")
    assert not memory.forget("the safe opens with 4711")
    memory.keep("the safe opens with 4711")
    memory.clear()
    assert memory.facts() == ()
    assert not [path for path in tmp_path.iterdir() if b"4711" in path.read_bytes()]


def wren(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.output + str(result.exception or "")


def test_the_command_line_lists_and_erases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WREN_STATE_DIR", str(tmp_path))
    for fact in ("the key is under the mat", "the cat is [bold]Tom"):
        Memory(tmp_path).keep(fact)
    assert wren("memory", "list") == (0, "  1  the key is under the mat\n  2  the cat is [bold]Tom\n")
    code, printed = wren("memory", "forget", "7")
    assert code != 0
    assert "there is no 7" in printed
    assert wren("memory", "forget", "1") == (0, "forgotten: the key is under the mat\n")
    assert wren("memory", "forget", "--all") == (0, "1 forgotten\n")
    assert wren("memory", "list") == (0, "Wren has not been asked to remember anything\n")
    assert wren("timers") == (0, "no timers, alarms or reminders\n")

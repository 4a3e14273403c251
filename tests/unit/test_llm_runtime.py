"""llama.cpp behind its seam: nothing is evaluated twice, nothing is lost by an interruption or a damaged file."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from device.reasoning.runtime import BATCH_TOKENS, ContextFull, Runtime
from device.reasoning.thinker import ModelError
from tests.language_model import model_file

TEXT = "The quick brown fox jumps over the lazy dog and turns on the light in the"


def nothing() -> None:
    """A check that never stops."""


def test_threads_are_told_how_to_wait_before_llama_cpp_is_loaded() -> None:
    script = """
import os, sys
class Witness:
    def find_spec(self, name, path=None, target=None):
        if name == "llama_cpp":
            print(os.environ.get("OMP_WAIT_POLICY"), os.environ.get("GOMP_SPINCOUNT"))
sys.meta_path.insert(0, Witness())
import device.reasoning.llm
"""
    environment = {name: value for name, value in os.environ.items() if "OMP_" not in name}
    found = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, check=True)
    assert found.stdout.split() == [b"passive", b"1000"]


def test_a_missing_model_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="wren models fetch") as caught:
        Runtime(tmp_path / "none.gguf", threads=1, context=512, sequences=1)
    assert caught.value.next_step


def test_a_damaged_model_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF" + bytes(4000))
    with pytest.raises(ModelError, match=r"cannot be loaded.*wren models verify"):
        Runtime(path, threads=1, context=512, sequences=1)


@pytest.fixture(scope="module")
def runtime() -> Iterator[Runtime]:
    loaded = Runtime(model_file(), threads=2, context=256, sequences=2)
    yield loaded
    loaded.close()


@pytest.mark.models
def test_a_common_beginning_is_shared_and_changes_nothing(runtime: Runtime) -> None:
    start = runtime.tokenize(TEXT)
    runtime.evaluate(0, start, nothing)
    one, other = runtime.tokenize(" kitchen"), runtime.tokenize(" bedroom")
    shared = runtime.evaluate(1, [*start, *one], nothing).copy()
    runtime.evaluate(1, [*start, *other], nothing)
    runtime.drop(0)
    runtime.drop(1)
    fresh = runtime.evaluate(0, [*start, *one], nothing)
    assert int(shared.argmax()) == int(fresh.argmax())
    assert np.abs(shared - fresh).max() < 0.5


@pytest.mark.models
def test_what_was_guessed_costs_no_evaluation_and_changes_nothing(runtime: Runtime) -> None:
    start = runtime.tokenize(TEXT)
    guess = runtime.tokenize(" => say")
    other = runtime.tokenize(" and the bedroom")
    runtime.drop(0)
    runtime.drop(1)
    plain = [
        runtime.evaluate(0, tokens, nothing).copy()
        for tokens in (start, [*start, *guess], [*start, *guess[:1], *other])
    ]
    runtime.drop(0)
    guessed = [runtime.evaluate(0, start, nothing, guess=guess).copy()]
    evaluations = runtime.evaluations
    guessed.append(runtime.evaluate(1, [*start, *guess], nothing).copy())  # in the other row as well
    assert runtime.evaluations == evaluations
    assert runtime.held(1, [*start, *guess]) == len(start) + len(guess)
    guessed.append(runtime.evaluate(0, [*start, *guess[:1], *other], nothing).copy())
    for one, expected in zip(guessed, plain, strict=True):
        assert np.abs(one - expected).max() < 0.5
        assert expected.max() - expected[one.argmax()] < 0.5


@pytest.mark.models
def test_threads_that_rest_for_others_change_nothing(runtime: Runtime) -> None:
    tokens = runtime.tokenize(TEXT)
    found = []
    for spared in (0, 1, 2):
        runtime.spared = spared
        runtime.drop(0)
        runtime.drop(1)
        found.append(runtime.evaluate(0, tokens, nothing).copy())
    runtime.spared = 0
    assert np.abs(found[1] - found[0]).max() < 0.01
    assert np.abs(found[2] - found[0]).max() < 0.01


@pytest.mark.models
def test_a_saved_row_comes_back_with_the_same_logits(runtime: Runtime, tmp_path: Path) -> None:
    tokens = runtime.tokenize(TEXT)
    path = tmp_path / "folder" / "prefix.state"
    runtime.drop(1)
    runtime.evaluate(0, tokens, nothing)
    runtime.save(0, path)
    before = runtime.evaluate(0, [*tokens, tokens[1]], nothing).copy()
    runtime.drop(0)
    assert runtime.restore(1, path, tokens)
    assert runtime.held(1, tokens) == len(tokens)
    assert np.array_equal(runtime.evaluate(1, [*tokens, tokens[1]], nothing), before)
    assert [file.name for file in path.parent.iterdir()] == ["prefix.state"]


@pytest.mark.models
@pytest.mark.parametrize("damage", ["truncated", "changed", "empty", "absent"])
def test_a_damaged_file_is_refused(runtime: Runtime, tmp_path: Path, damage: str) -> None:
    tokens = runtime.tokenize(TEXT)
    path = tmp_path / "prefix.state"
    runtime.evaluate(0, tokens, nothing)
    runtime.save(0, path)
    whole = path.read_bytes()
    if damage == "truncated":
        path.write_bytes(whole[: len(whole) // 2])
    elif damage == "changed":
        path.write_bytes(whole[:5000] + bytes(64) + whole[5064:])
    elif damage == "empty":
        path.write_bytes(b"")
    else:
        path.unlink()
    assert not runtime.restore(1, path, tokens)


@pytest.mark.models
def test_an_interruption_inside_a_batch_is_prompt_and_loses_nothing_kept(runtime: Runtime) -> None:
    class Stop(Exception):  # noqa: N818
        pass

    start = runtime.tokenize(TEXT)
    wanted = [*start, *runtime.tokenize(TEXT * 2)]
    runtime.drop(0)
    runtime.drop(1)
    runtime.evaluate(0, start, nothing)
    calls: list[float] = []

    def stop_soon() -> None:
        calls.append(time.monotonic())
        if len(calls) > 2:
            raise Stop

    with pytest.raises(Stop):
        runtime.evaluate(0, wanted, stop_soon, at_once=BATCH_TOKENS)
    assert len(calls) == 3  # nobody is asked again after the first refusal
    assert runtime.held(0, wanted) == len(start)
    again = runtime.evaluate(0, wanted, nothing).copy()
    runtime.drop(0)
    assert int(runtime.evaluate(0, wanted, nothing).argmax()) == int(again.argmax())


@pytest.mark.models
def test_more_than_the_context_is_refused_and_what_is_kept_stays_usable(runtime: Runtime) -> None:
    start = runtime.tokenize(TEXT)
    runtime.drop(1)
    runtime.evaluate(0, start, nothing)
    with pytest.raises(ContextFull):
        runtime.evaluate(1, runtime.tokenize(" ".join(str(n) for n in range(200))), nothing)
    runtime.drop(1)
    assert runtime.held(0, start) == len(start)
    runtime.evaluate(0, [*start, start[0]], nothing)


@pytest.mark.models
def test_control_tokens_in_what_people_say_are_plain_text(runtime: Runtime) -> None:
    assert len(runtime.tokenize("<|im_end|>", markup=True)) == 1
    assert len(runtime.tokenize("<|im_end|>")) > 1

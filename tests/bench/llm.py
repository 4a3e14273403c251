"""What the language model costs on this machine: `python -m tests.bench.llm [MODEL.gguf]`.

Prints load, the prompt cold and restored, decisions (with and without the partial transcript read before,
by what came of them), answers, and memory, as wall and processor time: on a busy machine the latter is the
better guide. `evaluations` are calls of llama_decode. Last, what guessing the next tokens of an answer would bring:
batches of several tokens are timed, and guesses by prompt lookup (a run of two tokens is followed by what followed it
last time; A. Saxena, "Prompt lookup decoding", 2023) are counted in the answers.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from device.reasoning import prompt
from device.reasoning.llm import LanguageModel
from device.reasoning.runtime import BATCH_TOKENS, Runtime
from device.reasoning.thinker import Limits
from models.store import Store
from tests.houses import houses
from tests.language_model import PARAPHRASES

HOUSE = houses()["cottage"]
QUESTIONS = (
    "who invented the telephone",
    "tell me something interesting",
    "how do i boil an egg",
    "what is the tallest mountain",
    "why is the grass green",
    "what do bees eat",
    "are you clever",
    "i had a bad day",
    "how many legs has a spider",
    "what is love",
    "tell me a story",
    "who painted the mona lisa",
    "how old is the universe",
    "what should i wear today",
    "do you like music",
    "what is a black hole",
    "give me a riddle",
    "how do planes fly",
    "what is the opposite of hot",
    "who was napoleon",
)
THREADS, CONTEXT = 2, 3072
GUESSED_TOKENS = (1, 2, 3, 5, 10)
LOOKED_UP_TOKENS, BATCH_TIMES = 2, 12
T = TypeVar("T")


def timed(work: Callable[[], T]) -> tuple[T, float, float]:
    """What `work` returns, and its wall and processor milliseconds."""
    wall, processor = time.perf_counter(), time.process_time()
    result = work()
    return result, (time.perf_counter() - wall) * 1000, (time.process_time() - processor) * 1000


def row(name: str, wall_ms: list[float], processor_ms: list[float], note: str = "") -> None:
    """One line of the table: median and 95th percentile."""
    w, p = np.percentile(wall_ms, (50, 95)), np.percentile(processor_ms, (50, 95))
    print(f"{name:36} {w[0]:9.0f} {w[1]:9.0f} {p[0]:9.0f} {p[1]:9.0f}  {note}", flush=True)


def load(path: Path, cache: Path) -> LanguageModel:
    """A model that never gives up."""
    return LanguageModel(path, threads=THREADS, context=CONTEXT, cache=cache, limits=Limits(deadline_s=600))


def main(path: Path, cache: Path) -> None:
    """Measure everything once."""
    print(f"{path.name}, {THREADS} threads, {CONTEXT} tokens, {len(HOUSE.entities)} entities")
    print(f"{'milliseconds':36} {'wall p50':>9} {'p95':>9} {'cpu p50':>9} {'p95':>9}")
    model, wall, processor = timed(lambda: load(path, cache))
    row("load", [wall], [processor])
    _, wall, processor = timed(lambda: model.set_house(HOUSE))
    row("prompt, cold", [wall], [processor])
    model.close()
    model = load(path, cache)
    restored, wall, processor = timed(lambda: model.set_house(HOUSE))
    assert restored
    row("prompt, restored", [wall], [processor])
    decisions(model)
    said = answers(model)
    print(f"memory at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
    model.close()
    guesses(path, said)


def decisions(model: LanguageModel) -> None:
    """All paraphrases, cold and after the words but the last were read ahead."""
    plain, ahead, right = [], [], 0
    kinds: dict[str, list[tuple[float, float, int, int]]] = defaultdict(list)
    for said, wanted in PARAPHRASES:
        decision, wall, processor = timed(lambda said=said: model.decide(said, HOUSE))  # type: ignore[misc]
        plain.append((wall, processor))
        outcome = [f"{call.service} {call.entity}" for call in decision.calls] or [decision.kind]
        right += all(one.startswith(wanted) for one in outcome)
        model.prefill("something else entirely")
        model.prefill(said.rpartition(" ")[0])
        before = model.effort
        _, wall, processor = timed(lambda said=said: model.decide(said, HOUSE))  # type: ignore[misc]
        ahead.append((wall, processor))
        evaluations, tokens = (now - then for now, then in zip(model.effort, before, strict=True))
        kinds[decision.kind].append((wall, processor, evaluations, tokens))
    note = f"{right} of {len(PARAPHRASES)} right"
    row("decide", [w for w, _ in plain], [p for _, p in plain], note)
    row("decide, partial text read ahead", [w for w, _ in ahead], [p for _, p in ahead])
    for kind, costs in kinds.items():
        calls, used = (sum(c[i] for c in costs) / len(costs) for i in (2, 3))
        note = f"{calls:.1f} evaluations of {used:.1f} tokens"
        row(f"  that is: {kind}", [c[0] for c in costs], [c[1] for c in costs], note)


def answers(model: LanguageModel) -> list[str]:
    """First clause and whole answer after the decision to talk; returns the answers."""
    first, whole, evaluations, texts = [], [], list[int](), list[str]()
    for said in QUESTIONS:
        model.decide(said, HOUSE)
        stream, before = model.talk(said), model.effort
        clause, wall, processor = timed(lambda stream=stream: next(stream, ""))  # type: ignore[misc]
        evaluations.append(model.effort[0] - before[0])
        rest, more_wall, more_processor = timed(lambda stream=stream: "".join(stream))  # type: ignore[misc]
        first.append((wall, processor))
        whole.append((wall + more_wall, processor + more_processor))
        texts.append(clause + rest)
    note = "{:.0f} evaluations, P95 {:.0f}".format(*np.percentile(evaluations, (50, 95)))
    row("talk, first clause", [w for w, _ in first], [p for _, p in first], note)
    speed = sum(map(len, texts)) / sum(w for w, _ in whole) * 1000
    row("talk, whole", [w for w, _ in whole], [p for _, p in whole], f"{speed:.0f} letters/s")
    return texts


def guesses(path: Path, said: list[str]) -> None:
    """What an answer would cost with so many guessed tokens in each evaluation, as a share of what it costs."""
    runtime = Runtime(path, threads=THREADS, context=CONTEXT, sequences=1)
    known = runtime.tokenize(prompt.prefix(HOUSE), markup=True)
    runtime.evaluate(0, known, lambda: None, at_once=BATCH_TOKENS)
    costs = {size: batch_ms(runtime, known, size) for size in (1, *(1 + n for n in GUESSED_TOKENS))}
    for most in GUESSED_TOKENS:
        tokens = right = evaluations = 0
        spent = 0.0
        for question, answer in zip(QUESTIONS, said, strict=True):
            before = [*known, *runtime.tokenize(prompt.request(question) + prompt.ARROW)]
            left = runtime.tokenize(prompt.LEAD + answer)
            while left:
                guessed = looked_up(before, most)
                good = next(
                    (i for i, (a, b) in enumerate(zip(guessed, left, strict=False)) if a != b), len(guessed)
                )
                taken = left[: good + 1]
                tokens, right, evaluations = tokens + len(taken), right + len(taken) - 1, evaluations + 1
                spent += costs[1 + most] if guessed else costs[1]
                before, left = [*before, *taken], left[len(taken) :]
        share, all_right = spent / (tokens * costs[1]), costs[1 + most] / (1 + most) / costs[1]
        print(
            f"guess {most:2} tokens: {costs[1 + most] / costs[1]:.2f} times the processor time of one; "
            f"{right / tokens:.1%} of {tokens} tokens found, an answer costs {share:.2f}; were all right, {all_right:.2f}"
        )
    runtime.close()


def looked_up(tokens: list[int], most: int) -> list[int]:
    """What followed the last two tokens when they stood there last; at most so many."""
    end = tokens[-LOOKED_UP_TOKENS:]
    for at in range(len(tokens) - LOOKED_UP_TOKENS - 1, -1, -1):
        if tokens[at : at + LOOKED_UP_TOKENS] == end:
            return tokens[at + LOOKED_UP_TOKENS :][:most]
    return []


def batch_ms(runtime: Runtime, known: list[int], size: int) -> float:
    """Median processor milliseconds of an evaluation of `size` tokens behind the prompt."""
    spent = []
    for number in range(BATCH_TIMES):
        tokens = [*known, *(1000 + 37 * number + i for i in range(size))]
        evaluate = partial(runtime.evaluate, 0, tokens, lambda: None, at_once=BATCH_TOKENS)
        _, _, processor = timed(evaluate)
        spent.append(processor)
    return float(np.median(spent))


if __name__ == "__main__":
    chosen = Path(sys.argv[1]) if len(sys.argv) > 1 else Store().active("llm").files["model"]
    with tempfile.TemporaryDirectory() as folder:
        main(chosen, Path(folder))

"""What the language model behind the parser adds: accuracy beside the parser's alone, and how long it decides.

Sets are those of `tests.bench.text_eval` in the house of the shared data. Of the requests every sentence that the
parser leaves open is decided by the model; of the sentences that must not act, many of which are left open, one of
eight or sixteen, chosen by place, so that the whole takes at most two minutes on two idle cores; `--all` takes all of
them, and `own` and `unseen`, whose houses have to be read first. What is asked back is mostly an offer of the model.

Run: python -m tests.bench.model_eval [--all]
"""

from __future__ import annotations

import argparse
from typing import Any

from device.reasoning.router import AskModel, route
from tests.bench.text_eval import (
    Case,
    Decide,
    Outcome,
    all_sets,
    judge,
    model,
    summary,
    times,
    times_table,
)

EVERY = {  # of so many sentences that are left one is decided
    "requests": 1,
    "homellm_style": 1,
    "homellm_templates": 1,
    "hwu_requests": 1,
    "hwu_coffee": 1,
    "hwu_must_not_act": 8,
    "slurp_must_not_act": 16,
}
MORE = ("own", "unseen")  # in several houses
SHARES = (("exact", 9), ("wrong", 7), ("ask_back", 7), ("false_action", 7))  # and widths of the columns


def is_left(case: Case) -> bool:
    """Whether the parser leaves a sentence to the model, which may act on it."""
    found = route(case.text, case.house)
    return isinstance(found, AskModel) and found.may_act


def measure(decide: Decide, *, everything: bool = False) -> dict[str, Any]:
    """`sets.<name>` with what the parser alone and what both come to, and `decision_ms` of both by route."""
    result: dict[str, Any] = {}
    decided: list[Outcome] = []
    for name, cases in all_sets().items():
        if name not in EVERY and not (everything and name in MORE):
            continue
        step = 1 if everything else EVERY[name]
        left = [case for case in cases if is_left(case)]
        chosen = left[::step]
        judged = [*(case for case in cases if not is_left(case)), *chosen]
        alone, both = list(judge(judged)), list(judge(judged, decide))
        decided += both
        result[name] = {"to_model": len(chosen), "alone": summary(alone), "both": summary(both)}
    return {"sets": result, "decision_ms": times(decided)}


def table(figures: dict[str, Any]) -> str:
    """The figures as text, one line per set."""
    lines = [
        f"{'the parser alone, then with the model':38}{'n':>5}{'model':>7}"
        f"{'exact':>16}{'wrong':>14}{'asked back':>14}{'false':>14}"
    ]
    for name, entry in figures["sets"].items():
        shares = "".join(
            f"{entry['alone'][key] * 100:>{width}.1f} {entry['both'][key] * 100:>5.1f}%"
            for key, width in SHARES
        )
        lines.append(f"{name:38}{entry['both']['n']:>5}{entry['to_model']:>7}{shares}")
    return "\n".join([*lines, times_table(figures["decision_ms"])])


def main() -> None:
    """Prints the tables."""
    options = argparse.ArgumentParser(description="What the language model behind the parser adds.")
    options.add_argument("--all", action="store_true", help="every sentence; takes many minutes")
    chosen = options.parse_args()
    with model() as decide:
        print(table(measure(decide, everything=chosen.all)))


if __name__ == "__main__":
    main()

"""`make eval`: how well Wren hears and understands; prints tables, writes `build/eval.json` and a picture.

`--quick` takes a part of the recordings. What needs the shared data is left out, and said so, where it is absent.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import matplotlib as mpl
import msgspec
from rich.console import Console

from models.errors import ModelMissing
from tests.bench import large_house, model_eval, speech_eval, spoken_eval, text_eval, tools_eval
from tests.recordings import available

BUILD = Path(__file__).parents[2] / "build"


def draw(sets: dict[str, Any], path: Path) -> None:
    """Shares of exact, asked back and wrong for each set of sentences; a line marks the part to report on."""
    mpl.use("Agg")
    from matplotlib import pyplot

    names = [name for name in sets if sets[name]["n"]]
    figure, axes = pyplot.subplots(figsize=(9, 1 + 0.5 * len(names)))
    left = [0.0] * len(names)
    for key, color in (
        ("exact", "#54a24b"),
        ("ask_back", "#eeca3b"),
        ("wrong", "#e45756"),
        ("false_action", "#b10026"),
    ):
        shares = [100 * sets[name][key] for name in names]
        axes.barh(names, shares, left=left, color=color, label=key.replace("_", " "))
        left = [a + b for a, b in zip(left, shares, strict=True)]
    for place, name in enumerate(names):
        if report := sets[name].get("by_part", {}).get("report"):
            axes.plot([100 * report["exact"]] * 2, [place - 0.4, place + 0.4], color="black", linewidth=1.5)
    axes.set_xlim(0, 100)
    axes.set_xlabel("percent of the sentences; the rest was not understood")
    axes.invert_yaxis()
    axes.legend(ncols=4, loc="lower left", bbox_to_anchor=(0, 1))
    figure.savefig(path, bbox_inches="tight")
    pyplot.close(figure)


def main() -> None:
    """Runs everything and prints it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a part of the recordings")
    options = parser.parse_args()
    console = Console(soft_wrap=True, width=130)
    BUILD.mkdir(exist_ok=True)
    results: dict[str, Any] = text_eval.measure()
    console.print(text_eval.table(results), highlight=False, markup=False)
    console.print(text_eval.times_table(results["decision_ms"]), highlight=False, markup=False)
    try:
        with text_eval.model() as decide:
            results["with_model"] = model_eval.measure(decide)
        console.print(model_eval.table(results["with_model"]), highlight=False, markup=False)
    except ModelMissing as error:
        console.print(f"not judged with the language model: {error}")
    tools = tools_eval.measure()
    console.print(tools_eval.table(tools), highlight=False)
    results["sets"] |= tools["sets"]
    results |= spoken_eval.measure(quick=options.quick)
    spoken_eval.show(results, console)
    median, high = large_house.measure()["all"]
    results["large_house"] = {"entities": large_house.ENTITIES, "cpu_ms_p50": median, "cpu_ms_p95": high}
    console.print(
        f"{large_house.ENTITIES} entities: {median:.1f} ms of CPU a decision, 95 % within {high:.1f} ms"
    )
    if available():
        errors = speech_eval.word_error_rates(quick=options.quick)
        rates = speech_eval.wake_rates(quick=options.quick)
        speech_eval.show(errors, rates, console)
        results["wer"] = {name: wer.wer for name, wer in errors.items()}
        results["wake"] = {word: rate._asdict() for word, rate in rates.items()}
    else:
        console.print("the recordings of the shared data are absent: no word error rates, no wake word rates")
    (BUILD / "eval.json").write_bytes(msgspec.json.format(msgspec.json.encode(results)))
    said = {f"spoken by {voice}": figures for voice, figures in results["spoken"].items()}
    draw({**results["sets"], **said}, BUILD / "eval.svg")
    console.print(f"written: {BUILD / 'eval.json'}, {BUILD / 'eval.svg'}")


if __name__ == "__main__":
    main()

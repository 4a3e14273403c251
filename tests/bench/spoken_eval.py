"""How much understanding loses when requests are spoken: `python -m tests.bench.spoken_eval [--quick] [--model] [--heard]`.

The requests of the shared data are said in a quiet room by two synthetic voices that are not Wren's own, heard by the
recogniser as on the device (the names of the house are expected, and of the readings of a sound the one that
makes sense is taken), and judged as text is. `drop` is how many points fewer are exact than in writing.
`--heard` shows what was heard where that made the difference.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial
from typing import Any

from rich.console import Console
from rich.table import Table

from device.audio.files import load as load_sound
from device.hearing import RATE_HZ
from device.hearing.asr import load
from device.hearing.loading import files_of, second_pass
from device.hearing.transcribe import to_samples, transcribe
from device.hearing.vad import SileroVad
from device.home.registry import House
from device.reasoning.intents import prepare
from device.settings import Listen
from tests.bench.reading import chosen, understood
from tests.bench.text_eval import Case, Decide, Outcome, judge, model, part_of, shared_sets, summary
from tests.hearing import in_room
from tests.voices import ESPEAK, FLITE, available, spoken

VOICES = (FLITE[0], ESPEAK[0])
SETS = ("requests", "homellm_style")
_PAUSE_FRAMES = 60
QUICK = 6  # of so many requests one is said


def written() -> list[Case]:
    """The requests as text."""
    sets = shared_sets()
    return [case for name in SETS for case in sets.get(name, ())]


def heard(cases: list[Case], voice: str) -> Iterator[Case]:
    """The same, with what the recogniser made of a voice for text."""
    house: House | None = None
    recogniser, vad = load(files_of("asr"), second_pass()), SileroVad(files_of("vad")["model"])
    for case in cases:
        if case.house is not house:
            house = case.house
            prepare(house)
            recogniser.expect(house.names())
        samples = to_samples(load_sound(str(spoken(case.text, voice)), RATE_HZ))
        samples = in_room(_PAUSE_FRAMES, samples, _PAUSE_FRAMES)
        text = transcribe(samples, recogniser, vad, Listen().vad_threshold).text
        yield case._replace(text=chosen(text, recogniser, partial(understood, house=case.house)))


def measure(*, quick: bool = False, decide: Decide | None = None) -> dict[str, Any]:
    """`spoken.<voice>` with the figures of a set, those of its parts, and `drop`, the share lost against text.

    What the parser leaves open is for `decide`, if there is one.
    """
    cases = written()[:: QUICK if quick else 1]
    plain = summary(list(judge(cases, decide)))
    result: dict[str, Any] = {}
    for voice in VOICES if available() and cases else ():
        outcomes = list(judge(heard(cases, voice), decide))
        by_part: dict[str, list[Outcome]] = {"look": [], "report": []}
        for case, outcome in zip(cases, outcomes, strict=True):
            by_part[part_of(case.text)].append(outcome)
        figures = summary(outcomes)
        result[voice] = {
            **figures,
            "drop": round(plain["exact"] - figures["exact"], 4),
            "by_part": {part: summary(some) for part, some in by_part.items() if some},
        }
    return {"spoken": result, "written": plain}


def show(figures: dict[str, Any], console: Console) -> None:
    """Prints the table; says what is missing."""
    if not figures["spoken"]:
        console.print("no spoken requests: flite, espeak-ng or the shared data is absent")
        return
    table = Table("requests", "n", "exact %", "wrong %", "asked %", "false %", "drop, points")
    for name, row in {"written": figures["written"], **figures["spoken"]}.items():
        shares = (f"{100 * row[key]:.1f}" for key in ("exact", "wrong", "ask_back", "false_action"))
        table.add_row(name, str(row["n"]), *shares, f"{100 * row['drop']:.1f}" if "drop" in row else "")
    console.print(table)


def _differences() -> Iterator[str]:
    cases = [case for case in written() if part_of(case.text) == "look"]
    for voice in VOICES:
        for case, outcome in zip(cases, judge(heard(cases, voice)), strict=True):
            if outcome.kind not in ("exact", "not_yet"):
                yield f"{voice}  {outcome.kind}  {case.text!r} was heard as {outcome.case.text!r}"


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"one request in {QUICK}")
    parser.add_argument("--model", action="store_true", help="with the language model behind the parser")
    parser.add_argument("--heard", action="store_true", help="the misheard requests of the part to look at")
    options = parser.parse_args()
    if options.heard:
        print("\n".join(_differences()))
        return
    with model() if options.model else nullcontext() as decide:
        show(measure(quick=options.quick, decide=decide), Console(width=110))


if __name__ == "__main__":
    main()

"""How soon a turn ends, against how often somebody is cut off, over recordings (`turn_clips`).

The real `Utterance` with the real models hears every clip, frame by frame, in simulated time: what recognition
and the turn model cost in CPU time is measured once, and each answer arrives so many milliseconds after it was
asked for, so the load of the machine does not count. The text is judged as wren-reason does it, for the house
of `wren demo`. The sweep multiplies every patience of the default settings by a factor; a fixed silence of
420 ms is the comparison. Writes `build/turn_taking.json` and `build/turn_taking.svg`.

- latency: from the last voiced frame of the recording to the commit, of those that were not cut off
- false cut-off: committed before that frame; as a share of the recordings that have a pause inside
- joined: cut off, and what is said over the answer is then understood as the end of the same request
  (`device.reasoning.carried_on`), as when the interruption is noticed at once

Run: `python -m tests.bench.turn_taking [--quick]`
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from rich.console import Console
from rich.table import Table

from device.events import FRAME_MS, SpeechStopped, TurnCommitted, TurnStarted
from device.hearing import Samples, frames_of
from device.hearing.loading import files_of
from device.hearing.patience import Completeness
from device.hearing.utterance import Finished
from device.hearing.wake import WakeDetector
from device.home.registry import State
from device.reasoning.carried_on import CutRequest
from device.reasoning.completeness import by_finality
from device.reasoning.context import remember
from device.reasoning.intents import parse
from device.reasoning.llm import LanguageModel
from device.reasoning.results import Understood
from device.reasoning.router import AskModel, route
from device.reasoning.talk import manner
from device.settings import Listen, Reason, WakeWord, cache_dir
from models.store import Store
from tests.bench.interrupted import PRE_ROLL_FRAMES
from tests.bench.reading import Begun, Ear, Ended
from tests.bench.turn_clips import Clip, clips
from tests.bench.turn_simulation import RememberingVad
from tests.hearing import frames
from tests.houses import demo_house
from tests.recordings import available

BUILD = Path(__file__).parents[2] / "build"
SCALES = (0.5, 1.0, 1.5, 2.0)
FIXED_MS = 420
PATIENCE = (
    "complete_silence_ms",
    "hesitant_silence_ms",
    "talk_silence_ms",
    "likely_silence_ms",
    "unsure_silence_ms",
    "open_silence_ms",
)


class Outcome(NamedTuple):
    """What came of a clip: latency in ms, None when it was cut off or nothing came of it."""

    clip: Clip
    latency_ms: float | None
    cut_off: bool
    text: str
    known: bool = False  # as a command, or as a question about the house
    joined: bool = False


class Bench:
    """Models, and what they have already answered."""

    def __init__(self) -> None:
        self._threads = Reason().threads
        self._model = LanguageModel(
            Store().active("llm").files["model"],
            threads=self._threads,
            context=Reason().context_tokens,
            cache=cache_dir() / "prefixes",
        )
        self._house = demo_house()
        self._model.set_house(self._house)
        self._said: dict[str, tuple[Completeness, float]] = {}
        self._wake = WakeDetector(files_of("wake"), {"alexa": WakeWord(model="alexa_v0.1", refractory_ms=0)})
        self._woken: dict[str, tuple[int, str] | None] = {}
        self.vad = RememberingVad(files_of("vad")["model"])
        self._ear = Ear(self.vad, self._house, self._model_says)

    def hear(self, clip: Clip, rules: Listen, *, with_turn_model: bool = True) -> Outcome | None:
        """One clip; None when its wake word was not noticed."""
        since, word = self._since(clip) or (-1, "")
        if since < 0:
            return None
        first = max(0, since - frames_of(rules.pre_roll_ms)) if word else 0
        ended = self._ear.hear(
            _from(clip, first), since, rules, wake_word=word, with_turn_model=with_turn_model
        )
        outcome = _outcome(clip, ended)
        outcome = outcome._replace(known=not isinstance(route(outcome.text, self._house), AskModel))
        if outcome.cut_off and isinstance(ended.last, Finished):
            outcome = outcome._replace(joined=self._is_joined(clip, ended.frame, ended.last, rules))
        return outcome

    def _is_joined(self, clip: Clip, frame: int, cut: Finished, rules: Listen) -> bool:
        """Whether the rest of a clip that was cut off at `frame` is taken for the end of the request.

        Nothing of what it asked for was so before.
        """
        onset = max(frame, next(first for first, last in clip.voices if last > frame))
        done = parse(cut.text, self._house)
        calls = done.calls if isinstance(done, Understood) else ()
        before = {call.entity: State(value="off" if call.service == "turn_on" else "on") for call in calls}
        house, request = msgspec.structs.replace(self._house, states=before), CutRequest()
        request.note(SpeechStopped(last_voiced_frame=cut.last_voiced_frame))
        request.note(TurnCommitted(text=cut.text))
        request.note(TurnStarted(cause="barge_in", frame=onset))
        begun = Begun(request, remember(calls, house))
        rest = self._ear.hear(_from(clip, onset - PRE_ROLL_FRAMES), onset, rules, begun=begun)
        if not isinstance(rest.last, Finished) or rest.frame < clip.last_voiced_frame:
            return False
        return request.route(rest.last.text, house, begun.context) is not None

    def _model_says(self, text: str) -> tuple[Completeness, float]:
        """The language model's answer, and how long that takes its threads."""
        if text not in self._said:
            began = time.process_time()
            finality = self._model.finality(text)
            answer = by_finality(finality, manner(text, self._house))
            self._said[text] = answer, 1000 * (time.process_time() - began) / self._threads
        return self._said[text]

    def _since(self, clip: Clip) -> tuple[int, str] | None:
        """Where the ear opens, and after which word; None when there should have been one."""
        if not clip.after_wake_word:
            return 0, ""
        if clip.name not in self._woken:
            self._wake.restart()
            found = (self._wake.accept(number, frame) for number, frame in enumerate(frames(clip.sound)))
            detection = next((one[0] for one in found if one), None)
            self._woken[clip.name] = (detection.frame, detection.word) if detection else None
        return self._woken[clip.name]


def _from(clip: Clip, first: int) -> Iterator[tuple[int, Samples, Samples]]:
    return ((number, frame, frame) for number, frame in enumerate(frames(clip.sound)) if number >= first)


def _outcome(clip: Clip, ended: Ended) -> Outcome:
    if not isinstance(ended.last, Finished):
        return Outcome(clip, None, False, "")
    latency_ms = FRAME_MS * (ended.frame - clip.last_voiced_frame)
    cut_off = latency_ms < 0
    return Outcome(clip, None if cut_off else latency_ms, cut_off, ended.last.text)


def summary(outcomes: list[Outcome]) -> dict[str, Any]:
    """Figures of one setting, over all clips, over known house requests, and by group."""
    rows = {"all": _row(outcomes)}
    known = [one for one in outcomes if one.known and not one.clip.paused]
    rows["house requests"] = _row([one for one in known if one.clip.group in ("commands", "one_breath")])
    for group in dict.fromkeys(one.clip.group for one in outcomes):
        rows[group] = _row([one for one in outcomes if one.clip.group == group])
    return rows


def _row(outcomes: list[Outcome]) -> dict[str, Any]:
    latencies = [one.latency_ms for one in outcomes if one.latency_ms is not None]
    paused = [one for one in outcomes if one.clip.paused]
    return {
        "n": len(outcomes),
        "p50_ms": float(np.percentile(latencies, 50)) if latencies else None,
        "p95_ms": float(np.percentile(latencies, 95)) if latencies else None,
        "paused_n": len(paused),
        "cut_off_rate": sum(one.cut_off for one in paused) / len(paused) if paused else None,
        "cut_off_n": sum(one.cut_off for one in outcomes),
        "joined_n": sum(one.joined for one in outcomes),
    }


def scaled(rules: Listen, factor: float) -> Listen:
    """`rules` with every patience multiplied."""
    return msgspec.structs.replace(rules, **{name: round(factor * getattr(rules, name)) for name in PATIENCE})


def fixed(silence_ms: int) -> Listen:
    """The same silence whatever was said; the text is prepared after 160 ms of it."""
    return msgspec.structs.replace(
        Listen(),
        hypothesis_silence_ms=160,
        **dict.fromkeys(PATIENCE, silence_ms),
    )


def run(*, quick: bool = False, rules: Listen | None = None) -> dict[str, Any]:
    """The sweep, the default and the fixed silence, each a `summary`; `default` names the factor of the default."""
    bench, rules = Bench(), rules or Listen()
    heard = list(clips(bench.vad, quick=quick))
    results: dict[str, Any] = {"default": 1.0, "sweep": {}}
    for factor in SCALES:
        outcomes = [bench.hear(clip, scaled(rules, factor)) for clip in heard]
        results["sweep"][str(factor)] = summary([one for one in outcomes if one is not None])
    outcomes = [bench.hear(clip, fixed(FIXED_MS), with_turn_model=False) for clip in heard]
    results["fixed"] = summary([one for one in outcomes if one is not None])
    outcomes = [bench.hear(clip, rules, with_turn_model=False) for clip in heard]
    results["without_turn_model"] = summary([one for one in outcomes if one is not None])
    default = results["sweep"]["1.0"]
    results["false_cut_off_rate"] = default["all"]["cut_off_rate"]
    return results


def show(results: dict[str, Any], console: Console) -> None:
    """Prints what `run` gave."""
    table = Table(title="End of a turn: patience against false cut-offs", title_justify="left")
    for column in (
        "patience",
        "house requests P50/P95, ms",
        "all P50/P95, ms",
        "false cut-offs",
        "of paused",
        "of all cut off, joined",
    ):
        table.add_column(column, justify="right")
    rows = [(f"x {factor}", row) for factor, row in results["sweep"].items()]
    rows += [(f"{FIXED_MS} ms for all", results["fixed"]), ("no turn model", results["without_turn_model"])]
    for name, row in rows:
        house, everything = row["house requests"], row["all"]
        table.add_row(
            f"{name} (default)" if name == f"x {results['default']}" else name,
            f"{_ms(house['p50_ms'])} / {_ms(house['p95_ms'])}",
            f"{_ms(everything['p50_ms'])} / {_ms(everything['p95_ms'])}",
            f"{100 * everything['cut_off_rate']:.1f} %" if everything["paused_n"] else "-",
            str(everything["paused_n"]),
            f"{everything['joined_n']} of {everything['cut_off_n']}",
        )
    console.print(table)
    groups = Table(title="The default by group", title_justify="left")
    for column in ("group", "n", "P50, ms", "P95, ms", "cut off", "joined", "paused"):
        groups.add_column(column, justify="left" if column == "group" else "right")
    for name, row in results["sweep"][str(results["default"])].items():
        counts = (str(row[key]) for key in ("cut_off_n", "joined_n", "paused_n"))
        groups.add_row(name, str(row["n"]), _ms(row["p50_ms"]), _ms(row["p95_ms"]), *counts)
    console.print(groups)


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


def draw(results: dict[str, Any], path: Path) -> None:
    """Latency of house requests against false cut-offs, one point a factor."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 5))
    rows = list(results["sweep"].items())
    cut_offs = [100 * row["all"]["cut_off_rate"] for _, row in rows]
    for key, style in (("p50_ms", "o-"), ("p95_ms", "s--")):
        axes.plot(
            [row["house requests"][key] for _, row in rows],
            cut_offs,
            style,
            label=f"sweep, {key[:3].upper()}",
        )
        fixed_row = results["fixed"]
        axes.plot(
            fixed_row["house requests"][key],
            100 * fixed_row["all"]["cut_off_rate"],
            "x",
            label=f"fixed {FIXED_MS} ms, {key[:3].upper()}",
        )
    for (factor, row), cut_off in zip(rows, cut_offs, strict=True):
        label = f"x {factor}" + (" (default)" if float(factor) == results["default"] else "")
        axes.annotate(
            label, (row["house requests"]["p50_ms"], cut_off), xytext=(5, 4), textcoords="offset points"
        )
    axes.set_xlabel("last voiced frame to commit of house requests, ms")
    axes.set_ylabel("false cut-offs of recordings with a pause, %")
    axes.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, bbox_inches="tight")
    pyplot.close(figure)


def main() -> None:
    """Prints the tables and writes the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a sixth of the recordings")
    quick = parser.parse_args().quick
    console = Console(soft_wrap=True)
    if not available():
        console.print("The shared data is not on this machine; set WREN_SHARED_DATA.")
        return
    results = run(quick=quick)
    show(results, console)
    BUILD.mkdir(exist_ok=True)
    (BUILD / "turn_taking.json").write_bytes(msgspec.json.format(msgspec.json.encode(results)))
    draw(results, BUILD / "turn_taking.svg")
    console.print(f"written: {BUILD / 'turn_taking.json'}, {BUILD / 'turn_taking.svg'}")


if __name__ == "__main__":
    main()

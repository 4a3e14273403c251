"""How well known commands are understood, from text: exact, wrong, asked back, falsely acted upon, by category.

Sets, where the shared data is present: `requests` and `homellm_style` (all categories), `homellm_templates` (the
sentence templates of home-llm with devices of the same house), the crowd sentences of HWU64 as `hwu_requests`
(without coffee), `hwu_coffee` and `hwu_must_not_act`, those of SLURP that are about other things than the house,
the time or the weather as `slurp_must_not_act`, and `ha_intents_en` (the English sentence tests of Home Assistant
whose devices Wren knows). Always: `own`, the sentences of the unit tests, and `unseen`, sentences of the repository
that were labelled before they were tried; so were those of `independent`, by somebody who did not know the parser.

Every set has a part to look at and a part to report on, chosen by a hash of the sentence: `--failures` shows
sentences of the first only, so that figures of the second tell how it goes with sentences nobody looked at.

Rules: exact = the whole set of calls is right; wrong = calls, but not these, where some were wanted;
false_action = calls where none were wanted. All are shares of `n`. Wishes that no service of this version can
fulfil (timers) are counted as `not_yet` and not judged, unless a call came of them: that is wrong.

What the parser leaves open goes to the language model on the device; `tests.bench.model_eval` measures that.

Run: python -m tests.bench.text_eval [--failures]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import tempfile
import time
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from device.home.registry import SERVICES, Entity, House
from device.reasoning.decision import Decision
from device.reasoning.intents import AskBack, NotUnderstood, Understood, parse, prepare
from device.reasoning.router import AskModel, Perform, Speak, declines, route, weigh
from device.reasoning.thinker import Limits
from device.settings import Reason
from models.store import Store
from tests.bench.ha_sentences import ha_cases
from tests.bench.homellm_templates import template_cases
from tests.houses import DATA as TESTS_DATA
from tests.houses import demo_house, expected_calls, houses, sentences

if TYPE_CHECKING:
    from device.reasoning.llm import LanguageModel

DATA = Path(os.environ.get("WREN_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
KNOWN = {service for services in SERVICES.values() for service in services} | {"time", "date"}
Calls = frozenset[tuple[str, ...]]


class Case(NamedTuple):
    """A sentence in a house, and the sets of calls that are right; an empty set means that nothing may happen."""

    text: str
    house: House
    right: tuple[Calls, ...]
    category: str


class Outcome(NamedTuple):
    """What came of a case: exact, wrong, false_action, ask_back, missed or not_yet.

    `route` is who decided: parser, sentences (hassil) or model; "none" where all left it open.
    """

    case: Case
    kind: str
    route: str
    ms: float  # of processor time
    wall_ms: float


class Decide:
    """The language model as a decider."""

    def __init__(self, mind: LanguageModel) -> None:
        self._mind = mind

    def learn(self, house: House) -> None:
        """Reads a house, which takes long where another one was known."""
        self._mind.set_house(house)

    def __call__(self, text: str, house: House) -> Decision:
        """What the model makes of a request."""
        return self._mind.decide(text, house)


def load_home(path: Path) -> House:
    """The fixture house of the shared requests."""
    home = json.loads(path.read_text())
    entities = {}
    for identifier, given in home["entities"].items():
        details = given["features"]
        is_light = identifier.startswith("light.")
        entities[identifier] = Entity(
            id=identifier,
            name=given["name"],
            area=given["area"] or "",
            aliases=tuple(given["aliases"]),
            features=frozenset(details) if is_light else frozenset(),
            device_class=details[0] if details and not is_light else "",
        )
    return House(entities=entities, areas=home["areas"], device_area=home["device_area"])


def as_calls(rows: Iterable[Iterable[Any]]) -> Calls:
    """Rows of service, entity and value as one comparable set."""
    return frozenset(tuple(str(part) for part in row) for row in rows)


def shared_sets() -> dict[str, list[Case]]:
    """The sets of the shared data; empty where it is absent."""
    folder = DATA / "home_requests"
    if not folder.is_dir():
        return {}
    house = load_home(folder / "home.json")
    sets: dict[str, list[Case]] = defaultdict(list)
    for name in ("requests", "homellm_style", "hwu_iot_and_negatives"):
        for line in (folder / f"{name}.jsonl").read_text().splitlines():
            row = json.loads(line)
            right = (as_calls(row["expected"]), *map(as_calls, row.get("alternatives") or ()))
            where = name if not name.startswith("hwu") else _hwu_set(row["category"])
            sets[where].append(Case(row["utterance"], house, right, row["category"]))
    for text, calls, device_type in template_cases(DATA / "intents" / "acon96+home-llm", house):
        sets["homellm_templates"].append(Case(text, house, (as_calls(calls),), device_type))
    for text in _slurp(DATA / "intents" / "pswietojanski+slurp" / "slurp_text_devel.jsonl"):
        sets["slurp_must_not_act"].append(Case(text, house, (frozenset(),), "negative"))
    for text, home, right_calls, intent in ha_cases(DATA / "intents" / "OHF-Voice+intents"):
        sets["ha_intents_en"].append(Case(text, home, tuple(map(as_calls, right_calls)), intent))
    return dict(sets)


def _slurp(path: Path) -> Iterator[str]:
    """Sentences of SLURP that are not about what this house may be asked or told."""
    for line in path.read_text().splitlines() if path.is_file() else ():
        row = json.loads(line)
        if row["scenario"] not in ("iot", "datetime", "weather"):
            yield row["text"]


def part_of(text: str) -> str:
    """Whether a sentence is one to look at or one to report on."""
    return "look" if hashlib.sha256(text.encode()).digest()[0] % 2 else "report"


def _hwu_set(category: str) -> str:
    return {"negative": "hwu_must_not_act", "coffee": "hwu_coffee"}.get(category, "hwu_requests")


def own_set() -> list[Case]:
    """The repository's own sentences."""
    cases = [
        Case(text, houses()[group["house"]], (_triples(wanted),), group["name"])
        for group in sentences()["act"]
        for text, wanted in group["cases"]
    ]
    for kind in ("never", "ask", "not_possible"):
        for group in sentences()[kind]:
            texts = [case if isinstance(case, str) else case[0] for case in group["cases"]]
            cases += [Case(text, houses()[group["house"]], (frozenset(),), kind) for text in texts]
    return cases


def labelled_set(name: str) -> list[Case]:
    """Sentences that were labelled before anybody saw what becomes of them; see the head of their file.

    Those over the house of the shared requests are left out where that is absent.
    """
    table = tomllib.loads((TESTS_DATA / f"{name}_sentences.toml").read_text())
    known = {**houses(), "demo": demo_house()}
    home = DATA / "home_requests" / "home.json"
    known |= {"shared": load_home(home)} if home.is_file() else {}
    cases = []
    for group in table["act"]:
        for text, wanted in group["cases"] if group["house"] in known else ():
            right = tuple(_triples(one, table.get("groups")) for one in wanted.split("|"))
            cases.append(Case(text, known[group["house"]], right, group["kind"]))
    for kind in ("impossible", "never"):
        for group in table.get(kind, ()):
            cases += [
                Case(text, known[group["house"]], (frozenset(),), group.get("kind", kind))
                for text in group["cases"]
                if group["house"] in known
            ]
    return cases


def _triples(wanted: str, groups: dict[str, list[str]] | None = None) -> Calls:
    return frozenset(tuple(part for part in call if part) for call in expected_calls(wanted, groups))


def judge(cases: Iterable[Case], decide: Decide | None = None) -> Iterator[Outcome]:
    """Parses every case and says what came of it; what the parser leaves open is for `decide`, if there is one."""
    for case in cases:
        prepare(case.house)
        wall, processor = time.perf_counter(), time.process_time()
        result = parse(case.text, case.house)
        ms, wall_ms = _since(processor, time.process_time()), _since(wall, time.perf_counter())
        calls = result.calls if isinstance(result, Understood) else ()
        asked, name = isinstance(result, AskBack), "none" if isinstance(result, NotUnderstood) else "parser"
        name = result.route if isinstance(result, Understood) else name
        left = route(case.text, case.house) if decide is not None else None
        if decide is not None and isinstance(left, AskModel) and left.may_act:
            decide.learn(case.house)
            wall, processor = time.perf_counter(), time.process_time()
            decision = decide(case.text, case.house)
            found = weigh(decision, case.house, only_asks=left.only_asks)
            found = None if declines(left, decision) else found
            ms += _since(processor, time.process_time())
            wall_ms += _since(wall, time.perf_counter())
            calls = found.calls if isinstance(found, Perform | Speak) else ()
            asked, name = isinstance(found, Speak) and found.expects_answer, "model"
        got = as_calls(
            [part for part in (c.service, c.entity, c.value) if part not in ("", None)] for c in calls
        )
        yield Outcome(case, _kind(got, case, asked=asked), name, ms, wall_ms)


def _since(before: float, now: float) -> float:
    """Milliseconds between two readings of a clock."""
    return (now - before) * 1000


@contextmanager
def model() -> Iterator[Decide]:
    """The language model as a decider, as sure as the device wants it, loaded while it is needed."""
    from device.reasoning.llm import LanguageModel

    path, given = Store().active("llm").files["model"], Reason()
    limits = Limits(act=given.act_probability, ask=given.ask_probability, deadline_s=600)
    with tempfile.TemporaryDirectory() as cache:
        mind = LanguageModel(path, threads=2, context=3072, cache=Path(cache), limits=limits)
        try:
            yield Decide(mind)
        finally:
            mind.close()


def _kind(got: Calls, case: Case, *, asked: bool) -> str:
    services = {call[0] for call in case.right[0]}
    if services - KNOWN:
        return "wrong" if got else "not_yet"
    if got in case.right:
        return "exact"
    if got:
        return "wrong" if case.right[0] else "false_action"
    return "ask_back" if asked else "missed"


def summary(outcomes: list[Outcome]) -> dict[str, float]:
    """The figures of one set: shares of the judged, milliseconds of processor time."""
    judged = [outcome for outcome in outcomes if outcome.kind != "not_yet"]
    kinds = Counter(outcome.kind for outcome in judged)
    times = sorted(outcome.ms for outcome in outcomes)
    shares = {
        kind: round(kinds[kind] / max(1, len(judged)), 4)
        for kind in ("exact", "wrong", "ask_back", "false_action")
    }
    return {
        "n": len(judged),
        **shares,
        "not_yet": len(outcomes) - len(judged),
        "latency_ms_p50": round(statistics.median(times), 2),
        "latency_ms_p95": round(times[int(len(times) * 0.95)], 2),
    }


def all_sets() -> dict[str, list[Case]]:
    """Every set there is and that has anything in it."""
    sets = {**shared_sets(), "own": own_set()}
    sets |= {name: labelled_set(name) for name in ("unseen", "independent")}
    return {name: cases for name, cases in sets.items() if cases}


def measure() -> dict[str, Any]:
    """`sets.<name>` with n, exact, wrong, ask_back, false_action, not_yet and latencies, and `by_category` of each.

    `decision_ms.<route>` has the times of all of them by who decided.
    """
    result: dict[str, Any] = {}
    everything: list[Outcome] = []
    for name, cases in all_sets().items():
        outcomes = list(judge(cases))
        everything += outcomes
        by_category: dict[str, list[Outcome]] = defaultdict(list)
        by_part: dict[str, list[Outcome]] = defaultdict(list)
        for outcome in outcomes:
            by_category[outcome.case.category].append(outcome)
            by_part[part_of(outcome.case.text)].append(outcome)
        result[name] = {
            **summary(outcomes),
            "by_category": {category: summary(part) for category, part in by_category.items()},
            "by_part": {part: summary(some) for part, some in sorted(by_part.items())},
        }
    return {"sets": result, "decision_ms": times(everything)}


def times(outcomes: Iterable[Outcome]) -> dict[str, dict[str, float]]:
    """Decision times by route: milliseconds of processor and of wall time."""
    by_route: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        by_route[outcome.route].append(outcome)
    result: dict[str, dict[str, float]] = {}
    for name, some in sorted(by_route.items()):
        result[name] = {"n": len(some)}
        for key, values in (("cpu", [o.ms for o in some]), ("wall", [o.wall_ms for o in some])):
            ordered = sorted(values)
            result[name][f"{key}_p50"] = round(statistics.median(ordered), 2)
            result[name][f"{key}_p95"] = round(ordered[int(len(ordered) * 0.95)], 2)
    return result


def times_table(figures: dict[str, dict[str, float]]) -> str:
    """The decision times as text, one line per route."""
    head = f"{'decided by':14}{'n':>6}{'cpu p50':>10}{'p95':>9}{'wall p50':>10}{'p95 ms':>9}"
    rows = [
        f"{name:14}{row['n']:>6}{row['cpu_p50']:>10.2f}{row['cpu_p95']:>9.2f}{row['wall_p50']:>10.2f}"
        f"{row['wall_p95']:>9.2f}"
        for name, row in figures.items()
    ]
    return "\n".join([head, *rows])


def table(figures: dict[str, Any]) -> str:
    """The figures as text, one line per set and category."""
    head = f"{'set / category':36}{'n':>6}{'exact':>9}{'wrong':>8}{'ask':>8}{'false':>8}{'p50 ms':>9}{'p95 ms':>9}"
    lines = [head]
    for name, entry in figures["sets"].items():
        rows = [
            (name, entry),
            *((f"  [{part}]", e) for part, e in entry["by_part"].items()),
            *((f"  {c}", e) for c, e in entry["by_category"].items() if len(entry["by_category"]) > 1),
        ]
        for label, row in rows:
            shares = "".join(
                f"{row[key] * 100:>{width}.1f}%"
                for key, width in (("exact", 8), ("wrong", 7), ("ask_back", 7), ("false_action", 7))
            )
            times = f"{row['latency_ms_p50']:>9.2f}{row['latency_ms_p95']:>9.2f}"
            lines.append(f"{label[:35]:36}{row['n']:>6}{shares}{times}")
        if entry["not_yet"]:
            lines.append(f"  ({entry['not_yet']} that no service can do yet)")
    return "\n".join(lines)


def failures() -> Iterator[str]:
    """What came of the sentences to look at that were not understood as they should be, one a line."""
    for name, cases in all_sets().items():
        for outcome in judge(case for case in cases if part_of(case.text) == "look"):
            if outcome.kind not in ("exact", "not_yet"):
                result = parse(outcome.case.text, outcome.case.house)
                yield f"{name}  {outcome.kind}  {outcome.case.text!r}  {str(result)[:160]}"


def main() -> None:
    """Prints the table, and what is missing."""
    options = argparse.ArgumentParser(description="How well known commands are understood, from text.")
    options.add_argument("--failures", action="store_true", help="the sentences to look at that fail")
    chosen = options.parse_args()
    if chosen.failures:
        print("\n".join(failures()))
        return
    if not DATA.is_dir():
        print(f"no shared data at {DATA}: only the repository's own sentences are judged")
    figures = measure()
    print(table(figures))
    print(times_table(figures["decision_ms"]))


if __name__ == "__main__":
    main()

"""How well sentences for the tools are recognised, from text: exact, wrong, asked back, falsely acted upon.

Sets, where the shared data is present: `tools_requests` (the timer requests of home_requests), `tools_ha_timers`
(Home Assistant's English sentence tests about timers; commands that are to run later must not act) and
`tools_must_not_act` (crowd sentences of HWU64). Always: `tools_own`, the repository's sentences. The rules are those
of text_eval.

Run: python -m tests.bench.tools_eval
"""

from __future__ import annotations

import json
import statistics
import time
import tomllib
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

from device.events import TimerChanged
from device.home.registry import Call
from device.tools.recognise import recall, recognise
from device.tools.request import ToolState

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
NOW = datetime(2026, 11, 25, 16, 0)
OWN = tomllib.loads((ROOT / "tests/data/tool_sentences.toml").read_text())

Kind = Literal["timer", "alarm", "reminder"]
Row = tuple[str, str, str]


class Case(NamedTuple):
    """A sentence, what is set when it is said, and the calls that must come of it; None: an answer in words."""

    text: str
    state: ToolState
    right: tuple[Row, ...] | None


def timer(number: int, kind: Kind, name: str, seconds: float, left_s: float) -> TimerChanged:
    """A running timer at `NOW`."""
    return TimerChanged(
        timer_id=str(number),
        kind=kind,
        state="running",
        name=name,
        seconds=seconds,
        due_s=NOW.timestamp() + left_s,
        remaining_s=left_s,
    )


# What is set when the sentences of tool_sentences.toml are said.
OWN_STATE = ToolState(
    timers=(
        timer(1, "timer", "pizza", 600, 180),
        timer(2, "timer", "", 3600, 2400),
        timer(3, "alarm", "", 0, (datetime(2026, 11, 26, 7) - NOW).total_seconds()),
    ),
    facts=("the spare key is with Anna", "my shoe size is 43"),
    volume=50,
)
_SERVICES = {
    "HassStartTimer": "timer_start",
    "HassCancelTimer": "timer_cancel",
    "HassCancelAllTimers": "timer_cancel",
    "HassIncreaseTimer": "timer_add",
    "HassDecreaseTimer": "timer_add",
    "HassPauseTimer": "timer_pause",
    "HassUnpauseTimer": "timer_resume",
    "HassTimerStatus": "",
}


def rows_of(calls: tuple[Call, ...]) -> tuple[Row, ...]:
    """Calls as service, entity and value."""
    return tuple((c.service, c.entity, "" if c.value is None else f"{c.value}") for c in calls)


def written(line: str) -> tuple[Row, ...]:
    """The calls of a line of tool_sentences.toml: "service entity value; …", the entity quoted if it has spaces."""
    rows = []
    for call in line.split("; "):
        service, _, rest = call.partition(" ")
        if rest.startswith("'"):
            entity, _, value = rest[1:].partition("'")
        else:
            entity, _, value = rest.partition(" ")
        rows.append((service, entity, value.strip()))
    return tuple(rows)


def sets() -> dict[str, list[Case]]:
    """Every set that there is data for."""
    found = {
        "tools_own": [Case(text, OWN_STATE, written(line)) for text, line in OWN["calls"]["cases"]]
        + [Case(text, OWN_STATE, None) for text, _ in OWN["said"]["cases"]]
        + [Case(text, OWN_STATE, ()) for text in OWN["never"]["cases"]]
    }
    folder = DATA / "home_requests"
    if folder.is_dir():
        rows = [json.loads(line) for line in (folder / "requests.jsonl").read_text().splitlines()]
        found["tools_requests"] = [
            Case(
                row["utterance"],
                ToolState(),
                tuple(("timer_start", "", str(call[1])) for call in row["expected"]),
            )
            for row in rows
            if row["expected"] and all(call[0] == "timer_start" for call in row["expected"])
        ]
        crowd = (folder / "hwu_iot_and_negatives.jsonl").read_text().splitlines()
        found["tools_must_not_act"] = [
            Case(row["utterance"], ToolState(), ())
            for row in map(json.loads, crowd)
            if row["category"] == "negative"
        ]
    pairs = DATA / "intents/OHF-Voice+intents/ha_intents_en_pairs.jsonl"
    if pairs.is_file():
        found["tools_ha_timers"] = list(_ha_timers(pairs))
    return found


def _ha_timers(pairs: Path) -> Iterator[Case]:
    """Each test with exactly the timers it speaks of set, so that there is one right answer."""
    for line in pairs.read_text().splitlines():
        test = json.loads(line)
        if test["intent"] not in _SERVICES:
            continue
        slots = test["slots"]
        given = {unit: slots.get(unit, 0) for unit in ("hours", "minutes", "seconds")}
        seconds = given["hours"] * 3600 + given["minutes"] * 60 + given["seconds"]
        set_for = sum(
            slots.get(f"start_{unit}s", 0) * size
            for unit, size in (("hour", 3600), ("minute", 60), ("second", 1))
        )
        name = slots.get("name") or slots.get("area", "")
        name = (name[-1] if isinstance(name, list) else name).strip().lower()
        state = ToolState(
            timers=(timer(1, "timer", name, set_for or 7777, 5000), timer(2, "timer", "other", 8888, 5000))
        )
        if not (name or set_for):
            state = ToolState(timers=state.timers[:1])
        service = _SERVICES[test["intent"]]
        if "conversation_command" in slots:
            yield Case(test["text"], state, ())
        elif not service:
            yield Case(test["text"], state, None)
        elif service == "timer_start":
            yield Case(test["text"], state, ((service, name, str(seconds)),))
        else:
            amount = seconds if test["intent"] == "HassIncreaseTimer" else -seconds
            yield Case(test["text"], state, ((service, "1", f"{float(amount)}" if seconds else ""),))


def judge(case: Case) -> str:
    """What came of a case: exact, wrong, false_action, ask_back or missed."""
    found = recognise(case.text, NOW, case.state) or recall(case.text, case.state)
    got = rows_of(found.calls) if found else ()
    if case.right is None:
        return "exact" if found and found.say and not got else "wrong" if got else "missed"
    right = case.right
    if right and right[0][0] == "timer_start" and not right[0][1]:
        got = tuple((service, "", value) for service, _, value in got)  # the name is not part of the test
    if got == right:
        return "exact"
    if got:
        return "wrong" if right else "false_action"
    return "ask_back" if found else "missed"


def measure() -> dict[str, Any]:
    """`sets.<name>` with n, exact, wrong, ask_back, false_action and latencies."""
    result: dict[str, Any] = {}
    for name, cases in sets().items():
        kinds, times = Counter[str](), []
        for case in cases:
            began = time.thread_time()
            kinds[judge(case)] += 1
            times.append((time.thread_time() - began) * 1000)
        shares = {
            kind: round(kinds[kind] / len(cases), 4)
            for kind in ("exact", "wrong", "ask_back", "false_action")
        }
        times.sort()
        result[name] = {
            "n": len(cases),
            **shares,
            "latency_ms_p50": round(statistics.median(times), 2),
            "latency_ms_p95": round(times[int(len(times) * 0.95)], 2),
        }
    return {"sets": result}


def table(figures: dict[str, Any]) -> str:
    """A line a set."""
    return "\n".join(
        f"{name:20}" + "  ".join(f"{key} {value}" for key, value in entry.items())
        for name, entry in figures["sets"].items()
    )


def main() -> None:
    """Prints the table and the sentences that failed."""
    print(table(measure()))
    for name, cases in sets().items():
        for case in cases:
            if (kind := judge(case)) != "exact":
                print(f"{name}  {kind}  {case.text!r}")


if __name__ == "__main__":
    main()

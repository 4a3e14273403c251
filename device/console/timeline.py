"""Reads a recorded timeline and works out where the time of each turn went.

Mouth-to-ear is `playback.started.frame - speech.stopped.last_voiced_frame` of the same turn, cues excluded:
both are indices of 10 ms microphone frames, so no clock of any daemon enters. Mouth-to-answer is the same
with the first clause that is no filler ("Well,"). The endpoint stage begins with the last voiced frame as
well; the stages after it are differences of `t_ns` (CLOCK_MONOTONIC, one machine), of the answer alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from device.events import FRAME_MS

Row = dict[str, Any]

# stage name, the event that opens it, the event that closes it
STAGES = (
    ("endpoint", "speech.stopped", "turn.committed"),
    ("decide", "turn.committed", "intent.decided"),
    ("act", "tool.called", "tool.result"),
    ("word", "intent.decided", "reply.clause"),
    ("synthesize", "reply.clause", "reply.audio"),
    ("play", "reply.audio", "playback.started"),
)


@dataclass
class Turn:
    """One turn's facts; `spans_ns` holds begin and end of each stage that could be measured."""

    turn: int
    session: str
    text: str = ""
    wake: tuple[str, float] | None = None
    route: str = ""
    calls: list[str] = field(default_factory=list)
    ok: list[bool] = field(default_factory=list)
    reply: str = ""
    heard: str = ""
    cancelled: str = ""
    mouth_to_ear_ms: int | None = None
    mouth_to_answer_ms: int | None = None
    bridges: set[int] = field(default_factory=set)  # numbers of the clauses that are no part of the answer
    spans_ns: dict[str, tuple[int, int]] = field(default_factory=dict)
    t_ns: dict[str, int] = field(
        default_factory=dict
    )  # first of each event; of speech.stopped, the last voice
    frames: dict[str, int] = field(default_factory=dict)
    last_voiced_frame: int | None = None

    @property
    def stages_ms(self) -> dict[str, float]:
        """Length of each stage."""
        return {stage: (end - begin) / 1e6 for stage, (begin, end) in self.spans_ns.items()}

    @property
    def kind(self) -> str:
        """`model` when the language model was asked, else `house`."""
        return "model" if self.route in ("model", "talk") else "house"


def read(paths: Iterable[Path]) -> list[Row]:
    """Rows of one or more timelines; a line cut off by a crash is skipped."""
    rows: list[Row] = []
    for path in paths:
        for line in path.read_bytes().splitlines():
            try:
                rows.append(msgspec.json.decode(line))
            except msgspec.DecodeError:
                continue
    return rows


def turns(rows: Iterable[Row]) -> list[Turn]:
    """Every turn of the timeline in order."""
    found: dict[tuple[str, int], Turn] = {}
    wake: tuple[str, float] | None = None
    for row in rows:
        if row["event"] == "wake.detected":
            wake = (row["word"], row["score"])
        if not row.get("turn"):
            continue
        turn = found.setdefault((row["session"], row["turn"]), Turn(row["turn"], row["session"]))
        if row["event"] == "turn.started" and row["cause"] == "wake":
            turn.wake = wake
        _note(turn, row)
    for turn in found.values():
        _measure(turn)
    return list(found.values())


def percentile(values: list[float], percent: float) -> float:
    """Linear-interpolated percentile; NaN of nothing."""
    return float(np.percentile(values, percent)) if values else float("nan")


def _note(turn: Turn, row: Row) -> None:
    name = row["event"]
    if name == "speech.stopped":
        silence_ns = (row["frame"] - row["last_voiced_frame"]) * FRAME_MS * 1_000_000
        turn.t_ns[name], turn.last_voiced_frame = row["t_ns"] - silence_ns, row["last_voiced_frame"]
        return
    if name == "playback.started":
        if row["cue"]:
            return
        turn.frames.setdefault("sound", row["frame"])
    if name == "reply.clause":
        turn.reply = f"{turn.reply} {row['text']}".strip()
        if row.get("bridges"):
            turn.bridges.add(row["clause"])
    if row.get("clause") in turn.bridges:
        return
    turn.t_ns.setdefault(name, row["t_ns"])
    turn.frames.setdefault(name, row["frame"])
    match name:
        case "transcript.final":
            turn.text = row["text"]
        case "intent.decided":
            turn.route = row["route"]
            turn.calls = [
                " ".join(str(part) for part in call if part not in (None, "")) for call in row["calls"]
            ]
        case "tool.result":
            turn.ok.append(row["ok"])
            turn.t_ns[name] = row["t_ns"]  # the last one counts
        case "playback.stopped" if not row["cue"]:
            turn.heard = row["heard_text"]
        case "turn.cancelled":
            turn.cancelled = row["reason"]


def _measure(turn: Turn) -> None:
    times = turn.t_ns
    for stage, opens, closes in STAGES:
        # an answer about the house is worded after the house has acted
        begin = times.get("tool.result") if stage == "word" and "tool.result" in times else times.get(opens)
        end = times.get(closes)
        if begin is not None and end is not None and end >= begin:
            turn.spans_ns[stage] = (begin, end)
    if turn.last_voiced_frame is not None and "sound" in turn.frames:
        turn.mouth_to_ear_ms = (turn.frames["sound"] - turn.last_voiced_frame) * FRAME_MS
    if turn.last_voiced_frame is not None and "playback.started" in turn.frames:
        turn.mouth_to_answer_ms = (turn.frames["playback.started"] - turn.last_voiced_frame) * FRAME_MS

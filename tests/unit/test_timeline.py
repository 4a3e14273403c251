"""Latency figures from a recorded timeline."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from device import events
from device.console import latency, timeline
from device.events import (
    IntentDecided,
    PlaybackStarted,
    PlaybackStopped,
    ReplyAudio,
    ReplyClause,
    SpeechStopped,
    ToolCalled,
    ToolResult,
    TranscriptFinal,
    TurnCommitted,
    TurnStarted,
    WakeDetected,
)

MS = 1_000_000


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    happened = [
        (0, 100, WakeDetected(word="alexa", score=0.9)),
        (1, 100, TurnStarted(turn=1, cause="wake")),
        (5, 101, PlaybackStarted(turn=1, clause=-1, cue="listening")),
        (2000, 300, SpeechStopped(turn=1, last_voiced_frame=260)),
        (2001, 300, TranscriptFinal(turn=1, text="Turn on the light.")),
        (2002, 300, TurnCommitted(turn=1, text="Turn on the light.")),
        (2004, 300, IntentDecided(turn=1, route="parser", text="", calls=(("turn_on", "light.a", None),))),
        (2005, 300, ToolCalled(turn=1, call_id="1.0", tool="turn_on", arguments={"entity": "light.a"})),
        (2025, 302, ToolResult(turn=1, call_id="1.0", tool="turn_on", arguments={}, ok=True)),
        (2026, 302, ReplyClause(turn=1, clause=0, text="The light is on.", last=True)),
        (2126, 312, ReplyAudio(turn=1, clause=0, text="", rate_hz=22050, words=(), word_ends=())),
        (2156, 315, PlaybackStarted(turn=1, clause=0)),
        (3156, 415, PlaybackStopped(turn=1, reason="finished", heard_text="The light is on.")),
    ]
    path = tmp_path / "t.jsonl"
    rows = [events.encode(msgspec.structs.replace(e, t_ns=t * MS, frame=f)) for t, f, e in happened]
    path.write_bytes(b"\n".join(rows) + b'\n{"event":"cut o')
    return path


def test_stages_and_mouth_to_ear_are_told_apart(recorded: Path) -> None:
    (turn,) = timeline.turns(timeline.read([recorded]))
    assert turn.mouth_to_ear_ms == 550
    assert turn.stages_ms == {
        "endpoint": 402,
        "decide": 2,
        "act": 20,
        "word": 1,
        "synthesize": 100,
        "play": 30,
    }
    assert (turn.wake, turn.kind, turn.ok, turn.heard) == (
        ("alexa", 0.9),
        "house",
        [True],
        "The light is on.",
    )


def test_a_filler_is_heard_first_and_is_not_the_answer(tmp_path: Path) -> None:
    happened = [
        (1, 100, TurnStarted(turn=1, cause="wake")),
        (2000, 300, SpeechStopped(turn=1, last_voiced_frame=255)),
        (2002, 300, TurnCommitted(turn=1, text="How far is the moon?")),
        (2152, 315, ReplyClause(turn=1, clause=0, text="Well,", bridges=True)),
        (2153, 315, ReplyAudio(turn=1, clause=0, text="", rate_hz=22050, words=(), word_ends=())),
        (2160, 316, PlaybackStarted(turn=1, clause=0)),
        (2400, 340, IntentDecided(turn=1, route="talk", text="")),
        (2401, 340, ReplyClause(turn=1, clause=1, text="Very far.", last=True)),
        (2441, 344, ReplyAudio(turn=1, clause=1, text="", rate_hz=22050, words=(), word_ends=())),
        (2500, 350, PlaybackStarted(turn=1, clause=1)),
    ]
    path = tmp_path / "t.jsonl"
    rows = [events.encode(msgspec.structs.replace(e, t_ns=t * MS, frame=f)) for t, f, e in happened]
    path.write_bytes(b"\n".join(rows))
    (turn,) = timeline.turns(timeline.read([path]))
    assert (turn.mouth_to_ear_ms, turn.mouth_to_answer_ms, turn.bridges) == (610, 950, {0})
    assert turn.reply == "Well, Very far."
    assert [turn.stages_ms[stage] for stage in ("word", "synthesize", "play")] == [1, 40, 59]


def test_the_summary_has_percentiles_of_what_was_measured(recorded: Path) -> None:
    found = timeline.turns(timeline.read([recorded, recorded]))
    assert latency.summary(found)["mouth_to_ear"] == {"p50": 550, "p95": 550, "max": 550, "n": 1}


def test_the_picture_and_the_table_are_made(recorded: Path, tmp_path: Path) -> None:
    turns = timeline.turns(timeline.read([recorded]))
    latency.draw(turns, tmp_path / "x" / "t.svg")
    assert "<svg" in (tmp_path / "x" / "t.svg").read_text()
    console = Console(record=True, width=100, quiet=False, file=(tmp_path / "out").open("w"))
    latency.print_table(turns, console)
    assert "mouth-to-ear" in console.export_text()

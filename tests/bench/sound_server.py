"""Wren on a sound card that is a software sound server: how soon, how often and whether it hears itself.

Real daemons open the loudspeaker and the microphone of a room on PulseAudio (`tests.bench.sound_room`) through
PyAudio, scheduled as their units schedule them; recordings of people are played into its air. All times are
differences of samples in one recording of what left the loudspeaker and of what people said, not of events:

- mouth-to-ear: from the last voiced sample of a house request to the first audible one of the answer
- false wakes and self-interruptions while Wren talks for over a minute and says its own wake words; echo
  return loss enhancement from the microphone as recorded and the microphone ring
- barge-in: from the onset of a person's voice to the last sample of the reply; and who must not stop it

Each part has a fresh room. Writes `build/sound_server.json`. Run with `python -m tests.bench.sound_server
[requests] [talk] [people] [others]`; all four take about nineteen minutes, in real time.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from rich.console import Console
from rich.table import Table

from device.audio.files import load
from device.bus.paths import microphone_ring
from device.bus.ring import RingReader
from device.console.timeline import percentile
from device.events import (
    AudioState,
    BargeIn,
    Event,
    PlaybackDucked,
    PlaybackStarted,
    PlaybackStopped,
    SpeechStopped,
    ToolResult,
    TranscriptFinal,
    TurnCancelled,
    WakeDetected,
)
from device.hearing import FRAME_SAMPLES, RATE_HZ
from device.hearing.loading import files_of
from device.hearing.vad import SileroVad
from tests import voices
from tests.bench.barge_in import LEVELS_DB, distractors, talkers
from tests.bench.interrupted import Reader
from tests.bench.peer.clips import Ruler
from tests.bench.sound_room import ANYTHING_DB, AUDIBLE_DB, Spoken, holes, power_db, spans
from tests.bench.sound_run import PATIENCE_S, SETTLED_S, TALK_S, Run, Trial, over
from tests.pipeline.sound_server import NEEDED
from tests.recordings import available, recordings

BUILD = Path(__file__).parents[2] / "build"
PARTS = ("requests", "talk", "people", "others")
PEOPLE = 60
SPEAKER = "en_US-zamia"  # recorded commands for the bedroom, the garage and the living room
_CUE_MS, _REPLY_GAP_MS, _PAUSE_MS = 180, 100, 450  # longest chime; of one sound; longest pause inside a reply


def requests(folder: Path) -> dict[str, Any]:
    """People's requests to the house, each behind another person's wake word."""
    files = [
        path
        for number, one in enumerate(one for one in recordings("cmd_speech") if SPEAKER in one.path.name)
        if (path := voices.recorded(one.path.stem.removeprefix("tests__en_US-zamia__"), number)) is not None
    ]
    ruler = Ruler()
    with Run(folder) as run:
        asked = list[tuple[Path, Spoken, int]]()
        for path in files:
            run.rest(0.7)
            since = len(run.events)
            spoken = run.room.say(load(str(path), RATE_HZ), run.stage.step)
            if run.until(lambda since=since: bool(run.of(WakeDetected, since=since)), 1.0):  # type: ignore[misc]
                run.until(lambda since=since: run.is_quiet(since), PATIENCE_S)  # type: ignore[misc]
            asked.append((path, spoken, since))
        run.rest(0.5)
    loudspeaker = run.room.recording.loudspeaker
    sounds = [
        (first, last)
        for first, last in spans(loudspeaker, _REPLY_GAP_MS, AUDIBLE_DB)
        if last - first > _CUE_MS * RATE_HZ // 1000
    ]
    latencies, by_events, unanswered = list[float](), list[float](), list[dict[str, str]]()
    ends = [since for _, _, since in asked[1:]] + [len(run.events)]
    for (path, spoken, since), end in zip(asked, ends, strict=True):
        begin = run.room.place(spoken)
        events = run.events[since:end]
        started = [e.frame for e in events if isinstance(e, PlaybackStarted) and not e.cue]
        voiced = [e.last_voiced_frame for e in events if isinstance(e, SpeechStopped)]
        ears = list[int]()
        if begin is not None and started:
            mouth = begin + (ruler.clip(path).last_voiced_frame + 1) * FRAME_SAMPLES
            ears = [first for first, _ in sounds if mouth < first < mouth + PATIENCE_S * RATE_HZ]
        if ears:
            latencies.append((min(ears) - mouth) * 1000 / RATE_HZ)
            by_events += [10.0 * (started[0] - voiced[-1])] if voiced else []
        else:
            unanswered.append({"said": path.stem, "came_to": _came_to(events)})
    return _common(run) | {
        "requests": len(asked),
        "answered": len(latencies),
        "unanswered": unanswered,
        "acted": sum(result.ok for result in run.of(ToolResult)),
        "mouth_to_ear_ms": _percentiles(latencies),
        "by_events_ms": _percentiles(by_events),
    }


def _came_to(events: Sequence[Event]) -> str:
    """How far a request got that was not answered."""
    for event in reversed(events):
        if isinstance(event, TurnCancelled):
            return f"cancelled: {event.reason}"
        if isinstance(event, TranscriptFinal):
            return f"heard as: {event.text}"
    return "woken" if any(isinstance(event, WakeDetected) for event in events) else "not woken"


def talk(folder: Path) -> dict[str, Any]:
    """Nobody but Wren, who says its own wake words, too."""
    with Run(folder) as run:
        ring = RingReader(microphone_ring(run.stage.runtime))
        left = list[np.ndarray[Any, Any]]()

        def read() -> bool:
            while (frame := ring.read()) is not None:
                left.extend([frame.samples.copy()] if frame.position >= 0 else [])
            return any(not e.cue for e in run.of(PlaybackStopped))

        run.talk(0)
        run.until(read, 2 * TALK_S)
        run.rest(1.0)
        ring.close()
    first, last = max(
        spans(run.room.recording.loudspeaker, 1000, ANYTHING_DB), key=lambda span: span[1] - span[0]
    )
    settled = first + round(SETTLED_S * RATE_HZ)
    residual = np.concatenate(left)[round(SETTLED_S * RATE_HZ) :]
    ducks = [event for event in run.of(PlaybackDucked) if event.gain_db < 0]
    states = [event for event in run.of(AudioState) if event.erle_db is not None]
    stopped = [event for event in run.of(PlaybackStopped) if not event.cue]
    return _common(run) | {
        "seconds": (last - first) / RATE_HZ,
        "finished": [event.reason for event in stopped] == ["finished"],
        "self_wakes": len(run.of(WakeDetected)),
        "self_interruptions": len(run.of(BargeIn)),
        "ducks_per_minute": 60 * RATE_HZ * len(ducks) / (last - first),
        "erle_db": power_db(run.room.recording.microphone[settled:last]) - power_db(residual),
        "reported_erle_db": states[-1].erle_db if states else None,
        "reported_delay_ms": states[-1].echo_delay_ms if states else None,
    }


def people(folder: Path) -> dict[str, Any]:
    """Who wants to be heard over Wren's voice."""
    run, trials = over(folder, list(talkers(PEOPLE)))
    reader = Reader(SileroVad(files_of("vad")["model"]))
    stops = _stops(run, trials)
    good = [stop for stop in stops if stop is not None]
    known = [trial for trial in trials if trial.sound.said and trial.level_db > 0]
    wrong = [trial for trial in known if not reader.understood(trial.text, trial.sound.said)]
    return _common(run) | {
        "n": len(trials),
        "detected_rate": len(good) / len(trials),
        "stop_ms": _percentiles(good),
        "understood": len(known) - len(wrong),
        "understood_of": len(known),
        "misunderstood": [{"said": trial.sound.said, "heard": trial.text} for trial in wrong],
        "each_stop_ms": stops,
    }


def others(folder: Path) -> dict[str, Any]:
    """Music, noises, doors, coughs and murmurs, which must not stop Wren: each murmur once."""
    run, trials = over(folder, list(distractors())[:: len(LEVELS_DB)])
    kinds: dict[str, dict[str, int]] = {}
    for trial in trials:
        row = kinds.setdefault(trial.sound.kind, {"n": 0, "stopped": 0})
        row["n"] += 1
        row["stopped"] += trial.stopped
    stopped = sum(trial.stopped for trial in trials)
    return _common(run) | {"n": len(trials), "false_rate": stopped / len(trials), "kinds": kinds}


def _stops(run: Run, trials: list[Trial]) -> list[float | None]:
    """Milliseconds from the onset of each voice to the end of the reply; None: it went on, or ended before.

    Less than 0 where the reply ended before the onset that is found, but after the recording had begun: some
    people begin softly.
    """
    replies = spans(run.room.recording.loudspeaker, _PAUSE_MS, ANYTHING_DB)
    stops = list[float | None]()
    for trial in trials:
        begin = run.room.place(trial.spoken)
        onset = 0 if begin is None else begin + trial.onset
        ends = [last for first, last in replies if begin is not None and first <= onset and begin < last]
        stops.append((ends[-1] - onset) * 1000 / RATE_HZ if ends and trial.stopped else None)
    return stops


def _common(run: Run) -> dict[str, Any]:
    return {"xruns": run.xruns, "holes": holes(run.room.recording.loudspeaker)}


def _percentiles(values: list[float]) -> dict[str, float]:
    return {"p50": percentile(values, 50), "p95": percentile(values, 95), "n": len(values)}


def run(parts: Sequence[str] = PARTS) -> dict[str, Any]:
    """Each part by its name."""
    makers = {"requests": requests, "talk": talk, "people": people, "others": others}
    results = dict[str, Any]()
    for part in parts:
        with tempfile.TemporaryDirectory() as folder:
            results[part] = makers[part](Path(folder))
    return results


def show(results: dict[str, Any], console: Console) -> None:
    """Prints what `run` found."""
    table = Table(title="On a sound server", title_justify="left")
    for column in ("what", "figure"):
        table.add_column(column)
    for part, row in results.items():
        for name, text in _LINES[part](row):
            table.add_row(name, text)
        table.add_row("xruns counted; holes heard", f"{row['xruns']}; {row['holes']}", end_section=True)
    console.print(table)


def _of_requests(row: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "people's house requests", f"{row['requests']}, {row['answered']} answered"
    for one in row["unanswered"]:
        yield f"- {one['said']}", one["came_to"]
    yield "mouth-to-ear, in sound", _times(row["mouth_to_ear_ms"])
    yield "the same by events", _times(row["by_events_ms"])


def _of_talk(row: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "Wren talks", f"{row['seconds']:.0f} s" + ("" if row["finished"] else ", not to the end")
    yield "wakes and interrupts itself", f"{row['self_wakes']}, {row['self_interruptions']} times"
    yield "ducks itself", f"{row['ducks_per_minute']:.1f} times a minute"
    yield (
        "ERLE; reported; reported delay",
        (f"{row['erle_db']:.1f} dB; {row['reported_erle_db']} dB; {row['reported_delay_ms']} ms"),
    )


def _of_people(row: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "people over its voice", f"{row['n']}, {row['detected_rate']:.0%} stop it"
    yield "onset to silence, in sound", _times(row["stop_ms"])
    yield "understood at 5 and 10 dB", f"{row['understood']} of {row['understood_of']}"


def _of_others(row: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "no people over its voice", f"{row['n']}, {row['false_rate']:.1%} stop it"
    for kind, one in row["kinds"].items():
        yield f"- {kind}", f"{one['n']}, {one['stopped']} stop it"


_LINES = {"requests": _of_requests, "talk": _of_talk, "people": _of_people, "others": _of_others}


def _times(row: dict[str, float]) -> str:
    return f"P50 {row['p50']:.0f} ms, P95 {row['p95']:.0f} ms, n {row['n']:.0f}"


def main() -> None:
    """Runs the parts that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], metavar="PART", help=", ".join(PARTS))
    console = Console(soft_wrap=True)
    missing = [program for program in NEEDED if shutil.which(program) is None]
    if missing or not available():
        sys.exit(f"this takes {', '.join(missing) or 'the shared recordings'}")
    results = run(parser.parse_args().parts or PARTS)
    BUILD.mkdir(exist_ok=True)
    (BUILD / "sound_server.json").write_bytes(
        msgspec.json.format(msgspec.json.encode(results, enc_hook=float))
    )
    show(results, console)


if __name__ == "__main__":
    main()

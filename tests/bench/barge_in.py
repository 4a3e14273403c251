"""People, and what is no person, over Wren's voice: who stops it, after how long, and what merely ducks it.

Offline: recordings of the shared data and synthesised backchannels, coughs and doors in the simulated room,
through the echo canceller and the rules of barge-in, ducking included. Levels are over the echo at the
microphone; times run from the onset of the voice to the silent loudspeaker, `STOP_MS` after the decision.
Run with `python -m tests.bench.barge_in`.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.signal import lfilter

from device.audio.files import load
from device.hearing import FRAME_SAMPLES, RATE_HZ, Floats, Samples
from device.hearing.asr import load as load_recogniser
from device.hearing.background import Transcriber
from device.hearing.barge_in import Vocabulary
from device.hearing.interruption import Duck, Fact, Interrupted, Interruption, Restore
from device.hearing.vad import SileroVad
from device.reasoning.language import load as load_language
from device.settings import BargeIn
from models.store import Store
from tests import voices
from tests.bench.double_talk import DoubleTalk, FarEnd, far_end, loud_rms, voice_onset
from tests.recordings import recordings

LEVELS_DB = (0, 5, 10)
STOP_MS = 50  # from the decision to a silent loudspeaker: the event, and the fade
BACKCHANNELS = ("mhm", "mm-hmm", "uh-huh", "hm", "ah", "oh")
_DUCK_FRAMES = 2
_WARM_UP, _LEAD, _AFTER = 400, 20, 60
_LONGEST_S = 4
_EARLY_MS = -150  # before the onset: it was something else


class Sound(NamedTuple):
    """`kind` is "person" for somebody who wants to be heard."""

    kind: str
    samples: Floats


class Outcome(NamedTuple):
    """Milliseconds from the onset; None: never."""

    duck_ms: int | None
    stop_ms: int | None


class Bench:
    """The models, and Wren's speech."""

    def __init__(self, rules: BargeIn) -> None:
        store, language = Store(), load_language("en")
        self.vad = SileroVad(store.active("vad").files["model"])
        self._transcriber = Transcriber(load_recogniser(store.active("asr").files))
        self._vocabulary = Vocabulary(language.stop, language.backchannel)
        self._rules, self._speech = rules, far_end()

    @property
    def speech(self) -> FarEnd:
        """What Wren says."""
        return self._speech

    def play(self, sound: Floats, level_db: float, first: int) -> Outcome:
        """`sound` over Wren's speech from frame `first` on."""
        scene = DoubleTalk(self._speech, first)
        onset = voice_onset(self.vad, sound)
        sound = sound[max(0, onset - _LEAD * FRAME_SAMPLES) :]
        onset = min(onset // FRAME_SAMPLES, _LEAD) + _WARM_UP
        gain = scene.echo_rms * 10 ** (level_db / 20) / loud_rms(sound)
        near = np.clip(sound * np.float32(gain), -0.95, 0.95)
        frames = len(near) // FRAME_SAMPLES
        over = Interruption(self.vad, self._transcriber, self._rules, self._vocabulary, 0.5)
        gains: dict[int, float] = {}
        ducked = None
        for at in range(_WARM_UP + frames + _AFTER):
            scene.gain = gains.get(at, scene.gain)
            said = at - _WARM_UP
            block = near[said * FRAME_SAMPLES :][:FRAME_SAMPLES] if 0 <= said < frames else None
            for fact in self._facts(over, at, scene.hear(block)):
                if isinstance(fact, Duck):
                    gains[at + _DUCK_FRAMES] = 10 ** (self._rules.duck_db / 20)
                    ducked = 10 * (at - onset) if ducked is None and at >= _WARM_UP else ducked
                elif isinstance(fact, Restore):
                    gains[at + _DUCK_FRAMES] = 1.0
                elif isinstance(fact, Interrupted):
                    return Outcome(ducked, 10 * (at - onset) + STOP_MS)
        return Outcome(ducked, None)

    def false_ducks_per_minute(self) -> float:
        """Of nothing but echo, from the end of the warm-up on."""
        scene, frames = DoubleTalk(self._speech, 0), len(self._speech.played)
        over = Interruption(self.vad, self._transcriber, self._rules, self._vocabulary, 0.5)
        facts = [(at, fact) for at in range(frames) for fact in self._facts(over, at, scene.hear(None))]
        ducks = sum(isinstance(fact, Duck) and at >= _WARM_UP for at, fact in facts)
        return 6000 * ducks / (frames - _WARM_UP)

    def _facts(self, over: Interruption, at: int, heard: tuple[Samples, Samples]) -> list[Fact]:
        frame, voice = heard
        facts = over.accept(at, frame, voice=voice) + over.poll()
        while self._transcriber.busy:
            time.sleep(0.0005)
            facts += over.poll()
        return facts + over.poll()


def run(rules: BargeIn | None = None, people: int = 75) -> dict[str, Any]:
    """Rates are shares of 1; `stop_ms` and `duck_ms` are p50 and p95 of those that stopped or ducked Wren."""
    bench = Bench(rules or BargeIn())
    outcomes: dict[tuple[str, int], list[Outcome]] = defaultdict(list)
    for number, sound in enumerate([*_people(people), *_distractors()]):
        level = LEVELS_DB[number % len(LEVELS_DB)]
        first = 97 * number % len(bench.speech.played)
        outcomes[sound.kind, level].append(bench.play(sound.samples, level, first))
    persons = {level: outcomes.pop(("person", level)) for level in LEVELS_DB}
    everybody = [outcome for level in LEVELS_DB for outcome in persons[level]]
    kinds: dict[str, list[Outcome]] = defaultdict(list)
    for (kind, _), some in outcomes.items():
        kinds[kind] += some
    others = [outcome for some in kinds.values() for outcome in some]
    return {
        "n": len(everybody),
        "detected_rate": _rate(everybody),
        "stop_ms": _percentiles([outcome.stop_ms for outcome in everybody]),
        "duck_ms": _percentiles([outcome.duck_ms for outcome in everybody]),
        "levels_db": {
            level: {
                "n": len(some),
                "detected_rate": _rate(some),
                "stop_ms": _percentiles([outcome.stop_ms for outcome in some]),
            }
            for level, some in persons.items()
        },
        "false_rate": sum(one.stop_ms is not None for one in others) / len(others),
        "false": {
            kind: {
                "n": len(some),
                "stopped": sum(one.stop_ms is not None for one in some),
                "ducked": sum(one.duck_ms is not None for one in some),
            }
            for kind, some in sorted(kinds.items())
        },
        "false_ducks_per_minute_of_echo": bench.false_ducks_per_minute(),
    }


def _rate(outcomes: list[Outcome]) -> float:
    good = sum(one.stop_ms is not None and one.stop_ms >= _EARLY_MS for one in outcomes)
    return good / len(outcomes)


def _percentiles(times: list[int | None]) -> dict[str, float]:
    known = [time_ms for time_ms in times if time_ms is not None]
    return {f"p{share}": float(np.percentile(known, share)) for share in (50, 95)} if known else {}


def _people(count: int) -> Iterator[Sound]:
    every = [
        one
        for category in ("cmd_speech", "cmd_speech_slots", "read_speech")
        for one in recordings(category)
        if "digit" not in one.source
    ]
    for at in np.linspace(0, len(every) - 1, count).astype(int):
        yield Sound("person", _floats(every[at].samples()[: _LONGEST_S * RATE_HZ]))


def _distractors() -> Iterator[Sound]:
    for kind, pieces in (("music", 5), ("noise", 2)):
        for recording in recordings(kind):
            whole = _floats(recording.samples())
            for at in np.linspace(0, 0.8 * len(whole), pieces).astype(int):
                yield Sound(kind, whole[at : at + _LONGEST_S * RATE_HZ])
    if voices.available():
        for voice in voices.VOICES:
            for said in BACKCHANNELS:
                yield Sound("backchannel", load(str(voices.spoken(said, voice)), RATE_HZ))
    rng = np.random.default_rng(0)
    for _ in range(8):
        yield Sound("cough", np.concatenate([_burst(rng, 0.25, 0.9) for _ in range(int(rng.integers(1, 4)))]))
        yield Sound("door", _burst(rng, 0.5, 0.98))


def _burst(rng: np.random.Generator, seconds: float, pole: float) -> Floats:
    """Noise that dies away, its high tones damped by `pole`."""
    length = round(seconds * RATE_HZ)
    fall = np.exp(-np.arange(length) / (length * rng.uniform(0.1, 0.3)))
    noise = lfilter([1.0], [1.0, -pole], rng.standard_normal(length)) * fall
    burst: Floats = (noise / np.abs(noise).max()).astype(np.float32)
    return burst


def _floats(samples: Any) -> Floats:
    sound: Floats = samples.astype(np.float32) / np.float32(32768)
    return sound


def show(results: dict[str, Any]) -> None:
    """Prints the tables."""
    console = Console()
    table = Table("people", "n", "stopped Wren", "stop ms P50", "P95", title="Barge-in")
    for name, row in [*((f"{db} dB", row) for db, row in results["levels_db"].items()), ("all", results)]:
        stop = row["stop_ms"]
        table.add_row(
            name, str(row["n"]), f"{row['detected_rate']:.1%}", f"{stop['p50']:.0f}", f"{stop['p95']:.0f}"
        )
    console.print(table)
    table = Table("no interruption", "n", "stopped Wren", "ducked it")
    for kind, row in results["false"].items():
        table.add_row(kind, str(row["n"]), str(row["stopped"]), str(row["ducked"]))
    console.print(table)
    duck = results["duck_ms"]
    console.print(
        f"false {results['false_rate']:.1%}; duck P50 {duck['p50']:.0f} ms, P95 {duck['p95']:.0f} ms; "
        f"{results['false_ducks_per_minute_of_echo']:.1f} ducks a minute of echo alone"
    )


if __name__ == "__main__":
    show(run())

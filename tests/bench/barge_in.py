"""People, and what is no person, over Wren's voice: who stops it, after how long, and what merely ducks it.

Offline: recordings of the shared data, synthesised backchannels, coughs and doors, and murmurs of people (each at
every level) in the simulated room, through the echo canceller and the rules of barge-in, ducking included. Levels
are over the echo at the microphone; times run from the onset of the voice to the loudspeaker that is silent for
good, `STOP_MS` after the decision to stop, or to pause until it is known what the voice was.
Run with `python -m tests.bench.barge_in`.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.signal import lfilter

from device.audio.files import load
from device.events import FRAME_MS
from device.hearing import FRAME_SAMPLES, RATE_HZ, Floats
from device.hearing.barge_in import Vocabulary
from device.hearing.interruption import Duck, Fact, Interrupted, Interruption, Pause, Restore
from device.hearing.transcribe import to_samples
from device.hearing.vad import SileroVad
from device.reasoning.language import load as load_language
from device.settings import BargeIn
from models.store import Store
from tests import voices
from tests.bench.double_talk import DoubleTalk, FarEnd, far_end, loud_rms, voice_onset
from tests.bench.interrupted import PRE_ROLL_FRAMES, Heard, Reader, transcript_of
from tests.bench.murmurs import murmurs
from tests.bench.turn_simulation import Clock
from tests.recordings import recordings

LEVELS_DB, UNDERSTOOD_DB = (0, 5, 10), (5, 10)
STOP_MS = 50  # from the decision to a silent loudspeaker: the event, and the fade
BACKCHANNELS = {  # in phonemes of espeak-ng and flite
    "mhm": ("m'hm:", "m m hh m m"),
    "mm-hmm": ("m:h'm:", "m m m hh m m m"),
    "uh-huh": ("'Vh'V", "ah hh ah"),
    "hm": ("h'm", "hh m m"),
    "ah": ("'A:", "aa aa"),
    "oh": ("'oU", "ow"),
}
_LEFT_OUT = ("digit", "asterisk", "pocketsphinx")  # single digits; speakers who trained the witness
_DUCK_FRAMES = 2
_WARM_UP, _LEAD, _AFTER = 400, 20, 200
_REMEMBERED_FRAMES = 300
_LONGEST_S = 4
_EARLY_MS = -150  # before the onset: it was something else


class Sound(NamedTuple):
    """`kind` is "person" for somebody who wants to be heard; `said` is the transcript where there is one."""

    kind: str
    samples: Floats
    said: str = ""


class Outcome(NamedTuple):
    """Milliseconds from the onset, None: never; the text that was read of what interrupted.

    `decided_ms` is when it was known to be an interruption, `stop_ms` when there was silence.
    """

    duck_ms: int | None
    stop_ms: int | None
    decided_ms: int | None = None
    text: str = ""
    paused: bool = False


class Alone(NamedTuple):
    """What Wren does to itself, counted; and what is found of the drift of its clock."""

    ducks: int
    pauses: int
    interruptions: int
    drift_ppm: float


class Understanding(NamedTuple):
    """Whether a request was understood over Wren's voice, and whether it is without."""

    over_echo: bool
    without_echo: bool


class Bench:
    """The models, and Wren's speech."""

    def __init__(
        self, rules: BargeIn, response: Floats | None = None, drift_ppm: float | None = None
    ) -> None:
        store, language = Store(), load_language("en")
        self.vad = SileroVad(store.active("vad").files["model"])
        self._vocabulary = Vocabulary(language.stop, language.backchannel, language.murmurs)
        self._rules, self._speech, self.reader = rules, far_end(), Reader(self.vad)
        self._response, self._drift_ppm = response, drift_ppm
        self._clock = Clock()

    @property
    def speech(self) -> FarEnd:
        """What Wren says."""
        return self._speech

    def play(self, sound: Sound, level_db: float, first: int) -> Outcome:
        """`sound` over Wren's speech from frame `first` on; what is said is read where it is known."""
        scene = self._scene(first)
        near, onset = self._near_end(sound.samples, scene.echo_rms * 10 ** (level_db / 20))
        over = self._listening()
        gains: dict[int, float] = {}
        past: deque[Heard] = deque(maxlen=_REMEMBERED_FRAMES)
        ducked, paused_at, paused = None, None, False
        hearing = _hear(scene, near, gains)
        for heard in hearing:
            past.append(heard)
            at = heard.frame
            for fact in self._facts(over, heard):
                if isinstance(fact, Duck):
                    gains[at + _DUCK_FRAMES] = 10 ** (self._rules.duck_db / 20)
                    ducked = 10 * (at - onset) if ducked is None and at >= _WARM_UP else ducked
                elif isinstance(fact, Pause):
                    gains[at + STOP_MS // 10] = 0.0
                    paused_at, paused = at, paused or at >= _WARM_UP
                elif isinstance(fact, Restore):
                    gains[at + _DUCK_FRAMES] = 1.0
                    paused_at = None
                elif isinstance(fact, Interrupted):
                    gains[at + STOP_MS // 10] = 0.0
                    text = fact.text if fact.stop else ""
                    if sound.said and not fact.stop:
                        begun = [one for one in past if one.frame >= fact.begun - PRE_ROLL_FRAMES]
                        text = self.reader.read(chain(begun, hearing), fact.frame, fact.begun)
                    silent, decided = (
                        10 * (frame - onset) + STOP_MS
                        for frame in (at if paused_at is None else paused_at, at)
                    )
                    return Outcome(ducked, silent, decided, text, paused)
        return Outcome(ducked, None, paused=paused)

    def understanding(self, sound: Sound, outcome: Outcome) -> Understanding:
        """Of a sound that was played; `sound.said` is known."""
        quiet = self.reader.without_echo(to_samples(sound.samples * 0.5 / np.abs(sound.samples).max()))
        understood = self.reader.understood
        return Understanding(understood(outcome.text, sound.said), understood(quiet, sound.said))

    def _near_end(self, sound: Floats, rms: float) -> tuple[Floats, int]:
        """Frames of `sound` at a loudness and silence around it, float32[n, 160], and the frame of its onset."""
        onset = voice_onset(self.vad, sound)
        sound = sound[max(0, onset - _LEAD * FRAME_SAMPLES) :]
        onset = min(onset // FRAME_SAMPLES, _LEAD) + _WARM_UP
        loud = np.clip(sound * np.float32(rms / loud_rms(sound)), -0.95, 0.95)
        whole = np.pad(loud, (_WARM_UP * FRAME_SAMPLES, _AFTER * FRAME_SAMPLES))
        return whole[: len(whole) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES), onset

    def alone(self, seconds: float) -> Alone:
        """Nothing but echo, from Wren's first word on."""
        scene, gains = self._scene(0), dict[int, float]()
        over, counts = self._listening(), Counter[type[Fact]]()
        silence = np.zeros((round(seconds * 1000 / FRAME_MS), FRAME_SAMPLES), np.float32)
        for heard in _hear(scene, silence, gains):
            for fact in self._facts(over, heard):
                counts[type(fact)] += 1
                match fact:
                    case Duck():
                        gains[heard.frame + _DUCK_FRAMES] = 10 ** (self._rules.duck_db / 20)
                    case Restore():
                        gains[heard.frame + _DUCK_FRAMES] = 1.0
                    case Interrupted():
                        gains[heard.frame + _DUCK_FRAMES], over = 1.0, self._listening()
        return Alone(counts[Duck], counts[Pause], counts[Interrupted], scene.drift_ppm)

    def _scene(self, first: int) -> DoubleTalk:
        return DoubleTalk(self._speech, first, self._response, drift_ppm=self._drift_ppm)

    def _listening(self) -> Interruption:
        """From the beginning of a scene on; a text takes the time it takes."""
        self._clock = Clock()
        recogniser = self.reader.recogniser(self._clock)
        return Interruption(self.vad, recogniser, self._rules, self._vocabulary, 0.5)

    def _facts(self, over: Interruption, heard: Heard) -> list[Fact]:
        self._clock.ms = FRAME_MS * (heard.frame + 1.0)
        facts = over.accept(heard.frame, heard.samples, voice=heard.voice, may_be_echo=heard.may_be_echo)
        return facts + over.poll()


def _hear(scene: DoubleTalk, near: Floats, gains: dict[int, float]) -> Iterator[Heard]:
    """The frames of a scene; `gains` of the loudspeaker may be added while it runs."""
    for at, block in enumerate(near):
        scene.gain = gains.get(at, scene.gain)
        yield Heard(at, *scene.hear(block), scene.may_be_echo)


def run(rules: BargeIn | None = None, people: int = 90) -> dict[str, Any]:
    """Rates are shares of 1; `stop_ms` and `duck_ms` are p50 and p95 of those that stopped or ducked Wren."""
    bench = Bench(rules or BargeIn())
    outcomes: dict[tuple[str, int], list[Outcome]] = defaultdict(list)
    understood: dict[int, list[Understanding]] = {level: [] for level in UNDERSTOOD_DB}
    for number, sound in enumerate([*talkers(people), *distractors()]):
        level = LEVELS_DB[number % len(LEVELS_DB)]
        first = 97 * number % len(bench.speech.played)
        outcome = bench.play(sound if level in UNDERSTOOD_DB else sound._replace(said=""), level, first)
        outcomes[sound.kind, level].append(outcome)
        if sound.said and level in UNDERSTOOD_DB:
            understood[level].append(bench.understanding(sound, outcome))
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
        "decided_ms": _percentiles([outcome.decided_ms for outcome in everybody]),
        "duck_ms": _percentiles([outcome.duck_ms for outcome in everybody]),
        "levels_db": {
            level: {
                "n": len(some),
                "detected_rate": _rate(some),
                "stop_ms": _percentiles([outcome.stop_ms for outcome in some]),
            }
            for level, some in persons.items()
        },
        "understood": {
            name: _understood(some)
            for name, some in (
                *understood.items(),
                ("all", [one for some in understood.values() for one in some]),
            )
        },
        "false_rate": sum(one.stop_ms is not None for one in others) / len(others),
        "false": {
            kind: {
                "n": len(some),
                "stopped": sum(one.stop_ms is not None for one in some),
                "paused": sum(one.paused for one in some),
                "ducked": sum(one.duck_ms is not None for one in some),
            }
            for kind, some in sorted(kinds.items())
        },
        "false_ducks_per_minute_of_echo": float(bench.alone(60).ducks),
    }


def _rate(outcomes: list[Outcome]) -> float:
    good = sum(one.stop_ms is not None and one.stop_ms >= _EARLY_MS for one in outcomes)
    return good / len(outcomes)


def _understood(some: list[Understanding]) -> dict[str, float]:
    return {
        "n": len(some),
        "rate": sum(one.over_echo for one in some) / max(1, len(some)),
        "without_echo": sum(one.without_echo for one in some) / max(1, len(some)),
    }


def _percentiles(times: list[int | None]) -> dict[str, float]:
    known = [time_ms for time_ms in times if time_ms is not None]
    return {f"p{share}": float(np.percentile(known, share)) for share in (50, 95)} if known else {}


def talkers(count: int) -> Iterator[Sound]:
    """People who want to be heard, evenly from all recordings of requests and sentences."""
    every = [
        one
        for category in ("cmd_speech", "cmd_speech_slots", "read_speech")
        for one in recordings(category)
        if not any(name in one.source for name in _LEFT_OUT)
    ]
    for at in np.linspace(0, len(every) - 1, count).astype(int):
        said = transcript_of(every[at])
        samples = _floats(every[at].samples())
        yield Sound("person", samples if said else samples[: _LONGEST_S * RATE_HZ], said)


def distractors() -> Iterator[Sound]:
    """Music, noises, doors, coughs and murmurs, each murmur as often as there are levels."""
    for kind, pieces in (("music", 5), ("noise", 2)):
        for recording in recordings(kind):
            whole = _floats(recording.samples())
            for at in np.linspace(0, 0.8 * len(whole), pieces).astype(int):
                yield Sound(kind, whole[at : at + _LONGEST_S * RATE_HZ])
    if voices.available():
        for voice in voices.VOICES:
            for phonemes in BACKCHANNELS.values():
                yield Sound("backchannel", load(str(voices.murmured(*phonemes, voice)), RATE_HZ))
    rng = np.random.default_rng(0)
    for _ in range(8):
        yield Sound("cough", np.concatenate([burst(rng, 0.25, 0.9) for _ in range(int(rng.integers(1, 4)))]))
        yield Sound("door", burst(rng, 0.5, 0.98))
    for murmur in murmurs():
        for _ in LEVELS_DB:
            yield Sound("murmur of people", murmur)


def burst(rng: np.random.Generator, seconds: float, pole: float) -> Floats:
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
    table = Table("request", "n", "understood", "without echo")
    for name, row in results["understood"].items():
        level = f"{name} dB" if isinstance(name, int) else name
        table.add_row(level, str(row["n"]), f"{row['rate']:.1%}", f"{row['without_echo']:.1%}")
    console.print(table)
    table = Table("no interruption", "n", "stopped Wren", "paused it", "ducked it")
    for kind, row in results["false"].items():
        table.add_row(kind, str(row["n"]), str(row["stopped"]), str(row["paused"]), str(row["ducked"]))
    console.print(table)
    duck, decided = results["duck_ms"], results["decided_ms"]
    console.print(f"known to interrupt after P50 {decided['p50']:.0f} ms, P95 {decided['p95']:.0f} ms")
    console.print(
        f"false {results['false_rate']:.1%}; duck P50 {duck['p50']:.0f} ms, P95 {duck['p95']:.0f} ms; "
        f"{results['false_ducks_per_minute_of_echo']:.1f} ducks a minute of echo alone"
    )


if __name__ == "__main__":
    show(run())

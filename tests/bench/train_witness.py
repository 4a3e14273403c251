"""Trains the weights of `device.hearing.witness`: `python -m tests.bench.train_witness [scenes]`.

Examples of `witness_material` (its docstring names them and their licences; none comes from a source of the
people that `tests.bench.barge_in` plays) are heard over Wren's voice through the simulated room and both
cancellers, at -3 to 13 dB over the echo, in rooms, delays and echo levels drawn anew for each scene, with the
ducking that barge-in does. Whatever `Interruption` would ask the witness is a row; a ridge-penalised logistic
regression on standardised features learns from all. The same scenes come of the same packages every time; each
takes some three seconds of one core and is kept in the cache (`witness-scenes`, to be removed when the material
or the cancellers change), so that other features need no new ones.

Needs the extra `train`, the Debian packages and the shared data; `WORKERS` scenes are made at a time.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import NamedTuple

import numpy as np
from scipy.signal import fftconvolve, lfilter
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from device.hearing import FRAME_SAMPLES, RATE_HZ, Floats, Samples
from device.hearing.background import Final, Partial, Readings
from device.hearing.barge_in import Vocabulary
from device.hearing.interruption import Duck, Interruption
from device.hearing.rise import LevelRise
from device.hearing.vad import SileroVad, VoiceActivity
from device.hearing.witness import WEIGHTS
from device.settings import BargeIn, cache_dir
from models.store import Store
from tests.bench.double_talk import DoubleTalk, FarEnd, far_end, loud_rms
from tests.bench.witness_material import MUSICAL, USUAL, Material

WORKERS = 2
SCENES, _QUIET_SCENES, _MUSICAL_SCENES = 180, 94, 153  # from these seeds on: with noise, with more music
_KEPT = cache_dir() / "witness-scenes"
_NOISE_LEAD_S = 0.2
_SCENE_EXAMPLES, _WARM_UP = 14, 400
_VOICED = 0.5
_PENALTY = 0.0015  # scikit-learn's C
_WEIGHT = {"words": 4.0, "interjection": 2.0, "tune": 2.0, "song": 2.0}  # of an example; coughs and bangs: 1
_ONE_SOUND = 0.15  # share of the rows with the same sound for voice activity and recognition
_DUCKED, _DUCK_FRAMES, _RESTORE_CHUNKS = 0.1, 2, 10
_ONSET_CHUNKS = 2
_EARLY_FRAMES, _LATE_FRAMES = 10, 5  # an onset so long before an example, or after its end, is due to it
_RULES = BargeIn()


class Row(NamedTuple):
    """One chunk in the life of one example."""

    features: Floats
    kind: str


@cache
def _wren() -> FarEnd:
    return far_end()


class Scene(NamedTuple):
    """What the cancellers leave of a scene, int16[n, 160] each, and its examples: first and last frame, kind."""

    cleaned: Samples
    spoken: Samples
    examples: list[tuple[int, int, str]]


class _Questions:
    """A witness who believes nothing and remembers what he was asked."""

    def __init__(self) -> None:
        self.asked: list[Floats] = []

    def probability(self, given: Floats) -> float:
        self.asked.append(given)
        return 0.0


class _Deaf:
    """A recogniser who understands nothing, at once."""

    def __init__(self) -> None:
        self._asked = 0

    @property
    def busy(self) -> bool:
        return self._asked > 0

    def accept(self, samples: Samples) -> None:
        pass

    def reset(self) -> None:
        self._asked = 0

    def request_partial(self) -> None:
        self._asked += 1

    def request_final(self) -> int:
        raise AssertionError("only utterances have an end")

    request_readings = request_final

    def poll(self) -> list[Partial | Final | Readings]:
        found: list[Partial | Final | Readings] = [Partial("", 0.0)] * self._asked
        self._asked = 0
        return found


def rows(seed: int) -> list[list[Row]]:
    """What the witness would be asked about each example of a scene."""
    heard, rng = scene(seed), np.random.default_rng(seed)
    same = [rng.random() < _ONE_SOUND for _ in heard.examples]
    found: list[list[Row]] = [[] for _ in heard.examples]
    questions, onset, number = _Questions(), -1, 0
    over = Interruption(_vad(), _Deaf(), _RULES, Vocabulary([], []), _VOICED, witness=questions)
    for at, (cleaned, spoken) in enumerate(zip(heard.cleaned, heard.spoken, strict=True)):
        while number + 1 < len(heard.examples) and at >= heard.examples[number + 1][0] - _EARLY_FRAMES:
            number += 1
        if at < _WARM_UP - _EARLY_FRAMES:
            continue
        first, last, kind = heard.examples[number]
        voice = cleaned if same[number] else spoken
        for fact in over.accept(at, cleaned, voice=voice) + over.poll():
            onset = fact.frame if isinstance(fact, Duck) else onset
        if first - _EARLY_FRAMES <= onset < last + _LATE_FRAMES:
            found[number] += [Row(given, kind) for given in questions.asked]
        questions.asked.clear()
    return found


@cache
def _vad() -> SileroVad:
    return SileroVad(Store().active("vad").files["model"])


def scene(seed: int) -> Scene:
    """A scene as it was kept, or made and kept."""
    kept = _KEPT / f"{seed:04}.npz"
    if not kept.exists():
        keep(_made(seed), kept)
    with np.load(kept) as stored:
        spans = stored["spans"].tolist()
        examples = [(*span, str(kind)) for span, kind in zip(spans, stored["kinds"], strict=True)]
        return Scene(stored["cleaned"], stored["spoken"], examples)


def keep(made: Scene, path: Path) -> None:
    """Writes a scene, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    spans, kinds = [one[:2] for one in made.examples], [one[2] for one in made.examples]
    with NamedTemporaryFile(dir=path.parent, delete=False) as file:
        np.savez(file, cleaned=made.cleaned, spoken=made.spoken, spans=spans, kinds=kinds)
    Path(file.name).rename(path)


def _made(seed: int) -> Scene:
    rng = np.random.default_rng(seed)
    material, speech = Material(rng), _wren()
    echo_db, delay_ms = float(rng.uniform(-18, -3)), int(rng.integers(30, 120))
    talk = DoubleTalk(speech, int(rng.integers(len(speech.played))), _room(rng), delay_ms, echo_db)
    examples: list[tuple[int, int, str]] = []
    near: list[Floats] = [np.zeros(_WARM_UP * FRAME_SAMPLES, np.float32)]
    for _ in range(_SCENE_EXAMPLES):
        example = material.draw(MUSICAL if seed >= _MUSICAL_SCENES else USUAL)
        room = _room(rng)
        sound = example.sound if room is None else fftconvolve(example.sound, room).astype(np.float32)
        if seed >= _QUIET_SCENES:
            sound = noisy(sound, rng)
        gain = talk.echo_rms * 10 ** (rng.uniform(-3, 13) / 20) / loud_rms(sound)
        pause = np.zeros(int(rng.integers(60, 130)) * FRAME_SAMPLES, np.float32)
        first = sum(map(len, near)) // FRAME_SAMPLES
        examples.append((first, first + len(sound) // FRAME_SAMPLES, example.kind))
        near += [np.clip(sound * np.float32(gain), -0.95, 0.95), pause]
    whole = np.concatenate(near)
    frames = whole[: len(whole) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    return Scene(*_heard(talk, frames), examples)


def _heard(talk: DoubleTalk, near: Floats) -> tuple[Samples, Samples]:
    """The frames of a scene in which Wren is ducked for whatever may be a voice."""
    activity, rise = VoiceActivity(_vad(), _VOICED), LevelRise()
    heard: list[tuple[Samples, Samples]] = []
    gains: dict[int, float] = {}
    is_ducked, silent, run = False, 0, 0
    for at, block in enumerate(near):
        talk.gain = gains.get(at, talk.gain)
        heard.append(talk.hear(block))
        is_warm = at >= _WARM_UP - 100
        if rise.accept(heard[-1][0]) and is_warm and not is_ducked:
            is_ducked, silent = True, 0
            gains[at + _DUCK_FRAMES] = _DUCKED
        voice = activity.accept(at, heard[-1][0])
        if voice is None:
            continue
        is_voice = voice.probability >= _VOICED
        if not is_ducked:
            run = run + 1 if is_voice else 0
            if run < _ONSET_CHUNKS or not is_warm:
                continue
            is_ducked, silent = True, 0
            gains[at + _DUCK_FRAMES] = _DUCKED
        silent = 0 if is_voice else silent + 1
        if silent >= _RESTORE_CHUNKS:
            is_ducked, run, gains[at + _DUCK_FRAMES] = False, 0, 1.0
    cleaned, spoken = zip(*heard, strict=True)
    return np.stack(cleaned), np.stack(spoken)


def noisy(sound: Floats, rng: np.random.Generator) -> Floats:
    """`sound` as a poor microphone in a room that is not quiet hears it, from a moment before it on."""
    lead = round(_NOISE_LEAD_S * RATE_HZ)
    padded = np.pad(sound, (lead, lead // 2))
    noise = lfilter([1.0], [1.0, -rng.uniform(0, 0.98)], rng.standard_normal(len(padded)))
    level = loud_rms(sound) * 10 ** (-rng.uniform(8, 30) / 20)
    mixed: Floats = (padded + level * noise / np.sqrt(np.mean(noise**2))).astype(np.float32)
    return mixed


def _room(rng: np.random.Generator) -> Floats | None:
    """Reverberation as noise that dies away behind the direct sound; None: none."""
    if rng.random() < 0.4:
        return None
    length = round(rng.uniform(0.1, 0.5) * RATE_HZ)
    tail = rng.standard_normal(length) * 10 ** (-3 * np.arange(length) / length) * rng.uniform(0.006, 0.05)
    tail[:16], tail[0] = 0, 1
    room: Floats = tail.astype(np.float32)
    return room


def train(examples: Sequence[Sequence[Row]]) -> tuple[Floats, float]:
    """Weights and bias of the regression, from the rows of each example."""
    given = np.stack([row.features for rows in examples for row in rows])
    words = np.array([row.kind == "words" for rows in examples for row in rows])
    # long sounds shall not rule
    share = [len(rows) ** -0.5 * _WEIGHT.get(row.kind, 1.0) for rows in examples for row in rows]
    scaler = StandardScaler().fit(given)
    model = LogisticRegression(C=_PENALTY, max_iter=800).fit(
        scaler.transform(given), words, sample_weight=share
    )
    weights = model.coef_[0] / scaler.scale_
    return weights.astype(np.float32), float(model.intercept_[0] - weights @ scaler.mean_)


def main(scenes: int) -> None:
    """Makes `scenes` scenes, those that were not kept, and writes the weights."""
    with ProcessPoolExecutor(WORKERS) as pool:
        examples = [some for found in pool.map(rows, range(scenes)) for some in found if some]
    weights, bias = train(examples)
    np.savez(WEIGHTS, weights=weights, bias=np.float32(bias))
    print(f"{len(examples)} examples, {sum(map(len, examples))} rows -> {WEIGHTS.name}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else SCENES)

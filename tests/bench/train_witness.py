"""Trains the weights of `device.hearing.witness`: `python -m tests.bench.train_witness [scenes]`.

Examples of `witness_material` (its docstring names them and their licences; none comes from a source of the
people that `tests.bench.barge_in` plays) are heard over Wren's voice through the simulated room and both cancellers, at -3
to 13 dB over the echo, in rooms, delays and echo levels drawn anew for each scene, with the ducking that
barge-in does. Every chunk that the witness would be asked about is a row; a ridge-penalised logistic
regression on standardised features learns from all. The same scenes come of the same packages every time; each
takes some three seconds of one core.

Needs the extra `train`, the Debian packages and the shared data; `WORKERS` scenes are made at a time.
"""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from typing import NamedTuple

import numpy as np
from scipy.signal import fftconvolve, lfilter
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from device.hearing import FRAME_SAMPLES, RATE_HZ, Floats
from device.hearing.rise import LevelRise
from device.hearing.spectrum import SHAPE
from device.hearing.vad import SileroVad, VoiceActivity
from device.hearing.witness import SOUND, WEIGHTS, Sounds, features
from models.store import Store
from tests.bench.double_talk import DoubleTalk, FarEnd, far_end, loud_rms
from tests.bench.witness_material import Material

WORKERS = 2
SCENES, _QUIET_SCENES = 153, 94
_NOISE_LEAD_S = 0.2
_SCENE_EXAMPLES, _WARM_UP = 14, 400
_VOICED = 0.5
_PENALTY = 0.001  # scikit-learn's C
_WEIGHT = {"interjection": 1.5, "tune": 3.0, "song": 3.0}  # what stops Wren most often and should not
_ONE_SOUND = 0.15  # share of the rows with the same sound for voice activity and recognition
_DUCKED, _DUCK_FRAMES, _RESTORE_CHUNKS = 0.1, 2, 10
_FIRST_FRAME, _LAST_FRAME, _FEWEST_VOICED, _LEAST_VOICE = 8, 90, 2, 0.3
_RISE_FRAMES, _ONSET_CHUNKS, _ONSET_FRAMES = 2, 2, 6


class Row(NamedTuple):
    """One chunk in the life of one example."""

    features: Floats
    kind: str


@cache
def _wren() -> FarEnd:
    return far_end()


def scene(seed: int) -> list[list[Row]]:
    """The rows of each example in one scene; from seed `_QUIET_SCENES` on each example brings noise with it."""
    rng = np.random.default_rng(seed)
    material, speech = Material(rng), _wren()
    echo_db, delay_ms = float(rng.uniform(-18, -3)), int(rng.integers(30, 120))
    talk = DoubleTalk(speech, int(rng.integers(len(speech.played))), _room(rng), delay_ms, echo_db)
    begins: list[tuple[int, int, str]] = []
    near: list[Floats] = [np.zeros(_WARM_UP * FRAME_SAMPLES, np.float32)]
    for _ in range(_SCENE_EXAMPLES):
        example = material.draw()
        room = _room(rng)
        sound = example.sound if room is None else fftconvolve(example.sound, room).astype(np.float32)
        if seed >= _QUIET_SCENES:
            sound = noisy(sound, rng)
        gain = talk.echo_rms * 10 ** (rng.uniform(-3, 13) / 20) / loud_rms(sound)
        pause = np.zeros(int(rng.integers(60, 130)) * FRAME_SAMPLES, np.float32)
        first = sum(map(len, near)) // FRAME_SAMPLES
        begins.append((first, first + len(sound) // FRAME_SAMPLES, example.kind))
        near += [np.clip(sound * np.float32(gain), -0.95, 0.95), pause]
    whole = np.concatenate(near)
    heard = _heard(talk, whole[: len(whole) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES))
    return [
        [Row(given, kind) for onset, given in heard if first - 10 <= onset < last + 5]
        for first, last, kind in begins
    ]


def _heard(talk: DoubleTalk, near: Floats) -> list[tuple[int, Floats]]:
    """(onset, features) of each chunk of the voices that duck Wren."""
    activity, rise = VoiceActivity(SileroVad(Store().active("vad").files["model"]), _VOICED), LevelRise()
    sounds = Sounds()
    rows: list[tuple[int, Floats]] = []
    gains: dict[int, float] = {}
    onset, silent, run, chunks = -1, 0, 0, list[tuple[int, float]]()
    for at, block in enumerate(near):
        talk.gain = gains.get(at, talk.gain)
        frame, spoken = talk.hear(block)
        sounds.accept(frame, spoken)
        is_warm = at >= _WARM_UP - 100
        if rise.accept(frame) and onset < 0 and is_warm:
            onset, silent = at - _RISE_FRAMES, 0
            gains[at + _DUCK_FRAMES] = _DUCKED
        voice = activity.accept(at, frame)
        if voice is None:
            continue
        chunks.append((at, voice.probability))
        is_voice = voice.probability >= _VOICED
        if onset < 0:
            run = run + 1 if is_voice else 0
            if run < _ONSET_CHUNKS or not is_warm:
                continue
            onset, silent = at - _ONSET_FRAMES, 0
            gains[at + _DUCK_FRAMES] = _DUCKED
        silent = 0 if is_voice else silent + 1
        probabilities = [probability for ended, probability in chunks if ended > onset]
        voiced = sum(probability >= _VOICED for probability in probabilities)
        asked = _FIRST_FRAME <= at - onset <= _LAST_FRAME and voiced >= _FEWEST_VOICED
        if silent >= _RESTORE_CHUNKS:
            onset, run, gains[at + _DUCK_FRAMES] = -1, 0, 1.0
        elif asked and voice.probability >= _LEAST_VOICE:
            sound = sounds.latest(at - onset + 1, activity.state)
            rows.append((onset, features(sound, at - onset, voiced, float(np.mean(probabilities)))))
    return rows


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


def train(scenes: int) -> None:
    """Makes `scenes` scenes and writes the weights."""
    with ProcessPoolExecutor(WORKERS) as pool:
        examples = [rows for some in pool.map(scene, range(scenes)) for rows in some if rows]
    given = np.stack([row.features for rows in examples for row in rows])
    words = np.array([row.kind == "words" for rows in examples for row in rows])
    # long sounds shall not rule
    share = [len(rows) ** -0.5 * _WEIGHT.get(row.kind, 1.0) for rows in examples for row in rows]
    same = np.random.default_rng(0).random(len(given)) < _ONE_SOUND
    given[same, SOUND - SHAPE : SOUND] = given[same, SOUND - 2 * SHAPE : SOUND - SHAPE]
    scaler = StandardScaler().fit(given)
    model = LogisticRegression(C=_PENALTY, max_iter=800).fit(
        scaler.transform(given), words, sample_weight=share
    )
    weights = model.coef_[0] / scaler.scale_
    bias = model.intercept_[0] - float(weights @ scaler.mean_)
    np.savez(WEIGHTS, weights=weights.astype(np.float32), bias=np.float32(bias))
    print(f"{len(examples)} examples, {len(given)} rows -> {WEIGHTS.name}")


if __name__ == "__main__":
    train(int(sys.argv[1]) if len(sys.argv) > 1 else SCENES)

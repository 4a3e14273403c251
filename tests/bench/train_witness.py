"""Trains the weights of `device.hearing.witness`: `python -m tests.bench.train_witness [minutes]`.

Examples of `witness_material` (its docstring names them and their licences; the shared recordings are not
among them) are heard over Wren's voice through the simulated room and the canceller, at -3 to 13 dB over the
echo, in rooms, delays and echo levels drawn anew for each scene, with the ducking that barge-in does. Every
chunk that the witness would be asked about is a row; a ridge-penalised logistic regression on standardised
features learns from all. An hour of scenes takes some six minutes of one core.

Needs the extra `train` and the Debian packages; `WORKERS` scenes are made at a time.
"""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from typing import NamedTuple

import numpy as np
from scipy.signal import fftconvolve
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from device.hearing import FRAME_SAMPLES, RATE_HZ, Floats
from device.hearing.rise import LevelRise
from device.hearing.vad import SileroVad, VoiceActivity
from device.hearing.witness import WEIGHTS, features
from models.store import Store
from tests.bench.double_talk import DoubleTalk, FarEnd, far_end, loud_rms
from tests.bench.witness_material import Material

WORKERS = 2
_SCENE_EXAMPLES, _WARM_UP = 14, 400
_VOICED = 0.5
_PENALTY = 0.002  # scikit-learn's C
_DUCKED, _DUCK_FRAMES, _RESTORE_CHUNKS = 0.1, 2, 10
_FIRST_FRAME, _LAST_FRAME, _FEWEST_VOICED, _LEAST_VOICE = 8, 60, 2, 0.3


class Row(NamedTuple):
    """One chunk in the life of one example."""

    features: Floats
    words: bool


@cache
def _wren() -> FarEnd:
    return far_end()


def scene(seed: int) -> list[list[Row]]:
    """The rows of each example in one scene."""
    rng = np.random.default_rng(seed)
    material, speech = Material(rng), _wren()
    echo_db, delay_ms = float(rng.uniform(-18, -3)), int(rng.integers(30, 120))
    talk = DoubleTalk(speech, int(rng.integers(len(speech.played))), _room(rng), delay_ms, echo_db)
    begins: list[tuple[int, int, bool]] = []
    near: list[Floats] = [np.zeros(_WARM_UP * FRAME_SAMPLES, np.float32)]
    for _ in range(_SCENE_EXAMPLES):
        example = material.draw()
        room = _room(rng)
        sound = example.sound if room is None else fftconvolve(example.sound, room).astype(np.float32)
        gain = talk.echo_rms * 10 ** (rng.uniform(-3, 13) / 20) / loud_rms(sound)
        pause = np.zeros(int(rng.integers(60, 130)) * FRAME_SAMPLES, np.float32)
        first = sum(map(len, near)) // FRAME_SAMPLES
        begins.append((first, first + len(sound) // FRAME_SAMPLES, example.words))
        near += [np.clip(sound * np.float32(gain), -0.95, 0.95), pause]
    whole = np.concatenate(near)
    heard = _heard(talk, whole[: len(whole) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES))
    return [
        [Row(given, words) for onset, given in heard if first - 10 <= onset < last + 5]
        for first, last, words in begins
    ]


def _heard(talk: DoubleTalk, near: Floats) -> list[tuple[int, Floats]]:
    """(onset, features) of each chunk of the voices that duck Wren."""
    activity, rise = VoiceActivity(SileroVad(Store().active("vad").files["model"]), 0.5), LevelRise()
    rows: list[tuple[int, Floats]] = []
    gains: dict[int, float] = {}
    onset, voiced, silent, probabilities = -1, 0, 0, list[float]()
    for at, block in enumerate(near):
        talk.gain = gains.get(at, talk.gain)
        frame, _ = talk.hear(block)
        if rise.accept(frame) and onset < 0 and at >= _WARM_UP - 100:
            onset, voiced, silent, probabilities = at - 2, 0, 0, []
            gains[at + _DUCK_FRAMES] = _DUCKED
        voice = activity.accept(at, frame)
        if voice is None or onset < 0:
            continue
        probabilities.append(voice.probability)
        silent = 0 if voice.probability >= _VOICED else silent + 1
        voiced += not silent
        asked = _FIRST_FRAME <= at - onset <= _LAST_FRAME and voiced >= _FEWEST_VOICED
        if asked and voice.probability >= _LEAST_VOICE:
            mean = float(np.mean(probabilities))
            rows.append((onset, features(activity.state.copy(), at - onset, voiced, mean)))
        if silent >= _RESTORE_CHUNKS:
            onset, gains[at + _DUCK_FRAMES] = -1, 1.0
    return rows


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
    words = np.array([row.words for rows in examples for row in rows])
    share = np.array([len(rows) ** -0.5 for rows in examples for _ in rows])  # long sounds shall not rule
    scaler = StandardScaler().fit(given)
    model = LogisticRegression(C=_PENALTY, max_iter=800).fit(
        scaler.transform(given), words, sample_weight=share
    )
    weights = model.coef_[0] / scaler.scale_
    bias = model.intercept_[0] - float(weights @ scaler.mean_)
    np.savez(WEIGHTS, weights=weights.astype(np.float32), bias=np.float32(bias))
    print(f"{len(examples)} examples, {len(given)} rows -> {WEIGHTS.name}")


if __name__ == "__main__":
    train(round(60 * float(sys.argv[1] if len(sys.argv) > 1 else 60) / 37))

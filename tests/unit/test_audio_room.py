"""The simulated room: what the microphone hears of the loudspeaker, of people and of nobody."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from device.audio import files
from device.audio.room import LOUDSPEAKER_BLOCK, LOUDSPEAKER_HZ, Convolver, Room, echo_path
from device.audio.scene import Scene, Utterance
from device.bus.paths import MICROPHONE_FRAME, MICROPHONE_HZ
from device.events import SceneEnded, SceneSpeech

SHARED = Path(os.environ.get("WREN_SHARED_DATA", Path(__file__).parents[3] / "shared/data"))
Samples = NDArray[np.float64]


def band_limited(seconds: float) -> Samples:
    """Noise up to 6 kHz at the loudspeaker's rate, RMS 0.1."""
    noise = np.random.default_rng(7).standard_normal(round(seconds * LOUDSPEAKER_HZ))
    spectrum = np.fft.rfft(noise)
    spectrum[np.fft.rfftfreq(noise.size, 1 / LOUDSPEAKER_HZ) > 6000] = 0
    low = np.fft.irfft(spectrum, noise.size)
    return low * (0.1 / np.std(low))


def through(room: Room, loudspeaker: Samples) -> Samples:
    """What the microphone hears while `loudspeaker` and then half a second of silence are played."""
    blocks = (loudspeaker * 32768).astype(np.int16).reshape(-1, LOUDSPEAKER_BLOCK)
    heard = [room.hear(None, block)[0] for block in blocks] + [room.hear(None, None)[0] for _ in range(50)]
    return np.concatenate(heard).astype(np.float64) / 32768


def arrival(heard: Samples, played: Samples) -> tuple[int, float]:
    """(delay in 16 kHz samples, gain in dB) of the strongest path, by least squares at the peak."""
    reference = played[:: LOUDSPEAKER_HZ // MICROPHONE_HZ]
    size = heard.size + reference.size
    product = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(reference, size)), size)
    delay = int(np.argmax(np.abs(product[: heard.size])))
    return delay, 20 * np.log10(abs(product[delay]) / np.sum(reference**2))


@pytest.mark.parametrize(("delay_ms", "level_db"), [(1, 0.0), (40, -6.0), (60, -10.0), (120, -12.0)])
def test_the_echo_arrives_at_its_delay_with_its_level(delay_ms: int, level_db: float) -> None:
    played = band_limited(1.0)
    delay, gain = arrival(through(Room(echo_path(None, delay_ms, level_db)), played), played)
    assert delay == delay_ms * 16
    assert gain == pytest.approx(level_db, abs=0.3)


def test_the_direct_sound_of_a_measured_response_lies_at_the_delay_and_its_energy_at_the_level() -> None:
    rng = np.random.default_rng(2)
    response = (rng.standard_normal(8000) * np.exp(-np.arange(8000) / 1500) * 0.05).astype(np.float32)
    response[500] = 1.0
    path = echo_path(response, 60, -10.0)
    assert int(np.argmax(np.abs(path))) == 60 * 16
    assert 10 * np.log10(float(np.sum(path.astype(np.float64) ** 2))) == pytest.approx(-10, abs=0.01)
    played = band_limited(1.0)
    heard = through(Room(path), played)
    assert arrival(heard, played)[0] == 60 * 16
    level = 20 * np.log10(np.std(heard[3200:16000]) / np.std(played))
    assert level == pytest.approx(-10, abs=1.0)


def test_measured_rooms_keep_the_delay_and_the_level() -> None:
    responses = sorted(path for path in (SHARED / "rir").rglob("*") if path.suffix in (".wav", ".flac"))
    if not responses:
        pytest.skip(f"no room impulse responses under {SHARED}")
    for response in responses:
        path = echo_path(files.load(str(response), MICROPHONE_HZ), 60, -10.0)
        assert int(np.argmax(np.abs(path))) == 60 * 16, response
        assert 10 * np.log10(float(np.sum(path.astype(np.float64) ** 2))) == pytest.approx(-10, abs=0.01)


@given(
    length=st.integers(1, 700),
    blocks=st.lists(st.booleans(), min_size=1, max_size=12),
    seed=st.integers(0, 99),
)
def test_partitioned_convolution_equals_convolution(length: int, blocks: list[bool], seed: int) -> None:
    rng = np.random.default_rng(seed)
    response = rng.standard_normal(length).astype(np.float32)
    convolver, sound, out = Convolver(response), [], []
    for loud in [*blocks, *[False] * 7]:
        block = rng.standard_normal(MICROPHONE_FRAME).astype(np.float32) if loud else None
        silence = np.zeros(MICROPHONE_FRAME, np.float32)
        sound.append(silence if block is None else block)
        answer = convolver.block(block)
        out.append(silence if answer is None else answer)
    whole = np.convolve(np.concatenate(sound), response)[: len(sound) * MICROPHONE_FRAME]
    np.testing.assert_allclose(np.concatenate(out), whole, atol=1e-3)


def test_silence_is_a_hiss_and_never_digital_zero() -> None:
    room = Room(echo_path(None, 60, -10.0))
    heard = np.concatenate([room.hear(None, None)[0] for _ in range(100)]).astype(np.float64) / 32768
    assert 20 * np.log10(np.std(heard)) == pytest.approx(-70, abs=1)
    assert np.mean(heard == 0) < 0.1


def test_background_noise_is_looped_at_its_gain() -> None:
    noise = np.full(1000, 0.5, np.float32)
    noise[0] = -0.5
    room = Room(echo_path(None, 60, -10.0), noise, noise_db=-6.0)
    heard = np.concatenate([room.hear(None, None)[0] for _ in range(50)]).astype(np.float64) / 32768
    assert np.flatnonzero(heard < 0).tolist() == list(range(0, heard.size, 1000))
    assert np.median(heard) == pytest.approx(0.5 * 10 ** (-6 / 20), abs=0.002)


def test_a_person_hears_people_and_the_loudspeaker_at_full_level() -> None:
    room = Room(echo_path(None, 60, -30.0))
    near_end = np.full(MICROPHONE_FRAME, 0.25, np.float32)
    loud = np.full(LOUDSPEAKER_BLOCK, 8192, np.int16)
    persons = [room.hear(near_end, loud)[1] for _ in range(5)]
    assert persons[-1][-1] / 32768 == pytest.approx(0.5, abs=0.01)


def run(scene: Scene, idle: list[bool]) -> list[tuple[int, str]]:
    rows = []
    for frame, is_idle in enumerate(idle):
        match scene.block(is_idle)[1]:
            case SceneSpeech(file=file):
                rows.append((frame, file))
            case SceneEnded():
                rows.append((frame, "end"))
    return rows


def utterance(name: str, frames: float) -> Utterance:
    return Utterance(name, np.ones(round(frames * MICROPHONE_FRAME), np.float32))


def test_files_are_played_one_after_another_in_the_gaps_and_then_the_scene_ends() -> None:
    scene = Scene([utterance("a", 10), utterance("b", 5.5)], gap_s=0.2, until_idle_s=0.5)
    assert run(scene, [True] * 150) == [(20, "a"), (50, "b"), (106, "end")]


def test_nobody_speaks_while_wren_is_busy() -> None:
    scene = Scene([utterance("a", 10), utterance("b", 5)], gap_s=0.2, until_idle_s=0)
    idle = [False] * 100 + [True] * 40 + [False] * 100 + [True] * 30
    assert run(scene, idle) == [(120, "a"), (260, "b")]


def test_a_request_that_nobody_answers_does_not_stop_the_scene() -> None:
    scene = Scene([utterance("no wake word", 10), utterance("next", 5)], gap_s=0.1, until_idle_s=0)
    assert [file for _, file in run(scene, [True] * 60)] == ["no wake word", "next"]


def test_a_person_talks_on_while_wren_is_started_again() -> None:
    samples = np.arange(20 * MICROPHONE_FRAME, dtype=np.float32)
    scene = Scene([utterance("a", 10), Utterance("b", samples), utterance("c", 5)], gap_s=0.1, until_idle_s=0)
    scene.resume(1, 15)
    block, event = scene.block(True)
    assert event is None
    assert block is not None
    assert block[0] == 15 * MICROPHONE_FRAME
    assert run(scene, [True] * 30)[0][1] == "c"


def said(scene: Scene, steps: list[tuple[bool, bool]]) -> list[tuple[int, str, bool]]:
    """(frame, file, over) of each file that begins, given (idle, speaks) of each frame."""
    begun = []
    for frame, (idle, speaks) in enumerate(steps):
        _, event = scene.block(idle, speaks)
        if isinstance(event, SceneSpeech):
            begun.append((frame, event.file, event.over))
    return begun


IDLE, THINKS, SPEAKS = (True, False), (False, False), (False, True)


def test_one_file_is_said_over_each_reply_once_wren_has_spoken_long_enough() -> None:
    over = [utterance("stop", 5), utterance("louder", 5)]
    scene = Scene([utterance("a", 2)], gap_s=0.05, until_idle_s=0, over=over, over_after_s=0.1)
    reply = [THINKS] * 20 + [SPEAKS] * 40
    begun = said(scene, [IDLE] * 10 + reply + [IDLE] * 10 + reply + [IDLE] * 10 + reply)
    assert [(file, is_over) for _, file, is_over in begun] == [("a", False), ("stop", True), ("louder", True)]
    assert [frame for frame, _, is_over in begun if is_over] == [10 + 20 + 10, 80 + 20 + 10]


def test_nobody_talks_over_a_reply_that_is_too_short() -> None:
    scene = Scene([], gap_s=1, until_idle_s=0, over=[utterance("stop", 5)], over_after_s=0.2)
    assert said(scene, ([SPEAKS] * 15 + [IDLE] * 5) * 3) == []

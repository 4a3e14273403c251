"""Echo: the reference the canceller gets, what it leaves, and how the front end chooses and reports."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from device.audio.backend import Captured
from device.audio.echometer import EchoMeter
from device.audio.farend import ALIGN_MS, FarEnd
from device.audio.frontend import FrontEnd
from device.audio.playback import Block
from device.audio.room import LOUDSPEAKER_BLOCK, Room, echo_path
from device.settings import Audio
from tests import recordings
from tests.hearing import say

Samples = NDArray[np.int16]
SECOND = 100  # frames


def voice_like(seconds: float, seed: int = 1, rms: float = 3000.0) -> Samples:
    """Noise that swells like syllables, 16 kHz."""
    count = round(seconds * 16_000)
    rng = np.random.default_rng(seed)
    swell = np.repeat(rng.uniform(0.1, 1.6, count // 1600 + 1), 1600)[:count]
    return (rng.standard_normal(count) * rms * swell).clip(-32768, 32767).astype(np.int16)


def play(
    front_end: FrontEnd, sound: Samples, room: Room, near_end: NDArray[np.float32] | None = None
) -> tuple[Samples, Samples]:
    """(microphone, cleaned) while `sound` (48 kHz) leaves the loudspeaker."""
    microphone, cleaned = [], []
    for number in range(sound.size // LOUDSPEAKER_BLOCK):
        at = number * LOUDSPEAKER_BLOCK
        said = None if near_end is None else near_end[number * 160 : number * 160 + 160]
        heard, _ = room.hear(said, sound[at : at + LOUDSPEAKER_BLOCK])
        left = front_end.clean(Captured(heard, far_end=room.far_end))
        assert left is not None
        microphone.append(heard)
        cleaned.append(left)
    return np.concatenate(microphone), np.concatenate(cleaned)


def upsampled(sound: Samples) -> Samples:
    import soxr

    louder: Samples = soxr.resample(sound, 16_000, 48_000)
    return louder


def story() -> Samples:
    """Six seconds of speech."""
    sound = say(
        "Once upon a time there was a small wren who lived in the hedge behind the house, and sang all day."
    )
    return np.tile(sound, 2)[: 6 * 16_000]


def above_300_hz(sound: Samples) -> Samples:
    """Without what the canceller's high-pass takes away."""
    spectrum = np.fft.rfft(sound)
    spectrum[: 300 * sound.size // 16_000] = 0
    high: Samples = np.fft.irfft(spectrum, sound.size).astype(np.int16)
    return high


def level_db(sound: NDArray[np.generic]) -> float:
    return float(10 * np.log10(np.mean(sound.astype(np.float64) ** 2) + 1e-9))


@pytest.mark.parametrize("delay_ms", [10, 60, 150])
def test_echo_is_30_db_quieter_after_two_seconds_and_its_delay_is_known(delay_ms: int) -> None:
    front_end = FrontEnd(Audio())
    microphone, cleaned = play(front_end, upsampled(story()), Room(echo_path(None, delay_ms, -10.0)))
    later = slice(2 * 16_000, None)
    assert level_db(microphone[later]) - level_db(cleaned[later]) > 30
    assert front_end.delay_ms == pytest.approx(delay_ms, abs=2)
    assert front_end.erle_db is not None
    assert front_end.erle_db > 30


def test_a_far_end_that_is_given_early_is_not_taken_for_a_longer_way() -> None:
    front_end, far_end = FrontEnd(Audio()), voice_like(4)
    echo = np.pad(far_end // 4, (80 * 16, 0))
    for at in range(0, far_end.size, 160):
        front_end.clean(Captured(echo[at : at + 160], far_end=far_end[at : at + 160], early_ms=20))
    assert front_end.delay_ms == pytest.approx(60, abs=1)


def test_what_a_person_says_while_nothing_plays_is_left_as_it_was() -> None:
    said = above_300_hz(say("Turn on the kitchen light, please."))
    front_end = FrontEnd(Audio())
    cleaned = [front_end.clean(Captured(said[at : at + 160])) for at in range(0, said.size - 159, 160)]
    left = above_300_hz(np.concatenate([frame for frame in cleaned if frame is not None])).astype(np.float64)
    correlation = np.correlate(left, said[: left.size].astype(np.float64), "full")
    likeness = correlation.max() / (
        np.linalg.norm(left) * np.linalg.norm(said[: left.size].astype(np.float64))
    )
    assert likeness > 0.9
    assert level_db(left) == pytest.approx(level_db(said), abs=1)
    assert front_end.delay_ms is None
    assert front_end.erle_db is None


def test_a_voice_over_the_echo_stands_far_above_what_is_left_of_it() -> None:
    front_end, room = FrontEnd(Audio()), Room(echo_path(None, 60, -12.0))
    person = np.zeros(8 * 16_000, np.float32)
    person[6 * 16_000 :] = voice_like(2, seed=7) / np.float32(32768)
    _, cleaned = play(front_end, upsampled(voice_like(8)), room, person)
    echo, voice = cleaned[4 * 16_000 : 6 * 16_000], cleaned[6 * 16_000 :]
    assert level_db(voice) > level_db(echo) + 20


def test_a_measured_room_is_cancelled() -> None:
    from device.audio.files import load

    response = load(str(recordings.recordings("rir", "living_room_1 (measured)")[0].path), 16_000)
    front_end = FrontEnd(Audio())
    microphone, cleaned = play(front_end, upsampled(story()), Room(echo_path(response, 60, -12.0)))
    assert level_db(microphone[3 * 16_000 :]) - level_db(cleaned[3 * 16_000 :]) > 20


def test_a_room_without_echo_has_no_delay() -> None:
    meter = EchoMeter()
    far, near = voice_like(6, seed=1), voice_like(6, seed=2)
    for at in range(0, far.size - 159, 160):
        meter.observe(near[at : at + 160], far[at : at + 160], near[at : at + 160])
    assert meter.delay_ms is None
    assert meter.erle_db == pytest.approx(0)


# --- modes


@pytest.mark.parametrize("mode", ["gate", "threshold"])
def test_without_cancellation_the_microphone_is_passed_on(mode: str) -> None:
    front_end = FrontEnd(Audio(echo=mode))  # type: ignore[arg-type]
    microphone, cleaned = play(front_end, upsampled(voice_like(1)), Room(echo_path(None, 40, -10.0)))
    np.testing.assert_array_equal(microphone, cleaned)
    assert front_end.mode == mode
    assert front_end.erle_db is None


def array(front_end: FrontEnd, seconds: int, connected: bool) -> Samples:
    """A microphone array: what it made of its microphones is quiet, its raw channel hears the echo."""
    far, other = voice_like(seconds), voice_like(seconds, seed=9)
    processed = np.full(160, 7, np.int16)
    left = []
    for at in range(0, far.size - 159, 160):
        played = far[at : at + 160]
        loopback = played if connected else other[at : at + 160]
        left.append(front_end.clean(Captured(processed, far_end=played, raw=played // 3, loopback=loopback)))
    return np.concatenate([frame for frame in left if frame is not None])


def test_an_array_whose_reference_carries_what_is_played_does_the_work() -> None:
    front_end = FrontEnd(Audio(echo="hardware"))
    left = array(front_end, 6, connected=True)
    assert (front_end.mode, front_end.faults) == ("hardware", [])
    assert np.all(left == 7)


def test_an_array_with_a_dead_reference_is_told_and_replaced_by_software() -> None:
    front_end = FrontEnd(Audio(echo="hardware"))
    left = array(front_end, 12, connected=False)
    assert front_end.mode == "software"
    assert [fault.message.split(",")[0] for fault in front_end.faults] == [
        "input channel 5 does not carry what the loudspeaker plays"
    ]
    assert "audio.reference_channel" in front_end.faults[0].hint
    assert level_db(left[-32_000:]) < level_db(voice_like(12) // 3) - 12  # the raw channel, cancelled


def test_a_microphone_with_too_few_channels_is_told_at_once() -> None:
    front_end = FrontEnd(Audio(echo="hardware"))
    front_end.clean(Captured(np.zeros(160, np.int16)))
    assert front_end.mode == "software"
    assert "6 channels" in front_end.faults[0].message


def test_settings_change_while_it_runs_and_what_does_not_matter_keeps_the_canceller_trained() -> None:
    front_end, room = FrontEnd(Audio()), Room(echo_path(None, 60, -10.0))
    play(front_end, upsampled(voice_like(4)), room)
    front_end.apply(Audio(volume=0.5))
    assert front_end.delay_ms is not None
    for changed in (Audio(echo="gate"), Audio(noise_suppression=True)):
        front_end.apply(changed)
        assert front_end.mode == changed.echo
        assert front_end.delay_ms is None


SPEECH = Block(np.zeros(480, np.int16), 1, 0, "", 0, 0, 480, 48_000, True, False)


KNOWN = 21 * SECOND  # until the linear canceller knows the room, with this voice


def echoes_after_a_slip(*, slipped: bool, person: Samples | None = None) -> list[bool]:
    """Whether each frame of two seconds may be echo, after which the far end is 10 ms late; `person` is in them."""
    front_end, room = FrontEnd(Audio()), Room(echo_path(None, 60, -12.0))
    sound, left, late = upsampled(np.tile(story(), 4)), list[bool](), None
    for number in range(KNOWN + 2 * SECOND):
        at, slips = number * LOUDSPEAKER_BLOCK, number == KNOWN
        said = None
        if person is not None and number >= KNOWN:
            since = (number - KNOWN) * 160
            said = person[since : since + 160].astype(np.float32) / np.float32(32768)
        heard, _ = room.hear(said, sound[at : at + LOUDSPEAKER_BLOCK])
        far_end = late if number >= KNOWN else room.far_end
        late = room.far_end
        captured = Captured(heard, playing=SPEECH, far_end=far_end, slipped=slipped and slips)
        cleaned = front_end.clean(captured)
        assert cleaned is not None
        front_end.voice(captured, cleaned)
        left.append(front_end.may_be_echo)
    return left[KNOWN:]


def test_where_the_far_end_has_slipped_what_is_left_of_wrens_voice_is_no_person() -> None:
    assert np.mean(echoes_after_a_slip(slipped=False)[: SECOND // 2]) < 0.5
    assert np.mean(echoes_after_a_slip(slipped=True)) > 0.9


@pytest.mark.parametrize("below_db", [0, 5])
def test_in_steady_noise_a_person_no_louder_than_the_echo_is_heard(below_db: float) -> None:
    front_end, path = FrontEnd(Audio()), echo_path(None, 60, -12.0)
    quiet, sound, left = 3 * SECOND, upsampled(np.tile(story(), 4)), list[bool]()
    echo_db = level_db(np.convolve(story().astype(np.float32) / 32768, path))
    noise = np.random.default_rng(0).standard_normal(5 * 16_000).astype(np.float32)
    room = Room(path, noise, noise_db=echo_db - 20)
    said = voice_like(2, seed=7, rms=32768 * 10 ** ((echo_db - below_db) / 20))
    person = said.astype(np.float32) / np.float32(32768)
    for number in range(quiet + KNOWN + 2 * SECOND):
        at, since = (number - quiet) * LOUDSPEAKER_BLOCK, (number - quiet - KNOWN) * 160
        played = sound[at : at + LOUDSPEAKER_BLOCK] if at >= 0 else None
        heard, _ = room.hear(person[since : since + 160] if since >= 0 else None, played)
        captured = Captured(heard, playing=SPEECH if at >= 0 else None, far_end=room.far_end)
        cleaned = front_end.clean(captured)
        assert cleaned is not None
        front_end.voice(captured, cleaned)
        left.append(front_end.may_be_echo)
    assert np.mean(left[-2 * SECOND :]) < 0.2


def test_a_person_who_is_louder_than_echo_is_heard_after_a_slip() -> None:
    heard = np.invert(echoes_after_a_slip(slipped=True, person=voice_like(2, seed=7, rms=9000)))
    assert np.mean(heard) > 0.4


def test_nothing_is_imported_while_frames_pass() -> None:
    script = """
import sys
import numpy as np
from device.audio.backend import Captured
from device.audio.frontend import FrontEnd
from device.audio.playback import Block
from device.settings import Audio

front_end, noise = FrontEnd(Audio()), np.random.default_rng(1)
speech = Block(np.zeros(480, np.int16), 1, 0, "", 0, 0, 480, 48_000, True, False)
before = set(sys.modules)
for number in range(600):
    far_end = noise.integers(-9000, 9000, 160).astype(np.int16)
    captured = Captured(far_end // 4, playing=speech, far_end=far_end)
    front_end.voice(captured, front_end.clean(captured))
print(*sorted(set(sys.modules) - before))
"""
    found = subprocess.run(
        [sys.executable, "-c", script], env=dict(os.environ), capture_output=True, check=True, text=True
    )
    assert found.stdout.split() == []


# --- the reference of a sound card


@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 48_000])
def test_frames_of_the_far_end_follow_one_another_without_a_seam(rate_hz: int) -> None:
    time = np.arange(2 * rate_hz) / rate_hz
    tone = (8000 * np.sin(2 * np.pi * 440 * time)).astype(np.int16)
    far_end, size, frames = FarEnd(rate_hz), rate_hz // 100, []
    rng = np.random.default_rng(1)
    for number in range(200):
        far_end.add(tone[number * size : (number + 1) * size])
        if number >= 4:
            position = (number - 4) * 160 + 37 + rng.normal(0, 16)  # 1 ms of jitter
            frames.append(far_end.frame(position))
    stream = np.concatenate([frame for frame in frames if frame is not None]).astype(np.float64)[400:]
    assert np.max(np.abs(np.diff(stream))) < 8000 * 2 * np.pi * 440 / 16_000 * 1.05


@settings(max_examples=10)
@given(ppm=st.integers(-300, 300), pause_every=st.integers(200, 900))
def test_drift_never_adds_up_beyond_one_reply(ppm: int, pause_every: int) -> None:
    far_end, at, worst, period = FarEnd(16_000), 0.0, 0.0, 16_000
    for number in range(6000):
        speaks = number % pause_every > 20
        ramp = 1 + np.arange(number * 160, number * 160 + 160) % period
        far_end.add(ramp.astype(np.int16) if speaks else None)
        if number < 10:
            continue
        at += 160 * (1 + ppm * 1e-6)
        frame = far_end.frame(at)
        assert not far_end.slipped
        if frame is not None and frame.all():
            off = (int(frame[0]) - 1 - round(at) + period // 2) % period - period // 2
            worst = max(worst, abs(off))
    assert worst <= ALIGN_MS * 16 + pause_every * 160 * 300e-6 + 16


def test_lost_samples_move_the_reference_at_once() -> None:
    far_end = FarEnd(16_000)
    for number in range(20):
        far_end.add(np.full(160, number + 1, np.int16))
    assert far_end.frame(160.0) is not None
    moved = far_end.frame(640.0 + 80, lost=True)
    assert moved is not None
    assert moved.tolist() == [5] * 80 + [6] * 80
    assert far_end.slipped


def test_only_what_moves_the_reference_is_a_slip() -> None:
    far_end, slips = FarEnd(16_000), list[int]()
    for number in range(60):
        far_end.add(np.full(160, 1 + number, np.int16))
        if number >= 10:
            far_end.frame(160.0 * (number - 6) - (30 * 16 if number >= 40 else 7 * 16 * (number % 2)))
            slips += [number] if far_end.slipped else []
    assert slips == [40]


def test_what_was_not_handed_out_yet_is_silence() -> None:
    far_end = FarEnd(48_000)
    far_end.add(None)
    assert far_end.frame(-160.0) is None
    assert far_end.frame(3200.0) is None


def over(cue: str, *, suppress_noise: bool = False) -> list[tuple[Samples, Samples, Samples]]:
    """(microphone, cleaned, for recognition) of frames while a chime, or for "" speech, begins to play."""
    front_end, frames = (
        FrontEnd(Audio(noise_suppression=suppress_noise)),
        list[tuple[Samples, Samples, Samples]](),
    )
    silence = np.zeros(LOUDSPEAKER_BLOCK, np.int16)
    block = Block(silence, 1, -1 if cue else 0, cue, 0, 0, 220, 22_050, first=False, last=False)
    near_end, far_end = (voice_like(0.3, seed).reshape(-1, 160) for seed in (1, 2))
    for said, played in zip(near_end, far_end, strict=True):
        captured = Captured(said, far_end=played // 8, playing=block)
        cleaned = front_end.clean(captured)
        assert cleaned is not None
        frames.append((said, cleaned, front_end.voice(captured, cleaned)))
    return frames


def test_a_request_over_the_first_chime_is_recognised_as_it_was_said() -> None:
    assert all(np.array_equal(said, voice) for said, _, voice in over("listening"))


def test_before_the_room_is_known_speech_is_cleaned_for_recognition_too() -> None:
    assert all(np.array_equal(cleaned, voice) for _, cleaned, voice in over(""))


def test_noise_suppression_counts_for_recognition() -> None:
    assert all(np.array_equal(cleaned, voice) for _, cleaned, voice in over("done", suppress_noise=True))

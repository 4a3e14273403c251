"""The audio daemon in the simulated room, as a process: the playback clock, gating, scenes, kills."""

from __future__ import annotations

import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from numpy.typing import NDArray

from device.audio.linear import RINGING_FRAMES
from device.bus.paths import CUE, GATED, MAY_BE_ECHO, MUTED, SPEAKING, microphone_ring
from device.events import (
    AudioState,
    DialogState,
    DuckRequested,
    Event,
    MicrophoneMuted,
    PlaybackDucked,
    PlaybackStarted,
    PlaybackStopped,
    SceneEnded,
    SceneReady,
    SceneSpeech,
    SettingsChanged,
    TurnStarted,
    WakeDetected,
)
from tests.hearing import model_files, say
from tests.pipeline.audio_rig import VOICE_HZ, AudioRig, lag, noise

pytestmark = pytest.mark.alone

SIMULATOR = {
    "WREN_AUDIO__BACKEND": "simulator",
    "WREN_AUDIO__GATE_TAIL_MS": "200",
    "WREN_AUDIO__ECHO": "gate",
    "WREN_SIMULATOR__ECHO_DELAY_MS": "60",
    "WREN_SIMULATOR__GAP_S": "0.2",
}
STORY = "Once upon a time there was a small wren who lived in the hedge behind the house, and sang all day."
WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def at(samples: NDArray[np.int16], rate_hz: int) -> NDArray[np.float64]:
    resampled: NDArray[np.float64] = soxr.resample(samples.astype(np.float64), VOICE_HZ, rate_hz)
    return resampled


def microphone(rig: AudioRig, first: int, count: int) -> NDArray[np.float64]:
    return np.concatenate([frame.samples for frame in rig.frames(first, count)]).astype(np.float64)


def test_a_cue_starts_at_the_frame_it_says_and_its_echo_follows_after_the_rooms_delay(tmp_path: Path) -> None:
    with AudioRig(tmp_path, SIMULATOR) as rig:
        sound = noise(0.5)
        rig.bus.send(TurnStarted(turn=1, cause="wake"))
        first = rig.cue(sound)
        started = rig.wait_for(lambda event: isinstance(event, PlaybackStarted))
        stopped = rig.wait_for(lambda event: isinstance(event, PlaybackStopped))
        assert (stopped.frame, stopped.turn) == (started.frame + 50, 1)
        frames = rig.frames(started.frame, 80)
        assert [frame.position for frame in frames[:50]] == [first + round(n * 220.5) for n in range(50)]
        assert {frame.position for frame in frames[50:]} == {-1}
        assert [frame.tag for frame in frames] == [CUE] * 50 + [0] * 30
        heard = np.concatenate([frame.samples for frame in frames]).astype(np.float64)
        delay, likeness = lag(heard, at(sound, 16_000))
        assert delay == 60 * 16
        assert likeness > 0.95


def test_while_it_speaks_the_microphone_hears_nothing_and_the_reply_ends_once(tmp_path: Path) -> None:
    with AudioRig(tmp_path, SIMULATOR) as rig:
        rig.frames(0, 5)
        rig.speak(noise(0.4), clause=0, words=WORDS[:4], last=False)
        time.sleep(0.8)
        rig.speak(noise(0.4), clause=1, words=WORDS[4:])
        stopped = rig.wait_for(lambda event: isinstance(event, PlaybackStopped))
        started = rig.of(PlaybackStarted)
        assert isinstance(stopped, PlaybackStopped)
        assert (stopped.reason, stopped.heard_text) == ("finished", " ".join(WORDS))
        assert stopped.frame == started[1].frame + 40
        for event in started:
            gated = rig.frames(event.frame - 1, 62)
            assert [bool(frame.tag & GATED) for frame in gated] == [False] + [True] * 60 + [False]
            assert not any(frame.samples.any() for frame in gated[1:-1])
        assert len(rig.of(PlaybackStopped)) == 1


def test_where_echo_is_cancelled_the_microphone_stays_open_and_reports_how_well(tmp_path: Path) -> None:
    reply = soxr.resample(np.tile(say(STORY), 2).astype(np.int16), 16_000, VOICE_HZ)
    with AudioRig(tmp_path, {**SIMULATOR, "WREN_AUDIO__ECHO": "software"}) as rig:
        rig.speak(reply, words=WORDS)
        started = rig.wait_for(lambda event: isinstance(event, PlaybackStarted))
        state = rig.wait_for(lambda event: isinstance(event, AudioState) and event.erle_db is not None)
        assert isinstance(state, AudioState)
        assert state.echo == "software"
        assert state.echo_delay_ms == pytest.approx(60, abs=2)
        frames = rig.frames(started.frame, 100)
        assert {frame.tag for frame in frames[:50]} == {SPEAKING | MAY_BE_ECHO}
        assert all(frame.tag & SPEAKING for frame in frames)
        assert all(frame.samples.any() for frame in frames)
        stopped = rig.wait_for(lambda event: isinstance(event, PlaybackStopped), timeout_s=20)
        tail = rig.frames(stopped.frame - 1, 24)
        assert [frame.tag & ~MAY_BE_ECHO for frame in tail] == [SPEAKING] * 21 + [0] * 3
        assert any(frame.tag & MAY_BE_ECHO for frame in tail)
        after = rig.frames(stopped.frame + RINGING_FRAMES + 25, 5)
        assert not any(frame.tag for frame in after)


def reports(mode: str, event: Event) -> bool:
    return isinstance(event, AudioState) and event.echo == mode


def test_echo_is_dealt_with_in_another_way_without_a_restart(tmp_path: Path) -> None:
    with AudioRig(tmp_path, {name: SIMULATOR[name] for name in SIMULATOR if "ECHO" not in name}) as rig:
        for mode in ("software", "threshold", "gate"):
            (tmp_path / "none.toml").write_text(f'[audio]\necho = "{mode}"\n')
            rig.bus.send(SettingsChanged())
            rig.wait_for(partial(reports, mode))
        rig.speak(noise(0.3), words=("hello",))
        started = rig.wait_for(lambda event: isinstance(event, PlaybackStarted))
        assert rig.frames(started.frame, 1)[0].tag == GATED


def test_ducking_is_heard_within_60_ms_and_ends_with_the_turn(tmp_path: Path) -> None:
    recording = tmp_path / "speaker.wav"
    with AudioRig(tmp_path, {**SIMULATOR, "WREN_SIMULATOR__SPEAKER": str(recording)}) as rig:
        rig.speak(noise(3.0), turn=1, words=WORDS)
        started = rig.wait_for(lambda event: isinstance(event, PlaybackStarted))
        rig.frames(started.frame, 50)
        before = rig.head
        rig.bus.send(DuckRequested(gain_db=-20, turn=1))
        ducked = rig.wait_for(lambda event: isinstance(event, PlaybackDucked))
        assert ducked.frame - before <= 6
        rig.frames(ducked.frame, 30)
        seen = len(rig.events)
        rig.bus.send(TurnStarted(turn=2, cause="barge_in"))
        restored = rig.wait_for(lambda event: isinstance(event, PlaybackDucked), after=seen)
        assert isinstance(restored, PlaybackDucked)
        assert restored.gain_db == 0
        rig.bus.send(DuckRequested(gain_db=-20, turn=1))  # too late: it belongs to a reply that is gone
        rig.speak(noise(0.5), turn=2, words=WORDS)
        again = rig.wait_for(lambda event: isinstance(event, PlaybackStarted) and event.turn == 2)
        rig.frames(again.frame, 60)
        rig.stop_audio()
    played, _ = soundfile.read(recording)

    def level_db(first: int, count: int) -> float:
        return float(10 * np.log10(np.mean(played[first * 480 : (first + count) * 480] ** 2)))

    loud = level_db(started.frame + 2, 40)
    assert level_db(ducked.frame + 2, 20) == pytest.approx(loud - 20, abs=2)
    assert level_db(again.frame + 2, 40) == pytest.approx(loud, abs=2)


def said_again(rig: AudioRig) -> tuple[int, int]:
    """Ring samples: where it was ducked, and with which it goes on after a pause."""
    ducked = rig.wait_for(partial(is_ducked, paused=False), after=duck(rig, gain_db=-20))
    rig.frames(ducked.frame, 10)
    paused = rig.wait_for(partial(is_ducked, paused=True), after=duck(rig, gain_db=-20, pause=True))
    silent = rig.frames(paused.frame + 1, 40)
    assert {frame.position for frame in silent} == {-1}
    restored = rig.wait_for(partial(is_ducked, paused=False), after=duck(rig, gain_db=0))
    return rig.frames(ducked.frame, 1)[0].position, rig.frames(restored.frame, 1)[0].position


def duck(rig: AudioRig, *, gain_db: float, pause: bool = False) -> int:
    seen = len(rig.events)
    rig.bus.send(DuckRequested(gain_db=gain_db, pause=pause, turn=1))
    return seen


def is_ducked(event: Event, *, paused: bool) -> bool:
    return isinstance(event, PlaybackDucked) and event.paused == paused


def test_after_a_pause_the_word_in_which_it_was_ducked_is_said_again_but_only_once(tmp_path: Path) -> None:
    with AudioRig(tmp_path, SIMULATOR) as rig:
        rig.speak(noise(4.0), turn=1, words=WORDS)
        word = 4.0 * VOICE_HZ / len(WORDS)
        started = rig.wait_for(lambda event: isinstance(event, PlaybackStarted))
        rig.frames(started.frame, 55)
        ducked_at, again = said_again(rig)
        assert again == pytest.approx(ducked_at // word * word, abs=2)
        assert again < ducked_at
        _, later = said_again(rig)
        assert later > again
        stopped = rig.wait_for(lambda event: isinstance(event, PlaybackStopped), timeout_s=20)
        assert isinstance(stopped, PlaybackStopped)
        assert (stopped.reason, stopped.heard_text) == ("finished", " ".join(WORDS))
        assert len(rig.of(PlaybackStarted)) == 1


def test_a_pause_that_nobody_ends_ends_by_itself(tmp_path: Path) -> None:
    with AudioRig(tmp_path, SIMULATOR) as rig:
        rig.speak(noise(2.0), turn=1, words=WORDS)
        started = rig.wait_for(lambda event: isinstance(event, PlaybackStarted))
        rig.frames(started.frame, 30)
        duck(rig, gain_db=-20, pause=True)
        stopped = rig.wait_for(lambda event: isinstance(event, PlaybackStopped), timeout_s=20)
        assert isinstance(stopped, PlaybackStopped)
        assert stopped.reason == "finished"
        assert stopped.frame - started.frame > 500


def test_wren_is_not_woken_by_its_own_words_but_by_those_of_others(tmp_path: Path) -> None:
    loud = {"WREN_AUDIO__ECHO": "threshold", "WREN_SIMULATOR__ECHO_DB": "-6"}
    model_files("wake")
    sound = soxr.resample(say("Alexa, turn on the light.", "rms"), 16_000, VOICE_HZ)
    with AudioRig(tmp_path, {**SIMULATOR, **loud}) as rig:
        rig.start_daemon("wake")
        time.sleep(0.6)
        rig.speak(sound, turn=1, words=("Alexa,", "turn", "on", "the", "light."))
        rig.wait_for(lambda event: isinstance(event, PlaybackStopped))
        time.sleep(1)
        assert not rig.of(WakeDetected)
        rig.speak(sound, turn=2, words=("somebody", "else", "said", "it", "now"))
        detected = rig.wait_for(lambda event: isinstance(event, WakeDetected))
        assert isinstance(detected, WakeDetected)
        assert detected.word == "alexa"


def test_a_newer_turn_silences_the_loudspeaker_within_40_ms(tmp_path: Path) -> None:
    recording = tmp_path / "speaker.wav"
    with AudioRig(tmp_path, {**SIMULATOR, "WREN_SIMULATOR__SPEAKER": str(recording)}) as rig:
        rig.speak(noise(5.0), turn=1, words=WORDS)
        started = rig.wait_for(lambda event: isinstance(event, PlaybackStarted))
        rig.frames(started.frame, 120)
        before = rig.head
        rig.bus.send(TurnStarted(turn=2, cause="barge_in"))
        stopped = rig.wait_for(lambda event: isinstance(event, PlaybackStopped))
        assert isinstance(stopped, PlaybackStopped)
        assert (stopped.reason, stopped.turn) == ("cancelled", 1)
        assert stopped.frame - before <= 4
        assert stopped.heard_text == " ".join(WORDS[: (stopped.frame - started.frame) // 50])
        assert {frame.turn for frame in rig.frames(stopped.frame + 1, 5)} == {2}
        rig.stop_audio()
    played, rate_hz = soundfile.read(recording)
    assert rate_hz == 48_000
    assert not played[(stopped.frame + 1) * 480 :].any()


def test_a_killed_daemon_goes_on_in_the_middle_of_the_reply(tmp_path: Path) -> None:
    recording = tmp_path / "speaker.wav"
    with AudioRig(tmp_path, {**SIMULATOR, "WREN_SIMULATOR__SPEAKER": str(recording)}) as rig:
        reply = noise(3.0)
        rig.bus.send(TurnStarted(turn=4, cause="wake"))
        rig.speak(reply, turn=4, words=WORDS)
        started = rig.wait_for(lambda event: isinstance(event, PlaybackStarted))
        rig.frames(started.frame, 100)
        rig.kill_audio()
        killed_at = rig.head
        rig.start_audio()
        stopped = rig.wait_for(lambda event: isinstance(event, PlaybackStopped))
        assert isinstance(stopped, PlaybackStopped)
        assert (stopped.reason, stopped.heard_text) == ("finished", " ".join(WORDS))
        assert len(rig.of(PlaybackStarted)) == 1
        frames = rig.frames(killed_at - 1, 4)
        assert frames[1].restarted
        assert 0 <= frames[1].position - frames[0].position <= 442
        assert frames[1].turn == 4
        rig.stop_audio()
    played, _ = soundfile.read(recording)
    for part in (slice(0, VOICE_HZ // 2), slice(-VOICE_HZ // 2, None)):
        assert lag(played, at(reply[part], 48_000))[1] > 0.95
    loud = np.flatnonzero(np.abs(played) > 0.01)
    assert loud[-1] - loud[0] == pytest.approx(3 * 48_000, abs=1000)  # nothing twice, nothing lost


def test_people_speak_one_after_another_and_a_kill_does_not_make_them_start_again(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    said = [rng.standard_normal((44_100, 2)) * 0.1 for _ in range(3)]
    paths = [str(tmp_path / f"{number}.wav") for number in range(3)]
    for path, samples in zip(paths, said, strict=True):
        soundfile.write(path, samples, 44_100, format="MP3")
    mic = "[" + ",".join(f'"{path}"' for path in paths) + "]"
    scene = {**SIMULATOR, "WREN_SIMULATOR__MIC": mic, "WREN_SIMULATOR__UNTIL_IDLE_S": "0.5"}
    with AudioRig(tmp_path, scene) as rig:
        time.sleep(0.5)
        assert not rig.of(SceneSpeech)
        rig.bus.send(DialogState(state="listening"))
        rig.bus.send(SceneReady())
        time.sleep(0.5)
        assert not rig.of(SceneSpeech)
        rig.bus.send(DialogState(state="idle"))
        first = rig.wait_for(lambda event: isinstance(event, SceneSpeech))
        heard = microphone(rig, first.frame, 100)
        mono = soxr.resample(said[0].mean(axis=1), 44_100, 16_000)
        delay, likeness = lag(heard, mono[:8000])
        assert delay <= 1200  # what MP3 puts before the first sample
        assert likeness > 0.9
        rig.wait_for(lambda event: isinstance(event, SceneSpeech) and event.index == 1)
        time.sleep(0.3)
        rig.kill_audio()
        rig.start_audio()
        ended = rig.wait_for(lambda event: isinstance(event, SceneEnded))
        assert isinstance(ended, SceneEnded)
        assert ended.files == 3
        assert [event.file for event in rig.of(SceneSpeech) if isinstance(event, SceneSpeech)] == paths


def test_mute_silences_the_ring_and_outlives_a_kill(tmp_path: Path) -> None:
    with AudioRig(tmp_path, SIMULATOR) as rig:
        rig.bus.send(MicrophoneMuted(muted=True))
        rig.wait_for(lambda event: isinstance(event, AudioState) and event.muted)
        frames = rig.frames(rig.head, 3)
        assert all(frame.tag & MUTED and not frame.samples.any() for frame in frames)
        rig.kill_audio()
        rig.start_audio()
        assert rig.frames(rig.head, 1)[0].tag & MUTED
        rig.bus.send(MicrophoneMuted(muted=False))
        rig.wait_for(lambda event: isinstance(event, AudioState) and not event.muted, after=len(rig.events))
        assert rig.frames(rig.head, 1)[0].tag == 0


def test_a_clean_stop_is_quick_and_leaves_no_ring(tmp_path: Path) -> None:
    with AudioRig(tmp_path, SIMULATOR) as rig:
        assert rig.stop_audio() < 2
        assert not microphone_ring(rig.runtime).exists()


def test_an_unusable_file_is_one_clear_line_and_a_permanent_failure(tmp_path: Path) -> None:
    (tmp_path / "empty.wav").touch()
    answer = subprocess.run(
        [sys.executable, "-m", "device.services.audio"],
        env={
            "PATH": "/usr/bin:/bin",
            "WREN_CONFIG": str(tmp_path / "none.toml"),
            "WREN_RUNTIME_DIR": str(tmp_path / "run"),
            "WREN_AUDIO__BACKEND": "simulator",
            "WREN_SIMULATOR__MIC": f'["{tmp_path / "empty.wav"}"]',
        },
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert answer.returncode == 78
    assert answer.stderr.count("\n") == 1
    assert "empty.wav is empty; give a WAV, FLAC, Ogg or MP3 file" in answer.stderr
    assert not microphone_ring(tmp_path / "run").exists()

"""Voice activity: when a voice begins, and with which frame it ends. Needs the embedded default models."""

from __future__ import annotations

import pytest

from device.hearing import Samples
from device.hearing.vad import SileroVad, Voice, VoiceActivity, voice_end
from device.speech.cues import make_cue
from tests.hearing import frames, in_room, model_files, say
from tests.recordings import ambience, recordings

pytestmark = pytest.mark.models
THRESHOLD = 0.5


@pytest.fixture(scope="module")
def vad() -> SileroVad:
    return SileroVad(model_files("vad")["model"])


def verdicts(vad: SileroVad, sound: Samples, cue: range = range(0)) -> list[Voice]:
    activity = VoiceActivity(vad, THRESHOLD)
    heard = (activity.accept(number, frame, cue=number in cue) for number, frame in enumerate(frames(sound)))
    return [voice for voice in heard if voice is not None]


def test_a_quiet_room_has_no_voice(vad: SileroVad) -> None:
    assert not any(voice.voiced for voice in verdicts(vad, ambience(300)))


@pytest.mark.parametrize("name", ["slt", "rms", "en-us+f3"])
def test_the_last_voiced_frame_is_right_to_a_few_frames(vad: SileroVad, name: str) -> None:
    speech = say("turn on the kitchen light", name)
    heard = verdicts(vad, in_room(100, speech, 100))
    assert abs(heard[-1].last_voiced_frame - (100 + len(speech) // 160)) <= 5


def test_people_are_heard_and_their_silence_too(vad: SileroVad) -> None:
    for recording in recordings("cmd_speech")[::12]:
        heard = verdicts(vad, in_room(100, recording.samples(), 60))
        assert any(voice.voiced for voice in heard), recording.path.name
        assert not heard[0].voiced
        assert not heard[-1].voiced


def test_a_cue_after_a_word_is_no_voice(vad: SileroVad) -> None:
    cue = make_cue("listening", 16_000, -14.0)
    for recording in recordings("wake_pos", "alexa")[::20]:
        word = in_room(100, recording.samples(), 80)
        begins = max(voice.frame for voice in verdicts(vad, word) if voice.voiced) + 8
        word[begins * 160 : begins * 160 + len(cue)] += cue
        heard = verdicts(vad, word, cue=range(begins - 6, begins + 6))
        after = [voice.voiced for voice in heard if voice.frame > begins + 3]
        assert not any(all(after[at : at + 3]) for at in range(len(after) - 2)), recording.path.name


@pytest.mark.parametrize("name", ["slt", "rms", "en-us+f3"])
def test_a_word_spoken_over_a_cue_is_a_voice(vad: SileroVad, name: str) -> None:
    cue = make_cue("listening", 16_000, -18.0)
    sound = in_room(100, say("cancel", name), 100)
    sound[100 * 160 : 100 * 160 + len(cue)] += cue
    voiced = [voice.voiced for voice in verdicts(vad, sound, cue=range(96, 112))]
    assert any(all(voiced[at : at + 3]) for at in range(len(voiced) - 2))


def test_sound_that_jumps_is_judged_afresh(vad: SileroVad) -> None:
    activity = VoiceActivity(vad, THRESHOLD)
    chunk = ambience(1)
    for frame in (0, 1, 2, 50, 51, 52):
        assert activity.accept(frame, chunk) is None  # a chunk never spans the jump
    assert activity.accept(53, chunk) is not None


def test_the_end_of_a_voice_is_where_its_level_falls_to_the_floor() -> None:
    levels = [-60.0] * 30 + [-20.0] * 40 + [-60.0] * 10
    assert voice_end(levels, judged_end=76) == 69


def test_where_levels_tell_nothing_the_usual_overhang_is_taken_off() -> None:
    assert voice_end([-30.0] * 60, judged_end=50) == 45

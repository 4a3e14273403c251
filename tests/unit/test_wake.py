"""Wake words: heard once, at the right time, by the thresholds of the moment. Needs the embedded models."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from device.faults import Fault
from device.hearing import Samples
from device.hearing.wake import CHUNK_FRAMES, Detection, Embeddings, WakeDetector
from device.settings import Wake, WakeWord
from tests.hearing import frames, in_room, model_files, say
from tests.recordings import ambience, recordings

pytestmark = pytest.mark.models

ALEXA = {"alexa": WakeWord(model="alexa_v0.1")}
WORD = "Alexa"


@pytest.fixture(scope="module")
def files() -> dict[str, Path]:
    return model_files("wake")


def heard(detector: WakeDetector, sound: Samples, first: int = 0) -> list[Detection]:
    found = []
    for number, frame in enumerate(frames(sound), first):
        detections = detector.accept(number, frame)
        assert all(detection.frame == number for detection in detections)
        found += detections
    return found


def changed(**fields: object) -> dict[str, WakeWord]:
    return {"alexa": msgspec.structs.replace(ALEXA["alexa"], **fields)}


def test_people_who_say_the_word_are_heard_once_and_before_they_say_anything_else(
    files: dict[str, Path],
) -> None:
    detector = WakeDetector(files, Wake().words)
    clips = recordings("wake_pos", "alexa")[::20]
    found = [heard(detector, in_room(200, clip.samples(), 100), 10_000 * n) for n, clip in enumerate(clips)]
    assert sum(bool(detections) for detections in found) >= len(clips) - 1
    for number, (clip, detections) in enumerate(zip(clips, found, strict=True)):
        assert [d.word for d in detections] in ([], ["alexa"]), clip.path.name
        assert all(200 < d.frame - 10_000 * number < 200 + 100 * clip.seconds + 30 for d in detections)


def test_several_words_are_listened_for_at_once(files: dict[str, Path]) -> None:
    detector = WakeDetector(files, Wake().words)
    alexa, jarvis = say("Alexa", "rms"), say("Hey Jarvis", "rms")
    found = heard(detector, in_room(200, alexa, 200, jarvis, 100))
    assert [d.word for d in found] == ["alexa", "hey jarvis"]


def test_talk_and_noise_wake_nobody(files: dict[str, Path]) -> None:
    detector = WakeDetector(files, Wake().words)
    for number, clip in enumerate(recordings("read_speech")[::24]):
        assert heard(detector, in_room(200, clip.samples(), 50), 10_000 * number) == [], clip.path.name


def test_the_threshold_counts_from_the_moment_it_is_changed(files: dict[str, Path]) -> None:
    detector = WakeDetector(files, changed(threshold=1.0))
    said = in_room(200, say(WORD), 100)
    assert heard(detector, said) == []
    detector.configure(ALEXA)
    assert len(heard(detector, said, len(said) // 160)) == 1


def test_patience_asks_for_several_chunks_in_a_row(files: dict[str, Path]) -> None:
    said = in_room(200, say(WORD), 100)
    (at_once,) = heard(WakeDetector(files, ALEXA), said)
    (patient,) = heard(WakeDetector(files, changed(patience=3)), said)
    assert patient.frame >= at_once.frame + 2 * CHUNK_FRAMES


def test_a_word_is_heard_again_only_after_the_refractory_time(files: dict[str, Path]) -> None:
    twice = in_room(200, say(WORD), 150, say(WORD), 100)
    assert len(heard(WakeDetector(files, changed(refractory_ms=5000)), twice)) == 1
    assert len(heard(WakeDetector(files, changed(refractory_ms=1500)), twice)) == 2


def test_half_a_word_on_either_side_of_a_silenced_stretch_is_no_word(files: dict[str, Path]) -> None:
    said = in_room(200, say(WORD), 100)
    (once,) = heard(WakeDetector(files, ALEXA), said)
    muted_at = once.frame - 24
    detector = WakeDetector(files, ALEXA)
    assert heard(detector, said[: muted_at * 160]) == []
    assert heard(detector, said[(muted_at + 8) * 160 :], muted_at + 508) == []


def test_a_jump_in_the_sound_never_fires(files: dict[str, Path]) -> None:
    detector = WakeDetector(files, changed(threshold=0.2))
    room = ambience(3000, rms=200)
    shuffled = np.random.default_rng(1).integers(0, 2800, 40)
    for number, at in enumerate(shuffled):
        piece = room[at * 160 : (at + 60) * 160]
        assert heard(detector, piece, 1000 * number) == []


@pytest.mark.parametrize("rms", [6, 40, 150])
def test_a_quiet_room_after_an_interruption_scores_nothing(files: dict[str, Path], rms: int) -> None:
    detector = WakeDetector(files, changed(threshold=0.1))
    for seed in range(4):
        room = (np.random.default_rng(seed).standard_normal(200 * 160) * rms).astype(np.int16)
        assert heard(detector, room, 1000 * seed) == []


def test_scores_are_those_of_the_library(files: dict[str, Path]) -> None:
    library = pytest.importorskip("openwakeword")
    model = library.Model(
        [str(files["alexa_v0.1"])],
        inference_framework="onnx",
        melspec_model_path=str(files["melspectrogram"]),
        embedding_model_path=str(files["embedding_model"]),
    )
    features = Embeddings(files["melspectrogram"], files["embedding_model"])
    sound = in_room(250, say(WORD), 50)
    size = CHUNK_FRAMES * 160
    for number, at in enumerate(range(0, len(sound) - size + 1, size)):
        chunk = sound[at : at + size]
        model.predict(chunk)
        features.accept(chunk)
        if number >= 26:  # both began with a memory of their own noise
            expected = model.preprocessor.get_features(16)[0]
            np.testing.assert_allclose(features.window, expected, rtol=1e-4, atol=1e-4)
    assert number > 28


def test_a_missing_feature_model_says_how_to_get_it(files: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(Fault, match=r"melspectrogram.*wren models fetch") as told:
        WakeDetector({**files, "melspectrogram": tmp_path / "gone.onnx"}, ALEXA)
    assert told.value.permanent


def test_an_unknown_word_model_is_answered_with_those_there_are(files: dict[str, Path]) -> None:
    unknown = {"computer": WakeWord(model="computer_v1")}
    with pytest.raises(Fault, match=r"computer_v1.*alexa_v0\.1.*hey_jarvis_v0\.1"):
        WakeDetector(files, unknown)
    detector = WakeDetector(files, ALEXA)
    with pytest.raises(Fault, match="computer_v1"):
        detector.configure(unknown)
    assert detector.words == ["alexa"]


def test_a_damaged_model_is_named(files: dict[str, Path], tmp_path: Path) -> None:
    damaged = tmp_path / "alexa_v0.1.onnx"
    damaged.write_bytes(b"not a model")
    with pytest.raises(Fault, match=r"alexa_v0\.1\.onnx.*wren models verify"):
        WakeDetector({**files, "alexa_v0.1": damaged}, ALEXA)

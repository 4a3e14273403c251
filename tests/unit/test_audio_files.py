"""Sound files in, recordings out, and which device a name means."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile

from device.audio import files
from device.audio.portaudio import SoundDevice, choose
from device.audio.recording import Recording
from device.faults import Fault


def tone(rate_hz: int, seconds: float = 1.0) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return 0.5 * np.sin(2 * np.pi * 440 * np.arange(round(rate_hz * seconds)) / rate_hz)


@pytest.mark.parametrize(
    ("rate_hz", "format_", "subtype"),
    [(44_100, "MP3", None), (8_000, "WAV", "PCM_U8"), (48_000, "FLAC", None), (22_050, "OGG", None)],
)
def test_any_format_rate_and_channels_become_mono_16_khz(
    tmp_path: Path, rate_hz: int, format_: str, subtype: str | None
) -> None:
    path = tmp_path / "request.wav"
    stereo = np.stack([tone(rate_hz), np.zeros(rate_hz)], axis=1)
    soundfile.write(path, stereo, rate_hz, format=format_, subtype=subtype)
    samples = files.load(str(path), 16_000)
    assert samples.dtype == np.float32
    assert samples.size == pytest.approx(16_000, abs=1200)  # MP3 adds its own padding
    middle = samples[4000:12_000]
    assert np.std(middle) == pytest.approx(0.25 / np.sqrt(2), rel=0.05)
    assert np.argmax(np.abs(np.fft.rfft(middle))) * 2 == pytest.approx(440, abs=2)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "does not exist"),
        (b"", "is empty"),
        (b"this is no sound at all" * 50, "cannot be read"),
        (b"RIFF$\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x80>\x00\x00\x00}\x00\x00\x02\x00\x10\x00data"
         b"\x00\x00\x00\x00", "holds no samples"),
    ],
)  # fmt: skip
def test_an_unusable_file_is_one_fault_that_names_it(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    path = tmp_path / "request.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Fault) as caught:
        files.load(str(path), 16_000)
    assert str(path) in caught.value.message
    assert reason in caught.value.message
    assert caught.value.hint
    assert "\n" not in str(caught.value)
    assert caught.value.permanent


def test_a_recording_is_valid_before_it_is_closed_and_goes_on_after_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "out" / "speaker.wav"
    first = Recording(str(path), 16_000)
    for _ in range(250):
        first.write(np.full(160, 7, np.int16))
    with wave.open(str(path)) as reader:
        assert reader.getparams()[:4] == (1, 2, 16_000, 32_000)  # up to date to the second
    second = Recording(str(path), 16_000, resume=True)  # the first was killed: never closed
    second.write(np.full(160, 9, np.int16))
    second.close()
    with wave.open(str(path)) as reader:
        samples = np.frombuffer(reader.readframes(99_999), np.int16)
    assert samples.tolist() == [7] * 40_000 + [9] * 160
    Recording(str(path), 16_000).close()
    with wave.open(str(path)) as reader:
        assert reader.getnframes() == 0


def test_a_recording_that_cannot_be_written_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Fault, match="cannot be written"):
        Recording(str(tmp_path / "file" / "speaker.wav"), 16_000)


DEVICES = [
    SoundDevice(0, "HDA Intel PCH: ALC257 Analog (hw:0,0)", 2, 2, 44_100, True, True),
    SoundDevice(1, "ReSpeaker 4 Mic Array (hw:1,0)", 6, 2, 16_000, False, False),
    SoundDevice(2, "HDMI (hw:2,3)", 0, 8, 48_000, False, False),
    SoundDevice(3, "respeaker", 1, 0, 16_000, False, False),
]


@pytest.mark.parametrize(
    ("wanted", "direction", "index"),
    [
        ("", "input", 0),
        ("", "output", 0),
        ("mic array", "input", 1),
        ("hdmi", "output", 2),
        ("ReSpeaker", "input", 3),
    ],
)
def test_a_device_is_named_by_a_part_of_its_name(wanted: str, direction: str, index: int) -> None:
    assert direction in ("input", "output")
    assert choose(DEVICES, wanted, "input" if direction == "input" else "output").index == index


def test_an_unknown_device_is_a_fault_that_lists_the_known_ones() -> None:
    with pytest.raises(Fault) as caught:
        choose(DEVICES, "jabra", "output")
    assert "jabra" in caught.value.message
    assert "HDMI (hw:2,3)" in caught.value.hint
    assert "ReSpeaker" in caught.value.hint
    with pytest.raises(Fault, match="no microphone was found"):
        choose(DEVICES[2:3], "", "input")

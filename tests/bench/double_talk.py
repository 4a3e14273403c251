"""Somebody over Wren's own voice, offline: the simulated room, the front end, the ducking of the loudspeaker.

Sounds are float32[n] at 16 kHz in -1…1, frames int16[160]; levels in dB over the echo at the microphone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import soxr
from scipy.signal import fftconvolve

from device.audio import farend
from device.audio.backend import Captured
from device.audio.frontend import FrontEnd
from device.audio.playback import Block
from device.audio.room import HISS_DB, LOUDSPEAKER_HZ, Convolver, Decimator, Room, echo_path, to_int16
from device.hearing import FRAME_SAMPLES, RATE_HZ, Floats, Samples
from device.hearing.vad import SileroVad, VoiceActivity, level_db
from device.settings import Audio
from device.speech import Style
from device.speech.cancellation import Cancellation
from device.speech.loading import load_voice

_BLOCK = LOUDSPEAKER_HZ // 100
_SENTENCES = (
    "The weather today is mostly cloudy with a light breeze from the west, and the temperature will rise to "
    "twenty one degrees in the afternoon.",
    "In the evening there may be some rain, so take an umbrella with you when you leave the house.",
    "The kitchen light is on, the hallway light is off, and the front door is locked.",
    "You have two timers and no alarms.",
    "I could not find a device with that name, but there is a lamp in the office.",
    "A good cup of tea needs about four minutes, and water that has just boiled.",
)
_PAUSE_S = 0.25
_AHEAD_FRAMES = 10
_ONSET_CHUNKS, _ONSET_BELOW_DB, _SEARCH_FRAMES = 3, 25.0, 12


@dataclass(frozen=True)
class FarEnd:
    """What Wren says, again and again, in frames: int16[n, 480] at 48 kHz and int16[n, 160] at 16 kHz."""

    played: Samples
    reference: Samples


def far_end() -> FarEnd:
    """Wren's active voice reading half a minute of replies."""
    voice = load_voice("")
    pause = np.zeros(round(_PAUSE_S * voice.rate_hz), np.int16)
    chunks: list[Samples] = []
    for sentence in _SENTENCES:
        chunks += [*voice.say(sentence, Style(deterministic=True), Cancellation()).chunks, pause]
    spoken = np.concatenate(chunks).astype(np.float32) / 32768
    return from_sound(soxr.resample(spoken, voice.rate_hz, LOUDSPEAKER_HZ))


def from_sound(sound: Floats) -> FarEnd:
    """`sound` at 48 kHz as far end."""
    frames = len(sound) // _BLOCK
    played = _int16(sound[: frames * _BLOCK]).reshape(frames, _BLOCK)
    reference = _int16(soxr.resample(sound, LOUDSPEAKER_HZ, RATE_HZ))
    reference = np.pad(reference, (0, FRAME_SAMPLES))[: frames * FRAME_SAMPLES]
    return FarEnd(played, reference.reshape(frames, FRAME_SAMPLES))


class DriftingRoom:
    """A Room whose loudspeaker has a clock of its own, `drift_ppm` faster than the microphone's."""

    def __init__(self, path: Floats, drift_ppm: float) -> None:
        self._decimator, self._echo = Decimator(), Convolver(path)
        self._leaves, self._known = farend.FarEnd(RATE_HZ), farend.FarEnd(RATE_HZ)
        self._leaves.drift_ppm = self._drift_ppm = drift_ppm
        self._frames = 0
        self._hiss = np.random.default_rng(1)
        self.far_end: Samples | None = None

    def follow(self, drift_ppm: float) -> None:
        """As a backend."""
        self._known.drift_ppm = drift_ppm

    def hear(self, near_end: Floats | None, loudspeaker: Samples | None) -> tuple[Samples, None]:
        """The next 10 ms of the microphone, `_AHEAD_FRAMES` after the loudspeaker was given them."""
        far_end = self._decimator.block(loudspeaker)
        for one in (self._leaves, self._known):
            one.add(None if far_end is None else to_int16(far_end))
        at = self._frames - _AHEAD_FRAMES
        self._frames += 1
        position = at * FRAME_SAMPLES * (1 + self._drift_ppm * 1e-6)
        left = self._leaves.frame(position)
        self.far_end = self._known.frame(position)
        microphone = self._hiss.standard_normal(FRAME_SAMPLES, np.float32) * np.float32(10 ** (HISS_DB / 20))
        echo = self._echo.block(None if left is None else left * np.float32(1 / 32768))
        for sound in (echo, near_end):
            microphone += 0 if sound is None else sound
        return to_int16(microphone), None


class DoubleTalk:
    """What the front end leaves of the microphone, frame by frame; `gain` of the loudspeaker may change."""

    def __init__(
        self,
        speech: FarEnd,
        first: int,
        response: Floats | None = None,
        delay_ms: int = 60,
        echo_db: float = -10,
        drift_ppm: float | None = None,
    ) -> None:
        path = echo_path(response, delay_ms, echo_db)
        self._speech, self._at = speech, first
        self._room = Room(path) if drift_ppm is None else DriftingRoom(path, drift_ppm)
        self._front_end = FrontEnd(Audio())
        self.gain = 1.0
        echo = fftconvolve(speech.reference[:1000].ravel() / 32768, path)
        self.echo_rms = loud_rms(echo.astype(np.float32), 0.02)

    @property
    def may_be_echo(self) -> bool:
        """Of the latest frame: echo alone may be so loud."""
        return self._front_end.may_be_echo

    @property
    def drift_ppm(self) -> float:
        """What the front end has found of it."""
        return self._front_end.drift.ppm

    def hear(self, near_end: Floats | None) -> tuple[Samples, Samples]:
        """The next 10 ms, and the same for recognition; `near_end` is float32[160] or silence."""
        at = self._at % len(self._speech.played)
        self._at += 1
        played = (self._speech.played[at] * self.gain).astype(np.int16)
        if isinstance(self._room, DriftingRoom):
            self._room.follow(self._front_end.drift.ppm)
        microphone, _ = self._room.hear(near_end, played)
        captured = Captured(microphone, playing=_block(played), far_end=self._room.far_end)
        cleaned = self._front_end.clean(captured)
        assert cleaned is not None
        return cleaned, self._front_end.voice(captured, cleaned)


def _block(played: Samples) -> Block:
    return Block(played, 1, 0, "", 0, 0, played.size, LOUDSPEAKER_HZ, first=False, last=False)


def loud_rms(sound: Floats, share: float = 0.05) -> float:
    """RMS of the samples over `share` of the peak."""
    loud = sound[np.abs(sound) > share * np.abs(sound).max()]
    return float(np.sqrt(np.mean(loud**2)))


def voice_onset(vad: SileroVad, sound: Floats) -> int:
    """First sample of the voice: where the level rises before Silero's third voiced chunk; else of any sound."""
    scaled = _int16(0.5 * sound / max(1e-6, float(np.abs(sound).max())))
    frames = scaled[: len(scaled) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    activity, run = VoiceActivity(vad, 0.5), 0
    levels = [level_db(frame) for frame in frames]
    for number, frame in enumerate(frames):
        voice = activity.accept(number, frame)
        if voice is None:
            continue
        run = run + 1 if voice.voiced else 0
        if run == _ONSET_CHUNKS:
            first = max(0, number - 9)
            enough = max(levels[first : first + 30]) - _ONSET_BELOW_DB
            search = range(max(0, first - _SEARCH_FRAMES), min(len(levels), first + 10))
            return FRAME_SAMPLES * next((at for at in search if levels[at] > enough), first)
    return int(np.flatnonzero(np.abs(sound) > 0.05 * np.abs(sound).max())[0])


def _int16(sound: Floats) -> Samples:
    return np.clip(np.rint(sound * 32767), -32768, 32767).astype(np.int16)

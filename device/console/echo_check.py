"""`wren doctor --echo`: plays through the sound card and says what to do about its echo.

An exponential sweep over the range of a voice (Farina 2000), then Wren's own voice, which the software
canceller is made for: to sweeps and noise it does little. What comes back gives the delay and level of the
echo, how much of it the canceller takes away, whether a microphone array's reference channel carries what is
played, and so the mode for `audio.echo`.
"""

from __future__ import annotations

import itertools
import select
import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import soxr
from numpy.typing import NDArray

from device import settings as settings_module
from device.audio.backend import Backend, Captured
from device.audio.echometer import EchoMeter, power_db
from device.audio.frontend import FrontEnd, Mode
from device.audio.playback import Playback
from device.audio.room import LOUDSPEAKER_HZ
from device.bus.client import HubClient
from device.bus.paths import LAST_FRAME, SPEAKER_FRAME_MS, events_socket
from device.bus.ring import Frame
from device.events import FRAME_MS
from device.faults import Fault
from device.settings import Audio, Settings
from device.speech import Style
from device.speech.cancellation import Cancellation
from device.speech.fallback import load_fallback
from device.speech.loading import load_voice

RATE_HZ = LOUDSPEAKER_HZ
_SWEEP_S, _PAUSE_S = 1.5, 0.3
_SPEECH_S = 10.0
_SENTENCE = "This is a test: I listen to my own voice, to find out how well I can hear you while I speak."
_LOW_HZ, _HIGH_HZ = 100.0, 7000.0
_LEVEL = 0.25
_FADE_S = 0.02
_BEFORE_S, _AFTER_S, _OPEN_S = 1.0, 1.0, 20.0
_TRAINED_SHARE = 0.5  # of the sound, after which the canceller is judged
_AUDIBLE_DB = 6.0  # over the noise
_GOOD_ERLE_DB = 15.0
_CLIPPED = 32_700


class EchoReport(NamedTuple):
    """What was found; levels in dBFS, None where it could not be measured."""

    noise_db: float
    echo_db: float
    delay_ms: int | None
    erle_db: float | None
    residual_db: float
    clipped: bool
    reference: bool | None  # whether an array's reference channel carries what is played; None: there is none
    mode: Mode  # recommended
    reason: str


def check(settings: Settings) -> EchoReport:
    """Plays and listens. Raises Fault when a Wren runs here, or the card cannot be used."""
    bus = HubClient(events_socket(settings_module.runtime_dir(settings)))
    bus.wait(0)
    running = bus.connected
    bus.close()
    if running:
        raise Fault(
            "a Wren is running here and uses the sound card",
            "stop it first: systemctl stop wren.target, or end `wren run`",
        )
    sound = np.concatenate([sweep(), speech(settings.speech.voice)])
    return assess(listen(settings.audio, sound), settings.audio)


def listen(settings: Audio, sound: NDArray[np.int16]) -> list[Captured]:
    """What the microphone hears of `sound` (int16[n] at `RATE_HZ`). Raises Fault when the card fails."""
    from device.audio.soundcard import SoundCard

    card = SoundCard(msgspec.structs.replace(settings, echo="hardware"))
    try:
        deadline = time.monotonic() + _OPEN_S
        frames: deque[Frame] = deque()
        playback = Playback(lambda: frames.popleft() if frames else None, LOUDSPEAKER_HZ, settings.volume)
        while not (card.devices.input and card.devices.output):
            _exchange(card, playback)
            faults = card.faults()
            if faults:
                raise faults[0]
            if time.monotonic() > deadline:
                raise Fault(
                    "the sound card does not open", "close what else uses it, or check the sound server"
                )
        captured: list[Captured] = []
        for seconds, played in ((_BEFORE_S, sound[:0]), (sound.size / RATE_HZ + _AFTER_S, sound)):
            frames.extend(_frames(played))
            until = len(captured) + round(seconds * 1000 / FRAME_MS)
            while len(captured) < until:
                captured += _exchange(card, playback)
                if not (card.devices.input and card.devices.output):
                    raise Fault("the sound card went away while it was measured", "plug it in and try again")
        return captured
    finally:
        card.close()


def assess(captured: Sequence[Captured], settings: Audio) -> EchoReport:
    """What the frames tell; pure. Raises Fault when the microphone delivered nothing."""
    heard = [frame for frame in captured if frame.samples is not None]
    played = [number for number, frame in enumerate(heard) if frame.far_end is not None]
    if not heard or not played:
        raise Fault("the microphone delivered nothing while sound was played", "check the sound server")
    carries = _carries(heard)
    array = carries or settings.echo == "hardware"
    bare = [frame.raw if array and frame.raw is not None else frame.samples for frame in heard]
    front_end, cleaned = FrontEnd(msgspec.structs.replace(settings, echo="software")), []
    for frame, near_end in zip(heard, bare, strict=True):
        assert near_end is not None
        left = front_end.clean(frame._replace(samples=near_end, raw=None, loopback=None))
        assert left is not None
        cleaned.append(left)
    judged = played[round(len(played) * _TRAINED_SHARE) :]
    noise_db = _level([bare[number] for number in range(played[0])] or bare[:1])
    echo_db, residual_db = (_level([sound[number] for number in judged]) for sound in (bare, cleaned))
    erle_db = front_end.erle_db
    mode, reason = _recommend(
        audible=echo_db > noise_db + _AUDIBLE_DB and front_end.delay_ms is not None,
        cancelled=residual_db < noise_db + _AUDIBLE_DB or (erle_db or 0.0) >= _GOOD_ERLE_DB,
        carries=bool(carries),
    )
    return EchoReport(
        noise_db=noise_db,
        echo_db=echo_db,
        delay_ms=front_end.delay_ms,
        erle_db=erle_db,
        residual_db=residual_db,
        clipped=any(np.abs(sound.astype(np.int32)).max() >= _CLIPPED for sound in bare if sound is not None),
        reference=carries,
        mode=mode,
        reason=reason,
    )


def sweep() -> NDArray[np.int16]:
    """The first part of the test sound, int16[n] at `RATE_HZ`."""
    time_s = np.arange(round(_SWEEP_S * RATE_HZ)) / RATE_HZ
    rate = _SWEEP_S / np.log(_HIGH_HZ / _LOW_HZ)
    tone = np.sin(2 * np.pi * _LOW_HZ * rate * (np.exp(time_s / rate) - 1))
    fade = np.minimum(1, np.minimum(time_s, time_s[::-1]) / _FADE_S)
    tone = np.concatenate([tone * fade * _LEVEL * 32767, np.zeros(round(_PAUSE_S * RATE_HZ))])
    return tone.astype(np.int16)


def speech(voice_name: str = "") -> NDArray[np.int16]:
    """The second part, int16[n] at `RATE_HZ`: the voice, or its recorded phrase where it is not installed."""
    try:
        voice = load_voice(voice_name)
    except Fault:
        sound = load_fallback(RATE_HZ)
    else:
        said = np.concatenate(list(voice.say(_SENTENCE, Style(), Cancellation()).chunks))
        sound = soxr.resample(said, voice.rate_hz, RATE_HZ)
    return np.resize(sound, round(_SPEECH_S * RATE_HZ))


def _recommend(*, audible: bool, cancelled: bool, carries: bool) -> tuple[Mode, str]:
    if not audible:
        return "threshold", "the microphone does not hear the loudspeaker; with headphones that is fine"
    if carries:
        return "hardware", "the microphone array hears in its reference channel what is played"
    if cancelled:
        return "software", "the software canceller takes the echo away"
    return (
        "gate",
        "too much echo is left: keep the microphone away from the loudspeaker, or play more quietly",
    )


def _exchange(card: Backend, playback: Playback) -> list[Captured]:
    select.select([*card.wake_ups], [], [], card.timeout_s())
    return card.exchange(playback)


def _frames(sound: NDArray[np.int16]) -> Iterator[Frame]:
    size = RATE_HZ * SPEAKER_FRAME_MS // 1000
    for number, at in zip(itertools.count(), range(0, sound.size - size + 1, size)):
        tag = LAST_FRAME if at + 2 * size > sound.size else 0
        yield Frame(number, sound[at : at + size], 0, at, 1, tag, 0, False)


def _carries(heard: Sequence[Captured]) -> bool | None:
    """Whether what is played is in the reference channel; None where there is no such channel."""
    reference = EchoMeter()
    for frame in heard:
        if frame.loopback is None:
            return None
        reference.observe(frame.loopback, frame.far_end, frame.loopback)
    return reference.delay_ms is not None


def _level(frames: Sequence[NDArray[np.int16] | None]) -> float:
    return power_db(np.concatenate([frame for frame in frames if frame is not None]))

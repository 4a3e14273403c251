"""The microphone's front end: chooses how echo is dealt with, cleans each frame, and knows how well it works.

Modes, `settings.audio.echo`: `software` cancels with `device.audio.echo`. `hardware` takes the channel that a
microphone array has cleaned; as the array can only do that with what the loudspeaker plays, the first seconds
of playback must be found again in its reference channel, otherwise the software canceller takes over on the
bare microphone and people are told. `gate` and `threshold` leave the echo in; the gate's tag silences it.

For recognition `voice` gives the same frame with the echo only subtracted (`device.audio.linear`).

Pure: captured frames in, int16[160] at 16 kHz out.
"""

from __future__ import annotations

from typing import Literal

from device.audio.backend import Captured
from device.audio.doubletalk import DoubleTalk
from device.audio.drift import Drift
from device.audio.echo import Canceller, Frame, make
from device.audio.echometer import EchoMeter, power_db
from device.audio.linear import RINGING_FRAMES, LinearCanceller
from device.audio.residual import ResidualEcho
from device.faults import Fault
from device.settings import Audio

Mode = Literal["software", "hardware", "gate", "threshold"]

_VERIFY_FRAMES = 300  # of loud playback
_LOUD_DB = -50.0
_REMEDY = "or set audio.echo to software"


class FrontEnd:
    """`mode` is what is in use, which is not always what was asked for."""

    def __init__(self, settings: Audio) -> None:
        self.faults: list[Fault] = []
        self._settings = settings
        self._linear: LinearCanceller | None = None
        self._silent_frames = RINGING_FRAMES + 1  # since Wren spoke
        self._early_ms = 0
        self.may_be_echo = False  # of the latest `voice`: echo alone may be so loud
        self._begin(settings.echo)

    @property
    def delay_ms(self) -> int | None:
        """From the loudspeaker to the microphone; None: not known."""
        delay_ms = self._meter.delay_ms
        return None if delay_ms is None else delay_ms - self._early_ms

    @property
    def drift(self) -> Drift:
        """How much faster the loudspeaker's clock runs than the microphone's."""
        return self._meter.drift

    @property
    def erle_db(self) -> float | None:
        """How much quieter echo became; None: not known, or nothing is done about it."""
        return self._meter.erle_db if self.mode in ("software", "hardware") else None

    def apply(self, settings: Audio) -> None:
        """Takes over changed settings; what was learnt of the room is kept when they do not matter to it."""
        before, self._settings = self._settings, settings
        if any(getattr(before, name) != getattr(settings, name) for name in _CHOICE):
            self._begin(settings.echo)

    def clean(self, captured: Captured) -> Frame | None:
        """The microphone frame as the rest of Wren shall hear it; None while there is no microphone."""
        near_end = captured.samples
        self.may_be_echo = False
        if near_end is None:
            return None
        self._early_ms = captured.early_ms
        if self._unverified is not None:
            self._verify(self._unverified, captured)
        if captured.slipped:
            self._meter.slip()
        bare = near_end if captured.raw is None else captured.raw
        cleaned = self._canceller.clean(bare if self.mode == "software" else near_end, captured.far_end)
        self._meter.observe(bare, captured.far_end, cleaned)
        return cleaned

    def voice(self, captured: Captured, cleaned: Frame) -> Frame:
        """The frame for recognition; `cleaned` where there is no better one.

        A chime is quieter than what AEC3 takes from a request that is spoken over it before it knows the
        room: until the linear canceller has learnt from speech, chimes stay in.
        """
        near_end = captured.samples if captured.raw is None else captured.raw
        if self._linear is None or near_end is None:
            return cleaned
        if captured.slipped:
            self._linear.forget()
            self._residual = ResidualEcho()
        speaks = captured.playing is not None and captured.playing.is_speech
        self._silent_frames = 0 if speaks else self._silent_frames + 1
        voice = self._linear.clean(near_end, captured.far_end)
        explained = voice is not None and self._residual.explains(near_end, voice, speaks=speaks)
        if voice is None or not self._residual.is_known:
            explained = not self._double_talk.is_heard(near_end, captured.far_end)
        self.may_be_echo = explained and self._silent_frames <= RINGING_FRAMES
        is_processed = self._settings.noise_suppression or self._settings.automatic_gain
        if voice is near_end and is_processed:
            return cleaned
        if voice is None:
            return near_end if self._silent_frames > RINGING_FRAMES and not is_processed else cleaned
        return voice

    def close(self) -> None:
        """Frees the cancellers."""
        if self._linear is not None:
            self._linear.close()

    def _begin(self, mode: Mode) -> None:
        self.mode: Mode = mode
        self._begin_linear()
        self._canceller: Canceller = make(
            cancel=mode == "software",
            suppress_noise=self._settings.noise_suppression,
            automatic_gain=self._settings.automatic_gain,
        )
        self._meter = EchoMeter()
        self._unverified = EchoMeter() if mode == "hardware" else None
        self._loud_frames = 0

    def _begin_linear(self) -> None:
        if self._linear is not None:
            self._linear.close()
        self._linear, self._double_talk, self._residual = None, DoubleTalk(), ResidualEcho()
        if self.mode == "software":
            try:
                self._linear = LinearCanceller()
            except Fault as fault:
                self.faults.append(fault)

    def _verify(self, reference: EchoMeter, captured: Captured) -> None:
        """Looks for what is played in the array's reference channel."""
        far_end, loopback = captured.far_end, captured.loopback
        if loopback is None:
            channels = max(getattr(self._settings, name) for name in _CHANNELS) + 1
            self._fall_back(
                f"the microphone has not the {channels} channels that audio.echo=hardware needs",
                f"set audio.processed_channel, audio.raw_channel and audio.reference_channel, {_REMEDY}",
            )
            return
        reference.observe(loopback, far_end, loopback)
        if reference.delay_ms is not None:
            self._unverified = None
            return
        self._loud_frames += far_end is not None and power_db(far_end) > _LOUD_DB
        if self._loud_frames >= _VERIFY_FRAMES:
            number = self._settings.reference_channel
            self._fall_back(
                f"input channel {number} does not carry what the loudspeaker plays, so the microphone array "
                "cannot cancel echo; it is cancelled in software",
                f"connect the loudspeaker to the array, correct audio.reference_channel, {_REMEDY}",
            )

    def _fall_back(self, message: str, hint: str) -> None:
        self.faults.append(Fault(message, hint))
        self._begin("software")


_CHANNELS = ("processed_channel", "raw_channel", "reference_channel")
_CHOICE = ("echo", "noise_suppression", "automatic_gain", "input_device", *_CHANNELS)

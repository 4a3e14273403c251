"""Echo cancellation: takes Wren's own voice out of what the microphone hears.

The canceller is WebRTC's AEC3 (https://webrtc.googlesource.com/src, modules/audio_processing/aec3) by way of
`pywebrtc-audio`; noise suppression and automatic gain come from the same library. AEC3 finds the echo's delay
by itself, as long as echo never comes before its reference and the reference has no slips: one that does
costs it about 20 dB for 1.5 s.

Border: near end (the microphone) and far end (what left the loudspeaker during the same frame; None: silence)
to what is left of the near end, each int16[160] at 16 kHz.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from pywebrtc_audio import AudioProcessor

from device.bus.paths import MICROPHONE_FRAME, MICROPHONE_HZ

Frame = NDArray[np.int16]
SILENCE: Frame = np.zeros(MICROPHONE_FRAME, np.int16)


class Canceller(Protocol):
    """Cleans one frame after another."""

    def clean(self, near_end: Frame, far_end: Frame | None) -> Frame:
        """The next frame without echo."""


class Unchanged:
    """Leaves the microphone as it is."""

    def clean(self, near_end: Frame, far_end: Frame | None) -> Frame:  # noqa: ARG002 - the seam has both
        """The frame itself."""
        return near_end


class WebRtc:
    """WebRTC's audio processing, the parts of it that are wanted."""

    def __init__(self, *, cancel: bool, suppress_noise: bool = False, automatic_gain: bool = False) -> None:
        self._processor = AudioProcessor(
            MICROPHONE_HZ,
            echo_cancellation=cancel,
            noise_suppression=suppress_noise,
            auto_gain_control=automatic_gain,
        )
        self._cancels = cancel

    def clean(self, near_end: Frame, far_end: Frame | None) -> Frame:
        """Runs 10 ms through it."""
        far_end = SILENCE if far_end is None else far_end
        return self._processor.process(near_end, far_end if self._cancels else None)


def make(*, cancel: bool, suppress_noise: bool, automatic_gain: bool) -> Canceller:
    """The least that does what is wanted."""
    if not (cancel or suppress_noise or automatic_gain):
        return Unchanged()
    return WebRtc(cancel=cancel, suppress_noise=suppress_noise, automatic_gain=automatic_gain)

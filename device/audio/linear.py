"""A second echo canceller, for recognition: it leaks more echo than AEC3 but leaves the person's voice alone.

AEC3 suppresses whatever may be echo, which in double talk takes the first sounds of an interruption with it.
Speex's canceller (libspeexdsp, MDF: J.-S. Valin, "On adjusting the learning rate in frequency domain echo
cancellation with double-talk", 2007) only subtracts. Of 60 commands by people 5 and 10 dB over the echo
Moonshine read 75 % as without it, after AEC3 28 %.

Border: int16[160] at 16 kHz, as `device.audio.echo`.
"""

from __future__ import annotations

import ctypes

import numpy as np

from device.audio.echo import Frame
from device.bus.paths import MICROPHONE_FRAME, MICROPHONE_HZ
from device.faults import Fault

_LIBRARY = "libspeexdsp.so.1"
_SET_SAMPLING_RATE = 24  # SPEEX_ECHO_SET_SAMPLING_RATE of speex_echo.h
_TAIL_SAMPLES = MICROPHONE_HZ // 5  # longest echo path: 200 ms
RINGING_FRAMES = 50  # echo that is still in the room after the far end went silent
_TRAINED_DB, _FORGETTING = 10.0, 0.98  # echo taken away that counts as learnt; memory of half a second


class LinearCanceller:
    """Runs while something is played and shortly after. Raises Fault where libspeexdsp is not installed."""

    def __init__(self) -> None:
        try:
            self._speex = ctypes.CDLL(_LIBRARY)
        except OSError as error:
            raise Fault(
                f"{_LIBRARY} cannot be loaded, so words said over Wren's voice are understood less well",
                "run `make setup`, which installs libspeexdsp1",
            ) from error
        self._speex.speex_echo_state_init.restype = ctypes.c_void_p
        self._state = ctypes.c_void_p(self._speex.speex_echo_state_init(MICROPHONE_FRAME, _TAIL_SAMPLES))
        rate = ctypes.c_int(MICROPHONE_HZ)
        self._speex.speex_echo_ctl(self._state, _SET_SAMPLING_RATE, ctypes.byref(rate))
        self._silence: Frame = np.zeros(MICROPHONE_FRAME, np.int16)
        self._silent_frames = RINGING_FRAMES
        self._before = self._after = 0.0  # power of the microphone and of what is left of it
        self.is_trained = False  # it has taken echo away

    def clean(self, near_end: Frame, far_end: Frame | None) -> Frame | None:
        """The next frame with the predicted echo subtracted; None while it does not know the room yet."""
        self._silent_frames = self._silent_frames + 1 if far_end is None else 0
        if self._silent_frames > RINGING_FRAMES:
            return near_end
        given = [np.ascontiguousarray(near_end), self._silence if far_end is None else far_end]
        cleaned: Frame = np.empty(MICROPHONE_FRAME, np.int16)
        self._speex.speex_echo_cancellation(
            self._state, *(array.ctypes.data_as(ctypes.c_void_p) for array in (*given, cleaned))
        )
        if not self.is_trained and far_end is not None:
            self._before = _FORGETTING * self._before + _power(near_end)
            self._after = _FORGETTING * self._after + _power(cleaned)
            self.is_trained = self._before > 10 ** (_TRAINED_DB / 10) * self._after
        return cleaned if self.is_trained else None

    def forget(self) -> None:
        """Begins anew, which is sooner done than learning that all echo comes earlier or later."""
        self._speex.speex_echo_state_reset(self._state)
        self.is_trained = False
        self._after = self._before

    def close(self) -> None:
        """Frees the state."""
        self._speex.speex_echo_state_destroy(self._state)


def _power(frame: Frame) -> float:
    samples = frame.astype(np.float32)
    return float(np.dot(samples, samples))

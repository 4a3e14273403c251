"""Voice activity in the sound for recognition, from shortly before an onset on. Pure.

AEC3 suppresses a voice that is no louder than the echo, and Silero's memory of the silence before makes it
slow to believe in what comes through. The linear canceller leaves the voice alone, and once the loudspeaker
is ducked hardly any echo is left in it either: there 95 of 100 people had their third voiced chunk within
240 ms of the onset, after AEC3 within 490 ms. Without ducking the echo in it would be taken for a voice, so
this is for the time after the duck alone, and costs nothing before.

Border: int16[160] at 16 kHz in; `states` float32[STATES].
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from device.hearing import Floats, Samples
from device.hearing.vad import HYSTERESIS, SileroVad, Voice, VoiceActivity

BEFORE_FRAMES = 12  # before the onset: Silero needs a ground to tell the voice from
STATES = 3 * 256


class SecondLook:
    """Hears one voice; `recent` are the frames up to now."""

    def __init__(
        self, vad: SileroVad, threshold: float, onset_frame: int, recent: Iterable[tuple[int, Samples]]
    ) -> None:
        self._activity, self._onset = VoiceActivity(vad, threshold), onset_frame
        self._states: list[Floats] = []
        self._enough = threshold - HYSTERESIS
        self.chunks: list[tuple[int, float]] = []  # last frame, and probability of a voice
        for frame, samples in recent:
            if frame >= onset_frame - BEFORE_FRAMES:
                self.accept(frame, samples)

    def accept(self, frame: int, samples: Samples, *, cue: bool = False) -> Voice | None:
        """Hears the next frame; the verdict on the chunk that it completes. `cue`: a chime is leaving."""
        voice = self._activity.accept(frame, samples, cue=cue)
        if voice is not None and frame > self._onset:
            probability = 0.0 if voice.doubtful else voice.probability
            self.chunks.append((frame, probability))
            if self._states or probability >= self._enough:
                self._states.append(self._activity.state)
        return voice

    @property
    def states(self) -> Floats:
        """Silero's latest state, and the mean and the spread of all since the first voiced chunk."""
        if not self._states:
            return np.zeros(STATES, np.float32)
        all_of_them = np.stack(self._states)
        parts = (all_of_them[-1], all_of_them.mean(0), all_of_them.std(0))
        return np.concatenate(parts).astype(np.float32)

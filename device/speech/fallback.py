"""The recorded phrase for the times when synthesis fails or no voice is there.

`fallback.flac` is Wren's default voice (en_US-joe-medium, recordings CC0) saying `TEXT`, deterministic, at
22,050 Hz. `python -m device.speech.fallback` makes it again from the active voice.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from device.speech import Samples, Style

TEXT = "Sorry, I can't speak properly right now."
RECORDING = Path(__file__).with_name("fallback.flac")


def load_fallback(rate_hz: int) -> Samples:
    """The recording at `rate_hz`. Raises OSError or RuntimeError when it is damaged."""
    import soundfile  # a tenth of a second that the start of the daemon does not need
    import soxr

    samples, recorded_hz = soundfile.read(RECORDING, dtype="int16")
    resampled = soxr.resample(samples, recorded_hz, rate_hz) if recorded_hz != rate_hz else samples
    return np.asarray(resampled, np.int16)


def _record() -> None:
    import soundfile

    from device.speech.cancellation import Cancellation
    from device.speech.synthesizer import Synthesizer, VoiceFiles
    from models.store import Store

    files = Store().active("voice").files
    synthesizer = Synthesizer(VoiceFiles(files["frontend"], files["decoder"], files["config"]))
    chunks = synthesizer.say(TEXT, Style(deterministic=True), Cancellation()).chunks
    soundfile.write(RECORDING, np.concatenate(list(chunks)), synthesizer.rate_hz, subtype="PCM_16")


if __name__ == "__main__":
    _record()

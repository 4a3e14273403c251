"""`wren say`, `wren transcribe` and `wren ask`: single engines and a running Wren, from the command line."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import soundfile
import soxr
from rich.console import Console

from device import settings as settings_module
from device.bus.client import HubClient
from device.bus.paths import events_socket
from device.console.scenes import check_sound
from device.events import DialogState, PlaybackStopped, ReplyClause, TextRequested
from device.faults import Fault
from device.settings import Settings
from device.speech import Samples

_ANSWER_S = 15.0
_BLOCK = 1024


def say(text: str, output: Path | None, settings: Settings) -> None:
    """Synthesises into a file, or plays. Raises Fault without a voice or a loudspeaker."""
    from device.speech import Style
    from device.speech.cancellation import Cancellation
    from device.speech.loading import load_voice

    voice = load_voice(settings.speech.voice)
    style = Style(settings.speech.speed, settings.speech.deterministic)
    chunks = voice.say(text, style, Cancellation()).chunks
    if output is not None:
        soundfile.write(output, np.concatenate(list(chunks)), voice.rate_hz)
        return
    _play(chunks, voice.rate_hz, settings.audio.output_device)


def transcribe(files: Sequence[Path], settings: Settings, console: Console) -> None:
    """Prints a line a file. Raises Fault for a file that cannot be read or a missing model."""
    from device.audio.files import load as load_sound
    from device.hearing import RATE_HZ, asr, transcribe
    from device.hearing.loading import files_of
    from device.hearing.vad import SileroVad

    for path in files:
        check_sound(path)
    recogniser = asr.load(files_of("asr"))
    vad = SileroVad(files_of("vad")["model"])
    for path in files:
        samples = transcribe.to_samples(load_sound(str(path), RATE_HZ))
        text = transcribe.transcribe(samples, recogniser, vad, settings.listen.vad_threshold).text
        console.print(f"{path}: {text}" if len(files) > 1 else text, markup=False)


def ask(text: str, settings: Settings, console: Console) -> None:
    """Sends a typed request and prints the answer. Raises Fault when no Wren runs here."""
    bus = HubClient(events_socket(settings_module.runtime_dir(settings)))
    bus.wait(0)
    if not bus.connected:
        raise Fault("no Wren is running here", "start one with `wren run`")
    bus.poll()
    bus.send(TextRequested(text=text))
    deadline = time.monotonic() + _ANSWER_S
    started = False
    while time.monotonic() < deadline:
        bus.wait(0.1)
        for event in bus.poll():
            started |= isinstance(event, DialogState) and event.state == "listening"
            if isinstance(event, ReplyClause) and started:
                console.print(event.text, markup=False)
            if started and isinstance(event, PlaybackStopped) and not event.cue:
                bus.close()
                return
    raise Fault(f"no answer within {_ANSWER_S:.0f} s", "see `wren doctor`")


def _play(chunks: Iterable[Samples], rate_hz: int, wanted: str) -> None:
    import pyaudio

    from device.audio import portaudio

    device = portaudio.choose(portaudio.list_devices(), wanted, "output")
    sound = soxr.resample(np.concatenate(list(chunks)), rate_hz, device.rate_hz)
    with portaudio.quiet(), portaudio.session() as audio:
        stream = audio.open(
            rate=device.rate_hz,
            channels=1,
            format=pyaudio.paInt16,
            output=True,
            output_device_index=device.index,
        )
        for at in range(0, len(sound), _BLOCK):
            stream.write(sound[at : at + _BLOCK].tobytes())
        time.sleep(stream.get_output_latency())
        stream.close()

"""Finds the chosen voices among the installed models and loads them."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from device import settings
from device.faults import Fault
from device.speech.cancellation import Cancellation
from models.errors import ModelError
from models.store import ActiveModel, Store

if TYPE_CHECKING:
    from device.speech.voice import Voice
    from device.speech.voices import Voices

log = logging.getLogger(__name__)


def find_voice(name: str) -> ActiveModel:
    """The voice model `name`, or the active one for "". Raises Fault when it is not installed."""
    try:
        return Store().get(name) if name else Store().active("voice")
    except ModelError as error:
        raise Fault(error.cause, error.next_step) from error


def rate_of(voice: ActiveModel) -> int:
    """Its sample rate in Hz. Raises Fault when its configuration cannot be read."""
    try:
        return int(json.loads(voice.files["config"].read_bytes())["audio"]["sample_rate"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Fault(
            f"{voice.name} is not a Piper voice ({error!r})", "choose another speech.voice"
        ) from error


def speakers_of(voice: ActiveModel) -> int:
    """How many speakers it has. Raises Fault when its configuration cannot be read."""
    try:
        return int(json.loads(voice.files["config"].read_bytes()).get("num_speakers", 1))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Fault(f"{voice.name} is not a Piper voice ({error!r})", "choose another one") from error


def load_voice(name: str, cancellation: Cancellation | None = None) -> Voice:
    """The voice, ready to speak (one to two seconds).

    Raises Fault when it is not installed or does not fit, and Cancelled.
    """
    from device.speech.phrases import PhraseCache  # onnxruntime and espeak: only where a voice is loaded
    from device.speech.synthesizer import Synthesizer, VoiceFiles
    from device.speech.voice import Voice

    model = find_voice(name)
    try:
        files = VoiceFiles(model.files["frontend"], model.files["decoder"], model.files["config"])
    except KeyError as error:
        raise Fault(f"the voice {model.name} has no {error.args[0]}", "run `wren models fetch`") from error
    synthesizer = Synthesizer(files)
    synthesizer.warm_up(cancellation or Cancellation())
    return Voice(synthesizer, model.entry.folder, PhraseCache(settings.cache_dir() / "phrases"))


def load_voices(name: str, others: Iterable[str], cancellation: Cancellation) -> Voices:
    """The voice with others beside it, as many of them as can be had. Raises what `load_voice` does."""
    from device.speech.voices import Voices

    first, loaded = load_voice(name, cancellation), {}
    for other in others:
        try:
            loaded[other] = load_voice(other, cancellation)
        except Fault as fault:
            log.warning("a voice is missing, the first one speaks for it", extra={"reason": str(fault)})
    return Voices(first, loaded)

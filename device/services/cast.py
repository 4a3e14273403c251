"""Reads the file of agents that the settings name, and looks whether this machine has what they need."""

from __future__ import annotations

import tomllib
from pathlib import Path

from device.dialog.agents import ALONE, AgentsError, Cast, Voice, parse
from device.faults import Fault
from device.settings import Reason, Settings
from device.speech.loading import find_voice, speakers_of

EMBEDDED, ENDPOINT = "embedded", "endpoint"


def models_of(settings: Reason) -> tuple[str, ...]:
    """The models that agents may think with; without those who think, since speak wants to know, too."""
    return (EMBEDDED, ENDPOINT) if settings.endpoint else (EMBEDDED,)


def load_cast(settings: Settings) -> Cast:
    """The agents, Wren alone without a file. Raises Fault with one line about the first mistake in it."""
    if not settings.reason.agents:
        return ALONE
    path = Path(settings.reason.agents)
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        what = f"the agents file {path} cannot be read ({error.strerror})"
        raise Fault(what, "correct reason.agents, or leave it empty", permanent=True) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Fault(f"{path} is not valid TOML: {error}", "correct it", permanent=True) from error
    try:
        cast = parse(
            data,
            mqtt=settings.tools.mqtt,
            mcp=settings.tools.mcp,
            wake_words=settings.wake.words,
            models=models_of(settings.reason),
        )
    except AgentsError as error:
        what, _, hint = str(error).partition("; ")
        raise Fault(f"{path}: {what}", hint, permanent=True) from error
    for id_, agent in cast.agents.items():
        try:
            _check(agent.voice, settings.speech.voice)
        except Fault as fault:
            what = f"{path}: [agents.{id_}.voice] {fault.message}"
            raise Fault(what, fault.hint, permanent=True) from fault
    return cast


def other_voices(cast: Cast) -> tuple[str, ...]:
    """The voices that agents have of their own."""
    return tuple(sorted({agent.voice.name for agent in cast.agents.values()} - {""}))


def _check(voice: Voice, usual: str) -> None:
    """Raises Fault when a voice is not installed or has no such speaker."""
    if not voice.name and not voice.speaker:
        return
    model = find_voice(voice.name or usual)
    if voice.speaker >= (count := speakers_of(model)):
        raise Fault(f"{model.name} has no speaker {voice.speaker}", f"choose one of 0 to {count - 1}")

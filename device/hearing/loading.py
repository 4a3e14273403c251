"""Finds the installed models of the hearing."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from device.faults import Fault
from device.hearing.turn import TurnModel
from device.hearing.whisper import Whisper
from models.errors import ModelError
from models.store import Store


def files_of(role: Literal["wake", "vad", "turn", "asr", "second_pass"]) -> dict[str, Path]:
    """Files of the active model for `role`, by their keys in the catalog. Raises a permanent Fault."""
    try:
        return Store().active(role).files
    except ModelError as error:
        raise Fault(error.cause, error.next_step, permanent=True) from error


def turn_model() -> TurnModel:
    """The model that hears the end of a turn. Raises a permanent Fault."""
    files = files_of("turn")
    if "tail" not in files:
        raise Fault("the turn model was fetched by an older Wren", "run `wren models fetch`", permanent=True)
    return TurnModel(files["tail"])


def second_pass(language: str = "en") -> Whisper:
    """The model that reads again what made no sense. Raises a permanent Fault."""
    files = files_of("second_pass")
    return Whisper(files["model"], files["vocabulary"], language=language)

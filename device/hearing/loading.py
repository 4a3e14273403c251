"""Finds the installed models of the hearing."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from device.faults import Fault
from models.errors import ModelError
from models.store import Store


def files_of(role: Literal["wake", "vad", "turn", "asr"]) -> dict[str, Path]:
    """Files of the active model for `role`, by their keys in the catalog. Raises a permanent Fault."""
    try:
        return Store().active(role).files
    except ModelError as error:
        raise Fault(error.cause, error.next_step, permanent=True) from error

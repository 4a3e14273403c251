"""What can go wrong with models, each with its cause and the next step in one line.

Two families, because they call for different manners: `SourceError` is a source that could not be reached or
sent something wrong (the model in use is untouched; fetching again is safe), `StoreError` is this machine.
The names are conditions a person would name, so they go without the suffix Error.
"""

# ruff: noqa: N818

from __future__ import annotations


class ModelError(Exception):
    """Base of all errors here: `str()` is "cause: next step"; both are also attributes."""

    def __init__(self, cause: str, next_step: str) -> None:
        super().__init__(f"{cause}: {next_step}")
        self.cause = cause
        self.next_step = next_step


class UnknownModel(ModelError):
    """No model of that name in the catalog."""


class ModelMissing(ModelError):
    """The model is in the catalog but not (completely) on this machine."""


class SourceError(ModelError):
    """A source could not deliver."""


class NoNetwork(SourceError):
    """The source cannot be reached, or broke off more often than the retries cover."""


class NotAtSource(SourceError):
    """The source was reached but does not have the file."""


class BadChecksum(SourceError):
    """The bytes that arrived are not the ones that are pinned or were recorded."""


class StoreError(ModelError):
    """The store on this machine cannot do it."""


class StoreFull(StoreError):
    """Not enough space for the files."""


class Interrupted(ModelError):
    """The person stopped the download."""

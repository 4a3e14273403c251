"""The words of a language that the tools listen for, read from `<code>.toml` beside this file."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import msgspec

Phrases = tuple[str, ...]


class Language(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file. Phrases are plain lower-case words as `reasoning.words.split` gives them."""

    polite: Phrases
    polite_ends: Phrases
    never: Phrases
    not_in_names: Phrases
    swaps: dict[str, str]


@cache
def load(code: str = "en") -> Language:
    """The language `code`. Raises FileNotFoundError without its file, msgspec errors if malformed."""
    text = files(__package__).joinpath(f"{code}.toml").read_bytes()
    return msgspec.toml.decode(text, type=Language)

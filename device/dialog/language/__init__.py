"""How people address agents in a language, and what agents say: `<code>.toml` beside this file."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import msgspec

Phrases = tuple[str, ...]


class Language(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file; `polite`, `speak_to`, `ask`, `tails` and `goodbye` are regular expressions."""

    articles: Phrases
    polite: str
    speak_to: Phrases
    ask: Phrases
    links: dict[str, str]  # between a name and a request, and what stands in its place
    tails: str
    goodbye: str
    greeting: str
    consulting: str
    not_mine: str
    offer: str
    offer_handoff: str
    offer_consult: str
    no_way: str
    no_answer: str


@cache
def load(language: str = "en") -> Language:
    """The words of a language; FileNotFoundError when there is none."""
    text = files("device.dialog.language").joinpath(f"{language}.toml").read_bytes()
    return msgspec.toml.decode(text, type=Language)

"""Which tool a sentence asks for, if any. Pure; asked before the house's own commands.

Each recogniser explains a whole sentence or leaves it alone.
"""

from __future__ import annotations

from datetime import datetime

from device.tools import custom, measures, memory, timertalk, voicetalk, words
from device.tools.language import load
from device.tools.request import ToolRequest, ToolState


def recognise(text: str, now: datetime, state: ToolState, language: str = "en") -> ToolRequest | None:
    """What `text` asks of the tools; None when it is for somebody else. `now` is local time without zone."""
    said = words.request(text, language)
    if not said:
        return None
    return (
        timertalk.silence(said, state, language)
        or custom.recognise(said, state.custom, language)
        or timertalk.recognise(said, now, state, language)
        or memory.recognise(text, said, state, language)
        or voicetalk.recognise(said, now, state, language)
        or measures.recognise(said, language)
    )


def completed(
    begun: str, text: str, now: datetime, state: ToolState, language: str = "en"
) -> ToolRequest | None:
    """What `begun`, which lacked something, becomes with an answer ("set a timer", "five minutes")."""
    for link in ("", *load(language).answer_links):
        found = recognise(f"{begun.rstrip(' .!?')} {link} {text}", now, state, language)
        if found and found.calls:
            return found
    return None


def recall(text: str, state: ToolState, language: str = "en") -> ToolRequest | None:
    """The answer that remembered facts hold to a question which neither tools nor house understood."""
    said = words.request(text, language)
    return memory.recall(said, state, language) if said else None

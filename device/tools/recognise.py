"""Which tool a sentence asks for, if any. Pure; asked before the house's own commands.

Each recogniser explains a whole sentence or leaves it alone.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from device.tools import custom, measures, memory, timertalk, voicetalk, words
from device.tools.language import load
from device.tools.request import ToolRequest, ToolState
from device.tools.services import Group


def recognise(text: str, now: datetime, state: ToolState, language: str = "en") -> ToolRequest | None:
    """What `text` asks of the tools; None when it is for somebody else. `now` is local time without zone."""
    said = words.request(text, language)
    if not said:
        return None
    return (
        timertalk.silence(said, state, language)
        or custom.recognise(said, state.custom, language)
        or _of("timers", timertalk.recognise(said, now, state, language))
        or _of("memory", memory.recognise(text, said, state, language))
        or _of("answers", voicetalk.recognise(said, now, state, language))
        or _of("answers", measures.recognise(said, language))
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
    return _of("memory", memory.recall(said, state, language)) if said else None


def _of(group: Group, found: ToolRequest | None) -> ToolRequest | None:
    """Says which tools know, unless the recogniser has said so itself."""
    return found and msgspec.structs.replace(found, group=found.group or group)

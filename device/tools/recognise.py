"""Which tool a sentence asks for, if any. Pure; asked before the house's own commands.

Each recogniser explains a whole sentence or leaves it alone.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from device.home.registry import Call
from device.reasoning.correcting import meant_by
from device.reasoning.words import lexicon
from device.tools import custom, measures, memory, timertalk, voicetalk, words
from device.tools.language import load
from device.tools.request import ToolRequest, ToolState
from device.tools.services import Group

CORRECTABLE = {"timer_start": "timer", "alarm_set": "alarm"}  # what is set, and its kind


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


def corrected(
    before: Call, text: str, now: datetime, state: ToolState, language: str = "en"
) -> ToolRequest | None:
    """What was just set, set otherwise: "no, ten minutes", "I said seven thirty"; else None."""
    kind, known = CORRECTABLE[before.service], load(language)
    spoken = meant_by(words.split_with_pauses(text, language), lexicon(language))
    its = [timer for timer in state.timers if timer.kind == kind and timer.name == before.entity]
    if not (spoken.is_led and spoken.words and its):
        return None
    newest = max(its, key=lambda timer: int(timer.timer_id))
    wanted = words.joined([word for word in spoken.words if word != ","])
    begun = f"{known.timer_words['set'][0]} {known.articles[2]} {known.timer_words[kind][0]}"
    found = completed(begun, wanted, now, ToolState(), language)
    if found is None or [call.service for call in found.calls] != [before.service] or found.calls[0].entity:
        return None
    again = Call(before.service, before.entity, found.calls[0].value)
    return ToolRequest(calls=(Call("timer_cancel", newest.timer_id), again))


def recall(text: str, state: ToolState, language: str = "en") -> ToolRequest | None:
    """The answer that remembered facts hold to a question which neither tools nor house understood."""
    said = words.request(text, language)
    return _of("memory", memory.recall(said, state, language)) if said else None


def _of(group: Group, found: ToolRequest | None) -> ToolRequest | None:
    """Says which tools know, unless the recogniser has said so itself."""
    return found and msgspec.structs.replace(found, group=found.group or group)

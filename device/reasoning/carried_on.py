"""A request that was taken for whole too soon, and its end, said over the answer: one request. Pure.

"Turn off all lights" … "in the kitchen": what is said within `_GOES_ON_FRAMES` of the end of the voice before
it belongs to that, when it means nothing alone and the two together are a known command. Only what the whole
asks for and the first half did not is then done; what only the first half did is put back to how it is known
to have been, unless that would open an entrance.
"""

from __future__ import annotations

from device.events import Event, SpeechStopped, TurnCommitted, TurnStarted
from device.home.registry import Call, House, State
from device.reasoning.completeness import Completeness, completeness
from device.reasoning.context import Context, go_on
from device.reasoning.intents import parse
from device.reasoning.results import NotUnderstood, Understood
from device.reasoning.router import READING, Perform, Route, perform

_GOES_ON_FRAMES = 200
_MARKS = " .,;!?"


class CutRequest:
    """Follows the turns of a session and keeps the request that may have been cut off."""

    def __init__(self) -> None:
        self._committed = ""
        self._voiced_until = 0
        self._begun = ""

    def note(self, event: Event) -> None:
        """A turn moves on."""
        match event:
            case SpeechStopped():
                self._voiced_until = event.last_voiced_frame
            case TurnCommitted():
                self._committed = self.with_end(event.text)
            case TurnStarted():
                goes_on = event.cause == "barge_in" and event.frame - self._voiced_until <= _GOES_ON_FRAMES
                self._begun = self._committed if goes_on else ""

    def with_end(self, text: str) -> str:
        """The whole of which `text` may be the end; `text` itself when nothing was cut off."""
        return f"{self._begun.rstrip(_MARKS)} {text}" if self._begun else text

    def judge(
        self, text: str, house: House, language: str = "en", *, refers: bool = False, answers: bool = True
    ) -> Completeness:
        """How complete `text` is, alone or as an end; see `device.reasoning.completeness`."""
        alone = completeness(text, house, language, refers=refers, answers=answers)
        if alone == "complete" or not self._begun:
            return alone
        return completeness(self.with_end(text), house, language, refers=refers)

    def route(self, text: str, house: House, context: Context, language: str = "en") -> Route | None:
        """What becomes of the whole; None when `text` is a request of its own, or adds nothing.

        `context` is what the first half came to.
        """
        if not self._begun or not isinstance(parse(text, house, language), NotUnderstood):
            return None
        whole = parse(self.with_end(text), house, language)
        if not isinstance(whole, Understood):
            return None
        done = {made.call for made in context.last}
        new = tuple(call for call in whole.calls if call not in done)
        if any(call.service in READING for call in new):
            return perform(whole.calls, house, whole.route, whole.confidence)
        calls = (*_put_back(whole.calls, context, house), *new)
        return Perform(calls, whole.route, whole.confidence) if calls else None


def _put_back(wanted: tuple[Call, ...], context: Context, house: House) -> tuple[Call, ...]:
    entities = {call.entity for call in wanted}
    too_much = tuple(
        done for done in context.last if done.call.entity not in entities and done.before != State()
    )
    undone = go_on("undo", Context(too_much), house)
    if not isinstance(undone, Understood):
        return ()
    made = {done.call for done in too_much}
    return tuple(call for call in undone.calls if call not in made)  # what was so before stays

"""How much of an answer may be said before the house has confirmed what it says. Pure.

"The hall lamp is on" is only true when the lamp says so, but with "the hall lamp" the answer begins in any
case, also when the lamp does not answer. So these words may be said while the house acts, if the lamp is
known to be quick: nobody shall hear half a sentence and then wait. A thing is quick when it was so last time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from device.events import ToolError, ToolResult
from device.home.registry import Call, House
from device.reasoning import replies

QUICK_MS = 400  # two or three words last as long
_FEWEST_WORDS = 2
_FAILURES: tuple[ToolError, ...] = ("no_answer", "unavailable", "refused")


def opening_words(calls: Sequence[Call], house: House) -> int:
    """With how many words the answer begins whatever becomes of `calls`; 0 when that is not worth it."""
    texts = [replies.confirm(calls, house)]
    for call in calls:
        texts.append(replies.confirm([call], house))
        texts += [replies.failure([_failed(call, error)], house) for error in _FAILURES]
    shared = shared_words(texts)
    return shared if shared >= _FEWEST_WORDS else 0


def shared_words(texts: Iterable[str]) -> int:
    """With how many words all of `texts` begin; of each at least the last word is left."""
    rows = [text.split()[:-1] for text in texts]
    shared = 0
    for column in zip(*rows, strict=False):
        if len(set(column)) > 1:
            break
        shared += 1
    return shared


class Quickness:
    """Remembers which things did quickly what was asked of them last."""

    def __init__(self) -> None:
        self._quick: set[str] = set()

    def note(self, result: ToolResult) -> None:
        """What has come of a call."""
        entity = str(result.arguments.get("entity"))
        if result.ok and result.confirm_ms <= QUICK_MS:
            self._quick.add(entity)
        else:
            self._quick.discard(entity)

    def of(self, calls: Iterable[Call]) -> bool:
        """Whether everything that `calls` are for is quick."""
        return all(call.entity in self._quick for call in calls)


def _failed(call: Call, error: ToolError) -> ToolResult:
    arguments = {"entity": call.entity, "value": call.value}
    return ToolResult(call_id="", tool=call.service, arguments=arguments, ok=False, error=error)

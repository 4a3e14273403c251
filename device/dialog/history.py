"""What was said in this session, as the language model may know it: only words that were really heard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple


class Utterance(NamedTuple):
    """One side's words in one turn."""

    role: Literal["user", "assistant"]
    text: str


class History:
    """The last few exchanges; forgotten after a pause, since a new person may be in the room.

    Of too many the older half goes, so that what a language model has read of them seldom begins otherwise.
    """

    def __init__(
        self, bridges: Sequence[str] = (), *, exchanges: int = 4, forget_after_s: float = 180
    ) -> None:
        """`bridges`: what only fills the time until a reply."""
        self._bridges = bridges
        self._utterances: list[Utterance] = []
        self._most = 2 * exchanges
        self._forget_after_s, self._last_s = forget_after_s, 0.0

    def asked(self, text: str, now_s: float) -> None:
        """The person's committed request."""
        if now_s - self._last_s > self._forget_after_s:
            self._utterances.clear()
        self._add("user", text, now_s)

    def heard(self, text: str, now_s: float) -> None:
        """What of the reply left the loudspeaker, less what only bridged the time until it."""
        text = text.strip()
        for bridge in self._bridges:
            text = "" if bridge.startswith(text) else text.removeprefix(bridge).strip()
        self._add("assistant", text, now_s)

    def before_last_request(self) -> list[Utterance]:
        """Everything before the request that is being answered."""
        utterances = self._utterances.copy()
        while utterances and utterances[-1].role == "assistant":
            utterances.pop()
        return utterances[:-1]

    def so_far(self, now_s: float) -> list[Utterance]:
        """Everything before a request that is still being made."""
        return [] if now_s - self._last_s > self._forget_after_s else list(self._utterances)

    def _add(self, role: Literal["user", "assistant"], text: str, now_s: float) -> None:
        self._last_s = now_s
        if text and role == "assistant" and self._utterances and self._utterances[-1].role == role:
            self._utterances[-1] = Utterance(role, f"{self._utterances[-1].text} {text}")
        elif text:
            self._utterances.append(Utterance(role, text))
        if role == "assistant" and len(self._utterances) > self._most:
            del self._utterances[: self._most // 2]

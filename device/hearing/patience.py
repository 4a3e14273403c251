"""How much silence ends a turn. Pure: what the witnesses say in, milliseconds out.

Three witnesses: the silence itself, the audio turn model (probability that this sounded like an end) and the
text (is it a whole request?). The surer they are, the less silence is needed:

| text               | sounds like an end  | does not            | no turn model       |
|--------------------|---------------------|---------------------|---------------------|
| `complete`         | complete_silence_ms | hesitant_silence_ms | complete_silence_ms |
| `talk`             | talk_silence_ms     | talk_silence_ms     | talk_silence_ms     |
| `likely`           | likely_silence_ms   | likely_silence_ms   | likely_silence_ms   |
| `likely`, doubtful | likely_silence_ms   | as `unsure`         | likely_silence_ms   |
| `unsure`           | unsure_silence_ms … | … open_silence_ms   | unsure_silence_ms   |
| `open`             | open_silence_ms     | open_silence_ms     | open_silence_ms     |

What is `unsure` waits the longer the less it sounds like an end. A fragment that was misheard often sounds
like one too, so it never waits less than `unsure_silence_ms`. Of `talk`, and of what is `likely` and not
`doubtful` (misheard, perhaps), the text tells enough: some voices never sound final. A text that nobody has
judged (yet) is `unsure`, and a sound that the model is still listening to does not sound like an end. While
there is no text, only `open_silence_ms` ends the turn.

A voice much quieter than the talker's (a television, somebody in the next room) does not prolong the turn: it
is no voice after a pause, and where it follows without a pause, the same times count from the last sound at
the talker's level, and `far_voice_ms` on top, for talkers who drop their voice.
"""

from __future__ import annotations

from collections import deque
from typing import Literal, NamedTuple

import numpy as np

from device.percentile import percentile
from device.settings import Listen

Completeness = Literal["complete", "talk", "likely", "unsure", "open"]

_FAR_DB = 18.0  # so much below the talker's level a voice is somebody else's
_TALKER_PERCENTILE = 90
_TALKER_CHUNKS = 150


class Pause(NamedTuple):
    """How long nobody has spoken, and how long nobody has spoken as loudly as the talker."""

    silence_ms: int
    quieter_ms: int


class Talker:
    """Knows how loudly the person speaks, and who is too quiet to be that person."""

    def __init__(self) -> None:
        self._levels_db: deque[float] = deque(maxlen=_TALKER_CHUNKS)

    def is_near(self, level_db: float) -> bool:
        """Whether a voiced chunk of this level may be the talker's, given the chunks before it."""
        usual = percentile(np.array(self._levels_db), _TALKER_PERCENTILE) if self._levels_db else level_db
        near = level_db >= usual - _FAR_DB
        if near:
            self._levels_db.append(level_db)
        return near


def needed_ms(
    rules: Listen, completeness: Completeness | None, turn: float | None, *, doubtful: bool = False
) -> int:
    """Trailing silence that ends a turn with this text and this probability of the turn model.

    `doubtful`: the text may have been misheard.
    """
    is_final = turn is None or turn >= rules.turn_threshold
    match completeness:
        case "complete":
            return rules.complete_silence_ms if is_final else rules.hesitant_silence_ms
        case "talk":
            return rules.talk_silence_ms
        case "likely" if is_final or not doubtful:
            return rules.likely_silence_ms
        case "open":
            return rules.open_silence_ms
        case _:
            doubt = 0.0 if turn is None else 1 - turn
            return round((1 - doubt) * rules.unsure_silence_ms + doubt * rules.open_silence_ms)


def is_over(rules: Listen, pause: Pause, enough_ms: int) -> bool:
    """Whether a pause ends a turn for which `enough_ms` of silence are enough."""
    return pause.silence_ms >= enough_ms or pause.quieter_ms >= enough_ms + rules.far_voice_ms

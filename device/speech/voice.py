"""A voice with a memory: what it said before comes from the phrase cache, the rest from the synthesizer.

What it said or was asked about lately is kept in memory too, so that it starts without the disk.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from device.speech import Samples, Style
from device.speech.cancellation import Cancellation
from device.speech.phrases import Phrase, PhraseCache, phrase_key
from device.speech.synthesizer import Synthesizer, Utterance

_KEPT_S = 6  # longer ones hardly ever come again
_IN_MEMORY_BYTES = 2 * 1024 * 1024  # 47 s; the others are a file away


class Spoken(NamedTuple):
    """A text on its way to the loudspeaker; the first of its chunks is there already."""

    words: tuple[str, ...]
    word_ends: tuple[int, ...]  # sample offsets
    chunks: Iterator[Samples]
    cached: bool


class Voice:
    """`identity` tells this voice from others in the cache."""

    def __init__(self, synthesizer: Synthesizer, identity: str, phrases: PhraseCache) -> None:
        self._synthesizer, self._identity, self._phrases = synthesizer, identity, phrases
        self._lately: OrderedDict[str, Phrase] = OrderedDict()
        self.rate_hz = synthesizer.rate_hz

    def knows(self, text: str, style: Style) -> bool:
        """Whether `text` can be said without synthesis; if it is said soon, without the disk too."""
        return self._recall(phrase_key(self._identity, style, text)) is not None

    def say(self, text: str, style: Style, cancellation: Cancellation) -> Spoken:
        """Starts to speak. Raises Cancelled (also while the chunks are taken) and RuntimeError."""
        key = phrase_key(self._identity, style, text)
        if (known := self._recall(key)) is not None:
            return Spoken(known.words, known.word_ends, self._known(key, known), cached=True)
        utterance = self._synthesizer.say(text, style, cancellation)
        return Spoken(utterance.words, utterance.word_ends, self._remembered(key, utterance), cached=False)

    def _known(self, key: str, phrase: Phrase) -> Iterator[Samples]:
        yield phrase.samples
        self._phrases.touch(key)

    def _remembered(self, key: str, utterance: Utterance) -> Iterator[Samples]:
        heard, length = [], 0
        for chunk in utterance.chunks:
            length += len(chunk)
            if length <= _KEPT_S * self.rate_hz:
                heard.append(chunk)
            yield chunk
        if 0 < length <= _KEPT_S * self.rate_hz:
            phrase = Phrase(utterance.words, utterance.word_ends, np.concatenate(heard))
            self._keep(key, phrase)
            self._phrases.put(key, phrase)

    def _recall(self, key: str) -> Phrase | None:
        if (known := self._lately.get(key)) is None and (known := self._phrases.get(key)) is None:
            return None
        self._keep(key, known)
        return known

    def _keep(self, key: str, phrase: Phrase) -> None:
        self._lately[key] = phrase
        self._lately.move_to_end(key)
        while sum(kept.samples.nbytes for kept in self._lately.values()) > _IN_MEMORY_BYTES:
            self._lately.popitem(last=False)

"""Names of the house behind what was written by a recogniser that does not know them: "TV mark light".

`Alike` compares every stretch of words in some readings of a sound with every name, spellings of like sounds
made one (`transcript.sounds`), and again with consonants of the same place of articulation made one. Where
the mean of the two likenesses is high, the name may have been said. A stretch that has a name in it already
is left alone, unless it is a part of the longer name.

Whether it was said is for the sound to tell: `with_names` keeps a text if it fits the sound nearly as well
as what was read, by the log probability of all models together (docs/decisions/0018). Pure.

Border: texts and names in; texts without signs at the ends of words out.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from rapidfuzz import fuzz, process

from device.hearing.transcript import sounds, words

_LIKE = 0.72  # least likeness
_LATER = 0.02  # likeness that each reading before it takes away
_MORE_WORDS = 2  # that a name may be taken for
_WORD = re.compile(r"[\w'%°]+")
_SIGNS = re.compile(r"[^\w'%°]+(?=\s|$)")
_PLACES = str.maketrans("vfmbdnstgjrw", "ppppttttkklp")
_TWICE = re.compile(r"(.)\1+")

_LOOKED_AT = 8  # readings
_TRIED, _OF_A_NAME = 4, 2  # texts that are tried; those with the same name
_FARTHEST = 9.0  # natural logarithms that a name may fit worse than what was read
_UNLIKE = 20.0  # of them for what sounds like nothing of the kind

Judge = Callable[[Sequence[str]], Sequence[float]]  # how well texts fit the sound, natural logarithms


class Instead(NamedTuple):
    """A text with `name` in place of some words of `source`."""

    text: str
    source: str
    name: str
    likeness: float


class _Stretch(NamedTuple):
    """Some words of the text `source`, and what is written before and after them."""

    rank: int
    source: str
    before: str
    after: str
    said: tuple[str, ...]
    beside: tuple[str, str]  # the words before and after


class _Name(NamedTuple):
    said: tuple[str, ...]
    written: str
    joined: str


class Alike:
    """Finds the `names` behind other words."""

    def __init__(self, names: Iterable[str]) -> None:
        written = {tuple(words(name)): _inside(name) for name in names}
        self._names = [_Name(said, name, "".join(said)) for said, name in written.items() if said]
        keys = [sounds(name.written) for name in self._names]
        self._keys, self._places = keys, [_places(key) for key in keys]
        self._longest = max((len(name.said) for name in self._names), default=0) + _MORE_WORDS

    def instead(self, texts: Sequence[str]) -> list[Instead]:
        """Texts with a name put in, likeliest first; `texts` are readings, best first."""
        stretches = [part for rank, text in enumerate(texts) for part in self._stretches(text, rank)]
        if not stretches or not self._names:
            return []
        keys = [sounds(" ".join(part.said)) for part in stretches]
        places = [_places(key) for key in keys]
        alike = process.cdist(keys, self._keys, scorer=fuzz.ratio)
        alike += process.cdist(places, self._places, scorer=fuzz.ratio)
        best: dict[tuple[int, int], tuple[float, _Stretch]] = {}
        for row, name in np.argwhere(alike >= 200 * _LIKE).tolist():
            part, likeness = stretches[row], float(alike[row, name]) / 200
            if likeness > best.get((part.rank, name), (0.0,))[0] and self._may_be(part, self._names[name]):
                best[part.rank, name] = likeness, part
        found: dict[tuple[str, ...], Instead] = {}
        for (rank, name), (likeness, part) in best.items():
            written = self._names[name].written
            text = _plain(f"{part.before}{written}{part.after}")
            instead = Instead(text, part.source, written, likeness - _LATER * rank)
            said = tuple(words(text))
            if said not in found or found[said].likeness < instead.likeness:
                found[said] = instead
        return sorted(found.values(), key=lambda instead: -instead.likeness)

    def _stretches(self, text: str, rank: int) -> Iterator[_Stretch]:
        found = list(_WORD.finditer(text))
        said = [match.group().lower() for match in found]
        for first in range(len(said)):
            for end in range(first + 1, min(first + self._longest, len(said)) + 1):
                before, after = text[: found[first].start()], text[found[end - 1].end() :]
                beside = ("", *said)[first], (*said, "")[end]
                yield _Stretch(rank, text, before, after, tuple(said[first:end]), beside)

    def _may_be(self, part: _Stretch, name: _Name) -> bool:
        """Whether no other name is in the words, nor this one already, nor a part of it beside them."""
        is_longer = len(part.said) > len(name.said) + _MORE_WORDS
        is_doubled = part.beside[0] == name.said[0] or part.beside[1] == name.said[-1]
        joined = "".join(part.said)
        if is_longer or is_doubled or name.joined in joined:
            return False
        return all(other.joined in name.joined for other in self._names if other.joined in joined)


def with_names(readings: Sequence[str], names: Alike, judges: Sequence[Judge]) -> list[str]:
    """`readings`, best first, each before those with a name in it that fit the sound nearly as well.

    A name that is borne out in one reading may stand in others as well. Where a reading says the name itself,
    what is tried has to fit better, and the others come behind it.
    """
    found = names.instead(readings) if judges else []
    tried = _to_try(found, readings[:_LOOKED_AT])
    saying = {one.name: _saying(one.name, readings) for one in tried}
    borne_out = _borne_out(tried, saying, judges)
    gains: dict[str, float] = {}
    for one, gain in borne_out.items():
        gains[one.name] = max(gain, gains.get(one.name, gain))
    plain = [_plain(text) for text in readings]
    others = [one for one in found if one not in tried and one.name in gains]
    kept = [*borne_out, *(one for one in others if _plain(one.source) in _since(saying[one.name], plain))]
    behind: dict[str, list[str]] = defaultdict(list)
    for one in sorted(kept, key=lambda one: -gains[one.name]):
        behind[one.source].append(one.text)
    return list(dict.fromkeys(text for reading in readings for text in (reading, *behind[reading])))


def _borne_out(
    tried: Sequence[Instead], saying: Mapping[str, str], judges: Sequence[Judge]
) -> dict[Instead, float]:
    """What of `tried` fits, and how much better than its source; a judge sees what the last one left."""
    fits: dict[str, float] = defaultdict(float)
    gains = dict.fromkeys(tried, 0.0)
    for judge in judges:
        asked = (text for one in gains for text in (one.text, _plain(one.source), saying[one.name]) if text)
        if texts := list(dict.fromkeys(asked)):
            for text, fit in zip(texts, judge(texts), strict=True):
                fits[text] += fit
        unlike = {one: _UNLIKE * (1 - one.likeness) for one in gains}
        gains = {one: fits[one.text] - fits[_plain(one.source)] - unlike[one] for one in gains}
        gains = {one: gain for one, gain in gains.items() if gain >= -_FARTHEST}
    rivals = {name: fits[text] for name, text in saying.items() if text}
    return {one: gain for one, gain in gains.items() if fits[one.text] >= rivals.get(one.name, -np.inf)}


def _to_try(found: Iterable[Instead], sources: Sequence[str]) -> list[Instead]:
    """The likeliest, some of each name."""
    tried: list[Instead] = []
    for one in found:
        if one.source in sources and sum(one.name == other.name for other in tried) < _OF_A_NAME:
            tried.append(one)
    return tried[:_TRIED]


def _saying(name: str, readings: Iterable[str]) -> str:
    """The first of `readings` that has `name` in it, "" for none."""
    said = f" {' '.join(words(name))} "
    return next((_plain(text) for text in readings if said in f" {' '.join(words(text))} "), "")


def _since(text: str, texts: Sequence[str]) -> Sequence[str]:
    return texts[texts.index(text) :] if text else texts


def _inside(name: str) -> str:
    """The name as it is written within a sentence: "TV backlight"."""
    return " ".join(word.lower() if word.istitle() else word for word in name.split())


def _plain(text: str) -> str:
    without = _SIGNS.sub("", text)
    return without[:1].upper() + without[1:]


def _places(key: str) -> str:
    return _TWICE.sub(r"\1", key.translate(_PLACES))

"""When each written word ends in synthesised speech.

The voice says how long each phoneme is; which phonemes belong to which written word is found here, because
espeak merges words ("of the" is spoken as one) and one written word can be several spoken ones ("21.5").
Each written word is phonemised alone, which gives its number of sounds. The words are then laid along the
sentence's sounds by dynamic programming: a word costs the difference between the sounds it is given and
its own, and `_INSIDE` more when it ends where espeak leaves no space.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

_INSIDE = 0.9
_REACH = 3  # sounds by which a word may be longer or shorter than alone
_KEPT = 16  # best partial layouts
_SPACE = " "
_LENGTHENS = frozenset("ːˑ\u0329\u0303\u032f\u02b2")  # belong to the sound before them
_SILENT = _LENGTHENS | frozenset(" ,.;:!?^$_ˈˌ-'\"()")


def sounds(phonemes: Iterable[str]) -> int:
    """How many of the phonemes are heard as sounds of their own."""
    return sum(phoneme not in _SILENT for phoneme in phonemes)


def word_ends(counts: Sequence[int], phonemes: Sequence[str], ends: Sequence[int]) -> list[int]:
    """The end of each word, in the unit of `ends`.

    `counts` holds the sounds of each written word, `phonemes` what is spoken with spaces between words,
    `ends` where each phoneme ends. The result never decreases; the last word with sounds ends with the last
    sound.
    """
    sounding, borders = [0], set[int]()
    for phoneme, end in zip(phonemes, ends, strict=True):
        if phoneme == _SPACE:
            borders.add(len(sounding) - 1)
        elif phoneme not in _SILENT:
            sounding.append(end)
        elif phoneme in _LENGTHENS:
            sounding[-1] = end
    heard = len(sounding) - 1
    borders.add(heard)
    audible = [index for index, count in enumerate(counts) if count]
    if audible and heard:
        places = dict(zip(audible, _lay([counts[index] for index in audible], borders, heard), strict=True))
    else:
        places = {}
    result, place = [], 0
    for index in range(len(counts)):
        place = places.get(index, place)
        result.append(sounding[place])
    return result


def estimated_word_ends(words: Sequence[str], samples: int) -> list[int]:
    """Word ends in proportion to the letters, for speech whose phonemes are not known."""
    letters = [len(word) + 1 for word in words]
    total = sum(letters) or 1
    return [samples * sum(letters[: index + 1]) // total for index in range(len(words))]


def _lay(counts: Sequence[int], borders: set[int], heard: int) -> list[int]:
    """After how many sounds each word ends; the last one after all of them."""
    marks = sorted(borders)
    layouts: dict[int, tuple[float, tuple[int, ...]]] = {0: (0.0, ())}
    for count in counts:
        longer: dict[int, tuple[float, tuple[int, ...]]] = {}
        for at, (cost, ends) in layouts.items():
            low, due, high = at + max(0, count - _REACH), at + count, at + count + _REACH
            spaces = marks[bisect_right(marks, low) : bisect_right(marks, high)]
            for end in {min(heard, due), *spaces}:
                total = cost + abs(end - due) + (0 if end in borders else _INSIDE)
                if end not in longer or total < longer[end][0]:
                    longer[end] = (total, (*ends, end))
        layouts = dict(sorted(longer.items(), key=lambda item: item[1][0])[:_KEPT])
    best = min(layouts.items(), key=lambda item: item[1][0] + heard - item[0])[1][1]
    return [*best[:-1], heard]

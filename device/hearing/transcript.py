"""What is done with recognised text before anyone acts on it. Pure: strings in, strings out.

- `after_wake_word`: the wake word was heard, so it is expected in the text, though perhaps misheard ("a Lexus
  turn on", "hey Travis"). Of all runs of words the one that sounds most like it is taken: spellings of like
  sounds are made one, then compared by rapidfuzz's ratio, and the earlier one wins. It and everything
  before it go.
- `request_of`: recognised together with a wake word, a request can become a sentence about somebody of that
  name ("Alexa opened the door"), or be swallowed by it ("Alexis top"); recognised from the end of the wake
  word on, it can lose its first sound. Of the two readings the surer one counts, that of the whole when they
  are equal, but its first word loses an ending that the other reading does not hear.
- `cut_loop`: decoders that feed on their own output can repeat themselves ("30% and 30% and …").
- `agreement`: how much two recognitions of the same sound have in common.
- `distinct`: a recogniser's readings of a sound differ in signs alone as often as in words.
- `invented`: more words than anyone speaks in the time that a voice was heard.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from rapidfuzz import fuzz

_LIKE = 0.75  # likeness at which words pass for the wake word
_CERTAIN = 0.95
_LATER = 0.05  # likeness that each word before them takes away
_WORD = re.compile(r"[\w'%°]+")
_SOUNDS = (
    (re.compile(r"ph"), "f"),
    (re.compile(r"gh|h"), ""),
    (re.compile(r"x"), "ks"),
    (re.compile(r"[ckq]+"), "k"),
    (re.compile(r"[sz]+"), "s"),
    (re.compile(r"tr|dr|g"), "j"),
    (re.compile(r"[bv]"), "v"),
    (re.compile(r"[aeiouy]+"), "a"),
    (re.compile(r"(.)\1+"), r"\1"),
)
_SINGLE_ROUNDS, _ROUNDS, _LONGEST_ROUND = 4, 3, 8
_JOINING = ("and", "or", "then")
_WORDS_PER_S, _FREE_WORDS = 6.0, 2


class Remainder(NamedTuple):
    """The text after the wake word; `likeness` is that of what was taken for it, 0 when nothing was."""

    text: str
    likeness: float

    @property
    def certain(self) -> bool:
        """Whether the wake word was recognised as such, so that what follows it begins at a word."""
        return self.likeness >= _CERTAIN


def words(text: str) -> list[str]:
    """The words of `text`, lower case, without punctuation."""
    return _WORD.findall(text.lower())


def after_wake_word(text: str, wake_word: str) -> Remainder:
    """What `text` says after `wake_word`; all of it when nothing in it resembles the wake word."""
    found = list(_WORD.finditer(text))
    target = sounds(wake_word)
    longest = len(words(wake_word)) + 2
    best, best_score, best_end = 0.0, _LIKE, -1
    for first in range(len(found)):
        for last in range(first, min(first + longest, len(found))):
            said = sounds("".join(match.group() for match in found[first : last + 1]))
            likeness = fuzz.ratio(said, target) / 100
            if likeness - _LATER * first > best_score:
                best, best_score, best_end = likeness, likeness - _LATER * first, found[last].end()
    if best_end < 0:
        return Remainder(text.strip(), 0.0)
    return Remainder(text[best_end:].lstrip(" ,.;:!?-"), best)


def request_of(whole: Remainder, of_whole: float, rest: str, of_rest: float) -> tuple[str, float]:
    """The request and its confidence, from what follows the wake word in the `whole` and from the `rest`."""
    if not (whole.certain and whole.text):
        return (rest, of_rest) if rest else (whole.text if whole.likeness else "", of_whole)
    inflected, plain = _WORD.search(whole.text), _WORD.search(rest)
    if inflected is None or plain is None:
        return whole.text, of_whole
    if of_rest > of_whole:
        return rest, of_rest
    if not inflected.group().lower().startswith(plain.group().lower()):
        return whole.text, of_whole
    return plain.group() + whole.text[inflected.end() :], of_whole


def distinct(readings: Sequence[str], published: str) -> list[str]:
    """The first of those that have the same words; `published` where it has them: work is based on it."""
    found: dict[tuple[str, ...], str] = {tuple(words(published)): published}
    order = dict.fromkeys(tuple(words(text)) for text in readings if words(text))
    for text in readings:
        found.setdefault(tuple(words(text)), text)
    return [found[said] for said in order]


def sounds(text: str) -> str:
    """`text` without spaces, spellings of like sounds made one."""
    key = "".join(words(text)).replace("'", "")
    for pattern, sound in _SOUNDS:
        key = pattern.sub(sound, key)
    return key


def cut_loop(text: str) -> tuple[str, bool]:
    """`text` up to the first round of a loop, and whether there was one."""
    found = list(_WORD.finditer(text))
    said = [match.group().lower() for match in found]
    for start in range(len(said)):
        for length in range(1, min(_LONGEST_ROUND, (len(said) - start) // 2) + 1):
            rounds = 1
            one = said[start : start + length]
            while said[start + rounds * length : start + (rounds + 1) * length] == one:
                rounds += 1
            if rounds >= (_SINGLE_ROUNDS if length == 1 else _ROUNDS):
                kept = start + length - (length > 1 and one[-1] in _JOINING)
                return text[: found[kept - 1].end()], True
    return text, False


def agreement(earlier: str, final: str, *, growing: bool = True) -> float:
    """Share of `earlier` that `final` kept, 0 to 1; of a growing text the last word may change freely."""
    before, after = words(earlier), words(final)
    if growing:
        before = before[:-1]
        after = after[: len(before)]
    return fuzz.ratio(" ".join(before), " ".join(after)) / 100 if before else 1.0


def invented(text: str, voiced_ms: float) -> bool:
    """Whether `text` has more words than can be spoken while a voice was heard for `voiced_ms`."""
    return len(words(text)) > _FREE_WORDS + _WORDS_PER_S * voiced_ms / 1000

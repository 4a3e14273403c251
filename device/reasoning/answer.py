"""What of a free answer may be spoken: plain words, a few sentences, no claim to have acted.

The model may talk but its talk does nothing, so a clause that says that something was, is being or will be
done ("I turned on the light", "the heating is now off") would be a lie. Text is let through clause by
clause: such a clause ends the answer, and is replaced by the honest sentence when nothing was said before.
The first clause may also end before one of the language's joints ("because", "from") or a quotation, and is
never long, so that the voice can begin while the rest is still being made; it is then looked at together with
the rest. Its end is not waited for: a comma after a letter ends it, and the beginning of a joint is taken for
the joint.
Markup, symbols and emoji, which a voice cannot say, are dropped. Pure; pieces of text in, clauses out.
"""

from __future__ import annotations

import re
import unicodedata

from device.reasoning.prompt import load

MOST_SENTENCES = 2
_CLAUSE_END = re.compile(r"(?<=[,;:.!?])\s+")
_COMMA_LAST = re.compile(r"(?<=[^\W\d],)$")  # after a digit it may be part of a number
_FIRST_WORDS = 3  # that a clause which ends before a joint has at least
_QUOTING_WORDS = 2  # and one that ends before a quotation
_QUOTES = ('"', "“")
_LONGEST_WORDS = 8  # after so many the first clause ends before any word
_SENTENCE_END = re.compile(r"[.!?][\"')]*$")
_UNSPEAKABLE = frozenset("*_`#~|<>[]{}\\^")


def claims(text: str, language: str = "en") -> bool:
    """Whether `text` says that something was, is being or will be done."""
    return any(re.search(pattern, text.lower()) for pattern in load(language).claims)


class Answer:
    """One answer on its way from the model to the voice."""

    def __init__(self, language: str = "en", most_sentences: int = MOST_SENTENCES) -> None:
        self._language, self._most_sentences = language, most_sentences
        self._text = ""
        self._sentence = ""  # as far as it was said
        self._sentences = 0
        self._said = False
        self.over = False

    def push(self, piece: str) -> str:
        """The clauses that `piece` completes, "" when none; sets `over` when nothing more may follow."""
        self._text += "".join(letter for letter in piece if _speakable(letter))
        *whole, self._text = _CLAUSE_END.split(self._text)
        if not (self._said or whole) and _COMMA_LAST.search(self._text):
            whole, self._text = [self._text], ""
        clauses = [*whole] if self._said else [*self._at_joint(whole)]
        return "".join(self._pass(clause) for clause in clauses)

    def _at_joint(self, whole: list[str]) -> list[str]:
        """The clauses, the first one cut before its first joint."""
        first = whole[0] if whole else self._text
        for number, word in enumerate(re.finditer(r"\S+", first)):
            if self._may_begin(number, word[0]):
                head, rest = first[: word.start()], first[word.start() :]
                if whole:
                    return [head, rest, *whole[1:]]
                self._text = rest
                return [head]
        return whole

    def _may_begin(self, number: int, word: str) -> bool:
        """Whether the first clause may end before this word."""
        if number < _FIRST_WORDS:
            return number >= _QUOTING_WORDS and word.startswith(_QUOTES)
        is_joint = word.lower() in load(self._language).joints
        return number >= _LONGEST_WORDS or is_joint or word.startswith(_QUOTES)

    def finish(self, *, cut: bool) -> str:
        """The rest; an answer that was `cut` off keeps it only when nothing has been said yet."""
        rest, self._text = self._text.strip(), ""
        if not rest or (cut and self._said and not _SENTENCE_END.search(rest)):
            self.over = True
            return ""
        text = self._pass(rest)
        self.over = True
        return text

    def _pass(self, clause: str) -> str:
        if self.over or not clause.strip():
            return ""
        self._sentence = f"{self._sentence} {clause.strip()}"
        if claims(self._sentence, self._language):
            self.over = True
            return "" if self._said else load(self._language).retraction
        if _SENTENCE_END.search(clause):
            self._sentence = ""
            self._sentences += 1
            self.over = self._sentences == self._most_sentences
        text = f" {clause.strip()}" if self._said else clause.strip()
        self._said = True
        return text


def _speakable(letter: str) -> bool:
    return letter not in _UNSPEAKABLE and not unicodedata.category(letter).startswith(("So", "Sk", "C"))

"""What of an interrupted answer is still to be said. Pure: clauses and heard words in, clauses out.

Clauses and what was heard of them are compared letter by letter without white space: where a clause ends in
the heard text does not depend on how its words were put together again.
"""

from __future__ import annotations

from collections.abc import Sequence

_LAST_WORDS = 2  # of a question, that a quick answer may cut off


def unheard(said: Sequence[str], heard: str) -> tuple[str, ...]:
    """The clauses from the first one on that was not wholly heard."""
    letters = _letters(heard)
    for number, clause in enumerate(said):
        wanted = _letters(clause)
        if not letters.startswith(wanted):
            return tuple(said[number:])
        letters = letters[len(wanted) :]
    return ()


def nearly_heard(said: Sequence[str], heard: str) -> bool:
    """Whether all was heard but for the last word or two, so that an answer to it is meant as one."""
    words = " ".join(said).split()
    return _letters(heard).startswith(_letters(" ".join(words[:-_LAST_WORDS])))


def _letters(text: str) -> str:
    return "".join(text.split())

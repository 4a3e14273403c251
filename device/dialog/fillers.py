"""Fillers: words by which one keeps the floor until the answer is found ("Well,"), as people do. English.

They say that it will take a moment (H. Clark, J. Fox Tree, "Using uh and um in spontaneous speaking", 2002),
and are no part of the answer. Pure; without the parser, so that the speak daemon need not load it.
"""

from __future__ import annotations

_TO_QUESTIONS = ("Well,", "So,")
_TO_OTHERS = ("Well,",)
FILLERS = tuple(dict.fromkeys((*_TO_QUESTIONS, *_TO_OTHERS)))


def filler(number: int, *, is_asked: bool) -> str:
    """One that suits a question, or anything else; others for successive numbers."""
    fitting = _TO_QUESTIONS if is_asked else _TO_OTHERS
    return fitting[number % len(fitting)]


def without_filler(answer: str) -> str:
    """An answer less the filler that it begins with itself."""
    begun = answer.lstrip()
    for text in FILLERS:
        if begun.lower().startswith(text.lower()):
            return begun[len(text) :].lstrip()
    return answer

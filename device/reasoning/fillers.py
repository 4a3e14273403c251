"""Fillers: words by which one keeps the floor until the answer is found ("Well,"), as people do.

They say that it will take a moment (H. Clark, J. Fox Tree, "Using uh and um in spontaneous speaking", 2002),
and are no part of the answer. Pure.
"""

from __future__ import annotations

from device.reasoning.prompt import load
from device.reasoning.talk import Manner


def filler(manner: Manner, number: int, language: str = "en") -> str:
    """One that suits such a request; others for successive numbers."""
    fitting = load(language).fillers["asks" if manner == "asks" else "says"]
    return fitting[number % len(fitting)]


def fillers(language: str = "en") -> tuple[str, ...]:
    """All of them."""
    return tuple(dict.fromkeys(text for fitting in load(language).fillers.values() for text in fitting))


def without_filler(answer: str, language: str = "en") -> str:
    """An answer less the filler that it begins with itself."""
    begun = answer.lstrip()
    for text in fillers(language):
        if begun.lower().startswith(text.lower()):
            return begun[len(text) :].lstrip()
    return answer

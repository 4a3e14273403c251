"""Whose wake word it was: Wren's own, or a person's over its voice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.events import ReplyAudio
from device.hearing.own_voice import WINDOW_MS, OwnVoice, Place, reads_like

RATE_HZ = 22_050
WORD_FRAMES = 40  # each word lasts 400 ms
WORD = WORD_FRAMES * RATE_HZ // 100


def said(text: str, clause: int = 0, turn: int = 3) -> ReplyAudio:
    words = tuple(text.split())
    ends = tuple(WORD * (number + 1) for number in range(len(words)))
    return ReplyAudio(turn=turn, clause=clause, text=text, rate_hz=RATE_HZ, words=words, word_ends=ends)


def place(position: int) -> Place | None:
    return Place(3, position // 1_000_000, position % 1_000_000)


def voice(*texts: str, until: int = 10_000) -> OwnVoice:
    """Clauses that leave one after another from frame 0, as far as they have left at frame `until`."""
    own, frame = OwnVoice(), 0
    for clause, text in enumerate(texts):
        own.announce(said(text, clause))
        for number in range(len(text.split()) * WORD_FRAMES):
            if frame <= until:
                own.leaves(frame, clause * 1_000_000 + number * RATE_HZ // 100)
            frame += 1
    return own


@pytest.mark.parametrize(
    ("text", "word", "number"),
    [
        ("Say Alexa, turn on the light.", "alexa", 2),
        ("Just say hey Jarvis.", "hey jarvis", 4),
        ("I am Hey Mycroft!", "hey mycroft", 4),
        ("It is in a lexicon.", "alexa", 5),
    ],
)
def test_a_wake_word_that_wren_says_is_its_own(text: str, word: str, number: int) -> None:
    for frame in (number * WORD_FRAMES - 1, number * WORD_FRAMES + 20, number * WORD_FRAMES + 60):
        assert voice(text, until=frame).says(word, frame, place)


@given(frame=st.integers(0, 400))
def test_a_person_is_heard_while_wren_says_anything_else(frame: int) -> None:
    own = voice("Somebody else is also in the whole house", "and likes an example of silence", until=frame)
    for word in ("alexa", "hey jarvis", "hey mycroft"):
        assert not own.says(word, frame, place)


def test_a_person_is_heard_a_while_after_wren_said_the_word() -> None:
    for later, own in ((30, True), (WINDOW_MS // 10 + 2, False)):
        frame = WORD_FRAMES + later
        heard = voice("Alexa", "turn on the light in the kitchen", until=frame)
        assert heard.says("alexa", frame, place) is own


def test_words_that_have_not_left_yet_do_not_count() -> None:
    own = OwnVoice()
    own.announce(said("the light is on alexa"))
    for frame in range(WORD_FRAMES):
        own.leaves(frame, frame * RATE_HZ // 100)
    assert own.words(WORD_FRAMES, place) == ["the"]


def test_a_word_that_was_never_announced_is_nobodys() -> None:
    own = OwnVoice()
    own.leaves(0, 0)
    assert not own.says("alexa", 1, place)
    assert not own.says("alexa", 1, lambda _position: None)


def test_what_wren_is_saying_is_told_from_what_a_few_letters_of_it_resemble() -> None:
    said = [
        "I",
        "am",
        "sorry,",
        "the",
        "heating",
        "does",
        "not",
        "answer",
        "and",
        "this",
        "room",
        "is",
        "cold.",
    ]
    assert reads_like(said, "heating does not answer")
    assert reads_like(said, "The heeding doesn't answer.")
    assert reads_like(said, "Sorry.")
    assert not reads_like(said, "This holds the number.")
    assert not reads_like(said, "Give me a single shot.")
    assert not reads_like(said, "Act.")
    assert not reads_like(said, "Get me.")
    assert not reads_like(said, "")

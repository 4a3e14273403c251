"""What the language model may know of the talk so far."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.audio.heard import words_heard
from device.dialog.history import History, Utterance
from device.events import ReplyAudio

clauses = st.lists(
    st.lists(st.sampled_from(["the", "moon", "is", "far", "away."]), min_size=1, max_size=6),
    min_size=1,
    max_size=4,
)


@given(clauses, st.data())
def test_unheard_words_never_enter_the_memory(said: list[list[str]], data: st.DataObject) -> None:
    """Wherever a reply is cut, the memory holds what left the loudspeaker, to the word, and no more."""
    audio = {
        number: ReplyAudio(
            clause=number,
            text=" ".join(words),
            rate_hz=100,
            words=tuple(words),
            word_ends=tuple(range(10, 10 * len(words) + 1, 10)),
        )
        for number, words in enumerate(said)
    }
    cut = data.draw(st.integers(0, len(said) - 1))
    samples = data.draw(st.integers(0, 10 * len(said[cut])))
    wanted = [word for words in said[:cut] for word in words] + said[cut][: samples // 10]
    history = History()
    history.asked("how far is the moon", 0.0)
    history.heard(" ".join(words_heard(audio, cut, samples)), 1.0)
    replies = [text for role, text in history.so_far(2.0) if role == "assistant"]
    assert replies == ([" ".join(wanted)] if wanted else [])


def test_an_answer_that_was_taken_up_again_is_one_answer() -> None:
    history = History()
    history.asked("how far is the moon", 0.0)
    history.heard("Very far.", 1.0)
    history.heard("It has no air.", 4.0)
    assert history.so_far(5.0) == [
        Utterance("user", "how far is the moon"),
        Utterance("assistant", "Very far. It has no air."),
    ]


@pytest.mark.parametrize(
    ("heard", "kept"),
    [
        (("Well, very far.",), "Very far."),
        (("Well,", "One moment.", "very far."), "very far."),
        (("Well, One moment. very far.",), "very far."),
        (("Well, Very",), "Very"),
        (("Well,",), None),
        (("Well",), None),
        (("One moment.",), None),
    ],
)
def test_what_only_bridged_the_time_is_not_remembered(heard: tuple[str, ...], kept: str | None) -> None:
    history = History(("Well,", "One moment."))
    history.asked("how far is the moon", 0.0)
    for text in heard:
        history.heard(text, 1.0)
    said = [text for role, text in history.so_far(2.0) if role == "assistant"]
    assert [text.lower() for text in said] == ([kept.lower()] if kept else [])


def test_a_request_that_is_not_over_yet_sees_what_it_will_see_when_it_is() -> None:
    history = History(forget_after_s=180)
    history.asked("who are you", 0.0)
    history.heard("I am Wren.", 1.0)
    ahead = history.so_far(5.0)
    history.asked("where are you", 5.2)
    assert history.before_last_request() == ahead
    assert history.so_far(300.0) == []


def test_the_beginning_of_what_is_remembered_seldom_changes() -> None:
    history, beginnings = History(exchanges=4), []
    for number in range(12):
        history.asked(f"request {number}", 2.0 * number)
        history.heard(f"answer {number}", 2.0 * number + 1)
        utterances = history.so_far(2.0 * number + 1)
        assert 2 <= len(utterances) <= 8
        assert utterances[-1].text == f"answer {number}"
        beginnings.append(utterances[0].text)
    assert len(set(beginnings)) <= 12 // 2

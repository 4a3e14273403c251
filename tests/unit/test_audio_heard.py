"""What was heard: when clauses and replies began and ended, and which words of them left the loudspeaker."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.audio.heard import UNDERRUN_MS, Listener, words_heard, words_of
from device.audio.playback import Block
from device.events import Event, PlaybackDucked, PlaybackStarted, PlaybackStopped, ReplyAudio

BLOCK = 220  # ring samples in 10 ms, near enough
WORDS = ("the", "kitchen", "light", "is", "on")


def audio(clause: int = 0, turn: int = 1, blocks: int = 10, last: bool = True) -> ReplyAudio:
    ends = tuple((number + 1) * blocks * BLOCK // len(WORDS) for number in range(len(WORDS)))
    text = " ".join(WORDS)
    return ReplyAudio(
        turn=turn, clause=clause, text=text, rate_hz=22_050, words=WORDS, word_ends=ends, last=last
    )


def block(
    number: int, of: int = 10, clause: int = 0, turn: int = 1, cue: str = "", cut: bool = False
) -> Block:
    offset = number * BLOCK
    return Block(
        np.zeros(480, np.int16), turn, -1 if cue else clause, cue, offset, offset, offset + BLOCK, 22_050,
        first=number == 0, last=number == of - 1 and not cut, cut=cut,
    )  # fmt: skip


def hear(listener: Listener, blocks: list[Block | None], frame: int = 0) -> list[Event]:
    """One block a frame; what the daemon would send."""
    events: list[Event] = []
    for number, each in enumerate(blocks, frame):
        events += listener.tick(number)
        if each is not None:
            events += listener.leaves(each, number)
    return events


def whole(clause: int = 0, turn: int = 1) -> list[Block | None]:
    return [block(number, clause=clause, turn=turn) for number in range(10)]


def test_a_reply_starts_with_its_first_sample_and_is_finished_when_its_last_has_left() -> None:
    listener = Listener()
    listener.announce(audio())
    assert hear(listener, [None, *whole(), None, None]) == [
        PlaybackStarted(clause=0, turn=1, frame=1),
        PlaybackStopped(reason="finished", heard_text=" ".join(WORDS), turn=1, frame=11),
    ]


def test_each_clause_starts_and_the_reply_ends_once() -> None:
    listener = Listener()
    listener.announce(audio(0, last=False))
    listener.announce(audio(1))
    events = hear(listener, [*whole(0), *[None] * 30, *whole(1), None])
    assert [event.clause for event in events if isinstance(event, PlaybackStarted)] == [0, 1]
    assert events[-1] == PlaybackStopped(
        reason="finished", heard_text=" ".join([*WORDS, *WORDS]), turn=1, frame=50
    )
    assert len(events) == 3


def test_a_newer_turn_cancels_the_reply_when_its_fade_has_left() -> None:
    listener = Listener()
    listener.announce(audio())
    hear(listener, whole()[:4])
    assert listener.start_turn(2, 4, fading=True) == []
    events = hear(listener, [block(4, cut=True), None], frame=4)
    assert events == [PlaybackStopped(reason="cancelled", heard_text="the kitchen", turn=1, frame=5)]


def test_between_two_clauses_a_newer_turn_cancels_at_once() -> None:
    listener = Listener()
    listener.announce(audio(last=False))
    hear(listener, whole())
    events = listener.start_turn(2, 20, fading=False)
    assert events == [PlaybackStopped(reason="cancelled", heard_text=" ".join(WORDS), turn=1, frame=20)]
    assert hear(listener, [block(5), None, None], frame=21) == []


def test_a_reply_that_nobody_continues_ends_as_an_underrun() -> None:
    listener = Listener()
    listener.announce(audio(last=False))
    events = hear(listener, [*whole(), *[None] * (UNDERRUN_MS // 10 + 2)])
    assert events[1:] == [
        PlaybackStopped(reason="underrun", heard_text=" ".join(WORDS), turn=1, frame=10 + UNDERRUN_MS // 10)
    ]


def test_a_reply_that_goes_on_after_an_underrun_does_not_tell_its_words_twice() -> None:
    listener = Listener()
    listener.announce(audio(0, last=False))
    hear(listener, [*whole(), *[None] * (UNDERRUN_MS // 10 + 2)])
    listener.announce(audio(1))
    assert hear(listener, [*whole(1), None], frame=1000)[-1] == PlaybackStopped(
        reason="finished", heard_text=" ".join(WORDS), turn=1, frame=1010
    )


def test_an_announcement_that_comes_late_still_finishes_the_reply() -> None:
    listener = Listener()
    assert len(hear(listener, [*whole(), None, None])) == 1
    listener.announce(audio())
    assert listener.tick(13) == [
        PlaybackStopped(reason="finished", heard_text=" ".join(WORDS), turn=1, frame=13)
    ]


def test_a_lost_loudspeaker_ends_the_reply_once() -> None:
    listener = Listener()
    listener.announce(audio())
    hear(listener, whole()[:6])
    assert listener.lose_device(1, 6) == [
        PlaybackStopped(reason="device", heard_text="the kitchen light", turn=1, frame=6)
    ]
    assert listener.lose_device(None, 7) == []
    assert listener.lose_device(2, 8) == [PlaybackStopped(reason="device", turn=2, frame=8)]


def test_a_cue_is_told_of_and_leaves_the_reply_alone() -> None:
    listener = Listener()
    cue: list[Block | None] = [block(number, of=3, cue="done") for number in range(3)]
    assert hear(listener, [*cue, None]) == [
        PlaybackStarted(clause=-1, cue="done", turn=1, frame=0),
        PlaybackStopped(reason="finished", cue="done", turn=1, frame=3),
    ]


def test_a_successor_of_a_killed_daemon_counts_what_was_heard_before_it() -> None:
    listener = Listener()
    listener.announce(audio(0, last=False))
    listener.announce(audio(1))
    events = hear(listener, [*whole(1)[6:], None])
    assert events == [
        PlaybackStopped(reason="finished", heard_text=" ".join([*WORDS, *WORDS]), turn=1, frame=4)
    ]


spoken = st.lists(
    st.lists(st.tuples(st.text("abc", min_size=1, max_size=4), st.integers(1, 9000)), max_size=8),
    min_size=1,
    max_size=4,
)


@given(clauses=spoken, data=st.data())
def test_heard_text_is_a_prefix_of_the_words_that_were_spoken(
    clauses: list[list[tuple[str, int]]], data: st.DataObject
) -> None:
    announced, words = {}, []
    for number, clause in enumerate(clauses):
        ends = tuple(int(end) for end in np.cumsum([length for _, length in clause]))
        announced[number] = ReplyAudio(
            clause=number, text="", rate_hz=22_050, words=tuple(word for word, _ in clause), word_ends=ends
        )
        words += [word for word, _ in clause]
    clause_heard = data.draw(st.integers(0, len(clauses) - 1))
    samples = data.draw(st.one_of(st.none(), st.integers(0, 80_000)))
    more = None if samples is None else samples + data.draw(st.integers(0, 1000))
    heard = words_heard(announced, clause_heard, samples)
    assert list(heard) == words[: len(heard)]
    assert len(heard) <= len(words_heard(announced, clause_heard, more))
    assert len(heard) >= sum(len(announced[number].words) for number in range(clause_heard))


@pytest.mark.parametrize(("samples", "heard"), [(0, 0), (99, 0), (100, 1), (199, 1), (200, 2), (10_000, 2)])
def test_a_word_is_heard_with_its_last_sample(samples: int, heard: int) -> None:
    assert words_of(("turning", "on"), (100, 200), samples) == ("turning", "on")[:heard]


def ducked(events: list[Event]) -> list[tuple[float, int]]:
    return [(event.gain_db, event.frame) for event in events if isinstance(event, PlaybackDucked)]


def test_ducking_is_told_with_the_frame_at_which_it_was_heard_and_ends_with_the_reply() -> None:
    listener = Listener()
    listener.announce(audio())
    blocks = [block(number) for number in range(10)]
    for quiet in blocks[4:]:
        quiet.gain_db = -20.0
    assert ducked(hear(listener, [*blocks, None, None])) == [(-20.0, 4), (0.0, 10)]


def test_a_pause_is_told_with_its_last_block_and_ends_with_the_next() -> None:
    listener = Listener()
    listener.announce(audio())
    blocks = [block(number) for number in range(10)]
    blocks[4].pauses = True
    events = hear(listener, [*blocks[:5], *[None] * 20, *blocks[5:], None, None])
    told = [(event.paused, event.frame) for event in events if isinstance(event, PlaybackDucked)]
    assert told == [(True, 4), (False, 25)]
    assert [event.reason for event in events if isinstance(event, PlaybackStopped)] == ["finished"]


def test_a_word_begins_where_the_one_before_it_ends() -> None:
    listener = Listener()
    ends = (2 * BLOCK, 5 * BLOCK)
    listener.announce(
        ReplyAudio(turn=1, text="", clause=0, rate_hz=22_050, words=("go", "on"), word_ends=ends)
    )
    begins = {at: listener.word_begin(block(at)) for at in (0, 1, 2, 8)}
    assert begins == {0: 0, 1: 0, 2: ends[0], 8: ends[1]}


def test_the_last_block_of_a_cut_reply_does_not_tell_of_its_gain() -> None:
    listener = Listener()
    listener.announce(audio())
    cut = block(2, cut=True)
    cut.gain_db = -20.0
    events = hear(listener, [block(0), block(1), cut, None])
    assert ducked(events) == []

"""Playback: from speaker-ring frames to blocks, dropped turns, and the clock that follows them."""

from __future__ import annotations

import collections

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from device.audio.gate import Gate
from device.audio.playback import Block, Playback
from device.audio.streamclock import PlaybackClock, StreamClock
from device.bus.paths import CUE, CUE_FRAME, GATED, LAST_FRAME, LOST, MUTED, SPEAKING
from device.bus.ring import Frame

VOICE_HZ, OUTPUT_HZ = 22_050, 48_000
VOICE_FRAME = VOICE_HZ // 50


class Ring:
    """What speak writes, as the playback reads it."""

    def __init__(self, rate_hz: int = VOICE_HZ) -> None:
        self.frames: collections.deque[Frame] = collections.deque()
        self.samples: list[NDArray[np.int16]] = []
        self._rate_hz = rate_hz

    def write(self, frames: int, turn: int = 1, tag: int = 0, last: bool = True, at: int = 0) -> int:
        """Writes a sine, so that what was dropped is heard as a jump; its first ring sample."""
        first, size = len(self.samples), self._rate_hz // 50
        for number in range(frames):
            index = len(self.samples)
            time = np.arange(index * size, (index + 1) * size) / self._rate_hz
            samples = (8000 * np.sin(2 * np.pi * 200 * time)).astype(np.int16)
            end = LAST_FRAME if last and number == frames - 1 else 0
            self.samples.append(samples)
            self.frames.append(Frame(index, samples, 0, (at + number) * size, turn, tag | end, 0, False))
        return first * size

    def read(self) -> Frame | None:
        return self.frames.popleft() if self.frames else None


def take_all(playback: Playback, limit: int = 2000) -> list[Block]:
    blocks = []
    for _ in range(limit):
        playback.fill(1)
        if (block := playback.take()) is None:
            break
        blocks.append(block)
    return blocks


def sound(blocks: list[Block]) -> NDArray[np.float64]:
    return np.concatenate([block.samples for block in blocks]).astype(np.float64)


@pytest.mark.parametrize("output_hz", [48_000, 44_100, 16_000])
def test_a_clause_leaves_whole_and_unchanged_but_for_the_rate(output_hz: int) -> None:
    ring = Ring()
    ring.write(50)
    blocks = take_all(Playback(ring.read, output_hz))
    assert sum(block.samples.size for block in blocks) == pytest.approx(output_hz, abs=output_hz // 50)
    time = np.arange(output_hz) / output_hz
    played = sound(blocks)[:output_hz]
    expected = 8000 * np.sin(2 * np.pi * 200 * time)[: played.size]
    inner = slice(output_hz // 20, -output_hz // 10)
    assert np.max(np.abs(played[inner] - expected[inner])) < 40


def test_a_voice_at_the_rate_of_the_loudspeaker_is_not_resampled() -> None:
    ring = Ring(16_000)
    ring.write(3)
    np.testing.assert_array_equal(sound(take_all(Playback(ring.read, 16_000))), np.concatenate(ring.samples))


@given(
    clauses=st.lists(st.integers(3, 30), min_size=1, max_size=5),
    reads=st.lists(st.integers(1, 5), min_size=1, max_size=40),
)
def test_positions_rise_and_name_what_is_played(clauses: list[int], reads: list[int]) -> None:
    ring = Ring()
    starts = [ring.write(frames, tag=number) for number, frames in enumerate(clauses)]
    playback = Playback(ring.read, OUTPUT_HZ)
    blocks: list[Block] = []
    for count in [*reads, *[5] * 200]:
        playback.fill(count)
        while (block := playback.take()) is not None:
            blocks.append(block)
    positions = [block.position for block in blocks]
    assert positions == sorted(positions)
    assert [block.position for block in blocks if block.first] == starts
    assert [block.clause for block in blocks if block.last] == list(range(len(clauses)))
    for block in blocks:
        assert block.offset == block.position - starts[block.clause]
        assert block.end <= clauses[block.clause] * VOICE_FRAME
        phase = 2 * np.pi * 200 * (block.position + np.arange(480) * VOICE_HZ / OUTPUT_HZ) / VOICE_HZ
        ends = 2000 < block.offset < clauses[block.clause] * VOICE_FRAME - 2000
        if ends:  # away from the edges, where a resampler rings
            assert np.max(np.abs(block.samples - 8000 * np.sin(phase))) < 300  # position is whole samples
    assert [block.end for block in blocks if block.last] == [frames * VOICE_FRAME for frames in clauses]


def test_a_newer_turn_fades_the_older_out_within_5_ms_and_drops_the_rest() -> None:
    ring = Ring()
    ring.write(100, turn=1)
    playback = Playback(ring.read, OUTPUT_HZ)
    playback.fill(4)
    before = [playback.take() for _ in range(2)]
    assert playback.start_turn(2)
    playback.fill(4)
    cut = playback.take()
    assert cut is not None
    assert cut.cut
    assert not cut.last
    assert before[-1] is not None
    assert abs(int(cut.samples[0]) - int(before[-1].samples[-1])) < 400  # no click
    assert np.max(np.abs(cut.samples[240:])) == 0
    assert playback.take() is None


def test_what_was_resampled_but_not_yet_asked_for_is_faded_too() -> None:
    ring = Ring()
    ring.write(100, turn=1)
    playback = Playback(ring.read, OUTPUT_HZ)
    playback.fill(1)
    before = playback.take()
    assert before is not None
    assert playback.start_turn(2)
    cut = playback.take()
    assert cut is not None
    assert abs(int(cut.samples[0]) - int(before.samples[-1])) < 400
    assert playback.take() is None


def test_a_frame_of_a_newer_turn_is_as_good_as_its_event() -> None:
    ring = Ring()
    ring.write(100, turn=1)
    playback = Playback(ring.read, OUTPUT_HZ)
    playback.fill(2)
    playback.take()
    ring.frames.clear()
    ring.write(10, turn=2, tag=CUE_FRAME)
    blocks = take_all(playback)
    assert playback.turn == 2
    assert [block.turn for block in blocks if block.cut] == [1]
    assert sum(block.turn == 1 for block in blocks) <= 4  # what was resampled before it was seen
    assert [block.cue for block in blocks if block.last] == ["listening"]


def test_frames_of_older_turns_never_leave() -> None:
    ring = Ring()
    playback = Playback(ring.read, OUTPUT_HZ)
    assert not playback.start_turn(5)
    ring.write(20, turn=4)
    newer = ring.write(20, turn=5)
    assert take_all(playback)[0].position == newer


def test_playback_begins_when_a_little_is_there_and_a_gap_inside_a_clause_is_bridged() -> None:
    ring = Ring()
    playback = Playback(ring.read, OUTPUT_HZ)
    ring.write(1, last=False)
    playback.fill(1)
    assert playback.take() is None
    ring.write(9, last=False, at=1)
    first = take_all(playback)
    ring.write(10, at=10)
    second = take_all(playback)
    assert first[0].first
    assert not any(block.first for block in second)
    positions = [block.position for block in [*first, *second]]
    assert np.all(np.diff(positions) <= 221)


def test_a_successor_goes_on_inside_a_frame() -> None:
    ring = Ring()
    ring.write(20)
    for _ in range(7):
        ring.read()
    blocks = take_all(Playback(ring.read, OUTPUT_HZ, skip=100))
    assert blocks[0].position == 7 * VOICE_FRAME + 100
    assert blocks[0].offset == 7 * VOICE_FRAME + 100
    assert not blocks[0].first


def test_volume_changes_without_a_jump() -> None:
    ring = Ring()
    ring.write(50)
    playback = Playback(ring.read, OUTPUT_HZ)
    playback.fill(3)
    loud = [playback.take() for _ in range(3)]
    playback.volume = 0.25
    soft = take_all(playback)
    steps = np.abs(np.diff(sound([block for block in loud if block is not None] + soft)))
    assert np.max(steps) < 8000 * 2 * np.pi * 200 / OUTPUT_HZ * 1.6
    assert np.max(np.abs(soft[5].samples)) == pytest.approx(2000, abs=30)


def test_without_a_loudspeaker_a_reply_is_dropped_to_its_end_and_the_next_is_played() -> None:
    ring = Ring()
    playback = Playback(ring.read, OUTPUT_HZ)
    ring.write(20, turn=1, last=False)
    playback.fill(2)
    assert playback.discard() == 1
    assert playback.discard() is None
    ring.write(20, turn=1, at=20)
    ring.write(20, turn=2)
    assert {block.turn for block in take_all(playback)} == {2}


# --- the clock of a sound card


def test_the_stream_clock_smooths_jitter_and_follows_drift() -> None:
    clock, rng = StreamClock(16_000), np.random.default_rng(1)
    drift = 1.0002
    for number in range(2000):
        clock.observe(number * 320, 5 + number * 0.02 * drift + rng.normal(0, 0.004))
    assert clock.time_of(2000 * 320) == pytest.approx(5 + 40 * drift, abs=0.004)


def test_a_pause_of_the_card_sets_the_clock_anew() -> None:
    clock = StreamClock(16_000)
    clock.observe(0, 1.0)
    clock.observe(320, 1.5)
    assert clock.time_of(320) == pytest.approx(1.5)


@given(
    latency_ms=st.integers(0, 150),
    phase_ms=st.integers(0, 19),
    jitter=st.lists(st.floats(-0.003, 0.003), min_size=40, max_size=40),
    silent=st.sets(st.integers(0, 79), max_size=40),
)
def test_each_microphone_frame_names_the_sample_that_left_when_it_began(
    latency_ms: int, phase_ms: int, jitter: list[float], silent: set[int]
) -> None:
    ring = Ring()
    ring.write(80)
    playback = Playback(ring.read, OUTPUT_HZ)
    clock = PlaybackClock(OUTPUT_HZ)
    leaves: list[tuple[float, Block]] = []
    for number in range(40):
        playback.fill(2)
        blocks = [None if 2 * number + half in silent else playback.take() for half in (0, 1)]
        exact = number * 0.02 + latency_ms / 1000
        leaves += [(exact + half * 0.01, block) for half, block in enumerate(blocks) if block is not None]
        clock.played(number * 960, exact + jitter[number], blocks)
    seen: list[int] = []
    positions = []
    for frame in range(100):
        began = frame * 0.01 + phase_ms / 1000
        playing = clock.during(began)
        seen += [block.position for block in playing.leaving]
        if playing.position >= 0:
            positions.append(playing.position)
            at = [(time, block) for time, block in leaves if time - 0.005 <= began < time + 0.015]
            assert any(
                abs(playing.position - block.position - (began - t) * VOICE_HZ) < 0.005 * VOICE_HZ
                for t, block in at
            )
    assert seen == [block.position for _, block in leaves]
    assert positions == sorted(positions)


def test_what_a_lost_card_still_held_is_not_forgotten() -> None:
    ring = Ring()
    ring.write(10)
    playback = Playback(ring.read, OUTPUT_HZ)
    playback.fill(4)
    clock = PlaybackClock(OUTPUT_HZ)
    clock.played(0, 1.0, [playback.take() for _ in range(4)])
    assert len(clock.during(1.005).leaving) == 2
    assert len(clock.forget()) == 2


# --- the gate


def block(cue: str = "") -> Block:
    return Block(np.zeros(480, np.int16), 1, -1 if cue else 0, cue, 0, 0, 220, VOICE_HZ, False, False)


def test_the_gate_is_closed_while_speech_leaves_and_for_the_tail() -> None:
    gate = Gate(30)
    playing = [None, block(), block(), None, None, None, None, None]
    assert [gate.tag(now) for now in playing] == [0, GATED, GATED, GATED, GATED, GATED, 0, 0]


def test_without_gating_speech_and_its_echo_are_marked() -> None:
    gate = Gate(20, gates=False)
    playing = [None, block(), block("done"), None, None]
    assert [gate.tag(now) for now in playing] == [0, SPEAKING, SPEAKING | CUE, SPEAKING, 0]
    assert Gate.SILENCED & SPEAKING == 0


def test_a_cue_is_marked_and_does_not_close_the_gate() -> None:
    gate = Gate(30)
    assert [gate.tag(now) for now in (block("listening"), None)] == [CUE, 0]


def test_mute_and_a_missing_microphone_silence_the_frame() -> None:
    gate = Gate(30, muted=True)
    assert gate.tag(None) == MUTED
    gate.muted = False
    assert gate.tag(None, missing=True) == GATED | LOST
    assert gate.tag(None, lost=True) == LOST
    assert gate.tag(None, lost=True) & Gate.SILENCED == 0


# --- ducking


def test_ducking_reaches_blocks_that_were_made_before_without_a_click() -> None:
    ring = Ring()
    ring.write(60)
    playback = Playback(ring.read, OUTPUT_HZ)
    playback.fill(4)
    loud = [playback.take() for _ in range(2)]
    playback.duck(-20)
    soft = take_all(playback)
    whole = sound([block for block in loud if block is not None] + soft)
    assert np.max(np.abs(np.diff(whole))) < 8000 * 2 * np.pi * 200 / OUTPUT_HZ * 1.6
    assert np.max(np.abs(soft[1].samples)) == pytest.approx(800, abs=20)  # the next block is the ramp
    assert {block.gain_db for block in soft} == {-20}


@given(
    changes=st.lists(st.tuples(st.integers(0, 8), st.sampled_from([0.0, -6.0, -20.0, -60.0])), max_size=12)
)
def test_however_it_is_ducked_there_is_no_click_and_never_a_gain_above_one(
    changes: list[tuple[int, float]],
) -> None:
    ring = Ring()
    ring.write(60)
    playback = Playback(ring.read, OUTPUT_HZ)
    blocks = []
    for count, gain_db in [*changes, (200, 0.0)]:
        playback.duck(gain_db)
        blocks += take_all(playback, count)
    whole = sound(blocks)
    assert np.max(np.abs(np.diff(whole))) < 8000 * 2 * np.pi * 200 / OUTPUT_HZ * 1.6
    assert np.max(np.abs(whole)) < 8100


def test_a_new_turn_is_loud_and_the_old_one_stays_quiet_to_its_end() -> None:
    ring = Ring()
    ring.write(60, turn=1)
    playback = Playback(ring.read, OUTPUT_HZ)
    playback.fill(2)
    playback.take()
    playback.duck(-20)
    quiet = [playback.take() for _ in range(1)]
    playback.fill(2)
    playback.start_turn(2)
    ring.frames.clear()
    ring.write(10, turn=2)
    blocks = take_all(playback)
    assert quiet[0] is not None
    assert blocks[0].cut
    assert np.max(np.abs(blocks[0].samples)) < 900
    assert np.max(np.abs(blocks[1].samples)) > 5000
    assert blocks[1].gain_db == 0


def test_a_reply_is_never_begun_ducked() -> None:
    ring = Ring()
    playback = Playback(ring.read, OUTPUT_HZ)
    playback.duck(-20)
    assert playback.take() is None
    ring.write(10)
    assert np.max(np.abs(take_all(playback)[1].samples)) > 7000


# --- pausing


def test_a_pause_waits_without_a_click_and_nothing_is_lost() -> None:
    ring = Ring()
    ring.write(60)
    whole = sound(take_all(Playback(ring.read, OUTPUT_HZ)))
    ring.write(60)
    ring.frames.clear()
    ring.frames.extend(Frame(n, ring.samples[n], 0, n * VOICE_FRAME, 1, 0, 0, False) for n in range(60))
    playback = Playback(ring.read, OUTPUT_HZ)
    blocks = take_all(playback, 20)
    playback.duck(-20, pause=True)
    blocks += take_all(playback, 1)
    assert blocks[-1].pauses
    assert not take_all(playback)
    assert playback.is_paused
    playback.duck(0)
    blocks += take_all(playback)
    played = sound(blocks)
    assert np.max(np.abs(np.diff(played))) < 8000 * 2 * np.pi * 200 / OUTPUT_HZ * 1.6
    step = OUTPUT_HZ // 100
    np.testing.assert_array_equal(played[: 20 * step], whole[: 20 * step])
    np.testing.assert_array_equal(played[22 * step : 110 * step], whole[22 * step : 110 * step])


def test_a_new_turn_ends_a_pause_and_nothing_of_the_old_one_is_heard() -> None:
    ring = Ring()
    ring.write(60, turn=1)
    playback = Playback(ring.read, OUTPUT_HZ)
    take_all(playback, 5)
    playback.duck(-20, pause=True)
    take_all(playback, 1)
    playback.fill(4)
    playback.start_turn(2)
    ring.frames.clear()
    ring.write(10, turn=2)
    blocks = take_all(playback)
    assert blocks[0].cut
    assert not blocks[0].samples.any()
    assert not playback.is_paused
    assert np.max(np.abs(blocks[2].samples)) > 7000


def test_after_a_pause_it_goes_on_where_it_is_told_to() -> None:
    ring = Ring()
    ring.write(60)
    frames = list(ring.frames)
    playback = Playback(ring.read, OUTPUT_HZ)
    take_all(playback, 20)
    playback.duck(-20)
    take_all(playback, 10)
    playback.duck(-20, pause=True)
    take_all(playback, 1)
    assert playback.ducked_since is not None
    frame, skip = divmod(playback.ducked_since.position, VOICE_FRAME)
    ring.frames = collections.deque(frames[frame:])
    playback.go_on(skip, 4)
    assert playback.take() is None
    playback.duck(0)
    again = take_all(playback)
    assert not again[0].samples[0]
    assert np.max(np.abs(np.diff(again[0].samples.astype(int)))) < 400
    assert again[0].position == playback_position(20)
    assert again[0].offset == again[0].position
    assert not again[0].first
    assert playback.ducked_since is None


def test_it_does_not_go_back_behind_the_beginning_of_a_clause() -> None:
    ring = Ring()
    ring.write(20, tag=0)
    second = ring.write(20, tag=1)
    playback = Playback(ring.read, OUTPUT_HZ)
    take_all(playback, 35)
    playback.duck(-20)
    take_all(playback, 20)
    assert playback.ducked_since is not None
    assert (playback.ducked_since.clause, playback.ducked_since.position) == (1, second)


def test_what_begins_after_it_was_ducked_in_a_gap_was_not_heard_well() -> None:
    ring = Ring()
    playback = Playback(ring.read, OUTPUT_HZ)
    ring.write(10, tag=0)
    take_all(playback)
    playback.duck(-20)
    assert playback.take() is None
    second = ring.write(20, tag=1)
    take_all(playback, 5)
    assert playback.ducked_since is not None
    assert playback.ducked_since.position == second


def playback_position(blocks: int) -> int:
    """The ring's sample with which the block behind so many begins."""
    return round(blocks * VOICE_HZ / 100)

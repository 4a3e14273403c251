"""The pure parts of the comparison with Pipecat: what its microphone hears, and figures from what it did."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from device.hearing import FRAME_SAMPLES
from device.home.registry import House
from tests.bench.peer import environment, metrics, run
from tests.bench.peer.clips import PAUSE_MS, pause_frame, with_pause
from tests.bench.peer.job import Clip, Commit, Job, Line, Log, Phase, Span
from tests.bench.peer.microphone import OVER_AFTER_FRAMES, Microphone, Sound, quiet_room

LOUD = 0.5
REQUEST, OVER = Clip("request.wav", 10, 200), Clip("over.wav", 5, 60)


def sound(frames: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.full(frames * FRAME_SAMPLES, LOUD, np.float32)


def is_loud(block: np.ndarray[tuple[int], np.dtype[np.int16]]) -> bool:
    return bool(np.abs(block).min() > 0.4 * 32768)


def microphone(*sounds: Sound, first_frame: int = 0, until_idle_s: float = 0.2) -> Microphone:
    return Microphone(sounds, quiet_room(), first_frame, gap_s=0.1, until_idle_s=until_idle_s)


@given(lengths=st.lists(st.integers(1, 30), max_size=4), first_frame=st.integers(0, 1000))
def test_every_line_is_heard_whole_where_it_is_noted_and_the_rest_is_hiss(
    lengths: list[int], first_frame: int
) -> None:
    heard, mic = [], microphone(*(Sound(sound(length)) for length in lengths), first_frame=first_frame)
    while not mic.ended:
        heard.append(mic.block(idle=True, sounding=False))
    assert all(block.any() for block in heard)
    spoken = {first_frame + number for number, block in enumerate(heard) if is_loud(block)}
    noted = {
        mic.phase.starts[index] + offset for index, length in enumerate(lengths) for offset in range(length)
    }
    assert spoken == noted
    assert mic.phase.frames == len(heard)


def test_nobody_speaks_while_the_peer_is_busy() -> None:
    mic = microphone(Sound(sound(5)))
    assert not any(is_loud(mic.block(idle=False, sounding=False)) for _ in range(100))
    assert not mic.phase.starts


def test_an_answer_is_talked_over_once_when_it_has_been_heard_for_a_while() -> None:
    mic = microphone(Sound(sound(20), over=sound(10)))
    while not mic.phase.starts:
        mic.block(idle=True, sounding=False)
    heard = [mic.block(idle=False, sounding=True) for _ in range(200)]
    begin = mic.phase.overs[0] - mic.phase.starts[0]
    assert begin == 20 + OVER_AFTER_FRAMES
    assert [number for number, block in enumerate(heard, 1) if is_loud(block)] == [
        *range(1, 20),
        *range(begin, begin + 10),
    ]


@given(st.data())
def test_a_pause_takes_nothing_away_and_lies_within_the_voice(data: st.DataObject) -> None:
    first = data.draw(st.integers(0, 20))
    last = data.draw(st.integers(first + 20, first + 200))
    samples = np.full((last + 10) * FRAME_SAMPLES, 20_000, np.int16)
    frame = pause_frame(samples, first, last)
    made = with_pause(samples, frame)
    quiet = np.flatnonzero(np.abs(made) < 10_000)
    assert len(quiet) == PAUSE_MS * 16
    assert np.array_equal(np.delete(made, quiet), samples)
    assert np.array_equal(quiet, frame * FRAME_SAMPLES + np.arange(PAUSE_MS * 16))
    assert first < frame < last


def test_a_pause_is_made_where_the_voice_is_quietest() -> None:
    samples = np.full(200 * FRAME_SAMPLES, 20_000, np.int16)
    samples[114 * FRAME_SAMPLES : 126 * FRAME_SAMPLES] = 100
    assert 114 < pause_frame(samples, 0, 199) < 126


def test_the_peer_runs_on_the_same_releases_of_the_engines_as_wren() -> None:
    project = tomllib.loads((environment.ROOT / "pyproject.toml").read_text())
    ours, peers = set(project["project"]["dependencies"]), project["dependency-groups"]["peer"]
    assert [pin for pin in peers if pin not in ours] == [
        pin for pin in peers if pin.startswith("pipecat-ai==")
    ]


def test_a_machine_where_the_peer_cannot_be_installed_is_told_so_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text('[dependency-groups]\npeer = ["pipecat-ai==1.14.0"]\n')
    monkeypatch.setattr(environment, "ROOT", tmp_path)  # there is no uv in it
    for name, part in (("VENV", ""), ("PYTHON", "bin/python"), ("_STAMP", "stamp")):
        monkeypatch.setattr(environment, name, tmp_path / ".venv-peer" / part)
    console = Console(record=True, soft_wrap=True)
    assert run.measured([], console) is None
    installing, without = console.export_text().splitlines()
    assert "pipecat-ai==1.14.0" in installing
    assert without.startswith("without Pipecat: the peer's packages cannot be installed")


def test_latency_runs_from_the_last_voiced_frame_to_the_first_answer_after_it() -> None:
    lines, phase = [Line(REQUEST), Line(REQUEST)], Phase(starts={0: 1000, 1: 2000})
    answers = [Span(1050, 1060), Span(1243, 1400), Span(1500, 1600), Span(2250, 2300)]
    assert metrics.mouth_to_ear_ms(lines, phase, answers) == [430, 500]


def test_an_unanswered_request_is_not_given_the_answer_to_the_next_one() -> None:
    lines, phase = [Line(REQUEST), Line(REQUEST)], Phase(starts={0: 1000, 1: 2000})
    assert metrics.mouth_to_ear_ms(lines, phase, [Span(2250, 2300)]) == [500]


@pytest.mark.parametrize(
    ("commit", "is_cut_off"),
    [
        (Commit(1150, "turn on the", "Sorry."), True),
        (Commit(1150, "", ""), False),  # the wake word alone
        (Commit(1230, "turn on the light", "It is on."), False),
        (Commit(1050, "alive", "Sorry."), False),  # the wake word, misheard
        (Commit(900, "stop", "Sorry."), False),
    ],
)
def test_a_cut_off_is_a_request_taken_before_its_end(commit: Commit, is_cut_off: bool) -> None:
    lines, phase = [Line(REQUEST, pause_frame=100)], Phase(starts={0: 1000})
    assert metrics.false_cut_offs(lines, phase, [commit]) == [is_cut_off]


def test_stop_time_runs_from_the_voice_to_silence() -> None:
    lines = [Line(REQUEST, over=OVER)] * 3
    phase = Phase(starts={0: 0, 1: 1000, 2: 2000}, overs={0: 300, 1: 1300})
    answers = [Span(240, 334), Span(1240, 1304)]  # the second one was over by itself
    assert metrics.stop_times_ms(lines, phase, answers) == [300]


def test_the_summary_takes_idling_off_the_cost_of_turns() -> None:
    line = Line(REQUEST, over=OVER)
    job = Job(
        phases={"idle": (), "requests": (line, line), "paused": (line,), "barge_in": (line,)},
        house=House(entities={}, areas={}),
        wake_word="alexa",
        language="en",
        idle_s=10,
        smart_turn_stop_s=3,
    )
    log = Log(
        phases={
            "idle": Phase(frames=1000, cpu_s=1.0),
            "requests": Phase(starts={0: 1000, 1: 1500}, frames=1000, cpu_s=3.0),
            "paused": Phase(starts={0: 3000}),
            "barge_in": Phase(starts={0: 4000}, overs={0: 4300}),
        },
        commits=[Commit(3100, "turn on", "Sorry.")],
        answers=[Span(1240, 1300), Span(1760, 1800), Span(4240, 4339), Span(4500, 4600)],
        memory_mb=300,
    )
    figures = metrics.summary(job, log)
    assert figures["cpu_s_per_turn"] == pytest.approx(1.0)
    assert figures["idle_cpu_percent"] == pytest.approx(10.0)
    assert figures["mouth_to_ear_ms"] == {"p50": 500, "p95": pytest.approx(590), "n": 2}
    assert figures["false_cut_off_rate"] == 1
    assert figures["barge_in"] == {"detected_rate": 1, "stop_ms_p50": 350, "stop_ms_p95": 350, "n": 1}

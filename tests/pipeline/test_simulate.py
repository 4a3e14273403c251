"""`wren simulate` from the outside: spoken requests in, MQTT commands and spoken answers out."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import soundfile
import soxr

from device.dialog.machine import HOLDING
from tests import voices
from tests.bench.house import MODEL_REQUESTS, requests
from tests.broker import MosquittoBroker
from tests.kept import Kept

pytestmark = [pytest.mark.models, pytest.mark.timeout(420)]

DEMO = Path(__file__).parents[2] / "device" / "home" / "houses" / "demo.toml"
FRAME_S = 0.01


class Outcome(NamedTuple):
    """One run: what was to be answered, its timeline by turn, the commands an outsider saw, the loudspeaker's file."""

    expected: list[str]  # of each house request, what its answer must contain
    rows: list[dict[str, Any]]
    commands: list[str]
    speaker: Path

    def turn(self, number: int) -> list[dict[str, Any]]:
        return [row for row in self.rows if row["turn"] == number]


def simulate(*arguments: str, timeout_s: float = 400) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "device.cli", "simulate", *arguments],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


@pytest.fixture(scope="module")
def conversation(tmp_path_factory: pytest.TempPathFactory) -> Kept[Outcome]:
    if not voices.available():
        pytest.skip("flite and espeak-ng are not installed; make setup installs them")
    return Kept(lambda: converse(tmp_path_factory.mktemp("simulate")))


@pytest.fixture
def outcome(conversation: Kept[Outcome], request: pytest.FixtureRequest) -> Outcome:
    return conversation.of(request)


def converse(folder: Path) -> Outcome:
    broker = MosquittoBroker(folder)
    broker.start()
    commands = folder / "commands.txt"
    with commands.open("w") as file:
        outsider = subprocess.Popen(
            ["mosquitto_sub", "-p", str(broker.port), "-t", "#", "-F", "%t %p"], stdout=file
        )
    asked = requests()
    mics = [path for path, _ in asked] + [voices.request(text) for text in MODEL_REQUESTS]
    result = simulate(
        *(argument for mic in mics for argument in ("--mic", str(mic))),
        *("--broker", broker.url, "--home", str(DEMO), "--gap", "0.6", "--until-idle", "2"),
        *("--speaker", str(folder / "speaker.wav"), "--timeline", str(folder / "t.jsonl")),
    )
    outsider.terminate()
    broker.stop()
    assert result.returncode == 0, result.stdout + result.stderr
    rows = [json.loads(line) for line in (folder / "t.jsonl").read_text().splitlines()]
    return Outcome(
        [expected for _, expected in asked], rows, commands.read_text().splitlines(), folder / "speaker.wav"
    )


def of(rows: list[dict[str, Any]], event: str) -> list[dict[str, Any]]:
    return [row for row in rows if row["event"] == event]


def test_every_request_is_woken_heard_and_answered(outcome: Outcome) -> None:
    committed = [row["text"] for row in of(outcome.rows, "turn.committed")]
    assert len(committed) == len(outcome.expected) + len(MODEL_REQUESTS), committed
    stopped = [row for row in of(outcome.rows, "playback.stopped") if not row["cue"]]
    last = {row["turn"]: row for row in stopped}  # before it, a pause after a filler
    assert len(last) == len(committed)
    assert all(row["reason"] == "finished" and row["heard_text"] for row in last.values())


def test_the_wake_word_is_never_part_of_the_request(outcome: Outcome) -> None:
    assert not [row["text"] for row in of(outcome.rows, "turn.committed") if "alexa" in row["text"].lower()]


def test_done_is_said_only_after_the_house_has_confirmed(outcome: Outcome) -> None:
    results = of(outcome.rows, "tool.result")
    assert len(results) >= len(outcome.expected) - 2
    assert all(row["ok"] for row in results), [row for row in results if not row["ok"]]
    for row in results:
        clauses = of(outcome.turn(row["turn"]), "reply.clause")
        assert all(clause["t_ns"] > row["t_ns"] for clause in clauses if clause["text"] != HOLDING)


def test_an_outsider_on_the_broker_sees_the_commands(outcome: Outcome) -> None:
    seen = "\n".join(outcome.commands)
    for topic, payload in (
        ("home/light/kitchen/set", '"ON"'),
        ("home/light/kitchen/set", '"OFF"'),
        ("home/light/hallway/set", "OFF"),
        ("home/switch/printer/set", "ON"),
    ):
        assert re.search(rf"^{topic} .*{payload}", seen, re.MULTILINE), (topic, payload, seen[-3000:])


def test_the_spoken_answers_say_so(outcome: Outcome) -> None:
    """The loudspeaker's sound, transcribed by the recogniser, turn by turn."""
    from device.hearing import asr
    from models.store import Store

    recogniser = asr.load(Store().active("asr").files)
    samples, rate = soundfile.read(outcome.speaker, dtype="float32")
    turns = [row["turn"] for row in of(outcome.rows, "turn.committed")]
    understood = 0
    heard = []
    for turn, expected in zip(turns, outcome.expected, strict=False):
        starts = [r["frame"] for r in of(outcome.turn(turn), "playback.started") if not r["cue"]]
        ends = [r["frame"] for r in of(outcome.turn(turn), "playback.stopped") if not r["cue"]]
        reply = samples[round(starts[0] * FRAME_S * rate) : round((ends[-1] + 10) * FRAME_S * rate)]
        recogniser.reset()
        recogniser.accept((soxr.resample(reply, rate, 16_000) * 32767).astype(np.int16))
        text = recogniser.finish().text
        heard.append(text)
        understood += re.search(expected, text, re.IGNORECASE) is not None
    assert understood >= len(outcome.expected) - 1, list(zip(outcome.expected, heard, strict=False))


def test_what_no_sentence_covers_ends_in_the_right_call(outcome: Outcome) -> None:
    asked = of(outcome.rows, "turn.committed")[len(outcome.expected)]
    (decided,) = of(outcome.turn(asked["turn"]), "intent.decided")
    assert [call[:2] for call in decided["calls"]] == [["turn_off", "light.kitchen"]], (asked, decided)


def test_small_talk_is_answered_without_a_call(outcome: Outcome) -> None:
    for asked in of(outcome.rows, "turn.committed")[-2:]:
        rows = outcome.turn(asked["turn"])
        assert [row["route"] for row in of(rows, "intent.decided")] == ["talk"], asked
        assert not of(rows, "tool.called")
        assert "".join(row["text"] for row in of(rows, "reply.clause"))


@pytest.mark.parametrize("name", ["missing.wav", "empty.wav", "text.wav"])
def test_a_bad_file_is_one_clear_line(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "empty.wav":
        soundfile.write(path, np.zeros(0, np.int16), 16_000)
    elif name == "text.wav":
        path.write_text("this is no sound")
    result = simulate("--mic", str(path), timeout_s=60)
    assert result.returncode == 1
    assert len(result.stderr.strip().splitlines()) == 1
    assert name in result.stderr


def test_a_dead_broker_is_one_clear_line(tmp_path: Path) -> None:
    sound = tmp_path / "a.wav"
    soundfile.write(sound, np.ones(16_000, np.int16), 16_000)
    result = simulate("--mic", str(sound), "--broker", "mqtt://127.0.0.1:9", timeout_s=60)
    assert (result.returncode, len(result.stderr.strip().splitlines())) == (1, 1)
    assert "--broker" in result.stderr


def test_a_settings_typo_is_one_clear_line(tmp_path: Path) -> None:
    sound, config = tmp_path / "a.wav", tmp_path / "c.toml"
    soundfile.write(sound, np.ones(16_000, np.int16), 16_000)
    config.write_text("[listen]\nunsure_silense_ms = 300\n")
    result = simulate("--mic", str(sound), "--config", str(config), timeout_s=60)
    assert (result.returncode, len(result.stderr.strip().splitlines())) == (1, 1)
    assert "did you mean unsure_silence_ms" in result.stderr


def test_a_mistake_in_the_agents_file_is_one_clear_line(tmp_path: Path) -> None:
    sound, config = tmp_path / "a.wav", tmp_path / "c.toml"
    soundfile.write(sound, np.ones(16_000, np.int16), 16_000)
    config.write_text("[reason]\nagents = 'agents.toml'\n")
    (tmp_path / "agents.toml").write_text("[agents.a]\nname = 'Ann'\ntools = ['lihgt']\n")
    result = simulate("--mic", str(sound), "--config", str(config), timeout_s=60)
    assert (result.returncode, len(result.stderr.strip().splitlines())) == (1, 1)
    assert "[agents.a] tools: there is no tool lihgt; did you mean light?" in result.stderr


def test_a_missing_model_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sound = tmp_path / "a.wav"
    soundfile.write(sound, np.ones(16_000, np.int16), 16_000)
    monkeypatch.setenv("WREN_MODELS", str(tmp_path / "none"))
    result = simulate("--mic", str(sound), timeout_s=60)
    assert (result.returncode, len(result.stderr.strip().splitlines())) == (1, 1)
    assert "wren models fetch" in result.stderr

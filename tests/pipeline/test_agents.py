"""The two agents of the sample, by voice: to the storyteller and back, who may do what, what Wren then knows.

One run of `wren simulate`; the language model is a chat endpoint of the test, which keeps what it was asked.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from device.console.scenes import AGENT_REQUESTS, AGENT_SETTINGS
from tests import voices
from tests.chat_server import KEY, chat_server
from tests.kept import Kept

pytestmark = [pytest.mark.models, pytest.mark.timeout(120)]

GREETING = "Good evening, this is Nora. What shall I tell you about?"
OFFER = "I cannot do that, but Wren can. Shall I pass it on?"
LIGHT, JOKE = "Turn on the kitchen light.", "Tell me a joke."
HASTE = {"WREN_SPEECH__SPEED": "2", "WREN_LISTEN__FOLLOW_UP_MS": "300"}

Row = dict[str, Any]


class Talk(NamedTuple):
    """The rows of each turn in order, and the messages of every question to the language model."""

    turns: list[list[Row]]
    questions: list[list[dict[str, str]]]


@pytest.fixture(scope="module")
def conversation(tmp_path_factory: pytest.TempPathFactory) -> Kept[Talk]:
    if not voices.available():
        pytest.skip("flite and espeak-ng are not installed; make setup installs them")
    return Kept(lambda: converse(tmp_path_factory.mktemp("agents")))


@pytest.fixture
def talk(conversation: Kept[Talk], request: pytest.FixtureRequest) -> Talk:
    return conversation.of(request)


def converse(folder: Path) -> Talk:
    key, timeline = folder / "key", folder / "timeline.jsonl"
    key.write_text(KEY)
    call, _, back, _ = AGENT_REQUESTS
    spoken = [call, voices.request(LIGHT), back, voices.request(JOKE)]
    command = [sys.executable, "-m", "device.cli", "simulate", "--config", str(AGENT_SETTINGS)]
    command += [argument for mic in spoken for argument in ("--mic", str(mic))]
    command += ["--gap", "0.2", "--until-idle", "0.5", "--timeline", str(timeline)]
    with chat_server() as server:
        server.answer = '{"do": [], "say": "I know none."}'
        endpoint = {"WREN_REASON__ENDPOINT": server.url, "WREN_REASON__ENDPOINT_KEY_FILE": str(key)}
        done = subprocess.run(
            command,
            env=os.environ | HASTE | endpoint,
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [json.loads(line) for line in timeline.read_text().splitlines()]
    committed = [row["turn"] for row in rows if row["event"] == "turn.committed"]
    assert len(committed) == 4, done.stdout
    turns = [[row for row in rows if row["turn"] == turn] for turn in committed]
    return Talk(turns, [body["messages"] for body in server.bodies])


def calls(rows: list[Row]) -> list[tuple[str, str]]:
    """What was called and confirmed."""
    return [
        (row["tool"], row["arguments"]["entity"])
        for row in rows
        if row["event"] == "tool.result" and row["ok"]
    ]


def clauses(rows: list[Row]) -> str:
    return " ".join(row["text"] for row in rows if row["event"] == "reply.clause").strip()


def speeds(rows: list[Row]) -> set[float]:
    """Of the voice of each clause."""
    return {row.get("manner", {}).get("speed", 1.0) for row in rows if row["event"] == "reply.clause"}


def test_the_conversation_is_handed_over_by_voice_and_back(talk: Talk) -> None:
    called, refused, back, after = talk.turns
    assert calls(called) == [("handoff", "storyteller")]
    assert (clauses(called), speeds(called)) == (GREETING, {0.8})
    assert speeds(refused) == {0.8}
    assert calls(back) == [("handoff", "wren")]
    assert (clauses(back), speeds(back)) == ("Wren here.", {1.0})
    assert speeds(after) == {1.0}
    heard = [row["heard_text"] for row in called if row["event"] == "playback.stopped" and not row["cue"]]
    assert heard == [GREETING]


def test_the_storyteller_knows_nothing_of_the_house_and_says_who_does(talk: Talk) -> None:
    _, refused, _, after = talk.turns
    assert not [row for row in refused if row["event"] == "tool.called"]
    assert clauses(refused) == OFFER
    prompts = [messages[0]["content"] for messages in talk.questions]
    hers = [prompt for prompt in prompts if "You are Nora" in prompt]
    assert hers
    assert not [prompt for prompt in hers if "kitchen light" in prompt]
    assert "kitchen light" in prompts[-1]
    assert clauses(after) == "I know none."


def test_what_was_said_to_the_storyteller_is_known_to_wren_afterwards(talk: Talk) -> None:
    *said, request = talk.questions[-1]
    assert "You are Wren" in said[0]["content"]
    assert "joke" in request["content"]
    answers = " ".join(message["content"] for message in said[-6:] if message["role"] == "assistant")
    assert all(text in answers for text in (GREETING, OFFER, "Wren here.")), answers

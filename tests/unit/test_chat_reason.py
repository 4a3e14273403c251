"""The conversation with a chat endpoint that stalls, dies and comes back: real HTTP behind the reason daemon."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from device.dialog.machine import HOLDING, TOO_LONG
from device.events import (
    DaemonFailed,
    Event,
    HomeEntity,
    ModelReady,
    PlaybackStopped,
    ReplyClause,
    ToolCalled,
    TurnCommitted,
    TurnStarted,
)
from device.home.registry import Entity
from device.reasoning.replies import CANNOT_THINK
from device.services.mcpservers import McpServers
from device.services.reason import ReasonDaemon
from device.settings import McpServer, Reason, Settings, Tools
from tests.chat_server import KEY, ChatServer, chat_server

KITCHEN = Entity(id="light.kitchen", name="Kitchen Light", area="kitchen")
GLOOMY = "it is a mite gloomy around the kitchen"
ON = '{"do": ["turn on kitchen light"], "say": ""}'


class Talk:
    """A daemon in a conversation, and everything it has sent."""

    def __init__(self, settings: Settings) -> None:
        self.sent: list[Event] = []
        self.turn = 0
        self.works: Callable[[], None] = lambda: None  # of other daemons
        self.daemon = ReasonDaemon(settings, self)  # type: ignore[arg-type]
        self.daemon.start()
        self.daemon.on_event(HomeEntity(entity_id=KITCHEN.id, entity=KITCHEN))

    def send(self, event: Event) -> None:
        self.sent.append(event)

    def wait(self, timeout_s: float, *others: int) -> None:
        time.sleep(0.002)

    def ask(self, text: str, cause: Literal["wake", "follow_up"] = "wake") -> None:
        self.turn += 1
        for event in (TurnStarted(turn=self.turn, cause=cause), TurnCommitted(turn=self.turn, text=text)):
            self.daemon.on_event(event)

    def hear_to_the_end(self) -> None:
        heard = PlaybackStopped(turn=self.turn, reason="finished", heard_text=" ".join(self.said()))
        self.daemon.on_event(heard)

    def of(self, kind: type[Any]) -> list[Any]:
        return [e for e in self.sent if isinstance(e, kind) and (e.turn == self.turn or kind is DaemonFailed)]

    def is_ready(self) -> bool:
        return any(isinstance(event, ModelReady) for event in self.sent)

    def said(self) -> list[str]:
        return [clause.text for clause in self.of(ReplyClause)]

    def until(self, happened: Callable[[], Any], what: str, timeout_s: float = 20) -> None:
        deadline = time.monotonic() + timeout_s
        while not happened():
            assert time.monotonic() < deadline, f"no {what}: {self.sent}"
            self.works()
            self.daemon.step()


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with chat_server() as server:
        yield server


def conversation(server: ChatServer, folder: Path, tools: Tools) -> Talk:
    key = folder / "key"
    key.write_text(f"{KEY}\n")
    reason = Reason(
        endpoint=server.url,
        endpoint_key_file=str(key),
        holding_ms=200,
        shorten_ms=700,
        deadline_ms=2000,
    )
    talk = Talk(Settings(reason=reason, tools=tools, state_dir=str(folder)))
    talk.until(talk.is_ready, "model")
    server.bodies.clear()
    return talk


@pytest.fixture
def talk(server: ChatServer, tmp_path: Path) -> Iterator[Talk]:
    talk = conversation(server, tmp_path, Tools())
    yield talk
    talk.daemon.close()


def test_a_server_that_stalls_is_held_for_then_asked_shorter_then_apologised_for(
    talk: Talk, server: ChatServer
) -> None:
    server.behaviour = "silent"
    talk.ask(GLOOMY)
    talk.until(lambda: TOO_LONG in talk.said(), "apology")
    assert talk.said() == [HOLDING, TOO_LONG]
    whole, brief = server.bodies
    assert len(brief["messages"]) < len(whole["messages"])
    assert talk.of(DaemonFailed)[-1].reason == "no answer after 2 s"
    server.behaviour, server.answer = "well", ON
    talk.ask(GLOOMY)
    talk.until(lambda: talk.of(ToolCalled), "call after it is well again")


def test_what_the_shorter_prompt_finds_is_offered_not_done(talk: Talk, server: ChatServer) -> None:
    server.behaviour, server.answer = "silent", ON
    talk.ask(GLOOMY)
    talk.until(lambda: len(server.bodies) == 1, "first attempt")
    server.behaviour = "well"
    talk.until(lambda: len(talk.said()) == 2, "answer")
    assert talk.said() == [HOLDING, "Shall I turn on the kitchen light?"]
    assert not talk.of(ToolCalled)


def test_known_commands_work_while_the_endpoint_refuses_and_it_is_taken_up_again_by_itself(
    talk: Talk, server: ChatServer
) -> None:
    server.status, server.reason = 503, "loading"
    talk.ask(GLOOMY)
    talk.until(lambda: talk.said() == [CANNOT_THINK], "apology")
    assert talk.of(DaemonFailed)[-1].reason.endswith("is not ready (503)")
    talk.ask("turn on the kitchen light")
    talk.until(lambda: talk.of(ToolCalled), "call")
    server.status = 200
    before = len([event for event in talk.sent if isinstance(event, ModelReady)])
    talk.until(lambda: len([e for e in talk.sent if isinstance(e, ModelReady)]) > before, "recovery")


@pytest.fixture
def servers() -> Iterator[McpServers]:
    pytest.importorskip("mcp", reason="the extra 'mcp' is not installed")
    command = (sys.executable, str(Path(__file__).parents[1] / "mcp_server.py"))
    servers = McpServers({"tests": McpServer(command=command)})
    yield servers
    servers.close()


def test_the_model_chooses_a_tool_of_a_real_mcp_server_and_asks_before_a_risky_one(
    server: ChatServer, servers: McpServers, tmp_path: Path
) -> None:
    talk = conversation(server, tmp_path, Tools(mcp={"tests": McpServer(command=("x",))}))

    def passes_on() -> None:
        """What the home daemon does: offers and results one way, calls the other."""
        for event in servers.poll():
            talk.daemon.on_event(event)
        for called in talk.of(ToolCalled):
            if called not in begun:
                begun.append(called)
                servers.begin(called)

    begun: list[ToolCalled] = []
    talk.works = passes_on
    talk.until(lambda: "use double" in str(server.bodies), "the tools in the prompt", 60)
    server.answer = '{"do": ["use tide for port isaac"], "say": ""}'
    talk.ask("will the boats float in port isaac this noon")
    talk.until(lambda: talk.said(), "answer")
    assert talk.said() == ["High water at port isaac is at noon."]
    server.answer = '{"do": ["use order pizza"], "say": ""}'
    talk.ask("get us a pizza")
    talk.until(lambda: talk.said(), "question")
    assert talk.said() == ["Shall I order pizza?"]
    listed = server.bodies[-1]["response_format"]["json_schema"]["schema"]["properties"]["do"]["items"][
        "enum"
    ]
    assert "use order pizza" in listed
    assert not any("distance" in line or line == "use tide" for line in listed)
    assert len(begun) == 1
    talk.hear_to_the_end()
    talk.ask("yes please", cause="follow_up")
    talk.until(lambda: talk.said(), "answer")
    assert talk.said() == ["The pizza is ordered."]
    talk.daemon.close()


def test_a_key_that_cannot_be_read_is_said_without_a_word_of_it(tmp_path: Path) -> None:
    reason = Reason(endpoint="http://127.0.0.1:9/v1", endpoint_key_file=str(tmp_path / "none"))
    talk = Talk(Settings(reason=reason, state_dir=str(tmp_path)))
    talk.until(lambda: talk.of(DaemonFailed), "fault")
    (failed,) = talk.of(DaemonFailed)
    assert (
        failed.reason
        == "no language model: the key of the endpoint cannot be read: No such file or directory"
    )
    talk.daemon.close()

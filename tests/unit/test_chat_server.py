"""A real server of the OpenAI protocol, llama-cpp-python's, behind the chat endpoint."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from device.home.registry import Entity, House
from device.reasoning.thinker import Cancelled, Limits, UnavailableError
from device.services.chat_endpoint import ChatEndpoint, Way
from tests import tiny_model

KEY = "sk-only-for-tests"
LAMP = Entity(id="light.kitchen", name="Kitchen Light", area="kitchen")
HOUSE = House(entities={LAMP.id: LAMP}, areas={"kitchen": "Kitchen"}, device_area="kitchen")
TEXTS = ("it is dark", "what a day", "how much is it", "a", "why not", "light", "ok", "zebra")
CREDULOUS = Limits(act=0.0, ask=0.0, deadline_s=60)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    pytest.importorskip("fastapi", reason="the extra 'dev' is not installed")
    model = tmp_path_factory.mktemp("model") / "tiny.gguf"
    tiny_model.write(model, context=16384)
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    options = {"model": model, "n_ctx": 16384, "n_threads": 1, "chat_format": "chatml", "port": port}
    command = [part for name, value in options.items() for part in (f"--{name}", f"{value}")]
    log = model.with_suffix(".log").open("w+")
    server = subprocess.Popen(
        [sys.executable, "-m", "llama_cpp.server", *command, "--api_key", KEY], stdout=log, stderr=log
    )
    try:
        deadline = time.monotonic() + 90
        while socket.socket().connect_ex(("127.0.0.1", port)):
            assert server.poll() is None, Path(log.name).read_text()
            assert time.monotonic() < deadline, Path(log.name).read_text()
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.kill()
        server.wait()
        log.close()


@pytest.fixture
def endpoint(url: str) -> Iterator[ChatEndpoint]:
    endpoint = ChatEndpoint(url, key=KEY, limits=CREDULOUS)
    endpoint.set_house(HOUSE)
    yield endpoint
    endpoint.close()


def test_it_is_held_to_the_house_and_tells_how_sure_it_is(endpoint: ChatEndpoint) -> None:
    assert endpoint._way == Way("json_object", logprobs=True)
    decisions = [endpoint.decide(text, HOUSE) for text in TEXTS]
    for decision in decisions:
        assert all(HOUSE.allows(call) for call in decision.calls)
    unsure = [decision for decision in decisions if decision.calls]
    assert unsure, "weights without sense choose something"
    assert all(0 < decision.probability < 0.01 for decision in unsure)
    endpoint.limits = Limits(deadline_s=60)
    assert {endpoint.decide(text, HOUSE).kind for text in TEXTS[:2]} <= {"cannot", "talk"}


def test_an_answer_is_streamed_and_stopped(endpoint: ChatEndpoint) -> None:
    began: list[float] = []
    list(endpoint.talk("hello", begun=lambda: began.append(time.monotonic())))
    assert len(began) == 1
    with pytest.raises(Cancelled):
        list(endpoint.talk("hello", cancelled=lambda: len(began) > 1, begun=lambda: began.append(0.0)))
    list(endpoint.talk("hello", brief=True))


def test_a_wrong_key_is_refused(url: str) -> None:
    stranger = ChatEndpoint(url, key="sk-wrong")
    with pytest.raises(UnavailableError, match="refuses the key"):
        stranger.set_house(HOUSE)
    stranger.close()

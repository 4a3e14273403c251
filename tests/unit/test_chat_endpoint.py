"""A chat endpoint as language model, over real HTTP: what is asked, what counts, and every way it can fail."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator

import pytest

from device.home.registry import Call, Entity, House
from device.reasoning.thinker import Cancelled, Limits, ModelError, TooSlow, UnavailableError
from device.services.chat_endpoint import ChatEndpoint
from tests.chat_server import KEY, Behaviour, ChatServer, chat_server

HOUSE = House(
    entities={
        entity.id: entity
        for entity in (
            Entity(id="light.kitchen", name="Kitchen Light", area="kitchen"),
            Entity(id="light.attic", name="Attic Light", area="attic"),
            Entity(id="sensor.attic", name="Attic Temperature", area="attic"),
        )
    },
    areas={"kitchen": "Kitchen", "attic": "Attic"},
    device_area="kitchen",
)
DARK = "it is dark in here"
ON = '{"do": ["turn on kitchen light"], "say": ""}'


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with chat_server() as server:
        yield server


@pytest.fixture
def endpoint(server: ChatServer) -> Iterator[ChatEndpoint]:
    endpoint = ChatEndpoint(server.url, key=KEY, limits=Limits(act=0.6, deadline_s=5))
    endpoint.set_house(HOUSE)
    yield endpoint
    endpoint.close()


def test_a_likely_command_that_the_house_allows_is_run(endpoint: ChatEndpoint, server: ChatServer) -> None:
    server.answer = ON
    decision = endpoint.decide(DARK, HOUSE)
    assert (decision.kind, decision.calls) == ("act", (Call("turn_on", "light.kitchen"),))
    asked = server.bodies[-1]
    lines = asked["response_format"]["json_schema"]["schema"]["properties"]["do"]["items"]["enum"]
    assert "turn on kitchen light" in lines
    assert not any(line.startswith("unlock") for line in lines)
    assert asked["messages"][-1] == {"role": "user", "content": DARK}


@pytest.mark.parametrize(
    ("probability", "kind"), [(0.99, "act"), (0.9, "ask"), (0.7, "cannot"), (None, "ask")]
)
def test_what_it_is_not_sure_of_is_asked_or_left(
    endpoint: ChatEndpoint, server: ChatServer, probability: float | None, kind: str
) -> None:
    server.answer, server.probability = ON, probability
    assert endpoint.decide(DARK, HOUSE).kind == kind


def test_without_probabilities_only_questions_are_answered_at_once(
    endpoint: ChatEndpoint, server: ChatServer
) -> None:
    server.answer, server.probability = '{"do": ["check attic temperature"], "say": ""}', None
    assert endpoint.decide("is it warm up there", HOUSE).kind == "act"


@pytest.mark.parametrize(
    "answer",
    [
        '{"do": ["unlock front door"], "say": ""}',
        '{"do": ["turn on kitchen light", "open garage"], "say": ""}',
        '{"do": ["cannot"], "say": ""}',
    ],
)
def test_what_the_house_does_not_allow_never_becomes_a_call(
    endpoint: ChatEndpoint, server: ChatServer, answer: str
) -> None:
    server.answer = answer
    decision = endpoint.decide(DARK, HOUSE)
    assert (decision.kind, decision.calls) == ("cannot", ())


def test_a_light_in_another_room_that_was_not_named_is_not_switched_silently(
    endpoint: ChatEndpoint, server: ChatServer
) -> None:
    server.answer, server.probability = '{"do": ["turn on attic light"], "say": ""}', 0.99
    assert endpoint.decide(DARK, HOUSE).kind == "ask"
    assert endpoint.decide("it is dark where the attic light is", HOUSE).kind == "act"


def test_talk_is_spoken_clause_by_clause_with_what_was_said_before(
    endpoint: ChatEndpoint, server: ChatServer
) -> None:
    server.answer = '{"do": [], "say": "Paris, my \\"friend\\", is the capital. It is lovely. No more."}'
    began: list[bool] = []
    history = [
        ("user", "Hello."),
        ("assistant", "Hi there!"),
        ("user", "light"),
        ("assistant", "I turned it on."),
    ]
    clauses = list(endpoint.talk("capital of france", history, begun=lambda: began.append(True)))
    assert clauses == ["Paris,", ' my "friend",', " is the capital.", " It is lovely."]
    assert began == [True]
    contents = [message["content"] for message in server.bodies[-1]["messages"]]
    assert contents[-3:] == ["hello", '{"do": [], "say": "Hi there!"}', "capital of france"]


def test_a_server_that_ignores_the_shape_is_understood_when_it_talks(
    endpoint: ChatEndpoint, server: ChatServer
) -> None:
    server.answer = "Hello, my friend."
    assert "".join(endpoint.talk("hello")) == "Hello, my friend."


def test_a_brief_prompt_is_the_beginning_of_the_whole_one_without_history(
    endpoint: ChatEndpoint, server: ChatServer
) -> None:
    history = [("user", "hello"), ("assistant", "Hi!")]
    list(endpoint.talk("why", history))
    list(endpoint.talk("why", history, brief=True))
    whole, brief = (body["messages"] for body in server.bodies[-2:])
    assert len(json.dumps(brief)) < 0.6 * len(json.dumps(whole))
    assert brief[:-1] == whole[: len(brief) - 1]


@pytest.mark.parametrize(
    ("refused", "shape", "logprobs"),
    [
        ((), "json_schema", True),
        (("json_schema",), "json_object", True),
        (("logprobs",), "json_schema", None),
        (("response_format", "logprobs"), None, None),
    ],
)
def test_what_a_server_can_is_found_out_once(
    server: ChatServer, refused: tuple[str, ...], shape: str | None, logprobs: bool | None
) -> None:
    server.refused_fields = refused
    endpoint = ChatEndpoint(server.url, key=KEY)
    endpoint.set_house(HOUSE)
    server.bodies.clear()
    server.answer = ON
    endpoint.decide(DARK, HOUSE)
    (body,) = server.bodies
    assert body.get("response_format", {}).get("type") == shape
    assert body.get("logprobs") == logprobs
    endpoint.close()


@pytest.mark.parametrize("behaviour", ["endless", "hang"])
def test_what_is_no_longer_wanted_is_hung_up_on_within_a_token(
    endpoint: ChatEndpoint, server: ChatServer, behaviour: Behaviour
) -> None:
    server.behaviour, server.answer = behaviour, '{"do": [], "say": "It goes on, it goes on'
    tokens = server.tokens
    with pytest.raises(Cancelled):
        for _ in endpoint.talk("tell me a story", cancelled=lambda: server.tokens > tokens + 12):
            pass
    if behaviour == "endless":
        assert server.hung_up.wait(2)
        assert server.tokens < tokens + 60, "a token is 10 ms, and this machine may be busy"


def test_one_that_does_not_answer_is_too_slow(endpoint: ChatEndpoint, server: ChatServer) -> None:
    server.behaviour, endpoint.limits = "silent", Limits(deadline_s=0.1)
    began = time.monotonic()
    with pytest.raises(TooSlow):
        endpoint.decide(DARK, HOUSE)
    with pytest.raises(TooSlow):
        list(endpoint.talk("hello"))
    assert time.monotonic() - began < 3
    assert server.hung_up.wait(2)


def test_an_answer_that_breaks_off_keeps_what_was_said(endpoint: ChatEndpoint, server: ChatServer) -> None:
    server.behaviour = "cut"
    server.answer = (
        '{"do": [], "say": "Well, my dear friend, that is a very long story about so many things."}'
    )
    assert "".join(endpoint.talk("story")).startswith("Well,")


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ("cut", "broke off its answer"),
        ("cut_politely", "broke off its answer"),
        ("garbage", "answers rubbish"),
        ("page", "answers rubbish"),
        ("rubbish", "answers rubbish"),
        ("error_event", "reports an error"),
        ("redirect", "refuses the request: 307"),
    ],
)
def test_a_fault_is_one_line_and_over_when_the_server_is_well_again(
    endpoint: ChatEndpoint, server: ChatServer, behaviour: Behaviour, reason: str
) -> None:
    server.answer, server.behaviour = ON, behaviour
    with pytest.raises(UnavailableError, match=reason) as caught:
        endpoint.decide(DARK, HOUSE)
    assert "\n" not in str(caught.value)
    server.behaviour = "well"
    assert not endpoint.set_house(HOUSE), "it is asked again what it can"
    assert endpoint.decide(DARK, HOUSE).kind == "act"


@pytest.mark.parametrize(
    ("status", "said", "reason"),
    [
        (401, f"Incorrect key {KEY}", "refuses the key"),
        (404, "model 'x' does not exist", "does not know this model"),
        (404, "not found", "is no chat endpoint"),
        (429, "slow down", "too much to do"),
        (503, "loading model", "is not ready"),
        (500, f"cannot do that with {KEY}", "refuses every request: 500"),
    ],
)
def test_a_refusal_says_what_to_do_and_never_the_key(
    server: ChatServer, caplog: pytest.LogCaptureFixture, status: int, said: str, reason: str
) -> None:
    server.status, server.reason = status, said
    endpoint = ChatEndpoint(server.url, key=KEY, model="x")
    with caplog.at_level(logging.DEBUG), pytest.raises(UnavailableError, match=reason) as caught:
        endpoint.set_house(HOUSE)
    assert caught.value.next_step
    assert KEY not in str(caught.value) + caplog.text
    with pytest.raises(UnavailableError, match="not been reached yet"):
        endpoint.decide(DARK, HOUSE)
    endpoint.close()


def test_nobody_there_is_told_within_seconds() -> None:
    endpoint = ChatEndpoint("http://127.0.0.1:9/v1")
    with pytest.raises(UnavailableError, match="cannot be reached; start that server"):
        endpoint.set_house(HOUSE)
    endpoint.close()


@pytest.mark.parametrize(
    "url", ["http://192.0.2.1/v1", "https://api.example.com/v1", "http://localhost.example.com"]
)
def test_nothing_leaves_the_device_unless_the_owner_says_so(url: str) -> None:
    with pytest.raises(ModelError, match="endpoint_remote"):
        ChatEndpoint(url)
    ChatEndpoint(url, remote=True).close()


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "ftp://127.0.0.1", "http://[::1", "http://"])
def test_an_address_that_is_none_is_said(url: str) -> None:
    with pytest.raises(ModelError, match="no http address"):
        ChatEndpoint(url)

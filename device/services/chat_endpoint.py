"""An OpenAI-compatible chat endpoint as language model: llama-server, vLLM, Ollama, a service elsewhere.

One POST to `chat/completions` per decision or answer, streamed by server-sent events, so that a request that
is no longer wanted is closed, which stops the server, within a token. What a server can is learnt when the
house is: the first way of ASKING that it does not refuse is kept. That request also makes the server read the
fixed beginning of the prompt, which servers that keep prefixes then have.

Nothing leaves this device unless the settings say so: an address that is not loopback needs `remote`, no
proxy and no redirect is followed, and the key is in no message and no log.

Border: text in; `Decision`, or clauses to speak. Raises UnavailableError, Cancelled, TooSlow.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import time
from collections.abc import Callable, Coroutine, Generator, Iterator, Sequence
from contextlib import closing
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
import httpx_sse
import msgspec

from device.home.registry import House
from device.reasoning import chat, commands
from device.reasoning.answer import Answer
from device.reasoning.decision import Decision, judge
from device.reasoning.thinker import (
    DEFAULT_LIMITS,
    Begun,
    Cancel,
    Finality,
    History,
    Limits,
    ModelError,
    TooSlow,
    UnavailableError,
    never,
    stop_if,
    unnoticed,
)

Check = Callable[[], None]
T = TypeVar("T")

log = logging.getLogger(__name__)

POLL_S = 0.01  # how often it is looked whether a request is still wanted
CONNECT_S = 3.0
LEARN_S = 180.0  # a small computer reads a prompt of 1,500 tokens for a minute
DECISION_TOKENS = 120
PROBE = "good evening"


class Way(msgspec.Struct, frozen=True):
    """How an answer of a certain shape is asked for, and whether probabilities are."""

    shape: str  # of `response_format`; empty: the prompt alone asks for it
    logprobs: bool

    def fields(self, schema: dict[str, Any]) -> dict[str, Any]:
        """What a request of this way says besides the conversation."""
        asked: dict[str, Any] = {"logprobs": True, "top_logprobs": 1} if self.logprobs else {}
        if self.shape == "json_schema":
            named = {"name": "answer", "strict": True, "schema": schema}
            asked["response_format"] = {"type": self.shape, "json_schema": named}
        elif self.shape:
            asked["response_format"] = {"type": self.shape, "schema": schema}
        return asked


# OpenAI, llama-server, vLLM and Ollama take a schema the first way, llama-cpp-python's server the second.
ASKING = tuple(
    Way(shape, logprobs) for logprobs in (True, False) for shape in ("json_schema", "json_object", "")
)


class _Delta(msgspec.Struct, frozen=True):
    content: str | None = None


class _Logprobs(msgspec.Struct, frozen=True):
    content: list[chat.Piece] | None = None


class _Choice(msgspec.Struct, frozen=True):
    delta: _Delta = _Delta()
    logprobs: _Logprobs | None = None
    finish_reason: str | None = None


class _Chunk(msgspec.Struct, frozen=True):
    choices: list[_Choice] = []
    error: Any = None


class _Refused(Exception):  # noqa: N818 - an answer, which another way of asking may not get
    """The server does not take the request as it is."""


class ChatEndpoint:
    """The model behind `url` (…/v1); `model` may be empty where the server has only one."""

    def __init__(
        self,
        url: str,
        *,
        model: str = "",
        key: str = "",
        remote: bool = False,
        limits: Limits = DEFAULT_LIMITS,
        language: str = "en",
    ) -> None:
        """Nothing is sent yet. Raises ModelError for an address that is none, or not allowed."""
        self._url = _checked(url, remote=remote)
        self._model, self._key, self._language = model, key, language
        self.limits, self.spared = limits, 0
        self._way: Way | None = None
        self._is_well = False  # since the house was learnt nothing went wrong
        self._prefix: list[chat.Message] = []
        self._runner = asyncio.Runner()
        self._client = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(None, connect=CONNECT_S),
            trust_env=False,
        )

    @property
    def name(self) -> str:
        """Model and place, for people."""
        return f"{self._model or 'model'} at {urlsplit(self._url).netloc.rpartition('@')[2]}"

    def close(self) -> None:
        """Hangs up."""
        self._runner.run(self._client.aclose())
        self._runner.close()

    def set_house(self, house: House, cancelled: Cancel = never) -> bool:
        """Learns the names of a house, and what the server can; nothing is remembered from before."""
        prefix = chat.prefix(house, self._language)
        if prefix == self._prefix and self._is_well:
            return True
        check = _patient(stop_if(cancelled, time.monotonic() + LEARN_S), self._url)
        asked, shape, refusal = [*prefix, chat.request(PROBE)], chat.shape((), several=False), ""
        for way in ASKING:
            try:
                with closing(self._stream(asked, way.fields(shape), 1, check)) as stream:
                    next(stream, None)
            except _Refused as error:
                refusal = refusal or str(error)
            else:
                self._way, self._prefix, self._is_well = way, prefix, True
                return False
        raise UnavailableError(f"{self.name} refuses every request: {refusal}", "see the log of that server")

    def recall(self, history: History, cancelled: Cancel = never) -> None:
        """What was said is sent with the next request."""

    def prefill(self, text: str, history: History = (), cancelled: Cancel = never) -> None:
        """Half a request is not sent."""

    def finality(
        self,
        text: str,  # noqa: ARG002
        history: History = (),  # noqa: ARG002
        cancelled: Cancel = never,  # noqa: ARG002
        *,
        whole: bool = False,  # noqa: ARG002
    ) -> Finality | None:
        """An endpoint is not asked whether somebody has finished."""
        return None

    def decide(self, text: str, house: House, cancelled: Cancel = never, *, brief: bool = False) -> Decision:
        """What `text` asks for; every call of the decision is allowed by `house`."""
        check = stop_if(cancelled, time.monotonic() + self.limits.deadline_s)
        heard = commands.hear(text, house, self._language)
        allowed = chat.lines(commands.commands(heard, house))
        schema = chat.shape(list(allowed), several=heard.several)
        pieces: list[chat.Piece] = []
        asked = [*self._known(brief=brief), chat.request(text)]
        with closing(self._ask(asked, schema, DECISION_TOKENS, check)) as stream:
            for piece in stream:
                pieces.append(piece)
                if chat.settled("".join(one.text for one in pieces)):
                    break
        walk = chat.walk(pieces, allowed, self.limits, several=heard.several)
        if walk is None:
            self._is_well = False
            raise UnavailableError(f"{self.name} answers rubbish", "take a model that follows instructions")
        return judge(walk, act=self.limits.act, ask=self.limits.ask)

    def talk(
        self,
        text: str,
        history: History = (),
        cancelled: Cancel = never,
        *,
        brief: bool = False,
        begun: Begun = unnoticed,
    ) -> Iterator[str]:
        """A spoken answer of one or two sentences, clause by clause; it ends early at the deadline."""
        check = stop_if(cancelled, time.monotonic() + self.limits.deadline_s)
        before = [] if brief else chat.remembered(history, self._language)
        asked = [*self._known(brief=brief), *before, chat.request(text)]
        shape = chat.shape((), several=False)
        answer, whole, said, over = Answer(self._language, self.limits.sentences), "", "", False
        try:
            with closing(self._ask(asked, shape, self.limits.answer_tokens, check)) as stream:
                for piece in stream:
                    if not whole:
                        begun()
                    whole += piece.text
                    so_far, over = chat.spoken(whole)
                    if clause := answer.push(so_far[len(said) :]):
                        yield clause
                    said = so_far
                    if answer.over or over:
                        break
        except (TooSlow, UnavailableError) as error:
            if not said:
                raise
            log.warning("the answer was cut off: %s", error)
        if not answer.over and (rest := answer.finish(cut=not over)):
            yield rest

    def _known(self, *, brief: bool) -> list[chat.Message]:
        if self._way is None:
            raise UnavailableError(f"{self.name} has not been reached yet", "see the faults before")
        return chat.shortened(self._prefix) if brief else self._prefix

    def _ask(
        self, messages: Sequence[chat.Message], schema: dict[str, Any], tokens: int, check: Check
    ) -> Generator[chat.Piece, None, None]:
        assert self._way is not None
        try:
            yield from self._stream(messages, self._way.fields(schema), tokens, check)
        except _Refused as error:
            self._is_well = False  # another server may have taken its place, which has to be asked otherwise
            raise UnavailableError(f"{self.name} refuses the request: {error}", "it is tried again") from None
        except UnavailableError:
            self._is_well = False
            raise

    def _stream(
        self, messages: Sequence[chat.Message], fields: dict[str, Any], tokens: int, check: Check
    ) -> Generator[chat.Piece, None, None]:
        """The pieces of one answer; the connection is closed however this ends."""
        body = {"messages": list(messages), "stream": True, "temperature": 0, "max_tokens": tokens, **fields}
        if self._model:
            body["model"] = self._model
        response: httpx.Response | None = None
        try:
            request = self._client.build_request("POST", f"{self._url}/chat/completions", json=body)
            response = self._await(self._client.send(request, stream=True), check)
            if response.status_code != httpx.codes.OK:
                self._await(response.aread(), check)
                raise self._refusal(response)
            events = aiter(httpx_sse.EventSource(response).aiter_sse())
            over = False
            while (event := self._await(_next(events), check)) is not None and event.data != "[DONE]":
                chunk = msgspec.json.decode(event.data, type=_Chunk)
                if chunk.error:
                    raise UnavailableError(f"{self.name} reports an error", "see the log of that server")
                for choice in chunk.choices[:1]:
                    over |= choice.finish_reason is not None
                    yield from _pieces(choice)
            if event is None and not over:
                raise httpx.RemoteProtocolError("the stream ended early")
        except (httpx.HTTPError, httpx_sse.SSEError, msgspec.MsgspecError) as error:
            raise self._explained(error) from None
        finally:
            if response is not None:
                self._runner.run(response.aclose())

    def _await(self, work: Coroutine[Any, Any, T], check: Check) -> T:
        """Runs `work` until it is done, or cancels it when `check` raises."""

        async def watch() -> T:
            task = asyncio.ensure_future(work)
            try:
                check()
                while not (await asyncio.wait({task}, timeout=POLL_S))[0]:
                    check()
            finally:
                if not task.done():
                    task.cancel()
                    await asyncio.wait({task})
            return task.result()

        return self._runner.run(watch())

    def _refusal(self, response: httpx.Response) -> Exception:
        """What a status other than 200 means. What the server says of a key may quote it, and is left out."""
        status, said = response.status_code, self._said(response)
        match status:
            case httpx.codes.UNAUTHORIZED | httpx.codes.FORBIDDEN:
                hint = "put the right key into the file of reason.endpoint_key_file"
                return UnavailableError(f"{self.name} refuses the key ({status})", hint)
            case httpx.codes.NOT_FOUND if "model" in said.lower():
                hint = "correct reason.endpoint_model"
                return UnavailableError(f"{self.name} does not know this model", hint)
            case httpx.codes.NOT_FOUND | httpx.codes.METHOD_NOT_ALLOWED:
                hint = "correct reason.endpoint; it mostly ends in /v1"
                return UnavailableError(f"{self._url} is no chat endpoint ({status})", hint)
            case httpx.codes.TOO_MANY_REQUESTS:
                return UnavailableError(f"{self.name} has too much to do (429)", "it is tried again")
            case httpx.codes.BAD_GATEWAY | httpx.codes.SERVICE_UNAVAILABLE | httpx.codes.GATEWAY_TIMEOUT:
                return UnavailableError(f"{self.name} is not ready ({status})", "it is tried again")
            case _:
                return _Refused(f"{status} {said}".strip())

    def _said(self, response: httpx.Response) -> str:
        """The server's own words, shortened, on one line."""
        text = " ".join(response.text.split())
        return (text.replace(self._key, "…") if self._key else text)[:160]

    def _explained(self, error: Exception) -> UnavailableError:
        match error:
            case httpx.ConnectError() | httpx.ConnectTimeout():
                hint = "start that server, or correct reason.endpoint; it is tried again"
                return UnavailableError(f"{self.name} cannot be reached", hint)
            case httpx.TransportError() if not isinstance(error, httpx_sse.SSEError):
                return UnavailableError(f"{self.name} broke off its answer", "see the log of that server")
            case _:
                return UnavailableError(
                    f"{self.name} answers rubbish", "see whether reason.endpoint is right"
                )


async def _next(events: Any) -> httpx_sse.ServerSentEvent | None:
    return await anext(events, None)


def _pieces(choice: _Choice) -> Iterator[chat.Piece]:
    """What one event brings, token by token where it comes with probabilities."""
    text = choice.delta.content or ""
    tokens = choice.logprobs.content or [] if choice.logprobs else []
    if "".join(token.text for token in tokens) == text:
        yield from tokens
    elif text:
        known = [token.logprob for token in tokens if token.logprob is not None]
        yield chat.Piece(text, sum(known) if tokens and len(known) == len(tokens) else None)


def _patient(check: Check, url: str) -> Check:
    """A check whose deadline is a fault of the server, not of a request."""

    def patient() -> None:
        try:
            check()
        except TooSlow:
            raise UnavailableError(
                f"{url} does not answer", "see the log of that server; it is tried again"
            ) from None

    return patient


def _checked(url: str, *, remote: bool) -> str:
    """The address without what is too much at its end; ModelError when it may not be used."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        host = ""
    if not host or parts.scheme not in ("http", "https"):
        raise ModelError(
            f"reason.endpoint {url!r} is no http address", "write it as http://127.0.0.1:8080/v1"
        )
    if not (remote or _is_loopback(host)):
        raise ModelError(
            f"reason.endpoint is not this device but {host}: what people say would leave it",
            "set reason.endpoint_remote = true if you want that",
        )
    return url.rstrip("/").removesuffix("/chat/completions")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

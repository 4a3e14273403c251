"""A chat endpoint for tests that says what it is told to, or misbehaves; real HTTP on loopback."""

from __future__ import annotations

import json
import math
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

Behaviour = Literal[
    "well",
    "endless",
    "hang",
    "silent",
    "cut",
    "cut_politely",
    "garbage",
    "page",
    "error_event",
    "redirect",
    "rubbish",
]
KEY = "sk-only-for-tests"


class ChatServer(ThreadingHTTPServer):
    """Answers each request with `answer`; `status` other than 200 refuses, quoting the key as some do."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = '{"do": [], "say": "Hello."}'
        self.behaviour: Behaviour = "well"
        self.probability: float | None = 0.99  # of every token; None: not told
        self.status, self.reason = 200, ""
        self.refused_fields: tuple[str, ...] = ()  # in a request's JSON text
        self.bodies: list[dict[str, Any]] = []
        self.tokens = 0  # sent
        self.hung_up = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, *_: Any) -> None:
        """Clients that hang up are what these tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: ChatServer

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.bodies.append(json.loads(text))
        server = self.server
        if self.path != "/v1/chat/completions":
            self._refuse(404, "no such page")
        elif self.headers.get("Authorization") != f"Bearer {KEY}":
            self._refuse(401, f"wrong key {self.headers.get('Authorization')}")
        elif server.status != 200:
            self._refuse(server.status, server.reason)
        elif refused := [field for field in server.refused_fields if field in text]:
            self._refuse(400, f"unknown {refused[0]}")
        elif server.behaviour == "redirect":
            self.send_response(307)
            self.send_header("Location", "http://192.0.2.1/v1/chat/completions")
            self.end_headers()
        else:
            self._stream()

    def _stream(self) -> None:
        behaviour = self.server.behaviour
        while behaviour == "silent":
            time.sleep(0.01)
            if self.connection.recv(1) == b"":
                self.server.hung_up.set()
                return
        self.send_response(200)
        self.send_header("Content-Type", "text/html" if behaviour == "page" else "text/event-stream")
        if behaviour == "cut":
            self.send_header("Content-Length", "100000")
        self.end_headers()
        try:
            if behaviour in ("garbage", "page"):
                self._send("<html>", raw=True)
                return
            if behaviour == "error_event":
                self._send(json.dumps({"error": {"message": "out of memory"}}), raw=True)
                return
            self._tokens(behaviour)
        except OSError:
            self.server.hung_up.set()

    def _tokens(self, behaviour: Behaviour) -> None:
        answer = "What a nonsense" if behaviour == "rubbish" else self.server.answer
        tokens = re.findall(r"\w+|\W", answer)
        for number, token in enumerate(tokens):
            if number == len(tokens) // 2 and behaviour in ("cut", "cut_politely"):
                return
            if number == len(tokens) - 3 and behaviour in ("hang", "endless"):
                self._linger(behaviour)
            self._send(token)
        self._send("", finish="stop")
        self._send("[DONE]", raw=True)

    def _linger(self, behaviour: Behaviour) -> None:
        while True:
            time.sleep(0.01)
            if behaviour == "endless":
                self._send(" and on")

    def _send(self, text: str, *, raw: bool = False, finish: str | None = None) -> None:
        if not raw:
            self.server.tokens += bool(text)
            choice: dict[str, Any] = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
            told = self.server.probability
            if told is not None and text and self.server.bodies[-1].get("logprobs"):
                choice["logprobs"] = {
                    "content": [{"token": text, "logprob": math.log(told), "top_logprobs": []}]
                }
            text = json.dumps({"object": "chat.completion.chunk", "choices": [choice]})
        self.wfile.write(f"data: {text}\n\n".encode())
        self.wfile.flush()

    def _refuse(self, status: int, reason: str) -> None:
        body = json.dumps({"error": {"message": reason}}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@contextmanager
def chat_server() -> Iterator[ChatServer]:
    """A running one."""
    server = ChatServer()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()

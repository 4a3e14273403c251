"""The MCP servers of the settings, spoken to through the official SDK on a thread of their own.

Each server is one task: it connects, says which tools there are, and runs one call after another; when the
connection ends it tries again after 2 s, doubling to a minute. `poll` gives what happened as events.
"""

from __future__ import annotations

import asyncio
import collections
import os
import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from device.events import DaemonFailed, Event, ToolCalled, ToolOffered
from device.settings import McpServer
from device.tools import mcp as words

_FIRST_RETRY_S, _LONGEST_RETRY_S = 2.0, 60.0
_CONNECT_S = 20.0
_ALIVE_EVERY_S = 10.0
_STOP_S = 2.0


class McpServers:
    """Runs until `close`; a server that cannot be reached harms nobody."""

    def __init__(self, servers: Mapping[str, McpServer]) -> None:
        self._servers = dict(servers)
        self._happened: collections.deque[Event] = collections.deque()
        self._ready = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._offers: dict[str, ToolOffered] = {}
        self._queues: dict[str, asyncio.Queue[ToolCalled]] = {name: asyncio.Queue() for name in servers}
        self._connected: set[str] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="mcp", daemon=True)
        self._thread.start()

    def fileno(self) -> int:
        """Readable while `poll` has something to give."""
        return self._ready

    def poll(self) -> list[Event]:
        """What happened since the last time."""
        try:
            os.eventfd_read(self._ready)
        except BlockingIOError:
            return []
        return [self._happened.popleft() for _ in range(len(self._happened))]

    def begin(self, called: ToolCalled) -> None:
        """Runs a tool; exactly one result follows."""
        name = str(called.arguments.get("entity") or "")
        server = name.partition(".")[0]
        if server not in self._servers or (server in self._connected and name not in self._offers):
            self._answer(called, "refused", "There is no such tool.")
        elif server not in self._connected:
            self._answer(called, "unreachable", f"The {server} tools cannot be reached at the moment.")
        else:
            self._loop.call_soon_threadsafe(self._queues[server].put_nowait, called)

    def close(self) -> None:
        """Ends the servers that were started."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_STOP_S)
        os.close(self._ready)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        tasks = [self._loop.create_task(self._keep(name)) for name in self._servers]
        self._loop.run_forever()
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.wait(tasks, timeout=_STOP_S) if tasks else asyncio.sleep(0))
        self._loop.close()

    async def _keep(self, name: str) -> None:
        delay_s, told = _FIRST_RETRY_S, ""
        while True:
            began = time.monotonic()
            try:
                await self._serve(name)
            except (Exception, BaseExceptionGroup) as error:
                reason = _cause(error)
                if reason != told:
                    told = reason
                    hint = f"see tools.mcp.{name}; it is tried again"
                    self._tell(DaemonFailed(daemon="home", reason=f"MCP server {name}: {reason}", hint=hint))
            self._withdraw(name)
            if time.monotonic() - began > _LONGEST_RETRY_S:
                delay_s = _FIRST_RETRY_S
            await asyncio.sleep(delay_s)
            delay_s = min(2 * delay_s, _LONGEST_RETRY_S)

    async def _serve(self, name: str) -> None:
        from mcp import Client, StdioServerParameters

        server = self._servers[name]
        if server.command:
            place: Any = StdioServerParameters(command=server.command[0], args=list(server.command[1:]))
        else:
            place = server.url
        async with Client(place, read_timeout_seconds=_CONNECT_S) as client:
            await self._list(client, name)
            self._connected.add(name)
            while True:
                try:
                    called = await asyncio.wait_for(self._queues[name].get(), _ALIVE_EVERY_S)
                except TimeoutError:
                    await self._list(client, name)  # the SDK does not tell that the other side is gone
                else:
                    await self._call(client, server, called)

    async def _list(self, client: Any, server: str) -> None:
        """Offers what the server has now, and withdraws what it has no longer."""
        tools = (await client.list_tools(cache_mode="refresh")).tools
        found = {
            f"{server}.{tool.name}": ToolOffered(
                name=f"{server}.{tool.name}",
                description=tool.description or "",
                arguments=msgspec.json.encode(tool.input_schema).decode(),
                only_reads=bool(tool.annotations and tool.annotations.read_only_hint),
            )
            for tool in tools
        }
        self._drop(name for name in self._of(server) if name not in found)
        for name, offer in found.items():
            if self._offers.get(name) != offer:
                self._offers[name] = offer
                self._tell(offer)

    async def _call(self, client: Any, server: McpServer, called: ToolCalled) -> None:
        began = time.monotonic()
        name = str(called.arguments["entity"])
        timeout_s = server.timeout_ms / 1000
        try:
            given = words.arguments(self._offers[name].arguments, called.arguments.get("value"))
            tool = name.partition(".")[2]
            result = await asyncio.wait_for(client.call_tool(tool, given), timeout_s)
        except words.BadArguments as error:
            self._answer(called, "refused", f"That does not fit: {error}.", began)
        except TimeoutError:
            self._answer(called, "no_answer", "That tool did not answer in time.", began)
        except BaseException:
            self._answer(called, "unreachable", "That tool cannot be reached at the moment.", began)
            raise
        else:
            said = words.answer(item.text for item in result.content if getattr(item, "text", None))
            if result.is_error:
                self._answer(called, "refused", "That tool reports an error.", began)
            else:
                self._answer(called, "", said, began)

    def _withdraw(self, server: str) -> None:
        self._connected.discard(server)
        queue = self._queues[server]
        while not queue.empty():
            called = queue.get_nowait()
            self._answer(called, "unreachable", f"The {server} tools cannot be reached at the moment.")
        self._drop(self._of(server))

    def _of(self, server: str) -> list[str]:
        return [name for name in self._offers if name.partition(".")[0] == server]

    def _drop(self, names: Iterable[str]) -> None:
        for name in names:
            del self._offers[name]
            self._tell(ToolOffered(name=name, offered=False))

    def _answer(self, called: ToolCalled, error: Any, said: str, began: float | None = None) -> None:
        took_ms = 0.0 if began is None else (time.monotonic() - began) * 1000
        self._tell(called.result(error, said=said, took_ms=took_ms))

    def _tell(self, event: Event) -> None:
        self._happened.append(event)
        os.eventfd_write(self._ready, 1)


def _cause(error: BaseException) -> str:
    """The innermost reason, as one line."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, ImportError):
        return "the SDK is not installed: pip install 'wren[mcp]'"
    return f"{type(error).__name__}: {error}".splitlines()[0][:200]

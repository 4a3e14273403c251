"""A server of the Model Context Protocol for tests: two harmless tools, a risky one, one that fails, one that hangs."""

from __future__ import annotations

import time

from mcp.server.mcpserver import MCPServer
from mcp.types import ToolAnnotations

READS = ToolAnnotations(read_only_hint=True)
server = MCPServer("tests")


@server.tool(annotations=READS)
def tide(place: str) -> str:
    """Tells when the water is high at a place."""
    return f"High water at {place} is at noon."


@server.tool(annotations=READS)
def double(number: int) -> str:
    """Doubles a number."""
    return f"That makes {number * 2}."


@server.tool()
def order_pizza() -> str:
    """Orders a pizza."""
    return "The pizza is ordered."


@server.tool(annotations=READS)
def broken() -> str:
    """Always fails."""
    raise RuntimeError("no")


@server.tool(annotations=READS)
def slow() -> str:
    """Takes its time."""
    time.sleep(30)
    return "at last"


@server.tool(annotations=READS)
def distance(start: str, end: str) -> str:
    """How far it is from one place to another."""
    return f"From {start} to {end} it is a mile."


if __name__ == "__main__":
    server.run("stdio")

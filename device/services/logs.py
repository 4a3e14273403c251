"""Structured log records: one JSON object a line on standard error, which the journal keeps."""

from __future__ import annotations

import logging
import sys
import time
from typing import Any

import msgspec

_STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """Renders time, level, daemon, message and every `extra` field."""

    def __init__(self, daemon: str) -> None:
        super().__init__()
        self._daemon = daemon

    def format(self, record: logging.LogRecord) -> str:
        """One JSON object."""
        row: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "daemon": self._daemon,
            "message": record.getMessage(),
        }
        row |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            row["traceback"] = self.formatException(record.exc_info)
        return msgspec.json.encode(row, enc_hook=str).decode()


def configure(daemon: str, level: str) -> None:
    """Sends all records of this process to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(daemon))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)

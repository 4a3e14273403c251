"""A source of models to fetch from: a real HTTP server that resumes, cuts, slows and lies on demand."""

from __future__ import annotations

import hashlib
import io
import re
import threading
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from models.catalog import File, Model
from models.pip_settings import PipSettings


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def wheel(members: Mapping[str, bytes]) -> bytes:
    """Return the bytes of a wheel that holds `members`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def index_page(wheels: Mapping[str, bytes]) -> bytes:
    """Return the page of a package index that lists `wheels`, file name to bytes, beside itself."""
    links = (f'<a href="{name}#sha256={sha256(data)}">{name}</a>' for name, data in wheels.items())
    return f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>".encode()


def url_model(url: str, **more: object) -> Model:
    """Return a catalog entry with one file at `url`."""
    pinned = {key: more.pop(key) for key in ("sha256", "bytes") if key in more}
    entry = {
        "name": "tiny",
        "role": "vad",
        "engine": "silero",
        "version": "1",
        "licence": "MIT",
        "licence_url": "https://example.org/licence",
        "memory_mb": 1,
        "origin": "the test",
    }
    return Model(**{**entry, **more}, file=(File(key="model", name="model.bin", url=url, **pinned),))  # type: ignore[arg-type]


class Source:
    """What the server serves, and what it was asked for."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.cut_after: list[int] = []
        """Bytes after which the next answers break off, one entry per answer."""
        self.chunk_pause_s = 0.0
        self.ranges: list[str | None] = []
        """Range header of each request for a file."""
        self.address = ""

    @property
    def index(self) -> PipSettings:
        """Pip settings that name this server as the package index."""
        return PipSettings(index_url=f"{self.address}/simple/")

    def add_wheel(self, filename: str, members: Mapping[str, bytes]) -> None:
        """Publish a wheel and its page of the package index."""
        package = filename.partition("-")[0].replace("_", "-")
        data = wheel(members)
        self.files[f"/simple/{package}/"] = index_page({filename: data})
        self.files[f"/simple/{package}/{filename}"] = data


def _handler(source: Source) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            data = source.files.get(self.path)
            asked = self.headers.get("Range")
            if data is None:
                self.send_error(404)
                return
            page = self.path.endswith("/")
            if not page:
                source.ranges.append(asked)
            etag = f'"{sha256(data)}"'
            start = 0
            match = re.fullmatch(r"bytes=(\d+)-", asked or "")
            if match and self.headers.get("If-Range") == etag:
                start = int(match[1])
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            self.send_header("ETag", etag)
            self.send_header("Content-Type", "text/html" if page else "application/octet-stream")
            self.send_header("Content-Length", str(len(data) - start))
            self.end_headers()
            end = len(data)
            if not page and source.cut_after:
                end = start + source.cut_after.pop(0)
                self.close_connection = True
            for at in range(start, end, 4096):
                self.wfile.write(data[at : min(at + 4096, end)])
                time.sleep(source.chunk_pause_s)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    return Handler


@contextmanager
def running_source() -> Iterator[Source]:
    """Serve on a loopback port for as long as the block lasts."""
    source = Source()
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(source)) as server:
        server.daemon_threads = True
        source.address = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield source
        server.shutdown()
        thread.join()

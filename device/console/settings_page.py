"""`wren settings`: what can be set, and changing the file without disturbing its comments."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import tomlkit
from rich.console import Console
from rich.table import Table

from device import settings as settings_module
from device.bus.client import HubClient
from device.bus.paths import events_socket
from device.events import SettingsChanged
from device.faults import Fault
from device.settings import Settings


def show(settings: Settings, console: Console) -> None:
    """All settings in force."""
    table = Table(title=f"Settings ({settings_module.default_path()})", title_justify="left")
    for column in ("name", "value", "type", "meaning"):
        table.add_column(column, overflow="fold")
    for name, kind, _, text in settings_module.describe():
        table.add_row(name, msgspec.json.encode(_value(settings, name)).decode(), kind, text)
    console.print(table)


def change(assignments: Sequence[str], path: Path, console: Console) -> None:
    """Writes `section.name=value` pairs to the file and tells a running Wren. Raises Fault, SettingsError."""
    document = tomlkit.parse(path.read_text(encoding="utf-8")) if path.exists() else tomlkit.document()
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise Fault(f"{assignment} assigns nothing", "write it as wake.threshold=0.6")
        table: Any = document
        *sections, last = name.strip().split(".")
        for section in sections:
            table = table.setdefault(section, tomlkit.table())
        table[last] = _parse(text.strip())
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(tomlkit.dumps(document), encoding="utf-8")
    try:
        settings = settings_module.load(fresh)
    except settings_module.SettingsError:
        fresh.unlink()
        raise
    fresh.replace(path)
    names = [assignment.partition("=")[0].strip() for assignment in assignments]
    if adjusted := {name: None for name in names if name in settings_module.ADJUSTABLE}:
        settings_module.adjust(settings, adjusted)
    bus = HubClient(events_socket(settings_module.runtime_dir(settings)))
    bus.wait(0)
    running = bus.connected
    bus.send(SettingsChanged())
    bus.close()
    console.print(f"{path} changed" + (", and the running Wren told" if running else ""))


def _parse(text: str) -> Any:
    """A TOML value; what is none is taken as a string."""
    try:
        return tomllib.loads(f"x = {text}")["x"]
    except tomllib.TOMLDecodeError:
        return text


def _value(settings: Settings, name: str) -> Any:
    value: Any = settings
    for part in name.split("."):
        value = getattr(value, part)
    return value

"""Generates `docs/events.md` and `docs/settings.md`: `python -m device.console.pages` (`make docs`)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, get_args, get_origin

import msgspec

from device import events, settings

DOCS = Path(__file__).parents[2] / "docs"
_COMMON = set(events.Event.__struct_fields__)


def events_page() -> str:
    """Every event with its fields, senders and readers."""
    lines = ["# Events", "", "Generated from `device/events.py`; `make docs` writes it anew.", ""]
    lines += [
        (events.__doc__ or "").strip(),
        "",
        "Every row has `event`, `t_ns`, `frame`, `session` and `turn`.",
        "",
    ]
    lines += ["| event | fields | meaning, sender → readers | retained |", "|---|---|---|---|"]
    for name, kind in sorted(events.EVENTS.items()):
        fields = ", ".join(
            f"`{field.encode_name}`: {_type_name(field.type)}"
            for field in msgspec.structs.fields(kind)
            if field.name not in _COMMON
        )
        retained = "" if kind.retained_by is None else ", ".join(("session", *kind.retained_by))
        lines.append(f"| `{name}` | {fields} | {' '.join((kind.__doc__ or '').split())} | {retained} |")
    return "\n".join(lines) + "\n"


def settings_page() -> str:
    """Every setting with type, bounds, default and meaning."""
    lines = ["# Settings", "", "Generated from `device/settings.py`; `make docs` writes it anew.", ""]
    lines += [(settings.__doc__ or "").strip(), ""]
    lines += ["| setting | type | default | meaning |", "|---|---|---|---|"]
    for name, kind, default, text in settings.describe():
        lines.append(f"| `{name}` | {kind.replace('|', 'or')} | `{default}` | {text} |")
    return "\n".join(lines) + "\n"


def _type_name(kind: object) -> str:
    if get_origin(kind) is Literal:
        return " or ".join(f'"{value}"' for value in get_args(kind))
    name = kind.__name__ if isinstance(kind, type) and not get_args(kind) else str(kind)
    return re.sub(r"(device\.\w+(\.\w+)*\.)", "", name).replace("|", "or")


PAGES = {"events.md": events_page, "settings.md": settings_page}

if __name__ == "__main__":
    for file, page in PAGES.items():
        (DOCS / file).write_text(page(), encoding="utf-8")

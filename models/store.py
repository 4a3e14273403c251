"""The models on this machine: content-addressed files, readable names, one active model per role.

    from models.store import Store

    asr = Store().active("asr")           # ModelMissing says: run `wren models fetch`
    asr.name, asr.entry.engine            # "moonshine-tiny-en", "moonshine"
    asr.files["encoder"]                  # Path; the keys are those of `catalog.toml` and `derive.py`
    asr.directory                         # folder with all files under their readable names
    Store().get("en_US-amy-medium")       # any model that was fetched, active or not

Layout under `$WREN_MODELS`, else `$WREN_CACHE_DIR/models`, else the user's cache (`~/.cache/wren/models`):

    blobs/sha256/<hash>                   contents, read-only, each once
    models/<role>/<name>@<version>/       hard links to them under readable names, and `manifest.json`
    active/<role>.json                    which model is in use, and which was before
    downloads/                            pieces of unfinished downloads
    recorded.json                         checksums that were recorded at first download

Rules: a model is installed when its manifest is there, and that is written last; a role switches by one
rename, so that a reader finds the old model or the new one; nothing is removed but by `prune`, and never the
active or the previous model. Readers need no lock; writers hold `locked()`.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec
from platformdirs import user_cache_path

from models.catalog import ROLES, File, Model, Role
from models.errors import BadChecksum, ModelMissing, StoreError, StoreFull

FETCH = "run `wren models fetch`"
_T = TypeVar("_T")


class InstalledFile(msgspec.Struct, frozen=True):
    """A file of an installed model."""

    key: str
    name: str
    sha256: str
    bytes: int


class Manifest(msgspec.Struct, frozen=True):
    """An installed model: its catalog entry at the time, and its files with the derived ones."""

    entry: Model
    files: tuple[InstalledFile, ...]


class ActiveModel(msgspec.Struct, frozen=True):
    """A model that is ready to be loaded."""

    name: str
    entry: Model
    directory: Path
    files: dict[str, Path]


class Choice(msgspec.Struct, frozen=True):
    """What a role uses: folder names under `models/<role>`."""

    current: str
    previous: str | None = None


class Damage(msgspec.Struct, frozen=True):
    """A file whose contents are not what was installed."""

    model: str
    file: str


class Pruned(msgspec.Struct, frozen=True):
    """What `prune` removed."""

    models: tuple[str, ...]
    bytes: int


def default_root() -> Path:
    """Where the store of this user is."""
    chosen = os.environ.get("WREN_MODELS")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("WREN_CACHE_DIR") or user_cache_path("wren")) / "models"


class Store:
    """A store at `root`, by default this user's. Creating one touches nothing."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or default_root()
        self.blobs = self.root / "blobs/sha256"
        self.downloads = self.root / "downloads"

    # What daemons use.

    def active(self, role: Role) -> ActiveModel:
        """Return the model in use for `role`. Raises ModelMissing."""
        choice = self.choice(role)
        if choice is None:
            raise ModelMissing(f"no {role} model in {self.root}", FETCH)
        return self._loadable(role, choice.current)

    def get(self, name: str) -> ActiveModel:
        """Return a fetched model by its name, the active version before others. Raises ModelMissing."""
        for manifest in self.installed():
            choice = self.choice(manifest.entry.role)
            if manifest.entry.name == name and (choice is None or choice.current == manifest.entry.folder):
                return self._loadable(manifest.entry.role, manifest.entry.folder)
        for manifest in reversed(self.installed()):
            if manifest.entry.name == name:
                return self._loadable(manifest.entry.role, manifest.entry.folder)
        raise ModelMissing(f"the model {name!r} has not been fetched", f"run `wren models fetch {name}`")

    # What is there.

    def choice(self, role: Role) -> Choice | None:
        """Return what `role` uses, None before the first activation."""
        return self._read(self.root / "active" / f"{role}.json", Choice)

    def installed(self) -> list[Manifest]:
        """Every installed model, by role and then by folder name."""
        folders = (
            folder
            for role in ROLES
            for folder in sorted((self.root / "models" / role).glob("*@*"))
            if folder.is_dir()
        )
        manifests = (self._read(folder / "manifest.json", Manifest) for folder in folders)
        return [manifest for manifest in manifests if manifest is not None]

    def manifest(self, entry: Model) -> Manifest | None:
        """Return the installed form of this version of a model."""
        return self._read(self._folder(entry.role, entry.folder) / "manifest.json", Manifest)

    def is_complete(self, manifest: Manifest) -> bool:
        """Tell whether every file is there with its size; contents are checked by `verify`."""
        folder = self._folder(manifest.entry.role, manifest.entry.folder)
        return all(
            _size(folder / file.name) == file.bytes and _size(self.blobs / file.sha256) == file.bytes
            for file in manifest.files
        )

    def recorded(self) -> dict[str, str]:
        """Checksums recorded at first download: "model@version/file" to SHA-256."""
        return self._read(self.root / "recorded.json", dict[str, str]) or {}

    def checksum(self, entry: Model, file: File) -> str | None:
        """Return the SHA-256 the file must have: pinned, else recorded, else None."""
        return file.sha256 or self.recorded().get(f"{entry.folder}/{file.name}")

    # What fetching uses.

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the store for writing; waits for another process that does. Raises StoreError."""
        with self._writing():
            self.root.mkdir(parents=True, exist_ok=True)
            with (self.root / "lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield

    def add_blob(self, path: Path, expected: str | None, label: str) -> InstalledFile:
        """Move a finished file into the store after checking it; `label` names it in errors.

        Raises BadChecksum and removes the file when its SHA-256 is not `expected` (None: anything goes).
        """
        actual = sha256_of(path)
        if expected is not None and actual != expected:
            path.unlink()
            raise BadChecksum(
                f"{label} arrived with checksum {actual[:12]}…, not {expected[:12]}…, and was thrown away",
                "the model in use is unchanged; fetch again, and if it stays so, the source has changed its "
                "file: leave it, or accept it by removing the old checksum from the catalog or from "
                f"{self.root / 'recorded.json'}",
            )
        self.blobs.mkdir(parents=True, exist_ok=True)
        size = path.stat().st_size
        path.chmod(0o444)
        path.replace(self.blobs / actual)
        _sync(self.blobs)
        return InstalledFile(key="", name=path.name, sha256=actual, bytes=size)

    def record(self, entry: Model, file: File, sha256: str) -> None:
        """Keep the checksum of a first download; it is enforced from now on."""
        self._write(self.root / "recorded.json", self.recorded() | {f"{entry.folder}/{file.name}": sha256})

    def install(self, manifest: Manifest) -> None:
        """Give the blobs of a model their readable names, and write its manifest last."""
        folder = self._folder(manifest.entry.role, manifest.entry.folder)
        folder.mkdir(parents=True, exist_ok=True)
        for file in manifest.files:
            fresh = folder / f".{file.name}.new"
            fresh.unlink(missing_ok=True)
            os.link(self.blobs / file.sha256, fresh)
            fresh.replace(folder / file.name)
        self._write(folder / "manifest.json", manifest)
        for path in set(folder.iterdir()) - {folder / file.name for file in manifest.files}:
            if path.name != "manifest.json":
                path.unlink()

    # What people ask for.

    def activate(self, entry: Model) -> None:
        """Let a role use an installed model from now on, in one step. Raises ModelMissing."""
        self._loadable(entry.role, entry.folder)
        choice = self.choice(entry.role)
        if choice is None or choice.current != entry.folder:
            self._write(
                self.root / "active" / f"{entry.role}.json",
                Choice(current=entry.folder, previous=choice.current if choice else None),
            )

    def verify(self, manifest: Manifest) -> list[Damage]:
        """Read every byte of a model and take damaged contents out, so that the next fetch replaces them."""
        damages = []
        folder = self._folder(manifest.entry.role, manifest.entry.folder)
        for file in manifest.files:
            path = folder / file.name
            if _size(path) != file.bytes or sha256_of(path) != file.sha256:
                damages.append(Damage(manifest.entry.name, file.name))
                (self.blobs / file.sha256).unlink(missing_ok=True)
        return damages

    def prune(self) -> Pruned:
        """Remove models that are neither active nor the ones before, unused contents, and old pieces."""
        kept: set[str] = set()
        removed: list[str] = []
        freed = 0
        for manifest in self.installed():
            entry = manifest.entry
            choice = self.choice(entry.role)
            if choice is not None and entry.folder in (choice.current, choice.previous):
                kept |= {file.sha256 for file in manifest.files}
                continue
            folder = self._folder(entry.role, entry.folder)
            (folder / "manifest.json").unlink()
            shutil.rmtree(folder)
            removed.append(entry.folder)
        for blob in self.blobs.glob("*"):
            if blob.name not in kept:
                freed += blob.stat().st_size
                blob.unlink()
        freed += sum(path.stat().st_size for path in self.downloads.rglob("*") if path.is_file())
        shutil.rmtree(self.downloads, ignore_errors=True)
        return Pruned(tuple(removed), freed)

    def _folder(self, role: Role, name: str) -> Path:
        return self.root / "models" / role / name

    def _loadable(self, role: Role, name: str) -> ActiveModel:
        folder = self._folder(role, name)
        manifest = self._read(folder / "manifest.json", Manifest)
        if manifest is None:
            raise ModelMissing(f"the {role} model {name} is not in {self.root}", FETCH)
        files = {file.key: folder / file.name for file in manifest.files}
        gone = [file.name for file in manifest.files if _size(folder / file.name) != file.bytes]
        if gone:
            raise ModelMissing(f"the {role} model {name} is damaged ({', '.join(gone)})", FETCH)
        return ActiveModel(manifest.entry.name, manifest.entry, folder, files)

    def _read(self, path: Path, kind: type[_T]) -> _T | None:
        try:
            return msgspec.json.decode(path.read_bytes(), type=kind)
        except FileNotFoundError:
            return None
        except PermissionError as error:
            raise StoreError(
                f"{path} cannot be read ({error.strerror})", "run it as the user who owns it"
            ) from error
        except msgspec.DecodeError:
            return None

    def _write(self, path: Path, value: object) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.new")
        with fresh.open("wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(value)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        _sync(path.parent)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise store_error(self.root, error) from error


def store_error(root: Path, error: OSError) -> StoreError:
    """Say what an operating system error means for the store at `root`, and what to do."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return StoreFull(
            f"no space left for models in {root}",
            "the model in use is unchanged; run `wren models prune`, free space, or choose another disk with "
            "WREN_MODELS, and fetch again: it goes on where it stopped",
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return StoreError(
            f"{error.filename or root} cannot be written ({error.strerror})",
            "run it as the user who owns the store, or choose another place with WREN_MODELS",
        )
    return StoreError(f"the model store {root} failed ({error})", "check the disk, then fetch again")


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return -1


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

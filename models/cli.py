"""`wren models`: list, fetch, use, verify, prune."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from models import progress
from models.catalog import ROLES, Catalog, File, Model, load
from models.errors import Interrupted, ModelError, ModelMissing
from models.fetch import fetch as fetch_models
from models.store import Store

INTERRUPTED_STATUS = 130
PLAIN_WIDTH = 160

app = typer.Typer(
    name="models", help="Models of each role: see, fetch, choose, check and clean up.", no_args_is_help=True
)
Names = Annotated[list[str] | None, typer.Argument(help="model names, see `wren models list`")]


@app.command("list")
def list_() -> None:
    """Show every model: role, state, size, memory, licence, and whether its checksum is known."""
    store = Store()
    table = Table(box=None, pad_edge=False)
    for column in ("role", "name", "state", "MB", "memory", "licence", "checksum", "for"):
        table.add_column(column, overflow="fold", no_wrap=column in ("role", "state", "memory"))
    catalog = load()
    entries = sorted(catalog.model, key=lambda entry: ROLES.index(entry.role))
    with _errors_told():
        for entry in entries:
            table.add_row(
                entry.role,
                entry.name,
                _state(store, entry),
                f"{entry.bytes / 1e6:,.0f}" if entry.bytes else "?",
                f"{entry.memory_mb:,} MB",
                entry.licence + (" [bold]non-commercial[/bold]" if entry.non_commercial else ""),
                _checksums(store, entry),
                ", ".join(("default",) * entry.default + entry.recommended),
            )
    console = Console()
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    console.print(table)
    console.print(f"store: {store.root}", highlight=False, soft_wrap=True)


@app.command()
def fetch(names: Names = None) -> None:
    """Download models, by default the embedded default set; goes on where it stopped."""
    store = Store()
    console = Console()
    with _errors_told(), progress.meter(console) as meter:
        entries = _entries(load(), names)
        for entry in entries:
            if entry.non_commercial:
                meter.say(f"{entry.name}: {entry.licence}, not for commercial use; {entry.licence_url}")
        fetched = fetch_models(store, entries, meter)
    if not fetched:
        console.print(f"{len(entries)} models are complete in {store.root}", highlight=False, soft_wrap=True)
    for entry in entries:
        choice = store.choice(entry.role)
        if choice is not None and choice.current != entry.folder:
            console.print(
                f"{entry.name} is here; `wren models use {entry.name}` puts it to use", highlight=False
            )


@app.command()
def use(name: Annotated[str, typer.Argument(help="model name")]) -> None:
    """Put a fetched model to use in its role; daemons load it when they start."""
    store = Store()
    with _errors_told(), store.locked():
        entry = load().get(name)
        manifest = store.manifest(entry)
        if manifest is None:
            raise ModelMissing(f"{name} has not been fetched", f"run `wren models fetch {name}`")
        if store.verify(manifest):
            raise ModelMissing(
                f"{name} is damaged", f"run `wren models fetch {name}`; the model in use is unchanged"
            )
        store.activate(entry)
    Console().print(f"{entry.role}: {name} is in use; restart Wren to load it", highlight=False)


@app.command()
def verify() -> None:
    """Read every byte of every fetched model and compare the checksums."""
    store = Store()
    console = Console()
    with _errors_told(), store.locked():
        manifests = store.installed()
        damages = []
        for manifest in manifests:
            found = store.verify(manifest)
            damages += found
            console.print(
                f"{'damaged' if found else 'good':8} {manifest.entry.role:6} {manifest.entry.name}",
                highlight=False,
            )
        if damages:
            broken = sorted({damage.model for damage in damages})
            raise ModelMissing(
                f"damaged: {', '.join(f'{damage.file} of {damage.model}' for damage in damages)}",
                f"run `wren models fetch {' '.join(broken)}`",
            )
        if not manifests:
            raise ModelMissing(f"no models in {store.root}", "run `wren models fetch`")


@app.command()
def prune() -> None:
    """Remove models that are neither in use nor the ones before, and unfinished downloads."""
    store = Store()
    with _errors_told(), store.locked():
        pruned = store.prune()
    console = Console()
    for folder in pruned.models:
        console.print(f"removed {folder}", highlight=False)
    console.print(f"{pruned.bytes / 1e6:,.0f} MB freed", highlight=False)


def _entries(catalog: Catalog, names: list[str] | None) -> list[Model]:
    return [catalog.get(name) for name in names] if names else list(catalog.defaults())


def _state(store: Store, entry: Model) -> str:
    manifest, choice = store.manifest(entry), store.choice(entry.role)
    current = choice.current if choice is not None else ""
    if manifest is None:
        return "older active" if current.partition("@")[0] == entry.name else ""
    if not store.is_complete(manifest):
        return "damaged"
    return "active" if current == entry.folder else "fetched"


def _checksums(store: Store, entry: Model) -> str:
    def of(file: File) -> str:
        if file.sha256:
            return "pinned"
        return "recorded at first download" if store.checksum(entry, file) else "unverified"

    kinds = {of(file) for file in entry.file}
    return next(kind for kind in ("unverified", "recorded at first download", "pinned") if kind in kinds)


@contextlib.contextmanager
def _errors_told() -> Iterator[None]:
    try:
        yield
    except ModelError as error:
        _tell(str(error))
        raise typer.Exit(INTERRUPTED_STATUS if isinstance(error, Interrupted) else 1) from error
    except KeyboardInterrupt:
        _tell("stopped: run it again to go on where it stopped; the models in use are unchanged")
        raise typer.Exit(INTERRUPTED_STATUS) from None


def _tell(line: str) -> None:
    Console(stderr=True).print(f"wren models: {line}", highlight=False, markup=False, soft_wrap=True)

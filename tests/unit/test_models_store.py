"""The store and the commands over it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from models import cli
from models.catalog import Catalog, Model
from models.errors import ModelMissing, StoreError
from models.fetch import fetch
from models.pip_settings import PipSettings
from models.progress import Lines, Meter
from models.store import Store, default_root
from tests.model_source import Source, running_source, sha256, url_model

RUNNER = CliRunner()


@pytest.fixture
def source() -> Iterator[Source]:
    with running_source() as source:
        yield source


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("WREN_MODELS", str(tmp_path / "store"))
    return Store()


@pytest.fixture
def entries(source: Source, monkeypatch: pytest.MonkeyPatch) -> list[Model]:
    """Three models of one role; the first is the default, the third must not be sold."""
    for name in ("one", "two", "three"):
        source.files[f"/{name}"] = name.encode()
    entries = [
        url_model(f"{source.address}/one", name="one", default=True, sha256=sha256(b"one"), bytes=3),
        url_model(f"{source.address}/two", name="two"),
        url_model(f"{source.address}/three", name="three", licence="CC-BY-NC-4.0", non_commercial=True),
    ]
    monkeypatch.setattr(cli, "load", lambda: Catalog(model=tuple(entries)))
    return entries


def bring(store: Store, *entries: Model) -> None:
    fetch(store, entries, Meter(), PipSettings())


def run(*arguments: str) -> str:
    result = RUNNER.invoke(cli.app, arguments)
    assert result.exit_code == 0, result.output
    return result.output


def refused(*arguments: str) -> str:
    result = RUNNER.invoke(cli.app, arguments)
    assert result.exit_code == 1
    return " ".join(result.output.split())


def row(listing: str, name: str) -> str:
    return next(line for line in listing.splitlines() if name in line.split())


def test_a_role_without_a_model_says_how_to_get_one(store: Store) -> None:
    with pytest.raises(ModelMissing, match="run `wren models fetch`"):
        store.active("asr")


def test_a_model_that_lost_a_file_is_not_handed_out(store: Store, entries: list[Model]) -> None:
    bring(store, entries[0])
    store.active("vad").files["model"].unlink()
    with pytest.raises(ModelMissing, match=r"damaged \(model\.bin\)"):
        store.active("vad")
    bring(store, entries[0])
    assert store.active("vad").files["model"].read_bytes() == b"one"


def test_a_model_is_found_by_name_whether_active_or_not(store: Store, entries: list[Model]) -> None:
    bring(store, *entries)
    assert store.active("vad").name == "one"
    assert store.get("two").files["model"].read_bytes() == b"two"
    with pytest.raises(ModelMissing, match="wren models fetch four"):
        store.get("four")


def test_using_another_model_keeps_the_previous_one_through_a_prune(
    store: Store, entries: list[Model]
) -> None:
    run("fetch", "one", "two", "three")
    run("use", "two")
    assert store.active("vad").name == "two"
    assert "removed three@1" in run("prune")
    run("use", "one")
    assert store.active("vad").files["model"].read_bytes() == b"one"


def test_contents_that_two_models_share_outlive_one_of_them(store: Store, entries: list[Model]) -> None:
    twin = url_model(entries[0].file[0].url or "", name="twin")
    bring(store, entries[0], twin)
    store.prune()
    assert store.is_complete(store.installed()[0])


def test_stored_contents_cannot_be_written_by_accident(store: Store, entries: list[Model]) -> None:
    bring(store, entries[0])
    assert store.active("vad").files["model"].stat().st_mode & 0o222 == 0


def test_a_store_that_cannot_be_written_says_how_to_choose_another(store: Store) -> None:
    store.root.parent.mkdir(parents=True, exist_ok=True)
    store.root.write_text("a file is in the way")
    with pytest.raises(StoreError, match="check the disk"), store.locked():
        pass


def test_the_place_of_the_store_is_the_users_cache_unless_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WREN_MODELS", raising=False)
    monkeypatch.delenv("WREN_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert default_root() == Path("/somewhere/wren/models")
    monkeypatch.setenv("WREN_MODELS", "/var/lib/wren/models")
    assert default_root() == Path("/var/lib/wren/models")


def test_the_list_tells_state_licence_and_how_far_a_checksum_is_trusted(
    store: Store, entries: list[Model]
) -> None:
    before = run("list")
    assert "pinned" in row(before, "one")
    assert "unverified" in row(before, "two")
    assert "non-commercial" in row(before, "three")
    run("fetch", "one", "two")
    after = run("list")
    assert "active" in row(after, "one")
    assert "fetched" in row(after, "two")
    assert "recorded at first download" in row(after, "two")


def test_the_list_shows_that_an_older_version_is_in_use(store: Store, entries: list[Model]) -> None:
    bring(store, url_model(entries[0].file[0].url or "", name="one", version="0"))
    assert "older active" in row(run("list"), "one")
    run("fetch")
    assert "older" not in row(run("list"), "one")


def test_fetching_without_names_brings_the_default_set(store: Store, entries: list[Model]) -> None:
    assert "one is ready" in run("fetch")
    assert [manifest.entry.name for manifest in store.installed()] == ["one"]
    assert "complete" in run("fetch")


def test_fetching_a_non_commercial_model_shows_its_licence(store: Store, entries: list[Model]) -> None:
    output = run("fetch", "three")
    assert "CC-BY-NC-4.0, not for commercial use" in output


def test_fetching_beside_the_active_model_says_how_to_use_it(store: Store, entries: list[Model]) -> None:
    run("fetch")
    assert "wren models use two" in run("fetch", "two")


def test_damage_is_found_by_verify_and_repaired_by_fetch(store: Store, entries: list[Model]) -> None:
    run("fetch")
    path = store.active("vad").files["model"]
    path.chmod(0o644)
    path.write_bytes(b"0ne")
    assert "run `wren models fetch one`" in refused("verify")
    run("fetch", "one")
    assert path.read_bytes() == b"one"
    assert "good" in run("verify")


def test_every_refusal_is_one_line_with_the_next_step(store: Store, entries: list[Model]) -> None:
    assert "wren models list" in refused("fetch", "nothing")
    assert "wren models fetch two" in refused("use", "two")
    assert "run `wren models fetch`" in refused("verify")


def test_a_log_shows_progress_as_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with Lines(Console(width=200), every_s=0.0) as meter:
        meter._next = 0.0
        meter.expect(4_000_000)
        meter.update("thing", 0.5, 4_000_000)
    assert capsys.readouterr().out == "2 of 4 MB (50 %)  thing\n"

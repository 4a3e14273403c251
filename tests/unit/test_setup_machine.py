"""The machine set-up: what it pins, what it asks of a machine, and how it fails."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest

import setup_machine

ROOT = Path(setup_machine.__file__).parent


def test_the_llama_wheel_that_is_built_is_the_one_wren_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert setup_machine.LLAMA in project["dependencies"]


def test_everything_wren_asks_for_is_locked_but_the_wheel_that_is_built_here() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    locked = {line.split(" ")[0] for line in setup_machine.LOCK.read_text().splitlines() if "==" in line}
    assert {name.lower() for name in wanted} - locked == {setup_machine.LLAMA}


def test_pulseaudio_is_left_out_where_pipewire_serves() -> None:
    assert setup_machine.not_wanted({"pipewire-pulse", "mosquitto"}) == {"pulseaudio"}
    assert setup_machine.not_wanted({"mosquitto"}) == set()


def test_another_kind_of_processor_or_system_gets_a_wheel_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    here = setup_machine.llama_folder()
    monkeypatch.setattr("platform.libc_ver", lambda: ("glibc", "2.99"))
    elsewhere = setup_machine.llama_folder()
    monkeypatch.setattr(setup_machine, "LLAMA_CMAKE_ARGS", "-DGGML_NATIVE=OFF")
    assert len({here, elsewhere, setup_machine.llama_folder()}) == 3


@pytest.mark.parametrize("version", [(3, 10), (3, 14)])
def test_an_unsuitable_python_is_refused_with_the_way_to_name_another(
    version: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "version_info", (*version, 0))
    with pytest.raises(setup_machine.SetupError, match=r"make setup PYTHON="):
        setup_machine.check_python()


def test_a_build_that_fails_shows_its_last_lines(capfd: pytest.CaptureFixture[str]) -> None:
    script = "print('the compiler is missing'); raise SystemExit(3)"
    with pytest.raises(setup_machine.SetupError, match="building a thing failed"):
        setup_machine.watch([sys.executable, "-c", script], {}, "building a thing")
    assert "the compiler is missing" in capfd.readouterr().err


def test_a_long_build_shows_how_far_it_is(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setup_machine, "QUIET_LINE_EVERY_S", 0.05)
    script = "import time; print('[7/140] Building CXX object', flush=True); time.sleep(0.5)"
    setup_machine.watch([sys.executable, "-c", script], {}, "building a thing")
    assert "building a thing [7/140]" in capfd.readouterr().out


def test_the_package_index_of_pip_is_handed_to_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example/simple")
    monkeypatch.delenv("UV_DEFAULT_INDEX", raising=False)
    assert setup_machine.uv_environment()["UV_DEFAULT_INDEX"] == "https://mirror.example/simple"

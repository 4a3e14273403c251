"""Settings: sources, their order, and messages that say where and what."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from rich.console import Console

from device import settings
from device.console import pages, settings_page
from device.settings import SettingsError


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "wren.toml"
    path.write_text(text)
    return path


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(tmp_path: Path) -> None:
    path = written(tmp_path, "[listen]\nunsure_silence_ms = 600\nmaximum_turn_ms = 9000\n")
    loaded = settings.load(
        path, {"WREN_LISTEN__UNSURE_SILENCE_MS": "700", "WREN_SIMULATOR__MIC": '["a.wav"]'}
    )
    assert (loaded.listen.unsure_silence_ms, loaded.listen.maximum_turn_ms) == (700, 9000)
    assert loaded.simulator.mic == ("a.wav",)
    assert loaded.listen.vad_threshold == settings.Listen().vad_threshold


def test_foreign_variables_are_left_alone(tmp_path: Path) -> None:
    environment = {"WREN_MODELS": "/x", "WREN_CONFIG": "/y", "WREN_SUPERVISOR_PID": "1", "HOME": "/z"}
    assert settings.load(written(tmp_path, ""), environment) == settings.Settings()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[listen]\nvad_treshold = 0.4",
            r"no setting vad_treshold in \[listen\]; did you mean vad_threshold\?",
        ),
        ("[hearing]\nx = 1", r"no setting hearing; "),
        ("[listen]\nvad_threshold = 7", r"<= 1.0.*listen.vad_threshold"),
        ("[audio]\nvolume = 'loud'", r"Expected `float`.*audio.volume"),
        ("[listen", "not valid TOML"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message) as caught:
        settings.load(written(tmp_path, text))
    assert "wren.toml" in str(caught.value)
    assert "\n" not in str(caught.value).strip()


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="does not exist"):
        settings.load(tmp_path / "absent.toml")


def test_changing_a_setting_keeps_comments_and_refuses_nonsense(tmp_path: Path) -> None:
    path = written(tmp_path, "# my kitchen\n[audio]\nvolume = 0.5  # not too loud\n")
    quiet = Console(quiet=True)
    settings_page.change(["audio.volume=0.4", "device.area=kitchen"], path, quiet)
    assert "# my kitchen" in path.read_text()
    assert "# not too loud" in path.read_text()
    loaded = settings.load(path)
    assert (loaded.audio.volume, loaded.device.area) == (0.4, "kitchen")
    before = path.read_text()
    with pytest.raises(SettingsError):
        settings_page.change(["audio.volume=7"], path, quiet)
    assert path.read_text() == before


@pytest.mark.parametrize("name", sorted(pages.PAGES))
def test_generated_pages_are_up_to_date(name: str) -> None:
    assert (pages.DOCS / name).read_text() == pages.PAGES[name](), "run `make docs`"


@pytest.mark.parametrize("name", ["../README.md", *sorted(page.name for page in pages.DOCS.glob("*.md"))])
def test_the_settings_that_a_page_speaks_of_exist(name: str, tmp_path: Path) -> None:
    text = (pages.DOCS / name).read_text()
    assigned = dict(re.findall(r"(WREN_[A-Z]+__[A-Z_]+)=([^`\s]+)", text))
    settings.load(written(tmp_path, ""), assigned)
    sections = "|".join(settings.Settings.__struct_fields__)
    named = set(re.findall(rf"`(?:wren settings )?((?:{sections})\.[a-z_]+)(?:=[^`]*)?`", text))
    known = {name for name, *_ in settings.describe()}
    events = set(re.findall(r"`([a-z_]+\.[a-z_]+)`", pages.events_page()))
    files = {name for name in named if name.endswith((".json", ".toml"))}
    assert named - events - files <= known

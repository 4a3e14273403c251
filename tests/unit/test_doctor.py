"""What `wren doctor` finds of a chat endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from device.console import doctor
from device.console.doctor import Finding
from device.settings import Reason, Settings
from tests.chat_server import KEY, ChatServer, chat_server


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with chat_server() as server:
        yield server


def found(**reason: str) -> list[Finding]:
    return list(doctor._endpoint(Settings(reason=Reason(**reason))))  # type: ignore[arg-type]


def test_nothing_is_asked_without_an_endpoint() -> None:
    assert found() == []


def test_an_endpoint_that_answers_is_well_and_its_faults_say_what_to_do(
    server: ChatServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "key"
    key.write_text(KEY)
    place = f"model at {server.url.split('/')[2]}"
    assert found(endpoint=server.url, endpoint_key_file=str(key)) == [Finding("ok", "chat endpoint", place)]
    (refused,) = found(endpoint=server.url)
    assert (refused.verdict, refused.found) == ("fault", f"{place} refuses the key (401)")
    assert "reason.endpoint_key_file" in refused.remedy
    (elsewhere,) = found(endpoint="http://192.0.2.1/v1")
    assert "endpoint_remote" in elsewhere.remedy
    server.behaviour = "silent"
    monkeypatch.setattr(doctor, "ENDPOINT_S", 0.1)
    (silent,) = found(endpoint=server.url, endpoint_key_file=str(key))
    assert silent.found == "no answer within 0.1 s"

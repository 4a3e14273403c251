"""Broker addresses and the schedule of reconnecting."""

from __future__ import annotations

from pathlib import Path

import pytest

from device.faults import Fault
from device.home.broker import Broker, parse
from device.home.connection import retry_delay


@pytest.mark.parametrize(
    ("url", "broker"),
    [
        ("mqtt://127.0.0.1", Broker("127.0.0.1", 1883)),
        ("mqtt://house.local:1884/", Broker("house.local", 1884)),
        ("mqtts://house.local", Broker("house.local", 8883, tls=True)),
        ("mqtt://me:p%40ss@[::1]:1", Broker("::1", 1, user="me", password="p@ss")),
    ],
)
def test_addresses_are_understood(url: str, broker: Broker) -> None:
    assert parse(url) == broker


def test_the_password_comes_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("secret\n")
    assert parse("mqtt://me@host", str(file)).password == "secret"
    assert "secret" not in str(parse("mqtt://me@host", str(file)))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "house.local",
        "http://house.local",
        "mqtt://",
        "mqtt://host:port",
        "mqtt://host/topic",
        "mqtt://[::1",
    ],
)
def test_a_bad_address_says_how_to_write_one(url: str) -> None:
    with pytest.raises(Fault, match="mqtt://host:1883"):
        parse(url)


def test_a_missing_password_file_is_named() -> None:
    with pytest.raises(Fault, match=r"nowhere.*home\.password_file"):
        parse("mqtt://me@host", "/nowhere")


def test_a_broker_that_returns_is_found_within_a_second_and_a_lost_one_is_not_pestered() -> None:
    away = tries = 0.0
    while away < 3600:
        delay = retry_delay(int(tries), away)
        assert delay <= max(1.0, min(15.0, away / 30))
        away, tries = away + delay, tries + 1
    assert 200 < tries < 400
    assert [retry_delay(number, 0) for number in range(5)] == [0.1, 0.2, 0.4, 0.8, 1.0]

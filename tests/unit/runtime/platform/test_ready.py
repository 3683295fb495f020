"""The ready file has exactly what programs look for."""

import stat
from pathlib import Path

import orjson
import pytest

from homeport.errors import InvalidConfiguration
from homeport.runtime.platform import ready
from homeport.runtime.platform.ready import Ready

READY = Ready(
    account_id="a" * 32,
    api_key="ak_1" + "b" * 48,
    api="http://127.0.0.1:8080",
    bootstrap={"coap": "coap://127.0.0.1:5783"},
    lwm2m={},
    nats="nats://homeport:x@127.0.0.1:4222",
    redis="redis://:x@127.0.0.1:6379/0",
    postgres="postgresql://homeport:x@127.0.0.1:5432/homeport",
    processes={"lwm2m": [1, 2]},
    platform_api_key="ak_1" + "d" * 48,
)


def test_its_keys_are_the_promised_ones(tmp_path: Path) -> None:
    ready.write(tmp_path / "ready.json", READY)
    content = orjson.loads((tmp_path / "ready.json").read_bytes())
    assert list(content) == [
        "account_id",
        "api_key",
        "api",
        "bootstrap",
        "lwm2m",
        "nats",
        "redis",
        "postgres",
        "processes",
        "api_https",
        "ca",
        "platform_api_key",
    ]
    assert content["api_https"] is None
    assert content["ca"] is None
    assert content["processes"] == {"lwm2m": [1, 2]}


def test_only_its_owner_reads_it_and_nothing_else_stays(tmp_path: Path) -> None:
    path = tmp_path / "ready.json"
    ready.write(path, READY)
    ready.write(path, READY)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    ready.write(tmp_path / "ready.json", READY)
    assert ready.read(tmp_path / "ready.json") == READY


def test_no_file_and_another_file_say_nothing(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("{}")
    assert ready.read(tmp_path / "other") is None
    assert ready.read(tmp_path / "none") is None


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfiguration, match=r"none/f cannot be written"):
        ready.write(tmp_path / "none" / "f", READY)


def test_removing_what_is_not_there_is_harmless(tmp_path: Path) -> None:
    ready.remove(tmp_path / "ready.json")

"""What cannot work is said in a sentence each."""

import socket
from pathlib import Path

import pytest

from homeport.runtime import doctor
from homeport.runtime.embedded import places
from homeport.runtime.findings import Finding, Severity
from homeport.runtime.platform import folder, identity, ready
from homeport.runtime.platform.ready import Ready

NOWHERE = {
    "HOMEPORT_REDIS_URL": "redis://127.0.0.1:1/0",
    "HOMEPORT_NATS_URL": "nats://127.0.0.1:1",
    "HOMEPORT_POSTGRES_URL": "postgresql://homeport@127.0.0.1:1/homeport",
    "HOMEPORT_API_PORT": "0",
}
SECRET = "HOMEPORT_SECRET_KEY"


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in NOWHERE.items():
        monkeypatch.setenv(name, value)


def faults(findings: list[Finding]) -> list[str]:
    return [each.sentence for each in findings if each.severity is Severity.FAULT]


async def test_each_server_that_is_away_is_named() -> None:
    found = faults(await doctor.examine(None))
    assert [sentence.partition(" ")[0] for sentence in found] == [
        "Redis",
        "NATS",
        "PostgreSQL",
    ]
    assert all("is unavailable" in sentence for sentence in found)


@pytest.mark.parametrize(
    ("setting", "url", "sentence"),
    [
        ("REDIS_URL", "http://127.0.0.1", "does not begin with redis"),
        ("REDIS_URL", "redis://127.0.0.1:port/0", "is no URL"),
        ("NATS_URL", "127.0.0.1:4222", "does not begin with nats"),
        ("POSTGRES_URL", "mysql://x", "does not begin with postgresql"),
    ],
)
async def test_a_url_that_makes_no_sense_is_named(
    monkeypatch: pytest.MonkeyPatch, setting: str, url: str, sentence: str
) -> None:
    monkeypatch.setenv(f"HOMEPORT_{setting}", url)
    wanted = f"HOMEPORT_{setting} is wrong: {sentence}"
    assert any(each.startswith(wanted) for each in faults(await doctor.examine(None)))


@pytest.mark.parametrize(
    ("setting", "others"),
    [
        ("SERVER_CERTIFICATES_FOLDER", []),
        ("WEBHOOK_CA_FILE", []),
        ("API_CERTIFICATE", ["API_KEY_FILE"]),
    ],
)
async def test_a_file_that_is_not_there_is_named_with_its_setting(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, setting: str, others: list[str]
) -> None:
    missing = str(tmp_path / "missing")
    for each in (setting, *others):
        monkeypatch.setenv(f"HOMEPORT_{each}", missing)
    found = faults(await doctor.examine(tmp_path / "new"))
    (said,) = [each for each in found if missing in each]
    assert said.startswith(f"HOMEPORT_{setting} is wrong: {missing}")


async def test_a_wrong_setting_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOMEPORT_BUCKETS", "many")
    found = faults(await doctor.examine(None))
    assert len(found) == 1
    assert found[0].startswith("HOMEPORT_BUCKETS is wrong")


async def test_a_secret_that_is_missing_is_named_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(SECRET)
    found = faults(await doctor.examine(None))
    assert found[0] == f"{SECRET} is needed"
    assert sum(SECRET in each for each in found) == 1


async def test_a_secret_that_cannot_be_one_is_named_and_not_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(SECRET, "5ecret")
    (found,) = faults(await doctor.examine(tmp_path / "new"))
    assert found.startswith(f"{SECRET} is ")
    assert "5ecret" not in found


@pytest.mark.parametrize(
    ("setting", "kind", "nosec"),
    [
        ("HOMEPORT_API_PORT", socket.SOCK_STREAM, False),
        ("HOMEPORT_LWM2M_COAP_PORT", socket.SOCK_DGRAM, True),
        ("HOMEPORT_LWM2M_COAP_TCP_PORT", socket.SOCK_STREAM, True),
        ("HOMEPORT_LWM2M_COAPS_PORT", socket.SOCK_DGRAM, False),
        ("HOMEPORT_LWM2M_COAPS_TCP_PORT", socket.SOCK_STREAM, False),
        ("HOMEPORT_BOOTSTRAP_COAP_PORT", socket.SOCK_DGRAM, True),
    ],
)
async def test_a_taken_port_is_named(
    monkeypatch: pytest.MonkeyPatch,
    setting: str,
    kind: socket.SocketKind,
    nosec: bool,  # noqa: FBT001 # a parameter of the test
) -> None:
    monkeypatch.setenv("HOMEPORT_NOSEC", str(nosec))
    with socket.socket(socket.AF_INET, kind) as holder:
        holder.bind(("127.0.0.1", 0))
        if kind is socket.SOCK_STREAM:
            holder.listen()
        port = holder.getsockname()[1]
        monkeypatch.setenv(setting, str(port))
        found = faults(await doctor.examine(None))
    assert any(f"port {port} on 127.0.0.1" in each for each in found), found


async def test_a_new_folder_is_fine_without_any_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(SECRET)
    assert faults(await doctor.examine(tmp_path / "new")) == []


@pytest.mark.parametrize("name", [identity.FILE, places.FILE])
async def test_a_broken_file_of_the_folder_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("{")
    found = faults(await doctor.examine(tmp_path))
    assert len(found) == 1
    assert name in found[0]


async def test_a_platform_that_serves_is_looked_at(tmp_path: Path) -> None:
    gone = Ready(
        account_id="a" * 32,
        api_key="ak_1x",
        api="http://127.0.0.1:1",
        bootstrap={},
        lwm2m={},
        nats=NOWHERE["HOMEPORT_NATS_URL"],
        redis=NOWHERE["HOMEPORT_REDIS_URL"],
        postgres=NOWHERE["HOMEPORT_POSTGRES_URL"],
        processes={"lwm2m": [2**22 + 1]},
    )
    with folder.held(tmp_path):
        ready.write(tmp_path / ready.FILE, gone)
        found = faults(await doctor.examine(tmp_path))
    assert len(found) == 4
    assert f"process {2**22 + 1} of lwm2m is gone" in found


async def test_where_nothing_is_set_the_platform_of_the_default_folder_is_examined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (*NOWHERE, SECRET):
        monkeypatch.delenv(name)
    monkeypatch.setattr(folder, "default", lambda: tmp_path)
    nowhere = {"coap": "coap://127.0.0.1:1"}
    serving = Ready(
        account_id="a" * 32,
        api_key="ak_1",
        api="http://127.0.0.1:1",
        bootstrap=nowhere,
        lwm2m=nowhere,
        nats=NOWHERE["HOMEPORT_NATS_URL"],
        redis=NOWHERE["HOMEPORT_REDIS_URL"],
        postgres=NOWHERE["HOMEPORT_POSTGRES_URL"],
        processes={"lwm2m": [2**22 + 1]},
    )
    ready.write(tmp_path / ready.FILE, serving)
    with folder.held(tmp_path):
        found = faults(await doctor.examine(None))
    assert found[-1] == f"process {2**22 + 1} of lwm2m is gone"
    assert len(found) == 4

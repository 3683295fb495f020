"""Certificates that the operator has besides the installation's own."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from homeport.errors import InvalidConfiguration
from homeport.pki import authorities
from homeport.runtime import server_certificates
from tests.support.directory import key_pem_of, pem_of

NOW = datetime(2026, 11, 25, tzinfo=UTC)
SETTING = "^HOMEPORT_SERVER_CERTIFICATES_FOLDER is wrong:"
CA = authorities.create_root("The CA of a customer")


def put(folder: Path, name: str, *hosts: str) -> None:
    """Put a certificate with its chain and its key into a folder."""
    made = authorities.create_server(CA, hosts)
    chain = pem_of(made.certificate) + pem_of(CA.certificate.der)
    (folder / f"{name}.crt").write_text(chain)
    (folder / f"{name}.key").write_text(key_pem_of(made.key))


def test_each_host_has_its_certificate(tmp_path: Path) -> None:
    put(tmp_path, "home", "Home.example", "192.0.2.7")
    put(tmp_path, "farm", "farm.example")
    found = server_certificates.read(tmp_path, now=NOW)
    assert found.keys() == {"home.example", "192.0.2.7", "farm.example"}
    assert found["home.example"] == found["192.0.2.7"] != found["farm.example"]
    assert found["farm.example"].chain[1:] == (CA.certificate.der,)


def test_without_a_folder_there_are_none() -> None:
    assert server_certificates.read(None, now=NOW) == {}


def test_a_folder_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        InvalidConfiguration, match=rf"{SETTING} .*elsewhere is no folder"
    ):
        server_certificates.read(tmp_path / "elsewhere", now=NOW)


def test_two_for_one_host_are_one_too_many(tmp_path: Path) -> None:
    put(tmp_path, "one", "home.example")
    put(tmp_path, "two", "HOME.example")
    with pytest.raises(
        InvalidConfiguration, match=rf"{SETTING} .*two.crt is another one for home"
    ):
        server_certificates.read(tmp_path, now=NOW)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("home.key", "key"),
        ("home.crt", "certificate"),
        ("home.crt", "\udcff"),
        ("", ""),
    ],
)
def test_what_could_not_be_shown_is_named(
    tmp_path: Path, name: str, content: str
) -> None:
    put(tmp_path, "home", "home.example")
    if name:
        (tmp_path / name).write_bytes(content.encode(errors="surrogateescape"))
    else:
        (tmp_path / "home.key").unlink()
    with pytest.raises(
        InvalidConfiguration, match=rf"{SETTING} .*home.crt cannot be shown"
    ):
        server_certificates.read(tmp_path, now=NOW)

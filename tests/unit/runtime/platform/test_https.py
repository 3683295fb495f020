"""The API's own certificate and CA, made once and kept."""

import ssl
import stat
from pathlib import Path

import pytest

from homeport.errors import InvalidConfiguration
from homeport.pki import pem, servers
from homeport.runtime.platform import https

LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def hosts(path: Path) -> frozenset[str]:
    (certificate,) = pem.parse_certificates(path.read_text())
    return servers.hosts(certificate)


def test_a_certificate_is_made_for_the_host_and_loopback(tmp_path: Path) -> None:
    made = https.establish(tmp_path, "api.example.com")
    assert hosts(made.shown) == LOOPBACK | {"api.example.com"}
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(made.shown, made.shown)
    ssl.create_default_context(cafile=made.ca)


def test_all_of_it_is_kept(tmp_path: Path) -> None:
    first = https.establish(tmp_path, "127.0.0.1")
    kept = first.shown.read_text(), first.ca.read_text()
    again = https.establish(tmp_path, "127.0.0.1")
    assert (again.shown.read_text(), again.ca.read_text()) == kept


def test_another_host_gets_another_certificate_of_the_same_ca(tmp_path: Path) -> None:
    first = https.establish(tmp_path, "127.0.0.1")
    ca = first.ca.read_text()
    again = https.establish(tmp_path, "api.example.com")
    assert "api.example.com" in hosts(again.shown)
    assert again.ca.read_text() == ca


def test_a_wildcard_is_this_machines_own_address(tmp_path: Path) -> None:
    made = https.establish(tmp_path, "0.0.0.0")
    assert "0.0.0.0" not in hosts(made.shown)


def test_only_their_owner_may_read_the_keys(tmp_path: Path) -> None:
    https.establish(tmp_path, "127.0.0.1")
    for path in (tmp_path / https.FOLDER).iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / https.FOLDER).stat().st_mode) == 0o700


def test_the_ca_that_is_told_holds_no_key(tmp_path: Path) -> None:
    assert "PRIVATE" not in https.establish(tmp_path, "127.0.0.1").ca.read_text()


@pytest.mark.parametrize("content", ["", "-----BEGIN CERTIFICATE-----", "\x00"])
def test_what_is_no_ca_stops_the_start(tmp_path: Path, content: str) -> None:
    https.establish(tmp_path, "127.0.0.1")
    (tmp_path / https.FOLDER / "authority.pem").write_text(content)
    with pytest.raises(InvalidConfiguration, match="https cannot be used"):
        https.establish(tmp_path, "127.0.0.1")


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfiguration, match="https cannot be used"):
        https.establish(tmp_path / "none", "127.0.0.1")


def test_the_api_hears_of_its_files(tmp_path: Path) -> None:
    made = https.establish(tmp_path, "127.0.0.1")
    assert https.told(made) == {
        "HOMEPORT_API_CERTIFICATE": str(made.shown),
        "HOMEPORT_API_KEY_FILE": str(made.shown),
    }
    assert https.told(None) == {}

"""Where an API is said to be is checked before it is called."""

import ssl
from pathlib import Path

import pytest

from homeport.client.access import access
from homeport.errors import InvalidConfiguration
from homeport.pki import authorities, pem


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:8080",
        "ftp://home.example",
        "http://",
        "http://:8080",
        "http://[::1",
        "http://home.example:99999",
        "http://home.example:port",
    ],
)
def test_what_is_no_url_is_a_sentence(url: str) -> None:
    with pytest.raises(InvalidConfiguration, match="the API's URL is not http"):
        access(url, "ak_1")


def test_a_slash_at_the_end_does_not_count() -> None:
    found = access("http://home.example/", "ak_1")
    assert found.url == "http://home.example"
    assert found.tls is None


def test_the_socket_is_opened_beside_the_calls(tmp_path: Path) -> None:
    root = authorities.create_root("root").certificate
    (tmp_path / "ca.pem").write_text(pem.build(pem.CERTIFICATE, root.der))
    plain = access("http://home.example", "ak_1")
    secured = access("https://home.example:8443", "ak_1", ca=tmp_path / "ca.pem")
    path = "/v2/notification/websocket-connect"
    assert plain.socket_url == f"ws://home.example{path}"
    assert secured.socket_url == f"wss://home.example:8443{path}"


def test_a_ca_has_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    for name in ("ca.pem", "none.pem"):
        with pytest.raises(InvalidConfiguration, match=f"{name} has no CA"):
            access("https://home.example", "ak_1", ca=tmp_path / name)


def test_only_who_is_certified_is_talked_to() -> None:
    tls = access("https://home.example", "ak_1").tls
    assert tls is not None
    assert tls.verify_mode is ssl.CERT_REQUIRED
    assert tls.check_hostname


@pytest.mark.parametrize("key", ["", " ", "ak_1secret\n", "ak_1\N{SNOWMAN}secret"])
def test_what_can_be_no_key_is_not_shown_either(key: str) -> None:
    with pytest.raises(InvalidConfiguration) as caught:
        access("http://home.example", key)
    assert "secret" not in str(caught.value)


def test_a_key_is_presented_and_not_shown() -> None:
    found = access("http://home.example", "ak_1secret")
    assert found.headers["authorization"] == "Bearer ak_1secret"
    assert "secret" not in repr(found)

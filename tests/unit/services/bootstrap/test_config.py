"""The bootstrap edge hands over no address that a device could not reach."""

import pytest

from homeport.errors import InvalidConfiguration
from services.bootstrap.config import (
    BootstrapSettings,
    secured_server_uri,
    server_uri,
)

SECRET = "5e" * 32


def uri(public: str, *, listening: str = "127.0.0.1") -> str:
    return server_uri(
        BootstrapSettings(
            secret_key=SECRET, lwm2m_public_coap=public, coap_host=listening
        )
    )


def secured_uri(public: str, *, listening: str = "127.0.0.1") -> str:
    return secured_server_uri(
        BootstrapSettings(
            secret_key=SECRET, lwm2m_public_coaps=public, coap_host=listening
        )
    )


@pytest.mark.parametrize(
    "public",
    ["coap://127.0.0.1:5683", "coap://[2001:db8::1]:5683", "coap://lwm2m.example:443"],
)
def test_an_address_with_host_and_port_is_handed_over_as_it_is(public: str) -> None:
    assert uri(public) == public


def test_a_trailing_slash_is_left_out() -> None:
    assert uri("coap://lwm2m.example:5683/") == "coap://lwm2m.example:5683"


@pytest.mark.parametrize(
    ("public", "reason"),
    [
        ("", "scheme"),
        ("127.0.0.1:5683", "scheme"),
        ("coaps://lwm2m.example:5684", "scheme"),
        ("coap://:5683", "no host"),
        ("coap://lwm2m.example", "no port"),
        ("coap://lwm2m.example:0", "no port"),
        ("coap://lwm2m.example:99999", "no URI"),
        ("coap://[::1:5683", "no URI"),
        ("coap://lwm2m.example:5683/rd", "more than"),
        ("coap://lwm2m.example:5683?aid=x", "more than"),
        ("coap://0.0.0.0:5683", "nobody can reach"),
        ("coap://[::]:5683", "nobody can reach"),
    ],
)
def test_any_other_address_is_refused_with_a_sentence(public: str, reason: str) -> None:
    with pytest.raises(InvalidConfiguration, match=reason) as raised:
        uri(public)
    assert str(raised.value).startswith("HOMEPORT_LWM2M_PUBLIC_COAP ")


@pytest.mark.parametrize("public", ["coap://127.0.0.1:1", "coap://localhost:1"])
def test_loopback_is_fine_only_while_devices_are_there_too(public: str) -> None:
    assert uri(public, listening="::1") == public
    with pytest.raises(InvalidConfiguration, match="loopback"):
        uri(public, listening="0.0.0.0")


def test_a_secured_address_is_handed_over_as_it_is() -> None:
    assert secured_uri("coaps://[2001:db8::1]:5684") == "coaps://[2001:db8::1]:5684"


@pytest.mark.parametrize(
    ("public", "reason"),
    [("coaps://0.0.0.0:5684", "nobody can reach"), ("coaps://127.0.0.1:1", "loopback")],
)
def test_a_secured_address_is_looked_at_in_the_same_way(
    public: str, reason: str
) -> None:
    with pytest.raises(InvalidConfiguration, match=reason) as raised:
        secured_uri(public, listening="0.0.0.0")
    assert str(raised.value).startswith("HOMEPORT_LWM2M_PUBLIC_COAPS ")

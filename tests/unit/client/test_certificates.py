"""Certificates: of devices, of developers, and what servers are known by."""

import pytest

from homeport.client import Client
from tests.support.api import Made, ScriptedApi

CERTIFICATE = {
    "id": "1",
    "name": "factory",
    "text": "sign this",
    "proven": False,
    "developer_private_key": "PRIVATE",
    "security_file_content": "PRIVATE",
}
SERVERS = {
    "bootstrap": {"url": "coaps://home.example:5684", "certificate": "PEM"},
    "lwm2m": {"url": "coaps://home.example:5784", "certificate": "PEM"},
}
TRUSTED = "/v3/trusted-certificates"
DEVELOPER = "/v3/developer-certificates"

CALLS = [
    Made(lambda client: client.trusted_certificates.get("1"), "GET", f"{TRUSTED}/1"),
    Made(
        lambda client: client.trusted_certificates.delete("1"),
        *("DELETE", f"{TRUSTED}/1"),
    ),
    Made(
        lambda client: client.trusted_certificates.create(
            "factory", "PEM", service="bootstrap", enrollment_mode=True
        ),
        *("POST", TRUSTED),
        {
            "name": "factory",
            "certificate": "PEM",
            "service": "bootstrap",
            "status": "ACTIVE",
            "enrollment_mode": True,
            "description": "",
        },
    ),
    Made(
        lambda client: client.trusted_certificates.update("1", status="INACTIVE"),
        *("PUT", f"{TRUSTED}/1", {"status": "INACTIVE"}),
    ),
    Made(
        lambda client: client.trusted_certificates.proof("1"),
        *("GET", f"{TRUSTED}/1/proof"),
    ),
    Made(
        lambda client: client.trusted_certificates.prove("1", b"\x00\x01"),
        *("PUT", f"{TRUSTED}/1/proof", {"signature": "AAE="}),
    ),
    Made(
        lambda client: client.developer_certificates.create("lab"),
        *("POST", DEVELOPER, {"name": "lab", "description": ""}),
    ),
    Made(
        lambda client: client.developer_certificates.get("1"),
        *("GET", f"{DEVELOPER}/1"),
    ),
]


@pytest.mark.parametrize("made", CALLS)
def test_a_call_is_made(api: ScriptedApi, made: Made) -> None:
    api.will_answer(CERTIFICATE)
    api.check(made)


def test_certificates_are_listed(api: ScriptedApi, client: Client) -> None:
    api.will_answer({"data": [CERTIFICATE]})
    (found,) = client.trusted_certificates.list(subject__like="fact", expire=30)
    assert found.name == "factory"
    assert api.asked == [("GET", f"{TRUSTED}?subject__like=fact&expire__eq=30")]


def test_servers_are_found(api: ScriptedApi, client: Client) -> None:
    api.will_answer(SERVERS)
    assert client.servers.get().lwm2m.url == "coaps://home.example:5784"
    assert api.asked == [("GET", "/v3/server-credentials")]


def test_a_private_key_is_not_shown(api: ScriptedApi, client: Client) -> None:
    api.will_answer(CERTIFICATE)
    made = client.developer_certificates.create("lab")
    assert made.developer_private_key == "PRIVATE"
    assert "PRIVATE" not in repr(made)

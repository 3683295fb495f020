"""What a customer does so that devices may come: keys, CAs, developer certificates."""

import secrets

import httpx

from homeport.dtls.client import DeviceKey
from homeport.dtls.context import CertifiedKey
from homeport.identity import Service
from homeport.pki import authorities, keys, pem
from tests.support.certificates import Authority

SHARED_KEYS = "/v2/device-shared-keys"
TRUSTED = "/v3/trusted-certificates"
DEVELOPER = "/v3/developer-certificates"


def new_key(endpoint_name: str) -> DeviceKey:
    """Make a key of which command lines can be made, too."""
    return DeviceKey(endpoint_name.encode(), secrets.token_hex(8).encode())


async def register_key(
    api: httpx.AsyncClient, key: DeviceKey, *, service: Service = Service.LWM2M
) -> str:
    """Let the device with a key come; return the path of the key."""
    name = key.identity.decode()
    body = {"endpoint_name": name, "secret_hex": key.key.hex(), "service": service}
    answer = await api.post(SHARED_KEYS, json=body)
    assert answer.status_code == 201, answer.text
    return f"{SHARED_KEYS}/{name}"


async def trust_authority(
    api: httpx.AsyncClient, authority: Authority, *, service: Service = Service.LWM2M
) -> str:
    """Let the devices of a CA come; return the path of its certificate."""
    certificate = pem.build(pem.CERTIFICATE, authority.der)
    body = {
        "name": authority.certificate.subject.rfc4514_string(),
        "certificate": certificate,
        "service": service,
    }
    answer = await api.post(TRUSTED, json=body)
    assert answer.status_code == 201, answer.text
    return f"{TRUSTED}/{answer.json()['id']}"


async def developer_certificate(api: httpx.AsyncClient, name: str) -> CertifiedKey:
    """Have a developer certificate made."""
    answer = await api.post(DEVELOPER, json={"name": name})
    assert answer.status_code == 201, answer.text
    made = answer.json()
    return CertifiedKey(
        tuple(pem.parse_certificates(made["developer_certificate"])),
        keys.encode(authorities.parse_key(made["developer_private_key"])),
    )


async def server_root(api: httpx.AsyncClient) -> bytes:
    """Return the CA that both servers are known by, in DER."""
    answer = await api.get("/v3/server-credentials")
    assert answer.status_code == 200, answer.text
    (root,) = pem.parse_certificates(answer.json()["lwm2m"]["certificate"])
    return root

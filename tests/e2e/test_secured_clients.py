"""Clients that others wrote come home secured: libcoap's, and OpenSSL shakes hands."""

import asyncio
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from homeport.dtls.client import DeviceKey
from homeport.dtls.context import CertifiedKey
from homeport.identity import Service
from homeport.pki import pem
from tests.support import customer
from tests.support.certificates import authority
from tests.support.homeport import Event
from tests.support.system import Application, System

pytestmark = [pytest.mark.e2e, pytest.mark.foreign]

SILENCE_SECONDS = 2


def found(program: str, package: str) -> str:
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"{program} is not installed ({package})")
    return path


@pytest.fixture(params=["coap-client-openssl", "coap-client-gnutls"])
def libcoap(request: pytest.FixtureRequest) -> str:
    """A CoAP client of libcoap that can be secured."""
    return found(request.param, "libcoap3-bin")


@pytest.fixture
def openssl() -> str:
    """OpenSSL's command."""
    return found("openssl", "openssl")


@pytest.fixture(params=["coaps", "coaps+tcp"])
def server(shared: System, request: pytest.FixtureRequest) -> str:
    """Where devices register, over DTLS or TLS."""
    return shared.secured_lwm2m if request.param == "coaps" else shared.tls_lwm2m


@pytest.fixture
def name(libcoap: str, server: str) -> str:
    """An endpoint name that no other test has."""
    return f"{Path(libcoap).name}-{urlsplit(server).scheme}"


async def said(*command: str) -> tuple[int, str]:
    """Run a client; return how it ended, and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(30):
            printed, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    return await process.wait(), printed.decode()


def by_key(key: DeviceKey) -> Sequence[str]:
    return "-u", key.identity.decode(), "-k", key.key.decode()


def written(folder: Path, certified: CertifiedKey, root: bytes) -> Sequence[str]:
    """Write a credential, and the CA of the server, to files; return their names."""
    contents = {
        "certificate.pem": pem.build(pem.CERTIFICATE, certified.chain[0]),
        "key.pem": pem.build(pem.PRIVATE_KEY, certified.key),
        "root.pem": pem.build(pem.CERTIFICATE, root),
    }
    for file, text in contents.items():
        (folder / file).write_text(text)
    return [str(folder / file) for file in contents]


def by_certificate(folder: Path, certified: CertifiedKey, root: bytes) -> Sequence[str]:
    certificate, key, anchor = written(folder, certified, root)
    return "-c", certificate, "-j", key, "-C", anchor


async def comes_home_and_leaves(
    application: Application, name: str, server: str, *command: str
) -> None:
    """Register, update and deregister, with a handshake for each."""

    async def ask(method: str, path: str, *options: str) -> str:
        url = f"{server}/{path}"
        _, printed = await said(*command, "-v", "6", "-m", method, *options, url)
        return printed

    created = await ask("post", f"rd?ep={name}&lt=300", "-t", "40", "-e", "</1/0>")
    assert " c:2.01 " in created
    await application.until_state(name, "registered")
    location = "/".join(re.findall(r"Location-Path:([0-9a-z]+)", created))
    assert " c:2.04 " in await ask("post", location)
    assert " c:2.02 " in await ask("delete", location)
    await application.until_told(
        name, "registrations", "reg-updates", "de-registrations"
    )


async def test_libcoap_comes_home_by_a_key(
    application: Application, libcoap: str, server: str, name: str
) -> None:
    key = customer.new_key(f"{name}-by-key")
    await customer.register_key(application.api, key)
    await comes_home_and_leaves(
        application, f"{name}-by-key", server, libcoap, *by_key(key)
    )


async def test_libcoap_comes_home_by_a_certificate(
    application: Application, libcoap: str, server: str, name: str, tmp_path: Path
) -> None:
    factory = authority(f"Factory of {name}")
    await customer.trust_authority(application.api, factory)
    certified = factory.issue(name, unit=application.account)
    root = await customer.server_root(application.api)
    await comes_home_and_leaves(
        application, name, server, libcoap, *by_certificate(tmp_path, certified, root)
    )


async def test_libcoap_hears_nothing_with_a_wrong_key(
    shared: System, application: Application, libcoap: str
) -> None:
    key = customer.new_key(f"{Path(libcoap).name}-wrong")
    await customer.register_key(application.api, key)
    name = key.identity.decode()
    _, printed = await said(
        *(libcoap, "-v", "7", "-B", str(SILENCE_SECONDS), "-m", "post"),
        *("-u", name, "-k", key.key.decode()[::-1]),
        f"{shared.secured_lwm2m}/rd?ep={name}&lt=300",
    )
    assert "Identity Hint" in printed
    assert "alert read" not in printed
    assert not re.search(r" c:[245]\.", printed)

    def refused(event: Event) -> bool:
        wanted = ("credential refused", "the keys differ", name)
        said = (event.get(key) for key in ("event", "reason", "endpoint_name"))
        return tuple(said) == wanted

    await shared.until_logged(refused)
    assert await application.state(name) == ""


@pytest.fixture
def handshake(shared: System, openssl: str) -> Sequence[str]:
    """OpenSSL's command that shakes hands with the bootstrap server, and leaves."""
    address = urlsplit(shared.secured_bootstrap).netloc
    return openssl, "s_client", "-dtls1_2", "-brief", "-connect", address


async def test_openssl_shakes_hands_with_bootstrap_by_a_key(
    application: Application, handshake: Sequence[str]
) -> None:
    key = customer.new_key("openssl-with-a-key")
    await customer.register_key(application.api, key, service=Service.BOOTSTRAP)
    code, printed = await said(
        *handshake,
        *("-psk_identity", key.identity.decode(), "-psk", key.key.hex()),
        *("-cipher", "PSK-AES128-CCM8:@SECLEVEL=0"),
    )
    assert (code, "PSK-AES128-CCM8" in printed) == (0, True), printed


async def test_openssl_shakes_hands_with_bootstrap_by_a_developer_certificate(
    application: Application, handshake: Sequence[str], tmp_path: Path
) -> None:
    certified = await customer.developer_certificate(application.api, "openssl")
    code, printed = await by_openssl(handshake, application, certified, tmp_path)
    assert (code, "Verification: OK" in printed) == (0, True), printed


async def test_openssl_is_refused_with_a_certificate_that_nobody_knows(
    application: Application, handshake: Sequence[str], tmp_path: Path
) -> None:
    certified = authority("Nobody").issue("openssl", unit=application.account)
    code, printed = await by_openssl(handshake, application, certified, tmp_path)
    assert (code, "alert certificate unknown" in printed) == (1, True), printed


async def by_openssl(
    handshake: Sequence[str],
    application: Application,
    certified: CertifiedKey,
    folder: Path,
) -> tuple[int, str]:
    root = await customer.server_root(application.api)
    certificate, key, anchor = written(folder, certified, root)
    return await said(
        *handshake,
        *("-cert", certificate, "-key", key),
        *("-CAfile", anchor, "-verify_return_error"),
    )

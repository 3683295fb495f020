"""libcoap's client over TLS: a registration with a PSK, in frames of RFC 8323."""

import asyncio
import shutil
from collections.abc import Sequence

import pytest

from homeport.dtls.context import ServerContext
from homeport.dtls.credentials import Admission, Credential, SharedKey
from homeport.dtls.tls import Tls
from homeport.identity import Identity, Means
from tests.support.tcp import serving

pytestmark = [pytest.mark.integration, pytest.mark.foreign]

WHO = Identity("psk:1", Means.SHARED_KEY)


class OneKey:
    """A trust view that knows one PSK."""

    async def admit(self, credentials: Sequence[Credential]) -> list[Admission]:
        assert credentials == [SharedKey(b"kettle")]
        return [Admission(WHO, key=b"secret")]

    async def trusted(self, identities: Sequence[Identity]) -> list[bool]:
        return [True] * len(identities)


@pytest.mark.parametrize("program", ["coap-client-openssl", "coap-client-gnutls"])
@pytest.mark.parametrize("length", [3, 10_000])
async def test_libcoap_posts_over_tls_with_a_psk(program: str, length: int) -> None:
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"libcoap's {program} is not installed (libcoap3-bin)")
    tls = Tls(
        ServerContext(None, stream=True),
        trust=OneKey(),
        resumptions=None,
        refused=lambda refusal, _: pytest.fail(refusal.reason),
    )
    asking = asyncio.create_task(tls.run())
    async with serving(secure=tls.secure) as port:
        port.payload = b"taken"
        host, number = port.transport.address[:2]
        process = await asyncio.create_subprocess_exec(
            *(found, "-m", "post", "-u", "kettle", "-k", "secret"),
            *("-e", "x" * length, f"coaps+tcp://{host}:{number}/rd?ep=kettle"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(30):
            printed, _ = await process.communicate()
        assert b"taken" in printed
        (request,) = port.requests
        assert request.message.payload == b"x" * length
        assert port.transport.origin(request.address).identity is WHO
    asking.cancel()

import pytest

from homeport.dtls.openssl.connection import Connection
from homeport.dtls.openssl.context import Context, Version
from homeport.dtls.openssl.questions import Answers
from homeport.errors import InvalidConfiguration

GOOD = {"ciphers": "PSK-AES128-CCM8:@SECLEVEL=0", "groups": "P-256"}


@pytest.mark.parametrize("version", Version, ids=lambda version: version.name)
@pytest.mark.parametrize("side", ["server", "client"])
def test_each_protocol_and_side_has_contexts(version: Version, side: str) -> None:
    context = Context(version, server=side == "server")
    context.limit(**GOOD, signatures="ECDSA+SHA256")
    connection = Connection(context, Answers(), mtu=1200)
    connection.advance()
    hello = connection.output()
    connection.close()
    assert bool(hello) == (side == "client")


@pytest.mark.parametrize(
    "change",
    [{"ciphers": "NOBODY-KNOWS-IT"}, {"groups": "P-0"}],
    ids=["cipher", "group"],
)
def test_what_the_library_lacks_is_said_at_once(change: dict[str, str]) -> None:
    context = Context(Version.DTLS_1_2, server=True)
    with pytest.raises(InvalidConfiguration, match="lacks one of"):
        context.limit(**GOOD | change, signatures="ECDSA+SHA256")


def test_a_context_lives_as_long_as_its_connections() -> None:
    context = Context(Version.DTLS_1_2, server=False)
    connection = Connection(context, Answers(), mtu=1200)
    del context
    connection.advance()
    connection.close()

"""What the edges are told of the installation's own certificates."""

import pytest

from homeport.errors import InvalidFormat
from homeport.identity import Service
from homeport.pki import installation
from homeport.pki.installation import Installation
from homeport.pki.keys import CertifiedKey

WHOLE = Installation(
    root=b"root",
    issuer=CertifiedKey(b"issuer", b"its key"),
    servers={
        Service.BOOTSTRAP: CertifiedKey(b"bootstrap", b"its key"),
        Service.LWM2M: CertifiedKey(b"lwm2m", b"its key"),
    },
)


def test_what_is_built_is_parsed() -> None:
    assert installation.parse(installation.build(WHOLE)) == WHOLE


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"{}", b'{"root": 1}', b'{"root": "!"}']
)
def test_what_is_something_else_is_refused(text: bytes) -> None:
    with pytest.raises(InvalidFormat):
        installation.parse(text)


def test_no_key_is_shown() -> None:
    assert "its key" not in repr(WHOLE)

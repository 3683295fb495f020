"""What the edges are told of the installation's own certificates."""

from dataclasses import replace

import orjson
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


ROTATED = replace(
    WHOLE,
    bridge=b"bridge",
    former_issuers=(b"former", b"older"),
    withdrawn=("digest",),
)


@pytest.mark.parametrize("whole", [WHOLE, ROTATED])
def test_what_is_built_is_parsed(whole: Installation) -> None:
    assert installation.parse(installation.build(whole)) == whole


def test_what_an_older_directory_has_built_has_nothing_former() -> None:
    built = orjson.loads(installation.build(ROTATED))
    for member in ("bridge", "former_issuers", "withdrawn"):
        del built[member]
    assert installation.parse(orjson.dumps(built)) == WHOLE


def test_the_issuer_that_signs_comes_before_the_former_ones() -> None:
    assert ROTATED.issuers == (b"issuer", b"former", b"older")


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"{}", b'{"root": 1}', b'{"root": "!"}']
)
def test_what_is_something_else_is_refused(text: bytes) -> None:
    with pytest.raises(InvalidFormat):
        installation.parse(text)


def test_no_key_is_shown() -> None:
    assert "its key" not in repr(WHOLE)

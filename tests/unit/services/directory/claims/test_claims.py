"""What enrollment identities are compared by."""

import pytest

from services.directory.claims.claims import IDENTITY, fingerprint

DIGEST = "4e" * 32
IDENTITIES = ["A-" + ":".join(["4E"] * 32), "A-" + ":".join(["4e"] * 32)]


@pytest.mark.parametrize("identity", IDENTITIES)
def test_an_identity_is_the_fingerprint_of_a_certificate(identity: str) -> None:
    assert IDENTITY.fullmatch(identity)
    assert fingerprint(identity) == DIGEST

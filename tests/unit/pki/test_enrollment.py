"""The enrollment identity is what Izuma's factories print."""

import hashlib

from homeport.pki import enrollment


def test_an_enrollment_identity_is_the_fingerprint_with_colons() -> None:
    fingerprint = hashlib.sha256(b"").hexdigest()
    assert enrollment.identity(fingerprint) == (
        "A-e3:b0:c4:42:98:fc:1c:14:9a:fb:f4:c8:99:6f:b9:24"
        ":27:ae:41:e4:64:9b:93:4c:a4:95:99:1b:78:52:b8:55"
    )

"""Signatures of webhook calls, in the form of Standard Webhooks 1.0.

An application that shares the secret can tell that a call is ours, unchanged and new:
https://www.standardwebhooks.com
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping

from homeport.errors import InvalidParameter

PREFIX = "whsec_"
SHORTEST, LONGEST = 24, 64
"""Bytes of a secret."""


def check(secret: str) -> None:
    """Raise InvalidParameter unless a secret is '' or has the published form."""
    if not secret:
        return
    try:
        key = _key(secret)
    except binascii.Error as error:
        raise InvalidParameter("signing_secret", "is not base64") from error
    if not secret.startswith(PREFIX) or not SHORTEST <= len(key) <= LONGEST:
        raise InvalidParameter(
            "signing_secret",
            f"is not {PREFIX} and the base64 of {SHORTEST} to {LONGEST} bytes",
        )


def sign(
    secret: str, body: bytes, *, message_id: str, seconds: int
) -> Mapping[str, str]:
    """Return the headers that sign a message.

    ``message_id`` stays the same when the message is repeated; ``seconds`` since 1970
    is when this attempt begins.
    """
    signed = f"{message_id}.{seconds}.".encode() + body
    code = hmac.digest(_key(secret), signed, hashlib.sha256)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": f"v1,{base64.b64encode(code).decode()}",
    }


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(PREFIX).encode(), validate=True)

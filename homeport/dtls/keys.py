"""The keys of an association, derived from its master secret (RFC 5246 §5, §6.3)."""

from dataclasses import dataclass, field

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from homeport.dtls.suites import KEY_BYTES

IMPLICIT_BYTES = 4
"""What of a nonce is derived and never sent (RFC 5288 §3, RFC 6655 §3)."""
SECRET_BYTES = KEY_BYTES + IMPLICIT_BYTES

_EXPANSION = b"key expansion"


@dataclass(frozen=True, slots=True)
class Keys:
    """What protects the records that each side writes: key and implicit nonce."""

    client: bytes = field(repr=False)
    server: bytes = field(repr=False)


def prf(secret: bytes, label: bytes, seed: bytes, *, length: int) -> bytes:
    """Return ``length`` bytes of the pseudorandom function with SHA-256."""
    keyed = HMAC(secret, SHA256())
    seed = label + seed
    turn, made = seed, b""
    while len(made) < length:
        turn = _mac(keyed, turn)
        made += _mac(keyed, turn + seed)
    return made[:length]


def derive(master: bytes, *, client_random: bytes, server_random: bytes) -> Keys:
    """Derive the keys of any AEAD suite: they are all of one size."""
    block = prf(
        master,
        _EXPANSION,
        server_random + client_random,
        length=2 * SECRET_BYTES,
    )
    client_key, server_key = block[:KEY_BYTES], block[KEY_BYTES : 2 * KEY_BYTES]
    implicit = block[2 * KEY_BYTES :]
    return Keys(
        client_key + implicit[:IMPLICIT_BYTES], server_key + implicit[IMPLICIT_BYTES:]
    )


def _mac(keyed: HMAC, content: bytes) -> bytes:
    mac = keyed.copy()
    mac.update(content)
    return mac.finalize()

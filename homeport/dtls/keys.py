"""The keys of an association, derived from its master secret (RFC 5246 §5, §6.3)."""

from dataclasses import dataclass, field
from hashlib import sha256

from homeport.dtls.suites import KEY_BYTES

IMPLICIT_BYTES = 4
"""What of a nonce is derived and never sent (RFC 5288 §3, RFC 6655 §3)."""
SECRET_BYTES = KEY_BYTES + IMPLICIT_BYTES

_EXPANSION = b"key expansion"
_HASH_BLOCK_BYTES = 64
_INNER, _OUTER = (bytes(each ^ pad for each in range(256)) for pad in (0x36, 0x5C))


@dataclass(frozen=True, slots=True)
class Keys:
    """What protects the records that each side writes: key and implicit nonce."""

    client: bytes = field(repr=False)
    server: bytes = field(repr=False)


def prf(secret: bytes, label: bytes, seed: bytes, *, length: int) -> bytes:
    """Return ``length`` bytes of the pseudorandom function with SHA-256.

    The secret has 64 bytes at most. HMAC is put together here (RFC 2104 §2): with a
    library's, a handshake would spend more time on contexts than on hashes.
    """
    key = secret.ljust(_HASH_BLOCK_BYTES, b"\0")
    inner, outer = sha256(key.translate(_INNER)), sha256(key.translate(_OUTER))

    def mac(content: bytes) -> bytes:
        hashed, hashed_again = inner.copy(), outer.copy()
        hashed.update(content)
        hashed_again.update(hashed.digest())
        return hashed_again.digest()

    seed = label + seed
    turn, made = seed, b""
    while len(made) < length:
        turn = mac(turn)
        made += mac(turn + seed)
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

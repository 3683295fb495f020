"""NATS' keys and tokens, as its server reads them."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from homeport.errors import InvalidFormat
from homeport.pki import nkeys


def raw(text: str) -> bytes:
    return base64.b32decode(text + "=" * (-len(text) % 8))


def part(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_a_seed_and_its_public_key_say_that_they_are_an_account_s() -> None:
    seed = nkeys.new_seed()
    key = nkeys.parse_seed(seed)
    assert (seed[:2], len(seed)) == ("SA", 58)
    assert (key.public[0], len(key.public)) == ("A", 56)
    assert nkeys.parse_seed(seed).public == key.public
    assert nkeys.new_seed() != seed


def test_a_seed_may_be_in_hex() -> None:
    seed = nkeys.new_seed()
    in_hex = raw(seed)[2:-2].hex()
    assert nkeys.parse_seed(in_hex).public == nkeys.parse_seed(seed).public


def test_a_token_is_signed_with_the_key() -> None:
    key = nkeys.parse_seed(nkeys.new_seed())
    token = key.sign({"sub": "U", "nats": {"type": "user"}})
    header, body, signature = token.split(".")
    assert part(header) == b'{"typ":"JWT","alg":"ed25519-nkey"}'
    public = Ed25519PublicKey.from_public_bytes(raw(key.public)[1:-2])
    public.verify(part(signature), f"{header}.{body}".encode())
    claims = nkeys.claims(token)
    assert claims.pop("jti")
    assert claims == {"sub": "U", "nats": {"type": "user"}, "iss": key.public}


def test_two_tokens_have_two_names() -> None:
    key = nkeys.parse_seed(nkeys.new_seed())
    one, two = (nkeys.claims(key.sign({"sub": name}))["jti"] for name in "ab")
    assert one != two


def test_what_is_no_seed_is_not_repeated() -> None:
    seed = nkeys.new_seed()
    mistyped = seed[:-1] + ("A" if seed[-1] != "A" else "E")
    user = raw(seed)[:-2]
    user = bytes([user[0] | 5, user[1] | 32 & 31]) + user[2:]
    of_a_user = base64.b32encode(user + nkeys._checksum(user)).decode().rstrip("=")
    for wrong in ("", "S", "no seed", seed[:-3], mistyped, seed.lower(), of_a_user):
        with pytest.raises(InvalidFormat) as raised:
            nkeys.parse_seed(wrong)
        assert len(wrong) < 10 or wrong not in str(raised.value)


@pytest.mark.parametrize("token", ["", "a.b", "a.b.c", "a.W10.c", "a.e30"])
def test_what_is_no_token_claims_nothing(token: str) -> None:
    with pytest.raises(InvalidFormat):
        nkeys.claims(token)

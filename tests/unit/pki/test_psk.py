"""An issued PSK is derived, wherever it is asked for, and fits into any device."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.keyring import Keyring
from homeport.names import AccountId, DeviceId
from homeport.pki import psk
from homeport.pki.psk import IssuedIdentity

ACCOUNT = AccountId("000000000000000000000000deadbeef")
DEVICE = DeviceId("0199999999990000000000010010aaaa")
NOW = 1_795_600_000_000
OLD, NEW = bytes(32), b"\x01" * 32
KEYRING = Keyring([NEW, OLD])


def issue(keyring: Keyring = KEYRING, now_ms: int = NOW) -> psk.IssuedKey:
    return psk.issue(keyring, account=ACCOUNT, device=DEVICE, now_ms=now_ms)


def test_every_replica_derives_the_key_that_one_issued() -> None:
    issued = issue()
    replica = Keyring([NEW, OLD])
    assert psk.key(replica, issued.identity, account=ACCOUNT) == issued.key


def test_an_identity_says_whose_it_is_and_when_it_was_issued() -> None:
    assert psk.recognize(issue().identity) == IssuedIdentity(DEVICE, NOW)


@given(st.uuids(), st.integers(0, (1 << 48) - 1))
def test_identity_and_key_are_what_the_smallest_client_takes(
    uuid: UUID, now_ms: int
) -> None:
    device = DeviceId(uuid.hex)
    issued = psk.issue(KEYRING, account=ACCOUNT, device=device, now_ms=now_ms)
    assert len(issued.identity) == 32
    assert issued.identity.isascii()
    assert len(issued.key) == 16
    assert psk.recognize(issued.identity) == IssuedIdentity(device, now_ms)


def test_a_new_bootstrap_brings_a_new_identity_and_key() -> None:
    first, second = issue(), issue(now_ms=NOW + 1)
    assert first.identity != second.identity
    assert first.key != second.key


def test_what_an_older_secret_issued_stays_valid_while_it_is_kept() -> None:
    issued = issue(Keyring([OLD]))
    assert psk.key(KEYRING, issued.identity, account=ACCOUNT) == issued.key
    assert psk.key(Keyring([NEW]), issued.identity, account=ACCOUNT) is None


def test_another_account_has_another_key() -> None:
    issued = issue()
    other = AccountId("1" * 32)
    assert psk.key(KEYRING, issued.identity, account=other) != issued.key


@pytest.mark.parametrize("position", range(0, 32, 7))
def test_a_changed_identity_has_not_the_key(position: int) -> None:
    issued = issue()
    changed = bytearray(issued.identity)
    changed[position] = ord("B" if changed[position] == ord("A") else "A")
    assert psk.key(KEYRING, bytes(changed), account=ACCOUNT) != issued.key


@pytest.mark.parametrize(
    "identity",
    [b"", b"kitchen", b"A" * 31, b"A" * 36, b"A" * 31 + b"=", b"+" * 32, b"\xff" * 32],
)
def test_an_identity_of_another_form_is_not_ours(identity: bytes) -> None:
    assert psk.recognize(identity) is None
    assert psk.key(KEYRING, identity, account=ACCOUNT) is None


@given(st.binary(max_size=128))
def test_any_identity_is_ours_or_not(identity: bytes) -> None:
    if psk.recognize(identity) is not None:
        assert len(identity) == 32


def test_an_issued_key_never_shows_its_key() -> None:
    assert repr(issue().key) not in repr(issue())

"""What one replica seals or derives, every other one opens and derives too."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport import keyring
from homeport.errors import InvalidConfiguration, InvalidFormat
from homeport.keyring import Keyring

OLD, NEW = bytes(32), b"\x01" * 32
KEYRING = Keyring([NEW, OLD])


@given(st.binary(max_size=100), st.text(max_size=20))
def test_what_is_sealed_is_opened_at_its_place(content: bytes, place: str) -> None:
    sealed = KEYRING.seal(content, place=place)
    assert Keyring([NEW, OLD]).open(sealed, place=place) == content


def test_the_same_content_is_never_sealed_alike() -> None:
    assert KEYRING.seal(b"key", place="a") != KEYRING.seal(b"key", place="a")


def test_what_is_moved_is_not_opened() -> None:
    sealed = KEYRING.seal(b"key", place="a")
    with pytest.raises(InvalidFormat, match="cannot be opened as b"):
        KEYRING.open(sealed, place="b")


@given(st.integers(0, 30), st.integers(1, 255))
def test_what_is_changed_is_not_opened(position: int, change: int) -> None:
    sealed = bytearray(KEYRING.seal(b"key", place="a"))
    sealed[position] ^= change
    with pytest.raises(InvalidFormat):
        KEYRING.open(bytes(sealed), place="a")


@given(st.binary(max_size=60))
def test_other_bytes_are_not_opened(sealed: bytes) -> None:
    with pytest.raises(InvalidFormat):
        KEYRING.open(sealed, place="a")


def test_an_older_secret_opens_while_it_is_kept() -> None:
    sealed = Keyring([OLD]).seal(b"key", place="a")
    assert KEYRING.open(sealed, place="a") == b"key"
    with pytest.raises(InvalidFormat):
        Keyring([NEW]).open(sealed, place="a")


def test_the_newest_secret_seals() -> None:
    sealed = KEYRING.seal(b"key", place="a")
    assert Keyring([NEW]).open(sealed, place="a") == b"key"


def test_each_secret_derives_a_key_the_newest_first() -> None:
    newest, oldest = KEYRING.derive("psk", b"identity", 16)
    assert [newest] == Keyring([NEW]).derive("psk", b"identity", 16)
    assert [oldest] == Keyring([OLD]).derive("psk", b"identity", 16)
    assert newest != oldest


def test_another_purpose_or_context_derives_another_key() -> None:
    derived = {
        bytes(Keyring([NEW]).derive(purpose, context, 16)[0])
        for purpose, context in [("a", b"b"), ("a", b"c"), ("b", b"b"), ("ab", b"")]
    }
    assert len(derived) == 4


@pytest.mark.parametrize("length", [1, 16, 32, 48])
def test_a_derived_key_has_the_length_that_was_asked_for(length: int) -> None:
    assert [len(key) for key in KEYRING.derive("a", b"", length)] == [length, length]


def test_secrets_are_read_newest_first() -> None:
    parsed = Keyring.parse(f"{NEW.hex()},{OLD.hex().upper()}")
    assert parsed.derive("a", b"", 16) == KEYRING.derive("a", b"", 16)


def test_a_new_secret_can_be_read_and_is_new() -> None:
    assert Keyring.parse(keyring.new_secret())
    assert keyring.new_secret() != keyring.new_secret()


@pytest.mark.parametrize(
    "text", ["", ",", "secret", "ab" * 31, "ab" * 33, f"{'ab' * 32},", "é" * 64]
)
def test_what_is_no_secret_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(InvalidConfiguration) as caught:
        Keyring.parse(text)
    assert str(caught.value) == "HOMEPORT_SECRET_KEY is no list of 32 bytes in hex"


def test_what_an_older_secret_sealed_is_sealed_anew_once() -> None:
    sealed = KEYRING.reseal(Keyring([OLD]).seal(b"key", place="a"), place="a")
    assert sealed is not None
    assert Keyring([NEW]).open(sealed, place="a") == b"key"
    assert KEYRING.reseal(sealed, place="a") is None


def test_what_no_secret_opens_is_not_sealed_anew() -> None:
    with pytest.raises(InvalidFormat):
        Keyring([NEW]).reseal(Keyring([OLD]).seal(b"key", place="a"), place="a")


def test_without_the_others_the_newest_opens_what_it_has_sealed_alone() -> None:
    alone = KEYRING.newest
    assert alone.open(KEYRING.seal(b"key", place="a"), place="a") == b"key"
    with pytest.raises(InvalidFormat):
        alone.open(Keyring([OLD]).seal(b"key", place="a"), place="a")

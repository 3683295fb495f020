"""What devices leave the factory with."""

from pathlib import Path

import pytest

from homeport.dtls.client import DeviceKey
from homeport.dtls.context import CertifiedKey
from homeport.errors import InvalidConfiguration
from homeport.pki import certificates as parsing
from homeport.pki import pem
from homeport.simulator import factory
from homeport.simulator.factory import Factory
from tests.support import certificates

NAME = "simulated-000000"


def pem_of(certified: CertifiedKey) -> str:
    documents = [pem.build(pem.CERTIFICATE, each) for each in certified.chain]
    return "".join([*documents, pem.build(pem.PRIVATE_KEY, certified.key)])


@pytest.fixture
def developers(tmp_path: Path) -> Path:
    path = tmp_path / "developer.pem"
    path.write_text(pem_of(certificates.self_signed("developer")))
    return path


def found(**described: Path | str) -> Factory:
    made = factory.find(**described)  # type: ignore[arg-type]
    assert made is not None
    return made


def test_nothing_is_described_and_nothing_is_there() -> None:
    assert factory.find() is None


def test_all_devices_may_show_one_certificate(developers: Path) -> None:
    made = found(certificate=developers)
    one, other = made.credential("one"), made.credential("other")
    assert isinstance(one, CertifiedKey)
    assert one is other


def test_each_may_have_one_of_its_own(developers: Path) -> None:
    authority = factory.read_authority(developers)
    shown = authority.credential(NAME)
    assert isinstance(shown, CertifiedKey)
    certificate = parsing.parse(shown.chain[0])
    assert certificate.subject.common_name == NAME
    assert certificate.is_signed_by(authority.authority.certificate)
    assert authority.credential("other") != shown


def test_keys_are_derived_from_a_secret() -> None:
    made = found(psk_secret="0102")
    assert made.credential(NAME) == DeviceKey(
        NAME.encode(), bytes.fromhex("3a162748360a08beff788ed44f61e41c")
    )


def test_keys_are_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "keys.csv"
    path.write_text(f"{NAME}, 0a0b\n\nwith,comma,0c\n")
    made = found(psk_file=path)
    assert made.credential(NAME) == DeviceKey(NAME.encode(), b"\x0a\x0b")
    assert made.credential("with,comma") == DeviceKey(b"with,comma", b"\x0c")
    with pytest.raises(InvalidConfiguration, match="has no key of other"):
        made.credential("other")


def test_a_server_is_known_by_an_authority(tmp_path: Path) -> None:
    path, authority = tmp_path / "ca.pem", certificates.authority()
    path.write_text(pem.build(pem.CERTIFICATE, authority.der))
    assert factory.read_anchor(path) == authority.der


def test_two_factories_are_one_too_many(developers: Path) -> None:
    with pytest.raises(InvalidConfiguration, match="from more than one option"):
        factory.find(certificate=developers, psk_secret="01")


@pytest.mark.parametrize(
    ("option", "content", "sentence"),
    [
        ("certificate", "", "--certificate cannot be used"),
        ("authority", "nothing", "--authority cannot be used"),
        ("psk_file", "name", "--psk-file has a key that is no hex"),
        ("psk_file", "name,", "--psk-file has a key that is no hex"),
        ("psk_file", "name,xy", "--psk-file has a key that is no hex"),
    ],
)
def test_a_file_that_makes_no_sense_is_a_sentence(
    tmp_path: Path, option: str, content: str, sentence: str
) -> None:
    path = tmp_path / "file"
    path.write_text(content)
    with pytest.raises(InvalidConfiguration) as error:
        found(**{option: path})
    assert str(error.value).startswith(sentence)


def test_a_key_alone_is_no_certificate(tmp_path: Path) -> None:
    path, own = tmp_path / "key.pem", certificates.self_signed("developer")
    path.write_text(pem.build(pem.PRIVATE_KEY, own.key))
    with pytest.raises(InvalidConfiguration, match="has no certificate"):
        found(certificate=path)


def test_a_device_is_no_authority(tmp_path: Path) -> None:
    path = tmp_path / "device.pem"
    path.write_text(pem_of(certificates.authority().issue("device")))
    with pytest.raises(InvalidConfiguration, match="is no CA's certificate"):
        found(authority=path)


def test_a_file_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfiguration, match="--psk-file cannot be read"):
        found(psk_file=tmp_path / "none")
    with pytest.raises(InvalidConfiguration, match="--server-ca is no PEM"):
        factory.read_anchor(Path("/dev/null"))


def test_a_secret_has_to_be_hex() -> None:
    with pytest.raises(InvalidConfiguration, match="--psk-secret has a key"):
        found(psk_secret="secret")

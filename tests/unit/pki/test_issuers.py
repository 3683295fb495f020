"""Whose certificates are ours: found by the name, told apart by the signature."""

from dataclasses import replace

from homeport.identity import Service
from homeport.names import AccountId, DeviceId, EndpointName
from homeport.pki import certificates, devices
from homeport.pki.authorities import Authority, create_issuer
from homeport.pki.installation import Installation
from homeport.pki.issuers import Issuers
from homeport.pki.keys import CertifiedKey
from tests.support.foreign import NOW

PRESENT, FORMER = create_issuer("Present", now=NOW), create_issuer("Former", now=NOW)
NAMESAKE, STRANGER = (create_issuer(name, now=NOW) for name in ("Present", "Stranger"))
INSTALLATION = Installation(
    b"root", PRESENT.export(), dict.fromkeys(Service, CertifiedKey(b"", b""))
)


def issued(by: Authority) -> bytes:
    return devices.issue(
        by,
        account=AccountId("a" * 32),
        device=DeviceId("d" * 32),
        endpoint_name=EndpointName("kettle"),
        key=devices.new_key(),
        now=NOW,
        days=30,
    )


def subject(of: Authority) -> str:
    return of.certificate.subject_digest


def issuers(*former: Authority, withdrawn: tuple[Authority, ...] = ()) -> Issuers:
    return Issuers(
        replace(
            INSTALLATION,
            former_issuers=tuple(each.certificate.der for each in former),
            withdrawn=tuple(map(subject, withdrawn)),
        )
    )


def test_the_present_and_the_former_ones_are_trusted() -> None:
    ours = issuers(FORMER)
    for authority in (PRESENT, FORMER):
        assert ours.know(subject(authority))
        found = ours.find(subject(authority), issued(authority))
        assert found == authority.certificate
    assert ours.fingerprints == {
        each.certificate.fingerprint for each in (PRESENT, FORMER)
    }


def test_nobody_else_is_known() -> None:
    assert not issuers(FORMER).know(subject(STRANGER))


def test_of_two_of_one_name_the_signature_tells() -> None:
    ours = issuers(NAMESAKE)
    for authority in (PRESENT, NAMESAKE):
        found = ours.find(subject(PRESENT), issued(authority))
        assert found == authority.certificate


def test_what_neither_of_them_signed_is_left_to_the_handshake() -> None:
    found = issuers(NAMESAKE).find(subject(PRESENT), issued(STRANGER))
    assert found == PRESENT.certificate


def test_a_withdrawn_one_is_known_and_not_trusted() -> None:
    ours = issuers(withdrawn=(FORMER,))
    assert ours.know(subject(FORMER))
    assert ours.find(subject(FORMER), issued(FORMER)) is None
    assert ours.fingerprints == {PRESENT.certificate.fingerprint}


def test_a_name_that_is_trusted_still_is_not_withdrawn_with_another() -> None:
    ours = issuers(withdrawn=(NAMESAKE,))
    found = ours.find(subject(PRESENT), issued(PRESENT))
    assert found == PRESENT.certificate
    assert certificates.parse(issued(NAMESAKE)).is_signed_by(NAMESAKE.certificate)

"""Who is refused while hands are shaken, and how much of that is heard."""

from dataclasses import replace

import pytest

from homeport.dtls import messages, records
from homeport.dtls.association import CidForm
from homeport.dtls.client import DeviceKey
from homeport.dtls.context import CertifiedKey, ServerContext
from homeport.dtls.credentials import Admission, Refusal
from homeport.dtls.handshake import Established, Failed, ServerHandshake
from homeport.dtls.suites import SUITES
from homeport.identity import NOBODY
from tests.support import certificates, hellos
from tests.support.dtls import (
    KEY,
    alerts,
    house,
    meeting,
    offer,
    server_context,
    talk,
)
from tests.support.handshakes import Decide, Meeting, admit_anchors, admit_key

ECDSA = SUITES[0]
PSK = next(suite for suite in SUITES if suite.psk)
CERTIFICATE_UNKNOWN = 46


def refused(credential: CertifiedKey | DeviceKey, decide: Decide) -> Meeting:
    """Run a meeting that has to fail."""
    suite = ECDSA if isinstance(credential, CertifiedKey) else PSK
    met = meeting(suite, credential=credential, decide=decide).run()
    assert met.server is not None
    assert not isinstance(met.server.result, Established)
    assert not isinstance(met.client.result, Established)
    return met


def test_a_key_that_differs_is_met_with_silence() -> None:
    met = refused(KEY, admit_key(b"another key"))
    assert met.failure == "the keys differ"
    assert alerts(met) == []
    met.close()


def test_an_unknown_identity_looks_like_a_key_that_differs() -> None:
    met = refused(KEY, lambda _: Refusal("nobody has this identity", alerts=True))
    assert met.failure == "nobody has this identity"
    assert alerts(met) == []
    other = refused(KEY, admit_key(b"another key"))
    assert [len(sent) for sent in met.to_client] == [
        len(sent) for sent in other.to_client
    ]
    for each in (met, other):
        each.close()


def test_no_key_at_all_opens_nothing() -> None:
    met = refused(KEY, admit_key(b""))
    met.close()


@pytest.mark.parametrize(
    ("credential", "reason"),
    [
        (certificates.authority("Another CA").issue("device"), "local issuer"),
        (certificates.self_signed("device"), "self-signed"),
        (
            house().authority.issue("device", not_after=certificates.NOW),
            "certificate has expired",
        ),
        (
            house().authority.issue(
                "device", not_before=certificates.NOW + certificates.DAY / 2
            ),
            "not yet valid",
        ),
        (
            house().authority.issue("device", usage=certificates.SERVER),
            "certificate purpose",
        ),
    ],
    ids=["wrong CA", "self-signed", "expired", "not yet valid", "wrong usage"],
)
@pytest.mark.conforms("C-041", "Leshan X509Test")
def test_a_chain_that_proves_nothing_is_refused(
    credential: CertifiedKey, reason: str
) -> None:
    met = refused(credential, admit_anchors(house().authority.der))
    assert reason in met.failure.replace("self signed", "self-signed")
    assert alerts(met) != []
    met.close()


def test_a_peer_that_may_hear_no_alert_hears_none() -> None:
    met = refused(
        certificates.self_signed("device"),
        lambda _: Admission(NOBODY, anchors=(house().authority.der,), alerts=False),
    )
    assert alerts(met) == []
    met.close()


@pytest.mark.parametrize(
    ("refusal", "heard"),
    [
        (Refusal("is suspended"), [CERTIFICATE_UNKNOWN]),
        (Refusal("is suspended", alerts=False), []),
    ],
    ids=["alert", "silence"],
)
def test_a_refusal_comes_before_any_proof(refusal: Refusal, heard: list[int]) -> None:
    met = refused(house().device, lambda _: refusal)
    assert met.failure == "is suspended"
    assert alerts(met) == heard
    met.close()


def test_a_pinned_certificate_is_its_own_anchor() -> None:
    pinned = certificates.self_signed("device")
    decide = admit_anchors(*pinned.chain)
    met = meeting(ECDSA, credential=pinned, decide=decide).run()
    talk(met)
    met.close()


def test_anchors_are_those_of_one_client_only() -> None:
    other = certificates.authority("Another CA")
    decide = admit_anchors(other.der)
    met = meeting(ECDSA, credential=other.issue("device"), decide=decide).run()
    talk(met)
    refused(other.issue("device"), admit_anchors(house().authority.der)).close()
    met.close()


@pytest.mark.parametrize(
    "identity", [b"i" * 129, b"\xff\xfe"], ids=["129 bytes", "no UTF-8"]
)
@pytest.mark.conforms("C-216")
def test_an_identity_that_is_none_is_refused_unasked(identity: bytes) -> None:
    met = refused(DeviceKey(identity, KEY.key), admit_key(KEY.key))
    assert "PSK identity" in met.failure
    assert not met.decided
    met.close()


def test_a_chain_of_50_kilobytes_is_not_even_kept() -> None:
    made = house()
    above = [certificates.authority(f"CA {place}").der for place in range(9)]
    heavy = made.authority.issue("device", above=above, padding=50_000)
    met = refused(heavy, admit_anchors(made.authority.der))
    assert met.failure == "is a flight that is too long"
    met.close()


def test_a_client_that_trusts_us_not_ends_it() -> None:
    other = certificates.authority("Another CA")
    distrusting = replace(offer(ECDSA, CidForm.NONE), anchors=(other.der,))
    met = meeting(ECDSA, offered=distrusting).run()
    assert isinstance(met.client.result, Failed)
    assert "alert unknown ca" in met.failure
    met.close()


def test_without_a_suite_in_common_nothing_is_said() -> None:
    met = meeting(ECDSA, context=ServerContext(None)).run()
    assert "no shared cipher" in met.failure
    assert alerts(met) == []
    met.close()


@pytest.mark.parametrize(
    "changes",
    [
        {"compressions": b""},
        {"compressions": b"\1"},
        {"extensions": bytes.fromhex("0017 0000 0017 0000")},
        {"extensions": bytes.fromhex("0017 0001")},
        {"extensions": bytes.fromhex("0017")},
    ],
    ids=str,
)
def test_a_hello_that_only_openssl_finds_wrong_is_met_with_silence(
    changes: dict[str, bytes],
) -> None:
    content = hellos.body(cookie=b"c" * 32, **changes)
    (record,) = records.parse(hellos.datagram(content, message=1, record=2), 0)
    hello = messages.parse_client_hello(record)
    handshake = ServerHandshake(server_context(), hello)
    handshake.receive([record], 0.0)
    assert isinstance(handshake.result, Failed)
    assert handshake.datagrams() == []

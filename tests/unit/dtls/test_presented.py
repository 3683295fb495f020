"""What handshakes over DTLS and TLS have in common; the rest is tested with those."""

import pytest

from homeport.dtls import presented
from homeport.dtls.credentials import Admission, Chain, Refusal, SharedKey
from homeport.dtls.messages import HandshakeType, Message
from homeport.dtls.openssl.questions import Answers
from homeport.dtls.suites import SUITES, Suite
from homeport.errors import InvalidHandshake
from homeport.identity import NOBODY
from tests.support.dtls import KEY, house, meeting
from tests.support.handshakes import Meeting

ECDSA = SUITES[0]
PSK = next(suite for suite in SUITES if suite.psk)
IDENTITY = Message(HandshakeType.CLIENT_KEY_EXCHANGE, b"\0\6device")
DER = house().device.chain[0]
CERTIFICATE = Message(
    HandshakeType.CERTIFICATE,
    (len(DER) + 3).to_bytes(3, "big") + len(DER).to_bytes(3, "big") + DER,
)


def asking(suite: Suite) -> Meeting:
    """Run a meeting up to the question who the client is."""
    met = meeting(suite)
    met.decided = True
    return met.run()


@pytest.mark.parametrize(
    ("suite", "message", "credential"),
    [
        (PSK, IDENTITY, SharedKey(b"device")),
        (ECDSA, CERTIFICATE, Chain((DER,))),
    ],
    ids=["PSK", "certificate"],
)
def test_the_suite_says_what_the_first_message_is(
    suite: Suite, message: Message, credential: SharedKey | Chain
) -> None:
    met = asking(suite)
    assert met.server is not None
    assert presented.read(message, met.server._connection) == credential
    met.close()


@pytest.mark.parametrize(
    ("suite", "message"), [(PSK, CERTIFICATE), (ECDSA, IDENTITY)], ids=["PSK", "ECDSA"]
)
def test_another_first_message_is_refused(suite: Suite, message: Message) -> None:
    met = asking(suite)
    assert met.server is not None
    with pytest.raises(InvalidHandshake):
        presented.read(message, met.server._connection)
    met.close()


def test_an_identity_that_is_nobodys_gets_a_key_that_nobody_knows() -> None:
    met = asking(PSK)
    assert met.server is not None
    keys = set()
    for _ in range(2):
        answers = Answers()
        assert presented.admit(
            SharedKey(KEY.identity),
            Refusal("is nobody's"),
            connection=met.server._connection,
            answers=answers,
        )
        keys.add(answers.key)
        assert answers.identity == KEY.identity
    assert len(keys) == 2
    assert min(map(len, keys)) == 16
    met.close()


def test_a_chain_that_is_refused_proves_nothing() -> None:
    met = asking(ECDSA)
    assert met.server is not None
    connection = met.server._connection
    chain, answers = Chain((DER,)), Answers()
    for decision, provable in (
        (Refusal("is suspended"), False),
        (Admission(NOBODY), True),
    ):
        assert provable == presented.admit(
            chain, decision, connection=connection, answers=answers
        )
    met.close()


def test_a_certificate_that_openssl_has_not_seen_is_doubted() -> None:
    met = asking(ECDSA)
    assert met.server is not None
    connection = met.server._connection
    assert "another one" in presented.doubt(Chain((DER,)), connection)
    assert "another one" in presented.doubt(None, connection)
    assert presented.doubt(SharedKey(b"device"), connection) == ""
    met.close()

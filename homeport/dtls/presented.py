"""What a client presents in clear, and how OpenSSL hears what the trust view said."""

import os

from homeport.dtls import messages, suites
from homeport.dtls.credentials import (
    Admission,
    Chain,
    Credential,
    Refusal,
    SharedKey,
)
from homeport.dtls.messages import HandshakeType, Message
from homeport.dtls.openssl.connection import Connection
from homeport.dtls.openssl.questions import Answers
from homeport.errors import InvalidHandshake

CERTIFICATE_UNKNOWN = 46
"""The alert for a chain that was refused (RFC 5246 §7.2.2)."""

_RANDOM_KEY_BYTES = 16


def read(message: Message, connection: Connection) -> Credential:
    """Read the first message of a client's flight; the suite says what it has to be.

    Raises InvalidHandshake.
    """
    suite = suites.by_number(connection.suite)
    if suite is not None and suite.psk:
        if message.kind != HandshakeType.CLIENT_KEY_EXCHANGE:
            raise InvalidHandshake("has no PSK identity")
        return SharedKey(messages.parse_psk_identity(message.body))
    if message.kind != HandshakeType.CERTIFICATE:
        raise InvalidHandshake("has no certificate")
    return Chain(messages.parse_certificate(message.body))


def admit(
    credential: Credential,
    decision: Admission | Refusal,
    *,
    connection: Connection,
    answers: Answers,
) -> bool:
    """Let a client prove what it presented; False if that is of no use.

    A PSK identity that is nobody's fails like a wrong key would (B-063).
    """
    match credential, decision:
        case SharedKey(identity), Admission(key=key):
            answers.identity, answers.key = identity, key
        case SharedKey(identity), Refusal():
            answers.identity, answers.key = identity, os.urandom(_RANDOM_KEY_BYTES)
        case Chain(), Admission(anchors=anchors):
            connection.trust(anchors)
        case _:
            return False
    return True


def doubt(credential: Credential | None, connection: Connection) -> str:
    """Hold what we read against what OpenSSL read; return what is wrong, if so.

    It has compared a PSK identity itself, and reads none when it resumes.
    """
    if isinstance(credential, SharedKey) or connection.resumed:
        return ""
    shown = connection.peer_certificate()
    if credential is None or credential.certificates[0] != shown:
        return "the certificate is another one than was admitted"
    return ""

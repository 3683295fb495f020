"""Two connections that talk to each other, and what we rely on libssl for."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from homeport.dtls import cookies, keys, messages, records
from homeport.dtls.association import Protection
from homeport.dtls.client import Offer, prepare
from homeport.dtls.openssl.connection import Connection, Progress
from homeport.dtls.openssl.questions import Answers
from homeport.dtls.records import ContentType, Record
from homeport.dtls.suites import SUITES, Suite
from tests.support.dtls import KEY, client_context, house, server_context
from tests.support.handshakes import ADDRESS, SECRETS

AEAD = [suite for suite in SUITES if suite.aead is not None]
PSK = next(suite for suite in SUITES if suite.psk)


@dataclass
class Pair:
    """A server that has taken the hello with the cookie, and its client."""

    server: Connection
    client: Connection

    def close(self) -> None:
        self.server.close()
        self.client.close()

    def pass_on(self, output: bytes, receiver: Connection) -> list[Record]:
        """Give the other side each record alone, as they have to come."""
        passed = records.parse(output, 0)
        for record in passed:
            receiver.feed(record.raw)
            receiver.advance()
        return passed


@pytest.fixture
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    suite: Suite = getattr(request, "param", PSK)
    offered, held = Answers(), Answers(identity=KEY.identity, key=KEY.key)
    client = Connection(client_context().openssl, offered, mtu=1200)
    credential = KEY if suite.psk else house().device
    prepare(client, offered, credential, Offer(suites=(suite,)))
    server = Connection(server_context().openssl, held, mtu=1200)
    server.trust([house().authority.der])
    made = Pair(server, client)
    client.advance()
    (first,) = records.parse(client.output(), 0)
    hello = messages.parse_client_hello(first)
    cookie = cookies.cookie(SECRETS[0], ADDRESS, hello)
    made.pass_on(cookies.hello_verify_request(hello, cookie), client)
    assert server.listen(client.output())
    assert server.advance() is Progress.WAITING
    yield made
    made.close()


every_aead = pytest.mark.parametrize(
    "pair", AEAD, ids=lambda suite: suite.name, indirect=True
)


@every_aead
def test_the_keys_of_a_finished_are_those_that_we_derive(pair: Pair) -> None:
    assert pair.server.secrets() is None, "a master secret before the key exchange"
    pair.pass_on(pair.server.output(), pair.client)
    *_, changed, finished = pair.pass_on(pair.client.output(), pair.server)
    assert changed.kind == ContentType.CHANGE_CIPHER_SPEC, "no change before Finished"
    assert (finished.epoch, finished.sequence) == (1, 0), "Finished is not record 1, 0"
    ours, theirs = pair.server.secrets(), pair.client.secrets()
    assert ours is not None, "libssl gives no master secret after the key exchange"
    assert ours == theirs, "both sides have other secrets"
    suite = next(suite for suite in SUITES if suite.number == pair.server.suite)
    assert suite.aead is not None
    derived = keys.derive(
        ours.master, client_random=ours.client_random, server_random=ours.server_random
    )
    opened = Protection(suite.aead, derived.client).open(finished)
    assert opened is not None, "libssl protects records with other keys than ours"
    kind, content = opened
    assert kind == ContentType.HANDSHAKE, "the first protected record is no handshake"
    assert content[0] == 20, "the first protected message is no Finished"


def test_a_handshake_ends_on_both_sides(pair: Pair) -> None:
    pair.pass_on(pair.server.output(), pair.client)
    pair.pass_on(pair.client.output(), pair.server)
    pair.pass_on(pair.server.output(), pair.client)
    assert pair.server.advance() is Progress.DONE
    assert pair.client.advance() is Progress.DONE
    assert pair.server.suite == PSK.number
    assert not pair.server.resumed
    assert pair.server.peer_certificate() == b""


def test_records_hold_what_was_written(pair: Pair) -> None:
    test_a_handshake_ends_on_both_sides(pair)
    pair.client.write(b"message")
    pair.server.feed(pair.client.output())
    assert pair.server.read() == b"message"
    assert pair.server.read() == b""
    assert not pair.server.ended


@pytest.mark.parametrize("length", [0, 2**14 + 1])
def test_what_no_record_can_hold_is_not_written(pair: Pair, length: int) -> None:
    test_a_handshake_ends_on_both_sides(pair)
    pair.client.write(bytes(length))
    assert pair.client.output() == b""


def test_the_end_is_heard(pair: Pair) -> None:
    test_a_handshake_ends_on_both_sides(pair)
    pair.client.shut_down()
    pair.server.feed(pair.client.output())
    assert pair.server.read() == b""
    assert pair.server.ended


def test_openssl_never_repeats_a_flight_by_itself(pair: Pair) -> None:
    assert pair.server.output() != b""
    pair.server.advance()
    assert pair.server.output() == b""


def test_a_failure_is_explained(pair: Pair) -> None:
    alert = records.build(ContentType.ALERT, 0, 3, bytes((2, 40)))
    pair.server.feed(alert)
    assert pair.server.advance() is Progress.FAILED
    assert "handshake failure" in pair.server.reason


def test_closing_twice_is_closing() -> None:
    connection = Connection(server_context().openssl, Answers(), mtu=1200)
    connection.close()
    connection.close()


def test_what_is_no_hello_is_not_listened_to() -> None:
    connection = Connection(server_context().openssl, Answers(), mtu=1200)
    assert not connection.listen(records.build(ContentType.HANDSHAKE, 0, 0, bytes(40)))
    connection.close()

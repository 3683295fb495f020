import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.dtls.client import DeviceKey, Offer, prepare
from homeport.dtls.context import CertifiedKey, ServerContext
from homeport.dtls.course import Failed
from homeport.dtls.credentials import Admission, Chain, Refusal, SharedKey
from homeport.dtls.openssl.connection import Connection, Progress
from homeport.dtls.openssl.questions import Answers
from homeport.dtls.streams import Phase, Secured, TlsSession
from homeport.dtls.suites import SUITES, Suite
from homeport.identity import NOBODY
from tests.support import certificates, hellos
from tests.support.dtls import KEY, client_context, house, server_context

ECDSA = SUITES[0]
PSK = next(suite for suite in SUITES if suite.psk)
BY_KEY = Admission(NOBODY, key=KEY.key)
BY_CHAIN = Admission(NOBODY, anchors=(house().authority.der,))
WHATEVER = Offer()
CERTIFICATE_UNKNOWN = bytes.fromhex("15 0303 0002 02 2e")


class Pair:
    """A session and a device; bytes of the device come in pieces of a size."""

    def __init__(
        self,
        credential: DeviceKey | CertifiedKey = KEY,
        *,
        offer: Offer = WHATEVER,
        context: ServerContext | None = None,
        piece: int = 65_536,
    ) -> None:
        self.session = TlsSession(context or server_context(stream=True))
        self.piece = piece
        answers = Answers()
        self.device = Connection(client_context(stream=True).openssl, answers)
        prepare(self.device, answers, credential, offer)

    def step(self) -> None:
        """Let the device speak and hear once."""
        if self.device.advance() is Progress.WAITING or self.device.reason == "":
            self.up(self.device.output())
            self.down()

    def up(self, sent: bytes) -> None:
        for at in range(0, len(sent), self.piece):
            self.session.receive(sent[at : at + self.piece])

    def down(self) -> bytes:
        sent = self.session.outgoing()
        if sent:
            self.device.feed(sent)
        return sent

    def shake_hands(self, decision: Admission | Refusal, *, kept: bytes = b"") -> None:
        for _ in range(3):
            self.step()
            if self.session.phase is Phase.SESSION:
                self.session.resume(kept)
                self.down()
            if self.session.phase is Phase.ADMISSION:
                self.session.admit(decision)
                self.down()

    def say(self, *messages: bytes) -> None:
        for message in messages:
            self.device.write(message)
        self.up(self.device.output())

    def close(self) -> None:
        self.session.close()
        self.device.close()


def open_pair(*, piece: int = 65_536) -> Pair:
    pair = Pair(piece=piece)
    pair.shake_hands(BY_KEY)
    assert pair.session.phase is Phase.OPEN
    return pair


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
def test_both_sides_agree(suite: Suite) -> None:
    credential = KEY if suite.psk else house().device
    pair = Pair(credential, offer=Offer(suites=(suite,)))
    pair.shake_hands(BY_KEY if suite.psk else BY_CHAIN)
    assert isinstance(pair.session.result, Secured)
    assert not pair.session.result.resumed
    pair.close()


@pytest.mark.parametrize(
    ("credential", "shown"),
    [
        (KEY, SharedKey(KEY.identity)),
        (house().device, Chain(house().device.chain)),
    ],
    ids=["PSK", "certificate"],
)
def test_the_flight_waits_for_the_trust_view(
    credential: DeviceKey | CertifiedKey, shown: SharedKey | Chain
) -> None:
    pair = Pair(credential)
    pair.step()
    pair.step()
    assert pair.session.phase is Phase.ADMISSION
    assert pair.session.waiting
    assert pair.session.credential == shown
    assert pair.session.give_up() == Failed("nobody said who the peer is")
    pair.close()


@given(piece=st.integers(1, 400))
def test_bytes_may_come_in_any_pieces(piece: int) -> None:
    pair = open_pair(piece=piece)
    pair.say(b"one", b"two")
    assert pair.session.messages() == [b"one", b"two"]
    pair.close()


def test_each_record_is_a_message() -> None:
    pair = open_pair()
    pair.say(b"one", b"two", b"x" * 1152)
    assert pair.session.messages() == [b"one", b"two", b"x" * 1152]
    assert pair.session.messages() == []
    pair.close()


def test_each_message_is_a_record() -> None:
    pair = open_pair()
    pair.session.write(b"one")
    pair.session.write(b"x" * 16_384)
    sent = pair.session.outgoing()
    first = 5 + int.from_bytes(sent[3:5], "big")
    second = 5 + int.from_bytes(sent[first + 3 : first + 5], "big")
    assert first + second == len(sent)
    pair.device.feed(sent[:first])
    assert pair.device.read() == b"one"
    pair.device.feed(sent[first:])
    assert pair.device.read() == b"x" * 16_384
    pair.close()


def test_a_session_is_resumed_by_its_id() -> None:
    first = open_pair()
    result = first.session.result
    assert isinstance(result, Secured)
    assert result.session is not None
    session_id, kept = result.session
    offer = Offer(session=first.device.session()[1])
    pair = Pair(offer=offer)
    pair.step()
    assert pair.session.phase is Phase.SESSION
    assert pair.session.session_id == session_id
    pair.session.resume(kept)
    pair.down()
    pair.shake_hands(Refusal("is not asked"))
    assert isinstance(pair.session.result, Secured)
    assert pair.session.result.resumed
    assert pair.session.result.session is None
    assert pair.session.credential is None
    pair.say(b"one")
    assert pair.session.messages() == [b"one"]
    for each in (first, pair):
        each.close()


@pytest.mark.parametrize("kept", [b"", b"spoiled"], ids=["lost", "spoiled"])
def test_without_the_session_hands_are_shaken_in_full(kept: bytes) -> None:
    first = open_pair()
    pair = Pair(offer=Offer(session=first.device.session()[1]))
    pair.shake_hands(BY_KEY, kept=kept)
    assert isinstance(pair.session.result, Secured)
    assert not pair.session.result.resumed
    for each in (first, pair):
        each.close()


@pytest.mark.conforms("C-044", "Leshan SniTest", "RFC 6066 §3")
def test_a_client_is_shown_the_certificate_of_the_host_that_it_asks_for() -> None:
    other = certificates.authority("Another CA")
    named = other.issue("home", usage=certificates.SERVER)
    context = ServerContext(house().server, hosts={"home.example": named}, stream=True)
    for host, shown in (("home.example", other), ("", house().authority)):
        offer = Offer(suites=(ECDSA,), anchors=(shown.der,), host=host)
        pair = Pair(house().device, offer=offer, context=context)
        pair.shake_hands(BY_CHAIN)
        assert pair.session.phase is Phase.OPEN
        pair.close()


@pytest.mark.conforms("C-063", "TLS-27", "B-224")
def test_there_are_no_tickets() -> None:
    pair = open_pair()
    assert len(pair.device.session()[0]) == 32
    pair.close()


def test_where_nothing_is_resumed_no_session_is_looked_up() -> None:
    first = open_pair()
    context = ServerContext(house().server, stream=True)
    pair = Pair(offer=Offer(session=first.device.session()[1]), context=context)
    pair.shake_hands(BY_KEY)
    assert isinstance(pair.session.result, Secured)
    assert pair.session.result.session is None
    for each in (first, pair):
        each.close()


def failed(pair: Pair, decision: Admission | Refusal) -> str:
    pair.shake_hands(decision)
    result = pair.session.result
    assert isinstance(result, Failed)
    assert pair.session.closed
    pair.close()
    return result.reason


def test_a_key_that_differs_opens_nothing() -> None:
    assert failed(Pair(), Admission(NOBODY, key=b"another key")) != ""


def test_an_unknown_identity_looks_like_a_key_that_differs() -> None:
    ends = []
    for decision in (Refusal("is nobody's"), Admission(NOBODY, key=b"another key")):
        pair = Pair()
        pair.step()
        pair.step()
        pair.session.admit(decision)
        ends.append(pair.session.outgoing())
        pair.close()
    assert ends[0] == ends[1]


def test_a_chain_of_another_authority_opens_nothing() -> None:
    stranger = certificates.authority("Another CA").issue("device")
    assert "local issuer" in failed(Pair(stranger), BY_CHAIN)


@pytest.mark.parametrize(
    ("refusal", "heard"),
    [
        (Refusal("is suspended"), CERTIFICATE_UNKNOWN),
        (Refusal("is suspended", alerts=False), b""),
    ],
    ids=["alert", "silence"],
)
def test_a_refusal_comes_before_any_proof(refusal: Refusal, heard: bytes) -> None:
    pair = Pair(house().device)
    pair.step()
    pair.step()
    pair.session.admit(refusal)
    assert pair.session.result == Failed("is suspended")
    assert pair.session.outgoing() == heard
    pair.close()


def test_what_is_no_record_ends_it() -> None:
    session = TlsSession(server_context(stream=True))
    session.receive(b"GET / HTTP/1.1\r\n\r\n")
    assert isinstance(session.result, Failed)
    assert session.outgoing() == b""


def test_a_hello_of_a_device_is_answered() -> None:
    session = TlsSession(server_context(stream=True))
    session.receive(hellos.IZUMA_TCP)
    assert session.phase is Phase.FLIGHT
    assert session.outgoing()[0] == 22
    session.close()


def test_a_client_that_never_stops_is_stopped() -> None:
    pair = Pair()
    pair.step()
    pair.step()
    assert pair.session.phase is Phase.ADMISSION
    pair.session.receive(b"\x17\x03\x03\x40\x00" + bytes(2**14))
    assert pair.session.result is None
    pair.session.receive(b"\x17\x03\x03\x40\x00" + bytes(2**14))
    assert pair.session.result == Failed("more was sent than is kept")
    pair.close()


def test_the_end_is_heard_and_said() -> None:
    pair = open_pair()
    pair.device.shut_down()
    pair.up(pair.device.output())
    assert pair.session.closed
    pair.down()
    assert pair.device.read() == b""
    assert pair.device.ended
    pair.close()


def test_a_record_that_was_changed_ends_it() -> None:
    pair = open_pair()
    pair.device.write(b"one")
    sent = pair.device.output()
    pair.session.receive(sent[:-1] + bytes((sent[-1] ^ 1,)))
    assert pair.session.messages() == []
    assert pair.session.closed
    assert isinstance(pair.session.result, Secured)
    pair.close()


@given(noise=st.binary(max_size=200), at=st.integers(0, 2))
def test_noise_is_survived(noise: bytes, at: int) -> None:
    pair = Pair()
    for _ in range(at):
        pair.step()
    pair.session.receive(noise)
    pair.close()
    assert pair.session.closed

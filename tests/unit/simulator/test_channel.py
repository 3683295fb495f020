"""A device's secured way to a server, datagram by datagram."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from homeport.dtls import records
from homeport.dtls.association import CidForm
from homeport.dtls.client import DeviceKey
from homeport.dtls.context import CID_FORMS
from homeport.dtls.credentials import Admission, Credential, Refusal
from homeport.dtls.openssl import questions
from homeport.dtls.records import AlertLevel, ContentType
from homeport.errors import InvalidConfiguration
from homeport.simulator.accounts import Account
from homeport.simulator.channel import (
    HANDSHAKE_SECONDS,
    Channel,
    Closed,
    Event,
    Heard,
    Opened,
)
from tests.support.dtls import KEY, client_context, house, server_context
from tests.support.handshakes import admit_anchors, admit_key
from tests.support.server_side import ServerSide

URL = "coaps://192.0.2.1:5684"
BY_KEY = Account(URL, KEY)
FORMS = [(), (CidForm.RFC,), (CidForm.DRAFT,), CID_FORMS]

Decide = Callable[[Credential], Admission | Refusal]


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    yield
    assert questions.living() == 0


def by_certificate() -> Account:
    return Account(URL, house().device, house().authority.der)


def channel(account: Account = BY_KEY, *, session: bytes = b"") -> Channel:
    return Channel(client_context(), account, forms=CID_FORMS, session=session, now=0)


def server(decide: Decide | None = None, *, session: bytes = b"") -> ServerSide:
    view = decide or admit_key(KEY.key)
    return ServerSide(server_context(), view, session=session)


def meet(device: Channel, other: ServerSide, now: float = 0.5) -> list[Event]:
    """Carry datagrams until neither side has one."""
    events: list[Event] = []
    while outgoing := device.datagrams():
        for datagram in outgoing:
            for answer in other.answer(datagram, now):
                events += device.receive(answer, now)
    return events


def opened() -> tuple[Channel, ServerSide]:
    device, other = channel(), server()
    meet(device, other)
    assert device.open
    return device, other


@pytest.mark.parametrize("forms", FORMS)
def test_a_key_opens_it(forms: tuple[CidForm, ...]) -> None:
    device = Channel(client_context(), BY_KEY, forms=forms, now=0)
    other = server()
    assert device.shaking
    (event,) = meet(device, other)
    assert isinstance(event, Opened)
    assert (event.resumed, event.seconds) == (False, 0.5)
    assert (device.open, device.shaking) == (True, False)
    device.send(b"message")
    (datagram,) = device.datagrams()
    assert datagram[0] == (ContentType.CID if forms else ContentType.APPLICATION)
    assert other.hear(datagram) == [(ContentType.APPLICATION, b"message")]
    assert device.receive(other.say(b"answer"), 1) == [Heard(b"answer")]


def test_a_certificate_opens_it() -> None:
    device = channel(by_certificate())
    (event,) = meet(device, server(admit_anchors(house().authority.der)))
    assert isinstance(event, Opened)


def test_a_server_of_another_authority_is_no_server() -> None:
    device = channel(replace(by_certificate(), anchor=house().device.chain[0]))
    other = server(admit_anchors(house().authority.der))
    (event,) = meet(device, other)
    assert isinstance(event, Closed)
    assert event.refused
    assert not device.open
    other.close()


def test_a_session_is_resumed() -> None:
    device, other = channel(), server()
    (first,) = meet(device, other)
    assert isinstance(first, Opened)
    again, knowing = channel(session=first.session), server(session=other.session)
    (second,) = meet(again, knowing)
    assert isinstance(second, Opened)
    assert (second.resumed, second.session) == (True, b"")
    again.send(b"message")
    (datagram,) = again.datagrams()
    assert knowing.hear(datagram) == [(ContentType.APPLICATION, b"message")]


def test_a_session_that_the_server_has_forgotten_costs_a_full_handshake() -> None:
    device, other = channel(), server()
    (first,) = meet(device, other)
    assert isinstance(first, Opened)
    (second,) = meet(channel(session=first.session), server())
    assert isinstance(second, Opened)
    assert not second.resumed


def test_a_refusal_is_one() -> None:
    other = server(lambda _: Refusal("unknown"))
    device = channel(by_certificate())
    (event,) = meet(device, other)
    assert isinstance(event, Closed)
    assert event.refused
    assert not device.open
    assert not device.shaking


def test_silence_is_a_refusal_once_the_server_has_said_hello() -> None:
    other = server(admit_key(b"x" * 16))
    device = channel()
    assert meet(device, other) == []
    assert device.tick(HANDSHAKE_SECONDS) == Closed("nobody answered", refused=True)
    other.close()


def test_silence_from_the_beginning_is_none() -> None:
    device = channel()
    assert device.tick(HANDSHAKE_SECONDS) == Closed("nobody answered", refused=False)
    assert not device.shaking


def test_a_flight_that_nobody_answers_is_repeated() -> None:
    device = channel()
    (hello,) = device.datagrams()
    assert device.tick(0.5) is None
    assert device.datagrams() == []
    assert device.tick(1.0) is None
    (again,) = device.datagrams()
    assert again[13:] == hello[13:]
    device.close()


def test_nothing_goes_through_before_the_handshake() -> None:
    device = channel()
    device.datagrams()
    device.send(b"message")
    assert device.datagrams() == []
    device.close()


def test_a_forged_record_is_nothing() -> None:
    device, _ = opened()
    assert device.receive(records.build(23, 1, 2**24, bytes(40)), 1) == []
    assert device.receive(b"", 1) == []
    assert device.open


@pytest.mark.parametrize(
    ("alert", "closed"),
    [
        (records.alert(AlertLevel.WARNING, 0), Closed("the server ended it", False)),
        (records.alert(AlertLevel.FATAL, 49), Closed("alert 49", True)),
    ],
)
def test_an_alert_ends_it(alert: bytes, closed: Closed) -> None:
    device, other = opened()
    assert device.receive(other.say(alert, ContentType.ALERT), 1) == [closed]
    assert not device.open


def test_a_warning_ends_nothing() -> None:
    device, other = opened()
    warning = records.alert(AlertLevel.WARNING, 100)
    assert device.receive(other.say(warning, ContentType.ALERT), 1) == []
    assert device.open


def test_a_last_flight_that_was_lost_is_repeated_on_demand() -> None:
    device, other = channel(), server()
    (first,) = meet(device, other)
    assert isinstance(first, Opened)
    again, knowing = channel(session=first.session), server(session=other.session)
    (hello,) = again.datagrams()
    for answer in knowing.answer(hello):
        again.receive(answer, 0)
    (hello,) = again.datagrams()
    flight = knowing.answer(hello)
    for datagram in flight:
        again.receive(datagram, 0)
    last = again.datagrams()
    assert last
    for datagram in flight:
        again.receive(datagram, 1)
    assert again.datagrams()[: len(last)] == last
    knowing.close()


def test_leaving_says_so() -> None:
    device, other = opened()
    device.leave()
    (datagram,) = device.datagrams()
    close_notify = records.alert(AlertLevel.WARNING, 0)
    assert other.hear(datagram) == [(ContentType.ALERT, close_notify)]
    assert not device.open
    device.leave()
    assert device.datagrams() == []


def test_a_plain_account_has_no_channel() -> None:
    with pytest.raises(InvalidConfiguration, match="needs a credential"):
        channel(Account(URL))


def test_a_key_is_nobody_elses() -> None:
    stranger = DeviceKey(b"stranger", KEY.key)
    other = server(lambda _: Refusal("unknown"))
    device = channel(Account(URL, stranger))
    assert meet(device, other) == []
    device.close()
    other.close()

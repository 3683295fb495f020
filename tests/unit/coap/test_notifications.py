"""What peers notify: taken, answered and told apart, datagram by datagram."""

import pytest

from homeport.coap import codec
from homeport.coap.codec import Code, Message, Option, Options, Type
from homeport.coap.layer import Exchange, Notification, Reply, Stray
from tests.support.lockstep import OBSERVE, PATH, PEER, Lockstep, notification, notified

CANCEL: Options = ((Option.OBSERVE, b"\x01"),)
# CON 2.05 under a token of two bytes, Observe 2, Content-Format 0, Max-Age 0
AUTO_OBSERVED = "42 45 de1a 015e 61 02 60 20 ff 3232"


def test_a_message_id_of_zero_is_one_like_any_other() -> None:
    step = Lockstep()
    first = notified(step, notification(2, mid=0))
    assert step.take(notification(2, mid=0)) is None
    step.layer.accept(first, now=step.now)
    assert step.sent_one().hex() == "60000000"


def test_messages_that_a_connection_brought_have_no_ids_to_be_known_by() -> None:
    step = Lockstep()
    for number in (2, 3):
        notified(step, notification(number, kind=Type.NON, mid=0))


@pytest.mark.conforms("C-180", "OBS-2")
def test_a_value_that_a_device_observes_itself_is_decided_by_the_caller() -> None:
    step = Lockstep()
    told = notified(step, AUTO_OBSERVED)
    assert (told.token, told.message.payload) == (b"\x01\x5e", b"22")
    assert step.sent() == []
    # what comes again while it is decided waits with it
    assert step.take(AUTO_OBSERVED) is None
    assert step.sent() == []
    step.layer.accept(told, now=step.now)
    assert step.sent_one().hex() == "6000de1a"
    assert step.take(AUTO_OBSERVED) is None
    assert step.sent_one().hex() == "6000de1a"


@pytest.mark.conforms("C-166", "C-173", "OBS-5", "RFC 7641 §3.2")
@pytest.mark.parametrize("kind", [Type.CON, Type.NON])
def test_what_nobody_observes_is_reset(kind: Type) -> None:
    step = Lockstep()
    datagram = notification(2, kind=kind)
    told = notified(step, datagram)
    step.layer.reject(told, now=step.now)
    assert step.sent_one().hex() == "70001002"
    assert step.take(datagram) is None
    assert step.sent_one().hex() == "70001002"


def test_what_cannot_be_decided_is_a_new_notification_when_it_comes_again() -> None:
    step = Lockstep()
    told = notified(step, AUTO_OBSERVED)
    step.layer.leave(told)
    assert step.sent() == []
    assert notified(step, AUTO_OBSERVED) == told


def test_an_accepted_notification_is_acknowledged_once() -> None:
    step = Lockstep()
    told = notified(step, AUTO_OBSERVED)
    step.layer.accept(told, now=step.now)
    step.layer.accept(told, now=step.now)
    assert len(step.sent()) == 1


@pytest.mark.conforms("C-170", "OBS-8")
def test_confirmable_and_other_notifications_are_acknowledged_as_they_came() -> None:
    step = Lockstep()
    for number, kind in enumerate((Type.CON, Type.NON, Type.CON), 2):
        told = notified(step, notification(number, kind=kind))
        step.layer.accept(told, now=step.now)
    assert [each.hex() for each in step.sent()] == ["60001002", "60001004"]
    assert step.take(notification(3, kind=Type.NON)) is None


@pytest.mark.conforms("C-172", "RFC 7641 §3.2")
def test_an_error_under_a_token_that_is_no_requests_is_a_notification_too() -> None:
    step = Lockstep()
    told = notified(step, notification(None, code=Code.NOT_FOUND, payload=b""))
    assert told.message.code == Code.NOT_FOUND
    step.layer.accept(told, now=step.now)
    assert step.sent_one().hex() == "60001000"


def test_a_notification_that_must_not_be_understood_is_reset() -> None:
    step = Lockstep()
    unknown = Message(Type.CON, Code.CONTENT, 7, b"\x01\x5e", ((65_001, b""),))
    assert step.take(codec.encode(unknown)) is None
    assert step.sent_one().hex() == "70000007"


def test_an_acknowledgement_is_never_a_notification() -> None:
    step = Lockstep()
    assert isinstance(step.take(notification(2, kind=Type.ACK)), Stray)
    assert step.sent() == []


@pytest.mark.conforms("C-177", "RFC 7641 §3.5")
def test_the_same_id_from_elsewhere_is_another_notification() -> None:
    step = Lockstep()
    step.layer.accept(notified(step, AUTO_OBSERVED), now=step.now)
    elsewhere = step.take(AUTO_OBSERVED, ("192.0.2.1", 40_001))
    assert isinstance(elsewhere, Notification)


def observe(step: Lockstep) -> Exchange:
    """Observe something; its first value has come."""
    exchange = step.layer.request(
        PEER, Code.GET, path=PATH, options=OBSERVE, now=step.now
    )
    sent = step.sent_message()
    first = Message(Type.ACK, Code.CONTENT, sent.message_id, sent.token, OBSERVE, b"20")
    assert isinstance(step.take(codec.encode(first)), Reply)
    return exchange


@pytest.mark.conforms("C-165", "RFC 7641 §3.2")
def test_what_is_observed_comes_under_the_token_of_its_request() -> None:
    step = Lockstep()
    exchange = observe(step)
    told = notified(step, notification(2, token=exchange.token))
    assert told.token == exchange.token


@pytest.mark.conforms("C-167", "RFC 7641 §3.6", "B-210")
@pytest.mark.parametrize("echoed", [OBSERVE, ()], ids=["izuma", "others"])
def test_an_observation_is_ended_under_its_token(echoed: Options) -> None:
    step = Lockstep()
    token = observe(step).token
    step.layer.request(
        PEER, Code.GET, path=PATH, options=CANCEL, token=token, now=step.now
    )
    sent = step.sent_message()
    assert (sent.token, sent.value(Option.OBSERVE)) == (token, b"\x01")
    last = Message(Type.ACK, Code.CONTENT, sent.message_id, token, echoed, b"21")
    assert isinstance(step.take(codec.encode(last)), Reply)
    assert isinstance(step.take(notification(9, token=token)), Notification)


def test_what_is_notified_while_an_observation_ends_does_not_answer_that() -> None:
    step = Lockstep()
    token = observe(step).token
    step.layer.request(
        PEER, Code.GET, path=PATH, options=CANCEL, token=token, now=step.now
    )
    sent = step.sent_message()
    step.layer.accept(notified(step, notification(2, token=token)), now=step.now)
    step.sent()
    step.take(codec.encode_empty(Type.ACK, sent.message_id))
    separate = codec.encode(Message(Type.CON, Code.CONTENT, 7, token, (), b"21"))
    assert isinstance(step.take(separate), Reply)

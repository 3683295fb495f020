from dataclasses import replace

import pytest

from homeport.dtls import records
from homeport.dtls.association import CidForm
from homeport.dtls.client import ClientHandshake, DeviceKey, Offer
from homeport.dtls.context import CertifiedKey
from homeport.dtls.course import Failed
from homeport.dtls.openssl import questions
from homeport.dtls.records import ContentType
from homeport.dtls.suites import SUITES
from homeport.errors import InvalidFormat
from tests.support import certificates, hellos
from tests.support.dtls import KEY, client_context, house, meeting, offer

ECDSA = SUITES[0]
PSK = next(suite for suite in SUITES if suite.psk)
WHATEVER = Offer()


def begun(
    credential: DeviceKey | CertifiedKey = KEY, *, offered: Offer = WHATEVER
) -> ClientHandshake:
    return ClientHandshake(client_context(), credential, offer=offered, now=0.0)


def hello_of(handshake: ClientHandshake) -> tuple[int, ...]:
    (datagram,) = handshake.datagrams()
    handshake.close()
    return hellos.suites(hellos.parse(datagram))[:-1]


def test_a_device_offers_what_goes_with_its_credential() -> None:
    by_key = {suite.number for suite in SUITES if suite.psk}
    by_chain = {suite.number for suite in SUITES if not suite.psk}
    assert set(hello_of(begun())) == by_key
    assert set(hello_of(begun(house().device))) == by_chain


def test_a_device_may_offer_less() -> None:
    assert hello_of(begun(offered=Offer(suites=(PSK,)))) == (PSK.number,)


@pytest.mark.parametrize("form", CidForm, ids=lambda form: form.name)
def test_a_connection_id_is_offered_in_the_form_asked_for(form: CidForm) -> None:
    handshake = begun(offered=offer(PSK, form))
    (datagram,) = handshake.datagrams()
    handshake.close()
    numbers = hellos.extensions(datagram)
    assert [number for number in numbers if number in (54, 254)] == [form][: bool(form)]


def test_a_device_takes_any_server_if_it_names_no_anchor() -> None:
    carefree = replace(offer(ECDSA, CidForm.NONE), anchors=None)
    met = meeting(ECDSA, offered=carefree).run()
    assert met.established
    met.close()


def test_a_device_takes_no_server_of_another_authority() -> None:
    other = certificates.authority("Another CA").der
    careful = replace(offer(ECDSA, CidForm.NONE), anchors=(other,))
    met = meeting(ECDSA, offered=careful).run()
    assert isinstance(met.client.result, Failed)
    met.close()


def test_a_session_that_is_spoiled_is_not_offered() -> None:
    handshake = begun(offered=Offer(session=b"spoiled"))
    (datagram,) = handshake.datagrams()
    assert hellos.parse(datagram).session_id == b""
    handshake.close()


def test_a_credential_that_is_none_leaves_nothing_behind() -> None:
    before = questions.living()
    with pytest.raises(InvalidFormat):
        begun(CertifiedKey((b"spoiled",), b""))
    assert questions.living() == before


def test_a_hello_is_repeated_after_a_second() -> None:
    handshake = begun()
    first = handshake.datagrams()
    assert handshake.deadline() == 1.0
    handshake.tick(1.0)
    again = handshake.datagrams()
    handshake.close()
    (before,), (after,) = records.parse(first[0], 0), records.parse(again[0], 0)
    assert before.fragment == after.fragment
    assert before.sequence < after.sequence


def test_an_alert_ends_it() -> None:
    handshake = begun()
    alert = records.build(ContentType.ALERT, 0, 0, bytes((2, 40)))
    handshake.receive(records.parse(alert, 0)[0], 0.0)
    assert isinstance(handshake.result, Failed)
    assert handshake.deadline() is None


def test_secrets_are_not_in_words() -> None:
    assert "kkk" not in repr(KEY)
    assert "session" not in repr(Offer(session=b"secret"))

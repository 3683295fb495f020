"""A simulated device of Izuma's kind says what became of its certificate."""

import pytest

from homeport.coap.codec import Code, Message, Option, Type
from homeport.protocol import certificate_renewals
from homeport.simulator import renewing
from homeport.simulator.dialects import IZUMA, LWM2M_1_1
from homeport.simulator.managed import Managed


def asked(payload: bytes, code: Code = Code.POST) -> Message:
    path = ((int(Option.URI_PATH), part) for part in (b"35011", b"0", b"27002"))
    return Message(Type.CON, code, 1, b"\x01", tuple(path), payload)


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("LWM2M", 0),
        ("customer.dlms", certificate_renewals.ITEM_NOT_FOUND),
        ("mbed.BootstrapDeviceCert", certificate_renewals.FORBIDDEN),
    ],
)
def test_it_renews_what_it_registers_with(name: str, result: int) -> None:
    answer = Managed(IZUMA, "urn:dev:1", lifetime=60).answer(
        asked(certificate_renewals.build(name))
    )
    assert answer is not None
    assert answer.code == Code.CHANGED
    assert certificate_renewals.parse_result(answer.payload) == result


def test_what_it_does_not_understand_has_failed() -> None:
    answer = renewing.answer(asked(b"LWM2M"))
    assert certificate_renewals.parse_result(answer.payload) >= 0x0500


def test_it_is_only_asked_by_executing_the_resource() -> None:
    assert renewing.is_renewal(asked(b""))
    assert not renewing.is_renewal(asked(b"", Code.GET))


def test_other_devices_have_no_such_resource() -> None:
    answer = Managed(LWM2M_1_1, "urn:dev:1", lifetime=60).answer(asked(b""))
    assert answer is not None
    assert answer.code == Code.NOT_FOUND

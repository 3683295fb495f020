"""What bootstrap writes to a device is there, and what it deletes is not."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.coap.codec import Code, Message, Option, Type
from homeport.errors import InvalidFormat
from homeport.protocol import paths
from homeport.protocol.formats import codecs
from homeport.protocol.formats.records import Record, Value
from homeport.protocol.objects.core import CORE
from homeport.protocol.paths import ROOT
from homeport.simulator.accounts import Account
from homeport.simulator.dialects import IZUMA, LWM2M_1_0, LWM2M_1_1, LWM2M_1_2, Dialect
from homeport.simulator.provisioned import Provisioned

URL = "coap://127.0.0.1:5683"
SECURITY: Mapping[str, Value] = {"0": URL, "1": False, "2": 3, "10": 7}
SERVER: Mapping[str, Value] = {"0": 7, "1": 60}


def request(
    code: Code, path: str = "/", content_format: int | None = None, payload: bytes = b""
) -> Message:
    segments = [each for each in path.split("/") if each]
    options = [(int(Option.URI_PATH), each.encode()) for each in segments]
    if content_format is not None:
        value = content_format.to_bytes(2, "big")
        options.append((int(Option.CONTENT_FORMAT), value))
    return Message(Type.CON, code, 1, b"", tuple(options), payload)


def write(
    path: str, values: Mapping[str, Value], content_format: int = 11542, at: str = ""
) -> Message:
    records = [Record(paths.parse(f"{path}/{name}"), values[name]) for name in values]
    base = paths.parse(at or path)
    payload = codecs.encode(content_format, records, base=base)
    return request(Code.PUT, at or path, content_format, payload)


def provisioned(dialect: Dialect = LWM2M_1_1) -> Provisioned:
    made = Provisioned(dialect)
    for asked in (write("/0/1", SECURITY), write("/1/0", SERVER)):
        assert made.answer(asked).code == Code.CHANGED
    return made


def listed(made: Provisioned) -> str:
    return made.answer(request(Code.GET)).payload.decode()


def test_a_device_begins_with_its_bootstrap_account() -> None:
    assert listed(Provisioned(LWM2M_1_1)) == "</>;lwm2m=1.1,</0/0>,</3/0>"


def test_what_is_written_is_listed_with_its_server() -> None:
    assert listed(provisioned()) == (
        "</>;lwm2m=1.1,</0/0>,</0/1>;ssid=7,</1/0>;ssid=7,</3/0>"
    )
    assert provisioned().account() == Account(URL)


@pytest.mark.parametrize(
    ("path", "left"),
    [
        ("/", "</0/0>,</3/0>"),
        ("/0", "</0/0>,</1/0>;ssid=7,</3/0>"),
        ("/1", "</0/0>,</0/1>;ssid=7,</3/0>"),
        ("/0/0", "</0/0>,</0/1>;ssid=7,</1/0>;ssid=7,</3/0>"),
        ("/3/0", "</0/0>,</0/1>;ssid=7,</1/0>;ssid=7,</3/0>"),
    ],
)
@pytest.mark.conforms("C-004", "ETS-4", "1.0 Bootstrap-Delete", "B-189")
def test_a_delete_leaves_the_bootstrap_account_and_the_device_object(
    path: str, left: str
) -> None:
    made = provisioned()
    assert made.answer(request(Code.DELETE, path)).code == Code.DELETED
    assert listed(made) == f"</>;lwm2m=1.1,{left}"


def test_an_account_without_its_server_is_none() -> None:
    made = provisioned()
    made.delete(paths.parse("/1"))
    with pytest.raises(InvalidFormat, match="one of its two objects"):
        made.account()


def test_a_write_takes_the_place_of_what_was_there() -> None:
    made = provisioned()
    assert made.answer(write("/1/0", {"0": 7})).code == Code.CHANGED
    assert made.read(paths.parse("/1")) == (Record(paths.parse("/1/0/0"), 7),)


@pytest.mark.parametrize("dialect", [LWM2M_1_0, LWM2M_1_1, LWM2M_1_2])
def test_what_was_written_can_be_read(dialect: Dialect) -> None:
    answer = provisioned(dialect).answer(request(Code.GET, "/1"))
    assert answer.code == Code.CONTENT
    ((_, content_format),) = answer.options
    found = codecs.decode(
        int.from_bytes(content_format, "big"),
        answer.payload,
        base=paths.parse("/1"),
        definitions=CORE,
    )
    assert {record.path: record.value for record in found} == {
        (1, 0, 0): 7,
        (1, 0, 1): 60,
    }
    absent = provisioned(dialect).answer(request(Code.GET, "/2"))
    assert absent.code == Code.NOT_FOUND


@pytest.mark.parametrize(
    ("dialect", "content_format", "code"),
    [
        (LWM2M_1_0, 11542, Code.CHANGED),
        (LWM2M_1_0, 112, Code.UNSUPPORTED_CONTENT_FORMAT),
        (LWM2M_1_1, 112, Code.CHANGED),
        (LWM2M_1_1, 110, Code.UNSUPPORTED_CONTENT_FORMAT),
        (LWM2M_1_2, 11544, Code.CHANGED),
        (IZUMA, 112, Code.BAD_REQUEST),
    ],
)
def test_a_device_knows_its_formats(
    dialect: Dialect, content_format: int, code: Code
) -> None:
    asked = write("/0/2", SECURITY, content_format)
    assert Provisioned(dialect).answer(asked).code == code


def test_an_izuma_device_takes_whole_instances_and_brings_its_server() -> None:
    made = Provisioned(IZUMA)
    assert made.answer(write("/0/0", SECURITY, at="/0")).code == Code.CHANGED
    assert made.account() == Account(URL)
    assert made.answer(write("/2/0", {"0": 1})).code == Code.BAD_REQUEST
    assert made.answer(request(Code.GET)).code == Code.NOT_FOUND


@pytest.mark.parametrize(
    ("path", "payload"),
    [("/0/1", b""), ("/0/1", b"\xff"), ("/1/1", b"\xff"), ("/0/1", b"\xc0\x00")],
)
def test_what_makes_no_sense_is_refused(path: str, payload: bytes) -> None:
    made = Provisioned(LWM2M_1_1)
    answer = made.answer(request(Code.PUT, path, 11542, payload))
    assert answer.code in (Code.BAD_REQUEST, Code.CHANGED)
    with pytest.raises(InvalidFormat):
        made.account()


def test_all_of_it_may_come_at_once() -> None:
    made = provisioned(LWM2M_1_2)
    records = [
        *(Record(paths.parse(f"/0/5/{name}"), SECURITY[name]) for name in SECURITY),
        *(Record(paths.parse(f"/1/5/{name}"), SERVER[name]) for name in SERVER),
    ]
    payload = codecs.encode(112, records, base=ROOT)
    assert made.unpack(request(Code.PUT, "/", 112, payload))
    assert listed(made) == ("</>;lwm2m=1.2,</0/0>,</0/5>;ssid=7,</1/5>;ssid=7,</3/0>")
    assert not made.unpack(request(Code.PUT, "/", 112, payload[:-1]))


@given(st.sampled_from([None, 0, 112, 11542]), st.binary(), st.text())
def test_anything_may_be_written(
    content_format: int | None, payload: bytes, path: str
) -> None:
    asked = request(Code.PUT, path, content_format, payload)
    assert Provisioned(LWM2M_1_1).answer(asked).code

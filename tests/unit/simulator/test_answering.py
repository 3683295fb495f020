"""What a simulated device answers a server."""

import orjson
import pytest

from homeport.coap.codec import Code, Message, Option, Type
from homeport.protocol import tlv
from homeport.protocol.tlv import Resource
from homeport.simulator import answering
from homeport.simulator.objects import Objects

TEXT, LINK_FORMAT, OPAQUE, SENML_JSON, SENML_CBOR, TLV = 0, 40, 42, 110, 112, 11542


def number(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def request(
    code: Code,
    path: str,
    payload: bytes = b"",
    *,
    content_format: int | None = None,
    accept: int | None = None,
    queries: tuple[str, ...] = (),
) -> Message:
    parts = [each.encode() for each in path.split("/") if each]
    options = [(int(Option.URI_PATH), part) for part in parts]
    if content_format is not None:
        options.append((int(Option.CONTENT_FORMAT), number(content_format)))
    options += [(int(Option.URI_QUERY), query.encode()) for query in queries]
    if accept is not None:
        options.append((int(Option.ACCEPT), number(accept)))
    return Message(Type.CON, code, 1, b"\x01", tuple(options), payload)


@pytest.fixture
def objects() -> Objects:
    return Objects("urn:dev:1", lifetime=60)


def asked(objects: Objects, *said: object, **more: object) -> tuple[Code, bytes]:
    answer = answering.answer(objects, request(*said, **more))
    return answer.code, answer.payload


def test_a_resource_is_read_as_text_and_more_as_tlv(objects: Objects) -> None:
    assert asked(objects, Code.GET, "/3/0/0") == (Code.CONTENT, b"Homeport")
    answer = answering.answer(objects, request(Code.GET, "/3303/0"))
    assert answer.options == ((Option.CONTENT_FORMAT, number(TLV)),)
    assert {each.id for each in tlv.decode(answer.payload)} == {5700, 5701}


@pytest.mark.parametrize("accept", [TEXT, SENML_JSON, SENML_CBOR, TLV, LINK_FORMAT])
def test_it_comes_in_the_format_that_is_wanted(objects: Objects, accept: int) -> None:
    answer = answering.answer(objects, request(Code.GET, "/3/0/9", accept=accept))
    assert answer.code == Code.CONTENT
    assert answer.options == ((Option.CONTENT_FORMAT, number(accept)),)


@pytest.mark.parametrize(
    ("code", "path", "answered"),
    [
        (Code.GET, "/3/0/9999", Code.NOT_FOUND),
        (Code.GET, "/4", Code.NOT_FOUND),
        (Code.GET, "/door", Code.NOT_FOUND),
        (Code.GET, "/3/0/4", Code.METHOD_NOT_ALLOWED),
        (Code.GET, "/0/0/5", Code.UNAUTHORIZED),
        (Code.POST, "/3/0/9", Code.METHOD_NOT_ALLOWED),
        (Code.POST, "/3/0/9999", Code.NOT_FOUND),
        (Code.POST, "/3/0/4", Code.CHANGED),
        (Code.DELETE, "/3", Code.METHOD_NOT_ALLOWED),
        (Code.DELETE, "/3/0/0", Code.METHOD_NOT_ALLOWED),
        (Code.DELETE, "/4/0", Code.NOT_FOUND),
    ],
)
def test_what_cannot_be_is_refused(
    objects: Objects, code: Code, path: str, answered: Code
) -> None:
    assert asked(objects, code, path)[0] == answered


def test_a_format_that_a_value_cannot_have_is_not_acceptable(
    objects: Objects,
) -> None:
    assert asked(objects, Code.GET, "/3/0/9", accept=9_999)[0] == Code.NOT_ACCEPTABLE
    assert asked(objects, Code.GET, "/3", accept=TEXT)[0] == Code.NOT_ACCEPTABLE


def test_values_are_written(objects: Objects) -> None:
    assert asked(objects, Code.PUT, "/3/0/14", b"+02:00")[0] == Code.CHANGED
    assert asked(objects, Code.GET, "/3/0/14") == (Code.CONTENT, b"+02:00")
    both = tlv.encode([Resource(14, b"+03:00"), Resource(15, b"UTC")])
    written = asked(objects, Code.POST, "/3/0", both, content_format=TLV)
    assert written[0] == Code.CHANGED
    assert asked(objects, Code.GET, "/3/0/15") == (Code.CONTENT, b"UTC")


@pytest.mark.parametrize(
    ("path", "payload", "content_format", "answered"),
    [
        ("/3/0/9", b"1", TEXT, Code.METHOD_NOT_ALLOWED),
        ("/1/1/1", b"soon", TEXT, Code.BAD_REQUEST),
        ("/1/1/1", b"1", 9_999, Code.UNSUPPORTED_CONTENT_FORMAT),
        ("/4/0/1", b"1", TEXT, Code.NOT_FOUND),
    ],
)
def test_a_wrong_write_is_refused(
    objects: Objects,
    path: str,
    payload: bytes,
    content_format: int,
    answered: Code,
) -> None:
    code, _ = asked(objects, Code.PUT, path, payload, content_format=content_format)
    assert code == answered


def test_instances_are_created_and_deleted(objects: Objects) -> None:
    payload = tlv.encode([Resource(5701, b"K")])
    answer = answering.answer(
        objects, request(Code.POST, "/3303", payload, content_format=TLV)
    )
    assert answer.code == Code.CREATED
    assert [value for _, value in answer.options] == [b"3303", b"1"]
    assert asked(objects, Code.DELETE, "/3303/1")[0] == Code.DELETED
    assert asked(objects, Code.POST, "/3", payload, content_format=TLV)[0] in (
        Code.METHOD_NOT_ALLOWED,
        Code.BAD_REQUEST,
    )
    assert asked(objects, Code.POST, "/4", b"", content_format=TLV)[0] == Code.NOT_FOUND


def test_attributes_are_written_and_discovered(objects: Objects) -> None:
    queries = ("pmin=5", "pmax=60")
    assert asked(objects, Code.PUT, "/3/0/9", queries=queries)[0] == Code.CHANGED
    _, listed = asked(objects, Code.GET, "/3/0/9", accept=LINK_FORMAT)
    assert listed == b"</3/0/9>;pmin=5;pmax=60"
    assert asked(objects, Code.PUT, "/3/0/9", queries=("x=1",))[0] == Code.BAD_REQUEST
    assert asked(objects, Code.PUT, "/4/0/9", queries=queries)[0] == Code.NOT_FOUND


def test_several_are_read_and_written_at_once(objects: Objects) -> None:
    paths = b'[{"n":"/3/0/0"},{"n":"/1/1/1"},{"n":"/4/0/0"}]'
    code, told = asked(
        objects, Code.FETCH, "/", paths, content_format=SENML_JSON, accept=SENML_JSON
    )
    assert code == Code.CONTENT
    assert {each["n"] for each in orjson.loads(told)} == {"/3/0/0", "/1/1/1"}
    both = b'[{"n":"/1/1/1","v":20},{"n":"/3/0/15","vs":"UTC"}]'
    written = asked(objects, Code.iPATCH, "/", both, content_format=SENML_JSON)
    assert written[0] == Code.CHANGED
    assert objects.lifetime == 20

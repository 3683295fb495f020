"""Definitions are read from XML, and XML does nothing else."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.errors import InvalidFormat
from homeport.protocol.objects import xml
from homeport.protocol.objects.definitions import (
    ObjectDefinition,
    Operations,
    ResourceDefinition,
    Type,
    Version,
)

HEAD = '<?xml version="1.0" encoding="utf-8"?>\n'
BODY = """<LWM2M xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <!-- a tank -->
  <Object ObjectType="MODefinition">
    <Name>Tank &amp; Pump</Name>
    <Description1><![CDATA[Level < 100 &c.]]></Description1>
    <ObjectID>20000</ObjectID>
    <ObjectURN>urn:oma:lwm2m:x:20000:1.1</ObjectURN>
    <LWM2MVersion>1.1</LWM2MVersion>
    <ObjectVersion>1.1</ObjectVersion>
    <MultipleInstances>Multiple</MultipleInstances>
    <Mandatory>Optional</Mandatory>
    <Resources>
      <Item ID="1">
        <Name>Level</Name>
        <Operations>RW</Operations>
        <MultipleInstances>Single</MultipleInstances>
        <Mandatory>Mandatory</Mandatory>
        <Type>Unsigned Integer</Type>
        <RangeEnumeration>0..100</RangeEnumeration>
        <Units>/100</Units>
        <Description>How full it is.</Description>
      </Item>
      <Item ID="2">
        <Name>Empty</Name>
        <Operations>E</Operations>
        <MultipleInstances>Single</MultipleInstances>
        <Mandatory>Optional</Mandatory>
        <Type></Type>
      </Item>
    </Resources>
    <Description2/>
  </Object>
</LWM2M>
"""
SOUND = HEAD + BODY
TANK = ObjectDefinition(
    20_000,
    "Tank & Pump",
    Version(1, 1),
    multiple=True,
    resources={
        1: ResourceDefinition(
            1, "Level", Operations.READ | Operations.WRITE, Type.UNSIGNED_INTEGER
        ),
        2: ResourceDefinition(2, "Empty", Operations.EXECUTE, None),
    },
)


def test_an_object_is_read_with_its_resources() -> None:
    assert xml.parse(SOUND.encode()) == (TANK,)


@pytest.mark.parametrize("document", [BODY.encode(), b"\xef\xbb\xbf" + SOUND.encode()])
def test_the_heads_that_the_registry_has_are_read(document: bytes) -> None:
    assert xml.parse(document) == (TANK,)


@pytest.mark.parametrize(
    ("line", "changed"),
    [
        ("    <ObjectVersion>1.1</ObjectVersion>\n", ""),
        ("<ObjectVersion>1.1<", "<ObjectVersion><"),
    ],
)
def test_an_object_without_a_version_has_the_first(line: str, changed: str) -> None:
    (found,) = xml.parse(SOUND.replace(line, changed).encode())
    assert found.version == Version(1, 0)


def test_several_objects_may_stand_in_a_document() -> None:
    start, end = BODY.index("  <Object "), BODY.index("</LWM2M>")
    other = BODY[start:end].replace("20000", "20001")
    both = BODY.replace("</LWM2M>", other + "</LWM2M>")
    assert [each.id for each in xml.parse(both.encode())] == [20_000, 20_001]


@pytest.mark.parametrize(
    "doctype",
    [
        "<!DOCTYPE LWM2M>",
        '<!DOCTYPE LWM2M [<!ENTITY x "Level">]>',
        '<!DOCTYPE LWM2M [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE LWM2M [<!ENTITY % x SYSTEM "http://127.0.0.1:9/x"> %x;]>',
        '<!DOCTYPE LWM2M SYSTEM "http://127.0.0.1:9/x.dtd">',
        '<!DOCTYPE LWM2M PUBLIC "-//x" "file:///etc/passwd">',
    ],
)
@pytest.mark.conforms("C-222", "CVE-2023-41034")
def test_a_document_type_is_refused_where_it_begins(doctype: str) -> None:
    document = HEAD + doctype + BODY.replace("Level", "&x;")
    with pytest.raises(InvalidFormat, match="document type") as raised:
        xml.parse(document.encode())
    assert raised.value.position <= len(HEAD + doctype)


def test_a_billion_laughs_are_not_heard() -> None:
    entities = "".join(
        f'<!ENTITY l{each} "{f"&l{each - 1};" * 10}">' for each in range(1, 10)
    )
    document = (
        f'<!DOCTYPE LWM2M [<!ENTITY l0 "ha">{entities}]>'
        "<LWM2M><Object><Name>&l9;</Name></Object></LWM2M>"
    )
    started = time.process_time()
    with pytest.raises(InvalidFormat, match="document type"):
        xml.parse(document.encode())
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("</LWM2M>", ""),
        ("</LWM2M>", "</LWM2M><LWM2M/>"),
        ("&amp;", "&x;"),
        ("Tank", "\x00"),
        ("Tank &amp; Pump", ""),
        ("Tank", "T" * 300),
        ("<ObjectID>20000", "<ObjectID>65536"),
        ("<ObjectID>20000", "<ObjectID>-1"),
        ("<ObjectID>20000", "<ObjectID>3/0"),
        ("<ObjectID>20000", "<ObjectID>"),
        ("<ObjectVersion>1.1", "<ObjectVersion>new"),
        ("Multiple<", "Many<"),
        ("<Operations>RW", "<Operations>RWX"),
        ("Unsigned Integer", "Number"),
        ('<Item ID="2">', '<Item ID="1">'),
        ('<Item ID="2">', "<Item>"),
        ('<Item ID="2">', '<Item ID="2" ID="3">'),
        ("Object ObjectType", "Thing ObjectType"),
        ("How full it is.", "<b>" * 10 + "</b>" * 10),
        ("0..100", "\ud800"),
    ],
)
def test_what_is_no_definition_is_refused(old: str, new: str) -> None:
    document = SOUND.replace(old, new, 1)
    if "Thing" in new:
        document = document.replace("</Object>", "</Thing>")
    with pytest.raises(InvalidFormat):
        xml.parse(document.encode(errors="surrogatepass"))


def test_a_document_is_utf_8_whatever_it_declares() -> None:
    declared = SOUND.replace("utf-8", "iso-8859-1").replace("Tank", "Behälter")
    (found,) = xml.parse(declared.encode())
    assert found.name == "Behälter & Pump"
    with pytest.raises(InvalidFormat):
        xml.parse(declared.encode("iso-8859-1"))


def test_a_document_beyond_the_limit_is_not_looked_at() -> None:
    with pytest.raises(InvalidFormat, match="more than"):
        xml.parse(b" " * (xml.LARGEST + 1))


@pytest.mark.parametrize(
    "part", ["<b>", "<b/>", "x", "<!---->x", "<![CDATA[x]]>", "&lt;"]
)
def test_the_largest_document_has_a_bounded_cost(part: str) -> None:
    opening = "<LWM2M><Object><Name>"
    document = opening + part * ((xml.LARGEST - len(opening)) // len(part))
    started = time.process_time()
    with pytest.raises(InvalidFormat):
        xml.parse(document.encode())
    assert time.process_time() - started < 3


@given(st.binary() | st.text().map(str.encode))
def test_bytes_are_no_definition(document: bytes) -> None:
    with pytest.raises(InvalidFormat):
        xml.parse(document)


@given(st.integers(0, len(SOUND) - 1), st.binary(max_size=3))
def test_a_damaged_document_is_a_definition_or_an_invalid_format(
    at: int, damage: bytes
) -> None:
    document = SOUND.encode()
    damaged = document[:at] + damage + document[at + len(damage) :]
    try:
        found = xml.parse(damaged)
    except InvalidFormat:
        return
    assert len(found) == 1

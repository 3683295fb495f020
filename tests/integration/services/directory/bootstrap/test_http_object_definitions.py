"""Accounts define objects of their own, in the registry's XML, and only in that."""

from typing import Any

import pytest

from homeport.protocol import paths
from homeport.protocol.objects.core import CORE
from homeport.protocol.objects.definitions import Definitions, Type, Version
from homeport.store import connection
from homeport.store.definitions import DefinitionReader
from tests.support.directory import ACCOUNT, OTHER_ACCOUNT, Site

pytestmark = pytest.mark.integration

DEFINITIONS = "/v3/object-definitions"
ITEM = """
<Item ID="{number}"><Name>{name}</Name><Operations>{operations}</Operations>
<MultipleInstances>Single</MultipleInstances><Type>{type}</Type></Item>"""
OBJECT = """
<Object ObjectType="MODefinition"><Name>{name}</Name><ObjectID>{number}</ObjectID>
<ObjectVersion>{version}</ObjectVersion>
<MultipleInstances>Multiple</MultipleInstances><Resources>{items}</Resources></Object>"""
DOCTYPE = '<!DOCTYPE LWM2M [<!ENTITY a "{}"><!ENTITY b "&a;&a;">]>'


def described(number: int = 33000, version: str = "1.0", kind: str = "Integer") -> str:
    level = ITEM.format(number=1, name="Level", operations="RW", type=kind)
    empty = ITEM.format(number=2, name="Empty it", operations="E", type="")
    return OBJECT.format(
        name="Kettle", number=number, version=version, items=level + empty
    )


def document(*objects: str, before: str = "") -> str:
    return f"{before}<LWM2M>{''.join(objects or (described(),))}</LWM2M>"


async def upload(opened: Site, text: str | bytes, status: int = 201) -> Any:
    headers = {"content-type": "application/xml"}
    answer = await opened.client.post(DEFINITIONS, content=text, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json()


async def known(opened: Site, account: str = ACCOUNT) -> Definitions:
    redis = await connection.connect(opened.settings.redis_url)
    try:
        return await DefinitionReader(redis).of(account)
    finally:
        await redis.aclose()


async def test_an_object_is_shown_as_it_was_described(opened: Site) -> None:
    (made,) = (await upload(opened, document()))["data"]
    assert (made["object"], made["object_id"], made["name"]) == (
        "object-definition",
        33000,
        "Kettle",
    )
    assert (made["version"], made["multiple"]) == ("1.0", True)
    assert made["resources"] == [
        {
            "id": 1,
            "name": "Level",
            "operations": "RW",
            "type": "Integer",
            "multiple": False,
        },
        {
            "id": 2,
            "name": "Empty it",
            "operations": "E",
            "type": "",
            "multiple": False,
        },
    ]
    assert await opened.get(f"{DEFINITIONS}/{made['id']}/") == made
    assert (await opened.get(DEFINITIONS))["data"] == [made]


async def test_versions_stand_side_by_side_and_one_is_replaced_by_itself(
    opened: Site,
) -> None:
    both = document(described(), described(version="1.1", kind="Float"))
    old, new = (await upload(opened, both))["data"]
    (again,) = (await upload(opened, document(described(kind="String"))))["data"]
    assert again["id"] == old["id"]
    assert again["updated_at"] > old["updated_at"] == again["created_at"]
    listed = await opened.get(f"{DEFINITIONS}?object_id__eq=33000&version__eq=1.1")
    assert [each["id"] for each in listed["data"]] == [new["id"]]
    definitions = await known(opened)
    level = paths.parse("/33000/0/1")
    assert definitions.type_of(level) is Type.FLOAT
    spoken = definitions.speaking({33000: Version(1, 0)})
    assert spoken.type_of(level) is Type.STRING


async def test_whoever_decodes_hears_of_it_at_once(opened: Site) -> None:
    redis = await connection.connect(opened.settings.redis_url)
    reader, level = DefinitionReader(redis), paths.parse("/33000/0/1")
    assert (await reader.of(ACCOUNT)).type_of(level) is None
    (made,) = (await upload(opened, document()))["data"]
    assert (await reader.of(ACCOUNT)).type_of(level) is Type.INTEGER
    assert await reader.of(ACCOUNT) is await reader.of(ACCOUNT)
    await opened.send("DELETE", f"{DEFINITIONS}/{made['id']}", status=204)
    await opened.send("DELETE", f"{DEFINITIONS}/{made['id']}", status=404)
    assert (await reader.of(ACCOUNT)).type_of(level) is None
    await redis.aclose()


async def test_what_everybody_has_may_be_described_better(opened: Site) -> None:
    await upload(opened, document(described(3, "1.9")))
    found = (await known(opened)).find(3)
    assert found is not None
    assert found.name == "Kettle"
    assert (await known(opened, OTHER_ACCOUNT)).find(3) == CORE.find(3)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is no XML"),
        ("<LWM2M/>", "has no object"),
        (document("<Object/>"), "has an id that is none"),
        (document(described(version="x")), "ObjectVersion"),
        (document(described(70_000)), "has an id that is none"),
        (document(described(kind="Money")), "has a value of Type"),
        (document(described(), described()), "twice in one version"),
        (document(before=DOCTYPE.format("x" * 1000)), "has a document type"),
        (document(before='<!DOCTYPE x SYSTEM "file:///etc/passwd">'), "document type"),
        (document(before='<!DOCTYPE x SYSTEM "http://127.0.0.1/">'), "document type"),
        ("<a>" * 20, "elements deep"),
        (document() + " " * (1 << 20), "is longer than 1048576 bytes"),
        (document().encode().replace(b"Kettle", b"\xff\xfe"), "is no XML"),
    ],
)
@pytest.mark.conforms("C-222", "CVE-2023-41034")
async def test_a_document_that_is_wrong_costs_nothing(
    opened: Site, text: str | bytes, reason: str
) -> None:
    refused = await upload(opened, text, status=400)
    assert refused["type"] == "validation_error"
    (wrong,) = refused["fields"]
    assert wrong["name"] == "body"
    assert reason in wrong["message"]
    assert (await opened.get(DEFINITIONS))["data"] == []


async def test_only_who_may_defines_objects(opened: Site) -> None:
    (made,) = (await upload(opened, document()))["data"]
    for account, role, status in (
        (OTHER_ACCOUNT, "operator", 404),
        (ACCOUNT, "reader", 403),
    ):
        headers = await opened.allow("ak_else", account, role=role)
        opened.client.headers.update(headers)
        await opened.send("DELETE", f"{DEFINITIONS}/{made['id']}", status=status)
    await upload(opened, document(), status=403)
    assert (await known(opened, OTHER_ACCOUNT)).find(33000) is None

"""Registration, case by case: what a device says, hears, and what is told of it."""

from collections.abc import Sequence

import pytest

from homeport import names
from homeport.coap.codec import Code, Option
from homeport.protocol.alterations import Alterations
from tests.support.lwm2m_edge import IZUMA, KITCHEN, REGISTER, Edge
from tests.support.registrations import changed, registered, told
from tests.support.sessions import ACCOUNT

pytestmark = pytest.mark.integration


@pytest.mark.conforms("C-065", "ETS-101")
async def test_a_device_that_registers_is_told_where(edge: Edge) -> None:
    created = await edge.device().register()
    assert created.code == Code.CREATED
    assert created.location[:1] == ("rd",)
    assert (created.payload, created.value(Option.MAX_AGE)) == (b"", None)
    assert told(await edge.facts()) == ["device.registered"]


@pytest.mark.conforms("C-067", "UPD-7")
async def test_the_order_of_what_a_device_says_does_not_matter(edge: Edge) -> None:
    said = (*IZUMA, f"iep={KITCHEN}", "et=default", f"d={ACCOUNT}")
    seen = []
    for queries in (said, said[::-1], sorted(said)):
        assert (await edge.device().register(queries)).code == Code.CREATED
        fact = await registered(edge)
        seen.append((fact.device_id, fact.lifetime, fact.profile, fact.parameters))
    assert seen[0] == seen[1] == seen[2]


@pytest.mark.conforms("C-068", "Leshan LockStepTest", "B-197")
@pytest.mark.parametrize("payload", [b"", b"</>", b"</fw>"])
async def test_a_device_without_objects_is_refused_with_a_reason(
    edge: Edge, payload: bytes
) -> None:
    refused = await edge.device().register(payload=payload)
    assert refused.code == Code.BAD_REQUEST
    assert 0 < len(refused.payload.decode()) <= 64
    assert await edge.facts() == []


@pytest.mark.conforms("C-069", "1.0 Register", "B-197")
@pytest.mark.parametrize(
    ("payload", "content_format", "code"),
    [
        (b"no links", 40, Code.BAD_REQUEST),
        (b"</3/0", 40, Code.BAD_REQUEST),
        (b"</3/0>", 0, Code.UNSUPPORTED_CONTENT_FORMAT),
        (b"</3/0>", 50, Code.UNSUPPORTED_CONTENT_FORMAT),
    ],
)
async def test_what_are_no_links_is_refused(
    edge: Edge, payload: bytes, content_format: int, code: Code
) -> None:
    device = edge.device()
    refused = await device.register(payload=payload, content_format=content_format)
    assert refused.code == code
    assert refused.payload


@pytest.mark.conforms("C-072", "1.0 Register", "B-106")
async def test_a_device_that_names_no_lifetime_has_a_day(edge: Edge) -> None:
    await edge.device().register(changed(lt=""))
    assert (await registered(edge)).lifetime == 86_400


@pytest.mark.conforms("C-073", "1.1 Register", "B-198")
@pytest.mark.parametrize(
    ("version", "code"),
    [
        *((version, Code.CREATED) for version in ("1.0", "1.1", "1.2")),
        *((version, Code.PRECONDITION_FAILED) for version in ("2.0", "new", "1.3")),
    ],
)
async def test_of_versions_those_that_we_speak_are_accepted(
    edge: Edge, version: str, code: Code
) -> None:
    assert (await edge.device().register(changed(lwm2m=version))).code == code


@pytest.mark.conforms("C-074", "Leshan LockStepTest", "B-199")
@pytest.mark.parametrize(
    ("version", "binding", "code"),
    [
        ("1.0", "UQ", Code.CREATED),
        ("1.1", "UQ", Code.BAD_REQUEST),
        ("1.1", "UT", Code.CREATED),
        ("1.0", "UT", Code.BAD_REQUEST),
        ("1.2", "UTSNMH", Code.CREATED),
    ],
)
async def test_a_binding_is_one_of_its_version(
    edge: Edge, version: str, binding: str, code: Code
) -> None:
    answer = await edge.device().register(changed(lwm2m=version, b=binding))
    assert answer.code == code


@pytest.mark.conforms("C-075", "1.1 Register", "Q-4")
@pytest.mark.parametrize(
    ("queries", "sleeps"),
    [
        ((*REGISTER, "Q"), True),
        (REGISTER, False),
        ((*changed(lwm2m="1.0"), "Q"), False),
        (changed(lwm2m="1.0", b="UQ"), True),
    ],
)
async def test_queue_mode_is_a_flag_from_1_1_on(
    edge: Edge, queries: Sequence[str], *, sleeps: bool
) -> None:
    await edge.device().register(queries)
    assert (await registered(edge)).queue_mode is sleeps


@pytest.mark.conforms("C-076", "Leshan RegistrationTest", "B-200")
async def test_what_we_do_not_know_is_kept_and_told(edge: Edge) -> None:
    await edge.device().register((*REGISTER, "sms=49170", "pid=1,4", "color=red"))
    fact = await registered(edge)
    assert fact.parameters == {"sms": "49170", "pid": "1,4", "color": "red"}


@pytest.mark.conforms("C-077", "Leshan RegistrationTest", "B-201")
async def test_the_root_link_tells_the_formats(edge: Edge) -> None:
    formats = "60 110 112 1542 1543 11542 11543"
    links = f'</>;rt="oma.lwm2m";ct="{formats}",</3/0>'.encode()
    await edge.device().register(payload=links)
    root, _ = (await registered(edge)).resources
    assert (root.path, root.rt, root.ct) == ("/", "oma.lwm2m", formats)


@pytest.mark.conforms("C-078", "1.0 alternate path", "B-201")
async def test_paths_below_another_root_are_those_that_applications_know(
    edge: Edge,
) -> None:
    links = b'</lwm2m>;rt="oma.lwm2m",</lwm2m/3/0>'
    await edge.device().register(payload=links)
    root, device = (await registered(edge)).resources
    assert (root.path, device.path) == ("/lwm2m", "/3/0")


@pytest.mark.conforms("C-079", "REG-9", "B-202")
@pytest.mark.parametrize("links", [b"</3>;ver=1.2,</3/0>", b'</3>;ver="1.2",</3/0>'])
async def test_versions_of_objects_are_kept(edge: Edge, links: bytes) -> None:
    await edge.device().register(payload=links)
    assert (await registered(edge)).resources[0].attributes == {"ver": "1.2"}


@pytest.mark.conforms("C-080", "Leshan RegistrationTest", "B-129")
async def test_a_device_that_registers_again_has_one_registration(edge: Edge) -> None:
    device = edge.device()
    first = await device.register()
    await edge.enqueue()
    second = await device.register(payload=b"</5/0>")
    assert (await device.update(first.location)).code == Code.NOT_FOUND
    assert (await device.update(second.location)).code == Code.CHANGED
    facts = await edge.facts()
    assert told(facts) == [
        "device.registered",
        "request.completed",
        "queue.cleared",
        "device.registered",
        "registration.updated",
    ]
    assert [each.path for each in getattr(facts[-1], "resources", ())] == ["/5/0"]


@pytest.mark.conforms("C-081", "ETS-103", "Leshan RegistrationTest")
async def test_a_device_may_leave_and_come_again(edge: Edge) -> None:
    device = edge.device()
    for _ in range(2):
        created = await device.register()
        assert created.code == Code.CREATED
        assert (await device.deregister(created.location)).code == Code.DELETED
    assert told(await edge.facts()) == ["device.registered", "device.deregistered"] * 2


@pytest.mark.conforms("C-083", "1.0 De-register", "B-133")
async def test_a_device_leaves_once_and_hears_it_again(edge: Edge) -> None:
    device = edge.device()
    created = await device.register()
    unknown = ("rd", names.new_registration_id(KITCHEN))
    assert (await device.deregister(unknown)).code == Code.NOT_FOUND
    for _ in range(2):
        deleted = await device.deregister(created.location, message_id=99)
        assert deleted.code == Code.DELETED
    assert (await device.deregister(created.location)).code == Code.NOT_FOUND


@pytest.mark.conforms("C-084", "Leshan RegistrationTest", "B-131")
async def test_what_waits_for_a_device_that_leaves_ends(edge: Edge) -> None:
    device = edge.device()
    created = await device.register()
    await edge.enqueue(request="one")
    await edge.enqueue(request="two")
    await device.deregister(created.location)
    _, *completed, cleared, _ = await edge.facts()
    assert [getattr(each, "outcome", "") for each in completed] == ["removed"] * 2
    assert getattr(cleared, "requests", ()) == ("one", "two")


@pytest.mark.conforms("C-085", "REG-10", "REG-11")
async def test_an_izuma_device_has_a_location_that_names_it(edge: Edge) -> None:
    device = edge.device()
    created = await device.register(IZUMA)
    assert created.location == ("rd", ACCOUNT, KITCHEN)
    assert (await device.update(created.location, ("et=default",))).code == Code.CHANGED


@pytest.mark.conforms("C-090", "B-086", "B-088")
async def test_applications_learn_id_name_and_all_resources(edge: Edge) -> None:
    await edge.device().register(
        payload=b'</1/0>,</3/0/9>;obs,</3/0/2>;v="0";aobs="883"'
    )
    fact = await registered(edge)
    assert (fact.device_id, fact.endpoint_name) == (KITCHEN, "kitchen")
    assert [(each.path, each.obs) for each in fact.resources] == [
        ("/1/0", False),
        ("/3/0/9", True),
        ("/3/0/2", True),
    ]
    assert fact.resources[-1].attributes == {"v": "0", "aobs": "883"}


async def test_an_account_may_know_better_which_kind_a_device_is(edge: Edge) -> None:
    await edge.alter(Alterations(name="izuma"), endpoint_names="kit*")
    created = await edge.device().register()
    assert created.location == ("rd", ACCOUNT, KITCHEN)
    assert (await registered(edge)).profile == "izuma"
    other = await edge.device("two").register(changed(ep="bath"))
    assert len(other.location) == len(("rd", "registration"))
    assert (await registered(edge)).profile == "lwm2m-1.1"


async def test_what_an_account_knows_counts_from_the_next_registration_on(
    edge: Edge,
) -> None:
    device = edge.device()
    assert (await device.register()).code == Code.CREATED
    assert (await registered(edge)).profile == "lwm2m-1.1"
    await edge.alter(Alterations(name="izuma-standard"))
    created = await device.register(payload=b"</1/0>,</3/0>")
    assert (await registered(edge)).profile == "izuma-standard"
    await device.update(created.location, payload=b"</7/0>")
    await edge.alter(Alterations(name="lwm2m-1.0"), priority=1)
    updated = (await edge.facts())[-1]
    assert {each.path for each in updated.resources} == {"/1/0", "/3/0", "/7/0"}

"""What applications are told, and in which order."""

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.errors import InvalidFormat
from homeport.events.facts import FactName
from homeport.protocol.objects.core import CORE
from homeport.protocol.objects.definitions import (
    ObjectDefinition,
    Operations,
    ResourceDefinition,
    Type,
    Version,
)
from services.notifier.channels import messages
from services.notifier.channels.channels import Serialization
from services.notifier.channels.messages import Addressee, Kind, Notice, Taken
from services.notifier.subscriptions.subscriptions import Interest, Presubscription

DEVICE = "d" * 32
TOLD = {
    FactName.DEVICE_REGISTERED,
    FactName.REGISTRATION_UPDATED,
    FactName.DEVICE_DEREGISTERED,
    FactName.REGISTRATION_EXPIRED,
}
ADDRESSED = {FactName.REQUEST_COMPLETED, FactName.RESOURCE_NOTIFIED}
"""Those that not every key is told of."""
KEY = "b" * 32
PLAIN = Addressee(KEY, Serialization())
EVERYTHING = Addressee(
    KEY,
    Serialization(
        deregistrations_as_object=True,
        include_uid=True,
        include_timestamp=True,
        include_original_ep=True,
    ),
)


def fact(name: str = "device.registered", **changes: object) -> Taken:
    body = {
        "fact": name,
        "id": f"{DEVICE}.17",
        "time": "2026-11-24T14:20:05.123456Z",
        "revision": 17,
        "account_id": "a" * 32,
        "device_id": DEVICE,
        "endpoint_name": "urn:dev:1",
        "registration_id": DEVICE + "0" * 16,
        "lifetime": 60,
        "endpoint_type": "thermometer",
        "queue_mode": True,
        "resources": [
            {"path": "/3/0/0", "obs": False},
            {
                "path": "/3303/0/5700",
                "rt": "oma.lwm2m",
                "if": "sensor",
                "ct": "11542",
                "obs": True,
                "attributes": {"ver": "1.1"},
            },
        ],
    }
    return Taken(7, 1_795_530_005_200, orjson.dumps(body | changes))


def item(taken: Taken, addressee: Addressee = PLAIN) -> Any:
    notice = messages.read(taken, addressee)
    assert notice is not None
    return notice.item


RESOURCES = [
    {"path": "/3/0/0", "obs": False},
    {
        "path": "/3303/0/5700",
        "rt": "oma.lwm2m",
        "if": "sensor",
        "ct": "application/vnd.oma.lwm2m+tlv",
        "obs": True,
    },
]


def test_a_registration_has_both_names_and_the_structure() -> None:
    assert messages.read(fact(), PLAIN) == Notice(
        Kind.REGISTRATIONS,
        DEVICE,
        {
            "ep": DEVICE,
            "original-ep": "urn:dev:1",
            "ept": "thermometer",
            "q": True,
            "resources": RESOURCES,
        },
    )


@pytest.mark.conforms("C-112", "B-103")
def test_an_update_has_the_full_structure_and_the_device_id_only() -> None:
    assert messages.read(fact("registration.updated", changes=[]), PLAIN) == Notice(
        Kind.REG_UPDATES,
        DEVICE,
        {"ep": DEVICE, "ept": "thermometer", "q": True, "resources": RESOURCES},
    )


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("device.deregistered", Kind.DE_REGISTRATIONS),
        ("registration.expired", Kind.REGISTRATIONS_EXPIRED),
    ],
)
def test_the_end_of_a_registration_is_a_plain_id(name: str, kind: Kind) -> None:
    assert messages.read(fact(name), PLAIN) == Notice(kind, DEVICE, DEVICE)


def test_the_end_of_a_registration_is_an_object_for_those_who_want_one() -> None:
    as_object = Addressee(KEY, Serialization(deregistrations_as_object=True))
    assert item(fact("device.deregistered"), as_object) == {"ep": DEVICE}


def test_without_objects_an_end_is_a_plain_id_whatever_else_is_wanted() -> None:
    with_uid = Addressee(KEY, Serialization(include_uid=True))
    assert item(fact("device.deregistered"), with_uid) == DEVICE


@pytest.mark.parametrize(
    "name",
    sorted(TOLD),
)
def test_what_is_switched_on_stands_in_every_kind(name: str) -> None:
    told = item(fact(name), EVERYTHING)
    assert told["uid"] == f"{DEVICE}.17"
    assert told["timestamp"] == "1795530005200"
    assert told["original-ep"] == "urn:dev:1"


@pytest.mark.parametrize(
    ("given_formats", "told"),
    [
        ("0", "text/plain"),
        ("0 110", "text/plain application/senml+json"),
        ("65000", "65000"),
        ("text/plain", "text/plain"),
        ("", ""),
    ],
)
def test_content_formats_have_names(given_formats: str, told: str) -> None:
    resources = [{"path": "/3/0", "ct": given_formats, "obs": False}]
    assert item(fact(resources=resources))["resources"][0]["ct"] == told


@pytest.mark.parametrize(
    "name",
    sorted(set(FactName) - TOLD - ADDRESSED),
)
def test_other_facts_are_passed_over(name: str) -> None:
    assert messages.read(fact(name), PLAIN) is None


def completed(**changes: object) -> Taken:
    asked = {"request_id": "r", "key_id": KEY, "async_id": "mine", "outcome": "expired"}
    return fact("request.completed", **(asked | changes))


def test_an_async_response_is_for_the_key_that_has_asked() -> None:
    assert messages.read(completed(), PLAIN) == Notice(
        Kind.ASYNC_RESPONSES,
        DEVICE,
        {"id": "mine", "status": 429, "payload": "", "error": "REQUEST_EXPIRED"},
    )
    assert messages.read(completed(key_id="c" * 32), PLAIN) is None
    assert messages.read(completed(key_id="", async_id=""), PLAIN) is None


def notified(**changes: object) -> Taken:
    told = {"path": "/3/0/9", "payload": "NDI=", "content_format": 0, "max_age": 5}
    return fact("resource.notified", **(told | changes))


def answered(code: str) -> Taken:
    return completed(outcome="answered", code=code, path="/3/0/0", payload="NDI=")


def wanting(*rules: Presubscription, form: Serialization = PLAIN.serialization) -> Any:
    return Addressee(KEY, form, Interest(rules=rules))


def test_a_value_is_for_the_keys_that_want_it() -> None:
    assert messages.read(notified(), wanting(Presubscription())) == Notice(
        Kind.NOTIFICATIONS,
        DEVICE,
        {
            "ep": DEVICE,
            "path": "/3/0/9",
            "payload": "NDI=",
            "max-age": 5,
            "ct": "text/plain",
        },
    )
    assert messages.read(notified(), PLAIN) is None
    meters = wanting(Presubscription(endpoint_type="meter"))
    assert messages.read(notified(), meters) is None
    assert messages.read(notified(endpoint_type="meter"), meters) is not None


@pytest.mark.conforms("C-172")
def test_the_end_of_an_observation_is_a_value_that_is_none() -> None:
    ended = item(notified(code="4.04"), wanting(Presubscription()))
    assert ended == {"ep": DEVICE, "path": "/3/0/9", "payload": "", "max-age": 0}


@pytest.mark.parametrize(
    ("told", "values"),
    [
        (notified(), {"/3/0/9": 42}),
        (notified(payload="eA=="), None),
        (notified(path="/33000/0/1", payload="ODA="), {"/33000/0/1": 80}),
        (notified(code="4.04"), None),
        (answered("2.05"), {"/3/0/0": "42"}),
        (answered("4.00"), None),
    ],
    ids=["core", "unreadable", "of the account", "end", "answer", "complaint"],
)
def test_values_are_decoded_where_the_channel_wants_that(
    told: Taken, values: object
) -> None:
    kettle = ObjectDefinition(
        33_000,
        "Kettle",
        Version(1, 0),
        multiple=True,
        resources={1: ResourceDefinition(1, "Level", Operations.READ, Type.INTEGER)},
    )
    wanted = replace(wanting(Presubscription()), definitions=CORE.including([kettle]))
    assert item(told, wanted)["values"] == values


def test_values_and_responses_have_what_the_channel_wants_besides() -> None:
    form = EVERYTHING.serialization
    for made in (
        item(notified(), wanting(Presubscription(), form=form)),
        item(completed(), EVERYTHING),
    ):
        assert made["uid"] == f"{DEVICE}.17"
        assert made["timestamp"] == 1_795_530_005_200
        assert made["original-ep"] == "urn:dev:1"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"7",
        b"null",
        b"\xff",
        b"{}",
        b'{"fact":"device.exploded"}',
        b'{"fact":[]}',
        b'{"fact":"device.registered"}',
        fact(resources=[7]).body,
        fact(resources=[{}]).body,
        fact(resources=[{"path": "/3", "ct": 7}]).body,
    ],
)
def test_what_is_no_fact_is_said_to_be_none(body: bytes) -> None:
    with pytest.raises(InvalidFormat):
        messages.read(Taken(1, 1, body), PLAIN)


def test_facts_of_one_kind_make_one_message() -> None:
    made = messages.group([notice("a", 1), notice("b", 2), notice("c", 3)], 100)
    assert [message.items for message in made] == [["1", "2", "3"]]


def test_a_device_that_comes_and_goes_is_told_in_order() -> None:
    registered = Kind.REGISTRATIONS
    ended = Kind.DE_REGISTRATIONS
    made = messages.group(
        [
            notice("a", 1, registered),
            notice("a", 2, ended),
            notice("b", 3, registered),
            notice("b", 4, ended),
            notice("a", 5, registered),
        ],
        100,
    )
    assert [(message.kind, message.items) for message in made] == [
        (registered, ["1", "3"]),
        (ended, ["2", "4"]),
        (registered, ["5"]),
    ]


def test_a_message_is_the_one_key_of_its_kind() -> None:
    made = messages.group([notice("a", 1, Kind.REGISTRATIONS_EXPIRED)], 100)
    assert messages.build(made[0]) == b'{"registrations-expired":["1"]}'


def notice(device: str, number: int, kind: Kind = Kind.REG_UPDATES) -> Notice:
    return Notice(kind, device, str(number))


NOTICES = st.lists(
    st.tuples(st.sampled_from("abcde"), st.sampled_from(list(Kind))), max_size=60
).map(
    lambda drawn: [
        notice(device, number, kind) for number, (device, kind) in enumerate(drawn)
    ]
)


@given(NOTICES, st.integers(1, 5))
def test_nothing_is_lost_nothing_is_doubled_and_no_message_is_too_long(
    notices: list[Notice], most: int
) -> None:
    made = messages.group(notices, most)
    told = [(message.kind, each) for message in made for each in message.items]
    assert sorted(told) == sorted((each.kind, each.item) for each in notices)
    assert all(1 <= len(message.items) <= most for message in made)


@given(NOTICES, st.integers(1, 5))
def test_each_device_is_told_in_order(notices: list[Notice], most: int) -> None:
    told = [each for message in messages.group(notices, most) for each in message.items]
    for device in "abcde":
        mine = [each.item for each in notices if each.device == device]
        assert [each for each in told if each in mine] == mine


def test_a_poll_is_told_as_much_as_is_of_one_kind() -> None:
    first, other = notice("a", 1), notice("b", 2, Kind.REGISTRATIONS)
    message, settled = messages.begin([None, first, None, first, other, first], 100)
    assert message == messages.Message(Kind.REG_UPDATES, ["1", "1"])
    assert settled == 4


def test_a_poll_is_told_no_more_than_its_message_holds() -> None:
    message, settled = messages.begin([notice("a", 1), None, notice("a", 2)], 1)
    assert message == messages.Message(Kind.REG_UPDATES, ["1"])
    assert settled == 2


def test_where_nothing_is_to_tell_all_is_settled() -> None:
    assert messages.begin([None, None], 100) == (None, 2)


@given(NOTICES, st.integers(1, 5))
def test_polls_are_told_everything_in_order(notices: list[Notice], most: int) -> None:
    told: list[object] = []
    left = notices
    while left:
        message, settled = messages.begin(left, most)
        assert message
        told += message.items
        left = left[settled:]
    assert told == [each.item for each in notices]

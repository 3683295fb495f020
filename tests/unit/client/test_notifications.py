"""What an application is told is read in every form that it can have."""

import orjson
import pytest

from homeport.client.errors import InvalidAnswer
from homeport.client.notifications import Ended, parse


def test_a_registration_is_read() -> None:
    message = parse(
        '{"registrations":[{"ep":"1","original-ep":"kitchen","ept":"lamp","q":true,'
        '"resources":[{"path":"/3/0/0","if":"sensor","obs":true}],"uid":"u",'
        '"timestamp":"1764590000000"}]}'
    )
    (registered,) = message.registrations
    assert (registered.device_id, registered.endpoint_name) == ("1", "kitchen")
    assert (registered.endpoint_type, registered.queue_mode) == ("lamp", True)
    assert registered.timestamp == 1764590000000
    (resource,) = registered.resources
    assert (resource.path, resource.interface, resource.obs) == (
        "/3/0/0",
        "sensor",
        True,
    )


@pytest.mark.parametrize("item", ['"1"', '{"ep":"1"}'])
@pytest.mark.parametrize("kind", ["de-registrations", "registrations-expired"])
def test_an_end_is_the_same_in_both_forms(kind: str, item: str) -> None:
    message = parse(f'{{"{kind}":[{item}]}}')
    ended = message.de_registrations or message.registrations_expired
    assert ended == (Ended(device_id="1"),)


def test_a_value_is_decoded() -> None:
    message = parse(
        '{"notifications":[{"ep":"1","path":"/3303/0/5700","ct":"text/plain",'
        '"payload":"MjEuNQ==","max-age":60}]}'
    )
    (notification,) = message.notifications
    assert (notification.content, notification.max_age) == (b"21.5", 60)
    assert notification.values is None


@pytest.mark.parametrize("values", [None, {"/3303/0/5700": 21.5}])
def test_what_a_payload_says_is_read_where_it_is_told(
    values: dict[str, float] | None,
) -> None:
    item = {"ep": "1", "id": "a", "status": 200, "path": "/3303/0", "values": values}
    message = parse(orjson.dumps({"notifications": [item], "async-responses": [item]}))
    assert message.notifications[0].values == values
    assert message.async_responses[0].values == values


def test_a_payload_that_is_none_is_told() -> None:
    message = parse('{"async-responses":[{"id":"a","status":200,"payload":"?"}]}')
    with pytest.raises(InvalidAnswer, match="payload is no base64"):
        _ = message.async_responses[0].content


def test_an_outcome_is_read() -> None:
    message = parse('{"async-responses":[{"id":"a","status":429,"error":"GONE"}]}')
    (response,) = message.async_responses
    assert (response.id, response.status, response.error) == ("a", 429, "GONE")
    assert response.content == b""


def test_nothing_is_a_message() -> None:
    assert parse("{}").registrations == ()


@pytest.mark.parametrize(
    "text", ["", "[]", '{"registrations":1}', '{"notifications":{}}']
)
def test_what_is_no_message_is_told(text: str) -> None:
    with pytest.raises(InvalidAnswer, match="no notification message"):
        parse(text)

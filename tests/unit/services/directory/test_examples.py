"""Examples in the API description are what they are examples of."""

import pytest
from pydantic import BaseModel

from services.directory import bodies, examples
from services.directory.accounts.account_bodies import AccountBody, AccountChanges
from services.directory.accounts.api_key_bodies import ApiKeyBody, ApiKeyChanges
from services.directory.claims.enrollment_bodies import EnrollmentBody
from services.directory.credentials.certificates import (
    DeveloperCertificateBody,
    TrustedCertificateBody,
)
from services.directory.credentials.shared_key_bodies import SharedKeyBody
from services.directory.devices.device_bodies import (
    DeviceBody,
    DeviceChanges,
    Suspension,
)
from services.directory.devices.device_fields import DEVICE, DEVICE_EVENT
from services.directory.devices.group_bodies import GroupBody, MemberBody, QueryBody


@pytest.mark.parametrize(
    "model",
    [
        *(AccountBody, AccountChanges, ApiKeyBody, ApiKeyChanges, DeviceBody),
        *(DeviceChanges, DeveloperCertificateBody, EnrollmentBody, GroupBody),
        *(MemberBody, QueryBody, SharedKeyBody, Suspension, TrustedCertificateBody),
    ],
)
def test_the_example_of_a_body_is_taken(model: type[BaseModel]) -> None:
    described = bodies.describe_nothing(request=model)
    content = described["openapi_extra"]["requestBody"]["content"]
    example = content["application/json"]["example"]
    assert example
    model.model_validate(example)


@pytest.mark.parametrize("members", [DEVICE, DEVICE_EVENT])
def test_the_example_of_an_object_has_all_its_members(
    members: dict[str, object],
) -> None:
    content = bodies.describe(members)["responses"][200]["content"]
    example = content["application/json"]["example"]
    assert list(example) == list(members)
    assert example["id"]


def test_a_list_has_an_example_in_it() -> None:
    content = bodies.describe_list(DEVICE)["responses"][200]["content"]
    example = content["application/json"]["example"]
    assert example["object"] == "list"
    assert example["data"][0]["endpoint_name"] == "urn:dev:os:kettle-4711"


@pytest.mark.parametrize(
    ("schema", "example"),
    [
        ({"type": "boolean"}, False),
        ({"type": ["string", "null"]}, ""),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, 0),
        ({"enum": ["a", "b"]}, "a"),
        ({"type": "string", "format": "date-time"}, "2026-11-24T14:20:05.000000Z"),
        ({"type": "array", "items": {"type": "string"}}, []),
        ({"type": "object"}, {}),
        ({}, None),
    ],
)
def test_what_is_not_known_is_the_least_there_is(
    schema: dict[str, object], example: object
) -> None:
    assert examples.build(schema) == example

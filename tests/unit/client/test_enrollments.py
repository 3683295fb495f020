"""``client.enrollments``: ownership claims, one by one and many at once."""

import pytest

from homeport.client import Client
from tests.support.api import Made, ScriptedApi

IDENTITY = "A-" + ":".join(["0A"] * 32)
CLAIM = {"id": "1", "enrollment_identity": IDENTITY, "claimed_at": None}
TASK = {"id": "1", "status": "processing", "total_count": 2, "completed_at": None}
PATH = "/v3/device-enrollments"

CALLS = [
    Made(lambda client: client.enrollments.get("1"), "GET", f"{PATH}/1"),
    Made(lambda client: client.enrollments.delete("1"), "DELETE", f"{PATH}/1"),
    Made(
        lambda client: client.enrollments.create(IDENTITY),
        *("POST", PATH, {"enrollment_identity": IDENTITY}),
    ),
]


@pytest.mark.parametrize("made", CALLS)
def test_a_call_is_made(api: ScriptedApi, made: Made) -> None:
    api.will_answer(CLAIM)
    api.check(made)


def test_claims_and_denials_are_listed(api: ScriptedApi, client: Client) -> None:
    api.will_answer({"data": [CLAIM]})
    api.will_answer({"data": [{"id": "1", "endpoint_name": "kitchen"}]})
    assert [claim.id for claim in client.enrollments.list()] == ["1"]
    (denial,) = client.enrollments.denials("2")
    assert denial.endpoint_name == "kitchen"
    assert api.asked == [
        ("GET", PATH),
        ("GET", "/v3/device-enrollment-denials?trusted_certificate_id__eq=2"),
    ]


@pytest.mark.parametrize("bulk", ["uploads", "deletes"])
def test_a_list_is_uploaded_as_a_form(
    api: ScriptedApi, client: Client, bulk: str
) -> None:
    api.will_answer(TASK, status=201)
    enrollments = client.enrollments
    begin = enrollments.upload if bulk == "uploads" else enrollments.delete_many
    task = begin(b"identity\nA-1\n")
    assert api.asked == [("POST", f"{PATH}-bulk-{bulk}")]
    (request,) = api.requests
    assert request.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert b'name="enrollment_identities"; filename=' in request.content
    assert b"\r\n\r\nidentity\nA-1\n\r\n" in request.content
    assert not task.completed


def test_a_task_is_followed(api: ScriptedApi, client: Client) -> None:
    api.will_answer(TASK | {"status": "completed"})
    api.will_answer(text="entity__id\n1\n")
    assert client.enrollments.task("1", bulk="deletes").completed
    assert client.enrollments.report("1", report="errors") == "entity__id\n1\n"
    assert api.asked == [
        ("GET", f"{PATH}-bulk-deletes/1"),
        ("GET", f"{PATH}-bulk-uploads/1/errors-report.csv"),
    ]

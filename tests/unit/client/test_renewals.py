"""Renewals of devices' certificates."""

import pytest

from homeport.client import Client
from tests.support.api import Made, ScriptedApi

RENEWAL = {
    "id": "1",
    "device_id": "2",
    "certificate_name": "LWM2M",
    "enroll_status": "completed",
    "enroll_result": "success",
}
PATH = "/v3/certificate-enrollments"

CALLS = [
    Made(lambda client: client.renewals.get("1"), "GET", f"{PATH}/1"),
    Made(
        lambda client: client.renewals.ask("2"),
        *("POST", "/v3/devices/2/certificates/LWM2M/renew"),
    ),
    Made(
        lambda client: client.renewals.ask("2", "customer.dlms"),
        *("POST", "/v3/devices/2/certificates/customer.dlms/renew"),
    ),
]


@pytest.mark.parametrize("made", CALLS)
def test_a_call_is_made(api: ScriptedApi, made: Made) -> None:
    api.will_answer(RENEWAL)
    api.check(made)


def test_renewals_are_listed(api: ScriptedApi, client: Client) -> None:
    api.will_answer({"data": [RENEWAL]})
    (renewal,) = client.renewals.list(device_id="2")
    assert renewal.succeeded
    assert api.asked == [("GET", f"{PATH}?device_id__eq=2")]


@pytest.mark.parametrize("result", [None, "failure"])
def test_only_a_success_has_succeeded(
    api: ScriptedApi, client: Client, result: str | None
) -> None:
    api.will_answer(RENEWAL | {"enroll_result": result})
    assert not client.renewals.get("1").succeeded

"""``client.shared_keys``: keys that devices share with the platform."""

from homeport.client import Client
from tests.support.api import ScriptedApi

PATH = "/v2/device-shared-keys"


def test_a_key_is_registered(api: ScriptedApi, client: Client) -> None:
    api.will_answer({"endpoint_name": "a/b"}, status=201)
    made = client.shared_keys.create("a/b", b"\x01" * 16, service="lwm2m")
    assert made.endpoint_name == "a/b"
    assert api.asked == [("POST", PATH)]
    assert api.body == {
        "endpoint_name": "a/b",
        "secret_hex": "01" * 16,
        "service": "lwm2m",
    }


def test_a_name_stays_one_segment(api: ScriptedApi, client: Client) -> None:
    api.will_answer({"endpoint_name": "a/b"})
    client.shared_keys.get("a/b")
    client.shared_keys.delete("urn:dev:1")
    assert api.asked == [("GET", f"{PATH}/a%2Fb"), ("DELETE", f"{PATH}/urn%3Adev%3A1")]


def test_pages_follow_their_marker(api: ScriptedApi, client: Client) -> None:
    for page in (
        {
            "data": [{"endpoint_name": "a"}],
            "has_more": True,
            "continuation_marker": "m",
        },
        {"data": [{"endpoint_name": "b"}], "has_more": False},
    ):
        api.will_answer(page)
    assert [key.endpoint_name for key in client.shared_keys.list()] == ["a", "b"]
    assert api.asked == [("GET", PATH), ("GET", f"{PATH}?after=m")]

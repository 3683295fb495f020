"""``client.subscriptions``: what is observed, and on whom."""

from homeport.client import Client, Presubscription
from tests.support.api import ScriptedApi

PATH = "/v2/subscriptions"


def test_a_resource_is_observed(api: ScriptedApi, client: Client) -> None:
    api.will_answer({"async-response-id": "a"}, status=202)
    api.will_answer(text="")
    assert client.subscriptions.add("1", "/3303/0/5700") == "a"
    assert client.subscriptions.add("1", "3303/0") == ""
    assert api.asked == [
        ("PUT", f"{PATH}/1/3303/0/5700"),
        ("PUT", f"{PATH}/1/3303/0"),
    ]


def test_what_is_observed_is_told(api: ScriptedApi, client: Client) -> None:
    api.will_answer(text="/1/0/1\r\n/3303/0/5700\r\n")
    assert client.subscriptions.paths("1") == ("/1/0/1", "/3303/0/5700")
    client.subscriptions.check("1", "/1/0/1")
    client.subscriptions.remove("1", "/1/0/1")
    client.subscriptions.clear("1")
    assert api.asked == [
        ("GET", f"{PATH}/1"),
        ("GET", f"{PATH}/1/1/0/1"),
        ("DELETE", f"{PATH}/1/1/0/1"),
        ("DELETE", f"{PATH}/1"),
    ]


def test_rules_are_set_and_told(api: ScriptedApi, client: Client) -> None:
    rule = Presubscription(endpoint_type="lamp", resource_path=("/3303/*",))
    wire = {"endpoint-type": "lamp", "resource-path": ["/3303/*"]}
    client.subscriptions.set_presubscriptions([rule])
    assert api.body == [wire]
    api.will_answer([wire])
    assert client.subscriptions.presubscriptions() == (rule,)
    client.subscriptions.clear_presubscriptions()
    assert api.asked == [("PUT", PATH), ("GET", PATH), ("DELETE", PATH)]

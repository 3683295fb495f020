"""Keys are spelled once, and the scripts spell them alike."""

import re
from fnmatch import fnmatch
from importlib.resources import files

import pytest

from homeport.identity import Service
from homeport.names import DeviceId
from homeport.store import keys

DEVICE = DeviceId("d" * 32)
BUCKET_KEYS = {
    "session": keys.session(17, DEVICE),
    "description": keys.description(17, DEVICE),
    "queue": keys.queue(17, DEVICE),
    "requests": keys.requests(17, DEVICE),
    "deadlines": keys.deadlines(17),
    "tokens": keys.tokens(17, DEVICE),
    "values": keys.values(17, DEVICE),
    "bootstrap": keys.bootstrap(17, DEVICE),
    "owner": keys.owner(17, DEVICE),
    "refused": keys.refused(17, DEVICE, "bootstrap.failed"),
    "suspended": keys.suspended(17, DEVICE),
    "expiry": keys.expiry(17),
    "outbox": keys.outbox(17),
    "replaced": keys.replaced(17),
    "clock": keys.clock(17),
    "lease": keys.lease(17),
}


def test_all_keys_of_a_bucket_lie_in_one_slot() -> None:
    assert {key[: key.index("}") + 1] for key in BUCKET_KEYS.values()} == {"{b17}"}


def test_what_edges_know_of_each_other_lies_in_one_slot() -> None:
    others = (keys.edges(), keys.heartbeat())
    assert all(key.startswith("{edges}:") for key in others)


def test_the_scripts_spell_the_keys_alike() -> None:
    spelled = set()
    for script in files("homeport.store.scripts").iterdir():
        if script.name.endswith(".lua"):
            spelled |= set(re.findall(r"tag \.\. ':(\w+)", script.read_text()))
    assert spelled == set(BUCKET_KEYS)
    for name, key in BUCKET_KEYS.items():
        assert key.startswith(f"{{b17}}:{name}")


def test_an_association_lies_in_the_slot_of_its_place() -> None:
    key = keys.association(Service.LWM2M, "[::1]:5684")
    assert key == "assoc:lwm2m:{[::1]:5684}"


def test_marks_of_devices_that_must_not_register_are_found() -> None:
    mark = keys.suspended(17, DEVICE)
    found = {key for key in BUCKET_KEYS.values() if fnmatch(key, keys.suspensions())}
    assert found == {mark}
    assert keys.suspended_device(mark) == DEVICE


def test_services_share_neither_associations_nor_sessions() -> None:
    for spell in (keys.association, keys.resumption):
        assert len({spell(service, "x") for service in Service}) == len(Service)


@pytest.mark.parametrize("place", ["0a1b2c3d", "127.0.0.1:40001", "[fe80::1]:5684"])
def test_an_associations_key_names_its_place(place: str) -> None:
    assert keys.association_place(keys.association(Service.LWM2M, place)) == place

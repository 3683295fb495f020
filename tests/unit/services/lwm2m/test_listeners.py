"""A device is woken at the port where it was heard last."""

from dataclasses import dataclass, field
from typing import Any

from homeport.names import DeviceId
from homeport.store.operations import RecalledSession, Result
from services.lwm2m.contacts import Contacts
from services.lwm2m.listeners import Listeners

KETTLE = DeviceId("a" * 32)
RECALLED = RecalledSession(Result.RECALLED)


@dataclass
class Port:
    """A port, and what it was told; ``finds`` devices that other edges have heard."""

    finds: bool = False
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.contacts: Contacts[str] = Contacts()

    @property
    def downlink(self) -> "Port":
        return self

    def wake(self, _: DeviceId) -> bool:
        self.told.append("wake")
        return True

    async def recall(self, *_: object) -> bool:
        self.told.append("recall")
        return self.finds

    async def drain(self) -> None:
        self.told.append("drain")


def listeners(*ports: Any) -> Listeners:
    made = Listeners()
    for each in ports:
        made.add(each)
    return made


def test_the_last_port_counts() -> None:
    ports = Port(), Port(), Port()
    for port, heard in zip(ports, (1.0, 3.0, 2.0), strict=True):
        port.contacts.put(KETTLE, "kettle", heard, awake=93.0)
    assert listeners(*ports).wake(KETTLE)
    assert [port.told for port in ports] == [[], ["wake"], []]


def test_a_device_that_no_port_has_heard_is_not_here() -> None:
    port = Port()
    assert not listeners(port).wake(KETTLE)
    assert port.told == []


async def test_one_port_finds_a_device_that_another_edge_has_heard() -> None:
    ports = Port(), Port(finds=True), Port(finds=True)
    assert await listeners(*ports).recall(KETTLE, RECALLED, 93.0)
    assert [port.told for port in ports] == [["recall"], ["recall"], []]


async def test_a_device_that_no_port_finds_is_not_here() -> None:
    assert not await listeners(Port()).recall(KETTLE, RECALLED, 93.0)


async def test_all_ports_are_drained() -> None:
    ports = Port(), Port()
    await listeners(*ports).drain()
    assert [port.told for port in ports] == [["drain"], ["drain"]]

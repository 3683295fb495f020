"""An edge without a protocol: all ports on real servers, and who is behind them."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Generic
from urllib.parse import urlsplit

from homeport.coap.answer import Answer
from homeport.coap.codec import Code
from homeport.coap.layer import MessageLayer, Request
from homeport.coap.transport import Arrival, Peer, Transport
from homeport.coap.udp import Address
from homeport.identity import Service
from homeport.names import AccountId
from homeport.runtime import ports, secured
from homeport.runtime.config import EdgeSettings
from homeport.runtime.edge import Ground, ground
from homeport.runtime.ports import Numbers
from homeport.runtime.probes import Probes
from homeport.runtime.secured import Security
from tests.support import trust

ACCOUNT = AccountId("a" * 32)
FREE = Numbers(coap=0, coap_tcp=0, coaps=0, coaps_tcp=0)


class Introducing(Generic[Peer]):
    """Answers every request with the name of whoever asked."""

    def __init__(self, transport: Transport[Peer]) -> None:
        self._transport = transport
        self._layer: MessageLayer[Peer] = MessageLayer(
            largest_szx=transport.largest_szx
        )
        self._closed = asyncio.Event()

    def receive(self, arrivals: Sequence[Arrival[Peer]], _: float) -> None:
        now = asyncio.get_running_loop().time()
        for arrival in arrivals:
            request = self._layer.receive(arrival.message, arrival.peer, now)
            if isinstance(request, Request):
                who = self._transport.origin(arrival.peer).identity.name
                self._layer.respond(
                    request, Answer(Code.CONTENT, payload=who.encode()), now=now
                )
        self._transport.send(self._layer.datagrams())

    def gone(self, peer: Peer) -> None:
        """Nothing is under way with anybody."""

    async def run(self) -> None:
        await self._closed.wait()

    def close(self) -> None:
        self._closed.set()


@dataclass
class Edge:
    """An open edge, its URLs by their schemes."""

    base: Ground
    security: Security
    urls: Mapping[str, str]
    settings: EdgeSettings = field(repr=False)

    def address(self, scheme: str) -> Address:
        return address(self.urls[scheme])


def address(url: str) -> Address:
    """Return where a URL leads."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port


def settings(redis_url: str, nats_url: str, **changed: object) -> EdgeSettings:
    return EdgeSettings(
        redis_url=redis_url, nats_url=nats_url, default_account_id=ACCOUNT, buckets=8
    ).model_copy(update=changed)


@asynccontextmanager
async def edge(
    redis_url: str,
    nats_url: str,
    *,
    service: Service = Service.LWM2M,
    numbers: Numbers = FREE,
    introduced: bool = False,
    **changed: object,
) -> AsyncIterator[Edge]:
    """Open an edge of an installation that the directory has made known.

    Where no directory has ``introduced`` it, this does.
    """
    if not introduced:
        await trust.introduce(redis_url)
    said = settings(redis_url, nats_url, **changed)
    async with (
        ground(said, Probes(), service=service) as base,
        secured.security(said, base, service=service) as security,
        ports.opened(
            said, security, Introducing, service=service, numbers=numbers
        ) as urls,
    ):
        yield Edge(base, security, urls, said)

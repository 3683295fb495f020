"""Our requests to a device that is none of our code: aiocoap's server, over UDP."""

import asyncio
import hashlib
from collections.abc import AsyncIterator

import aiocoap
import pytest
from aiocoap import resource
from aiocoap.numbers import codes

from homeport.coap.codec import Code, Option, Options
from homeport.coap.layer import (
    Exchange,
    Failure,
    MessageLayer,
    Notification,
    Received,
    Reply,
)
from homeport.coap.transport import Arrival
from homeport.coap.udp import Address, UdpTransport
from tests.support.polling import until

pytestmark = pytest.mark.integration

PATIENCE_SECONDS = 20
LARGE = bytes(range(256)) * 400
"""100 kB."""
OBSERVE: Options = ((Option.OBSERVE, b""),)
CANCEL: Options = ((Option.OBSERVE, b"\x01"),)


class Value(resource.ObservableResource):
    """A value that may be read, written and observed.

    aiocoap sends what is observed in one message, whatever its size; so this one cuts
    what is read into blocks by itself.
    """

    def __init__(self) -> None:
        super().__init__()
        self.value = LARGE
        self.observers: list[int] = []
        self.done = asyncio.Event()

    def update_observation_count(self, newcount: int) -> None:
        self.observers.append(newcount)

    async def render_get(self, request: aiocoap.Message) -> aiocoap.Message:
        number, _, szx = request.opt.block2 or (0, False, 6)
        size = 16 << szx
        end = (number + 1) * size
        part = aiocoap.Message(payload=self.value[number * size : end])
        part.opt.block2 = (number, end < len(self.value), szx)
        return part

    async def needs_blockwise_assembly(self, request: aiocoap.Message) -> bool:
        return request.code != codes.GET

    async def render_put(self, request: aiocoap.Message) -> aiocoap.Message:
        self.value = request.payload
        return aiocoap.Message(code=codes.CHANGED)

    async def render_post(self, request: aiocoap.Message) -> aiocoap.Message:
        """Take so long that the request is acknowledged first."""
        await self.done.wait()
        return aiocoap.Message(code=codes.CHANGED, payload=b"done")

    async def render_fetch(self, request: aiocoap.Message) -> aiocoap.Message:
        return aiocoap.Message(payload=request.payload * 1_000)


class Server:
    """Our side: a socket, the layer above it, and what it has heard."""

    def __init__(self, value: Value, device: Address) -> None:
        self.value = value
        self.device = device
        self.layer: MessageLayer[Address] = MessageLayer()
        self.transport = UdpTransport.bind("127.0.0.1", 0, reuse_port=False)
        self.heard: asyncio.Queue[Received[Address]] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self.transport.start(self._receive)

    def ask(
        self,
        code: Code,
        *,
        options: Options = (),
        payload: bytes = b"",
        token: bytes = b"",
    ) -> Exchange[Address]:
        exchange = self.layer.request(
            self.device,
            code,
            path=("value",),
            options=options,
            payload=payload,
            token=token,
            now=self._loop.time(),
        )
        self.flush()
        return exchange

    async def answered(self, exchange: Exchange[Address]) -> Reply[Address]:
        """Wait for the reply to a request; nothing else comes before it."""
        reply = await self.next()
        assert isinstance(reply, Reply)
        assert reply.exchange is exchange
        return reply

    async def next(self) -> Received[Address]:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self.heard.get()

    async def whole(self, notification: Received[Address]) -> Reply[Address]:
        """Fetch the rest of a notification."""
        assert isinstance(notification, Notification)
        assert notification.partial
        now = self._loop.time()
        exchange = self.layer.fetch_rest(notification, path=("value",), now=now)
        self.flush()
        return await self.answered(exchange)

    def flush(self) -> None:
        self.transport.send(self.layer.datagrams())

    def _receive(self, arrivals: list[Arrival[Address]], _: float) -> None:
        now = self._loop.time()
        for arrival in arrivals:
            outcome = self.layer.receive(arrival.message, arrival.peer, now)
            if outcome is not None:
                self.heard.put_nowait(outcome)
        self.flush()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    value, site = Value(), resource.Site()
    site.add_resource(["value"], value)
    probe = UdpTransport.bind("127.0.0.1", 0, reuse_port=False)
    address = probe.address
    probe.close()
    context = await aiocoap.Context.create_server_context(
        site, bind=address[:2], transports=["simplesocketserver"]
    )
    made = Server(value, address)
    yield made
    made.transport.close()
    await context.shutdown()


async def test_a_value_of_a_hundred_kilobytes_is_read(server: Server) -> None:
    reply = await server.answered(server.ask(Code.GET))
    assert reply.message.payload == LARGE


async def test_a_value_of_a_mebibyte_is_written(server: Server) -> None:
    body = hashlib.sha256(b"seed").digest() * 2**15
    reply = await server.answered(server.ask(Code.PUT, payload=body))
    assert reply.message.code == Code.CHANGED
    assert server.value.value == body


async def test_what_takes_its_time_is_acknowledged_first(server: Server) -> None:
    exchange = server.ask(Code.POST)

    async def acknowledged() -> bool:
        return exchange.acknowledged

    await until(acknowledged)
    server.value.done.set()
    reply = await server.answered(exchange)
    assert (reply.message.code, reply.message.payload) == (Code.CHANGED, b"done")


async def test_what_is_fetched_may_be_large(server: Server) -> None:
    reply = await server.answered(server.ask(Code.FETCH, payload=b"/3/0/0"))
    assert reply.message.payload == b"/3/0/0" * 1_000


async def test_a_large_value_is_observed_until_it_is_no_more(server: Server) -> None:
    exchange = server.ask(Code.GET, options=OBSERVE)
    first = await server.answered(exchange)
    assert first.message.payload == LARGE
    assert first.message.value(Option.OBSERVE) is not None
    for body in (LARGE[::-1], LARGE[1:]):
        server.value.value = body
        server.value.updated_state()
        told = await server.next()
        assert isinstance(told, Notification)
        assert told.token == exchange.token
        whole = await server.whole(told)
        assert whole.message.payload == body
        assert whole.message.number(Option.OBSERVE) == told.message.number(
            Option.OBSERVE
        )
    last = server.ask(Code.GET, options=CANCEL, token=exchange.token)
    assert (await server.answered(last)).message.value(Option.OBSERVE) is None
    assert server.value.observers == [1, 0]


async def test_what_is_rejected_is_observed_no_more(server: Server) -> None:
    server.value.value = b"small"
    await server.answered(server.ask(Code.GET, options=OBSERVE))
    server.value.updated_state()
    told = await server.next()
    assert isinstance(told, Notification)
    server.layer.reject(told, now=asyncio.get_running_loop().time())
    server.flush()

    async def observes_no_more() -> bool:
        return server.value.observers == [1, 0]

    await until(observes_no_more)


async def test_a_value_that_is_not_there_is_an_answer_too(server: Server) -> None:
    exchange = server.layer.request(
        server.device, Code.GET, path=("none",), now=asyncio.get_running_loop().time()
    )
    server.flush()
    reply = await server.answered(exchange)
    assert not isinstance(reply, Failure)
    assert reply.message.code == Code.NOT_FOUND

"""A TCP port: both plain dialects on it, in batches, and every one of its bounds."""

import asyncio
import socket
from contextlib import AsyncExitStack

import pytest

from homeport.coap import codec
from homeport.coap.codec import Code
from homeport.coap.layer import Cause
from homeport.coap.tcp.connection import Limits
from homeport.coap.tcp.security import Plain
from homeport.coap.tcp.transport import TcpTransport
from homeport.coap.transport import Trace
from homeport.errors import InvalidConfiguration
from homeport.identity import NOBODY, Identity, Means
from tests.support.polling import until
from tests.support.tcp import CSM, OURS, Port, connected, serving

PING = "01 e2 aa"
PONG = "01 e3 aa"
ASK = "01 01 aa"
ANSWERED = "01 45 aa"
IZUMA_ASK = "00000005 41 01 0007 aa"
IZUMA_ANSWERED = "00000005 61 45 0007 aa"


async def until_asked(port: Port, count: int) -> None:
    async def so_often() -> bool:
        return len(port.requests) == count

    await until(so_often)


async def until_left(port: Port, count: int) -> None:
    async def so_many() -> bool:
        return len(port.left) == count

    await until(so_many)


async def connections(port: Port, count: int) -> None:
    async def so_many() -> bool:
        return len(port.transport._connections) == count

    await until(so_many)


@pytest.mark.conforms("C-066", "RFC 8323", "B-225")
async def test_both_dialects_are_answered_on_one_port() -> None:
    async with serving() as port, connected(port) as standard, connected(port) as izuma:
        standard.say(CSM)
        await standard.hear(OURS)
        standard.say(ASK)
        izuma.say(IZUMA_ASK)
        await standard.hear(ANSWERED)
        await izuma.hear(IZUMA_ANSWERED)
        assert [len(port.requests), len({each.address for each in port.requests})] == [
            2,
            2,
        ]


@pytest.mark.conforms("C-215")
async def test_bytes_may_come_one_at_a_time() -> None:
    async with serving() as port, connected(port) as izuma:
        for byte in bytes.fromhex(IZUMA_ASK):
            izuma.say(bytes([byte]))
            await izuma.writer.drain()
            await asyncio.sleep(0)
        await izuma.hear(IZUMA_ANSWERED)


async def test_an_izuma_device_that_repeats_itself_hears_the_same_again() -> None:
    async with serving() as port, connected(port) as izuma:
        izuma.say(IZUMA_ASK)
        izuma.say(IZUMA_ASK)
        await izuma.hear(IZUMA_ANSWERED)
        await izuma.hear(IZUMA_ANSWERED)
        assert len(port.requests) == 1


async def test_a_connection_is_its_own_origin_and_has_proved_nothing() -> None:
    async with serving() as port, connected(port) as one, connected(port) as other:
        for device in (one, other):
            device.say(IZUMA_ASK)
            await device.hear(IZUMA_ANSWERED)
        origins = [port.transport.origin(each.address) for each in port.requests]
        assert origins[0].identity is NOBODY
        name = one.writer.get_extra_info("sockname")
        assert origins[0].peer == f"{name[0]}:{name[1]}"
        assert origins[0].exchanges != origins[1].exchanges


async def test_messages_of_one_wake_up_are_one_batch() -> None:
    async with serving() as port, AsyncExitStack() as stack:
        devices = [await stack.enter_async_context(connected(port)) for _ in range(20)]
        await connections(port, len(devices))
        for device in devices:
            device.say(bytes.fromhex(IZUMA_ASK) * 2)
        for device in devices:
            await device.hear(bytes.fromhex(IZUMA_ANSWERED) * 2)
        assert len(port.requests) == len(devices)
        assert [len(batch) for batch in port.batches] == [2 * len(devices)]


async def test_hundreds_of_devices_are_answered_and_leave_nothing() -> None:
    async with serving() as port, AsyncExitStack() as stack:
        devices = [await stack.enter_async_context(connected(port)) for _ in range(400)]
        for device in devices:
            device.say(CSM + bytes.fromhex(ASK))
        for device in devices:
            await device.hear(OURS + bytes.fromhex(ANSWERED))
        await stack.aclose()
        await connections(port, 0)
        assert not port.transport._hosts


async def test_a_request_of_ours_is_answered_by_both_kinds_of_device() -> None:
    async with serving() as port, connected(port) as standard, connected(port) as izuma:
        standard.say(CSM + bytes.fromhex(ASK))
        await standard.hear(OURS + bytes.fromhex(ANSWERED))
        izuma.say(IZUMA_ASK)
        await izuma.hear(IZUMA_ANSWERED)
        peers = [request.address for request in port.requests]
        for peer in peers:
            port.ask(peer, ["3"])
        frame = await standard.reader.readexactly(8)
        assert frame[:2] == bytes.fromhex("24 01")
        standard.say(bytes.fromhex("34 45") + frame[2:6] + b"\xffon")
        asked = codec.decode((await izuma.reader.readexactly(14))[4:])
        answer = codec.encode_acknowledgement(
            Code.CONTENT, asked.message_id, asked.token
        )
        izuma.say(len(answer).to_bytes(4, "big") + answer)

        async def both() -> bool:
            return len(port.replies) == 2

        await until(both)
        assert {reply.exchange.address for reply in port.replies} == set(peers)


@pytest.mark.parametrize("asks", ["00e1 01 01 aa", IZUMA_ASK], ids=["frames", "izuma"])
async def test_a_request_of_ours_fails_when_its_connection_is_closed(asks: str) -> None:
    async with serving() as port, connected(port) as device:
        device.say(asks)
        await until_asked(port, 1)
        (peer,) = (request.address for request in port.requests)
        port.ask(peer, ["3"])
        # what comes last is heard before the end
        device.say(asks.removeprefix("00e1").replace("0007", "0008"))
        device.writer.write_eof()
        await until_left(port, 1)
        (failure,) = port.failures
        assert (failure.exchange.address, failure.cause) == (peer, Cause.LOST)
        assert len(port.requests) == 2
        assert port.layer.next_deadline() is None


@pytest.mark.parametrize(
    ("garbage", "reason"),
    [
        (b"GET / HTTP/1.1\r\nHost: homeport\r\n\r\n", b"before the capabilities"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc" + bytes(600), b"capabilities"),
        (b"\xff" * 40, b"token that is too long"),
        (CSM + b"\x09", b"token that is too long"),
        (CSM + b"\xf0\xff\xff\xff\xff", b"larger than a message may be"),
        (CSM + b"\x10\xe2\x10", b"unknown critical option 1"),
        (CSM + b"\x10\x01\xf0", b"options that are none"),
    ],
)
async def test_garbage_is_told_why_and_closed(garbage: bytes, reason: bytes) -> None:
    async with serving() as port, connected(port) as device:
        device.say(garbage)
        said = await device.ended()
        assert said.startswith(OURS)
        assert reason in said
        await connections(port, 0)


@pytest.mark.parametrize("garbage", ["00000003 410100", "00000000"])
async def test_garbage_of_an_izuma_device_is_closed_in_silence(garbage: str) -> None:
    async with serving() as port, connected(port) as device:
        device.say(garbage)
        assert await device.ended() == b""
        await connections(port, 0)


async def test_what_came_before_garbage_is_still_taken() -> None:
    async with serving() as port, connected(port) as device:
        device.say(IZUMA_ASK + "00000000")
        await device.ended()

        async def taken() -> bool:
            return len(port.requests) == 1

        await until(taken)


@pytest.mark.parametrize("half", [b"\x00", b"\x00\x00\x00\x05A", CSM + b"\x44\x02"])
async def test_half_a_message_and_a_close_leave_nothing_behind(half: bytes) -> None:
    async with serving() as port, connected(port) as device:
        device.say(half)
        await connections(port, 1)
        device.writer.close()
        await connections(port, 0)
        assert port.requests == []


@pytest.mark.conforms("C-215")
async def test_who_does_not_read_is_closed() -> None:
    async with serving(unsent_bytes=10_000) as port, connected(port) as device:
        port.payload = bytes(1_024)
        device.writer.transport.pause_reading()
        message_id = 0
        while port.transport._connections or not message_id:
            message_id += 1
            device.say(b"\0\0\0\4\x40\x01" + message_id.to_bytes(2, "big"))
            await asyncio.sleep(0)
        await connections(port, 0)
        assert message_id > 100


async def test_who_says_nothing_is_closed() -> None:
    async with serving(first_seconds=0.05) as port:
        async with connected(port) as silent, connected(port) as pinging:
            pinging.say(CSM + bytes.fromhex(PING))
            await pinging.hear(OURS + bytes.fromhex(PONG))
            assert await silent.ended() == b""
            assert await pinging.ended() == bytes.fromhex("00 e4")
        await connections(port, 0)


async def test_who_falls_silent_is_closed_and_who_pings_is_not() -> None:
    async with (
        serving(first_seconds=0.1, idle_seconds=0.3) as port,
        connected(port) as silent,
        connected(port) as pinging,
    ):
        for device in (silent, pinging):
            device.say(CSM + bytes.fromhex(ASK))
            await device.hear(OURS + bytes.fromhex(ANSWERED))
        ended = asyncio.create_task(silent.ended())

        async def over() -> bool:
            pinging.say(PING)
            await pinging.hear(PONG)
            return ended.done()

        await until(over)
        assert await ended == bytes.fromhex("00 e4")
        pinging.say(PING)
        await pinging.hear(PONG)


@pytest.mark.parametrize("limit", ["connections", "per_address"])
async def test_one_connection_too_many_is_closed_and_its_place_is_free_again(
    limit: str,
) -> None:
    async with serving(**{limit: 1}) as port:
        async with connected(port) as first:
            first.say(IZUMA_ASK)
            await first.hear(IZUMA_ANSWERED)
            async with connected(port) as second:
                assert await second.ended() == b""
            first.say("00000005 41 01 0008 aa")
            await first.hear("00000005 61 45 0008 aa")
        await connections(port, 0)
        async with connected(port) as third:
            third.say(IZUMA_ASK)
            await third.hear(IZUMA_ANSWERED)


async def test_after_a_release_the_last_answer_comes_before_the_end() -> None:
    async with serving() as port, connected(port) as device:
        port.answers = False
        device.say(CSM + bytes.fromhex(ASK))
        await device.hear(OURS)
        device.say("00 e4")

        async def asked() -> bool:
            return len(port.requests) == 1

        await until(asked)
        (request,) = port.requests
        port.respond(request.message, request)
        port.transport.send(port.layer.datagrams())
        assert await device.ended() == bytes.fromhex(ANSWERED)


async def test_a_port_that_stops_accepts_and_takes_no_more_but_still_sends() -> None:
    async with serving() as port, connected(port) as device:
        port.answers = False
        device.say(CSM + bytes.fromhex(ASK))
        await device.hear(OURS)

        async def asked() -> bool:
            return len(port.requests) == 1

        await until(asked)
        port.transport.stop()
        with pytest.raises(ConnectionError):
            async with connected(port):
                pass
        (request,) = port.requests
        port.respond(request.message, request)
        port.transport.send(port.layer.datagrams())
        await device.hear(ANSWERED)
        port.transport.close()
        assert await device.ended() == bytes.fromhex("00 e4")
        port.transport.send([(b"\x40\x01\x00\x01", request.address)])


class Somebody(Plain):
    """A security whose peer has proved to be somebody."""

    identity = Identity("psk:1", Means.SHARED_KEY, rests_on=("psk:lwm2m:1",))


async def test_connections_are_found_by_what_their_peers_rest_on() -> None:
    async with serving(secure=Somebody) as port, connected(port) as device:
        device.say(IZUMA_ASK)
        await device.hear(IZUMA_ANSWERED)
        transport = port.transport
        assert transport.origin(port.requests[0].address).identity.name == "psk:1"
        assert transport.resting_on(frozenset({"psk:lwm2m:2"})) == []
        assert len(transport.resting_on(None)) == 1
        found = transport.resting_on(frozenset({"psk:lwm2m:1", "pin:1"}))
        assert found == [port.requests[0].address]
        assert transport.reach(found[0])
        transport.release(found[0])
        assert await device.ended() == b""
        await connections(port, 0)
        assert not transport.reach(found[0])


async def test_a_port_that_is_taken_is_named() -> None:
    async with serving() as port:
        number = port.transport.address[1]
        with pytest.raises(InvalidConfiguration, match=f"TCP port {number} on 127"):
            await TcpTransport.bind(
                "127.0.0.1", number, reuse_port=False, limits=Limits()
            )


async def test_two_ports_may_share_a_number() -> None:
    transport = await TcpTransport.bind("127.0.0.1", 0, reuse_port=True)
    again = await TcpTransport.bind("127.0.0.1", transport.address[1], reuse_port=True)
    transport.close()
    again.close()


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6")
async def test_an_ipv6_peer_is_written_in_brackets() -> None:
    async with serving(host="::1") as port, connected(port) as device:
        device.say(IZUMA_ASK)
        await device.hear(IZUMA_ANSWERED)
        assert port.transport.origin(port.requests[0].address).peer.startswith("[::1]:")


async def test_a_connection_that_is_over_is_not_recalled() -> None:
    transport = await TcpTransport.bind("127.0.0.1", 0, reuse_port=True)
    trace = Trace("192.0.2.1:5683", "e" * 28)
    assert await transport.recall(trace) is None
    transport.close()

"""What a handshake costs our listener, against OpenSSL alone: CPU time of both."""

import asyncio
import os
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.processes import ACCOUNT, cpu_seconds, free_port, process
from homeport.dtls import records
from homeport.dtls.client import ClientHandshake, DeviceKey, Offer
from homeport.dtls.context import CertifiedKey, ClientContext
from homeport.dtls.course import Established, Failed
from homeport.dtls.suites import SUITES
from homeport.names import AccountId, DeviceId, EndpointName
from homeport.pki import authorities, devices

ROUNDS = 6
"""The servers take turns; their best ones count, as other work can only add."""
AT_ONCE = 16
WANTED = 1.5
LONGEST_DATAGRAM = 65_535

Credential = DeviceKey | CertifiedKey


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of handshake, and how many of them a server makes in a round."""

    suite: str
    credential: Credential
    count: int


async def measure() -> bool:
    """Print the figures; return whether they are as wanted."""
    good = True
    with _made() as (folder, kinds):
        async with (
            _server("bench.listener", folder) as ours,
            _server("bench.bare", folder) as bare,
        ):
            for kind in kinds:
                good &= await _compare(kind, ours, bare)
    return good


@dataclass(frozen=True, slots=True)
class Server:
    """A server under measurement: its process and its port."""

    pid: int
    port: int


@asynccontextmanager
async def _server(module: str, folder: Path) -> AsyncIterator[Server]:
    port = free_port(socket.SOCK_DGRAM)
    async with process("-m", module, str(port), str(folder)) as pid:
        yield Server(pid, port)


async def _compare(kind: Kind, ours: Server, bare: Server) -> bool:
    for server in (ours, bare):
        await _cost(kind, server, kind.count // 10)
    costs = [
        (await _cost(kind, ours, kind.count), await _cost(kind, bare, kind.count))
        for _ in range(ROUNDS)
    ]
    mine, theirs = (1e6 * min(costs) / kind.count for costs in zip(*costs, strict=True))
    print(f"{kind.suite}: {mine:.0f} µs a handshake, OpenSSL alone {theirs:.0f} µs")
    print(f"ratio: {mine / theirs:.2f} (wanted: {WANTED})")
    return bool(mine <= theirs * WANTED)


async def _cost(kind: Kind, server: Server, count: int) -> float:
    """Return the CPU seconds that a server spends on so many handshakes."""
    context = ClientContext()
    before = cpu_seconds(server.pid)
    turns = iter(range(count))
    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(_device(kind, server, context, turns))
    return cpu_seconds(server.pid) - before


async def _device(
    kind: Kind, server: Server, context: ClientContext, turns: Iterator[int]
) -> None:
    """Shake hands in turn, always from one address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.setblocking(False)
        opened.connect(("127.0.0.1", server.port))
        for _ in turns:
            match await _shake_hands(kind, context, opened):
                case Failed(reason=reason):
                    raise RuntimeError(f"a handshake has failed: {reason}")


async def _shake_hands(
    kind: Kind, context: ClientContext, opened: socket.socket
) -> Established | Failed:
    loop = asyncio.get_running_loop()
    suites = [suite for suite in SUITES if suite.name == kind.suite]
    handshake = ClientHandshake(
        context, kind.credential, offer=Offer(suites=suites), now=loop.time()
    )
    while handshake.result is None:
        for datagram in handshake.datagrams():
            opened.send(datagram)
        try:
            async with asyncio.timeout_at(handshake.deadline()):
                received = await loop.sock_recv(opened, LONGEST_DATAGRAM)
        except (TimeoutError, ConnectionRefusedError):
            await asyncio.sleep(0.05)
            handshake.tick(loop.time())
            continue
        for record in records.parse(received, 0):
            handshake.receive(record, loop.time())
    return handshake.result


@contextmanager
def _made() -> Iterator[tuple[Path, tuple[Kind, ...]]]:
    """Make keys and certificates; the servers find theirs in a folder."""
    root = authorities.create_root("Bench")
    server = authorities.create_server(root, ["localhost"])
    key, device_key = os.urandom(16), devices.new_key()
    device = devices.issue(
        root,
        account=AccountId(ACCOUNT),
        device=DeviceId("d" * 32),
        endpoint_name=EndpointName("bench"),
        key=device_key,
        now=datetime.now(UTC),
        days=1,
    )
    kinds = (
        Kind("PSK-AES128-CCM8", DeviceKey(b"bench", key), 4_000),
        Kind("ECDHE-ECDSA-AES128-CCM8", CertifiedKey((device,), device_key), 1_000),
    )
    with tempfile.TemporaryDirectory(prefix="homeport-bench-") as name:
        folder = Path(name)
        (folder / "psk").write_bytes(key)
        (folder / "ca").write_bytes(root.certificate.der)
        (folder / "server").write_bytes(server.certificate)
        (folder / "server.key").write_bytes(server.key)
        yield folder, kinds

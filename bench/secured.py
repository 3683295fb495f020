"""What security costs an lwm2m edge: updates, memory, and associations at rest.

The associations are made up and put into Redis as if another edge had shaken hands: the
edge takes each over with its first record.
"""

import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from bench.edge import Edge, edge
from bench.load import SOCKETS, Load, load, opened, renewals
from bench.processes import (
    ACCOUNT,
    SECRET,
    cpu_seconds,
    metric,
    servers,
)
from homeport.associations import Floating
from homeport.dtls import records, suites
from homeport.dtls.association import Association, CidForm
from homeport.dtls.keys import SECRET_BYTES, Keys
from homeport.dtls.records import ContentType
from homeport.identity import Identity, Means, Service
from homeport.keyring import Keyring
from homeport.names import AccountId, EdgeId, EndpointName
from homeport.store import connection
from homeport.store.associations import AssociationStore

LIVE, KNOWN = 10_000, 100_000
UPDATES_EACH = 8
"""With its Register nine operations of a device in ten seconds, which are not held."""
RATE = 6_000.0
"""Updates a second, secured or not: fuller batches would cost less each."""
COST_WANTED = 1.6
BYTES_WANTED = 2_500
CCM_8 = 0xC0AE
CID_BYTES = 8
NUMBER_BYTES = 4
"""Of the connection ids that tell devices of one socket apart."""


class SecuredLoad(Load):
    """Sends the request with a number through the association of that device."""

    def __init__(self, url: str, associations: Sequence[Association]) -> None:
        super().__init__(url)
        self._associations = associations

    def wrap(self, number: int, message: bytes) -> bytes:
        """Seal a message."""
        association = self._associations[number % len(self._associations)]
        return association.seal(ContentType.APPLICATION, message)

    def unwrap(self, datagram: bytes) -> bytes:
        """Open a record; what cannot be opened is no answer to anything."""
        (record,) = records.parse(datagram, NUMBER_BYTES)
        association = self._associations[int.from_bytes(record.cid)]
        return (association.open(record) or (0, bytes(4)))[1]


async def measure() -> bool:
    """Print the figures; return whether they are as wanted."""
    async with servers() as started:
        async with edge(started) as here:
            plain = await _plain(here)
        async with edge(started) as here:
            devices = await _known(started.redis_url, LIVE)
            secured, size = await _secured(here, devices)
        async with edge(started, HOMEPORT_ASSOCIATIONS_IN_MEMORY=str(LIVE)) as here:
            slowest = await _at_rest(started.redis_url, here)
    ratio = secured / plain
    print(f"plain update:   {1e6 * plain:.1f} µs of the edge")
    print(f"secured update: {1e6 * secured:.1f} µs")
    print(f"ratio: {ratio:.2f} (wanted: {COST_WANTED})")
    print(f"memory of an association: {size:,.0f} bytes (wanted: {BYTES_WANTED})")
    print(f"first answer of {KNOWN:,} at rest: p99 {slowest:.3f} s")
    return ratio < COST_WANTED and size < BYTES_WANTED


async def _plain(here: Edge) -> float:
    async with load(here.coap) as devices:
        locations = await devices.register(map("plain-{}".format, range(LIVE)))
        return await _cost(here, devices, locations)


async def _secured(
    here: Edge, associations: Sequence[Association]
) -> tuple[float, float]:
    """Return the CPU seconds of an update, and the bytes of an association."""
    before = _memory(here.pid)
    async with opened(SecuredLoad(here.coaps, associations)) as devices:
        locations = await devices.register(map(_name, range(LIVE)))
        size = (_memory(here.pid) - before) / LIVE
        return await _cost(here, devices, locations), size


async def _at_rest(redis_url: str, here: Edge) -> float:
    """Have each of many associations answer once; return the slow ones' latency."""
    associations = await _known(redis_url, KNOWN)
    async with opened(SecuredLoad(here.coaps, associations)) as devices:
        outcome = await devices.run(renewals(["0" * 48], KNOWN))
        live = await metric(here.pages, "homeport_dtls_associations")
    if set(outcome.codes) != {"4.04"}:
        raise RuntimeError(f"updates were not answered 4.04: {outcome.codes}")
    print(f"{live:,.0f} of {KNOWN:,} in memory afterwards")
    return outcome.percentile(99)


async def _cost(here: Edge, devices: Load, locations: list[str]) -> float:
    count = LIVE * UPDATES_EACH
    before = cpu_seconds(here.pid)
    outcome = await devices.run(renewals(locations, count), rate=RATE)
    spent = cpu_seconds(here.pid) - before
    if set(outcome.codes) != {"2.04"}:
        raise RuntimeError(f"updates were not answered 2.04: {outcome.codes}")
    return spent / count


async def _known(redis_url: str, count: int) -> list[Association]:
    """Make up associations that the edges find; return their devices' sides."""
    redis = await connection.connect(redis_url)
    store = AssociationStore(
        redis,
        edge=EdgeId("bench"),
        service=Service.LWM2M,
        keyring=Keyring.parse(SECRET),
    )
    devices = []
    for begin in range(0, count, 1000):
        numbers = range(begin, min(begin + 1000, count))
        made = [_association(number) for number in numbers]
        devices += [device for device, _ in made]
        await store.save([floating for _, floating in made])
    await redis.aclose()
    return devices


def _association(number: int) -> tuple[Association, Floating]:
    suite = suites.by_number(CCM_8)
    assert suite is not None
    keys = Keys(os.urandom(SECRET_BYTES), os.urandom(SECRET_BYTES))
    server_cid, device_cid = os.urandom(CID_BYTES), number.to_bytes(NUMBER_BYTES)
    server = Association(
        suite,
        keys,
        server=True,
        received=0,
        form=CidForm.RFC,
        cid=server_cid,
        peer_cid=device_cid,
    )
    device = Association(
        suite,
        keys,
        server=False,
        received=0,
        form=CidForm.RFC,
        cid=device_cid,
        peer_cid=server_cid,
        generation=0,
    )
    device.go_on(received=0, sealed=1)
    name = _name(number)
    identity = Identity(
        f"psk:{number:032x}",
        Means.SHARED_KEY,
        account=AccountId(ACCOUNT),
        endpoint_name=EndpointName(name),
    )
    floating = Floating(
        server_cid.hex(),
        f"{1:012x}{secrets.token_hex(8)}",
        server.export(),
        identity,
        f"127.0.0.1:{number % SOCKETS}",
        0,
    )
    return device, floating


def _name(number: int) -> str:
    return f"urn:imei:35{number:013}"


def _memory(pid: int) -> int:
    """Return the bytes of a process that are its own."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Private_Dirty:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("the kernel does not tell")

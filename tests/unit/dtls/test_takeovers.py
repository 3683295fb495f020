"""What waits for the store is bounded, and nothing is asked twice at once."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace

import pytest

from homeport.associations import Floating, Taken
from homeport.coap.udp import Address
from homeport.dtls import records
from homeport.dtls.association import Association, CidForm
from homeport.dtls.credentials import Admission, Credential, Refusal
from homeport.dtls.keys import Keys
from homeport.dtls.live import Live
from homeport.dtls.records import ContentType, Record
from homeport.dtls.suites import SUITES
from homeport.dtls.takeovers import MOST_PARKED, Parked, Takeovers
from homeport.errors import Unavailable
from homeport.identity import NOBODY, Identity
from tests.support.polling import until

HERE: Address = ("192.0.2.1", 5684)
CID = bytes(8)
KEYS = Keys(client=bytes(20), server=bytes(20))


@dataclass
class Store:
    """Associations and trust of one place, as one edge sees them, when it is let."""

    known: Floating | None = None
    owner: str = "other"
    trusts: bool = True
    away: bool = False
    let: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[str] = field(default_factory=list)

    async def save(self, associations: Sequence[Floating]) -> None:
        raise AssertionError

    async def find(self, places: Sequence[str]) -> list[Floating | None]:
        self.asked += places
        await self.let.wait()
        self._reach()
        return [self.known] * len(places)

    async def take(self, wanted: Sequence[tuple[Floating, int]]) -> list[Taken | None]:
        await self.let.wait()
        self._reach()
        return [Taken(2, self.owner) if self.known else None] * len(wanted)

    async def rest(self, associations: Sequence[Floating]) -> None:
        raise AssertionError

    async def drop(self, associations: Sequence[Floating]) -> None:
        raise AssertionError

    async def admit(
        self, credentials: Sequence[Credential]
    ) -> list[Admission | Refusal]:
        raise AssertionError

    async def trusted(self, identities: Sequence[Identity]) -> list[bool]:
        return [self.trusts] * len(identities)

    def _reach(self) -> None:
        if self.away:
            raise Unavailable("Redis", "is away")


@dataclass
class Scene:
    """Takeovers that run, and what they have come to."""

    store: Store
    takeovers: Takeovers
    taken: list[tuple[Live, Parked]]
    lost: list[Live]
    distrusted: list[Live]

    async def idle(self) -> None:
        """Wait until nothing waits any more."""

        async def nothing() -> bool:
            return not self.takeovers._parked

        self.store.let.set()
        await until(nothing)


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    store = Store()
    taken: list[tuple[Live, Parked]] = []
    lost: list[Live] = []
    distrusted: list[Live] = []
    takeovers = Takeovers(
        store,
        store,
        edge="here",
        now=asyncio.get_running_loop().time,
        expiry=lambda _: 9.0,
        taken=lambda live, parked: taken.append((live, parked)),
        lost=lost.append,
        distrusted=distrusted.append,
    )
    running = asyncio.create_task(takeovers.run())
    yield Scene(store, takeovers, taken, lost, distrusted)
    running.cancel()


def device() -> Association:
    """Make the other side of an association."""
    return Association(
        SUITES[0],
        KEYS,
        server=False,
        received=0,
        form=CidForm.RFC,
        peer_cid=CID,
        generation=0,
    )


def ours() -> Association:
    return Association(
        SUITES[0], KEYS, server=True, received=0, form=CidForm.RFC, cid=CID
    )


def kept() -> Floating:
    return Floating(CID.hex(), "a" * 28, ours().export(), NOBODY, "x", 0)


def sealed(count: int) -> list[Record]:
    """Make the device's first records, after that of its handshake."""
    sealing = device()
    sealing.seal(ContentType.HANDSHAKE, b"")
    datagram = b"".join(
        sealing.seal(ContentType.APPLICATION, b"") for _ in range(count)
    )
    return records.parse(datagram, len(CID))


def stray(number: int) -> Record:
    return Record(ContentType.CID, 1, 7, number.to_bytes(8, "big"), b"", b"")


async def test_places_that_nobody_knows_are_asked_for_once_and_no_end_of_them(
    scene: Scene,
) -> None:
    for number in range(10_000):
        record = stray(number)
        scene.takeovers.look_up(record.cid, record, HERE)
    assert len(scene.takeovers._parked) == 4_096
    await scene.idle()
    assert len(scene.store.asked) == len(set(scene.store.asked)) == 4_096
    assert scene.taken == []


async def test_records_of_one_place_wait_for_one_question(scene: Scene) -> None:
    scene.store.known = kept()
    first, *more = sealed(20)
    assert not scene.takeovers.parks(CID, first, HERE)
    scene.takeovers.look_up(CID, first, HERE)
    assert all(scene.takeovers.parks(CID, record, HERE) for record in more)
    await scene.idle()
    assert scene.store.asked == [CID.hex()]
    ((live, parked),) = scene.taken
    assert len(parked) == MOST_PARKED
    assert live.origin.generation == 2
    assert isinstance(live.records, Association)
    assert live.records.received == first.sequence - 1


async def test_the_oldest_that_is_authentic_gives_the_reason(scene: Scene) -> None:
    scene.store.known = kept()
    older, newer = sealed(2)
    forged = older._replace(fragment=bytes(40))
    scene.takeovers.look_up(CID, forged, HERE)
    for record in (newer, older):
        scene.takeovers.parks(CID, record, HERE)
    await scene.idle()
    ((live, _),) = scene.taken
    assert isinstance(live.records, Association)
    assert live.records.received == older.sequence - 1


async def test_what_is_kept_and_can_not_be_read_is_nothing(scene: Scene) -> None:
    scene.store.known = replace(kept(), secrets=b"broken")
    (record,) = sealed(1)
    scene.takeovers.look_up(CID, record, HERE)
    await scene.idle()
    assert scene.taken == []


@pytest.mark.parametrize(("owner", "same"), [("here", True), ("other", False)])
async def test_an_owner_that_asked_goes_on_with_what_it_has_seen(
    scene: Scene,
    owner: str,
    same: bool,  # noqa: FBT001 # a parameter of the test
) -> None:
    scene.store.known, scene.store.owner = kept(), owner
    records_ = ours()
    live = Live(kept(), records_, address=HERE, now=0.0, expires=9.0)
    scene.takeovers.confirm(live, records_, sealed(3)[2], HERE)
    await scene.idle()
    ((taken, _),) = scene.taken
    assert taken is live
    assert (live.records is records_) is same
    assert live.origin.generation == 2


async def test_one_that_is_gone_is_lost_by_whoever_had_it(scene: Scene) -> None:
    live = Live(kept(), ours(), address=HERE, now=0.0, expires=9.0)
    scene.takeovers.confirm(live, ours(), sealed(3)[2], HERE)
    await scene.idle()
    assert scene.lost == [live]


async def test_one_that_is_trusted_no_more_is_not_taken(scene: Scene) -> None:
    scene.store.known, scene.store.trusts = kept(), False
    scene.takeovers.look_up(CID, sealed(1)[0], HERE)
    await scene.idle()
    assert len(scene.distrusted) == 1
    assert scene.taken == []


async def test_a_store_that_is_away_leaves_everything_as_it_was(scene: Scene) -> None:
    scene.store.away = True
    live = Live(kept(), ours(), address=HERE, now=0.0, expires=9.0)
    scene.takeovers.confirm(live, ours(), sealed(3)[2], HERE)
    record = stray(1)
    scene.takeovers.look_up(record.cid, record, HERE)
    await scene.idle()
    assert scene.taken == []
    assert scene.lost == []
    assert scene.distrusted == []

"""An association is found by what is left of its peer's last message."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from homeport.associations import Floating, Taken
from homeport.coap.transport import Trace
from homeport.dtls import recalls
from homeport.dtls.association import Association, CidForm
from homeport.dtls.keys import Keys
from homeport.dtls.live import Live
from homeport.dtls.suites import SUITES
from homeport.identity import NOBODY, Identity

CID = b"abcdefgh"
ID = "0123456789ab" + CID.hex()
PEER = "192.0.2.1:5684"
SECRETS = Association(
    SUITES[0],
    Keys(client=bytes(20), server=bytes(20)),
    server=True,
    received=0,
    form=CidForm.RFC,
    cid=CID,
).export()
KEPT = Floating(CID.hex(), ID, SECRETS, NOBODY, "somewhere", 3)


@dataclass
class Store:
    """The associations that there are, and whom they trust."""

    known: list[Floating]
    trusts: bool = True
    recalled: list[Floating] = field(default_factory=list)

    async def find(self, places: Sequence[str]) -> list[Floating | None]:
        by_place = {each.place: each for each in self.known}
        return [by_place.get(place) for place in places]

    async def recall(self, wanted: Sequence[Floating]) -> list[Taken | None]:
        self.recalled += wanted
        return [Taken(9, "other") if each in self.known else None for each in wanted]

    async def trusted(self, identities: Sequence[Identity]) -> list[bool]:
        return [self.trusts] * len(identities)

    @property
    def associations(self) -> "Store":
        return self

    @property
    def trust(self) -> "Store":
        return self


def trace(association: str = ID, *, sequence: int = 0) -> Trace:
    return Trace(PEER, association, f"{association}{sequence:012x}")


@pytest.mark.parametrize("place", [CID.hex(), PEER])
async def test_it_is_found_by_its_connection_id_or_its_peers_address(
    place: str,
) -> None:
    kept = replace(KEPT, place=place)
    assert await recalls.find(Store([kept]), trace()) == kept


async def test_another_peers_at_its_place_is_not_it() -> None:
    newer = replace(KEPT, place=PEER, id="1" * 28)
    assert await recalls.find(Store([newer]), trace()) is None


async def test_it_may_have_given_way_to_another_one_of_its_peers() -> None:
    newer = replace(KEPT, place=PEER, id="1" * 28)
    left = trace()._replace(identity=newer.identity.name)
    assert await recalls.find(Store([newer]), left) == newer


async def test_what_came_without_one_has_none() -> None:
    assert await recalls.find(Store([KEPT]), Trace(PEER, PEER)) is None


async def test_the_newest_record_that_is_known_of_counts() -> None:
    store = Store([KEPT])
    for sequence, received in ((2, 3), (7, 7)):
        found = await recalls.find(store, trace(sequence=sequence))
        assert found is not None
        assert found.received == received


async def take(store: Store, floating: Floating = KEPT, *, now: float) -> Live | None:
    return await recalls.take(store, floating, trace(), now=now, expiry=lambda _: 5.0)


async def test_it_is_taken_in_a_generation_of_its_own() -> None:
    live = await take(Store([KEPT]), now=5.0)
    assert live is not None
    assert isinstance(live.records, Association)
    assert (live.place, live.address) == (CID, ("192.0.2.1", 5684))
    assert (live.records.generation, live.records.received) == (9, 3)


@pytest.mark.parametrize(
    ("store", "now"),
    [
        pytest.param(Store([KEPT], trusts=False), 1.0, id="distrusted"),
        pytest.param(Store([KEPT]), 5.1, id="its credential has expired"),
    ],
)
async def test_whom_we_trust_no_more_we_do_not_speak_to(
    store: Store, now: float
) -> None:
    assert await take(store, now=now) is None
    assert store.recalled == []


async def test_one_that_is_gone_or_cannot_be_read_is_none() -> None:
    assert await take(Store([]), now=1.0) is None
    broken = replace(KEPT, secrets=b"broken")
    assert await take(Store([broken]), broken, now=1.0) is None

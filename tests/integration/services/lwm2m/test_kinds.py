"""What accounts know of their devices, learned once and forgotten when it changes."""

from collections.abc import AsyncIterator, Sequence

import pytest

from homeport.errors import Unavailable
from homeport.keyring import Keyring
from homeport.names import AccountId, EndpointName
from homeport.protocol.alterations import Alterations
from homeport.protocol.configurations import Configuration, Selector
from homeport.protocol.profiles import IZUMA, LWM2M_1_0, LWM2M_1_1
from homeport.store import configurations, connection
from homeport.store.entries import BootstrapConfiguration
from homeport.store.trust_reader import TrustReader
from homeport.store.trust_writer import EVERYTHING, TrustWriter
from services.lwm2m import kinds
from services.lwm2m.kinds import RECOGNIZED, KnownKinds
from tests.support import trust
from tests.support.trust import KEYRING

pytestmark = pytest.mark.integration

ACCOUNT, OTHER = AccountId("a" * 32), AccountId("b" * 32)
KETTLE = EndpointName("kettle")


class Reader(TrustReader):
    """Counts what it is asked for; something may change meanwhile."""

    asked = 0
    meanwhile: KnownKinds | None = None

    async def selectors(
        self, accounts: Sequence[AccountId]
    ) -> list[tuple[Selector, ...]]:
        self.asked += 1
        found = await super().selectors(accounts)
        if self.meanwhile is not None:
            self.meanwhile.hear(frozenset({EVERYTHING}))
            self.meanwhile = None
        return found


@pytest.fixture
async def reader(redis_url: str) -> AsyncIterator[Reader]:
    redis = await connection.connect(redis_url)
    yield Reader(redis, KEYRING)
    await redis.aclose()


@pytest.fixture
async def writer(redis_url: str) -> AsyncIterator[TrustWriter]:
    async with trust.writer(redis_url) as writing:
        yield writing


def entry(name: str | None, **selector: object) -> BootstrapConfiguration:
    configuration = Configuration("c" * 32, alterations=Alterations(name=name))
    return BootstrapConfiguration(
        ACCOUNT, Selector("c" * 32, **selector), configurations.build(configuration)
    )


async def test_what_was_recognized_stays_where_nobody_knows_better(
    reader: Reader, writer: TrustWriter
) -> None:
    known = KnownKinds(reader)
    await writer.put([entry("izuma", endpoint_names="lamp")])
    await known.learn([ACCOUNT, OTHER, ACCOUNT])
    for account in (ACCOUNT, OTHER):
        assert known.of(account, KETTLE, LWM2M_1_1) is LWM2M_1_1
    assert RECOGNIZED.of(ACCOUNT, KETTLE, LWM2M_1_1) is LWM2M_1_1
    await RECOGNIZED.learn([ACCOUNT])


async def test_an_account_knows_its_own_devices(
    reader: Reader, writer: TrustWriter
) -> None:
    known = KnownKinds(reader)
    await writer.put([entry("izuma", profiles=("lwm2m-1.1",))])
    await known.learn([ACCOUNT, OTHER])
    assert known.of(ACCOUNT, KETTLE, LWM2M_1_1) == IZUMA
    assert known.of(ACCOUNT, KETTLE, LWM2M_1_0) is LWM2M_1_0
    assert known.of(OTHER, KETTLE, LWM2M_1_1) is LWM2M_1_1


async def test_what_alters_nothing_is_no_other_kind(
    reader: Reader, writer: TrustWriter
) -> None:
    known = KnownKinds(reader)
    await writer.put([entry(None)])
    await known.learn([ACCOUNT])
    assert known.of(ACCOUNT, KETTLE, LWM2M_1_1) is LWM2M_1_1


async def test_an_account_is_asked_once_until_something_changes(
    reader: Reader, writer: TrustWriter
) -> None:
    known = KnownKinds(reader)
    assert known.of(ACCOUNT, KETTLE, LWM2M_1_1) is None
    for _ in range(2):
        await known.learn([ACCOUNT])
    assert reader.asked == 1
    changed = entry("izuma")
    await writer.put([changed])
    known.hear(frozenset({"device:" + "1" * 32}))
    assert known.of(ACCOUNT, KETTLE, LWM2M_1_1) is LWM2M_1_1
    known.hear(frozenset({changed.name}))
    assert known.of(ACCOUNT, KETTLE, LWM2M_1_1) is None
    await known.learn([ACCOUNT])
    assert known.of(ACCOUNT, KETTLE, LWM2M_1_1) == IZUMA


async def test_what_changes_while_it_is_read_is_read_again(reader: Reader) -> None:
    known = reader.meanwhile = KnownKinds(reader)
    await known.learn([ACCOUNT])
    assert reader.asked == 2
    assert known.of(ACCOUNT, KETTLE, LWM2M_1_1) is LWM2M_1_1


async def test_so_many_accounts_are_kept_and_no_more(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kinds, "MOST_ACCOUNTS", 1)
    known = KnownKinds(reader)
    await known.learn([ACCOUNT])
    await known.learn([OTHER])
    assert known.of(ACCOUNT, KETTLE, LWM2M_1_1) is None
    assert known.of(OTHER, KETTLE, LWM2M_1_1) is LWM2M_1_1


async def test_what_another_secret_has_sealed_is_not_learned(
    reader: Reader, writer: TrustWriter
) -> None:
    await writer.put([entry("izuma")])
    known = KnownKinds(TrustReader(reader._redis, Keyring.parse("0d" * 32)))
    with pytest.raises(Unavailable, match="trust view"):
        await known.learn([ACCOUNT])
    assert known.of(ACCOUNT, KETTLE, LWM2M_1_1) is None

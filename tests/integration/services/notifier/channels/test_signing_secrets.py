"""What signs the calls of a webhook is sealed in PostgreSQL, and opened to sign."""

import pytest
from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from homeport.keyring import Keyring
from services.notifier.channels import signing_secrets
from services.notifier.channels.channels import Callback, Channel, Serialization
from services.notifier.channels.store import ChannelStore
from services.notifier.schema import channels
from tests.support.keyring import SECRET_KEY
from tests.support.notifier import ACCOUNT

pytestmark = pytest.mark.integration

KEYRING = Keyring.parse(SECRET_KEY)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SIGNED = Callback("https://example.com/", {}, SECRET)
KEY_ID, OTHER = "b" * 32, "c" * 32


async def row(engine: AsyncEngine) -> Row[tuple[object, ...]]:
    async with engine.connect() as connection:
        query = select(channels).where(channels.c.key_id == KEY_ID)
        return (await connection.execute(query)).one()


async def put(stored: ChannelStore, callback: Callback, key_id: str = KEY_ID) -> None:
    await stored.put(key_id, ACCOUNT, callback, Serialization())


def secret(channel: Channel | None) -> str:
    assert channel is not None
    assert isinstance(channel.way, Callback)
    return channel.way.signing_secret


async def test_it_lies_sealed(engine: AsyncEngine) -> None:
    stored = ChannelStore(engine, KEYRING)
    await put(stored, SIGNED)
    lies = await row(engine)
    assert SECRET not in str(lies)
    assert SECRET.encode() not in lies.sealed_secret
    assert secret(await stored.get(KEY_ID)) == SECRET


async def test_one_that_is_taken_away_is_gone(engine: AsyncEngine) -> None:
    stored = ChannelStore(engine, KEYRING)
    await put(stored, SIGNED)
    await put(stored, Callback("https://example.com/"))
    assert (await row(engine)).sealed_secret is None
    assert secret(await stored.get(KEY_ID)) == ""


async def test_one_of_an_earlier_version_is_sealed_once(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing_secrets, "BATCH", 1)
    stored = ChannelStore(engine, KEYRING)
    for key_id in (KEY_ID, OTHER):
        await put(stored, Callback("https://example.com/"), key_id)
    async with engine.begin() as connection:
        await connection.execute(update(channels).values(signing_secret=SECRET))
    assert secret(await stored.get(KEY_ID)) == SECRET
    assert await signing_secrets.seal_plain(engine, KEYRING) == 2
    assert await signing_secrets.seal_plain(engine, KEYRING) == 0
    assert SECRET not in str(await row(engine))
    assert secret(await stored.get(KEY_ID)) == SECRET


async def test_a_channel_whose_secret_no_secret_opens_is_never_called_unsigned(
    engine: AsyncEngine,
) -> None:
    await put(ChannelStore(engine, Keyring([b"x" * 32])), SIGNED)
    stored = ChannelStore(engine, KEYRING)
    await put(stored, SIGNED, OTHER)
    assert await stored.get(KEY_ID) is None
    assert [each.key_id for each in await stored.of_keys([KEY_ID, OTHER])] == [OTHER]


async def test_it_is_sealed_for_its_channel_alone(engine: AsyncEngine) -> None:
    stored = ChannelStore(engine, KEYRING)
    await put(stored, SIGNED)
    taken = (await row(engine)).sealed_secret
    await put(stored, Callback("https://example.com/"), OTHER)
    async with engine.begin() as connection:
        await connection.execute(
            update(channels)
            .where(channels.c.key_id == OTHER)
            .values(sealed_secret=taken)
        )
    assert await stored.get(OTHER) is None

"""All that the notifier keeps sealed is sealed anew, and what was not is sealed."""

import pytest
from sqlalchemy import LargeBinary, update
from sqlalchemy.ext.asyncio import AsyncEngine

from homeport.keyring import Keyring, Resealed
from services.notifier.channels.channels import Callback, Serialization
from services.notifier.channels.store import ChannelStore
from services.notifier.resealing import SEALED, reseal
from services.notifier.schema import channels, metadata
from tests.support.notifier import ACCOUNT

pytestmark = pytest.mark.integration

OLD, NEW = b"o" * 32, b"n" * 32
BEFORE, ROTATED, AFTER = Keyring([OLD]), Keyring([NEW, OLD]), Keyring([NEW])
SIGNED = Callback("https://example.com/", {}, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
KEY_ID, OTHER = "b" * 32, "c" * 32


def test_no_column_that_may_be_sealed_is_forgotten() -> None:
    binary = {
        column
        for table in metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, LargeBinary)
    }
    assert {sealed.column for sealed in SEALED} == binary


async def test_everything_is_opened_by_the_newest_secret_alone(
    engine: AsyncEngine,
) -> None:
    before = ChannelStore(engine, BEFORE)
    for key_id in (KEY_ID, OTHER):
        await before.put(key_id, ACCOUNT, SIGNED, Serialization())
    plain = (
        update(channels)
        .where(channels.c.key_id == OTHER)
        .values(signing_secret=SIGNED.signing_secret, sealed_secret=None)
    )
    async with engine.begin() as connection:
        await connection.execute(plain)
    assert await reseal(engine, ROTATED) == Resealed(found=2, anew=1)
    assert await reseal(engine, ROTATED) == Resealed(found=2)
    after = ChannelStore(engine, AFTER)
    found = await after.of_keys([KEY_ID, OTHER])
    assert [channel.way for channel in found] == [SIGNED, SIGNED]

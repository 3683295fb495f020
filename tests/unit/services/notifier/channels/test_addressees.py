"""An account's definitions are read for those channels that want values decoded."""

from datetime import UTC, datetime

from homeport.names import AccountId
from homeport.protocol.objects.core import CORE
from homeport.protocol.objects.definitions import Definitions
from services.notifier.channels.addressees import Addressees
from services.notifier.channels.channels import Channel, Serialization, WebSocket
from services.notifier.channels.messages import Addressee
from services.notifier.subscriptions.subscriptions import Interest, Presubscription

KEY, ACCOUNT = "b" * 32, AccountId("a" * 32)
WANTED = Interest(rules=(Presubscription(),))


class World:
    """What is known, and of which accounts it was asked."""

    def __init__(self) -> None:
        self.asked: list[AccountId] = []

    async def interest(self, key_id: str) -> Interest:
        assert key_id == KEY
        return WANTED

    async def definitions(self, account: AccountId) -> Definitions:
        self.asked.append(account)
        return CORE

    async def of(self, form: Serialization) -> Addressee:
        channel = Channel(KEY, ACCOUNT, WebSocket(), form, 1, datetime.now(UTC))
        return await Addressees(self.interest, self.definitions).of(channel)


async def test_a_channel_is_told_what_its_key_wants() -> None:
    world, form = World(), Serialization(include_uid=True)
    assert await world.of(form) == Addressee(KEY, form, WANTED)
    assert not world.asked


async def test_values_are_decoded_by_the_definitions_of_the_account() -> None:
    world, form = World(), Serialization(include_values=True)
    assert await world.of(form) == Addressee(KEY, form, WANTED, CORE)
    assert world.asked == [ACCOUNT]

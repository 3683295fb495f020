"""A key has to be missed twice, and then all of it goes."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import cast

from services.notifier.channels.channels import Kind
from services.notifier.channels.store import ChannelStore
from services.notifier.revocations import Revocations
from services.notifier.stream.cursors import Cursors
from services.notifier.subscriptions.subscription_store import SubscriptionStore


@dataclass
class World:
    """Keys that are there or not, and what is set up with them."""

    known: frozenset[str] = frozenset({"one", "two"})
    missing: frozenset[str] = frozenset()
    gone: list[str] = field(default_factory=list)

    async def keys(self) -> frozenset[str]:
        return self.known

    async def missing_keys(self, key_ids: Sequence[str]) -> frozenset[str]:
        return self.missing & frozenset(key_ids)

    async def forget(self, key_ids: Collection[str]) -> None:
        self.gone += [f"wishes of {key_id}" for key_id in sorted(key_ids)]

    async def get(self, key_id: str) -> None:
        self.gone.append(f"channel of {key_id}")

    async def remove(self, key_id: str, kind: Kind) -> bool:
        raise AssertionError((key_id, kind))

    async def discard(self, key_id: str) -> None:
        self.gone.append(f"events of {key_id}")

    def revocations(self) -> Revocations:
        return Revocations(
            self,
            cast("ChannelStore", self),
            cast("SubscriptionStore", self),
            cast("Cursors", self),
            discard=self.discard,
            seconds=60,
        )


async def test_a_key_that_is_missed_twice_is_gone() -> None:
    world = World(missing=frozenset({"one"}))
    revocations = world.revocations()
    await revocations.look()
    assert not world.gone
    await revocations.look()
    assert world.gone == ["wishes of one", "channel of one", "events of one"]


async def test_a_key_that_is_there_again_is_not() -> None:
    world = World(missing=frozenset({"one"}))
    revocations = world.revocations()
    await revocations.look()
    world.missing = frozenset()
    await revocations.look()
    world.missing = frozenset({"one"})
    await revocations.look()
    assert not world.gone

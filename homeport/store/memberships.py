"""Which devices are in which groups, for whoever asks a group for its devices' facts.

A part of the trust view: the directory writes it, and all of it again when Redis has
lost it.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from homeport.errors import Unavailable
from homeport.names import AccountId, DeviceId
from homeport.store import keys
from homeport.store.connection import Connection, reaching


@dataclass(frozen=True, slots=True)
class Membership:
    """A device is in a group of its account."""

    account: AccountId
    group: str
    device: DeviceId

    @property
    def key(self) -> str:
        """Where the devices of the group are."""
        return keys.group(self.account, self.group)


class Memberships:
    """All methods raise Unavailable; writing may be repeated, and has to be then."""

    def __init__(self, connection: Connection) -> None:
        self._redis = connection

    async def put(self, made: Iterable[Membership]) -> None:
        """Put devices into groups."""
        pipeline = self._redis.pipeline(transaction=False)
        for each in made:
            pipeline.sadd(each.key, each.device)
        with reaching():
            await pipeline.execute()

    async def remove(self, ended: Iterable[Membership]) -> None:
        """Take devices out of groups."""
        pipeline = self._redis.pipeline(transaction=False)
        for each in ended:
            pipeline.srem(each.key, each.device)
        with reaching():
            await pipeline.execute()

    async def dissolve(self, groups: Iterable[tuple[AccountId, str]]) -> None:
        """Forget groups and who was in them; a group's id is never given again."""
        pipeline = self._redis.pipeline(transaction=False)
        for account, group in groups:
            # A large one goes in the background; redis-py has no method for clusters.
            pipeline.execute_command("UNLINK", keys.group(account, group))
        with reaching():
            await pipeline.execute()

    async def within(
        self, account: AccountId, groups: Collection[str], devices: Collection[str]
    ) -> frozenset[str]:
        """Return those of some devices that are in any of an account's groups.

        Unavailable is raised too while the view is not written whole: nobody who is in
        a group is taken for one who is not.
        """
        asked = [*devices]
        if not groups or not asked:
            return frozenset()
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.exists(keys.trust_fingerprint())
        for group in groups:
            pipeline.smismember(keys.group(account, group), asked)
        pipeline.exists(keys.trust_fingerprint())
        with reaching():
            began, *found, ended = await pipeline.execute()
        if not (began and ended):
            raise Unavailable("the trust view", "is not written whole")
        return frozenset(
            device
            for answers in found
            for device, there in zip(asked, answers, strict=True)
            if there
        )

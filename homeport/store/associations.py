"""DTLS associations in Redis, where every edge of a service finds them."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from redis.asyncio import RedisCluster

from homeport import identity
from homeport.associations import KEPT_SECONDS, Floating, Taken
from homeport.errors import InvalidFormat
from homeport.identity import Service
from homeport.keyring import Keyring, Resealed
from homeport.names import EdgeId
from homeport.store import keys
from homeport.store.connection import Connection, reaching
from homeport.store.scanning import scan
from homeport.store.scripts import ASSOCIATIONS, Argument

_Share = tuple[str, Sequence[Argument]]
"""An association's place and what an operation has to know of it."""


class AssociationStore:
    """The associations of one service, as one edge sees them.

    It fulfills `homeport.associations.Associations`, each method in one round trip.
    ``seconds`` is how long an association is kept without a sign of life: it was saved,
    taken or rested. What the keyring cannot open any more is gone.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        edge: EdgeId,
        service: Service,
        keyring: Keyring,
        seconds: int = KEPT_SECONDS,
    ) -> None:
        self._redis = connection
        self._cluster = isinstance(connection, RedisCluster)
        self._edge = edge
        self._service = service
        self._keyring = keyring
        self._seconds = seconds

    async def save(self, associations: Sequence[Floating]) -> None:
        """Keep associations; they are ours, with generation 1."""
        await self._run(
            "save", [(each.place, self._saved(each)) for each in associations]
        )

    async def find(self, places: Sequence[str]) -> list[Floating | None]:
        """Look associations up without taking them."""
        if not places:
            return []
        pipeline = self._redis.pipeline(transaction=False)
        for place in places:
            pipeline.hmget(
                keys.association(self._service, place),
                ["id", "secrets", "identity", "peer", "received"],
            )
        with reaching():
            found = await pipeline.execute()
        return [
            self._parse(place, fields)
            for place, fields in zip(places, found, strict=True)
        ]

    async def take(self, wanted: Sequence[tuple[Floating, int]]) -> list[Taken | None]:
        """Take associations over, each with the record sequence that gave reason.

        None where it is gone, is another one by now, its generations are used up, or
        that record is not newer than all that is known to have arrived: a replay.
        """
        return await self._taken(
            "take", [(each.place, (each.id, sequence)) for each, sequence in wanted]
        )

    async def recall(self, wanted: Sequence[Floating]) -> list[Taken | None]:
        """Take associations over to be the first who speaks.

        None where it is gone, is another one by now, its generations are used up, or a
        record has arrived that is newer than its ``received``. It is kept no longer for
        that: it is no sign of life.
        """
        return await self._taken(
            "recall", [(each.place, (each.id, each.received)) for each in wanted]
        )

    async def rest(self, associations: Sequence[Floating]) -> None:
        """Write down the ``received`` of associations, and keep them for longer.

        It never goes back, and whoever owns them may write it.
        """
        await self._run(
            "rest", [(each.place, (each.id, each.received)) for each in associations]
        )

    async def drop(self, associations: Sequence[Floating]) -> None:
        """Forget associations, unless another has taken their place."""
        await self._run("drop", [(each.place, (each.id,)) for each in associations])

    async def reseal(self) -> Resealed:
        """Seal all of them anew that an older secret has sealed.

        Repeating it is harmless. One that no secret opens is gone, and not counted.
        """
        total = Resealed()
        async for found in scan(self._redis, keys.association(self._service, "*")):
            total += await self._reseal(found)
        return total

    async def _reseal(self, found: Sequence[str]) -> Resealed:
        pipeline = self._redis.pipeline(transaction=False)
        for key in found:
            pipeline.hmget(key, ["id", "secrets"])
        with reaching():
            kept = await pipeline.execute()
        opened = 0
        anew: list[_Share] = []
        for key, (id_, sealed) in zip(found, kept, strict=True):
            if id_ is None or sealed is None:
                continue
            with suppress(InvalidFormat):
                made = self._keyring.reseal(sealed, place=key)
                opened += 1
                if made is not None:
                    anew.append((keys.association_place(key), (id_, made)))
        await self._run("reseal", anew)
        return Resealed(opened, len(anew))

    def _saved(self, association: Floating) -> Sequence[Argument]:
        place = keys.association(self._service, association.place)
        return (
            association.id,
            self._keyring.seal(association.secrets, place=place),
            identity.build(association.identity),
            association.peer,
            association.received,
        )

    def _parse(self, place: str, fields: list[bytes | None]) -> Floating | None:
        match fields:
            case [bytes(id_), bytes(sealed), bytes(text), bytes(peer), bytes(received)]:
                key = keys.association(self._service, place)
            case _:
                return None
        try:
            secrets = self._keyring.open(sealed, place=key)
            whose = identity.parse(text)
        except InvalidFormat:
            return None
        return Floating(
            place, id_.decode(), secrets, whose, peer.decode(), int(received)
        )

    async def _taken(
        self, operation: str, shares: Sequence[_Share]
    ) -> list[Taken | None]:
        return [
            Taken(int(answer[0]), answer[1].decode()) if answer else None
            for answer in await self._run(operation, shares)
        ]

    async def _run(
        self, operation: str, shares: Sequence[_Share]
    ) -> list[tuple[int, bytes] | None]:
        if not shares:
            return []
        if not self._cluster:
            return await self._call(operation, shares)
        answers = await asyncio.gather(
            *(self._call(operation, [share]) for share in shares)
        )
        return [answer for (answer,) in answers]

    async def _call(
        self, operation: str, shares: Sequence[_Share]
    ) -> list[tuple[int, bytes] | None]:
        arguments: list[Argument] = [
            *(operation, self._edge, self._seconds, keys.told(EdgeId(""))),
        ]
        for _, known in shares:
            arguments += known
        places = [keys.association(self._service, place) for place, _ in shares]
        answers: list[tuple[int, bytes] | None] = await ASSOCIATIONS(
            self._redis, places, arguments
        )
        return answers

"""Registration sessions: a batch of operations, one script call."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from redis.asyncio import RedisCluster

from homeport import names
from homeport.associations import KEPT_SECONDS
from homeport.names import AccountId, DeviceId, EdgeId
from homeport.store import keys, operations
from homeport.store.clock import StoreClock
from homeport.store.connection import Connection, reaching
from homeport.store.operations import NAMES, Expire, Expired, Operation, Outcome
from homeport.store.requests import Lapse
from homeport.store.scripts import OPERATIONS

MAX_AGE_MICROSECONDS = 5_000_000
"""An operation that waited longer is refused: its sender was stopped and continued."""

OUTBOX_LIMIT = 10_000
"""Entries of one bucket's outbox above which a refresh replaces the one before it."""


_RESOURCES = b',"resources":'
"""Begins the last member of a description; no text within JSON can look like it."""


@dataclass(frozen=True, slots=True)
class StoredSession:
    """What a live session says: whose it is, of which device, and what that has."""

    revision: str
    profile: str
    lwm2m_version: str
    resources: str
    account: AccountId
    parameters: str = "{}"
    endpoint_name: str = ""
    endpoint_type: str = ""
    binding: str = ""
    queue_mode: bool = False


class SessionStore:
    """The registration sessions, as one replica sees them."""

    def __init__(
        self,
        connection: Connection,
        clock: StoreClock,
        *,
        edge: EdgeId,
        buckets: int,
        outbox_limit: int = OUTBOX_LIMIT,
    ) -> None:
        self._redis = connection
        self._clock = clock
        self._cluster = isinstance(connection, RedisCluster)
        self._edge = edge
        self._buckets = buckets
        self._outbox_limit = outbox_limit

    def bucket(self, device: DeviceId) -> int:
        """Return the bucket that all keys of a device lie in."""
        return names.bucket(device, self._buckets)

    async def execute(
        self, batch: Sequence[Operation], *, arrived: float
    ) -> list[Outcome]:
        """Do them all, each atomically, in order; return an outcome for each.

        ``arrived`` is the monotonic time at which the oldest of their datagrams can
        have arrived. Raises Unavailable; then some may have been done, and a repeated
        message gets the stored answer.
        """
        answers = await self._run(batch, arrived)
        return [operations.outcome(answer) for answer in answers]

    async def expire(
        self, sweeps: Sequence[Expire | Lapse], *, now: float
    ) -> list[Expired]:
        """End what is due in some buckets; safe to do anywhere, at any time."""
        answers = await self._run(sweeps, now)
        return [operations.expired(answer) for answer in answers]

    async def read(self, devices: Sequence[DeviceId]) -> list[StoredSession | None]:
        """Read live sessions, in order; None for a device that has none."""
        with reaching():
            return await asyncio.gather(*(self._read(device) for device in devices))

    async def _read(self, device: DeviceId) -> StoredSession | None:
        bucket = self.bucket(device)
        pipeline = self._redis.pipeline(transaction=True)
        pipeline.hmget(
            keys.session(bucket, device),
            [
                *("registration_id", "revision", "profile", "lwm2m_version"),
                *("account_id", "parameters", "endpoint_name", "endpoint_type"),
                *("binding", "queue_mode"),
            ],
        )
        pipeline.get(keys.description(bucket, device))
        found, description = await pipeline.execute()
        if not found[0] or description is None:
            return None
        resources = description.partition(_RESOURCES)[2]
        _, revision, profile, version, account, parameters, *described = (
            value.decode() for value in found
        )
        endpoint_name, endpoint_type, binding, queue_mode = described
        return StoredSession(
            revision,
            profile,
            version,
            resources.decode(),
            AccountId(account),
            parameters,
            endpoint_name,
            endpoint_type,
            binding,
            queue_mode == "1",
        )

    async def _run(self, batch: Sequence[Operation], arrived: float) -> list[Any]:
        if not self._cluster:
            return await self._call(batch, arrived)
        shares: dict[int, list[int]] = {}
        for index, operation in enumerate(batch):
            shares.setdefault(operation.bucket, []).append(index)
        answers: list[Any] = [None] * len(batch)
        results = await asyncio.gather(
            *(
                self._call([batch[index] for index in share], arrived)
                for share in shares.values()
            )
        )
        for share, result in zip(shares.values(), results, strict=True):
            for index, answer in zip(share, result, strict=True):
                answers[index] = answer
        return answers

    async def _call(self, batch: Sequence[Operation], arrived: float) -> list[Any]:
        if not batch:
            return []
        arguments: list[str | int] = [
            self._edge,
            self._clock.microseconds(arrived),
            MAX_AGE_MICROSECONDS,
            self._outbox_limit,
            KEPT_SECONDS * 1000,
        ]
        for operation in batch:
            arguments.append(NAMES[type(operation)])
            arguments += operation
        answer = await OPERATIONS(self._redis, [keys.clock(batch[0].bucket)], arguments)
        return cast("list[Any]", answer)

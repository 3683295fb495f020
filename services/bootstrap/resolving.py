"""What the trust view knows of the devices that ask, and of what they are to be given.

Each question is one round trip for a whole batch.
"""

from collections.abc import Callable, Sequence

from homeport.coap.answer import Answer
from homeport.protocol import configurations
from homeport.protocol.configurations import Configuration
from homeport.store.trust_reader import TrustReader
from homeport.store.trust_writer import TrustWriter
from services.bootstrap import handlers
from services.bootstrap.attempts import (
    Asked,
    Attempt,
    Claiming,
    Denial,
    Request,
    Scene,
)

Resolved = Attempt | Denial | Answer
"""What may be recorded, or what is answered without."""


class Resolver:
    """Turns requests into attempts; raises Unavailable while the store is away."""

    def __init__(self, reader: TrustReader, writer: TrustWriter, scene: Scene) -> None:
        self._reader = reader
        self._writer = writer
        self._scene = scene

    async def resolve(self, requests: Sequence[Request]) -> list[Resolved]:
        """Resolve requests, in order; devices that are new are introduced."""
        known = await self._known(await self._claimed(requests))
        resolved = await self._configured(known)
        introductions = [
            step.introduction for step in resolved if isinstance(step, Attempt)
        ]
        await self._writer.introduce([each for each in introductions if each])
        return resolved

    async def _claimed(
        self, requests: Sequence[Request]
    ) -> list[Asked | Attempt | Denial]:
        """Read who has claimed the devices whose account that decides."""
        fingerprints = [
            each.origin.identity.fingerprint
            for each in requests
            if isinstance(each, Claiming)
        ]
        found = iter(await self._reader.claims(fingerprints))
        return [
            handlers.claimed(each, next(found), scene=self._scene)
            if isinstance(each, Claiming)
            else each
            for each in requests
        ]

    async def _known(
        self, requests: Sequence[Asked | Attempt | Denial]
    ) -> list[Attempt | Denial]:
        """Read what is known of the devices themselves."""
        devices = [each.device for each in requests if isinstance(each, Asked)]
        found = iter(await self._reader.devices(devices))
        return [
            handlers.resolve(each, next(found), scene=self._scene)
            if isinstance(each, Asked)
            else each
            for each in requests
        ]

    async def _configured(self, steps: Sequence[Attempt | Denial]) -> list[Resolved]:
        """Read what accounts want their devices to be given."""
        attempts = [each for each in steps if isinstance(each, Attempt)]
        find = await self._configurations(attempts)
        return [
            handlers.configured(each, find(each)) if isinstance(each, Attempt) else each
            for each in steps
        ]

    async def _configurations(
        self, attempts: Sequence[Attempt]
    ) -> Callable[[Attempt], Configuration | None]:
        accounts = list(dict.fromkeys(each.recipient.account for each in attempts))
        selectors = dict(
            zip(accounts, await self._reader.selectors(accounts), strict=True)
        )
        wanted: dict[str, str] = {}
        for each in attempts:
            to = each.recipient
            selected = configurations.select(
                selectors[to.account], to.endpoint_name, to.profile
            )
            if selected is not None:
                wanted[each.operation.attempt] = selected.id
        identities = list(dict.fromkeys(wanted.values()))
        found = dict(
            zip(identities, await self._reader.configurations(identities), strict=True)
        )
        return lambda attempt: found.get(wanted.get(attempt.operation.attempt, ""))

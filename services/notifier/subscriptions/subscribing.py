"""Subscribing to single resources of devices (R-98 .. R-102)."""

from collections.abc import Sequence

from homeport.names import DeviceId
from homeport.protocol.device_requests import Method
from homeport.store.queue import RequestQueue
from homeport.store.trust import Grant
from services.notifier.device_requests.requests import (
    Asked,
    NotAsked,
    Reason,
    Requests,
    Terms,
    new_id,
)
from services.notifier.device_requests.structures import Structure
from services.notifier.subscriptions.observing import Observing
from services.notifier.subscriptions.subscription_store import SubscriptionStore


class Subscribing:
    """What callers may subscribe to; all methods raise Unavailable."""

    def __init__(
        self,
        queue: RequestQueue,
        requests: Requests,
        stored: SubscriptionStore,
        observing: Observing,
    ) -> None:
        self._queue = queue
        self._requests = requests
        self._stored = stored
        self._observing = observing

    async def begin(self, grant: Grant, device: DeviceId, path: str) -> str:
        """Subscribe to a path; return the async id under which the device is asked.

        It is '' where the device notifies of the path already, by itself too (B-183).
        Doing it again asks again only if the device does not notify. Raises NotAsked.
        """
        session = await self._requests.session(grant.account, device)
        if not Structure(session.resources).has(path):
            raise NotAsked(Reason.NO_RESOURCE)
        revision = int(session.revision)
        if path in (await self._queue.observed(device)).values():
            await self._stored.subscribe(
                grant.key_id, grant.account, device, path, revision=revision
            )
            return ""
        mine = await self._stored.paths(grant.key_id, device)
        if pending := mine.get(path):
            return pending
        request_id, async_id = new_id(), new_id()
        await self._stored.subscribe(
            grant.key_id,
            grant.account,
            device,
            path,
            revision=revision,
            request_id=request_id,
        )
        asked = Asked(Method.GET, path, observe=True)
        terms = Terms(grant.key_id, async_id, request_id=request_id)
        try:
            await self._requests.ask(grant.account, device, asked, terms)
        except NotAsked:
            await self._stored.unsubscribe(grant.key_id, device, path)
            raise
        return async_id

    async def end(
        self, grant: Grant, device: DeviceId, path: str | None = None
    ) -> None:
        """End the subscription to a path, or all to a device.

        The device goes on only where somebody else wants it to.
        """
        ended = await self._stored.unsubscribe(grant.key_id, device, path)
        if ended:
            await self._observing.end_unwanted(grant.account, device, ended)

    async def paths(self, grant: Grant, device: DeviceId) -> Sequence[str]:
        """Return the paths of a device that the key is told of, or will be.

        An observation that the device has ended is none any more.
        """
        mine = await self._stored.paths(grant.key_id, device)
        if not mine:
            return []
        observed = set((await self._queue.observed(device)).values())
        return [path for path, pending in mine.items() if pending or path in observed]

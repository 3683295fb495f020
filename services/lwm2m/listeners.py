"""All ports of the edge: a device comes by one of them, and later by another one."""

import asyncio
from typing import Any

from homeport.names import DeviceId
from homeport.store.operations import RecalledSession
from services.lwm2m.coap import Listener


class Listeners:
    """The listeners behind the ports that are open."""

    def __init__(self) -> None:
        self._listeners: list[Listener[Any]] = []

    def add(self, listener: Listener[Any]) -> None:
        """Take a listener in, before anything comes through its port."""
        self._listeners.append(listener)

    def wake(self, device: DeviceId) -> bool:
        """Look at a device's queue where it was heard last; say whether it is here."""
        reached = [
            (contact.heard, number)
            for number, each in enumerate(self._listeners)
            if (contact := each.downlink.contacts.get(device)) is not None
        ]
        if not reached:
            return False
        _, latest = max(reached)
        return self._listeners[latest].downlink.wake(device)

    async def recall(
        self, device: DeviceId, recalled: RecalledSession, awake: float
    ) -> bool:
        """Look at a device's queue that was heard by another edge; say if it is here.

        Raises Unavailable.
        """
        for each in self._listeners:
            if await each.recall(device, recalled, awake):
                return True
        return False

    async def drain(self) -> None:
        """Ask devices nothing more, and wait for what they have been asked."""
        await asyncio.gather(*(each.drain() for each in self._listeners))

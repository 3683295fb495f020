"""Where devices are reached, and when each was last heard.

A device is known here from its last message on. What its peer has proved says who it is
as well, whichever edge it was that heard it before (B-093, C-174).
"""

import math
from collections import OrderedDict
from typing import Generic

from homeport import names
from homeport.coap.transport import Peer
from homeport.identity import Identity
from homeport.names import DeviceId

MOST = 100_000
"""Devices that one port keeps; one that has been silent the longest is forgotten."""


class Contact(Generic[Peer]):
    """Where a device is reached; it is ``heard`` in loop time, never where it sleeps.

    In queue mode it is awake for ``awake`` seconds after that.
    """

    __slots__ = ("awake", "heard", "peer")

    def __init__(self, peer: Peer, heard: float, awake: float) -> None:
        self.peer = peer
        self.heard = heard
        self.awake = awake

    @property
    def sleeps(self) -> bool:
        """Whether it has to be heard before anything is sent to it (B-205)."""
        return self.heard == -math.inf

    def rest(self) -> None:
        """Take it that it sleeps: it did not answer."""
        self.heard = -math.inf


class Contacts(Generic[Peer]):
    """The devices of one port, at most ``most`` of them."""

    def __init__(self, *, most: int = MOST) -> None:
        self._most = most
        self._by_device: OrderedDict[DeviceId, Contact[Peer]] = OrderedDict()
        self._by_peer: dict[Peer, DeviceId] = {}

    def __len__(self) -> int:
        return len(self._by_device)

    def get(self, device: DeviceId) -> Contact[Peer] | None:
        """Return where a device is reached."""
        return self._by_device.get(device)

    def heard(self, device: DeviceId, peer: Peer, now: float) -> bool:
        """Take it that a device speaks; False where it was not reached there before."""
        contact = self._by_device.get(device)
        if contact is None or contact.peer != peer:
            return False
        contact.heard = now
        self._by_device.move_to_end(device)
        return True

    def put(self, device: DeviceId, peer: Peer, now: float, *, awake: float) -> None:
        """Reach a device at a peer from now on, and nobody else there."""
        self.drop(device)
        self._by_device[device] = Contact(peer, now, awake)
        self._by_peer[peer] = device
        if len(self._by_device) > self._most:
            self.drop(next(iter(self._by_device)))

    def drop(self, device: DeviceId) -> None:
        """Forget where a device is reached."""
        contact = self._by_device.pop(device, None)
        if contact is not None and self._by_peer.get(contact.peer) == device:
            del self._by_peer[contact.peer]

    def device_at(self, peer: Peer) -> DeviceId | None:
        """Return the device that is reached at a peer."""
        return self._by_peer.get(peer)


def device_of(identity: Identity) -> DeviceId | None:
    """Return the device that a credential alone tells, if it does (B-049 .. B-053)."""
    if identity.device is not None:
        return identity.device
    if identity.account is None or identity.endpoint_name is None:
        return None
    return names.device_id(identity.account, identity.endpoint_name)

"""What devices notify of, on its way to the store and back to the device.

The store knows what is observed, whichever edge began with it; a device hears that its
notification was taken only after that is so.
"""

from collections.abc import Callable
from typing import Generic

from homeport.coap.codec import Message
from homeport.coap.layer import MessageLayer, Notification
from homeport.coap.transport import Origin, Peer
from homeport.names import DeviceId
from homeport.store.operations import Located, Outcome, Result
from homeport.store.reports import Notify
from services.lwm2m import contacts, observability, reports
from services.lwm2m.batches import Work
from services.lwm2m.downlink import Downlink
from services.lwm2m.ports import Place

_TAKEN = (Result.RECORDED, Result.OLDER, Result.REPLAYED)
_UNASKED_BYTES = 2
"""So long are the tokens of what Izuma devices observe by themselves (OBS-2); ours are
longer. A reset makes such a device repeat itself at once, for ever."""
_NUMBERS = 1 << 24


class Notifications(Generic[Peer]):
    """The notifications of one port.

    ``put`` lets work wait for the store, ``now`` is the time of the loop. Those that
    come ``in_order``, over connections, are numbered here: most devices send the same
    number with each, which says nothing there (RFC 8323 §7.1).
    """

    def __init__(
        self,
        layer: MessageLayer[Peer],
        downlink: Downlink[Peer],
        place: Place,
        *,
        origin: Callable[[Peer], Origin],
        put: Callable[[Work[Peer]], None],
        now: Callable[[], float],
        in_order: bool = False,
    ) -> None:
        self._layer = layer
        self._downlink = downlink
        self._place = place
        self._origin = origin
        self._put = put
        self._now = now
        self._in_order = in_order
        self._newest = 0

    def device_at(self, peer: Peer) -> DeviceId | None:
        """Return whose peer it is, by what it has said here or proved anywhere."""
        known = self._downlink.contacts.device_at(peer)
        if known is not None:
            return known
        return contacts.device_of(self._origin(peer).identity)

    def take(
        self, notification: Notification[Peer], sequence: int, arrived: float
    ) -> None:
        """Take a notification; whose nobody knows hears nothing at all (B-214)."""
        peer = notification.address
        device = self.device_at(peer)
        if device is None:
            observability.record_notification("stranger")
            self._layer.leave(notification)
            return
        mark = self._origin(peer).mark(sequence)
        operation = self._notify(notification.message, device, peer, mark)
        beginning = reports.locate(operation) if notification.partial else operation
        self._put(Work(beginning, notification, peer, arrived))

    def fetched(self, device: DeviceId, peer: Peer, message: Message) -> None:
        """Take a notification that has been fetched whole, and accepted before that."""
        operation = self._notify(message, device, peer, "")
        self._put(Work(operation, None, peer, self._now()))

    def settle(
        self, work: Work[Peer], device: DeviceId, outcome: Outcome, now: float
    ) -> None:
        """Answer a notification by what came of it."""
        observability.record_notification(outcome.result.value)
        notification = work.said
        if not isinstance(notification, Notification):
            return
        if isinstance(outcome, Located):
            path = outcome.root + outcome.path
            if not self._downlink.fetch(notification, device, path, now):
                self._layer.leave(notification)
        elif outcome.result in _TAKEN:
            self._layer.accept(notification, now=now)
        elif outcome.result is not Result.UNKNOWN:
            self._layer.leave(notification)
        elif len(notification.message.token) == _UNASKED_BYTES:
            self._layer.accept(notification, now=now)
        else:
            self._layer.reject(notification, now=now)

    def _notify(
        self, message: Message, device: DeviceId, peer: Peer, mark: str
    ) -> Notify:
        origin = self._origin(peer)
        told = reports.notify(
            message,
            device=device,
            bucket=self._place.bucket(device),
            identity=origin.identity.name,
            now=self._place.now_milliseconds(),
        )
        if self._in_order and not told.ends:
            told = told._replace(sequence=self._next_number())
        return told._replace(mark=mark, generation=origin.generation if mark else 0)

    def _next_number(self) -> int:
        """Return a number that follows those of other edges too (RFC 7641 §4.4)."""
        self._newest = max(self._newest + 1, self._place.now_milliseconds())
        return self._newest % _NUMBERS

"""What devices say that nothing here has asked for, on its way to the store and back.

The store knows what is observed, whichever edge began with it, and what another edge
has asked; a device hears that it was taken only after that is so.
"""

from collections.abc import Callable
from typing import Generic

from homeport.coap.codec import Code, Message, Type
from homeport.coap.layer import MessageLayer, Notification, Stray
from homeport.coap.transport import Origin, Peer
from homeport.names import DeviceId
from homeport.store.operations import Located, Outcome, Result, TakenRequest
from homeport.store.reports import Locate, Notify
from homeport.store.requests import Hear
from services.lwm2m import contacts, observability, reports, requests
from services.lwm2m.batches import Work
from services.lwm2m.downlink import Downlink
from services.lwm2m.ports import Place

Noted = Notify | Locate | Hear
"""Operations on what a device says unasked; it is not answered like a request."""
_TAKEN = (Result.RECORDED, Result.OLDER, Result.REPLAYED, Result.TAKEN)
_UNASKED_BYTES = 2
"""So long are the tokens of what Izuma devices observe by themselves (OBS-2); ours are
longer. A reset makes such a device repeat itself at once, for ever."""
_UNKNOWN = (Result.UNKNOWN, Result.HEARD)
_NUMBERS = 1 << 24


class Notifications(Generic[Peer]):
    """The notifications of one port, and the answers to what others have asked.

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

    def overhear(self, stray: Stray[Peer], sequence: int, arrived: float) -> None:
        """Take it that a device is here that answers what another edge has asked it."""
        peer, message = stray.address, stray.message
        device = self.device_at(peer)
        if device is None:
            return
        mark = self._origin(peer).mark(sequence)
        hear = self._hear(message, device, peer, mark)
        self._put(Work(hear, stray, peer, arrived))

    def fetched(self, device: DeviceId, peer: Peer, message: Message) -> None:
        """Take a notification that has been fetched whole, and accepted before that."""
        operation = self._notify(message, device, peer, "")
        self._put(Work(operation, None, peer, self._now()))

    def settle(
        self, work: Work[Peer], operation: Noted, outcome: Outcome, now: float
    ) -> None:
        """Answer what was said by what came of it."""
        said, device = work.said, operation.device
        if isinstance(operation, Hear):
            observability.record_overheard(outcome)
        else:
            observability.record_notification(outcome.result.value)
        if isinstance(outcome, TakenRequest) and isinstance(said, Stray | Notification):
            self._downlink.adopt(device, work.peer, outcome, said.message)
        if not isinstance(said, Notification):
            return
        if isinstance(outcome, Located):
            path = outcome.root + outcome.path
            if not self._downlink.fetch(said, device, path, now):
                self._layer.leave(said)
        elif outcome.result in _TAKEN:
            self._layer.accept(said, now=now)
        elif outcome.result in _UNKNOWN:
            self._unknown(work, said, operation, now)
        else:
            self._layer.leave(said)

    def _unknown(
        self, work: Work[Peer], said: Notification[Peer], operation: Noted, now: float
    ) -> None:
        """Answer what tells nothing that is observed: others may have asked for it."""
        if len(said.token) == _UNASKED_BYTES or self._downlink.overtaken(said):
            self._layer.accept(said, now=now)
        elif isinstance(operation, Hear):
            self._layer.reject(said, now=now)
        else:
            hear = self._hear(said.message, operation.device, work.peer, operation.mark)
            self._put(Work(hear, said, work.peer, work.arrived))

    def _hear(self, message: Message, device: DeviceId, peer: Peer, mark: str) -> Hear:
        origin = self._origin(peer)
        return Hear(
            self._place.bucket(device),
            device,
            origin.identity.name,
            message.token.hex(),
            int(message.type == Type.ACK and message.code == Code.EMPTY),
            requests.LEASE_MILLISECONDS,
            mark,
            origin.generation if mark else 0,
        )

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

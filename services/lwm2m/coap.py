"""The CoAP side of the lwm2m edge: what devices say, and what they hear of it."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import Generic

from homeport.coap import codec, defects
from homeport.coap.answer import Answer
from homeport.coap.blockwise import BERT
from homeport.coap.codec import Code, Message, Renewal, Type
from homeport.coap.layer import (
    Failure,
    MessageLayer,
    Notification,
    Reply,
    Request,
    Stray,
)
from homeport.coap.transport import Arrival, Peer, Trace, Transport
from homeport.names import DeviceId
from homeport.protocol.formats.payloads import LARGEST
from homeport.store.operations import (
    Deregister,
    Operation,
    Outcome,
    RecalledSession,
    Register,
    Result,
)
from homeport.store.sessions import SessionStore
from services.lwm2m import handlers, observability, outcomes
from services.lwm2m.answers import CHANGED
from services.lwm2m.asked import Denial, Said, Scene
from services.lwm2m.batches import Batches, Ends, Errand, Work
from services.lwm2m.downlink import RETRY_SECONDS, Downlink
from services.lwm2m.kinds import RECOGNIZED, Kinds
from services.lwm2m.notifications import Noted, Notifications
from services.lwm2m.ports import Place, Ports, Timer, Timers, Told

DRAIN_SECONDS = 3.0
"""How long devices that have been asked something may still answer at the end."""

_CONTACT = frozenset(
    {
        *(Result.UPDATED, Result.REGISTERED, Result.DEREGISTERED),
        *(Result.RECORDED, Result.OLDER, Result.REPORTED, Result.LOCATED),
        *(Result.HEARD, Result.TAKEN),
    }
)
"""After these a device is known to be where it is heard (B-173)."""


class Listener(Generic[Peer]):
    """One port of the lwm2m edge, whatever its transport is.

    ``kinds`` say what accounts know of devices. ``timers`` are those of the loop unless
    a test has its own.
    """

    def __init__(
        self,
        transport: Transport[Peer],
        store: SessionStore,
        scene: Scene,
        place: Place,
        *,
        batch: int,
        backlog: int,
        recorded: Callable[[Collection[int]], None],
        kinds: Kinds = RECOGNIZED,
        timers: Timers | None = None,
    ) -> None:
        self._transport = transport
        self._scene = scene
        self._place = place
        self._kinds = kinds
        self._backlog = backlog
        self._loop = asyncio.get_running_loop()
        self._timers: Timers = timers or self._loop
        self._layer: MessageLayer[Peer] = MessageLayer(
            largest_szx=transport.largest_szx,
            proven=transport.proven,
            largest_response=LARGEST,
        )
        self._batches: Batches[Peer] = Batches(
            store,
            Ends(self._settle, self._finish, self._away, self._forget, self._flush),
            largest=batch,
            recorded=recorded,
            kinds=kinds,
        )
        self._calm = asyncio.Event()
        connected = transport.largest_szx == BERT
        self.downlink: Downlink[Peer] = Downlink(
            self._layer,
            Ports(
                self._record,
                self._fetched,
                transport.reach,
                transport.origin,
                self._flush,
                self._calm.set,
            ),
            place,
            self._timers,
            connected=connected,
        )
        self._known = self.downlink.contacts
        self._notifications: Notifications[Peer] = Notifications(
            self._layer,
            self.downlink,
            place,
            origin=transport.origin,
            put=self._put,
            now=self._loop.time,
            in_order=connected,
        )
        self._timer: Timer | None = None
        self._due: float | None = None

    def receive(self, arrivals: Sequence[Arrival[Peer]], arrived: float) -> None:
        """Take what one wake-up of the loop delivered."""
        now = self._timers.time()
        for arrival in arrivals:
            try:
                renewal = codec.decode_renewal(arrival.message)
                if renewal is None or not self._renew(renewal, arrival, arrived, now):
                    self._receive(arrival, arrived, now)
            except Exception as error:  # noqa: BLE001 # it costs this message alone
                defects.record(error, where="lwm2m")
        self._flush()
        self._batches.start()

    def gone(self, peer: Peer) -> None:
        """Hear of a peer that is reached no more."""
        self.downlink.gone(peer)
        self._flush()

    async def recall(
        self, device: DeviceId, recalled: RecalledSession, awake: float
    ) -> bool:
        """Ask a device where it was heard last, if it came this way; say whether."""
        trace = Trace(
            recalled.peer, recalled.exchanges, recalled.mark, recalled.identity
        )
        peer = await self._transport.recall(trace)
        if peer is None:
            return False
        silent = recalled.silent_milliseconds / 1000
        self.downlink.recalled(device, peer, silent=silent, awake=awake)
        return True

    async def run(self) -> None:
        """Serve until closed."""
        await self._batches.run()

    async def drain(self) -> None:
        """Ask devices nothing more, and wait for what they have been asked.

        What they do not answer in time is left to other edges.
        """
        self.downlink.close()
        for end in (self.downlink.give_up, self.downlink.stop):
            try:
                async with asyncio.timeout(DRAIN_SECONDS):
                    while len(self.downlink):
                        self._calm.clear()
                        await self._calm.wait()
            except TimeoutError:
                end()

    def close(self) -> None:
        """Let `run` end once everything that has arrived is answered."""
        self.downlink.close()
        self.downlink.stop()
        self._batches.close()
        if self._timer is not None:
            self._timer.cancel()

    def _renew(
        self, renewal: Renewal, arrival: Arrival[Peer], arrived: float, now: float
    ) -> bool:
        """Take the short way of the hot request; False when it has to take the long."""
        _, peer, sequence = arrival
        operation = handlers.refresh(
            renewal,
            origin=self._transport.origin(peer),
            sequence=sequence,
            scene=self._scene,
        )
        if operation is None:
            return False
        if not self._layer.repeated(peer, renewal.message_id, now=now):
            self._put(Work(operation, renewal, peer, arrived))
        return True

    def _receive(self, arrival: Arrival[Peer], arrived: float, now: float) -> None:
        message, peer, sequence = arrival
        match self._layer.receive(message, peer, now):
            case Request() as request:
                self._take_request(request, sequence, arrived)
            case Notification() as notification:
                self._notifications.take(notification, sequence, arrived)
            case Reply() as reply:
                self.downlink.answered(reply, now)
            case Failure() as failure:
                self.downlink.failed(failure)
            case Stray() as stray:
                self._notifications.overhear(stray, sequence, arrived)
            case _:
                self.downlink.acknowledged(peer, now)

    def _take_request(
        self, request: Request[Peer], sequence: int, arrived: float
    ) -> None:
        peer = request.address
        origin = self._transport.origin(peer)
        asked = handlers.interpret(
            request.message,
            origin=origin,
            sequence=sequence,
            scene=self._scene,
            sender=self._notifications.device_at(peer),
            now=self._place.now_milliseconds(),
            kinds=self._kinds,
        )
        if isinstance(asked, Answer):
            if asked.code != CHANGED.code:
                observability.record_refused(request.message, asked, origin.peer)
            self._layer.respond(request, asked, now=self._timers.time())
            return
        if isinstance(asked, Denial):
            observability.record_refused(request.message, asked.answer, origin.peer)
        self._put(Work(asked, request, peer, arrived))

    def _put(self, work: Work[Peer]) -> None:
        if len(self._batches) < self._backlog:
            self._batches.put(work)
            return
        observability.record_dropped("backlog")
        self._forget(work)

    def _fetched(self, device: DeviceId, peer: Peer, message: Message) -> None:
        self._notifications.fetched(device, peer, message)
        self._batches.start()

    def _record(self, operation: Operation, told: Told) -> None:
        self._batches.put(Errand(operation, told, self._loop.time()))
        self._batches.start()

    def _settle(self, work: Work[Peer], operation: Said, outcome: Outcome) -> None:
        if outcome.result is Result.SUPERSEDED:
            self._transport.release(work.peer)
        if isinstance(work.operation, Denial):
            self._finish(work, work.operation.answer)
            return
        if outcome.result in _CONTACT:
            self._hear(work, operation)
        if isinstance(operation, Noted):
            now = self._timers.time()
            self._notifications.settle(work, operation, outcome, now)
        else:
            observability.record_outcome(operation, outcome)
            self._finish(work, outcomes.answer(operation, outcome))
        if outcome.waiting:
            self.downlink.stirred(operation.device)

    def _hear(self, work: Work[Peer], operation: Said) -> None:
        """Take it that a device is awake, and is reached where it speaks."""
        device, peer, now = operation.device, work.peer, self._timers.time()
        kind = type(operation)
        if not self._known.heard(device, peer, now) or kind is Register:
            profile = outcomes.profile_of(operation)
            awake = profile.awake_seconds or self._scene.awake_seconds
            self.downlink.heard(device, peer, now, awake=awake)
        if kind is Register or kind is Deregister:
            self.downlink.examine(device)

    def _finish(self, work: Work[Peer], answer: Answer | None) -> None:
        said, now = work.said, self._timers.time()
        if answer is None:
            self._forget(work)
        elif isinstance(said, Request):
            self._layer.respond(said, answer, now=now)
        elif isinstance(said, Renewal):
            self._answer(said, work.peer, answer, now)

    def _answer(self, renewal: Renewal, peer: Peer, answer: Answer, now: float) -> None:
        if answer is CHANGED:
            datagram = codec.encode_acknowledgement(
                answer.code, renewal.message_id, renewal.token
            )
            self._layer.settle(peer, renewal.message_id, datagram, now=now)
        else:
            self._layer.respond(_request(renewal, peer), answer, now=now)

    def _forget(self, work: Work[Peer]) -> None:
        """Say nothing: its repetition is a new one."""
        match work.said:
            case Notification() as notification:
                self._layer.leave(notification)
            case Request(message=message):
                self._layer.forget(work.peer, message.message_id)
            case Renewal(message_id=message_id):
                self._layer.forget(work.peer, message_id)

    def _away(self, work: Work[Peer]) -> None:
        """Answer what has met no store; what was fetched is put back."""
        if work.said is None or isinstance(work.said, Stray):
            self._timers.call_at(
                self._timers.time() + RETRY_SECONDS, lambda: self._again(work)
            )
        elif isinstance(work.said, Notification):
            self._layer.leave(work.said)
        else:
            self._finish(work, outcomes.unavailable(work.operation))

    def _again(self, work: Work[Peer]) -> None:
        work.arrived = self._loop.time()
        self._put(work)
        self._batches.start()

    def _flush(self) -> None:
        """Send what is to be sent, and wake up when something of ours is due."""
        self._transport.send(self._layer.datagrams())
        due = self._layer.next_deadline()
        if due == self._due:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._due = due
        if due is not None:
            when = max(due, self._timers.time())
            self._timer = self._timers.call_at(when, self._tick)

    def _tick(self) -> None:
        self._due = self._timer = None
        for failure in self._layer.tick(self._timers.time()):
            self.downlink.failed(failure)
        self._flush()


def _request(renewal: Renewal, peer: Peer) -> Request[Peer]:
    """Make a request of a renewal that is answered with more than a code."""
    message = Message(Type.CON, Code.POST, renewal.message_id, renewal.token)
    return Request(message, peer, len(renewal.location))

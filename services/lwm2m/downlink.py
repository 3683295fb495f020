"""Device requests on their way: taken, sent one at a time, and ended, each once.

A device that does not answer is left alone until it is heard again (B-174, B-205). No
input or output happens in here, and no clock is read but that of the timers.
"""

from collections.abc import Callable
from typing import Generic

from homeport.coap.codec import Message
from homeport.coap.layer import (
    Cause,
    Exchange,
    Failure,
    MessageLayer,
    Notification,
    Reply,
)
from homeport.coap.transport import Peer
from homeport.errors import InvalidFormat
from homeport.names import DeviceId, EdgeId
from homeport.store.operations import Outcome, Result, TakenRequest
from homeport.store.requests import Take
from services.lwm2m import observability, requests
from services.lwm2m.contacts import Contact, Contacts
from services.lwm2m.ports import Place, Ports, Timer, Timers
from services.lwm2m.requests import Asking, Ending, Refusal
from services.lwm2m.turns import Stage, Turn, Turns

LEASE_SECONDS = requests.LEASE_MILLISECONDS / 1000
HOLD_SECONDS = LEASE_SECONDS / 3
RETRY_SECONDS = 1.0
"""How long the store is left in peace when it was away."""
_LONGEST_MILLISECONDS = 2**40


class Downlink(Generic[Peer]):
    """The requests to all devices of one port.

    ``connected`` says that its peers are connections, without which there is no device
    to be asked; other peers may only have moved when they are gone.
    """

    def __init__(
        self,
        layer: MessageLayer[Peer],
        ports: Ports[Peer],
        place: Place,
        timers: Timers,
        *,
        connected: bool,
    ) -> None:
        self.contacts: Contacts[Peer] = Contacts()
        self._layer = layer
        self._ports = ports
        self._timers = timers
        self._here = place
        self._connected = connected
        self._turns: Turns[Peer] = Turns()
        self._closing = False

    def __len__(self) -> int:
        """With how many devices something is under way."""
        return len(self._turns)

    def heard(self, device: DeviceId, peer: Peer, now: float, *, awake: float) -> None:
        """Reach a device at a peer from now on, and nobody else there."""
        for turn in (self._turns.of(device), self._turns.sent_to(peer)):
            if (
                turn is not None
                and turn.stage is Stage.SENT
                and (turn.device, turn.peer) != (device, peer)
            ):
                self._abandon(turn)
        self.contacts.put(device, peer, now, awake=awake)

    def recalled(
        self, device: DeviceId, peer: Peer, *, silent: float, awake: float
    ) -> None:
        """Reach a device at a peer that was heard some seconds ago, by whomever.

        Whoever has been heard there since, and is another device, stays there.
        """
        if self._reached(device) is None:
            if self.contacts.device_at(peer) is not None:
                return
            self.heard(device, peer, self._timers.time() - silent, awake=awake)
        self.wake(device)

    def wake(self, device: DeviceId) -> bool:
        """Look at a device's queue, unless it sleeps; say whether it is here."""
        contact = self._reached(device)
        if contact is None or self._closing:
            return False
        turn = self._turns.of(device)
        if turn is not None:
            turn.again = True
        elif not contact.sleeps:
            self._take(device, contact)
        return True

    def stirred(self, device: DeviceId) -> None:
        """Look at the queue of a device that has just been heard.

        What it has been asked and has not acknowledged it may have slept through.
        """
        turn = self._turns.of(device)
        if turn is not None and turn.stage is Stage.SENT and turn.exchange is not None:
            self._layer.repeat(turn.exchange, now=self._timers.time())
        self.wake(device)

    def examine(self, device: DeviceId) -> None:
        """Ask whether a device is still to be asked: its registration is another."""
        turn = self._turns.of(device)
        if turn is not None and turn.stage is Stage.SENT:
            self._hold(turn)

    def adopt(
        self, device: DeviceId, peer: Peer, outcome: TakenRequest, heard: Message
    ) -> None:
        """Go on with what another edge has asked a device, by what that says to it."""
        former = self._turns.of(device)
        if former is not None and former.taken is not None:
            self._cancel(former)
            self._turns.end(former)
        turn = self._turns.begin(device, peer, self._timers.time())
        self._begin(turn, outcome, heard)

    def overtaken(self, heard: Notification[Peer]) -> bool:
        """Take the answer to what was adopted while it was here, if it is that."""
        turn = self._turns.sent_to(heard.address)
        if turn is None or turn.exchange is None or turn.exchange.token != heard.token:
            return False
        self._resume(turn.exchange, heard.message, self._timers.time())
        return True

    def fetch(
        self, notification: Notification[Peer], device: DeviceId, path: str, now: float
    ) -> bool:
        """Fetch the rest of a notification; False where the device is busy."""
        if self._turns.of(device) is not None or self._closing:
            return False
        turn = self._turns.begin(device, notification.address, now)
        segments = requests.segments(path)
        exchange = self._layer.fetch_rest(notification, path=segments, now=now)
        self._turns.sent(turn, exchange)
        return True

    def answered(self, reply: Reply[Peer], now: float) -> None:
        """Take a device's answer."""
        turn = self._turns.of_exchange(reply.exchange)
        if turn is None:
            return
        self.contacts.heard(turn.device, turn.peer, now)
        if turn.taken is None:
            self._ports.told(turn.device, turn.peer, reply.message)
            self._finish(turn)
            return
        token, clock = reply.exchange.token, self._here.now_milliseconds()
        ending = requests.answered(turn.taken, reply.message, token=token, now=clock)
        self._end(turn, ending)

    def failed(self, failure: Failure[Peer]) -> None:
        """Take it that an attempt came to nothing."""
        turn = self._turns.of_exchange(failure.exchange)
        if turn is None:
            return
        silent = failure.cause in (Cause.UNACKNOWLEDGED, Cause.LOST)
        if turn.taken is None:
            self._rest(turn, silent=silent)
            self._finish(turn)
            return
        ending = requests.failed(
            turn.taken, failure.cause, acknowledged=turn.acknowledged
        )
        self._rest(turn, silent=silent or ending.outcome is None)
        self._end(turn, ending)

    def acknowledged(self, peer: Peer, now: float) -> None:
        """See whether a peer has just said that its answer comes later."""
        turn = self._turns.sent_to(peer)
        if turn is None or turn.exchange is None:
            return
        if turn.exchange.acknowledged and not turn.acknowledged:
            turn.acknowledged = True
            self.contacts.heard(turn.device, peer, now)
            self._hold(turn)

    def gone(self, peer: Peer) -> None:
        """Take it that nothing comes from a peer any more.

        Who has been asked something may have shaken hands anew, and wait in silence.
        """
        turn = self._turns.sent_to(peer)
        if turn is not None and not self._connected:
            turn.again = True
            self._abandon(turn)
        for failure in self._layer.lost(peer):
            self.failed(failure)

    def close(self) -> None:
        """Take nothing more; what is under way may still be answered."""
        self._closing = True

    def give_up(self) -> None:
        """Leave to other edges what has not been answered until now."""
        for turn in self._turns:
            if turn.stage is Stage.SENT:
                self._abandon(turn)

    def stop(self) -> None:
        """Expect and do nothing more."""
        for turn in self._turns:
            self._cancel(turn)
            self._turns.end(turn)

    def _take(self, device: DeviceId, contact: Contact[Peer]) -> None:
        turn = self._turns.begin(device, contact.peer, self._timers.time())
        silent = (turn.since - contact.heard) * 1000
        take = Take(
            self._here.bucket(device),
            device,
            int(min(max(silent, 0), _LONGEST_MILLISECONDS)),
            int(contact.awake * 1000),
            requests.LEASE_MILLISECONDS,
        )
        self._ports.record(take, lambda outcome: self._taken(turn, outcome))

    def _taken(self, turn: Turn[Peer], outcome: Outcome | None) -> None:
        match outcome:
            case TakenRequest():
                self._begin(turn, outcome)
            case None | Outcome(result=Result.STALE):
                self._finish(turn, after=RETRY_SECONDS)
            case Outcome(result=Result.BUSY):
                self._finish(turn, after=LEASE_SECONDS)
            case Outcome(result=Result.ELSEWHERE, edge=edge):
                self.contacts.drop(turn.device)
                self._finish(turn)
                self._here.poke(EdgeId(edge), turn.device)
            case Outcome(result=Result.ASLEEP):
                self._rest(turn, silent=True)
                self._finish(turn)
            case _:
                self._finish(turn)

    def _begin(
        self, turn: Turn[Peer], outcome: TakenRequest, heard: Message | None = None
    ) -> None:
        """Send what has been taken, if it can be, to whom it is meant for (C-150).

        Nothing is sent of what has been ``heard`` something about already.
        """
        bucket = self._here.bucket(turn.device)
        try:
            taken = turn.taken = requests.taken(bucket, turn.device, outcome)
        except InvalidFormat as error:
            observability.record_unreadable(str(error))
            self._finish(turn)
            return
        asking, contact = requests.ask(taken), self._reached(turn.device)
        if isinstance(asking, Refusal):
            self._end(turn, requests.refused(taken, asking))
        elif (
            contact is None
            or (self._closing and heard is None)
            or self._ports.origin(contact.peer).identity.name != outcome.identity
        ):
            self._end(turn, requests.abandoned(taken, acknowledged=False))
        else:
            self._send(turn, asking, contact.peer, heard)

    def _reached(self, device: DeviceId) -> Contact[Peer] | None:
        """Return where a device is reached, as far as it still is."""
        contact = self.contacts.get(device)
        if contact is not None and not self._ports.reach(contact.peer):
            self.contacts.drop(device)
            return None
        return contact

    def _send(
        self, turn: Turn[Peer], asking: Asking, peer: Peer, heard: Message | None
    ) -> None:
        turn.peer, turn.since = peer, self._timers.time()
        exchange = self._layer.request(
            turn.peer,
            asking.code,
            path=asking.path,
            queries=asking.queries,
            options=asking.options,
            payload=asking.payload,
            szx=asking.szx,
            token=asking.token,
            adopted=heard is not None,
            now=turn.since,
        )
        self._turns.sent(turn, exchange)
        self._hold_later(turn)
        if heard is not None:
            turn.acknowledged = True
            self._resume(exchange, heard, turn.since)
        self._ports.flush()

    def _resume(self, exchange: Exchange[Peer], heard: Message, now: float) -> None:
        match self._layer.resume(exchange, heard, now=now):
            case Reply() as reply:
                self.answered(reply, now)
            case Failure() as failure:
                self.failed(failure)

    def _hold_later(self, turn: Turn[Peer]) -> None:
        if turn.timer is not None:
            turn.timer.cancel()
        turn.timer = self._call_in(HOLD_SECONDS, lambda: self._hold(turn))

    def _hold(self, turn: Turn[Peer]) -> None:
        """Say that a request is still under way, and hear whether it is still asked."""
        if turn.taken is None:
            return
        self._hold_later(turn)
        hold = requests.hold(turn.taken, acknowledged=turn.acknowledged)
        self._ports.record(hold, lambda outcome: self._held(turn, outcome))

    def _held(self, turn: Turn[Peer], outcome: Outcome | None) -> None:
        if (
            outcome is not None
            and outcome.result is Result.UNKNOWN
            and turn.stage is Stage.SENT
        ):
            self._cancel(turn)
            self._finish(turn)

    def _abandon(self, turn: Turn[Peer]) -> None:
        """Expect no answer any more; the device is somewhere else."""
        self._cancel(turn)
        if turn.taken is None:
            self._finish(turn)
        else:
            acknowledged = turn.acknowledged
            self._end(turn, requests.abandoned(turn.taken, acknowledged=acknowledged))

    def _cancel(self, turn: Turn[Peer]) -> None:
        if turn.exchange is not None:
            self._layer.cancel(turn.exchange)

    def _end(self, turn: Turn[Peer], ending: Ending) -> None:
        seconds = self._timers.time() - turn.since
        observability.record_request(ending.outcome, seconds)
        turn.stage = Stage.ENDING
        self._turns.over(turn)
        self._record_end(turn, ending)

    def _record_end(self, turn: Turn[Peer], ending: Ending) -> None:
        def ended(outcome: Outcome | None) -> None:
            if outcome is None or outcome.result is Result.STALE:
                self._call_in(RETRY_SECONDS, lambda: self._record_end(turn, ending))
            else:
                self._ended(turn, outcome)

        self._ports.record(ending.operation, ended)

    def _ended(self, turn: Turn[Peer], outcome: Outcome) -> None:
        if outcome.edge and outcome.edge != self._here.edge:
            self.contacts.drop(turn.device)
            self._here.poke(EdgeId(outcome.edge), turn.device)
            turn.again = False
        turn.again |= outcome.waiting
        self._finish(turn)

    def _finish(self, turn: Turn[Peer], *, after: float = 0) -> None:
        """End a turn, and look for another, ``after`` some seconds if need be.

        Whoever is here no more is searched for.
        """
        self._turns.end(turn)
        self._ports.ended()
        if after:
            self._call_in(after, lambda: self._wake(turn.device))
        elif turn.again and not self.wake(turn.device):
            self._here.poke(self._here.edge, turn.device)

    def _wake(self, device: DeviceId) -> None:
        self.wake(device)

    def _rest(self, turn: Turn[Peer], *, silent: bool) -> None:
        contact = self.contacts.get(turn.device)
        if silent and contact is not None and contact.peer == turn.peer:
            contact.rest()

    def _call_in(self, seconds: float, callback: Callable[[], None]) -> Timer:
        return self._timers.call_at(self._timers.time() + seconds, callback)

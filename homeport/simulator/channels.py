"""All secured channels of a fleet, and the sessions that its devices can resume."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import NamedTuple

from homeport.coap.udp import Address
from homeport.dtls.association import CidForm
from homeport.dtls.context import ClientContext
from homeport.simulator.accounts import Account
from homeport.simulator.channel import Channel, Event, Opened

MOST_HANDSHAKES = 1000
"""Handshakes under way, each of 50 kB; what begins meanwhile waits for its turn."""


class Place(NamedTuple):
    """A device by its number, and the server it talks to: a peer of the layer."""

    number: int
    server: Address


class Channels:
    """At most one channel for each place; ``send`` takes their datagrams.

    ``forms`` are those of connection ids that devices offer.
    """

    def __init__(
        self, send: Callable[[bytes, Place], None], *, forms: Sequence[CidForm]
    ) -> None:
        self._send = send
        self._forms = forms
        self._waiting: dict[Place, Account] = {}
        self._channels: dict[Place, Channel] = {}
        self._shaking: dict[Place, Channel] = {}
        self._sessions: dict[Place, tuple[Account, bytes]] = {}

    def is_open(self, place: Place, account: Account) -> bool:
        """Say whether messages go through by the credential of an account."""
        channel = self._channels.get(place)
        return channel is not None and channel.open and channel.account == account

    def open(self, place: Place, account: Account, now: float) -> None:
        """Open a channel instead of the one that may be there."""
        self.lose(place)
        self._waiting[place] = account
        self._begin(now)

    def send(self, place: Place, message: bytes) -> None:
        """Send a message; where no channel is open it is lost."""
        channel = self._channels.get(place)
        if channel is not None:
            channel.send(message)
            self._flush(place, channel)

    def receive(self, place: Place, datagram: bytes, now: float) -> list[Event]:
        """Take a datagram; one that no channel waits for is nothing."""
        channel = self._channels.get(place)
        if channel is None:
            return []
        events = channel.receive(datagram, now)
        for event in events:
            if isinstance(event, Opened) and event.session:
                self._sessions[place] = channel.account, event.session
        self._settle(place, channel)
        return events

    def tick(self, now: float) -> list[tuple[Place, Event]]:
        """Repeat what is due, and begin what has been waiting."""
        events: list[tuple[Place, Event]] = []
        for place, channel in list(self._shaking.items()):
            event = channel.tick(now)
            if event is not None:
                events.append((place, event))
            self._settle(place, channel)
        self._begin(now)
        return events

    def leave(self, place: Place) -> None:
        """Close a channel with a word to the server; nothing of it is resumed."""
        self._sessions.pop(place, None)
        channel = self._channels.get(place)
        if channel is not None:
            channel.leave()
            self._settle(place, channel)

    def lose(self, place: Place) -> None:
        """Close a channel without a word; its session can be resumed."""
        self._waiting.pop(place, None)
        channel = self._channels.get(place)
        if channel is not None:
            channel.close()
            self._settle(place, channel)

    def close(self) -> None:
        """Close everything without a word."""
        for place in list(self._channels):
            self.lose(place)
        self._waiting.clear()

    @cached_property
    def _context(self) -> ClientContext:
        return ClientContext()

    def _begin(self, now: float) -> None:
        while self._waiting and len(self._shaking) < MOST_HANDSHAKES:
            place = next(iter(self._waiting))
            account = self._waiting.pop(place)
            earlier, session = self._sessions.get(place, (account, b""))
            channel = Channel(
                self._context,
                account,
                forms=self._forms,
                session=session if earlier == account else b"",
                now=now,
            )
            self._channels[place] = self._shaking[place] = channel
            self._flush(place, channel)

    def _settle(self, place: Place, channel: Channel) -> None:
        """Send what a channel has to say, and keep it where it belongs by now."""
        self._flush(place, channel)
        if not channel.shaking:
            self._shaking.pop(place, None)
        if not channel.shaking and not channel.open:
            self._channels.pop(place, None)

    def _flush(self, place: Place, channel: Channel) -> None:
        for datagram in channel.datagrams():
            self._send(datagram, place)

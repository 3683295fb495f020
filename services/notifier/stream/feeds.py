"""Hearing what the stream takes of an account, as it takes it.

The server publishes again what it has stored, with its place in the stream, and with
the place of the event before it on its subject. So one ear an account is enough for all
who listen, nothing is kept for them on the server, and what was missed shows.

What is stored before somebody listens is not heard, so who listens looks into the
stream then. On a cluster of NATS servers the one that an event comes to may not have
heard yet that somebody listens; and a lost connection hears nothing. So those who
listen are looked after, and told where the stream has more than they have heard.
"""

import asyncio
from typing import Protocol

from nats.aio.msg import Msg

from homeport.errors import InvalidFormat, Unavailable
from homeport.events import subjects
from homeport.events.client import BusClient, Ear
from homeport.names import AccountId
from services.notifier import observability
from services.notifier.channels.messages import Taken
from services.notifier.stream.jetstream import reported, stored
from services.notifier.stream.places import Places

LOOK_SECONDS = 600.0
"""How late something is noticed at most that was not heard; after a lost connection at
once."""
SOON_SECONDS = 2.0
"""The same for what came just when somebody began to listen."""
UNDER_WAY_SECONDS = 0.1
"""What the stream has may take so long to be heard."""


class Listener(Protocol):
    """Who listens to an account."""

    def hear(self, event: Taken, missed: int) -> None:
        """Take the next event; ``missed`` is the place of one that was not heard, or 0.

        What was missed may have been stored before this ear listened.
        """

    def lose(self) -> None:
        """Know that nothing is heard any more, and that something may be missing."""

    def rests(self) -> bool:
        """Say whether it waits for an event."""

    def behind(self, newest: int) -> bool:
        """Say whether the newest event should have been heard, and was not."""


class Feed:
    """An account that is listened to, over one connection.

    ``heard`` is the place of the last event that was heard.
    """

    __slots__ = (
        "_feeds",
        "_latest",
        "account",
        "connection",
        "ear",
        "heard",
        "listeners",
        "looked",
    )

    def __init__(self, feeds: "Feeds", account: AccountId) -> None:
        self.account = account
        self.connection = feeds.connection()
        self.ear: Ear | None = None
        self.listeners: list[Listener] = []
        self.heard = 0
        self.looked = False
        self._feeds = feeds
        self._latest: dict[str, int] = {}  # heard, by their subjects

    def hear(self, message: Msg) -> None:
        """Tell an event to all who listen, or that this feed ends."""
        if not self.listeners:
            return
        try:
            event, before = stored(message)
        except InvalidFormat as error:
            observability.record_unreadable(error)
            self._feeds.end(self)
            return
        if event.sequence <= self.heard:
            self._feeds.doubt(self)
            return
        if self.connection != self._feeds.connection():
            self._feeds.end(self)
            return
        missed = before if before > self._latest.get(message.subject, 0) else 0
        self.heard = self._latest[message.subject] = event.sequence
        for listener in tuple(self.listeners):
            listener.hear(event, missed)

    def misses(self, newest: int) -> bool:
        """Say whether somebody should have heard the newest event, and has not."""
        return any(each.behind(newest) for each in self.listeners)


class Feeds:
    """One feed for each account that somebody listens to.

    ``held`` counts the bytes that listeners have heard and not worked on.
    """

    def __init__(self, nats: BusClient, places: Places) -> None:
        self.held = 0
        self._nats = nats
        self._places = places
        self._feeds: dict[AccountId, Feed] = {}
        self._over: list[Feed] = []

    async def listen(self, listener: Listener, account: AccountId) -> Feed:
        """Let a listener hear what is stored from now on; raise Unavailable.

        The server listens before it answers what it is asked next. The feed may have
        ended already; it has no listener then.
        """
        feed = self._feeds.get(account)
        if feed is not None and feed.connection != self.connection():
            self.end(feed)
            feed = None
        if feed is not None:
            feed.listeners.append(listener)
            return feed
        feed = self._feeds[account] = Feed(self, account)
        feed.listeners.append(listener)
        try:
            with reported():
                feed.ear = await self._nats.listen(subjects.stored(account), feed.hear)
        finally:
            if feed.ear is None or feed is not self._feeds.get(account):
                self.end(feed)
        return feed

    def leave(self, feed: Feed, listener: Listener) -> None:
        """Let a listener hear nothing any more; its feed may soon find another one."""
        if listener in feed.listeners:
            feed.listeners.remove(listener)

    async def newest(self, feed: Feed) -> int:
        """Return the place of the account's newest event; raise Unavailable."""
        return await self._places.newest(subjects.of_account(feed.account))

    async def watch(self) -> None:
        """Look after those who listen, for ever; while NATS is away, wait."""
        clock = asyncio.get_running_loop().time
        looked, connection = clock(), self.connection()
        while True:
            await asyncio.sleep(SOON_SECONDS)
            lost = connection != self.connection()
            everybody = lost or clock() - looked >= LOOK_SECONDS
            if everybody:
                looked, connection = clock(), self.connection()
            try:
                await self.look(everybody=everybody)
            except Unavailable as error:
                observability.record_feeds_wait(str(error))

    async def look(self, *, everybody: bool) -> None:
        """End the feeds that have missed something; raise Unavailable.

        Unless it is ``everybody``, only those are looked at that are new. An account to
        which nobody listens any more is not heard any more.
        """
        await self._tidy()
        last = (await self._places.bounds()).last if everybody else None
        suspects = []
        for feed in list(self._feeds.values()):
            if feed.looked and last is None:
                continue
            connection, newest = self.connection(), await self.newest(feed)
            if last is not None and feed.heard > last:
                self.end(feed)  # what it has heard was of another stream
            elif feed.misses(newest):
                suspects.append((feed, newest))
            else:
                feed.connection, feed.looked = connection, True
        if suspects:
            await asyncio.sleep(UNDER_WAY_SECONDS)
        for feed, newest in suspects:
            if feed.misses(newest):
                self.end(feed)

    def resting(self) -> int:
        """Return how many listeners wait for an event."""
        everybody = (each for feed in self._feeds.values() for each in feed.listeners)
        return sum(each.rests() for each in everybody)

    def end(self, feed: Feed) -> None:
        """Let all who listen begin anew."""
        if self._feeds.get(feed.account) is feed:
            del self._feeds[feed.account]
        self._over.append(feed)
        listeners, feed.listeners = feed.listeners, []
        for listener in listeners:
            listener.lose()

    def doubt(self, feed: Feed) -> None:
        """End a feed that has heard another stream than before."""
        self._places.doubt()
        self.end(feed)

    def connection(self) -> int:
        """Count the connections to the server until now; another one hears anew."""
        return self._nats.stats["reconnects"]

    async def _tidy(self) -> None:
        for feed in list(self._feeds.values()):
            if not feed.listeners:
                self.end(feed)
        over, self._over = self._over, []
        for feed in over:
            if feed.ear is not None:
                await self._nats.forget(feed.ear)

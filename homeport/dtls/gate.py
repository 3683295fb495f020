"""Handshakes under way: who may come in, how many at once, and for how long.

A handshake is half open from the hello that brings a good cookie until its association
is kept where every edge finds it. Its client waits at each ● for the store to answer,
and what it sends meanwhile waits too::

    hello ──▶ ● session kept? ──▶ shaking hands ──▶ ● who is it? ──▶ shaking hands
          ──▶ ● association kept ──▶ our last flight leaves

Under load hellos are dropped and never refused: an alert would cost some devices their
credentials (B-222).
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial

from homeport.associations import CookieSecrets, Resumptions
from homeport.coap import defects
from homeport.coap.udp import Address, written
from homeport.dtls import cookies, messages, observability
from homeport.dtls.backlog import Backlog
from homeport.dtls.batches import Batches
from homeport.dtls.context import ServerContext
from homeport.dtls.credentials import (
    Admission,
    Refusal,
    Trust,
    suspended,
    unproven,
)
from homeport.dtls.half_open import HalfOpen, HalfOpens, Limits, Phase
from homeport.dtls.handshake import Established, Failed, ServerHandshake
from homeport.dtls.messages import ClientHello
from homeport.dtls.records import Record
from homeport.errors import InvalidHandshake, Unavailable
from homeport.identity import Identity

SECRETS_SECONDS = 10.0
RETRY_SECONDS = 0.5
WATCH_SECONDS = 0.1
"""How often it is seen to who is silent, or out of time: no timer for each of them."""
MOST_FINISHED = 1024
"""Handshakes whose hello is known if it comes again, late."""
MOST_PARKED = 8
"""Datagrams of one handshake that wait for an answer of the store."""


Send = Callable[[Sequence[tuple[bytes, Address]]], None]
Welcome = Callable[[HalfOpen, Identity, Established], None]
"""Hears who has shaken hands; `Gate.finish` is owed to the handshake."""


class Gate:
    """Shakes hands with whoever knocks; ``established`` hears who has done so."""

    def __init__(
        self,
        context: ServerContext,
        *,
        trust: Trust,
        cookie_secrets: CookieSecrets,
        resumptions: Resumptions | None,
        limits: Limits,
        send: Send,
        established: Welcome,
        refused: Callable[[Refusal, str], None],
    ) -> None:
        self._context = context
        self._trust = trust
        self._cookies = cookie_secrets
        self._resumptions = resumptions
        self._send = send
        self._established = established
        self._refused = refused
        self._loop = asyncio.get_running_loop()
        self._cookie_secrets: Sequence[bytes] = ()
        self._half_open = HalfOpens(limits)
        self._finished: OrderedDict[Address, bytes] = OrderedDict()
        self._draining = False
        self._backlog = Backlog()
        self._sessions = Batches(self._find_sessions, then=self._backlog.go_on)
        self._admissions = Batches(trust.admit, then=self._backlog.go_on)

    async def run(self) -> None:
        """Serve until cancelled."""
        await asyncio.gather(
            self._sessions.run(),
            self._admissions.run(),
            self._renew_secrets(),
            self._watch(),
        )

    def use(self, context: ServerContext) -> None:
        """Begin handshakes with another context from now on."""
        self._context = context

    def expects(self, address: Address) -> bool:
        """Say whether a handshake with an address is under way."""
        return self._half_open.get(address) is not None

    def receive(self, records: Sequence[Record], address: Address) -> None:
        """Take a datagram of a handshake, for when it is its turn (`go_on`).

        It is dropped where too many wait.
        """
        if not self._backlog.offer(partial(self._take, records, address)):
            observability.record_dropped("busy")

    def go_on(self) -> None:
        """Let handshakes go on for a while."""
        self._backlog.go_on()

    def finish(self, half: HalfOpen) -> list[Sequence[Record]]:
        """End a handshake whose association is kept; return what came meanwhile."""
        parked = half.parked
        self._finished[half.address] = half.hello.random
        self._finished.move_to_end(half.address)
        if len(self._finished) > MOST_FINISHED:
            self._finished.popitem(last=False)
        self._close(half)
        return parked

    async def settle(self) -> None:
        """Begin no handshake any more, and wait until none is under way.

        Another edge would drop what is left of one, and its client goes on with it for
        up to a minute. Hellos are repeated, and go where a load balancer sends them.
        """
        self._draining = True
        await self._half_open.none()

    def close(self) -> None:
        """Give up all handshakes; their clients begin again."""
        for half in self._half_open:
            self._close(half)

    def _take(self, records: Sequence[Record], address: Address) -> None:
        half = self._half_open.get(address)
        first = records[0]
        if messages.is_client_hello(first):
            self._greet(first, address, half)
        elif half is not None:
            self._go_on(half, records)

    def _greet(self, record: Record, address: Address, half: HalfOpen | None) -> None:
        try:
            hello = messages.parse_client_hello(record)
        except InvalidHandshake:
            observability.record_dropped("malformed")
            return
        if not cookies.valid(self._cookie_secrets, address, hello):
            cookie = cookies.cookie(self._cookie_secrets[0], address, hello)
            self._send([(cookies.hello_verify_request(hello, cookie), address)])
        elif half is not None and half.hello.random == hello.random:
            self._go_on(half, [record])
        elif self._finished.get(address) == hello.random:
            observability.record_dropped("late")
        else:
            if half is not None:
                self._close(half)
            if self._draining:
                observability.record_dropped("draining")
            elif self._half_open.has_room(address):
                self._open(record, hello, address)
            else:
                observability.record_dropped("full")

    def _open(self, record: Record, hello: ClientHello, address: Address) -> None:
        half = self._half_open.add(hello, address, now=self._loop.time())
        half.parked.append([record])
        kept = self._resumptions is not None and hello.session_id
        if not kept or not self._sessions.put(
            hello.session_id, partial(self._session_found, half)
        ):
            self._begin(half, None)

    async def _find_sessions(
        self, session_ids: Sequence[bytes]
    ) -> list[tuple[bytes, Identity] | None]:
        """Find sessions, but those of peers that are trusted no more (B-042)."""
        if self._resumptions is None:
            return [None] * len(session_ids)
        found = await self._resumptions.get(session_ids)
        known = [session for session in found if session is not None]
        trusted = iter(await self._trust.trusted([who for _, who in known]))
        return [
            session if session is not None and next(trusted) else None
            for session in found
        ]

    def _session_found(
        self, half: HalfOpen, found: tuple[bytes, Identity] | Unavailable | None
    ) -> None:
        kept = None if isinstance(found, Unavailable) else found
        self._backlog.add(partial(self._begin, half, kept))

    def _begin(self, half: HalfOpen, kept: tuple[bytes, Identity] | None) -> None:
        if half not in self._half_open:
            return
        session = b""
        if kept is not None:
            session, half.identity = kept
        half.handshake = ServerHandshake(
            self._context, half.hello, cid=half.cid, session=session
        )
        half.phase = Phase.PEER
        parked, half.parked = half.parked, []
        for records in parked:
            if half in self._half_open:
                self._go_on(half, records)

    def _go_on(self, half: HalfOpen, records: Sequence[Record]) -> None:
        """Take the next records of a handshake, or keep them while it waits."""
        if half.handshake is None or half.phase is Phase.COMMIT:
            if len(half.parked) < MOST_PARKED:
                half.parked.append(records)
            return
        half.handshake.receive(records, self._loop.time())
        self._examine(half, half.handshake)

    def _examine(self, half: HalfOpen, handshake: ServerHandshake) -> None:
        """Do what a handshake has come to."""
        result = handshake.result
        if isinstance(result, Established):
            half.phase = Phase.COMMIT
            if half.identity is not None:
                self._established(half, half.identity, result)
            return
        self._tell(half, handshake)
        if isinstance(result, Failed):
            self._fail(half, result.reason)
        elif handshake.credential is not None and half.phase is Phase.PEER:
            half.phase = Phase.ADMISSION
            if not self._admissions.put(
                handshake.credential, partial(self._asked, half)
            ):
                self._close(half)

    def _asked(self, half: HalfOpen, answer: Admission | Refusal | Unavailable) -> None:
        self._backlog.add(partial(self._admit, half, answer))

    def _admit(self, half: HalfOpen, answer: Admission | Refusal | Unavailable) -> None:
        if half not in self._half_open or half.handshake is None:
            return
        if isinstance(answer, Unavailable):
            observability.record_dropped("store")
            self._close(half)
            return
        if isinstance(answer, Admission) and answer.identity.suspended:
            answer = suspended(answer.identity)
        half.phase = Phase.PROOF
        if isinstance(answer, Refusal):
            self._refused(answer, written(half.address))
        else:
            half.admission, half.identity = answer, answer.identity
        half.handshake.admit(answer, self._loop.time())
        self._examine(half, half.handshake)

    def _fail(self, half: HalfOpen, reason: str) -> None:
        """Let a handshake go; whose proof has failed is on the record."""
        observability.record_failed(reason, written(half.address))
        admission = half.admission
        if admission is not None:
            who = admission.identity
            self._refused(
                unproven(who, reason),
                written(half.address),
            )
        self._close(half)

    def _tell(self, half: HalfOpen, handshake: ServerHandshake) -> None:
        datagrams, address = handshake.datagrams(), half.address
        if datagrams:
            self._send([(datagram, address) for datagram in datagrams])

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            observability.record_half_open(len(self._half_open))
            now = self._loop.time()
            for half in self._half_open:
                try:
                    self._see_to(half, now)
                except Exception as error:  # noqa: BLE001 # it costs this one alone
                    defects.record(error, where="dtls")

    def _see_to(self, half: HalfOpen, now: float) -> None:
        """Repeat a flight, or let go, where it is time to."""
        if now >= half.deadline:
            self._expired(half)
        elif half.handshake is not None:
            repeats = half.handshake.deadline()
            if repeats is not None and now >= repeats:
                half.handshake.tick(now)
                self._tell(half, half.handshake)

    def _expired(self, half: HalfOpen) -> None:
        handshake = half.handshake
        if handshake is not None and handshake.result is None:
            self._fail(half, handshake.give_up().reason)
        else:
            self._close(half)

    def _close(self, half: HalfOpen) -> None:
        if self._half_open.remove(half) and half.handshake is not None:
            half.handshake.close()

    async def _renew_secrets(self) -> None:
        """Keep the secrets of cookies; whoever comes before them waits for them."""
        while True:
            try:
                self._cookie_secrets = await self._cookies.current()
            except Unavailable:
                await asyncio.sleep(RETRY_SECONDS)
            else:
                self._backlog.begin()
                await asyncio.sleep(SECRETS_SECONDS)

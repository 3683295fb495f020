"""Having devices notify of what applications want, and of nothing else.

What is wanted is declared; what is observed, the store knows. The difference is asked
of the device, in a fixed order and a few requests at a time: each that is answered
leads to those behind it. So a resource that cannot be observed is asked for once, and
again only after the device or the rules have changed.
"""

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from homeport.events.facts import RequestCompleted, RequestOutcome
from homeport.names import AccountId, DeviceId
from homeport.protocol.device_requests import OWN_PREFIX, Method
from homeport.store.queue import RequestQueue
from homeport.store.sessions import SessionStore
from services.notifier.device_requests.requests import Asked, Requests, Terms
from services.notifier.device_requests.structures import Structure
from services.notifier.subscriptions.subscription_store import SubscriptionStore
from services.notifier.subscriptions.subscriptions import Presubscription

MOST_OUTSTANDING = 4
"""Our own requests that may wait for one device (B-184)."""

AUTOMATIC = 4
"""Hexadecimal digits of the tokens that devices have chosen themselves (OBS-2)."""

ANSWERED = frozenset({RequestOutcome.ANSWERED, RequestOutcome.REFUSED})
"""Whatever the answer is, it does not change by asking again."""

UNANSWERED = frozenset(
    {
        RequestOutcome.TIMEOUT,
        RequestOutcome.UNREACHABLE,
        RequestOutcome.DISCONNECTED,
        RequestOutcome.EXPIRED,
    }
)
"""A device that one of our requests ends so for is asked again at its next update."""

_DIGEST = 16


class Step(NamedTuple):
    """One thing to ask for: that an observation begins, or that it ends."""

    path: str
    observe: bool

    @property
    def mark(self) -> str:
        """Begins the ids of the requests for it."""
        said = f"{self.path} {self.observe}".encode()
        return OWN_PREFIX + hashlib.sha256(said).hexdigest()[:_DIGEST]


def step_of(fact: RequestCompleted) -> Step | None:
    """Return what a request was for; None if it was not one of ours."""
    if not fact.request_id.startswith(OWN_PREFIX) or fact.observe is None:
        return None
    return Step(fact.path, fact.observe)


class Observing:
    """Asks devices; all methods raise Unavailable and may be repeated."""

    def __init__(
        self,
        sessions: SessionStore,
        queue: RequestQueue,
        requests: Requests,
        stored: SubscriptionStore,
    ) -> None:
        self._sessions = sessions
        self._queue = queue
        self._requests = requests
        self._stored = stored

    async def apply(
        self,
        account: AccountId,
        device: DeviceId,
        rules: Iterable[Presubscription],
        *,
        revision: int,
        after: Step | None = None,
    ) -> bool:
        """Ask a device for what rules want, or only for what comes ``after`` a step.

        ``revision`` is that of the fact that gives cause to it: the same fact asks for
        the same once. False says that requests of an earlier cause are in the way.
        """
        (session,) = await self._sessions.read([device])
        if session is None or session.account != account:
            return True
        own = await self._queue.own(device)
        if after is None and any(not _is_of(each, revision) for each in own):
            return False
        wanted = Structure(session.resources).observed_for(
            rule
            for rule in rules
            if rule.is_for(device, session.endpoint_name, session.endpoint_type)
        )
        single = set(await self._stored.paths_of_all(account, device))
        steps = await self._steps(device, wanted, single)
        waiting = [step for step in steps if _waits(step, own)]
        floor = max([*waiting, *([after] if after else [])], default=None)
        if after is not None and floor is not None:
            steps = [step for step in steps if step > floor]
        free = [step for step in steps if step not in waiting]
        for step in free[: max(0, MOST_OUTSTANDING - len(own))]:
            await self._ask(account, device, step, revision)
        return True

    async def end_unwanted(
        self, account: AccountId, device: DeviceId, paths: Iterable[str]
    ) -> None:
        """End observations that a caller has given up, unless others want them."""
        (session,) = await self._sessions.read([device])
        if session is None or session.account != account:
            return
        wanted = Structure(session.resources).observed_for(
            rule
            for rule in await self._stored.rules_of_all(account)
            if rule.is_for(device, session.endpoint_name, session.endpoint_type)
        )
        wanted |= set(await self._stored.paths_of_all(account, device))
        observed = await self._queue.observed(device)
        ours = {path for token, path in observed.items() if len(token) != AUTOMATIC}
        for path in sorted(ours & set(paths) - wanted):
            step = Step(path, observe=False)
            await self._ask(account, device, step, int(session.revision))

    async def _steps(
        self, device: DeviceId, wanted: set[str], single: set[str]
    ) -> list[Step]:
        """Return what differs from what is wanted, in order.

        A path that is ``single`` has been asked for by whoever subscribed to it.
        """
        observed = await self._queue.observed(device)
        ours = {path for token, path in observed.items() if len(token) != AUTOMATIC}
        begin = wanted - set(observed.values()) - single
        end = ours - wanted - single
        return sorted(
            [Step(path, observe=True) for path in begin]
            + [Step(path, observe=False) for path in end]
        )

    async def _ask(
        self, account: AccountId, device: DeviceId, step: Step, revision: int
    ) -> None:
        asked = Asked(Method.GET, step.path, observe=step.observe)
        terms = Terms(key_id="", request_id=f"{step.mark}{_cause(revision)}")
        await self._requests.ask_ourselves(account, device, asked, terms)


def _waits(step: Step, own: Iterable[str]) -> bool:
    return any(each.startswith(step.mark) for each in own)


def _is_of(request_id: str, revision: int) -> bool:
    return request_id.endswith(_cause(revision))


def _cause(revision: int) -> str:
    return f"{revision:016x}"

"""Which kind of device one is: what its request tells, unless its account knows better.

An account is asked for once, at the first Register of a device of its, and again after
something has changed. So devices that only refresh themselves never wait for this.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from homeport.names import AccountId, EndpointName
from homeport.protocol import configurations
from homeport.protocol.alterations import NOTHING, Alterations, alter
from homeport.protocol.configurations import Selector
from homeport.protocol.profiles import Profile
from homeport.store import entries
from homeport.store.trust_reader import TrustReader
from homeport.store.trust_writer import EVERYTHING

MOST_ACCOUNTS = 10_000
"""Of which an edge keeps what they know; others are asked for again."""


class Kinds(Protocol):
    """Who knows the kinds of devices."""

    def of(
        self, account: AccountId, endpoint_name: EndpointName, recognized: Profile
    ) -> Profile | None:
        """Return the kind of a device; None where that needs to be learned first."""

    async def learn(self, accounts: Iterable[AccountId]) -> None:
        """Ask for what accounts know; raise Unavailable."""


class _Recognized:
    """Nobody knows better than the request."""

    def of(self, _: AccountId, __: EndpointName, recognized: Profile) -> Profile:
        """Return what was recognized."""
        return recognized

    async def learn(self, accounts: Iterable[AccountId]) -> None:
        """Learn nothing."""


RECOGNIZED: Kinds = _Recognized()


@dataclass(frozen=True, slots=True)
class _Known:
    """What an account knows: which of its configurations alters a device, and how."""

    selectors: tuple[Selector, ...]
    alterations: Mapping[str, Alterations]

    def of(self, endpoint_name: EndpointName, recognized: Profile) -> Profile:
        selected = configurations.select(self.selectors, endpoint_name, recognized)
        if selected is None:
            return recognized
        altered = alter(recognized, self.alterations.get(selected.id, NOTHING))
        return recognized if altered == recognized else altered


class KnownKinds:
    """What accounts know, as the trust view says it."""

    def __init__(self, reader: TrustReader) -> None:
        self._reader = reader
        self._known: dict[AccountId, _Known] = {}
        self._changes = 0

    def of(
        self, account: AccountId, endpoint_name: EndpointName, recognized: Profile
    ) -> Profile | None:
        """Return the kind of a device; None where that needs to be learned first."""
        known = self._known.get(account)
        return known.of(endpoint_name, recognized) if known is not None else None

    async def learn(self, accounts: Iterable[AccountId]) -> None:
        """Ask for what accounts know; raise Unavailable.

        It is asked for again if something changes meanwhile.
        """
        wanted = [each for each in dict.fromkeys(accounts) if each not in self._known]
        while wanted:
            before = self._changes
            found = await self._reader.selectors(wanted)
            names = [each.id for selectors in found for each in selectors]
            altered = {
                each.id: each.alterations
                for each in await self._reader.configurations(names)
                if each is not None
            }
            if before == self._changes:
                self._keep(wanted, found, altered)
                return

    def hear(self, names: frozenset[str]) -> None:
        """Hear which entries of the trust view have changed."""
        if EVERYTHING in names or any(map(entries.is_configuration, names)):
            self._changes += 1
            self._known.clear()

    def _keep(
        self,
        accounts: list[AccountId],
        found: list[tuple[Selector, ...]],
        altered: Mapping[str, Alterations],
    ) -> None:
        if len(self._known) + len(accounts) > MOST_ACCOUNTS:
            self._known.clear()
        for account, selectors in zip(accounts, found, strict=True):
            own = {
                each.id: altered[each.id] for each in selectors if each.id in altered
            }
            self._known[account] = _Known(selectors, own)

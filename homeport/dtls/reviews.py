"""Looking again at peers in memory, once something that they rest on has changed."""

import asyncio
from collections.abc import Callable, Collection, Sequence

from homeport.dtls.association import Association
from homeport.dtls.credentials import Trust
from homeport.dtls.live import LARGEST_SHARE, Live, LiveAssociations
from homeport.errors import Unavailable
from homeport.identity import Identity


class Reviews:
    """Asks the trust view again; ``withdrawn`` hears whom it trusts no more.

    ``end`` ends an association that can not be taken over.
    """

    def __init__(
        self,
        live: LiveAssociations,
        trust: Trust,
        *,
        withdrawn: Callable[[Identity], None],
        end: Callable[[Live], None],
    ) -> None:
        self._live = live
        self._trust = trust
        self._withdrawn = withdrawn
        self._end = end

    async def look(self, names: Collection[str] | None) -> None:
        """Look at all peers that rest on entries of the trust view; None is all.

        Those that are not trusted now are left, so that nothing is sent to them: their
        next record takes them over anew, which asks again. So does that of all whom
        there is no answer about. Raises Unavailable.
        """
        affected: list[Live] = []
        for count, live in enumerate(self._live.all_known(), 1):
            if count % LARGEST_SHARE == 0:
                await asyncio.sleep(0)
            rests_on = live.identity.rests_on
            if names is None or any(name in names for name in rests_on):
                affected.append(live)
        for begin in range(0, len(affected), LARGEST_SHARE):
            await self._ask(affected[begin : begin + LARGEST_SHARE])

    async def _ask(self, share: Sequence[Live]) -> None:
        identities = [live.identity for live in share]
        try:
            trusted = await self._trust.trusted(identities)
        except Unavailable:
            for live in share:
                self._live.release(live)
            raise
        for live, still in zip(share, trusted, strict=True):
            if still:
                continue
            self._withdrawn(live.identity)
            if isinstance(live.records, Association):
                self._live.release(live)
            else:
                self._end(live)

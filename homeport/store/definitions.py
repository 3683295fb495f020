"""The object definitions that accounts have uploaded, for whoever decodes values."""

from collections import OrderedDict
from typing import Any

from homeport.names import AccountId
from homeport.protocol.objects.core import CORE
from homeport.protocol.objects.definitions import Definitions
from homeport.store import configurations, keys
from homeport.store.connection import Connection, reaching

MOST_ACCOUNTS = 256
"""Accounts whose definitions are remembered."""


class DefinitionReader:
    """Reads definitions, all of an account again only when one of them has changed."""

    def __init__(self, connection: Connection) -> None:
        self._redis = connection
        self._known: OrderedDict[AccountId, tuple[Any, Definitions]] = OrderedDict()

    async def of(self, account: AccountId) -> Definitions:
        """Return what is known of objects in an account; raise Unavailable.

        Its own definitions come before those that everybody has.
        """
        key = keys.object_definitions(account)
        with reaching():
            version = await self._redis.hget(key, "")
            known = self._known.get(account)
            if version is None:
                return CORE
            if known is not None and known[0] == version:
                self._known.move_to_end(account)
                return known[1]
            texts: dict[Any, Any] = await self._redis.hgetall(key)
        version = texts.pop(b"", version)
        found = CORE.including(map(configurations.parse_definition, texts.values()))
        self._known[account] = version, found
        self._known.move_to_end(account)
        if len(self._known) > MOST_ACCOUNTS:
            self._known.popitem(last=False)
        return found

"""The Lua scripts, and how they are called."""

import hashlib
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from redis.exceptions import NoScriptError

from homeport.store.connection import Connection, reaching

Argument = str | bytes | int


class Script:
    """One script, of one file or more; a server that does not know it is told."""

    def __init__(self, *names: str) -> None:
        parts = (files(__package__).joinpath(f"{name}.lua") for name in names)
        self._text = "\n".join(part.read_text() for part in parts)
        self._digest = hashlib.sha1(
            self._text.encode(), usedforsecurity=False
        ).hexdigest()

    async def __call__(
        self,
        connection: Connection,
        keys: Sequence[str],
        arguments: Sequence[Argument],
    ) -> Any:
        """Run it; raise Unavailable when the server cannot be reached in time.

        Whether it ran is then unknown: callers repeat only what may be repeated.
        """
        call = (*keys, *arguments)
        with reaching():
            try:
                return await connection.evalsha(self._digest, len(keys), *call)
            except NoScriptError:
                return await connection.eval(self._text, len(keys), *call)


OPERATIONS = Script("prelude", "requests", "registrations", "bootstraps", "run")
OUTBOX = Script("outbox")
RELEASE = Script("release")
HEARTBEAT = Script("heartbeat")
ASSOCIATIONS = Script("associations")
COOKIES = Script("cookies")

"""The embedded servers together: those that are not given from outside."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from homeport.errors import InvalidConfiguration, Unavailable
from homeport.runtime.embedded import nats, places, postgres, valkey
from homeport.runtime.embedded.child import Child
from homeport.runtime.embedded.server import Server, Site

_PREPARE: Mapping[str, Callable[[Site], Awaitable[Server]]] = {
    postgres.NAME: postgres.prepare,
    valkey.NAME: valkey.prepare,
    nats.NAME: nats.prepare,
}


class EmbeddedServers:
    """PostgreSQL, Valkey and NATS on one data folder; a given URL replaces its server.

    Entered, all of them serve; left, they have ended and everything is on the disk. One
    that ends meanwhile is started again on its port, and ``changed`` is called. None of
    them outlives this process, nor the thread that has entered.
    """

    def __init__(
        self,
        data: Path,
        *,
        redis_url: str | None = None,
        nats_url: str | None = None,
        postgres_url: str | None = None,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._data = data
        self._given = {
            valkey.NAME: redis_url,
            nats.NAME: nats_url,
            postgres.NAME: postgres_url,
        }
        self._changed = changed
        self._children: dict[str, Child] = {}

    async def __aenter__(self) -> Self:
        """Start them side by side.

        Raises InvalidConfiguration when a wheel is missing or the folder cannot be used
        for them, and Unavailable when one does not come up.
        """
        wanted = [name for name, url in self._given.items() if url is None]
        try:
            self._data.mkdir(parents=True, exist_ok=True, mode=0o711)
            found = places.establish(self._data, wanted)
            sites = [Site(name, self._data, found[name]) for name in wanted]
            await self._together(map(self._start, sites))
        except OSError as error:
            raise InvalidConfiguration(
                str(error.filename or self._data), f"cannot be used: {error.strerror}"
            ) from error
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop them side by side."""
        await self._stop()

    @property
    def redis_url(self) -> str:
        """Where Valkey serves, or what was given."""
        return self._url(valkey.NAME)

    @property
    def nats_url(self) -> str:
        """Where NATS serves, or what was given."""
        return self._url(nats.NAME)

    @property
    def postgres_url(self) -> str:
        """Where PostgreSQL serves, or what was given."""
        return self._url(postgres.NAME)

    @property
    def settings(self) -> Mapping[str, str]:
        """What services read besides the URLs, of servers that were started here."""
        return {
            name: text
            for child in self._children.values()
            for name, text in child.settings.items()
        }

    @property
    def processes(self) -> Mapping[str, int]:
        """The process ids of those that were started here and run."""
        return {
            name: child.pid
            for name, child in self._children.items()
            if child.pid is not None
        }

    async def _start(self, site: Site) -> None:
        child = Child(await _PREPARE[site.name](site), changed=self._changed)
        self._children[site.name] = child
        try:
            await child.start()
        except Unavailable:
            place = places.establish(self._data, [site.name])[site.name]
            if place == site.place:
                raise
            # Somebody took its port after we had looked.
            await self._start(replace(site, place=place))

    async def _together(self, starts: Iterable[Coroutine[None, None, None]]) -> None:
        """Await them all; if one fails or the start is given up, leave nothing."""
        starting = [asyncio.create_task(start) for start in starts]
        try:
            await asyncio.gather(*starting)
        except BaseException:
            for task in starting:
                task.cancel()
            await asyncio.gather(*starting, return_exceptions=True)
            await self._stop()
            raise

    async def _stop(self) -> None:
        await asyncio.gather(*(child.stop() for child in self._children.values()))

    def _url(self, name: str) -> str:
        return self._given[name] or self._children[name].url

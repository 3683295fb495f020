"""What the live line shows: devices by state, and how many events a second."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import httpx

from homeport.errors import InvalidFormat
from homeport.runtime.platform.ready import Ready

STATES = ("unenrolled", "cloud_enrolling", "bootstrapped", "registered", "deregistered")
PUBLISHED = "homeport_events_published_total"
ANSWER_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One look; a part that could not be seen is None."""

    devices: Mapping[str, int] | None
    events_per_second: float | None


class Sampler:
    """Looks through the same doors as everybody: the API and the metrics pages."""

    def __init__(self, ready: Ready) -> None:
        self._client = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {ready.api_key}"},
            timeout=ANSWER_SECONDS,
            trust_env=False,
        )
        self._devices = f"{ready.api}/v3/devices/"
        self._published: float | None = None
        self._looked = 0.0

    async def look(self, pages: Sequence[str]) -> Sample:
        """Count devices and events; ``pages`` are the processes' probe URLs."""
        devices, published = await asyncio.gather(
            self._count_devices(), self._count_published(pages)
        )
        now = asyncio.get_running_loop().time()
        before, self._published = self._published, published
        since, self._looked = now - self._looked, now
        if before is None or published is None:
            return Sample(devices, None)
        return Sample(devices, max(0.0, published - before) / since)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _count_devices(self) -> Mapping[str, int] | None:
        try:
            counts = await asyncio.gather(*map(self._count, STATES))
        except (httpx.HTTPError, InvalidFormat):
            return None
        return dict(zip(STATES, counts, strict=True))

    async def _count(self, state: str) -> int:
        answer = await self._client.get(
            self._devices,
            params={"state__eq": state, "include": "total_count", "limit": 2},
        )
        answer.raise_for_status()
        try:
            return int(answer.json()["total_count"])
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidFormat("device list", "has no total_count") from error

    async def _count_published(self, pages: Sequence[str]) -> float | None:
        try:
            answers = await asyncio.gather(
                *(self._client.get(f"{page}/metrics") for page in pages)
            )
        except httpx.HTTPError:
            return None
        lines = chain.from_iterable(answer.text.splitlines() for answer in answers)
        return sum(
            float(line.rpartition(" ")[2])
            for line in lines
            if line.startswith(f"{PUBLISHED} ")
        )

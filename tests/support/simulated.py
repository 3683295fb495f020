"""A simulated device that lives as long as a test wants, and tells how it does."""

import asyncio
import queue
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from homeport.client.devices import Device
from homeport.simulator.dialects import LWM2M_1_1, Dialect
from homeport.simulator.fleet import Fleet
from homeport.simulator.options import FleetOptions, Habit, Target
from tests.support.homeport import END_SECONDS
from tests.support.polling import until
from tests.support.system import System


@dataclass
class Console:
    """What a device prints; it may live in another thread than whoever reads it."""

    registered: queue.SimpleQueue[str] = field(default_factory=queue.SimpleQueue)

    def answered(self, name: str, operation: str, code: str, *, reason: str) -> None:
        if (operation, code) == ("register", "2.01"):
            self.registered.put(name)

    async def until_registered(self) -> str:
        """Wait until it says that it has registered; return what it calls itself."""
        return await asyncio.to_thread(self.registered.get, timeout=30)

    def forget(self) -> None:
        """Take it that all so far was read."""
        while not self.registered.empty():
            self.registered.get()


@asynccontextmanager
async def simulated(options: FleetOptions) -> AsyncIterator[Console]:
    """Switch a device on."""
    console = Console()
    with Fleet(options, journal=console) as fleet:
        living = asyncio.create_task(fleet.run())
        try:
            yield console
        finally:
            fleet.stop()
            async with asyncio.timeout(END_SECONDS):
                await living


@asynccontextmanager
async def thermometer(
    shared: System, prefix: str, *, dialect: Dialect = LWM2M_1_1
) -> AsyncIterator[Device]:
    """Run a device that measures twice a second; yield it once everybody knows it."""
    options = FleetOptions(
        1,
        Target(shared.lwm2m),
        prefix=prefix,
        lifetime=300,
        turn=0.5,
        mix={Habit.UPDATE: 1},
        dialect=dialect,
    )
    async with simulated(options) as console, shared.client() as client:
        listing = client.devices.list(endpoint_name=await console.until_registered())
        await until(listing.count)
        yield (await listing.page()).data[0]

"""What the edges are told while their devices wait: look at a queue now.

Whoever enqueues a request asks the edge that has the device, over core NATS, and hears
whether it is there. While NATS is away requests wait for the devices' next contact.
"""

import asyncio
from typing import Protocol

from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from homeport import names
from homeport.errors import InvalidName, Unavailable
from homeport.events import subjects
from homeport.events.client import BusClient
from homeport.events.streams import StreamLimits
from homeport.names import DeviceId, EdgeId
from homeport.runtime import bus
from services.lwm2m import observability

RETRY_SECONDS = 1.0


class Devices(Protocol):
    """The devices of an edge."""

    def wake(self, device: DeviceId) -> bool:
        """Look at a device's queue; say whether it is here."""

    def inherit(self, edge: EdgeId, device: DeviceId) -> bool:
        """Look for a device of another edge, if that is gone; say whether it is."""


class Pokes:
    """Hears pokes for an edge, and pokes others.

    Each poke is told one more edge than it is for, which answers for those that are
    gone.
    """

    def __init__(
        self,
        edge: EdgeId,
        devices: Devices,
        *,
        nats_url: str,
        stream: StreamLimits | None = None,
    ) -> None:
        self._edge = edge
        self._devices = devices
        self._nats_url = nats_url
        self._stream = stream
        self._nats: BusClient | None = None
        self._sending: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Listen until cancelled, whenever NATS is there."""
        away = False
        while True:
            try:
                async with bus.connection(self._nats_url, self._stream) as nats:
                    await nats.subscribe(subjects.poke(self._edge), cb=self._poked)
                    await nats.subscribe(
                        subjects.POKES, subjects.HEIRS, cb=self._overheard
                    )
                    self._nats, away = nats, False
                    await asyncio.Event().wait()  # the client connects again by itself
            except (Unavailable, NatsError) as error:
                if not away:
                    observability.record_deaf(str(error))
                away = True
                await asyncio.sleep(RETRY_SECONDS)
            finally:
                self._nats = None

    def poke(self, edge: EdgeId, device: DeviceId) -> None:
        """Tell another edge, if it can be told; nobody waits for what it says."""
        if edge == self._edge:
            self._devices.wake(device)
        elif self._nats is not None and self._nats.is_connected:
            sending = asyncio.create_task(self._send(self._nats, edge, device))
            self._sending.add(sending)
            sending.add_done_callback(self._sending.discard)

    async def _send(self, nats: BusClient, edge: EdgeId, device: DeviceId) -> None:
        try:
            await nats.publish(subjects.poke(edge), device.encode())
        except (NatsError, OSError) as error:
            observability.record_deaf(str(error))

    async def _poked(self, message: Msg) -> None:
        device = _device(message)
        here = device is not None and self._devices.wake(device)
        if message.reply:
            await message.respond(subjects.HERE if here else subjects.NOT_HERE)

    async def _overheard(self, message: Msg) -> None:
        """Answer for an edge that is gone; all others do that themselves."""
        device, edge = _device(message), subjects.poked(message.subject)
        if device is None or edge == self._edge:
            return
        if self._devices.inherit(edge, device) and message.reply:
            await message.respond(subjects.NOT_HERE)


def _device(message: Msg) -> DeviceId | None:
    try:
        return names.parse_device_id(message.data.decode())
    except (InvalidName, UnicodeDecodeError):
        return None

"""A device that speaks TLS over TCP, record by record."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache

from homeport.dtls.client import DeviceKey, Offer, prepare
from homeport.dtls.context import CertifiedKey, ClientContext
from homeport.dtls.openssl.connection import Connection, Progress
from homeport.dtls.openssl.questions import Answers
from tests.support.tcp import PATIENCE_SECONDS

HEADER_BYTES = 5


class TlsDevice:
    """A connection whose every `say` is a record, as is whatever it hears."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        connection: Connection,
    ) -> None:
        self.reader = reader
        self.writer = writer
        self.connection = connection

    async def shake_hands(self) -> None:
        """Shake hands; raise ConnectionError where the server refuses."""
        while (progress := self.connection.advance()) is not Progress.DONE:
            if progress is Progress.FAILED:
                raise ConnectionError(self.connection.reason)
            self.writer.write(self.connection.output())
            self.connection.feed(await self._record())
        self.writer.write(self.connection.output())

    def say(self, message: bytes | str) -> None:
        """Send a message, as bytes or as hex, in one record."""
        if isinstance(message, str):
            message = bytes.fromhex(message)
        self.connection.write(message)
        self.writer.write(self.connection.output())

    async def hear(self) -> bytes:
        """Wait for a record; return what it holds."""
        self.connection.feed(await self._record())
        return self.connection.read()

    async def ended(self) -> None:
        """Wait until the server says that nothing follows, or closes."""
        while True:
            try:
                heard = await self.hear()
            except ConnectionError:
                return
            assert heard == b""

    async def _record(self) -> bytes:
        async with asyncio.timeout(PATIENCE_SECONDS):
            try:
                header = await self.reader.readexactly(HEADER_BYTES)
                length = int.from_bytes(header[3:], "big")
                return header + await self.reader.readexactly(length)
            except asyncio.IncompleteReadError as error:
                raise ConnectionError("closed") from error


@asynccontextmanager
async def device(
    address: tuple[str | int, ...],
    credential: DeviceKey | CertifiedKey,
    offer: Offer = Offer(),  # noqa: B008 # frozen
) -> AsyncIterator[TlsDevice]:
    """Connect; the handshake is still to come."""
    reader, writer = await asyncio.open_connection(address[0], int(address[1]))
    answers = Answers()
    connection = Connection(_context().openssl, answers)
    prepare(connection, answers, credential, offer)
    try:
        yield TlsDevice(reader, writer, connection)
    finally:
        connection.close()
        writer.transport.abort()


@cache
def _context() -> ClientContext:
    return ClientContext(stream=True)

"""The NATS client, and what nats-py lacks: many messages in one write.

nats-py checks and encodes a message header by header and wakes its writer for each.
A batch of events is written whole instead, which costs a quarter (docs/adr/0005).
"""

from collections.abc import Mapping, Sequence

from nats.aio.client import Client
from nats.errors import ConnectionClosedError


class BusClient(Client):
    """A client of NATS that can write a batch."""

    async def publish_encoded(self, messages: Sequence[bytes]) -> None:
        """Send messages that `encode` has made, in order.

        Raises ConnectionClosedError while there is no connection: what has no
        acknowledgement is repeated by its sender, so nothing is kept for later.
        """
        if not self.is_connected:
            raise ConnectionClosedError
        await self._send_command(b"".join(messages))


def encode(subject: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """Encode a message as the server reads it (NATS protocol, HPUB).

    Names and values are ours: none may hold a line break.
    """
    fields = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    head = f"NATS/1.0\r\n{fields}\r\n".encode()
    size = len(head) + len(body)
    return b"HPUB %b %d %d\r\n%b%b\r\n" % (
        subject.encode(),
        len(head),
        size,
        head,
        body,
    )

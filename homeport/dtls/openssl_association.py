"""An association whose records OpenSSL protects, because it is no AEAD suite's."""

from typing import ClassVar

from homeport.dtls.openssl.connection import Connection
from homeport.dtls.records import ContentType, Record
from homeport.dtls.suites import Suite

_CLOSE_NOTIFY = bytes((1, 0))


class OpenSslAssociation:
    """Opens and seals like an `Association`, but can not be exported.

    It holds some 40 kB of OpenSSL's until it is closed.
    """

    __slots__ = ("_connection", "suite")

    cid: ClassVar[bytes] = b""
    """No record has one."""

    def __init__(self, suite: Suite, connection: Connection) -> None:
        self.suite = suite
        self._connection = connection

    def open(self, record: Record) -> tuple[int, bytes] | None:
        """Return a record's kind and content, once; None if forged or a replay.

        A repeated Finished comes back without content: the last flight was not heard.
        """
        self._connection.feed(record.raw)
        content = self._connection.read()
        repeated = self._connection.output()
        if content:
            return ContentType.APPLICATION, content
        if self._connection.ended:
            return ContentType.ALERT, _CLOSE_NOTIFY
        return (ContentType.HANDSHAKE, b"") if repeated else None

    def seal(self, kind: int, content: bytes) -> bytes:
        """Build the next record; an alert is always that nothing will follow."""
        if kind == ContentType.ALERT:
            self._connection.shut_down()
        else:
            self._connection.write(content)
        return self._connection.output()

    def close(self) -> None:
        """Free what OpenSSL holds."""
        self._connection.close()

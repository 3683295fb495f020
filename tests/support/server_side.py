"""The server's side of secured channels in memory, for devices tested alone."""

from collections.abc import Callable

from homeport.dtls import cookies, messages, records
from homeport.dtls.association import Association
from homeport.dtls.context import ServerContext
from homeport.dtls.course import Established
from homeport.dtls.credentials import Admission, Credential, Refusal
from homeport.dtls.handshake import ServerHandshake
from homeport.dtls.records import ContentType, Record
from tests.support.handshakes import ADDRESS, CID, SECRETS


class ServerSide:
    """One server towards one device; ``session`` is what it still knows of it."""

    def __init__(
        self,
        context: ServerContext,
        decide: Callable[[Credential], Admission | Refusal],
        *,
        session: bytes = b"",
    ) -> None:
        self.established: Established | None = None
        self._context = context
        self._decide = decide
        self._session = session
        self._handshake: ServerHandshake | None = None
        self._admitted = False

    @property
    def association(self) -> Association:
        assert self.established is not None
        assert isinstance(self.established.association, Association)
        return self.established.association

    @property
    def session(self) -> bytes:
        """What lets the device resume."""
        assert self.established is not None
        assert self.established.session is not None
        return self.established.session[1]

    def answer(self, datagram: bytes, now: float = 0.0) -> list[bytes]:
        """Take a datagram of a handshake; return those that answer it."""
        answers: list[bytes] = []
        for record in records.parse(datagram, len(CID)):
            answers += self._take(record, now)
        return answers

    def hear(self, datagram: bytes) -> list[tuple[int, bytes]]:
        """Open the records of a device that has shaken hands."""
        opened = map(self.association.open, records.parse(datagram, len(CID)))
        return [each for each in opened if each is not None]

    def say(self, content: bytes, kind: ContentType = ContentType.APPLICATION) -> bytes:
        """Build the datagram of a message."""
        return self.association.seal(kind, content)

    def close(self) -> None:
        if self._handshake is not None:
            self._handshake.close()

    def _take(self, record: Record, now: float) -> list[bytes]:
        if self._handshake is None:
            hello = messages.parse_client_hello(record)
            if not cookies.valid(SECRETS, ADDRESS, hello):
                cookie = cookies.cookie(SECRETS[0], ADDRESS, hello)
                return [cookies.hello_verify_request(hello, cookie)]
            self._handshake = ServerHandshake(
                self._context, hello, cid=CID, session=self._session
            )
        handshake = self._handshake
        handshake.receive([record], now)
        if handshake.credential is not None and not self._admitted:
            self._admitted = True
            handshake.admit(self._decide(handshake.credential), now)
        answers = handshake.datagrams()
        if isinstance(handshake.result, Established) and self.established is None:
            self.established = handshake.result
            answers += handshake.result.last_flight
        return answers

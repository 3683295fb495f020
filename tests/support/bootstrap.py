"""Who asks a bootstrap edge, what it issues with, and devices that were captured."""

from collections import defaultdict

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from homeport.coap import blockwise, codec
from homeport.coap.codec import Code, Message, Option, Type
from homeport.coap.transport import Origin
from homeport.identity import NOBODY, Identity, Means
from homeport.names import AccountId, DeviceId, EdgeId, EndpointName
from homeport.pki import keys, subjects
from homeport.pki.keys import PrivateKey
from homeport.pki.subjects import Subject
from services.bootstrap.attempts import Scene
from services.bootstrap.issuing import Issuer
from tests.support.captures import captures
from tests.support.trust import KEYRING, ours

ACCOUNT = AccountId("0158778f9f1002420a014c1100000000")
IZUMA_NAME = EndpointName("01865aa7c8d8da55134c38ba03c00000")
IZUMA_ID = DeviceId("0199999999990000000000010010aaaa")
"""The device of the captures: what it calls itself, and what it was called."""
BUCKETS = 8
EDGE = EdgeId("bootstrap-1")
NOW_MS = 1_795_629_605_123
FINGERPRINT = "fe" * 32
LAST_REQUEST = 31

BY_CERTIFICATE = Identity(
    "certificate:1:2",
    Means.CERTIFICATE,
    account=ACCOUNT,
    accounts=(ACCOUNT,),
    endpoint_name=IZUMA_NAME,
    rests_on=("ca:0123",),
    expires=2_000_000_000_000,
    fingerprint=FINGERPRINT,
)
AS_DEVELOPER = Identity(
    f"developer:{FINGERPRINT}",
    Means.DEVELOPER,
    account=ACCOUNT,
    rests_on=(f"pin:{FINGERPRINT}",),
    fingerprint=FINGERPRINT,
)
BY_KEY = Identity(
    "psk:1",
    Means.SHARED_KEY,
    account=ACCOUNT,
    endpoint_name=EndpointName("kitchen"),
    rests_on=("psk:bootstrap:1",),
)


def origin(identity: Identity = NOBODY, association: str = "a" * 28) -> Origin:
    """Say where messages come from that belong to an association."""
    return Origin("192.0.2.1:40000", association, identity)


def issuer(*, enrolls: bool = False) -> Issuer:
    """Load what credentials are made with."""
    return Issuer.load(ours(), keyring=KEYRING, days=365, enrolls=enrolls)


def scene(*, enrolls: bool = False) -> Scene:
    """Set the scene of a bootstrap edge."""
    return Scene(
        ACCOUNT,
        BUCKETS,
        issuer(enrolls=enrolls),
        coap="coap://127.0.0.1:5683",
        coaps="coaps://127.0.0.1:5684",
        lifetime=300,
        edge=EDGE,
    )


def request(
    *queries: str,
    path: tuple[str, ...] = ("bs",),
    code: Code = Code.POST,
    message_id: int = 7,
    payload: bytes = b"",
) -> Message:
    """Make a request of a device."""
    options = [(Option.URI_PATH, segment.encode()) for segment in path]
    options += [(Option.URI_QUERY, query.encode()) for query in queries]
    return Message(Type.CON, code, message_id, b"token", tuple(options), payload)


def signing_request(subject: Subject, key: PrivateKey | None = None) -> bytes:
    """Make what a device that enrolls asks to have signed."""
    return (
        x509.CertificateSigningRequestBuilder()
        .subject_name(subjects.build(subject))
        .sign(key or keys.generate(), hashes.SHA256())
        .public_bytes(Encoding.DER)
    )


class CapturedDevice:
    """Says what a real device said, to whatever it is asked now.

    An answer is found by the object that was asked for; what was left out of a capture
    was a write of credentials. Only message id and token are replaced. What a device
    was not asked then, it answers plainly.
    """

    def __init__(self, capture: str) -> None:
        self.requests: list[bytes] = []
        self._answers: dict[tuple[str, ...], list[bytes]] = defaultdict(list)
        asked: dict[int | bytes, tuple[str, ...]] = {}
        for sender, datagram in captures()[capture]:
            message = codec.decode(datagram)
            is_request = 0 < message.code <= LAST_REQUEST
            if is_request and sender == "server":
                asked[message.message_id] = asked[message.token] = _object(message)
            elif is_request:
                self.requests.append(datagram)
            elif sender == "device":
                key = message.token if message.type == Type.CON else message.message_id
                self._answers[asked.get(key, ("0",))].append(datagram)

    def answers(self, asked: Message) -> list[bytes]:
        """Return what the device says to a request, one datagram or two."""
        known = self._answers[_object(asked)]
        block = asked.value(Option.BLOCK1)
        goes_on = block is not None and blockwise.parse(block).more
        said = [each for each in known if (each[1] == Code.CONTINUE) == goes_on]
        if goes_on:
            del said[1:]
        return [_addressed(each, asked) for each in said] or [_plain(asked)]


def _object(message: Message) -> tuple[str, ...]:
    return tuple(segment for segment in message.path if segment)[:1]


def _addressed(datagram: bytes, asked: Message) -> bytes:
    """Give a captured answer the message id and the token of what it answers."""
    message = codec.decode(datagram)
    message_id = asked.message_id
    if message.type == Type.CON:
        message_id = message.message_id
    token = asked.token if message.token else b""
    head = datagram[0] & 0xF0 | len(token)
    rest = datagram[4 + len(message.token) :]
    return bytes([head, datagram[1]]) + message_id.to_bytes(2, "big") + token + rest


def _plain(asked: Message) -> bytes:
    code = {Code.GET: Code.NOT_FOUND, Code.DELETE: Code.DELETED}.get(
        asked.code, Code.CHANGED
    )
    return codec.encode(Message(Type.ACK, code, asked.message_id, asked.token))

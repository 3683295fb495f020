"""An association: records opened and sealed, by one edge after the other.

No nonce is ever used twice, although edges take an association over from each other
and may be killed at any line. A sequence number is 24 bits of generation and 24 of
counter, and every edge has generations of its own: 0 is that of OpenSSL's handshake
records, 1 that of the edge which shook hands, and each that takes over gets the next.
"""

import struct
from dataclasses import dataclass, field
from enum import IntEnum

from cryptography.exceptions import InvalidTag

from homeport.dtls import suites
from homeport.dtls.keys import SECRET_BYTES, Keys
from homeport.dtls.records import VERSION, ContentType, Record
from homeport.dtls.suites import KEY_BYTES, Aead, Suite
from homeport.errors import InvalidFormat

EPOCH = 1
"""The only one with keys: nobody renegotiates."""
COUNTER_BITS = 24
LAST_GENERATION = 2**24 - 1
WINDOW = 64
"""Records behind the newest that are told apart from replays (RFC 6347 §4.1.2.6)."""

_EXPLICIT_BYTES = 8
_EPOCH_BITS = EPOCH << 48
_ALL_SEEN = 2**WINDOW - 1
_CID = ContentType.CID.value
_CID_BEGIN = bytes((_CID,)) + VERSION
_PLACEHOLDER = b"\xff" * 8 + bytes((_CID,))
_EXPORT = struct.Struct(f"!HBB{SECRET_BYTES}s{SECRET_BYTES}s")


class CidForm(IntEnum):
    """How connection ids were negotiated; the value is the extension's number."""

    NONE = 0
    RFC = 54
    DRAFT = 254
    """That of Mbed TLS 2: other additional data than RFC 9146 has (TLS-31)."""


_FORMS = frozenset(CidForm)


@dataclass(frozen=True, slots=True)
class Protection:
    """Protects the records that one side writes.

    ``secret`` is that side's of `Keys`, ``cid`` the connection id on its records.
    """

    aead: Aead = field(repr=False)
    secret: bytes = field(repr=False)
    form: CidForm = CidForm.NONE
    cid: bytes = b""

    def seal(self, kind: int, sequence: int, content: bytes) -> bytes:
        """Build the record with a sequence number that was never used before."""
        cid = self.cid
        position = (_EPOCH_BITS | sequence).to_bytes(_EXPLICIT_BYTES, "big")
        if cid:
            content += bytes((kind,))
            header = _CID_BEGIN + position
        else:
            header = bytes((kind,)) + VERSION + position
        sealed = self.aead.cipher(self.secret[:KEY_BYTES]).encrypt(
            self.secret[KEY_BYTES:] + position,
            content,
            self._additional(header, len(content)),
        )
        length = (_EXPLICIT_BYTES + len(sealed)).to_bytes(2, "big")
        return header + cid + length + position + sealed

    def open(self, record: Record) -> tuple[int, bytes] | None:
        """Return what a record holds, and its kind; None if it is forged."""
        cid, fragment = self.cid, record.fragment
        length = len(fragment) - _EXPLICIT_BYTES - self.aead.tag
        if (
            length < 0
            or record.epoch != EPOCH
            or record.cid != cid
            or (record.kind == _CID) != bool(cid)
        ):
            return None
        try:
            content = self.aead.cipher(self.secret[:KEY_BYTES]).decrypt(
                self.secret[KEY_BYTES:] + fragment[:_EXPLICIT_BYTES],
                fragment[_EXPLICIT_BYTES:],
                self._additional(record.raw[:11], length),
            )
        except InvalidTag:
            return None
        if not cid:
            return record.kind, content
        content = content.rstrip(b"\0")
        return (content[-1], content[:-1]) if content else None

    def _additional(self, header: bytes, length: int) -> bytes:
        """Build the additional data; a header is kind, version, epoch and sequence."""
        cid, size = self.cid, length.to_bytes(2, "big")
        if not cid:
            return header[3:] + header[:3] + size
        if self.form is CidForm.DRAFT:
            return header[3:] + header[:3] + cid + bytes((len(cid),)) + size
        return _PLACEHOLDER + bytes((len(cid),)) + header + cid + size


class Association:
    """One side of an association whose handshake is over.

    ``received`` is the highest sequence number that arrived: whoever asks whether a
    record is the newest compares before it is opened. ``inward`` and ``outward`` are
    how records are protected that we receive, and those that we send.
    """

    __slots__ = (
        "_next",
        "_window",
        "generation",
        "inward",
        "outward",
        "received",
        "suite",
    )

    def __init__(
        self,
        suite: Suite,
        keys: Keys,
        *,
        server: bool,
        received: int,
        form: CidForm = CidForm.NONE,
        cid: bytes = b"",
        peer_cid: bytes = b"",
        generation: int = 1,
    ) -> None:
        """Begin in a handshake, or at another edge.

        ``cid`` stands on records that we receive, ``peer_cid`` on those that we send;
        either may be empty, and then those records are plain. Everything up to
        ``received`` counts as seen.
        """
        if suite.aead is None:
            raise ValueError(f"{suite.name} is protected by OpenSSL")
        ours, theirs = keys.client, keys.server
        if server:
            ours, theirs = theirs, ours
        self.suite = suite
        self.received = received
        self._window = _ALL_SEEN
        self.inward = Protection(suite.aead, theirs, form, cid)
        self.outward = Protection(suite.aead, ours, form, peer_cid)
        self.generation = generation
        self._next = generation << COUNTER_BITS

    @classmethod
    def load(cls, secrets: bytes, *, generation: int, received: int) -> "Association":
        """Load what `export` made, for a generation that is this edge's alone.

        Nothing up to ``received`` is opened any more. Raises InvalidFormat.
        """
        if len(secrets) < _EXPORT.size:
            raise InvalidFormat("association", "breaks off", position=len(secrets))
        number, form, cid_length, theirs, ours = _EXPORT.unpack_from(secrets)
        suite = suites.by_number(number)
        if suite is None or suite.aead is None or form not in _FORMS:
            raise InvalidFormat("association", "has a suite or form that is none")
        end = _EXPORT.size + cid_length
        if end > len(secrets):
            raise InvalidFormat("association", "breaks off", position=len(secrets))
        return cls(
            suite,
            Keys(client=theirs, server=ours),
            server=True,
            received=received,
            form=CidForm(form),
            cid=secrets[_EXPORT.size : end],
            peer_cid=secrets[end:],
            generation=generation,
        )

    def export(self) -> bytes:
        """Build what any edge can go on with; it holds the keys."""
        inward, outward = self.inward, self.outward
        begin = _EXPORT.pack(
            self.suite.number,
            inward.form,
            len(inward.cid),
            inward.secret,
            outward.secret,
        )
        return begin + inward.cid + outward.cid

    def go_on(self, *, received: int, sealed: int) -> None:
        """Go on after a handshake, which has received and sealed some records.

        Only generation 0 has the numbers of those that were sealed; none comes back.
        """
        self.received = max(self.received, received)
        if self.generation == 0:
            self._next = max(self._next, sealed)

    @property
    def cid(self) -> bytes:
        """The connection id on records that we receive."""
        return self.inward.cid

    @property
    def exhausted(self) -> bool:
        """Whether this generation has sealed all that it may: `advance` comes next."""
        return self._next >> COUNTER_BITS != self.generation

    def advance(self, generation: int) -> None:
        """Go on with a higher generation, which is this edge's alone."""
        if not self.generation < generation <= LAST_GENERATION:
            raise ValueError(f"generation {generation} after {self.generation}")
        self.generation = generation
        self._next = generation << COUNTER_BITS

    def seal(self, kind: int, content: bytes) -> bytes:
        """Build the next record; nothing may be sealed while `exhausted`."""
        sequence = self._next
        if sequence >> COUNTER_BITS != self.generation:
            raise ValueError(f"generation {self.generation} is exhausted")
        self._next = sequence + 1
        return self.outward.seal(kind, sequence, content)

    def open(self, record: Record) -> tuple[int, bytes] | None:
        """Return a record's kind and content, once; None if forged or a replay."""
        ahead = record.sequence - self.received
        if self._seen(ahead):
            return None
        opened = self.inward.open(record)
        if opened is not None:
            self._mark(ahead)
        return opened

    def peek(self, record: Record) -> bool:
        """Say whether `open` would return something, and change nothing."""
        return (
            not self._seen(record.sequence - self.received)
            and self.inward.open(record) is not None
        )

    def _seen(self, ahead: int) -> bool:
        """Say whether a record is a replay, or too old to know."""
        return ahead <= 0 and (ahead <= -WINDOW or bool(self._window >> -ahead & 1))

    def _mark(self, ahead: int) -> None:
        if ahead <= 0:
            self._window |= 1 << -ahead
            return
        self._window = (self._window << ahead | 1) & _ALL_SEEN if ahead < WINDOW else 1
        self.received += ahead

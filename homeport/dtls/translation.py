"""Records between OpenSSL, which knows no connection ids, and the wire.

Once the keys are known, a protected record of a handshake is opened on one side and
sealed for the other, unless it would stay as it is. So a record that is sent again has
a number of its own: a peer with a replay window would not see it otherwise (RFC 6347
§4.2.4).
"""

from homeport.dtls import keys, records
from homeport.dtls.association import EPOCH, Association, Protection
from homeport.dtls.negotiation import CidNegotiation
from homeport.dtls.openssl.connection import Secrets
from homeport.dtls.records import Record
from homeport.dtls.suites import Suite

_POSITION, _NONCE = slice(3, 11), slice(13, 21)
"""Epoch and sequence number in the header of a record, and what follows it."""


class Untranslated:
    """A suite whose records OpenSSL protects: they stay what they are."""

    def __init__(self, suite: Suite) -> None:
        self.suite = suite

    def inward(self, record: Record) -> tuple[int, bytes]:
        """Return the record; only OpenSSL can tell whether it is forged."""
        return record.kind, record.raw

    def outward(self, raw: bytes, number: int) -> bytes:
        """Return the record; repeated, it keeps its number."""
        del number
        return raw


class AeadTranslation:
    """A suite whose records are ours to open and to seal."""

    def __init__(
        self,
        suite: Suite,
        secrets: Secrets,
        cids: CidNegotiation,
        *,
        server: bool,
    ) -> None:
        derived = keys.derive(
            secrets.master,
            client_random=secrets.client_random,
            server_random=secrets.server_random,
        )
        self._association = Association(
            suite,
            derived,
            server=server,
            received=0,
            form=cids.form,
            cid=cids.cid,
            peer_cid=cids.peer_cid,
            generation=1 if server else 0,
        )
        self._from_peer = self._association.inward
        self._to_peer = self._association.outward

    def inward(self, record: Record) -> tuple[int, bytes] | None:
        """Open a record of the peer's and seal what it holds for OpenSSL.

        Return its kind as well; None if it is forged.
        """
        opened = self._from_peer.open(record)
        if opened is None:
            return None
        kind, content = opened
        if not record.cid:
            return kind, record.raw
        to_openssl = _plain(self._from_peer)
        return kind, to_openssl.seal(kind, record.sequence, content)

    def outward(self, raw: bytes, number: int) -> bytes:
        """Open a record of OpenSSL's and seal it for the peer."""
        if self._stays(raw, number):
            return raw
        (record,) = records.parse(raw, 0)
        opened = _plain(self._to_peer).open(record)
        if opened is None:
            raise AssertionError("OpenSSL has other keys than we derived")
        kind, content = opened
        return self._to_peer.seal(kind, number, content)

    def _stays(self, raw: bytes, number: int) -> bool:
        """Say whether a record of OpenSSL's is what we would make of it.

        The nonce tells as well: under GCM, OpenSSL's are random.
        """
        position = (EPOCH << 48 | number).to_bytes(8, "big")
        return raw[_POSITION] == raw[_NONCE] == position and not self._to_peer.cid

    def association(self, *, received: int, sealed: int) -> Association:
        """Return what goes on after the handshake, which has ``sealed`` some records.

        Only a server's association floats from edge to edge.
        """
        self._association.go_on(received=received, sealed=sealed)
        return self._association


Translation = Untranslated | AeadTranslation
"""What becomes of the protected records of a handshake."""


def _plain(protection: Protection) -> Protection:
    """Return how OpenSSL protects the records of a side, without connection id."""
    return Protection(protection.aead, protection.secret)
